"""The body of a recorded request as arguments of a call: json=, data=, files in a form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastbench.convert.expressions import quoted, text
from fastbench.convert.har.har_file import Entry

Written = Callable[[object, str], str]  # a value and the name it stands under, as an expression

_MAX_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class BodyCode:
    """`arguments` of the call; `type` is the Content-Type that they give; what is lost is told."""

    arguments: tuple[str, ...] = ()
    type: str | None = None
    uses_file: bool = False
    lost: str = ""


def of(entry: Entry, written: Written, literal: Callable[[str], str]) -> BodyCode:
    """Return the body of a request as code; `literal` writes one that stands as a text."""
    kind = entry.body_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(entry, written, literal)
    if kind == "application/x-www-form-urlencoded":
        return _form(entry, written, literal)
    if not entry.body:
        return BodyCode()
    if kind == "application/json" or kind.endswith("+json") or entry.body[:1] in ("{", "["):
        try:
            value = json.loads(entry.body)
        except (ValueError, RecursionError):
            value = None
        if value is not None:
            return BodyCode((f"json={_value(value, '', written)}",), "application/json")
    lost = "" if len(entry.body) <= _MAX_TEXT else "a body of more than 100,000 characters was cut"
    return BodyCode((f"data={literal(entry.body[:_MAX_TEXT])}",), lost=lost)


def _value(value: Any, name: str, written: Written) -> str:
    if isinstance(value, dict):
        inner = (f"{text(key)}: {_value(each, key, written)}" for key, each in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each, name, written) for each in value) + "]"
    return written(value, name)


def _form(entry: Entry, written: Written, literal: Callable[[str], str]) -> BodyCode:
    """Return a form: a dict, or pairs where a name comes twice."""
    pairs = _pairs(entry)
    if not pairs:
        return BodyCode()
    kind = "application/x-www-form-urlencoded"
    if entry.body and not re.fullmatch(r"[^=&]+=[^&]*(&[^=&]+=[^&]*)*", entry.body):
        return BodyCode((f"data={literal(entry.body)}",))
    names = [name for name, _ in pairs]
    if len(set(names)) == len(names):
        inner = ", ".join(f"{quoted(name)}: {written(value, name)}" for name, value in pairs)
        return BodyCode((f"data={{{inner}}}",), kind)
    inner = ", ".join(f"({quoted(name)}, {written(value, name)})" for name, value in pairs)
    return BodyCode((f"data=[{inner}]",), kind)


def _pairs(entry: Entry) -> list[tuple[str, str]]:
    if entry.body:
        return parse_qsl(entry.body, keep_blank_values=True)
    # Some browsers write params as they stood in the body, others decoded.
    encoded = all(
        re.fullmatch(r"[\w.*%+~!'()-]*", str(param.get("value") or "")) for param in entry.params
    ) and any("%" in str(param.get("value") or "") for param in entry.params)
    return [
        (str(p.get("name") or ""), unquote_plus(value) if encoded else value)
        for p in entry.params
        if (value := str(p.get("value") or "")) is not None
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    value: str
    filename: str | None
    type: str


def _multipart(entry: Entry, written: Written, literal: Callable[[str], str]) -> BodyCode:
    parts = _parts(entry)
    if not parts:
        return BodyCode(lost="the parts of a multipart body are not in the recording")
    if not any(each.filename is not None for each in parts):
        if entry.body:
            return BodyCode((f"data={literal(entry.body)}",))
        fields = ", ".join(f"{quoted(p.name)}: {written(p.value, p.name)}" for p in parts)
        lost = "a multipart form without a file is sent as an URL-encoded one"
        return BodyCode((f"data={{{fields}}}",), "multipart/form-data", lost=lost)
    inner, lost = [], ""
    for part in parts:
        if part.filename is None:
            inner.append(f"{quoted(part.name)}: {written(part.value, part.name)}")
            continue
        content = quoted(part.value)
        if not part.value:
            content = 'b"x" * 1024'
            lost = f"the content of {part.filename} is not in the recording; 1 KiB stands for it"
        more = f", {quoted(part.type)}" if part.type else ""
        inner.append(f"{quoted(part.name)}: file({content}, {quoted(part.filename)}{more})")
    return BodyCode((f"data={{{', '.join(inner)}}}",), "multipart/form-data", True, lost)


def _parts(entry: Entry) -> list[_Part]:
    """Return the parts of a form, from the text of the body where it is there."""
    boundary = re.search(r'boundary="?([^";]+)', entry.body_type)
    if boundary and entry.body:
        found = []
        for piece in entry.body.split(f"--{boundary[1]}")[1:]:
            head, gap, content = piece.partition("\r\n\r\n")
            name = re.search(r'\bname="([^"]*)"', head)
            if not gap or name is None:
                continue
            filename = re.search(r'filename="([^"]*)"', head)
            kind = re.search(r"(?i)content-type:\s*(\S+)", head)
            found.append(
                _Part(
                    name[1],
                    content.removesuffix("\r\n"),
                    filename[1] if filename else None,
                    kind[1] if kind else "",
                )
            )
        return found
    return [
        _Part(
            str(p.get("name") or ""),
            str(p.get("value") or ""),
            str(p["fileName"]) if p.get("fileName") else None,
            str(p.get("contentType") or ""),
        )
        for p in entry.params
    ]
