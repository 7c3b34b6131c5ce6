"""Make docs/report.png, the picture of the report in the README: `make repro pictures`."""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from optledger.core import errors
from optledger.core.errors import UserError
from optledger.core.paths import RESULTS

_WINDOW = {"width": 1120, "height": 900}


def main() -> None:
    """Take a picture of the page from its top to the end of the leaderboard."""
    page = RESULTS / "report.html"
    if not page.exists():
        raise UserError(f"{page} is not here: make repro writes it")
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work for root. The page is ours, so that none is needed.
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        window = browser.new_page(viewport=_WINDOW, color_scheme="light")  # type: ignore[arg-type]
        window.goto(page.resolve().as_uri())
        taken = window.screenshot(full_page=True)
        end = window.locator("#verdicts").bounding_box()
        browser.close()
    assert end is not None
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, int(end["y"])))
    picture.quantize(256, Image.Quantize.MAXCOVERAGE).save(Path("docs/report.png"), optimize=True)


if __name__ == "__main__":
    errors.run(main)
