"""Make the pictures of the README: `make repro pictures`, after a commit of the results.

docs/report.png is the report from its top to the end of the leaderboard, docs/mlflow.png the
leaderboard in MLflow, docs/answer.svg the figure of results/ (which changes with one's own data).
"""

import io
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from optledger.core import errors
from optledger.core.errors import UserError
from optledger.core.paths import RESULTS

_WINDOW = {"width": 1120, "height": 900}
_COLOURS = 256


def main() -> None:
    """Take all three.

    Raises:
        UserError: there are no results.
    """
    page = RESULTS / "report.html"
    if not page.exists():
        raise UserError(f"{page} does not exist; run make repro first")
    shutil.copy(RESULTS / "answer.svg", "docs")
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work for root. The pages are ours, so none is needed.
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        window = browser.new_page(viewport=_WINDOW, color_scheme="light")  # type: ignore[arg-type]
        window.goto(page.resolve().as_uri())
        end = window.locator("#verdicts").bounding_box()
        assert end is not None
        _save(window.screenshot(full_page=True), end["y"], Path("docs/report.png"))
        with _leaderboard() as address:
            window.goto(address)
            window.get_by_text(re.compile("matching run")).wait_for()
            for button in ("Close", "Close Assistant"):
                for found in window.get_by_role("button", name=button).all():
                    found.click()
            window.wait_for_timeout(2000)
            last = window.get_by_text(re.compile("· .* seeds")).last.bounding_box()
            assert last is not None
            _save(window.screenshot(), last["y"] + 40, Path("docs/mlflow.png"))
        browser.close()


@contextmanager
def _leaderboard() -> Iterator[str]:
    """Start MLflow as `make ui` does; yield the first link that it prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["optledger", "ui", "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        address = ""
        for line in server.stdout:
            address = address or "".join(re.findall(r"http://127\.0\.0\.1:\S+/#/\S+", line)[:1])
            if "Application startup complete" in line:
                break
        try:
            yield address
        finally:
            server.terminate()


def _save(taken: bytes, height: float, path: Path) -> None:
    """Save the upper part of a screenshot as a small file."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, int(height)))
    picture.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


if __name__ == "__main__":
    errors.run(main)
