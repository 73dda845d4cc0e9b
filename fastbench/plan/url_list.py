"""Lists of requests: one URL a line, with weight and method, headers and a body of its own.

1. `[WEIGHT] [METHOD] URL` begins an entry; below it may stand headers (`Name: value`) and then
   `@FILE`, its body, up to a blank line: the format of vegeta's targets. A line that begins with #
   is a comment. A path in it is seen from the current folder, as everywhere.
2. Or every line is a JSON object: url, method, weight, headers, and body: a text, or any other JSON
   value, which is sent as such. vegeta's `header` is read, too; beside it the body is base64.
3. Placeholders stand in URLs, values of headers and bodies, but in body_base64; `raw` says that
   there are none.
4. Whatever is wrong is one UsageError with name and line.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import placeholder_texts, text_file, urls
from fastbench.plan.body import Body, encoded, of_file
from fastbench.plan.plan import MAX_WEIGHT, check_header, check_method

MAX_LINES = 100_000

_METHOD_WORD = re.compile(r"[A-Za-z-]+")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(?:[ \t]+(.*))?")  # RFC 9110 section 5.5
_NO_BLANK = re.compile(r"[A-Za-z][\w-]*:(?!//)[^/\d]")
_KEYS = ("url", "method", "weight", "headers", "body", "body_base64")


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one entry; `method` is "" where it names none, `place` says where it stands.

    `headers` and `body` are its own, beside those that all requests have.
    """

    url: urls.Url
    method: str = ""
    weight: int = 1
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    place: str = ""


def read(lines: Iterable[str], name: str, *, raw: bool = False) -> list[Line]:
    """Read a list; the lines come without their ends."""
    reader = _Reader(raw)
    for number, line in enumerate(lines, 1):
        place = f"{name}, line {number}"
        try:
            reader.take(line.strip(" \t"), place)
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None
        if len(reader.entries) > MAX_LINES:
            raise UsageError(f"{name} has more than {MAX_LINES} URLs; split the file.")
    if not reader.entries:
        raise UsageError(f"{name} has no URL; write one per line, `[WEIGHT] [METHOD] URL`.")
    return reader.entries


class _Reader:
    """Take lines one after another; an entry is open for headers and body until a blank line."""

    def __init__(self, raw: bool) -> None:
        self.entries: list[Line] = []
        self._raw = raw
        self._open = False
        self._files: dict[str, bytes] = {}

    def take(self, line: str, place: str) -> None:
        if line.startswith("#"):
            return
        if not line:
            self._open = False
        elif line.startswith("{"):
            self._open = False
            self.entries.append(replace(_of_json(line, self._raw), place=place))
        elif line.startswith("@"):
            self._body(line[1:].strip())
        elif header := _HEADER.fullmatch(line):
            self._header(header[1], header[2] or "")
        elif self._open and _NO_BLANK.match(line):
            _refuse("a header below its URL is `Name: value`, with a space after the colon.")
        else:
            self.entries.append(replace(_entry(line, self._raw), place=place))
            self._open = True

    def _header(self, name: str, value: str) -> None:
        entry = self._entry("a header")
        if entry.body is not None:
            _refuse("headers come before the @FILE of the body.")
        self.entries[-1] = replace(entry, headers=(*entry.headers, _header(name, value)))

    def _body(self, path: str) -> None:
        entry = self._entry("the @FILE of a body")
        if entry.body is not None:
            _refuse("a request has one body; this is the second @FILE.")
        if path not in self._files:
            self._files[path] = text_file.read_bytes(path, "@FILE")
        self.entries[-1] = replace(entry, body=of_file(self._files[path]))

    def _entry(self, what: str) -> Line:
        if not self._open:
            _refuse(f"{what} must follow its URL directly, without a blank line.")
        return self.entries[-1]


