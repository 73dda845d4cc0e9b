"""Start lines, fields, limits and garbage."""

from __future__ import annotations

from collections.abc import Iterator

from case import CHUNKED, LENGTH_5, Case, answer, bad, cut, five, hello, ok
from naive import MAX_HEAD_BYTES


def interim_cases() -> Iterator[Case]:
    final = hello()
    for status in (100, 102, 103, 199):
        interim = answer(start=f"HTTP/1.1 {status} Wait")
        yield five("interim response", f"{status} before the answer", interim + final)
    hints = answer("Link: </a.css>", "Content-Length: 7", CHUNKED, start="HTTP/1.1 103 Early Hints")
    yield five("interim response", "fields of an interim answer frame nothing", hints + final)
    closing = answer("Connection: close", start="HTTP/1.1 100 Continue")
    yield five(
        "interim response", "close in an interim answer says nothing of the final", closing + final
    )
    several = b"".join(answer(start=f"HTTP/1.1 {status} Wait") for status in (100, 102, 103))
    yield five("interim response", "several interim answers", several + final)
    yield five(
        "interim response", "32 interim answers", answer(start="HTTP/1.1 102 Wait") * 32 + final
    )
    yield bad(
        "interim response", "33 interim answers", answer(start="HTTP/1.1 102 Wait") * 33 + final
    )
    yield cut(
        "interim response", "an interim answer and no other", answer(start="HTTP/1.1 100 Continue")
    )
    upgrade = answer("Upgrade: websocket", "Connection: upgrade", start="HTTP/1.1 101 Switching")
    yield bad("switching protocols", "101 without having asked", upgrade)
    yield bad(
        "switching protocols", "101 after a 100", answer(start="HTTP/1.1 100 Continue") + upgrade
    )


def field_cases() -> Iterator[Case]:
    yield five("folding", "obs-fold with a space", hello("X: a", " b"))
    yield five("folding", "obs-fold with a tab", hello("X: a", "\tb"))
    yield five("folding", "several obs-folds", hello("X: a", " b", "  c"))
    yield five("folding", "a fold that looks like a field", hello("X: a", " Content-Length: 9"))
    yield bad("folding", "obs-fold after chunked", answer(CHUNKED, " x", body=b"0\r\n\r\n"))
    yield bad("folding", "a blank obs-fold after chunked", answer(CHUNKED, " ", body=b"0\r\n\r\n"))
    yield bad("folding", "obs-fold in a length", answer("Content-Length: 5", " 5", body=b"hello"))
    closing = hello("Connection: keep-alive,", " close")
    yield five("folding", "close in an obs-fold", closing, reusable=False)
    yield bad("folding", "obs-fold before any field", hello(" X: a"))
    yield bad("field name", "space before the colon", answer("Content-Length : 5", body=b"hello"))
    yield bad("field name", "tab before the colon", answer("Content-Length\t: 5", body=b"hello"))
    yield bad("field name", "space before the colon of any field", hello("X : 5"))
    yield bad("field name", "space inside a name", hello("X Y: 5"))
    yield bad("field name", "no name", hello(": 5"))
    yield bad("field name", "no colon", hello("X-Broken"))
    for byte in b'"(),/;<=>?@[\\]{}\0\x01\x7f\x80\xff':
        named = answer(b"X" + bytes([byte]) + b": 1", body=b"")
        yield bad("field name", f"byte {byte:#04x} in a name", named)
    yield five("field name", "every token byte in a name", hello("!#$%&'*+-.^_`|~09azAZ: 1"))


