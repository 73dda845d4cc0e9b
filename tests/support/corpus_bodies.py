"""How a body ends: chunks, lengths, codings, end of file; and whether the connection lives on."""

from __future__ import annotations

from collections.abc import Iterator

from case import CHUNKED, LENGTH_5, NEXT, Case, answer, bad, chunked, cut, five, hello, ok, to_eof

END = (b"0", b"")
FIVE = (b"5", b"hello")


def chunk_cases() -> Iterator[Case]:
    yield five("chunked body", "one chunk", chunked(*FIVE, *END))
    yield ok("chunked body", "several chunks", chunked(*FIVE, b"1", b"!", *FIVE, *END), body=11)
    yield ok("chunked body", "lower-case hex size", chunked(b"a", b"0123456789", *END), body=10)
    yield ok("chunked body", "upper-case hex size", chunked(b"A", b"0123456789", *END), body=10)
    yield ok(
        "chunked body",
        "two-digit mixed size",
        chunked(b"6c", b"y" * 108, b"6C", b"y" * 108, *END),
        body=216,
    )
    yield five("chunked body", "leading zeros in a size", chunked(b"0000000005", b"hello", *END))
    yield five("chunked body", "several zeros end it", chunked(*FIVE, b"000", b""))
    yield ok("chunked body", "no chunk but the last", chunked(*END))
    yield ok(
        "chunked body",
        "CRLF inside a chunk is data",
        chunked(b"9", b"\r\n0\r\n\r\nhi", *END),
        body=9,
    )


def extension_cases() -> Iterator[Case]:
    hundred = b"x" * 100
    yield five("chunk extension", "extension with a value", chunked(b"5;a=b", b"hello", *END))
    yield five("chunk extension", "extension without a value", chunked(b"5;a", b"hello", *END))
    yield five("chunk extension", "two extensions", chunked(b"5;a=b;c=d", b"hello", *END))
    yield five("chunk extension", "quoted extension value", chunked(b'5;a="b; c"', b"hello", *END))
    yield five("chunk extension", "extension on the last chunk", chunked(*FIVE, b"0;last", b""))
    yield ok(
        "chunk extension",
        "space before an extension",
        chunked(b"5 ;a=b", b"hello", *END),
        body=5,
        also="protocol",
    )
    yield five(
        "chunk extension", "a semicolon alone", chunked(b"5;", b"hello", *END), also="protocol"
    )
    yield five(
        "chunk extension", "space after a size", chunked(b"5 ", b"hello", *END), also="protocol"
    )
    yield five(
        "chunk extension", "15 KiB of extension", chunked(b"5;" + b"e" * 15360, b"hello", *END)
    )
    yield bad(
        "chunk extension",
        "17 KiB of extension",
        chunked(b"5;" + b"e" * 17408, b"hello", *END),
        "too_large",
    )
    many = [b"1;" + hundred, b"x"] * 200
    yield bad("chunk extension", "20 KB of small extensions", chunked(*many, *END), "too_large")
    yield bad(
        "chunk extension", "control byte in an extension", chunked(b"5;a=\x01", b"hello", *END)
    )


def trailer_cases() -> Iterator[Case]:
    yield five("trailer", "one trailer", chunked(*FIVE, b"0", b"X-Sum: 1", b""))
    yield five("trailer", "several trailers", chunked(*FIVE, b"0", b"A: 1", b"B: 2", b""))
    yield five(
        "trailer", "Content-Length in a trailer", chunked(*FIVE, b"0", b"Content-Length: 9", b"")
    )
    yield five(
        "trailer", "Connection: close in a trailer", chunked(*FIVE, b"0", b"Connection: close", b"")
    )
    yield bad("trailer", "trailer without a colon", chunked(*FIVE, b"0", b"oops", b""))
    yield bad(
        "trailer", "1 MiB of trailer", chunked(*FIVE, b"0", b"T: " + b"t" * 2**20, b""), "too_large"
    )
    lf = chunked(*FIVE, b"0") + b"T: 1\n\n"
    yield five("trailer", "trailers that end in bare LF", lf)
    yield five("trailer", "a folded trailer", chunked(*FIVE, b"0", b"T: 1", b" 2", b""))
    yield bad("trailer", "a fold before any trailer", chunked(*FIVE, b"0", b" T: 1", b""))
    yield bad("trailer", "space before a trailer's colon", chunked(*FIVE, b"0", b"T : 1", b""))
    yield bad("trailer", "control byte in a trailer", chunked(*FIVE, b"0", b"T: \x01", b""))


