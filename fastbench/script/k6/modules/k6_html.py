"""What `k6/html`, `Response.html()`, `submitForm()` and `clickLink()` ask Python for.

What reads pages is imported when a script asks for its first page: others do not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from fastbench.foundation.usage_error import UsageError
from fastbench.script.k6.http.k6_responses import page_of
from fastbench.script.k6.k6_calls import K6Error, owner

if TYPE_CHECKING:
    from fastbench.script.k6.html.dom_selection import Selection
    from fastbench.script.k6.k6_context import K6Context
    from fastbench.script.k6.k6_realm import K6Realm


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.define("parseHTML", lambda text: _parsed(text, ""))
    realm.define("html", _html)
    realm.define("domStep", lambda of, name, given: _asked("step", of, name, given))
    realm.define("domAsk", lambda of, name, given: _asked("ask", of, name, given))
    realm.define("domJoin", lambda base, reference: urljoin(base, reference.strip()))
    realm.define("domQuery", lambda pairs: urlencode(sorted(map(tuple, pairs))))


def _parsed(text: str, url: str) -> Selection:
    from fastbench.script.k6.html import dom_selection, dom_tree

    try:
        root = dom_tree.parse(text)
    except UsageError as error:
        raise K6Error(str(error)) from None
    _prepare(owner().context)
    return dom_selection.Selection([root], root, url)


def _html(of: Any, selector: Any) -> Selection:
    text, url = page_of(of)
    page = _parsed(text, url)
    return page if selector is None else page.find(str(selector))


def _prepare(context: K6Context) -> None:
    """Let selections and elements be seen under their prototypes; once is enough."""
    from fastbench.script.k6.html import dom_selection, dom_steps

    if context.sees_pages:
        return
    context.sees_pages = True
    js = context.realm
    prototypes = js.run(js.member(context.host, "makeElements"), js.value(dom_steps.NAMES))
    js.wrap(dom_selection.Selection, js.member(context.host, "selectionPrototype"))
    for tag, kind in dom_steps.KINDS.items():
        js.wrap(kind, js.member(prototypes, tag))


def _asked(what: str, of: Any, name: str, given: list[Any]) -> Any:
    from fastbench.script.k6.html import dom_selection, dom_steps

    try:
        return (dom_steps.step if what == "step" else dom_steps.ask)(of, name, given)
    except dom_selection.DomError as error:
        raise K6Error(str(error)) from None
