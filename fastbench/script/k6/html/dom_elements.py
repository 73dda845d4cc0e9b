"""One node as a script sees it: what every element can be asked for.

What only some tags have stands in `dom_tags.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urljoin

from fastbench.script.k6.html import dom_tree
from fastbench.script.k6.html.dom_selection import Selection, node_name
from fastbench.script.k6.html.dom_tree import Node

_NAMESPACES: Final = {
    "svg": "http://www.w3.org/2000/svg",
    "math": "http://www.w3.org/1998/Math/MathML",
    "": "http://www.w3.org/1999/xhtml",
}


class Element:
    """A node, and the page that it is of."""

    __slots__ = ("node", "selected")
    status = 0  # the number beside an object of Python

    def __init__(self, selected: Selection) -> None:
        self.node: Node = selected.nodes[0]
        self.selected = selected

    def attribute(self, name: str) -> str:
        """Return an attribute, "" without one."""
        return self.node.attributes.get(name, "")

    def resolved(self, name: str, default: str) -> str:
        """Return an attribute as a whole URL, where that of the page is known."""
        if not self.selected.url:
            return self.attribute(name)
        if name not in self.node.attributes:
            return default
        return joined(self.selected.url, self.attribute(name))

    def one(self, selected: Selection) -> Element | None:
        """Return the first of what is selected."""
        return made(selected) if selected.nodes else None

    def node_or_none(self, nodes: list[Node]) -> Element | None:
        """Return the first of these nodes."""
        return self.one(Selection(nodes, self.selected.root, self.selected.url))

    def from_page(self, selector: str) -> Selection:
        """Select in the whole page."""
        return self.selected.parents().last().find(selector)


def joined(base: str, reference: str) -> str:
    """Return where a reference on a page leads."""
    return urljoin(base, reference.strip())


def listed(selected: Selection) -> list[Element]:
    """Return each of what is selected."""
    return [made(each) for each in selected.to_array()]


def made(selected: Selection) -> Element:
    """Return the first of what is selected, as an element of its kind."""
    node = selected.nodes[0]
    kind = KINDS.get(node.name, Element) if node.is_element else Element
    return kind(selected.eq(0))


KINDS: Final[dict[str, type[Element]]] = {}  # by tag; dom_tags.py fills it


def _siblings(element: Element) -> list[Node]:
    parent = element.node.parent
    return [] if parent is None else parent.children


def _namespace(node: Node) -> str:
    for each in (node, *node.ancestors()):
        if each is not node and each.name in ("foreignObject", "desc", "title", "annotation-xml"):
            return ""
        if each.name in ("svg", "math"):
            return each.name
    return ""


def _named(element: Element, name: str) -> dict[str, Any] | None:
    value = element.node.attributes.get(name)
    return None if value is None else {"name": name, "value": value, "owner_element": element}


def _text(element: Element) -> str:
    return element.selected.text()


def _same(element: Element, other: Any) -> bool:
    return isinstance(other, Element) and other.node is element.node


def _equal(element: Element, other: Any) -> bool:
    return isinstance(other, Element) and other.selected.html() == element.selected.html()


def _contains(element: Element, other: Any) -> bool:
    return isinstance(other, Element) and element.node.contains(other.node)


def _value(element: Element) -> str | None:
    is_text = element.node.kind in (dom_tree.TEXT, dom_tree.COMMENT)
    return _text(element) if is_text else None


def _string(element: Element) -> str:
    if element.node.is_element:
        return "[object html.Node]"
    return f"[object {node_name(element.node)}]"


METHODS: Final[dict[str, Callable[..., Any]]] = {
    "attributes": lambda of: {name: _named(of, name) for name in of.node.attributes},
    "childElementCount": lambda of: of.selected.children().size(),
    "childNodes": lambda of: listed(of.selected.contents()),
    "children": lambda of: listed(of.selected.children()),
    "classList": lambda of: of.attribute("class").split(),
    "className": lambda of: of.node.attributes.get("class"),
    "contains": _contains,
    "firstChild": lambda of: of.node_or_none(of.node.children[:1]),
    "firstElementChild": lambda of: of.one(of.selected.children()),
    "getAttribute": lambda of, name: of.node.attributes.get(str(name)),
    "getAttributeNode": lambda of, name: _named(of, str(name)),
    "getElementsByClassName": lambda of, name: listed(of.selected.find(f".{name}")),
    "getElementsByTagName": lambda of, name: listed(of.selected.find(str(name))),
    "hasAttribute": lambda of, name: str(name) in of.node.attributes,
    "hasAttributes": lambda of: bool(of.node.attributes),
    "hasChildNodes": lambda of: bool(of.node.children),
    "id": lambda of: of.attribute("id"),
    "innerHTML": lambda of: of.selected.html(),
    "isDefaultNamespace": lambda of: _namespace(of.node) == "",
    "isEqualNode": _equal,
    "isSameNode": _same,
    "lang": lambda of: of.node.attributes.get("lang"),
    "lastChild": lambda of: of.node_or_none(of.node.children[-1:]),
    "lastElementChild": lambda of: of.one(of.selected.children().last()),
    "matches": lambda of, selector: of.selected.is_(str(selector)),
    "namespaceURI": lambda of: _NAMESPACES[_namespace(of.node)],
    "nextElementSibling": lambda of: of.one(of.selected.next()),
    "nextSibling": lambda of: of.node_or_none(_siblings(of)[of.node.at + 1 :][:1]),
    "nodeName": lambda of: node_name(of.node),
    "nodeType": lambda of: of.node.kind,
    "nodeValue": _value,
    "ownerDocument": lambda of: of.node_or_none([of.node.root()]),
    "parentElement": lambda of: of.one(of.selected.parent()),
    "parentNode": lambda of: of.node_or_none([of.node.parent] if of.node.parent else []),
    "previousElementSibling": lambda of: of.one(of.selected.prev()),
    "previousSibling": lambda of: of.node_or_none(_siblings(of)[: of.node.at][-1:]),
    "querySelector": lambda of, selector: of.one(of.selected.find(str(selector))),
    "querySelectorAll": lambda of, selector: listed(of.selected.find(str(selector))),
    "selection": lambda of: of.selected,
    "textContent": _text,
    "toString": _string,
}
