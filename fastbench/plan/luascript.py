"""Read the wrk scripts that only set wrk.method, wrk.body and wrk.headers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import check_header, check_method

_SKIP = re.compile(rb"(?:\s|;|--\[(=*)\[.*?\]\1\]|--(?!\[=*\[)[^\n]*)*", re.DOTALL)
_NAME = rb"[A-Za-z_][A-Za-z0-9_]*"
_TARGET = re.compile(rb"wrk\s*\.\s*(" + _NAME + rb")\s*(?:\.\s*(" + _NAME + rb")|(\[))?")
_LONG = re.compile(rb"\[(=*)\[(.*?)\]\1\]", re.DOTALL)
# Possessive: an open string of many escapes is refused in one pass.
_INSIDE = rb"((?:[^%b\\\n]|\\(?>z\s*|\r\n|.))*+)"
_QUOTED = re.compile(b"'%b'|\"%b\"" % (_INSIDE % b"'", _INSIDE % b'"'), re.DOTALL)
_ESCAPE = re.compile(
    rb"\\(?:z\s*|x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]{1,8})\}|([0-9]{1,3})|(\r\n|.))", re.DOTALL
)
_LETTERS = {
    b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
    b"\\": b"\\", b"'": b"'", b'"': b'"', b"\n": b"\n", b"\r": b"\n", b"\r\n": b"\n",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """Hold what a script sets; `method` is GET when it sets none, as in wrk."""

    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


class _Reader:
    """Walk over the source; every step either consumes something or refuses the line."""

    def __init__(self, source: bytes, name: str) -> None:
        self.source = source
        self.name = name
        self.at = 0

    def skip(self) -> None:
        match = _SKIP.match(self.source, self.at)
        self.at = match.end() if match else self.at

    def take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        self.skip()
        match = pattern.match(self.source, self.at)
        if match is None:
            raise self.refusal()
        self.at = match.end()
        return match

    def sign(self, sign: bytes) -> None:
        self.take(re.compile(re.escape(sign)))

    def string(self) -> bytes:
        self.skip()
        if match := _LONG.match(self.source, self.at):
            self.at = match.end()
            text = re.sub(rb"\r\n|\n\r|\r", b"\n", match[2])  # Lua 5.1 manual, section 2.1
            return text[1:] if text.startswith(b"\n") else text
        match = self.take(_QUOTED)
        raw = match[1] if match[1] is not None else match[2]
        return _ESCAPE.sub(self._escape, raw)

    def refusal(self) -> UsageError:
        line = self.source.count(b"\n", 0, self.at) + 1
        return UsageError(
            f"{self.name}, line {line}: only wrk.method, wrk.body and wrk.headers set to strings "
            "are read; write the rest as a Python scenario and use `fastbench run FILE.py`."
        )

    def _escape(self, match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        if match[2] and int(match[2], 16) <= 0x10FFFF:
            return chr(int(match[2], 16)).encode("utf-8", "surrogatepass")
        if match[3] and int(match[3]) <= 255:
            return bytes([int(match[3])])
        if match[4] in _LETTERS:
            return _LETTERS[match[4]]
        if match[0].startswith(b"\\z"):
            return b""
        raise self.refusal()


def read(source: bytes, name: str) -> Script:
    """Read a script; anything but those three assignments is refused with its line number."""
    reader = _Reader(source, name)
    method, body = "GET", None
    headers: dict[str, tuple[str, str]] = {}
    reader.skip()
    while reader.at < len(source):
        start = reader.at
        target = reader.take(_TARGET)
        field = target[1].decode("ascii")
        key = target[2]
        if target[3]:
            key = reader.string()
            reader.sign(b"]")
        reader.sign(b"=")
        if (field == "headers") != (key is not None) or field not in ("method", "body", "headers"):
            reader.at = start
            raise reader.refusal()
        value = reader.string()
        if field == "body":
            body = value
        elif field == "method":
            method = check_method(_text(value))
        else:
            header = check_header(_text(key), _text(value))
            headers[header[0]] = header
        reader.skip()
    return Script(method, tuple(headers.values()), body)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
