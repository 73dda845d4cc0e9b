"""What scripts ask of selections and elements, by the names that it has in k6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastbench.script.k6.html import dom_elements, dom_forms, dom_tags
from fastbench.script.k6.html.dom_elements import Element
from fastbench.script.k6.html.dom_selection import DomError, Selection

_SAME: Final = (
    *("add", "attr", "children", "closest", "contents", "end", "eq", "filter", "find", "first"),
    *("has", "html", "index", "keep", "last", "next", "parent", "parents", "prev", "siblings"),
    *("single", "size", "slice", "text"),
)


def _get(of: Selection, index: float | None = None) -> Any:
    if index is None:
        return dom_elements.listed(of)
    inside = -of.size() < index < of.size()
    return dom_elements.made(of.eq(index)) if inside else None


STEPS: Final[dict[str, Callable[..., Any]]] = {
    **{name: getattr(Selection, name) for name in _SAME},
    "data": dom_forms.data,
    "get": _get,
    "is": Selection.is_,
    "nextAll": Selection.next_all,
    "nextUntil": Selection.next_until,
    "not": Selection.not_,
    "parentsUntil": Selection.parents_until,
    "prevAll": Selection.prev_all,
    "prevUntil": Selection.prev_until,
    "serialize": dom_forms.serialize,
    "serializeArray": dom_forms.serialize_array,
    "serializeObject": dom_forms.serialize_object,
    "toArray": Selection.to_array,
    "url": lambda of: of.url,
    "val": dom_forms.value,
}
# By tag; those of "" are for all elements.
NAMES: Final[dict[str, list[str]]] = {
    **{tag: list(methods) for tag, methods in dom_tags.METHODS.items()},
    "": list(dom_elements.METHODS),
}
KINDS: Final[dict[str, type[Element]]] = {**dom_elements.KINDS, "": Element}


def step(of: Any, name: str, given: list[Any]) -> Any:
    """Do a step of a selection. Raises DomError."""
    if not isinstance(of, Selection):
        raise DomError("this is no selection")
    return _done(STEPS[name], of, given)


def ask(of: Any, name: str, given: list[Any]) -> Any:
    """Ask an element for something. Raises DomError."""
    if not isinstance(of, Element):
        raise DomError("this is no element")
    own = {} if type(of) is Element else dom_tags.METHODS[of.node.name]
    return _done(own.get(name) or dom_elements.METHODS[name], of, given)


def _done(work: Callable[..., Any], of: object, given: list[Any]) -> Any:
    try:
        return work(of, *given)
    except TypeError as error:  # too few or too many arguments
        raise DomError(f"invalid arguments: {error}") from None
