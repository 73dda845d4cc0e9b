"""What `k6/html`, `Response.html()`, `submitForm()` and `clickLink()` ask Python for.

Pages are parsed, and these modules loaded, when a script asks for the first page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastbench.plan.plan import UsageError
from fastbench.script.k6.html import dom_elements, dom_forms, dom_tree
from fastbench.script.k6.html.dom_elements import Element
from fastbench.script.k6.html.dom_selection import DomError, Selection
from fastbench.script.k6.k6_calls import K6Error, owner
from fastbench.script.k6.k6_responses import page_of

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

_STEPS: dict[str, Callable[..., Any]] = {
    "data": dom_forms.data,
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
_SAME = (
    *("add", "attr", "children", "closest", "contents", "end", "eq", "filter", "find", "first"),
    *("has", "html", "index", "keep", "last", "next", "parent", "parents", "prev", "siblings"),
    *("single", "size", "slice", "text"),
)


def install(realm: K6Realm) -> None:
    """Add the operations."""
    _STEPS.update({name: getattr(Selection, name) for name in _SAME})
    _STEPS["get"] = _get
    realm.define("parseHTML", lambda text: _parsed(text, ""))
    realm.define("html", _html)
    realm.define("domStep", _step)
    realm.define("domAsk", _ask)
    realm.define("domJoin", dom_elements.joined)
    realm.define("domQuery", lambda pairs: urlencode(sorted(map(tuple, pairs))))


def _parsed(text: str, url: str) -> Selection:
    try:
        root = dom_tree.parse(text)
    except UsageError as error:
        raise K6Error(str(error)) from None
    _prepare(owner().realm)
    return Selection([root], root, url)


def _html(of: Any, selector: Any) -> Selection:
    text, url = page_of(of)
    page = _parsed(text, url)
    return page if selector is None else page.find(str(selector))


def _prepare(realm: K6Realm) -> None:
    """Let the realm see selections and elements under their prototypes; once is enough."""
    from fastbench.script.k6.html import dom_tags

    if realm.sees_pages:
        return
    realm.sees_pages = True
    js = realm.realm
    names = {tag: list(methods) for tag, methods in dom_tags.METHODS.items()}
    names[""] = list(dom_elements.METHODS)
    prototypes = js.run(js.member(realm.host, "makeElements"), js.value(names))
    js.wrap(Selection, js.member(realm.host, "selectionPrototype"))
    js.wrap(Element, js.member(prototypes, ""))
    for tag, kind in dom_elements.KINDS.items():
        js.wrap(kind, js.member(prototypes, tag))


def _step(of: Any, name: str, given: list[Any]) -> Any:
    if not isinstance(of, Selection):
        raise K6Error("this is no selection")
    return _done(lambda: _STEPS[name](of, *given))


def _get(of: Selection, index: float | None = None) -> Any:
    if index is None:
        return dom_elements.listed(of)
    inside = -of.size() < index < of.size()
    return dom_elements.made(of.eq(index)) if inside else None


def _ask(of: Any, name: str, given: list[Any]) -> Any:
    from fastbench.script.k6.html import dom_tags

    if not isinstance(of, Element):
        raise K6Error("this is no element")
    own = dom_tags.METHODS.get(of.node.name, {}) if type(of) is not Element else {}
    method = own.get(name) or dom_elements.METHODS[name]
    return _done(lambda: method(of, *given))


def _done(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except DomError as error:
        raise K6Error(str(error)) from None
    except TypeError as error:  # too few or too many arguments
        raise K6Error(f"invalid arguments: {error}") from None