def _entry(line: str, raw: bool) -> Line:
    # Other white space is part of a URL, and refused there.
    words = re.split(r"[ \t]+", line) if raw else placeholder_texts.words(line)
    weight, method = 1, ""
    if len(words) > 1 and re.fullmatch(r"[0-9]{1,9}", words[0]):
        weight = _weight(int(words.pop(0)))
    if len(words) > 1 and _METHOD_WORD.fullmatch(words[0]):
        method = check_method(words.pop(0))
    if len(words) != 1:
        _refuse("expected `[WEIGHT] [METHOD] URL`; write a space in a URL as %20.")
    return Line(_url(words[0], raw), method, weight)


def _url(text: str, raw: bool) -> urls.Url:
    return urls.parse(text) if raw else placeholder_texts.url(text)


def _of_json(line: str, raw: bool) -> Line:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "nested too deeply")
        _refuse(f'not JSON, {reason}; an entry is one line, {{"url": …, "method": …}}.')
    of_vegeta = "header" in found
    known = (*_KEYS, "header")
    if unknown := [key for key in found if key not in known]:
        _refuse(f"an entry has no `{unknown[0]}`; there are {', '.join(_KEYS)}.")
    if not isinstance(found.get("url"), str):
        _refuse('an entry has a "url", for example {"url": "http://localhost:8080/"}.')
    method, weight = found.get("method") or "", found.get("weight", 1)
    if not isinstance(method, str):
        _refuse('"method" is a text such as "POST".')
    if not isinstance(weight, int) or isinstance(weight, bool):
        _refuse('"weight" is a whole number.')
    headers = _headers({**_object(found, "headers"), **_object(found, "header")})
    return Line(
        url=_url(found["url"], raw),
        method=check_method(method) if method else "",
        weight=_weight(weight),
        headers=headers,
        body=_body_of(found, of_vegeta=of_vegeta, raw=raw),
    )


def _object(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    if value is not None and not isinstance(value, dict):
        _refuse(f'"{key}" is an object, for example {{"X-Key": "1"}}.')
    return value or {}


def _headers(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the headers of an entry; several of one name are a list."""
    pairs = []
    for name, value in given.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, bool) or not isinstance(each, str | int | float):
                _refuse(f"the value of header {name} is a text, or a list of texts.")
            pairs.append(_header(name, str(each)))
    return tuple(pairs)


def _header(name: str, value: str) -> tuple[str, str]:
    if name.lower() == "connection":
        _refuse("Connection applies to the whole run: --no-keepalive, or -H 'Connection: close'.")
    return check_header(name, value)


def _body_of(found: Mapping[str, Any], *, of_vegeta: bool, raw: bool) -> Body | None:
    body, packed = found.get("body"), found.get("body_base64")
    if of_vegeta and isinstance(body, str) and packed is None:
        body, packed = None, body
    if body is not None and packed is not None:
        _refuse('a request has one body: "body" or "body_base64".')
    if packed is not None:
        try:
            data = b64decode(packed, validate=True)
            return Body(data, fixed=((0, len(data)),))
        except (binascii.Error, TypeError, ValueError):
            _refuse('the body is not base64; for a text body use "body", without `header`.')
    if body is None or isinstance(body, str):
        return None if body is None else Body(encoded(body))
    text = json.dumps(body, ensure_ascii=False)
    return Body(encoded(text if raw else _as_typed(text)), "application/json")


def _as_typed(text: str) -> str:
    """Return JSON with its placeholders as they stood in its strings, where a backslash was one."""
    text = re.sub(r"(?<!\\)((?:\\\\\\\\)*)\\\\(?=\{\{)", r"\1\\", text)
    return placeholder_texts.inside(text, lambda inner: str(json.loads(f'"{inner}"')))


def _weight(weight: int) -> int:
    if not 1 <= weight <= MAX_WEIGHT:
        _refuse(f"a weight is between 1 and {MAX_WEIGHT}, not {weight}.")
    return weight


def _refuse(sentence: str) -> NoReturn:
    raise UsageError(sentence)
