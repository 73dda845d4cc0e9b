"""Nodes of a page that a script has selected, with the steps that goquery and jQuery have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from fastbench.script.k6.html import css_grammar, dom_tree
from fastbench.script.k6.html.css_matching import Matcher
from fastbench.script.k6.html.dom_tree import ELEMENT, Node


class DomError(Exception):
    """What a script may not ask of a page."""


@lru_cache(maxsize=1024)
def matcher(selector: str) -> Matcher:
    """Return what a selector matches; one that cannot be read matches nothing, as in goquery."""
    try:
        return css_grammar.read(selector)
    except css_grammar.SelectorError:
        return lambda node: False


class Selection:
    """Nodes in the order in which they were found."""

    __slots__ = ("before", "nodes", "root", "url")
    status = 0  # the number beside an object of Python

    def __init__(
        self, nodes: Iterable[Node], root: Node, url: str, before: Selection | None = None
    ) -> None:
        self.nodes = list(dict.fromkeys(nodes))
        self.root = root
        self.url = url  # of the page, "" where it is not known
        self.before = before

    def _of(self, nodes: Iterable[Node]) -> Selection:
        return Selection(nodes, self.root, self.url, self)

    def _each(self, step: Callable[[Node], Iterable[Node]], only: object = None) -> Selection:
        """Go one step from each node; keep what a selector matches, if there is one."""
        found = [each for node in self.nodes for each in step(node)]
        if only is not None:
            matches = matcher(str(only))
            found = [each for each in found if matches(each)]
        return self._of(found)

    # Down

    def find(self, what: object) -> Selection:
        """Select what is within."""
        if isinstance(what, str):
            return self._each(Node.descendants, what)
        return self._of(
            each for each in _nodes(what) if any(node.contains(each) for node in self.nodes)
        )

    def single(self, selector: str) -> Selection:
        """Select the first match within."""
        return self._of(self.find(selector).nodes[:1])

    def children(self, only: object = None) -> Selection:
        """Select the elements right below."""
        return self._each(_elements, only)

    def contents(self) -> Selection:
        """Select all nodes right below, texts and comments, too."""
        return self._each(lambda node: node.children)

    # Up

    def parent(self, only: object = None) -> Selection:
        """Select the elements right above."""
        return self._each(lambda node: _parents(node)[:1], only)

    def parents(self, only: object = None) -> Selection:
        """Select all elements above, the nearest first."""
        return self._each(Node.ancestors, only)

    def parents_until(self, until: object = None, *only: object) -> Selection:
        """Select the elements above, up to one that is not selected."""
        return self._until(Node.ancestors, until, only)

    def closest(self, what: object) -> Selection:
        """Select the first match from each node upward."""
        holds = _holds(what)
        return self._each(
            lambda node: [each for each in (node, *node.ancestors()) if holds(each)][:1]
        )

    # Beside

    def next(self, only: object = None) -> Selection:
        """Select the element right after each."""
        return self._each(lambda node: _after(node)[:1], only)

    def next_all(self, only: object = None) -> Selection:
        """Select all elements after each."""
        return self._each(_after, only)

    def next_until(self, until: object = None, *only: object) -> Selection:
        """Select the elements after each, up to one that is not selected."""
        return self._until(_after, until, only)

    def prev(self, only: object = None) -> Selection:
        """Select the element right before each."""
        return self._each(lambda node: _before(node)[:1], only)

    def prev_all(self, only: object = None) -> Selection:
        """Select all elements before each, the nearest first."""
        return self._each(_before, only)

    def prev_until(self, until: object = None, *only: object) -> Selection:
        """Select the elements before each, up to one that is not selected."""
        return self._until(_before, until, only)

    def siblings(self, only: object = None) -> Selection:
        """Select the elements beside each."""
        return self._each(lambda node: [*_before(node)[::-1], *_after(node)], only)

    def _until(
        self, steps: Callable[[Node], list[Node]], until: object, only: tuple[object, ...]
    ) -> Selection:
        if until is not None and not isinstance(until, str | Selection):
            raise DomError(f"invalid argument, cannot use a '{_kind(until)}' as a selector")
        stops = (lambda node: False) if until is None else _holds(until)

        def step(node: Node) -> list[Node]:
            found: list[Node] = []
            for each in steps(node):
                if stops(each):
                    break
                found.append(each)
            return found

        return self._each(step, only[0] if only else None)

    # More and less

    def add(self, what: object) -> Selection:
        """Select these, too; a selector is looked for in the whole page."""
        if isinstance(what, str):
            return self._of([*self.nodes, *filter(matcher(what), self.root.descendants())])
        return self._of([*self.nodes, *_nodes(what)])

    def filter(self, what: object) -> Selection:
        """Keep those that match."""
        holds = _holds(what)
        return self._of(node for node in self.nodes if holds(node))

    def not_(self, what: object) -> Selection:
        """Keep those that do not match."""
        holds = _holds(what)
        return self._of(node for node in self.nodes if not holds(node))

    def keep(self, numbers: list[int]) -> Selection:
        """Keep those at these places."""
        return self._of(self.nodes[number] for number in numbers)

    def has(self, what: object) -> Selection:
        """Keep those with a match within."""
        if isinstance(what, str):
            inner = [node for node in self.root.descendants() if matcher(what)(node)]
        else:
            inner = _nodes(what)
        return self._of(node for node in self.nodes if any(node.contains(each) for each in inner))

    def is_(self, what: object) -> bool:
        """Tell whether one of them matches."""
        return any(map(_holds(what), self.nodes))

    def eq(self, index: float) -> Selection:
        """Select the one at a place, from the end where it is negative."""
        at = int(index)
        at += len(self.nodes) if at < 0 else 0
        return self._of(self.nodes[at : at + 1] if at >= 0 else [])

    def first(self) -> Selection:
        """Select the first one."""
        return self._of(self.nodes[:1])

    def last(self) -> Selection:
        """Select the last one."""
        return self._of(self.nodes[-1:])

    def slice(self, start: float = 0, end: float | None = None) -> Selection:
        """Select those from one place to before another."""
        return self._of(self.nodes[int(start) : None if end is None else int(end)])

    def end(self) -> Selection:
        """Return what was selected before the last step."""
        return self._of([]) if self.before is None else self.before

    # What they are

    def size(self) -> int:
        """Count them."""
        return len(self.nodes)

    def to_array(self) -> list[Selection]:
        """Return a selection of each."""
        return [self._of([node]) for node in self.nodes]

    def index(self, what: object = None) -> int:
        """Return the place of the first one: beside its siblings, or in what is given."""
        if what is None:
            return len(_before(self.nodes[0])) if self.nodes else -1
        if isinstance(what, str):
            there = [node for node in self.root.descendants() if matcher(what)(node)]
            wanted = self.nodes[:1]
        else:
            there, wanted = self.nodes, _nodes(what)[:1] if hasattr(what, "status") else []
        return there.index(wanted[0]) if wanted and wanted[0] in there else -1

    def attr(self, name: object, default: Any = None) -> Any:
        """Return an attribute of the first one."""
        found = self.nodes[0].attributes.get(str(name)) if self.nodes else None
        return default if found is None else found

    def text(self) -> str:
        """Return the text of all."""
        return dom_tree.text_of(self.nodes)

    def html(self) -> str:
        """Return the HTML within the first one."""
        return dom_tree.inner_html(self.nodes[0]) if self.nodes else ""

    def name(self) -> str:
        """Return the name of the first one as goquery has it."""
        return node_name(self.nodes[0]) if self.nodes else ""


def node_name(node: Node) -> str:
    """Return a tag, or `#text` and the like."""
    names = {dom_tree.TEXT: "#text", dom_tree.COMMENT: "#comment", dom_tree.DOCUMENT: "#document"}
    return names.get(node.kind, node.name)


def _nodes(what: object) -> list[Node]:
    """Return the nodes of a selection or an element; raises DomError."""
    if isinstance(what, Selection):
        return what.nodes
    node = getattr(what, "node", None)
    if isinstance(node, Node):
        return [node]
    raise DomError(f"invalid argument, cannot use a '{_kind(what)}' as a selector")


def _kind(what: object) -> str:
    return "null" if what is None else type(what).__name__


def _holds(what: object) -> Matcher:
    if isinstance(what, str):
        return matcher(what)
    nodes = frozenset(_nodes(what))
    return lambda node: node in nodes


def _elements(node: Node) -> list[Node]:
    return [each for each in node.children if each.kind == ELEMENT]


def _parents(node: Node) -> list[Node]:
    return [] if node.parent is None or node.parent.kind != ELEMENT else [node.parent]


def _after(node: Node) -> list[Node]:
    if node.parent is None:
        return []
    return [each for each in node.parent.children[node.at + 1 :] if each.kind == ELEMENT]


def _before(node: Node) -> list[Node]:
    if node.parent is None:
        return []
    return [each for each in node.parent.children[: node.at][::-1] if each.kind == ELEMENT]