def broken_chunk_cases() -> Iterator[Case]:
    sizes = {
        "negative": b"-1", "0x prefix": b"0x10", "underscore": b"1_0", "no hex digit": b"z",
        "empty": b"", "only an extension": b";a=b", "17 digits": b"12345678123456789",
        "2 to the 64": b"10000000000000000", "20 f": b"f" * 20, "plus sign": b"+5",
        "leading space": b" 5", "space inside": b"5 5", "comma": b"5,", "decimal point": b"5.0",
        "trailing letter": b"5g", "NUL": b"5\0", "quoted": b'"5"',
    }  # fmt: skip
    for name, size in sizes.items():
        yield bad("chunk size", f"chunk size: {name}", chunked(size, b"hello", *END))
        yield bad("chunk size", f"second chunk size: {name}", chunked(*FIVE, size, b"hello", *END))
    whole = chunked(*FIVE, *END)
    yield bad("chunk framing", "data runs on after a chunk", chunked(b"5", b"hello!", *END))
    yield bad("chunk framing", "no CRLF after a chunk", whole.replace(b"hello\r\n", b"hello"))
    yield bad("chunk framing", "a lone LF after a chunk", whole.replace(b"hello\r\n", b"hello\n"))
    yield bad("chunk framing", "a lone CR after a chunk", whole.replace(b"hello\r\n", b"hello\r"))
    yield bad(
        "chunk framing", "CR and no LF after a chunk", whole.replace(b"hello\r\n", b"hello\r\0")
    )
    yield bad("chunk framing", "CR and no LF after a size", whole.replace(b"5\r\n", b"5\r\0"))
    yield bad(
        "chunk framing", "CR and no LF after an extension", whole.replace(b"5\r\n", b"5;a\r\0")
    )
    yield bad("chunk framing", "CR and no LF at the very end", whole[:-1] + b"\0")
    yield bad("chunk framing", "an empty line in place of the last chunk", chunked(*FIVE, b"", b""))
    yield bad(
        "chunk framing", "an extension in place of the last chunk", chunked(*FIVE, b";a", b"")
    )
    yield bad("chunk framing", "a lone LF after a size", whole.replace(b"5\r\n", b"5\n"))
    yield bad("chunk framing", "a lone CR after a size", whole.replace(b"5\r\n", b"5\r"))
    yield cut("chunk framing", "EOF before the final CRLF", whole[:-2], body=5)
    yield cut("chunk framing", "EOF inside the final CRLF", whole[:-1], body=5)
    yield cut("chunk framing", "EOF after the zero", whole[:-4], body=5)
    yield cut("chunk framing", "EOF before the last chunk", whole[:-5], body=5)
    yield cut("chunk framing", "EOF inside a chunk", whole[:-9], body=3)
    yield cut("chunk framing", "EOF inside a size", chunked(b"5")[:-2])


