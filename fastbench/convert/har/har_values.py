"""Values that a server made up and the client sent back: tokens, ids, hidden fields.

1. A value counts when an answer has it before any request sent it: what the client said first is
   its own, even if the server repeats it.
2. It looks made up when it is long and of mixed characters, or stands under a name that says so
   (id, token, csrf, ...). Short numbers count only under such a name.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urljoin

from fastbench.convert.expressions import quoted
from fastbench.convert.har.har_file import Entry
from fastbench.convert.script_text import identifier

_MADE_UP = re.compile(
    r"(^|_)(id|ids|uuid|guid|token|csrf|xsrf|nonce|code|state|key|ref|slug|sid|session|hash|cursor"
    r"|ticket|signature|etag|number)$"
)
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[\w.~+/=:-]{8,}|[A-Za-z0-9_-]{20,}|[0-9]{6,}")
_WORDS = {"true", "false", "null", "none", "undefined", "application/json"}
_INPUT = re.compile(r"<(?:input|meta)\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""")
_KEPT_HEADERS = re.compile(r"(csrf|xsrf|token|authorization|request-id|session)", re.IGNORECASE)
_MAX_LEAVES = 20_000  # of one answer
_MAX_VALUE = 8192


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: the expression that reads it from `response`, and its name."""

    entry: Entry  # whose answer has it
    expression: str
    name: str
    value: Any
    helper: str = ""


class Values:
    """Find the source of what a request sends."""

    def __init__(self, entries: list[Entry]) -> None:
        said: set[str] = set()
        self._found: dict[str, Source] = {}
        # An answer has thousands of values, of which requests send a few.
        sent = {value for entry in entries for value in _sent(entry)}

        def wanted(value: object) -> bool:
            text = as_text(value)
            return text in sent and text not in said and text not in self._found

        for entry in entries:
            for each in (entry, *entry.followed):
                said.update(_said(each))
            for value, source in _offers(entry, wanted):
                if wanted(value) and worthy(as_text(value), source.name):
                    self._found[as_text(value)] = source

    def source(self, value: object, name: str, entry: Entry) -> Source | None:
        """Return where the value comes from, of an answer before this entry."""
        found = self._found.get(as_text(value))
        if found is None or found.entry.last.number >= entry.number or found.entry is entry:
            return None
        text = as_text(value)
        if len(text) < 4 and not _MADE_UP.search(identifier(name)):
            return None
        return found


def as_text(value: object) -> str:
    """Return a value as a request has it in a form or in a path."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def worthy(text: str, name: str) -> bool:
    """Tell whether a value is worth a variable."""
    if not text or len(text) > _MAX_VALUE or text.lower() in _WORDS or "\n" in text:
        return False
    if _TOKEN.fullmatch(text):
        return True
    return _MADE_UP.search(name) is not None and len(text) < 200 and " " not in text


def _said(entry: Entry) -> Iterator[str]:
    """Give every value that a request sends."""
    for segment in entry.parts.path.split("/"):
        yield unquote(segment)
    for _, value in parse_qsl(entry.parts.query, keep_blank_values=True):
        yield value
    for _, value in entry.headers:
        yield value
        yield value.rpartition(" ")[2]
    for param in entry.params:
        yield unquote_plus(str(param.get("value") or ""))
    if "json" in entry.body_type:
        for _, value in leaves(_json(entry.body)):
            yield as_text(value)
    elif entry.body:
        for _, value in parse_qsl(entry.body, keep_blank_values=True):
            yield value


def _sent(entry: Entry) -> Iterator[str]:
    """Give every text that a variable may stand for in a request."""
    yield from _said(entry)
    for name, _, value in (pair.partition("=") for pair in entry.parts.query.split("&")):
        yield unquote(value.replace("+", " ")) or name
    for _, value in entry.headers:
        yield value.partition(" ")[2]
    for param in entry.params:
        yield str(param.get("value") or "")
    if entry.body[:1] in ("{", "["):
        for _, value in leaves(_json(entry.body)):
            yield as_text(value)
    elif entry.body_type.lower().startswith("multipart/"):
        for part in entry.body.split("\r\n\r\n"):
            yield part.partition("\r\n--")[0]


def _offers(entry: Entry, wanted: Callable[[object], bool]) -> Iterator[tuple[object, Source]]:
    """Give the values of an answer that are wanted, each with where it is found."""
    last = entry.last
    if "json" in last.answer_type or last.answer[:1] in ("{", "["):
        for path, value in leaves(_json(last.answer)):
            if path and wanted(value):
                expression = f"response.json({quoted(selector(path))})"
                yield value, Source(entry, expression, _path_name(path), value)
    if "html" in last.answer_type:
        yield from _hidden(entry, last.answer)
    for name, value in last.answer_headers:
        if _KEPT_HEADERS.search(name) and name.lower() != "set-cookie":
            yield from _header(entry, name, value)
    for each in (entry, *entry.followed):
        for name, value in each.answer_headers:
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                kept = unquote(rest.partition(";")[0])
                if wanted(kept):
                    expression = f"unquote(vu.cookies.get({quoted(key.strip())}) or '')"
                    yield kept, Source(entry, expression, identifier(key), kept, helper="unquote")
    yield from _location(entry, last)


