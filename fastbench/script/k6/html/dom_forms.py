"""What a form would send, and the data that elements carry, as k6 reads them."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import urlencode

from fastbench.script.k6.html.dom_selection import Selection

_SUBMITTABLE: Final = "input,select,textarea,keygen"
_UNSENT: Final = frozenset(("submit", "button", "reset", "image", "file"))
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAPITALS: Final = frozenset(  # words that k6 writes in capitals: data-user-id is userID
    (
        *("acl", "api", "ascii", "cpu", "css", "dns", "eof", "guid", "html", "http", "https"),
        *("id", "ip", "json", "lhs", "qps", "ram", "rhs", "rpc", "sla", "smtp", "sql", "ssh"),
        *("tcp", "tls", "ttl", "udp", "ui", "uid", "uuid", "uri", "url", "utf8", "vm", "xml"),
        *("xmpp", "xsrf", "xss"),
    )
)


def value(selection: Selection) -> Any:
    """Return what a field has: a text, a list of texts, or None where it is no field."""
    name = selection.name()
    if name == "input":
        is_box = selection.attr("type") in ("radio", "checkbox")
        return selection.attr("value", "on" if is_box else "")
    if name == "button":
        return selection.attr("value", "")
    if name == "textarea":
        return selection.html()
    if name == "option":
        return value_or_html(selection)
    if name != "select":
        return None
    chosen = selection.first().find("option[selected]")
    if selection.attr("multiple") is not None:
        return [value_or_html(each) for each in chosen.to_array()]
    return value_or_html(chosen)


def value_or_html(selection: Selection) -> str:
    """Return the value of an option or a button."""
    return str(selection.attr("value", selection.html()))


def serialize_array(selection: Selection) -> list[dict[str, Any]]:
    """Return name and value of each field that would be sent."""
    if selection.is_("form"):
        fields = selection.find(_SUBMITTABLE)
    else:
        fields = selection.filter(_SUBMITTABLE)
    return [
        {"name": each.attr("name"), "value": value(each)}
        for each in fields.to_array()
        if _is_sent(each)
    ]


def _is_sent(field: Selection) -> bool:
    kind = field.attr("type", "")
    return (
        bool(field.attr("name"))
        and field.attr("disabled") != "disabled"
        and kind not in _UNSENT
        and (field.attr("checked") == "checked" or kind not in ("checkbox", "radio"))
    )


def serialize_object(selection: Selection) -> dict[str, Any]:
    """Return the values by name; the last one of a name counts."""
    return {each["name"]: each["value"] for each in serialize_array(selection)}


def serialize(selection: Selection) -> str:
    """Return the fields as they stand in a URL, sorted by name."""
    texts = {
        name: said
        for name, said in serialize_object(selection).items()
        if isinstance(said, str | list)
    }
    return urlencode(sorted(texts.items()), doseq=True)


def data(selection: Selection, name: object = None) -> Any:
    """Return a `data-` attribute of the first element, or all by name; None where none is."""
    if not selection.nodes or not selection.nodes[0].attributes:
        return None
    if name is not None:
        found = selection.attr("data-" + _WORD.sub("-", str(name)).lower().replace("_", "-"))
        return None if found is None else _data_value(found)
    return {
        _property(key[5:]): _data_value(said)
        for key, said in selection.nodes[0].attributes.items()
        if key.startswith("data-") and len(key) > 5
    }


def _property(name: str) -> str:
    first, *rest = re.split("[-_]", name) if "-" in name else [name]
    return first + "".join(
        word.upper() if word in _CAPITALS else word[:1].upper() + word[1:] for word in rest
    )


def _data_value(text: str) -> Any:
    """Read JSON, constants, and numbers that are written as they would be."""
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "undefined"):
        return None
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{0,15}[1-9])?", text):
        return float(text)
    return text
