"""List the sentences of README, docs and docstrings that are too long to be read once.

Exit status 1 if one is in README or in a page that tells how to do something.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MOST = 30
"""Words of a sentence."""

MOST_IN_README = 25

# Records of what was measured and changed, which nobody reads from top to bottom.
_RECORDS = {Path("CHANGELOG.md"), Path("docs/findings.md")}

_ENDS = re.compile(r"[.:;?!]\s|\n\s*\n|\n\s*(?:-|\d+\.?) ")


def long_sentences(text: str, most: int = MOST) -> Iterator[str]:
    """Yield the sentences of Markdown or of a docstring that have more than `most` words.

    Code, tables, headings and quotations do not count, and neither do the targets of links.
    """
    prose = re.sub(r"(?ms)^```.*?^```|^\$\$.*?^\$\$", "\n\n", text)
    prose = re.sub(r"(?m)^\s*[|>#!].*$", "\n", prose)
    prose = re.sub(r"\]\([^)]*\)", "]", prose)
    for sentence in _ENDS.split(prose):
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        if len(words) > most:
            yield " ".join(words)


def docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text


def main() -> int:
    """Print what is found, and return the exit status."""
    status = 0
    pages = [path for path in (*Path().glob("*.md"), *Path("docs").glob("*.md"))]
    for page in sorted(set(pages) - _RECORDS):
        most = MOST_IN_README if page == Path("README.md") else MOST
        for sentence in long_sentences(page.read_text(encoding="utf-8"), most):
            print(f"{page}: more than {most} words: {sentence}")
            status = 1
    for module in sorted(Path("src").rglob("*.py")):
        for text in docstrings(module):
            for sentence in long_sentences(text):
                print(f"{module}: more than {MOST} words: {sentence}")
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
