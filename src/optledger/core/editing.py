"""Changing one value of a YAML file; comments and order stay as they are."""

from collections.abc import Sequence

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node


def with_value(text: str, keys: Sequence[str], written: str, after: str | None = None) -> str:
    """Return the text of a document with one value replaced or added.

    Args:
        text: the document, which already has the mappings above the value.
        keys: the path of keys to the value.
        written: the value, in YAML's flow style.
        after: the key that a new value follows; if not given, the last one.
    """
    section = YAML().compose(text)
    for key in keys[:-1]:
        section = _entry(section, key)[1]
    assert isinstance(section, MappingNode)
    names = [each.value for each, _ in section.value]
    entry = f"{keys[-1]}: {written}"
    if keys[-1] in names:
        name, value = _entry(section, keys[-1])
        return f"{text[: name.start_mark.index]}{entry}{text[_end(value) :]}"
    name, value = _entry(section, after or names[-1])
    place = _end(value)
    if section.flow_style:
        return f"{text[:place]}, {entry}{text[place:]}"
    line = text.find("\n", place)
    line = len(text) if line < 0 else line
    return f"{text[:line]}\n{' ' * name.start_mark.column}{entry}{text[line:]}"


def _entry(mapping: Node | None, name: str) -> tuple[Node, Node]:
    assert isinstance(mapping, MappingNode)
    key, value = next(each for each in mapping.value if each[0].value == name)
    return key, value


def _end(node: Node) -> int:
    """Return the index where a value ends; in block style, before the comments that follow."""
    if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
        index: int = node.end_mark.index
        # The end mark of a text of several lines is the start of the line after it.
        return index - 1 if node.end_mark.column == 0 else index
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)
