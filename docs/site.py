"""Build the documentation as a site, build/site, without a network. A broken link ends it.

Pages keep their places in the repository, so that a link leads to the same page on the site as on
Git's. Formulas become MathML, which browsers draw without a script.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from latex2mathml.converter import convert

_SOURCES = ("*.md", "*.cff", "LICENSE", "docs/*.png", "docs/*.svg", "results/*.svg")

# Code, fenced or inline, which stays as it is; a formula on lines of its own; a formula in a line.
_PART = re.compile(r"(?ms)^```.*?^```$|`[^`\n]+`|^\$\$\n(.+?)\n\$\$$|\$([^$\n]+(?:\n[^$\n]+)?)\$")


def formulas(text: str) -> str:
    """Return a page with its formulas as MathML."""

    def written(found: re.Match[str]) -> str:
        block, inline = found.groups()
        if not block and not inline:
            return found[0]
        math = convert(block or inline, display="block" if block else "inline")
        # Markdown has a meaning for each of these signs.
        math = re.sub(r"[*_`\\]", lambda sign: f"&#{ord(sign[0])};", math)
        # Markdown would begin a block where an inline formula begins a line.
        return f'<div style="overflow-x: auto">{math}</div>' if block else f"<span>{math}</span>"

    return _PART.sub(written, text)


def build(folder: Path) -> Path:
    """Build the site of the pages in Git's index and beside it.

    Args:
        folder: where `site` is written, and what it is built from.

    Returns:
        The first page.

    Raises:
        SystemExit: a link or an anchor leads nowhere.
    """
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *_SOURCES]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        page = pages / name
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, page)
        if page.suffix == ".md":
            text = formulas(page.read_text(encoding="utf-8"))
            # A search of the documentation is not for rows of results.
            head = "---\nsearch: {exclude: true}\n---\n" if name.startswith("results/") else ""
            page.write_text(head + text, encoding="utf-8")
    configuration = shutil.copy("docs/zensical.toml", folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file"]
    done = subprocess.run([*command, configuration], capture_output=True, text=True, check=False)
    if done.returncode:
        # In colours, and with a traceback of its own below.
        told = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
        sys.exit(told.partition("Traceback")[0])
    return folder / "site/index.html"


if __name__ == "__main__":
    print(f"open {build(Path(*sys.argv[1:] or ['build']))}")