def end_of_line_cases() -> Iterator[Case]:
    plain = hello()
    yield five("line end", "bare LF lines", plain.replace(b"\r\n", b"\n"))
    blank = plain.replace(b"\r\n\r\n", b"\r\n\n")
    yield five("line end", "only the blank line is a bare LF", blank)
    first = plain.replace(b"OK\r\n", b"OK\n")
    yield five("line end", "only the start line ends in a bare LF", first)
    yield bad("line end", "bare CR lines", plain.replace(b"\r\n", b"\r"))
    yield bad("line end", "bare CR in a value", hello("X: a\rb"))
    yield bad("line end", "bare CR in a reason", hello(start="HTTP/1.1 200 O\rK"))
    yield bad("line end", "CR and no LF after the start line", plain.replace(b"OK\r\n", b"OK\r\0"))
    yield bad("line end", "CR and no LF after a field", hello("X: y").replace(b"y\r\n", b"y\r\0"))
    yield bad("line end", "CR and no LF in the blank line", plain.replace(b"\r\n\r\n", b"\r\n\r\0"))
    yield bad("line end", "CR and no LF before the status line", b"\r\0" + plain)
    yield bad("line end", "CR CR LF", plain.replace(b"OK\r\n", b"OK\r\r\n"))
    yield bad("line end", "bare CR as the blank line", plain.replace(b"\r\n\r\n", b"\r\n\r"))
    yield five("line end", "CRLF before the status line", b"\r\n" + plain)
    yield five("line end", "LF before the status line", b"\n" + plain)
    yield five("line end", "two CRLF before the status line", b"\r\n\r\n" + plain, also="protocol")
    yield bad("line end", "bare CR before the status line", b"\r" + plain)
    yield bad("line end", "space before the status line", b" " + plain)
    yield cut("line end", "EOF after CRLF and nothing more", b"\r\n")
    yield cut("line end", "EOF in the start line", plain[:9])
    yield cut("line end", "EOF in a field name", plain[:25])
    yield cut("line end", "EOF before the blank line", plain[:-7])
    yield cut("line end", "EOF inside the blank line", plain[:-6])


def start_cases() -> Iterator[Case]:
    def row(start: bytes | str) -> bytes:
        return hello(start=start)

    yield five("status line", "no reason", row("HTTP/1.1 200 "))
    yield five("status line", "no reason, no trailing space", row("HTTP/1.1 200"))
    yield five("status line", "UTF-8 reason", row("HTTP/1.1 200 schön ✓"))
    yield five("status line", "Latin-1 reason", row(b"HTTP/1.1 200 sch\xf6n"))
    yield five("status line", "a reason with colons and tabs", row("HTTP/1.1 200 a: b\tc"))
    yield five("status line", "a minor version above 1", row("HTTP/1.2 200 OK"), also="protocol")
    for status in (200, 299, 301, 404, 418, 451, 500, 503, 599):
        yield ok(
            "status line", f"status {status}", row(f"HTTP/1.1 {status} X"), body=5, status=status
        )
    yield ok(
        "status line", "status 999", row("HTTP/1.1 999 X"), body=5, status=999, also="protocol"
    )
    for start in (
        "HTTP/1.10 200 OK", "HTTP/2.0 200 OK", "HTTP/2 200", "HTTP/0.9 200 OK", "HTTP/1 200 OK",
        "HTTP/11 200 OK", "HTTP/1. 200 OK", "HTTP/.1 200 OK", "HTTP/1,1 200 OK", "HTTP 200 OK",
        "http/1.1 200 OK", "HTTPS/1.1 200 OK", "HTTP/1.1 99 X", "HTTP/1.1 1000 X",
        "HTTP/1.1 2OO OK", "HTTP/1.1 099 X", "HTTP/1.1 000 X", "HTTP/1.1 20 X", "HTTP/1.1 2 X",
        "HTTP/1.1 -20 X", "HTTP/1.1 2000", "HTTP/1.1 200OK", "HTTP/1.1 200\tOK",
        "HTTP/1.1\t200 OK", "HTTP/1.1  200 OK", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 OK 200",
        "HTTP/1.1200 OK", "HTTP/ 1.1 200 OK", "200 OK", "ICY 200 OK", "RTSP/1.0 200 OK",
        "GET / HTTP/1.1", "X",
    ):  # fmt: skip
        yield bad("status line", f"start line {start!r}", row(start))
    for low in ("099", "000", "001"):
        wire = answer(start=f"HTTP/1.1 {low} X") + hello()
        yield bad("status line", f"{low} is not an interim answer", wire)
    yield bad("status line", "NUL in the reason", row("HTTP/1.1 200 O\0K"))
    yield bad("status line", "ESC in the reason", row("HTTP/1.1 200 \x1b[31m"))