def bodiless_cases() -> Iterator[Case]:
    yield ok(
        "response to HEAD",
        "HEAD with a huge length",
        answer("Content-Length: 1000000000"),
        head=True,
    )
    yield ok("response to HEAD", "HEAD with chunked", answer(CHUNKED), head=True)
    yield ok("response to HEAD", "HEAD with nothing", answer(), head=True)
    yield ok(
        "response to HEAD",
        "HEAD after a 100",
        answer(start="HTTP/1.1 100 Continue") + answer(LENGTH_5),
        head=True,
    )
    yield ok(
        "response to HEAD",
        "HEAD and close",
        answer(LENGTH_5, "Connection: close"),
        head=True,
        reusable=False,
    )
    yield ok(
        "body that must not be", "a body after HEAD", answer(LENGTH_5), head=True, extra=b"hello"
    )
    for status in (204, 304):
        start = f"HTTP/1.1 {status} Nothing"
        yield ok(
            "body that must not be",
            f"a body after {status}",
            answer(start=start),
            status=status,
            extra=b"hello",
        )
        yield ok(
            "status without body",
            f"{status} with a length",
            answer(LENGTH_5, start=start),
            status=status,
        )
        yield ok(
            "status without body",
            f"{status} with chunked",
            answer(CHUNKED, start=start),
            status=status,
        )
        yield ok("status without body", f"{status} bare", answer(start=start), status=status)


def length_cases() -> Iterator[Case]:
    def row(*values: str) -> bytes:
        return answer(*(f"Content-Length: {value}" for value in values), body=b"hello")

    yield five("repeated length", "one length", row("5"))
    yield ok("repeated length", "length zero", answer("Content-Length: 0"))
    yield five("repeated length", "the same field twice", row("5", "5"))
    yield five("repeated length", "the same number listed twice", row("5, 5"))
    yield five("repeated length", "listed three times, no space", row("5,5,5"))
    yield five(
        "repeated length",
        "the same number, once with a zero before it",
        row("5, 05"),
        also="protocol",
    )
    yield bad("repeated length", "two numbers listed", row("5, 6"))
    yield bad("repeated length", "two fields that differ", row("5", "6"))
    yield bad("repeated length", "two fields that differ, larger first", row("6", "5"))
    yield five(
        "repeated length", "any case of the name", answer("cOnTeNt-LeNgTh: 5", body=b"hello")
    )
    yield five(
        "repeated length", "no space after the colon", answer("Content-Length:5", body=b"hello")
    )
    lengths = {
        "plus sign": "+5", "negative": "-5", "hex": "0x5", "space inside": "5 5", "empty": "",
        "25 digits": "9" * 25, "2 to the 64": str(2**64), "letter": "5a", "decimal point": "5.0",
        "underscore": "1_0", "quoted": '"5"', "only a comma": ",", "blank": "  ",
    }  # fmt: skip
    for name, value in lengths.items():
        yield bad("malformed length", f"length: {name}", row(value))
        yield bad("malformed length", f"second length: {name}", row("5", value))
    yield five("malformed length", "length with a trailing tab", row("5\t"))
    yield five("malformed length", "length with trailing spaces", row("5   "))
    yield five("malformed length", "length with leading blanks", row(" \t 5"))
    yield cut("malformed length", "EOF before the body is whole", row("9"), body=5)
    yield cut("malformed length", "EOF before the body begins", answer(LENGTH_5))


