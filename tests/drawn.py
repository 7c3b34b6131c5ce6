"""What an SVG shows."""

import re
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: str) -> list[str]:
    """Return the texts of an SVG."""
    root = ElementTree.fromstring(figure)
    return ["".join(text.itertext()).strip() for text in root.iter(f"{SVG}text")]


def strokes(figure: str, name: str) -> list[str]:
    """Return the colours of the paths in the group of this id."""
    root = ElementTree.fromstring(figure)
    return [
        found.group(1)
        for group in root.iter(f"{SVG}g")
        if group.get("id") == name
        for path in group.iter(f"{SVG}path")
        if (found := re.search(r"stroke: (#\w{6})", path.get("style", "")))
    ]
