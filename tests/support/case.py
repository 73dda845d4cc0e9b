"""What a row of the corpus is, and short ways to write one."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CHUNKED",
    "LENGTH_5",
    "NEXT",
    "Case",
    "Sequence",
    "answer",
    "bad",
    "chunked",
    "cut",
    "five",
    "hello",
    "ok",
    "to_eof",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One response on the wire; status, body and consumed are what "ok" must show."""

    subject: str
    name: str
    wire: bytes
    outcomes: frozenset[str]
    status: int
    body_bytes: int
    reusable: bool
    consumed: int
    head: bool
    closes: bool

    def __str__(self) -> str:
        return f"{self.subject}: {self.name}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """Several responses in one stream: the outcome of each, and the bytes nobody asked for."""

    subject: str
    name: str
    wire: bytes
    heads: tuple[bool, ...]
    statuses: tuple[int, ...]
    left_over: int


def answer(
    *fields: bytes | str, start: bytes | str = "HTTP/1.1 200 OK", body: bytes = b""
) -> bytes:
    """Render a response: start line, fields, blank line, body."""
    lines = [line.encode() if isinstance(line, str) else line for line in (start, *fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*lines: bytes, fields: tuple[str, ...] = (), start: str = "HTTP/1.1 200 OK") -> bytes:
    """Render a chunked response from the lines of its body, CRLF after each."""
    body = b"".join(line + b"\r\n" for line in lines)
    return answer("Transfer-Encoding: chunked", *fields, start=start, body=body)


NEXT = answer("Content-Length: 4", body=b"next")
LENGTH_5 = "Content-Length: 5"
CHUNKED = "Transfer-Encoding: chunked"


def ok(
    subject: str,
    name: str,
    wire: bytes,
    *,
    body: int = 0,
    status: int = 200,
    reusable: bool = True,
    head: bool = False,
    closes: bool = False,
    extra: bytes = b"",
    also: str = "ok",
) -> Case:
    """Expect a complete message; `extra` follows it and belongs to nobody."""
    outcomes = frozenset({"ok", also})
    return Case(
        subject, name, wire + extra, outcomes, status, body, reusable, len(wire), head, closes
    )


def to_eof(
    subject: str, name: str, wire: bytes, *, body: int, status: int = 200, also: str = "ok"
) -> Case:
    """Expect a body that ends where the connection does."""
    return ok(subject, name, wire, body=body, status=status, reusable=False, closes=True, also=also)


def bad(subject: str, name: str, wire: bytes, *outcomes: str, head: bool = False) -> Case:
    """Expect a refusal, without waiting for the peer to close."""
    allowed = frozenset(outcomes or {"protocol"})
    return Case(subject, name, wire, allowed, 0, 0, False, 0, head, False)


def cut(subject: str, name: str, wire: bytes, *, body: int = 0) -> Case:
    """Expect a message that the peer's close cut short, its partial body counted."""
    return Case(subject, name, wire, frozenset({"truncated"}), 0, body, False, 0, False, True)


def five(subject: str, name: str, wire: bytes, *, reusable: bool = True, also: str = "ok") -> Case:
    """Expect a complete message with five bytes of body."""
    return ok(subject, name, wire, body=5, reusable=reusable, also=also)


def hello(*fields: bytes | str, start: bytes | str = "HTTP/1.1 200 OK") -> bytes:
    """Render a response with these fields, a length and five bytes of body."""
    return answer(*fields, LENGTH_5, start=start, body=b"hello")