def _header(entry: Entry, name: str, value: str) -> Iterator[tuple[object, Source]]:
    """Give a header of an answer, and what stands behind its scheme."""
    source = f"response.headers[{quoted(name)}]"
    yield value, Source(entry, source, identifier(name), value)
    bare = value.rpartition(" ")[2]
    if bare != value:
        yield bare, Source(entry, f'{source}.rpartition(" ")[2]', identifier(name), bare)


def _location(entry: Entry, last: Entry) -> Iterator[tuple[object, Source]]:
    """Give what stands in the addresses that redirects name, and that of what was made (201)."""
    if (location := last.answered("location")) and not 300 <= last.status < 400:
        where = location.partition("?")[0].rstrip("/")
        final = where.rpartition("/")[2]
        name = where.rpartition("/")[0].rpartition("/")[2].rstrip("s")
        expression = 'response.headers["Location"].rstrip("/").rpartition("/")[2]'
        yield unquote(final), Source(entry, expression, f"{identifier(name, 'new')}_id", final)
    elif last is not entry or location:
        address = urljoin(last.url, location) if location else last.url
        source = 'response.headers["Location"]' if location else "response.url"
        for name, value in parse_qsl(address.partition("?")[2].partition("#")[0]):
            pattern = f"found({_pattern(f'[?&]{_escaped(name)}=([^&#]+)')}, {source})"
            made = Source(entry, f"unquote({pattern})", identifier(name), value, "found,unquote")
            yield value, made
        path = address.partition("?")[0].rstrip("/")
        final = path.rpartition("/")[2]
        name = path.rpartition("/")[0].rpartition("/")[2].rstrip("s")
        expression = f'{source}.partition("?")[0].rstrip("/").rpartition("/")[2]'
        yield unquote(final), Source(entry, expression, f"{identifier(name, 'new')}_id", final)


def _hidden(entry: Entry, page: str) -> Iterator[tuple[object, Source]]:
    """Give the values of fields and of meta elements of a page."""
    for match in _INPUT.finditer(page):
        found = {name.lower(): a or b or c for name, a, b, c in _ATTRIBUTE.findall(match[0])}
        name = found.get("name", "")
        key = "content" if match[0][1:5].lower() == "meta" else "value"
        value = html.unescape(found.get(key, ""))
        if not name or not value or f'name="{name}"' not in match[0]:
            continue
        first = match[0].find(f'name="{name}"') < match[0].find(f'{key}="')
        escaped = _escaped(name)
        pattern = (
            f'name="{escaped}"[^>]*{key}="([^"]*)'
            if first
            else f'{key}="([^"]*)"[^>]*name="{escaped}"'
        )
        expression = f"found({_pattern(pattern)}, response.text)"
        yield value, Source(entry, expression, identifier(name), value, helper="found")


def _escaped(name: str) -> str:
    return re.escape(name).replace("\\-", "-")


def _pattern(pattern: str) -> str:
    """Write a pattern: raw where that is the same text, for names come from the recorded page."""
    for mark in ("'", '"'):
        raw = f"r{mark}{pattern}{mark}"
        if mark not in pattern and pattern.isprintable() and not pattern.endswith("\\"):
            return raw
    return quoted(pattern)


def leaves(
    value: object, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Give the texts and numbers of a JSON value with their paths, the first 20,000."""
    stack: list[tuple[tuple[str | int, ...], object]] = [(path, value)]
    count = 0
    while stack and count < _MAX_LEAVES:
        at, each = stack.pop()
        if isinstance(each, dict):
            stack += [((*at, str(key)), inner) for key, inner in reversed(each.items())]
        elif isinstance(each, list):
            stack += [((*at, n), inner) for n, inner in reversed(list(enumerate(each)))]
        elif isinstance(each, str | int | float) and not isinstance(each, bool):
            count += 1
            yield at, each


def selector(path: tuple[str | int, ...]) -> str:
    """Write a path as `response.json` reads it."""
    found = ""
    for step in path:
        if isinstance(step, int):
            found += f"[{step}]"
        elif re.fullmatch(r"[\w$@ -]+", step) and not step.isdigit() and step.strip() == step:
            found += f".{step}" if found else step
        else:
            found += f"['{step}']" if "'" not in step else f'["{step}"]'
    return found


def _path_name(path: tuple[str | int, ...]) -> str:
    """Return a name for what stands at a path: `cart_id` for cart.id, `item_id` for items[0].id."""
    words = [each for each in path if isinstance(each, str)]
    last = identifier(words[-1]) if words else "value"
    if (
        last in ("id", "uuid", "key", "code", "slug", "ref", "token", "number", "hash")
        and len(words) > 1
    ):
        before = identifier(words[-2])
        return (
            last if before in ("data", "result", "value") else f"{before.removesuffix('s')}_{last}"
        )
    return last


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
