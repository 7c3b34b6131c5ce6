"""What an SVG shows."""

import re
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: str) -> list[str]:
    """Return the texts of an SVG."""
    root = ElementTree.fromstring(figure)
    return ["".join(text.itertext()).strip() for text in root.iter(f"{SVG}text")]


def strokes(figure: str, name: str) -> list[str]:
    """Return the colours of the paths in the group of this id, or of a variant's line."""
    styles = (path.get("style", "") for path in _paths(figure, name))
    return [found.group(1) for style in styles if (found := re.search(r"stroke: (#\w{6})", style))]


def paths(figure: str, name: str) -> list[str]:
    """Return these paths themselves."""
    return [path.get("d", "") for path in _paths(figure, name)]


def _paths(figure: str, name: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(figure)
    return [
        path
        for group in root.iter(f"{SVG}g")
        if group.get("id") in (name, f"variant:{name}")
        for path in group.iter(f"{SVG}path")
    ]
