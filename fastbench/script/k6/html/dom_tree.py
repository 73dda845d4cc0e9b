"""A page as a tree of nodes, parsed by lexbor (package selectolax), and written as Go writes HTML.

Nothing changes a tree once it is there, so that all users share that of one text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError

ELEMENT, TEXT, COMMENT, DOCUMENT, DOCTYPE = 1, 3, 8, 9, 10
_VOID: Final = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "meta"),
        *("param", "source", "track", "wbr"),
    )
)
_RAW: Final = frozenset(
    ("iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "xmp")
)
_KINDS: Final = {"-text": TEXT, "-comment": COMMENT, "-document": DOCUMENT, "-doctype": DOCTYPE}
_ESCAPED: Final = {ord(sign): code for sign, code in {"&": "&amp;", "<": "&lt;"}.items()} | {
    ord(">"): "&gt;",
    ord("'"): "&#39;",
    ord('"'): "&#34;",
    ord("\r"): "&#13;",
}


class Node:
    """An element, text, comment, doctype, or the document itself."""

    __slots__ = ("at", "attributes", "children", "kind", "name", "parent", "text")

    def __init__(self, kind: int, name: str, parent: Node | None) -> None:
        self.kind = kind
        self.name = name  # of an element or a doctype
        self.parent = parent
        self.children: list[Node] = []
        self.attributes: dict[str, str] = {}
        self.text = ""  # of a text or a comment
        self.at = 0  # its place among the children of its parent

    @property
    def is_element(self) -> bool:
        """Tell whether it has a tag."""
        return self.kind == ELEMENT

    def root(self) -> Node:
        """Return the document."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    def ancestors(self) -> list[Node]:
        """Return the elements that it is within, the nearest first."""
        found, node = [], self.parent
        while node is not None:
            if node.kind == ELEMENT:
                found.append(node)
            node = node.parent
        return found

    def descendants(self) -> list[Node]:
        """Return the elements within it, in their order on the page."""
        found: list[Node] = []
        left = self.children[::-1]
        while left:
            node = left.pop()
            if node.kind == ELEMENT:
                found.append(node)
                left += node.children[::-1]
        return found

    def contains(self, other: Node) -> bool:
        """Tell whether another node is somewhere within it."""
        node = other.parent
        while node is not None:
            if node is self:
                return True
            node = node.parent
        return False


@lru_cache(maxsize=4)
def parse(text: str) -> Node:
    """Return the document that a text is. Raises UsageError without selectolax."""
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError:
        raise UsageError(
            "HTML is read by the package selectolax, which is not installed; run "
            f"`{install_command('html')}`."
        ) from None
    document = Node(DOCUMENT, "", None)
    root = LexborHTMLParser(text).root
    if root is not None:
        _take(root.parent if root.parent is not None else root, document)
    return document


def _take(source: Any, into: Node) -> None:
    """Take over the children of a node of lexbor's, and theirs."""
    left = [(source, into)]
    while left:
        source, node = left.pop()
        child = source.first_child
        while child is not None:
            taken = _taken(child, node)
            taken.at = len(node.children)
            node.children.append(taken)
            if taken.name == "template":  # what is in one has a tree of its own
                left += [(each, taken) for each in child.template_fragments()[:1]]
            elif taken.kind == ELEMENT and not taken.children:
                left.append((child, taken))
            child = child.next


def _taken(source: Any, parent: Node) -> Node:
    tag = source.tag
    kind = _KINDS.get(tag, ELEMENT)
    node = Node(kind, tag if kind == ELEMENT else "", parent)
    if kind == ELEMENT:
        node.attributes = {name: value or "" for name, value in source.attributes.items()}
        if tag == "noscript" and source.first_child is not None:
            _as_text(source, node)
    elif kind == TEXT:
        node.text = source.text_content or ""
    elif kind == COMMENT:
        node.text = source.html.removeprefix("<!--").removesuffix("-->")
    elif kind == DOCTYPE:
        node.name = "html"
    return node


def _as_text(source: Any, node: Node) -> None:
    """k6 reads pages as a browser with scripts does: what is for others is text."""
    text = Node(TEXT, "", node)
    text.text = source.inner_html
    node.children.append(text)


def text_of(nodes: list[Node]) -> str:
    """Return the text of nodes and of all within them."""
    found: list[str] = []
    for node in nodes:
        left = [node]
        while left:
            each = left.pop()
            if each.kind == TEXT:
                found.append(each.text)
            left += each.children[::-1]
    return "".join(found)


def inner_html(node: Node) -> str:
    """Return the HTML of what is within a node."""
    return "".join(map(_html, node.children))


def _html(node: Node) -> str:
    if node.kind == TEXT:
        return node.text.translate(_ESCAPED)
    if node.kind == COMMENT:
        return f"<!--{node.text}-->"
    if node.kind == DOCTYPE:
        return f"<!DOCTYPE {node.name}>"
    attributes = "".join(
        f' {name}="{value.translate(_ESCAPED)}"' for name, value in node.attributes.items()
    )
    if node.name in _VOID:
        return f"<{node.name}{attributes}/>"
    first = node.children[0] if node.children else None
    newline = (  # which the parser leaves out when it reads this again
        first is not None
        and first.kind == TEXT
        and first.text.startswith("\n")
        and node.name in ("pre", "listing", "textarea")
    )
    inner = text_of(node.children) if node.name in _RAW else inner_html(node)
    return f"<{node.name}{attributes}>{newline * chr(10)}{inner}</{node.name}>"