def coding_cases() -> Iterator[Case]:
    body = b"5\r\nhello\r\n0\r\n\r\n"
    both = answer(CHUNKED, "Content-Length: 3", body=body)
    yield five("length and chunks", "chunked wins over a length", both, reusable=False)
    both = answer("Content-Length: 3", CHUNKED, body=body)
    yield five("length and chunks", "chunked wins over an earlier length", both, reusable=False)
    unknown = answer("Transfer-Encoding: gzip", "Content-Length: 3", body=b"hello")
    yield to_eof("length and chunks", "an unknown coding wins over a length", unknown, body=5)
    for value in (
        "chunked",
        "Chunked",
        "CHUNKED",
        " chunked ",
        "gzip, chunked",
        "gzip,chunked",
        "gzip ,\tchunked",
    ):
        yield ok(
            "transfer coding",
            f"chunked last: {value!r}",
            answer(f"Transfer-Encoding: {value}", body=body),
            body=5,
        )
    for value in (
        "chunked, gzip", "identity", "chunkedchunked", "xchunked", "chunkedx", "gzip", "chunke",
        '"chunked"', "gzip;chunked", "chunked gzip", "x chunked", "gzip chunked",
    ):  # fmt: skip
        wire = answer(f"Transfer-Encoding: {value}", body=body)
        yield to_eof("transfer coding", f"not chunked last: {value!r}", wire, body=len(body))
    for first, second in (("gzip", "chunked"), ("chunked", "identity"), ("chunked", "chunked")):
        two = answer(f"Transfer-Encoding: {first}", f"Transfer-Encoding: {second}", body=body)
        yield to_eof("transfer coding", f"two fields: {first}, {second}", two, body=len(body))
    old = answer(CHUNKED, start="HTTP/1.0 200 OK", body=body)
    yield five("coding in HTTP/1.0", "chunked from HTTP/1.0", old, reusable=False)
    old = answer(CHUNKED, "Connection: keep-alive", start="HTTP/1.0 200 OK", body=body)
    yield five("coding in HTTP/1.0", "chunked and keep-alive from HTTP/1.0", old, reusable=False)


def persistence_cases() -> Iterator[Case]:
    yield to_eof("body without length", "no length, then EOF", answer(body=b"hello"), body=5)
    yield to_eof("body without length", "no length, no body, then EOF", answer(), body=0)
    yield to_eof(
        "body without length",
        "what looks like an answer is body",
        answer(body=NEXT),
        body=len(NEXT),
    )
    old, keep = "HTTP/1.0 200 OK", "Connection: keep-alive"
    yield to_eof("HTTP/1.0", "HTTP/1.0, plain", answer(start=old, body=b"hello"), body=5)
    yield five("HTTP/1.0", "HTTP/1.0 with a length", hello(start=old), reusable=False)
    yield five("HTTP/1.0", "HTTP/1.0 keep-alive with a length", hello(keep, start=old))
    both = hello("Connection: keep-alive, close", start=old)
    yield five("HTTP/1.0", "HTTP/1.0 keep-alive and close with a length", both, reusable=False)
    yield to_eof(
        "HTTP/1.0", "HTTP/1.0 keep-alive, no length", answer(keep, start=old, body=b"hello"), body=5
    )
    yield ok(
        "HTTP/1.0",
        "HTTP/1.0 204, plain",
        answer(start="HTTP/1.0 204 No"),
        status=204,
        reusable=False,
    )
    for fields in (
        ["close"], ["Close"], ["CLOSE"], ["\tclose "], ["keep-alive, close"], ["close, keep-alive"],
        ["x,close,y"], [", close"], ["keep-alive", "close"], ["close", "keep-alive"],
    ):  # fmt: skip
        wire = hello(*(f"Connection: {value}" for value in fields))
        yield five("Connection field", f"close in {fields}", wire, reusable=False)
    for name in ("connection", "CONNECTION", "cOnNeCtIoN"):
        yield five("Connection field", f"close in {name}", hello(f"{name}:close"), reusable=False)
    for option in (
        "keep-alive",
        "closed",
        "xclose",
        "close-x",
        "clos",
        "upgrade",
        "",
        '"close"',
        "close close",
    ):
        wire = hello(f"Connection: {option}")
        yield five("Connection field", f"no close in {option!r}", wire)
    wire = hello("Proxy-Connection: close")
    yield five("Connection field", "Proxy-Connection is not for us", wire)
    wire = hello("X-Connection: close", "Connection-X: close")
    yield five("Connection field", "names that only look like Connection", wire)


def cases() -> Iterator[Case]:
    """Yield every row of this file."""
    yield from chunk_cases()
    yield from extension_cases()
    yield from trailer_cases()
    yield from broken_chunk_cases()
    yield from bodiless_cases()
    yield from length_cases()
    yield from coding_cases()
    yield from persistence_cases()
