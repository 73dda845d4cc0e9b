"""What elements of some tags can be asked for: forms and their fields, links, tables and lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from fastbench.script.k6.html import dom_attributes, dom_elements, dom_forms
from fastbench.script.k6.html.dom_attributes import Method
from fastbench.script.k6.html.dom_elements import Element, joined, listed
from fastbench.script.k6.html.dom_selection import Selection

_FIELDS: Final = "input,select,button,textarea"
_PORTS: Final = {"http": "80", "https": "443", "ftp": "21"}
_NO_LISTS: Final = frozenset(("hidden", "checkbox", "radio", "file", "button"))


def _url(of: Element) -> SplitResult:
    if "href" not in of.node.attributes:
        return urlsplit("")
    try:
        return urlsplit(joined(of.selected.url, of.attribute("href")))
    except ValueError:
        return urlsplit("")


def _host(of: Element) -> str:
    netloc = _url(of).netloc.rpartition("@")[2]
    return netloc.removesuffix(f":{_PORTS.get(_url(of).scheme, '')}")


def _port(of: Element) -> str:
    return _url(of).netloc.rpartition("]")[2].rpartition("@")[2].partition(":")[2]


def _origin(of: Element) -> str:
    parts = _url(of)
    if parts.scheme == "file":
        return of.resolved("href", "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.scheme else ""


_LINK: Final[dict[str, Method]] = {
    "hash": lambda of: f"#{_url(of).fragment}" if _url(of).fragment else "",
    "host": _host,
    "hostname": lambda of: _url(of).hostname or "",
    "origin": _origin,
    "password": lambda of: _url(of).password or "",
    "pathname": lambda of: _url(of).path,
    "port": _port,
    "protocol": lambda of: _url(of).scheme or ":",
    "relList": lambda of: _words(of, "rel"),
    "search": lambda of: f"?{_url(of).query}" if _url(of).query else "",
    "text": lambda of: of.selected.text(),
    "username": lambda of: _url(of).username or "",
}


def _words(of: Element, attribute: str) -> list[str]:
    said = of.attribute(attribute)
    return said.split(" ") if said else []


def _owner(of: Element) -> Selection:
    """Return the form that a field is of, by its place or by its `form`."""
    found = of.selected.closest("form")
    id = of.attribute("form")
    return found if found.nodes or not id else of.from_page(f"#{id}")


def _form(of: Element) -> Element | None:
    return of.one(_owner(of))


def _labels(of: Element) -> list[Element]:
    around, id = of.selected.closest("label"), of.attribute("id")
    return listed(around.add(of.from_page(f'label[for="{id}"]')) if id else around)


def _own_or_forms(of: Element, attribute: str) -> str | None:
    own = of.node.attributes.get(f"form{attribute}")
    found: str | None = _owner(of).attr(attribute) if own is None else own
    return found


def _form_action(of: Element) -> str:
    action = _own_or_forms(of, "action") or ""
    return joined(of.selected.url, action) if of.selected.url else action


def _form_enctype(of: Element) -> str:
    said = _own_or_forms(of, "enctype")
    known = ("multipart/form-data", "text/plain")
    return said if said in known else "application/x-www-form-urlencoded"


_FIELD: Final[dict[str, Method]] = {
    "form": _form,
    "formAction": _form_action,
    "formEnctype": _form_enctype,
    "formMethod": lambda of: (
        "post" if (_own_or_forms(of, "method") or "").lower() == "post" else "get"
    ),
    "formNoValidate": lambda of: _own_or_forms(of, "novalidate") is not None,
    "formTarget": lambda of: _own_or_forms(of, "target") or "",
    "labels": _labels,
    "name": lambda of: of.attribute("name"),
}


def _list(of: Element) -> Element | None:
    id = of.attribute("list")
    if not id or of.attribute("type") in _NO_LISTS:
        return None
    return of.one(of.from_page(f'datalist[id="{id}"]'))


def _control(of: Element) -> Element | None:
    id = of.attribute("for")
    return of.one(of.from_page(f"#{id}")) if id else None


def _images(of: Element) -> list[Element]:
    id = of.node.attributes.get("id")
    if id is None:
        return []
    return listed(of.from_page(f'img[usemap="#{id}"],object[usemap="#{id}"]'))


def _found(selector: str) -> Method:
    return lambda of: listed(of.selected.find(selector))


def _place(holders: str, peers: str, nowhere: int) -> Method:
    """Return the place of an element among its like in what holds them."""

    def place(of: Element) -> int:
        holder = of.selected.parents(holders)
        return holder.find(peers).index(of) if holder.nodes else nowhere

    return place


def _option_disabled(of: Element) -> bool:
    if "disabled" in of.node.attributes:
        return True
    return of.selected.parents("optgroup").attr("disabled") is not None


def _option_form(of: Element) -> Element | None:
    around = of.selected.parents("form")
    if around.nodes:
        return of.one(around)
    id = of.selected.parents("select").attr("form")
    return None if id is None else of.one(of.from_page(f"form#{id}"))


def _selected_index(of: Element) -> int:
    chosen = of.selected.find("option[selected]")
    return of.selected.find("option").index(chosen) if chosen.nodes else -1


def _select_value(of: Element) -> str:
    chosen = of.selected.find("option[selected]")
    return dom_forms.value_or_html(chosen.first()) if chosen.nodes else ""


def _float(of: Element, attribute: str, default: float) -> float:
    try:
        said = float(of.attribute(attribute))
    except ValueError:
        return default
    return said if said >= 0 else default


def _progress(default: float) -> Method:
    def progress(of: Element) -> float:
        said = _float(of, "value", -1)
        return default if said < 0 else said / (_float(of, "max", 1) or 1)

    return progress


def _child(name: str) -> Method:
    return lambda of: of.one(of.selected.children(name))


def _text(of: Element) -> str:
    return of.selected.text()


def _multiple(many: Any, one: Any) -> Method:
    return lambda of: many if "multiple" in of.node.attributes else one


_rows: Final = _found("tr")
_option_value: Final[Callable[[Element], str]] = lambda of: dom_forms.value_or_html(of.selected)  # noqa: E731
_OWN: Final[dict[str, dict[str, Method]]] = {
    "a area": _LINK,
    "audio video": {"textTracks": _found("track")},
    "button input": _FIELD,
    "button": {"value": _option_value},
    "input": {"list": _list},
    "datalist": {"options": _found("option")},
    "fieldset": {"form": _form, "elements": _found(_FIELDS), "validity": lambda of: None},
    "form": {
        "elements": _found(f"{_FIELDS},fieldset"),
        "length": lambda of: of.selected.find(f"{_FIELDS},fieldset").size(),
        "method": lambda of: "post" if of.attribute("method") == "post" else "get",
    },
    "keygen output select textarea": {"form": _form, "labels": _labels},
    "label": {"control": _control, "form": _form},
    "legend object": {"form": _form},
    "link": {"relList": lambda of: _words(of, "rel")},
    "map": {"areas": _found("area"), "images": _images},
    "meter progress": {"labels": _labels},
    "option": {
        "disabled": _option_disabled,
        "form": _option_form,
        "index": _place("select,datalist", "option", 0),
        "label": lambda of: of.node.attributes.get("label", _text(of)),
        "text": _text,
        "value": _option_value,
    },
    "output": {"value": _text, "defaultValue": _text},
    "progress": {
        "max": lambda of: _float(of, "max", 1),
        "value": _progress(0),
        "position": _progress(-1),
    },
    "script title": {"text": _text},
    "select": {
        "length": lambda of: of.selected.find("option").size(),
        "options": _found("option"),
        "selectedIndex": _selected_index,
        "selectedOptions": _found("option[selected]"),
        "size": _multiple(4, 1),
        "type": _multiple("select-multiple", "select"),
        "value": _select_value,
    },
    "style": {"type": lambda of: of.attribute("type") or "text/css"},
    "table": {
        "caption": _child("caption"),
        "tHead": _child("thead"),
        "tFoot": _child("tfoot"),
        "rows": _rows,
        "tBodies": _found("tbody"),
    },
    "thead tbody tfoot": {"rows": _rows},
    "td th": {"cellIndex": _place("tr", "th,td", -1)},
    "tr": {
        "cells": _found("th,td"),
        "rowIndex": _place("table", "tr", -1),
        "sectionRowIndex": _place("thead,tbody,tfoot", "tr", -1),
    },
    "textarea": {"length": lambda of: len(of.attribute("value"))},
    "col": {"span": lambda of: max(1, dom_attributes.number(of, "span", 1))},
}


def _all() -> dict[str, dict[str, Method]]:
    found = dom_attributes.methods()
    for tags, methods in _OWN.items():
        for tag in tags.split():
            found.setdefault(tag, {}).update(methods)
    return found


METHODS: Final = _all()
for _tag in METHODS:
    dom_elements.KINDS[_tag] = type(f"Element_{_tag}", (Element,), {"__slots__": ()})
