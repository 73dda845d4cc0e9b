"""From a request as it is typed to its pieces: each value escaped for the place where it stands.

1. Places: path and query, the value of a field, and in a body a string of JSON, JSON outside of
   strings, a form, the head of a part of multipart/form-data, or anything else.
2. Which of them a body is its Content-Type says. Without one it is JSON if it is: an object or a
   list, with numbers for its placeholders.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import http_message, placeholder_texts
from fastbench.plan.body import Body, Span, encoded
from fastbench.plan.pieces import Escape, Piece, Pieces, Varied
from fastbench.plan.plan import Request
from fastbench.plan.urls import basic
from fastbench.plan.varied import placeholder_values, reference
from fastbench.plan.varied.placeholder_values import Known

MAX_PIECES = 1000  # of one request
MAX_ALL_PIECES = 1_000_000  # of all requests of a run

Place = Literal["url", "header", "form", "json", "other", "quoted", "fixed", "expect"]

_RANDOM = ("uuid", "int", "zipf", "hex", "pick")
_IN_ANSWERS = ("text", "column", "seq")
_JSON = ("json", "x-ndjson", "jsonl", "x-jsonlines", "json-seq")
_ESCAPES: dict[Place, Escape] = {"url": "url", "form": "form"}
_NOT_VARIED = {
    "host": "--host is one name: the server that the connections are for",
    "connection": "Connection applies to the whole run",
}
_SPLITTING = b"\r\n\0"
_GROWTH: dict[Escape, int] = {"": 1, "url": 3, "form": 3, "json": 6}
_NUMBER_BYTES = 36  # a UUID, or 64 bits in decimal


@dataclass(slots=True)
class Cutter:
    """Cut the requests of a run; remembers what columns are used for.

    `columns` has for each column of the feed that is used the bytes that must not be in its values,
    and what they are used for.
    """

    known: Known
    columns: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    total: int = 0
    _place: int = 0
    _constant: dict[tuple[bytes, Place], Pieces] = field(default_factory=dict)

    def request(
        self, typed: Request, body: Body | None, *, expect: Pieces = (), credentials: str = ""
    ) -> Request:
        """Return the request with what varies in it; one that does not, without its backslashes.

        `body` is what its body was made of. Raises UsageError.
        """
        self._place = 0
        target = self.pieces(typed.target, "url")
        fields = tuple(
            (name, self._field(name, value, credentials))
            for name, value in typed.fields
            if name.lower() != b"content-length"
        )
        has_body = http_message.content_length(typed.method, typed.body) is not None
        pieces = self._body(typed, body) if has_body else None
        parts = [target, *(value for _, value in fields), pieces or (), expect]
        self._count(sum(map(len, parts)))
        if any(each.kind != "text" for part in parts for each in part):
            return replace(typed, varied=Varied(target, fields, pieces, expect))
        return _constant(typed, target, fields, pieces)

    def expected(self, text: str) -> Pieces:
        """Return what an answer must contain; raises UsageError for what nobody can know of it."""
        found = self.pieces(encoded(text), "expect")
        for each in found:
            if each.kind not in _IN_ANSWERS:
                raise UsageError(
                    f"--expect-body has {{{{{each.kind}}}}}, which is another value here than in "
                    "the request; look for columns of --feed, {{seq}} or text."
                )
        return found

    def pieces(self, data: bytes, place: Place) -> Pieces:
        """Cut one part; raises UsageError."""
        key = (data, place)
        if (known := self._constant.get(key)) is not None:
            return known
        found = self._numbered(_merged(self._cut(data, place)))
        if all(each.kind == "text" for each in found) and len(data) < 256:
            self._constant[key] = found
        return found

    def _cut(self, data: bytes, place: Place) -> Iterator[Piece]:
        if place == "fixed" or not placeholder_texts.has_any(data):
            yield Piece("text", text=data)
            return
        in_string = False
        for literal, found in placeholder_texts.cut(data):
            yield Piece("text", text=literal)
            if place == "json":
                in_string = _in_string(literal, in_string)
            if found is not None:
                piece = placeholder_values.piece(found.inner, self.known)
                yield self._escaped(piece, place, in_string)

    def _escaped(self, piece: Piece, place: Place, in_string: bool) -> Piece:
        """Escape what a piece says, and note what a column is used for."""
        escape: Escape = "json" if in_string else _ESCAPES.get(place, "")
        if piece.kind == "column":
            wrong, what = self.columns.get(piece.column, (b"", ""))
            if place in ("header", "quoted"):
                wrong += _SPLITTING + b'"' * (place == "quoted")
                what = what or ("a header" if place == "header" else "the head of a form field")
            self.columns[piece.column] = wrong, what
            return replace(piece, escape=escape)
        if piece.kind == "pick":
            return replace(piece, choices=tuple(_sent(v, escape, place) for v in piece.choices))
        if piece.kind == "text":
            return replace(piece, text=_sent(piece.text, escape, place))
        return piece

    def _numbered(self, pieces: Iterable[Piece]) -> Pieces:
        """Give each random value a place of its own in the request."""
        found = []
        for each in pieces:
            if each.kind in _RANDOM:
                each = replace(each, place=self._place)
                self._place += 1
            found.append(each)
        return tuple(found)

    def _field(self, name: bytes, value: bytes, credentials: str) -> Pieces:
        if credentials and placeholder_texts.has_any(credentials):
            pair = encoded(credentials)
            if name == b"Authorization" and value == encoded(basic(pair)):
                said = self.pieces(pair, "header")
                return (Piece("text", text=b"Basic "), Piece("base64", width=len(said)), *said)
        found = self.pieces(value, "header")
        why = _NOT_VARIED.get(name.decode("latin-1").lower())
        if why is not None and any(each.kind != "text" for each in found):
            raise UsageError(f"{why}; placeholders do not stand there.")
        if len(found) == 1 and found[0].kind == "text":  # {{env:NAME}} may have blanks around it
            return (Piece("text", text=found[0].text.strip(b" \t")),)
        return found

    def _body(self, typed: Request, body: Body | None) -> Pieces:
        data = typed.body or b""
        if not placeholder_texts.has_any(data):
            return (Piece("text", text=data),) if data else ()
        place = _place_of(typed, data)
        parts: list[Piece] = []
        for begin, end, of in _regions(body, place, len(data)):
            parts += self._cut(data[begin:end], of)
        return self._numbered(_merged(parts))

    def _count(self, pieces: int) -> None:
        self.total += pieces
        if pieces > MAX_PIECES:
            raise UsageError(
                f"A request has more than {MAX_PIECES:,} placeholders and texts between them; "
                "use fewer."
            )
        if self.total > MAX_ALL_PIECES:
            raise UsageError(
                f"The requests have more than {MAX_ALL_PIECES:,} placeholders and texts between "
                "them; use a shorter list, with columns of --feed for what differs."
            )


def most_bytes(request: Request, longest: tuple[int, ...]) -> int:
    """Return how long the request may be; `longest` is of the values of each column."""
    found = request.varied
    if found is None:
        return len(request.payload)
    parts = [found.target, *(value for _, value in found.fields), found.body or ()]
    names = sum(len(name) + 4 for name, _ in found.fields)
    return names + sum(_most(each, longest) for part in parts for each in part)


def _most(piece: Piece, longest: tuple[int, ...]) -> int:
    if piece.kind == "column":
        return longest[piece.column] * _GROWTH[piece.escape]
    if piece.kind == "pick":
        return max(map(len, piece.choices))
    return max(len(piece.text), piece.width, _NUMBER_BYTES)


def _constant(
    typed: Request, target: Pieces, fields: tuple[tuple[bytes, Pieces], ...], body: Pieces | None
) -> Request:
    """Return the request without the backslashes of what is written \\{{."""
    data = None if typed.body is None else _text(body or ())
    left = iter(fields)
    sent = tuple(
        (name, b"%d" % len(data or b""))
        if name.lower() == b"content-length"
        else (name, _text(next(left)[1]))
        for name, _ in typed.fields
    )
    return replace(typed, target=_text(target), fields=sent, body=data)


def _text(pieces: Pieces) -> bytes:
    return b"".join(each.text for each in pieces)


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Join texts that follow each other."""
    texts: list[bytes] = []
    for each in pieces:
        if each.kind == "text":
            texts += [each.text] if each.text else []
            continue
        if texts:
            yield Piece("text", text=b"".join(texts))
            texts = []
        yield each
    if texts:
        yield Piece("text", text=b"".join(texts))


def _sent(value: bytes, escape: Escape, place: Place) -> bytes:
    """Return a constant value as its place wants it."""
    if place in ("header", "quoted") and any(byte in _SPLITTING for byte in value):
        raise UsageError("A value for a header has a line break or NUL; remove it.")
    if place == "quoted":
        return value.replace(b'"', b"%22")
    return reference.escaped(value, escape)


def _in_string(literal: bytes, inside: bool) -> bool:
    """Tell whether the end of some JSON is in a string (RFC 8259 section 7)."""
    at = 0
    while (at := literal.find(b'"', at)) >= 0:
        before = at
        while before and literal[before - 1 : before] == b"\\":
            before -= 1
        if not inside or (at - before) % 2 == 0:
            inside = not inside
        at += 1
    return inside


def _place_of(typed: Request, data: bytes) -> Place:
    """Return what a body is by its Content-Type, or else by its look."""
    fields = {name.lower(): value for name, value in typed.fields}
    kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if not kind:
        return "json" if _is_json(data) else "other"
    subtype = kind.rpartition("/")[2]
    if subtype in _JSON or subtype.endswith("+json"):
        return "json"
    return "form" if subtype == "x-www-form-urlencoded" else "other"


def _is_json(data: bytes) -> bool:
    if data.lstrip()[:1] not in (b"{", b"["):
        return False
    parts = [literal + (b"1" if found else b"") for literal, found in placeholder_texts.cut(data)]
    try:
        json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        return False
    return True


def _regions(body: Body | None, place: Place, size: int) -> Iterator[tuple[int, int, Place]]:
    """Yield the regions of a body, each with what stands there."""
    spans: list[tuple[Span, Place]] = []
    if body is not None:
        spans += [(each, "fixed") for each in body.fixed]
        spans += [(each, "quoted") for each in body.quoted]
    at = 0
    for (begin, end), of in sorted(spans):
        yield at, begin, place
        yield begin, end, of
        at = end
    yield at, size, place
