"""DVC's plots on one page that needs no network, because it contains Vega, which draws them."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from optledger.core.errors import UserError
from optledger.core.formats import read, write_text
from optledger.core.paths import PLOTS

# The scripts that DVC's own page loads from the web.
_REMOTE = re.compile(r'<script[^>]*\bsrc="https?://[^"]*"[^>]*></script>')


def draw(revisions: Sequence[str]) -> Path:
    """Write the page of `dvc plots show`, or of `dvc plots diff` between revisions.

    Args:
        revisions: revisions to draw beside each other; if none, the working tree is drawn.

    Returns:
        The path of the page.

    Raises:
        UserError: Vega is not installed, or DVC cannot draw.
    """
    try:
        import vl_convert  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise UserError(
            "vl-convert-python is not installed, which has Vega: pip install vl-convert-python, "
            "or `dvc plots show`, whose page loads Vega from the web"
        ) from None
    what = ["diff", *revisions] if revisions else ["show"]
    done = subprocess.run(
        ["dvc", "plots", *what, "--out", str(PLOTS)], capture_output=True, text=True, check=False
    )
    page = PLOTS / "index.html"
    if done.returncode or not page.exists():
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise UserError(f"dvc plots {' '.join(what)} failed: {said[-1]}")
    # A function keeps the bundle's many names out of the page; `vegaEmbed` becomes global.
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg, unused-ignore]
    bundle = bundle.replace("</script", r"<\/script")
    local = f"<script>(() => {{{bundle}}})();</script>"
    text, found = _REMOTE.subn("", read(page).decode())
    if not found:
        raise UserError(
            f"{page}: loads no script from the web, as DVC's page does; use dvc plots show"
        )
    write_text(page, text.replace("</head>", f"{local}</head>", 1))
    return page
