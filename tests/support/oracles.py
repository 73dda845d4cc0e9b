"""Two other HTTP/1.1 parsers asked the same question: h11 (strict) and httptools (llhttp).

Both are right about most things and neither about all. Each known difference is a predicate over
the bytes with the reason why ours differs: `H11` and `HTTPTOOLS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import h11
import httptools

__all__ = [
    "H11",
    "HTTPTOOLS",
    "Excuse",
    "Verdict",
    "ask_h11",
    "ask_httptools",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an oracle made of a response whose peer then closed; None: it wanted more bytes."""

    accepted: bool | None
    status: int = 0
    body_bytes: int = 0
    reusable: bool = False


def ask_h11(wire: bytes, *, head: bool) -> Verdict:
    """Read one response with h11."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**24)
    client.send(h11.Request(method="HEAD" if head else "GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    status = body_bytes = 0
    closed = False
    try:
        client.receive_data(wire)
        while not isinstance(event := client.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
            if event is h11.NEED_DATA:
                client.receive_data(b"")
                closed = True
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body_bytes += len(event.data)
    except h11.RemoteProtocolError:
        return Verdict(False)
    complete = isinstance(event, h11.EndOfMessage)
    reusable = complete and not closed and client.their_state is h11.DONE
    return Verdict(complete, status, body_bytes, reusable) if complete else Verdict(False)


@dataclass(slots=True)
class _Heard:
    """The callbacks of httptools, counting the body of the last message begun."""

    parser: httptools.HttpResponseParser | None = None
    status: int = 0
    body_bytes: int = 0
    complete: bool = False
    reusable: bool = False

    def on_headers_complete(self) -> None:
        assert self.parser is not None
        self.status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)

    def on_message_complete(self) -> None:
        assert self.parser is not None
        self.complete = self.status >= 200
        self.reusable = self.parser.should_keep_alive()


def ask_httptools(wire: bytes) -> Verdict:
    """Read one response to a GET with httptools, which cannot be told that the peer closed."""
    heard = _Heard()
    heard.parser = httptools.HttpResponseParser(heard)
    for i in range(len(wire)):
        try:
            heard.parser.feed_data(wire[i : i + 1])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return Verdict(False)
        if heard.complete:
            return Verdict(True, heard.status, heard.body_bytes, heard.reusable)
    return Verdict(None, heard.status, heard.body_bytes)


Excuse = tuple[str, Callable[[bytes], object]]


def _pattern(expression: bytes) -> Callable[[bytes], object]:
    return re.compile(expression, re.IGNORECASE | re.DOTALL).search


def _longer_than(limit: int) -> Callable[[bytes], bool]:
    return lambda wire: len(wire) > limit


def _many_interim(wire: bytes) -> bool:
    return wire.count(b"HTTP/1.1 1") > 32


def _two_lengths(wire: bytes) -> bool:
    """More than one Content-Length, in one field or in several."""
    values = re.findall(rb"content-length:([^\n]*)", wire, re.IGNORECASE)
    return len(values) > 1 or any(b"," in value for value in values)


BOTH: Sequence[Excuse] = (
    ("heads and extensions are bounded here", _longer_than(4096)),
    ("at most 32 interim answers are skipped here", _many_interim),
    ("RFC 9110 §2.5: another major version is another protocol", _pattern(rb"http/[02-9]")),
    ("RFC 9110 §5.5: a CTL in a field or reason is invalid",
     _pattern(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")),
    ("RFC 9112 §7.1.1: BWS before a chunk extension", _pattern(rb"[0-9a-f][ \t]+;")),
    ("RFC 9112 §6.3: a repeated equal length is one length", _two_lengths),
    ("RFC 9112 §6.1: chunked wins over a length and ends reuse",
     _pattern(rb"(content-length:.*transfer-encoding:|transfer-encoding:.*content-length:)")),
    ("RFC 9112 §6.3: two coding fields are read to the end",
     _pattern(rb"transfer-encoding:.*transfer-encoding:")),
    ("RFC 9112 §5.2: a fold becomes a space, but never in a framing field", _pattern(rb"\n[ \t]")),
)  # fmt: skip

H11: Sequence[Excuse] = (
    *BOTH,
    ("RFC 9112 §2.2: an empty line may stand before the start line",
     _pattern(rb"^[\r\n]|\n\r?\n\r?\n")),
    ("RFC 9112 §6.3: an unknown coding is read to the end",
     _pattern(rb"transfer-encoding:[ \t]*(?!chunked[ \t]*\r?\n)")),
    ("RFC 9112 §9.3: HTTP/1.0 may be kept alive", _pattern(rb"http/1\.0.*keep-alive")),
)  # fmt: skip

HTTPTOOLS: Sequence[Excuse] = (
    *BOTH,
    ("RFC 9112 §2.2: a line may end in LF alone", _pattern(rb"(?<!\r)\n")),
    ("RFC 9112 §2.2: a CR alone ends no line", _pattern(rb"\r(?!\n)")),
    ("RFC 9112 §2.3: the protocol is named HTTP", _pattern(rb"rtsp/|ice/")),
    ("RFC 9110 §2.5: a higher minor version is read as 1.1", _pattern(rb"http/1\.[2-9]")),
    ("RFC 9112 §7.1.1: an extension's grammar does not frame", _pattern(rb"\n[0-9a-f]+[ \t;]")),
    ("RFC 9112 §7.1.2: a trailer changes nothing",
     _pattern(rb"\n0+(;[^\n]*)?\r\n.*(connection|content-length|transfer-encoding):")),
    ("RFC 9112 §6.1: chunked from HTTP/1.0 ends reuse", _pattern(rb"http/1\.0.*transfer-encoding")),
    ("RFC 9112 §9.3: close wins over keep-alive",
     _pattern(rb"http/1\.0.*connection:[^\n]*keep-alive.*close")),
    ("RFC 9112 §9.3: Proxy-Connection is not Connection", _pattern(rb"proxy-connection")),
    ("RFC 9110 §15.2: an interim answer frames nothing",
     _pattern(rb"http/1.1 1.*(connection|content-length|transfer-encoding):.*http/1")),
)  # fmt: skip
