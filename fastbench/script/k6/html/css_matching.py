"""What parts of selectors say of an element, as functions of a node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from fastbench.script.k6.html import dom_tree
from fastbench.script.k6.html.dom_tree import ELEMENT, TEXT, Node

Matcher = Callable[[Node], bool]

_FIELDS: Final = frozenset(("button", "input", "option", "select", "textarea"))
_GROUPS: Final = frozenset(("fieldset", "menuitem", "optgroup"))
_LINKS: Final = frozenset(("a", "area", "link"))
_SPACE: Final = " \t\r\n\f"


def is_element(node: Node) -> bool:
    """Tell whether it has a tag: `*`."""
    return node.kind == ELEMENT


def named(name: str) -> Matcher:
    """Match a tag."""
    return lambda node: node.name == name and node.kind == ELEMENT


def with_id(id: str) -> Matcher:
    """Match `#id`."""
    return lambda node: node.attributes.get("id") == id


def with_class(name: str) -> Matcher:
    """Match `.name`."""
    return lambda node: (
        name in (classes := node.attributes.get("class", "")) and name in classes.split()
    )


def attribute(name: str, holds: Callable[[str], bool]) -> Matcher:
    """Match an attribute that is there and of which something holds."""
    return lambda node: (value := node.attributes.get(name)) is not None and holds(value)


def compared(name: str, operator: str, said: str, ignores_case: bool) -> Matcher:
    """Match `[name operator said]`."""
    if operator == "!=":
        return not_(compared(name, "=", said, ignores_case))
    if ignores_case:
        lower = said.lower()
        inner = _COMPARISONS[operator]
        return attribute(name, lambda value: inner(value.lower(), lower))
    return attribute(name, lambda value: _COMPARISONS[operator](value, said))


_COMPARISONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "=": lambda value, said: value == said,
    "~=": lambda value, said: said in re.split(f"[{_SPACE}]+", value) and said != "",
    "|=": lambda value, said: value == said or value.startswith(f"{said}-"),
    "^=": lambda value, said: value.strip() != "" and value.startswith(said),
    "$=": lambda value, said: value.strip() != "" and value.endswith(said),
    "*=": lambda value, said: value.strip() != "" and said in value,
}


def all_of(parts: list[Matcher]) -> Matcher:
    """Match what all of these match."""
    if len(parts) == 1:
        return parts[0]
    return lambda node: all(part(node) for part in parts)


def any_of(parts: list[Matcher]) -> Matcher:
    """Match what one of these matches."""
    if len(parts) == 1:
        return parts[0]
    return lambda node: any(part(node) for part in parts)


def combined(first: Matcher, sign: str, second: Matcher) -> Matcher:
    """Match `first sign second`, where the sign is a space, `>`, `+` or `~`."""
    if sign == " ":
        return lambda node: second(node) and any(first(each) for each in node.ancestors())
    if sign == ">":
        return lambda node: second(node) and node.parent is not None and first(node.parent)
    if sign == "+":
        return lambda node: second(node) and any(first(each) for each in _before(node)[:1])
    return lambda node: second(node) and any(first(each) for each in _before(node))


def _before(node: Node) -> list[Node]:
    """Return the elements before a node, the nearest first."""
    if node.parent is None:
        return []
    return [each for each in node.parent.children[: node.at][::-1] if each.kind == ELEMENT]


def not_(inner: Matcher) -> Matcher:
    """Match elements that another does not."""
    return lambda node: node.kind == ELEMENT and not inner(node)


def has(inner: Matcher) -> Matcher:
    """Match what has a match within it."""
    return lambda node: any(inner(each) for each in node.descendants())


def has_child(inner: Matcher) -> Matcher:
    """Match what has a match right below it."""
    return lambda node: any(inner(each) for each in node.children)


def _own_text(node: Node) -> str:
    return "".join(each.text for each in node.children if each.kind == TEXT)


def containing(text: str, own: bool) -> Matcher:
    """Match elements with a text in them, whatever its case."""
    lower = text.lower()
    if own:
        return lambda node: lower in _own_text(node).lower()
    return lambda node: lower in dom_tree.text_of([node]).lower()


def like(pattern: re.Pattern[str], own: bool) -> Matcher:
    """Match elements in whose text a regular expression finds something."""
    if own:
        return lambda node: pattern.search(_own_text(node)) is not None
    return lambda node: pattern.search(dom_tree.text_of([node])) is not None


def nth(step: int, first: int, last: bool, of_type: bool) -> Matcher:
    """Match by the place among the elements of a parent, which is counted from 1."""

    def matches(node: Node) -> bool:
        if node.kind != ELEMENT or node.parent is None:
            return False
        peers = _peers(node, of_type)
        place = peers.index(node) + 1
        off = (len(peers) - place + 1 if last else place) - first
        return off == 0 if step == 0 else off % step == 0 and off // step >= 0

    return matches


def _peers(node: Node, of_type: bool) -> list[Node]:
    assert node.parent is not None
    peers = [each for each in node.parent.children if each.kind == ELEMENT]
    return [each for each in peers if each.name == node.name] if of_type else peers


def _only(of_type: bool) -> Matcher:
    return lambda node: (
        node.kind == ELEMENT and node.parent is not None and len(_peers(node, of_type)) == 1
    )


def _is_empty(node: Node) -> bool:
    return node.kind == ELEMENT and not any(
        each.kind == ELEMENT or each.text.strip() for each in node.children if each.kind != 8
    )


def in_language(code: str) -> Matcher:
    """Match what is in a language by its own `lang` or by one above."""

    def says(node: Node) -> bool:
        said = node.attributes.get("lang", "")
        return said == code or said.startswith(f"{code}-")

    return lambda node: says(node) or any(says(each) for each in node.ancestors())


def _in_disabled_fieldset(node: Node) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.name == "fieldset" and "disabled" in parent.attributes:
            legend_before = any(each.name == "legend" for each in _before(node))
            if node.name != "legend" or legend_before:
                return True
        node, parent = parent, parent.parent
    return False


def _is_disabled(node: Node) -> bool:
    if node.name in _GROUPS:
        return "disabled" in node.attributes
    if node.name not in _FIELDS:
        return False
    return "disabled" in node.attributes or _in_disabled_fieldset(node)


def _is_enabled(node: Node) -> bool:
    if node.name in _LINKS:
        return "href" in node.attributes
    return (node.name in _FIELDS or node.name in _GROUPS) and not _is_disabled(node)


def _is_checked(node: Node) -> bool:
    if node.name == "option":
        return "selected" in node.attributes
    kind = node.attributes.get("type", "").lower()
    return (
        node.name in ("input", "menuitem")
        and "checked" in node.attributes
        and kind in ("checkbox", "radio")
    )


SIMPLE: Final[dict[str, Matcher]] = {
    "only-child": _only(False),
    "only-of-type": _only(True),
    "input": lambda node: (
        node.kind == ELEMENT and node.name in ("button", "input", "select", "textarea")
    ),
    "empty": _is_empty,
    "root": lambda node: (
        node.kind == ELEMENT and node.parent is not None and node.parent.kind == dom_tree.DOCUMENT
    ),
    "link": lambda node: node.name in _LINKS and "href" in node.attributes,
    "enabled": _is_enabled,
    "disabled": _is_disabled,
    "checked": _is_checked,
}