def limit_cases() -> Iterator[Case]:
    def sized(head_bytes: int) -> bytes:
        room = head_bytes - len(answer("X: ", LENGTH_5))
        return hello("X: " + "x" * room)

    for kib in (8, 16, 32):
        for step in (-1, 0, 1):
            yield five("size of the head", f"head of {kib} KiB {step:+d}", sized(kib * 1024 + step))
    yield five("size of the head", "head of 64 KiB -1", sized(MAX_HEAD_BYTES - 1))
    yield five("size of the head", "head of 64 KiB", sized(MAX_HEAD_BYTES))
    yield bad("size of the head", "head of 64 KiB +1", sized(MAX_HEAD_BYTES + 1), "too_large")
    yield bad("size of the head", "1 MiB in one field", sized(2**20), "too_large")
    yield bad(
        "size of the head",
        "1 MiB of reason",
        answer(start="HTTP/1.1 200 " + "r" * 2**20),
        "too_large",
    )
    yield bad("size of the head", "1 MiB of field name", answer("n" * 2**20 + ": 1"), "too_large")
    yield bad("size of the head", "1 MiB of empty lines", b"\r\n" * 2**19, "too_large")
    yield bad(
        "size of the head", "1 MiB of obs-folds", answer("X: a", *[" b"] * 2**18), "too_large"
    )
    yield five("size of the head", "10,000 short fields", hello(*["a:b"] * 10_000))
    yield bad(
        "size of the head",
        "10,000 fields past the limit",
        answer(*["name: b"] * 10_000),
        "too_large",
    )
    hints = answer("X: " + "x" * 60_000, start="HTTP/1.1 103 Early Hints")
    yield five("size of the head", "each head has the limit to itself", hints * 3 + sized(60_000))


def byte_cases() -> Iterator[Case]:
    for byte in [*range(0x20), 0x7F]:
        if byte not in b"\t\n\r":
            field = b"X: a" + bytes([byte]) + b"b"
            yield bad("odd byte in a field", f"control {byte:#04x} in a value", hello(field))
    for name, value in (
        ("tab", b"a\tb"),
        ("high bytes", b"\x80\xa0\xff"),
        ("UTF-8", "é✓".encode()),
        ("nothing", b""),
    ):
        yield ok("odd byte in a field", f"{name} in a value", hello(b"X: " + value), body=5)
    yield ok(
        "odd byte in a field",
        "any byte in a body",
        answer("Content-Length: 256", body=bytes(range(256))),
        body=256,
    )


def garbage_cases() -> Iterator[Case]:
    yield bad("not HTTP", "TLS alert on a plain port", b"\x15\x03\x01\x00\x02\x02\x46")
    yield bad("not HTTP", "TLS handshake on a plain port", b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76")
    yield bad(
        "not HTTP",
        "HTTP/2 server preface",
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
    )
    yield bad("not HTTP", "HTTP/2 client preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    yield bad("not HTTP", "SSH banner", b"SSH-2.0-OpenSSH_9.2\r\n")
    yield bad("not HTTP", "SMTP banner", b"220 mail.example ESMTP\r\n")
    yield bad("not HTTP", "HTML without a head", b"<html><body>hello</body></html>")
    yield bad("not HTTP", "one NUL", b"\0")
    yield bad("not HTTP", "one byte of garbage", b"X")
    yield bad("not HTTP", "a request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    yield bad("not HTTP", "high bytes", b"\xff\xfe\xfd")
    yield cut("not HTTP", "nothing at all, then EOF", b"")


def cases() -> Iterator[Case]:
    """Yield every row of this file."""
    yield from interim_cases()
    yield from field_cases()
    yield from end_of_line_cases()
    yield from start_cases()
    yield from limit_cases()
    yield from byte_cases()
    yield from garbage_cases()
