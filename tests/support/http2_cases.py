"""Answers that break a rule of HTTP/2, each in one way, and what the client is to say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    OK_BLOCK,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    block,
    data,
    frame,
    headers,
    settings,
    window,
)

__all__ = ["BROKEN_CONNECTIONS", "BROKEN_STREAMS", "Broken"]


@dataclass(frozen=True, slots=True)
class Broken:
    """`wire` of the stream that awaits its answer; `rule` in our words, `code` as told the peer."""

    name: str
    rule: str
    wire: Callable[[int], bytes]
    code: str = "PROTOCOL_ERROR"


def head(*fields: tuple[str | bytes, str | bytes], status: bytes = OK_BLOCK) -> Broken:
    """Name a head by its last field."""
    text = status + block(*fields)
    name = " ".join(repr(each) for pair in fields for each in pair)
    return Broken(f"head {name}", "", lambda s: headers(s, text, end=True))


def heads(rule: str, *broken: Broken) -> list[Broken]:
    return [Broken(f"{rule}: {each.name}", rule, each.wire) for each in broken]


def unanswered(*fields: tuple[str | bytes, str | bytes]) -> Broken:
    """A head with these fields alone."""
    return head(*fields, status=b"")


def of_length(length: int, *parts: bytes) -> Callable[[int], bytes]:
    """An answer that says its length and then has these parts of a body."""

    def wire(stream: int) -> bytes:
        said = headers(stream, OK_BLOCK + block(("content-length", str(length))), end=not parts)
        bodies = [data(stream, part, end=i + 1 == len(parts)) for i, part in enumerate(parts)]
        return said + b"".join(bodies)

    return wire


def trailers(*fields: tuple[str | bytes, str | bytes]) -> Callable[[int], bytes]:
    return lambda s: headers(s) + data(s, b"hello") + headers(s, block(*fields), end=True)


def interim(stream: int, status: str = "103") -> bytes:
    return headers(stream, block((":status", status)))


BROKEN_STREAMS = [
    *heads("no :status", unanswered(("a", "b")), unanswered()),
    *heads("repeated pseudo-field", head((":status", "200"))),
    *heads("unknown pseudo-field", head((":path", "/")), head((":", "x"))),
    *heads("late pseudo-field", unanswered(("a", "b"), (":status", "200"))),
    *heads(
        ":status",
        *(unanswered((":status", text)) for text in ("20", "2000", "099", "2x0", "", " 200")),
    ),
    *heads("empty field name", head(("", "b"))),
    *heads("upper case in a field name", head(("Server", "x"))),
    *heads("byte in a field name", *(head((name, "x")) for name in ("a b", "a:", b"\xff", "a\0"))),
    *heads("byte in a field value", *(head(("a", text)) for text in ("x\0y", "x\ny", "x\ry"))),
    *heads("blank at an end of a field value", head(("a", " x")), head(("a", "x\t"))),
    *heads(
        "connection-specific field",
        *(
            head((name, "x"))
            for name in ("connection", "keep-alive", "proxy-connection", "upgrade", "te")
        ),
        head(("transfer-encoding", "chunked")),
    ),
    *heads(
        "content-length",
        *(head(("content-length", text)) for text in ("", "-1", "+0", "0x0", "0,0", "9" * 19)),
    ),
    *heads("content-lengths that differ", head(("content-length", "0"), ("content-length", "1"))),
    Broken("trailers with :status", "pseudo-field in trailers", trailers((":status", "200"))),
    Broken("trailers in upper case", "upper case in a field name", trailers(("X", "y"))),
    Broken("trailers of a connection", "connection-specific field", trailers(("connection", "x"))),
    Broken(
        "trailers that do not end",
        "trailers without an end",
        lambda s: headers(s) + headers(s, block(("a", "b"))),
    ),
    Broken("two final heads", "pseudo-field in trailers", lambda s: headers(s) + headers(s)),
    Broken("a body without a head", "DATA before the head", lambda s: data(s, b"x", end=True)),
    Broken(
        "an empty body without a head", "DATA before the head", lambda s: data(s, b"", end=True)
    ),
    Broken(
        "a padded body after an interim head alone",
        "DATA before the head",
        lambda s: interim(s) + data(s, b"x", end=True, padding=7),
    ),
    Broken("a body too short", "length of the body", of_length(6, b"hello")),
    Broken("a body too long", "length of the body", of_length(4, b"hel", b"lo")),
    Broken("no body at all", "length of the body", of_length(5)),
    Broken("a body of length 0", "length of the body", of_length(0, b"x")),
    Broken(
        "a body of 204",
        "length of the body",
        lambda s: headers(s, b"\x89") + data(s, b"x", end=True),
    ),
    Broken(
        "a body of 304",
        "length of the body",
        lambda s: headers(s, b"\x8b") + data(s, b"x", end=True),
    ),
    Broken(
        "trailers after a body too short",
        "length of the body",
        lambda s: of_length(6, b"hello", b"")(s)[:-9] + headers(s, block(("a", "b")), end=True),
    ),
    Broken(
        "an interim head that ends",
        "interim answer that ends",
        lambda s: headers(s, block((":status", "103")), end=True),
    ),
    Broken("a 101", "interim answer that ends", lambda s: interim(s, "101")),
    Broken(
        "33 interim heads",
        "interim answers of HTTP/2",
        lambda s: interim(s) * 33,
    ),
    Broken("a window that grows by 0", "window update of 0", lambda s: window(s, 0)),
    Broken(
        "a window of 2^31",
        "window overflow",
        lambda s: window(s, 0x7FFFFFFF),
        "FLOW_CONTROL_ERROR",
    ),
    Broken(
        "a PRIORITY of 4 bytes",
        "length of a frame",
        lambda s: frame(PRIORITY, bytes(4), 0, s),
        "FRAME_SIZE_ERROR",
    ),
]


def wrong(rule: str, code: str, **wires: Callable[[int], bytes]) -> list[Broken]:
    return [
        Broken(f"{rule}: {name.replace('_', ' ')}", rule, wire, code)
        for name, wire in wires.items()
    ]


BROKEN_CONNECTIONS = [
    *wrong(
        "stream of a frame",
        "PROTOCOL_ERROR",
        DATA=lambda s: data(0, b"x"),
        HEADERS=lambda s: headers(0),
        PRIORITY=lambda s: frame(PRIORITY, bytes(5)),
        RST_STREAM=lambda s: frame(RST_STREAM, bytes(4)),
        SETTINGS=lambda s: frame(SETTINGS, b"", 0, s),
        PING=lambda s: frame(PING, bytes(8), 0, s),
        GOAWAY=lambda s: frame(GOAWAY, bytes(8), 0, s),
    ),
    *wrong(
        "stream that was never opened",
        "PROTOCOL_ERROR",
        HEADERS_on_an_even_one=lambda s: headers(2),
        HEADERS_on_an_idle_one=lambda s: headers(s + 1000),
        DATA_on_an_even_one=lambda s: data(2, b"x"),
        DATA_on_an_idle_one=lambda s: data(s + 1000, b"x"),
        RST_STREAM_on_an_idle_one=lambda s: frame(RST_STREAM, bytes(4), 0, s + 1000),
        WINDOW_UPDATE_on_an_idle_one=lambda s: window(s + 1000, 1),
        the_highest=lambda s: headers(0x7FFFFFFF),
    ),
    *wrong(
        "length of a frame",
        "FRAME_SIZE_ERROR",
        SETTINGS=lambda s: frame(SETTINGS, bytes(5)),
        SETTINGS_ACK=lambda s: frame(SETTINGS, bytes(6), ACK),
        PING=lambda s: frame(PING, bytes(7)),
        PING_too_long=lambda s: frame(PING, bytes(9)),
        RST_STREAM=lambda s: frame(RST_STREAM, bytes(3), 0, s),
        WINDOW_UPDATE=lambda s: frame(WINDOW_UPDATE, bytes(5)),
        WINDOW_UPDATE_of_a_stream=lambda s: frame(WINDOW_UPDATE, bytes(3), 0, s),
        GOAWAY=lambda s: frame(GOAWAY, bytes(7)),
    ),
    *wrong(
        "frame larger than allowed",
        "FRAME_SIZE_ERROR",
        DATA=lambda s: headers(s) + frame(DATA, b"", 0, s, length=16385),
        unknown=lambda s: frame(77, b"", 0, s, length=0xFFFFFF),
    ),
    *wrong(
        "header block interrupted",
        "PROTOCOL_ERROR",
        by_DATA=lambda s: headers(s, flags=0) + data(s, b"x"),
        by_PING=lambda s: headers(s, flags=0) + frame(PING, bytes(8)),
        by_an_unknown_frame=lambda s: headers(s, flags=0) + frame(77),
        by_HEADERS=lambda s: headers(s, flags=0) + headers(s),
        by_CONTINUATION_of_another=lambda s: (
            headers(s, flags=0) + frame(CONTINUATION, b"", END_HEADERS, s + 2)
        ),
    ),
    *wrong(
        "stray CONTINUATION",
        "PROTOCOL_ERROR",
        first=lambda s: frame(CONTINUATION, OK_BLOCK, END_HEADERS, s),
        after_the_head=lambda s: headers(s) + frame(CONTINUATION, b"", END_HEADERS, s),
    ),
    *wrong(
        "padding",
        "PROTOCOL_ERROR",
        HEADERS=lambda s: frame(HEADERS, b"\x05\x88", END_HEADERS | PADDED, s),
        HEADERS_without_a_length=lambda s: frame(HEADERS, b"", END_HEADERS | PADDED, s),
        HEADERS_without_room_for_priority=lambda s: frame(
            HEADERS, OK_BLOCK, END_HEADERS | WITH_PRIORITY, s
        ),
        DATA=lambda s: headers(s) + frame(DATA, b"\x03ab", PADDED, s),
        DATA_as_long_as_it=lambda s: headers(s) + frame(DATA, b"\x03abc"[:3], PADDED, s),
    ),
    *wrong(
        "padding",
        "FRAME_SIZE_ERROR",
        DATA_without_a_length=lambda s: headers(s) + frame(DATA, b"", PADDED, s),
    ),
    *wrong(
        "PUSH_PROMISE",
        "PROTOCOL_ERROR",
        frame=lambda s: frame(PUSH_PROMISE, b"\0\0\0\x02" + OK_BLOCK, END_HEADERS, s),
    ),
    *wrong(
        "value of a setting",
        "PROTOCOL_ERROR",
        ENABLE_PUSH=lambda s: settings((2, 1)),
        ENABLE_PUSH_of_2=lambda s: settings((2, 2)),
        MAX_FRAME_SIZE_too_small=lambda s: settings((5, 16383)),
        MAX_FRAME_SIZE_too_large=lambda s: settings((5, 0x1000000)),
    ),
    *wrong(
        "value of a setting",
        "FLOW_CONTROL_ERROR",
        INITIAL_WINDOW_SIZE=lambda s: settings((4, 0x80000000)),
    ),
    *wrong(
        "window overflow",
        "FLOW_CONTROL_ERROR",
        of_the_connection=lambda s: window(0, 0x7FFFFFFF),
        by_a_setting=lambda s: window(s, 0x7FFFFFFF - 65535) + settings((4, 65536)),
    ),
    *wrong("window update of 0", "PROTOCOL_ERROR", of_the_connection=lambda s: window(0, 0)),
    *wrong(
        "header compression",
        "COMPRESSION_ERROR",
        no_such_index=lambda s: headers(s, b"\xff\x80\x01"),
        index_0=lambda s: headers(s, b"\x80"),
        cut_off=lambda s: headers(s, b"\x00\x05ab"),
        table_too_large=lambda s: headers(s, b"\x3f\xe2\x1f\x88"),
        late_table_size=lambda s: headers(s, b"\x88\x20"),
        bad_Huffman_padding=lambda s: headers(s, b"\x88\x00\x81\x00\x01x"),
    ),
    *wrong(
        "header block size",
        "ENHANCE_YOUR_CALM",
        by_frames=lambda s: headers(s, flags=0) + frame(CONTINUATION, b"", 0, s) * 64,
        by_bytes=lambda s: (
            headers(s, OK_BLOCK + bytes(16383), flags=0)
            + frame(CONTINUATION, bytes(16384), 0, s) * 4
        ),
        by_what_it_stands_for=lambda s: headers(
            s, OK_BLOCK + b"\x40\x01a\x7f\xa1\x1e" + b"b" * 4000 + b"\xbe" * 20
        ),
    ),
]

FINE = Broken(
    "a whole answer with all that may stand around it",
    "",
    lambda s: (
        frame(PING, b"12345678")
        + settings()
        + frame(PRIORITY, bytes(5), 0, s)
        + frame(77, b"unknown", 0xFF, s)
        + window(0, 1)
        + window(s, 1)
        + interim(s)
        + frame(HEADERS, b"\x02" + bytes(5) + OK_BLOCK + b"\0\0", END_HEADERS | PADDED | 32, s)
        + data(s, b"he", padding=0)
        + data(s, b"")
        + data(s, b"", padding=9)
        + data(s, b"llo", padding=255)
        + frame(HEADERS, block(("a", "b"))[:2], END_STREAM, s)
        + frame(CONTINUATION, b"", 0, s)
        + frame(CONTINUATION, block(("a", "b"))[2:], END_HEADERS, s)
    ),
)
