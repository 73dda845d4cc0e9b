"""Hypothesis strategies: responses as servers send them, and the same with damage done."""

from __future__ import annotations

from case import answer
from hypothesis import strategies as st

__all__ = ["pieces_of", "responses", "wires"]

STARTS = [
    *["HTTP/1.1 200 OK"] * 12, "HTTP/1.1 404 Not Found", "HTTP/1.0 200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304 Not Modified", "HTTP/1.1 500", "HTTP/1.1 200 ", "HTTP/1.2 200 OK",
    "HTTP/2.0 200 OK",
]  # fmt: skip
INTERIMS = [
    answer(start="HTTP/1.1 100 Continue"),
    answer("Link: </a>", start="HTTP/1.1 103 Early Hints"),
]
FIELDS = [
    "Server: x", "Date: Sat, 01 Jan 2022 00:00:00 GMT", "X-Empty:", "Connection: keep-alive",
    "Connection: close", "connection: Keep-Alive, Close", "Proxy-Connection: close", "X: a\r\n b",
    "Set-Cookie: a=b", "Content-Type: text/plain; charset=utf-8", "X-High: \xff",
]  # fmt: skip
CODINGS = [*["chunked"] * 8, "gzip, chunked", "CHUNKED", "identity", "chunked, gzip", "x"]
EXTENSIONS = ["", "", "", "", ";a", ";a=b", ';a="b;c"', " ;a", ";", " "]
TRAILERS = ["", "", "", "X-Sum: 1\r\n", "Content-Length: 3\r\n", "Connection: close\r\n"]
DAMAGE = [
    b"\r", b"\n", b"\r\n", b" ", b"\t", b"0", b"5", b"f", b":", b",", b";", b"\0", b"\x7f", b"\xff",
    b"-", b"+", b"x", b"HTTP/1.1 ", b"chunked", b"close", b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"99999999999999999999", b"\r\n\r\n", b"0\r\n\r\n",
]  # fmt: skip

bodies = st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"\r\n", b"0\r\n\r\n", b"hello"]))


@st.composite
def chunked_bodies(draw: st.DrawFn) -> bytes:
    """Render some chunks, their extensions and the trailers."""
    wire = b""
    for chunk in [*draw(st.lists(bodies.filter(len), max_size=3)), b""]:
        size = draw(st.sampled_from(["{:x}", "{:X}", "0{:x}"])).format(len(chunk))
        wire += f"{size}{draw(st.sampled_from(EXTENSIONS))}\r\n".encode()
        wire += chunk + b"\r\n" if chunk else b""
    return wire + draw(st.sampled_from(TRAILERS)).encode() + b"\r\n"


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """Render a response a server could mean, its body framed in any of the ways there are."""
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=3))
    body = draw(bodies)
    framing = draw(st.sampled_from(["length", "length", "chunked", "chunked", "both", "end"]))
    if framing in ("chunked", "both"):
        fields.append(f"Transfer-Encoding: {draw(st.sampled_from(CODINGS))}")
        body = draw(chunked_bodies())
    if framing in ("length", "both"):
        fields.append(f"Content-Length: {len(body)}")
    wire = b"".join(draw(st.lists(st.sampled_from(INTERIMS), max_size=2)))
    start = draw(st.sampled_from(STARTS))
    ordered = [field.encode("latin-1") for field in draw(st.permutations(fields))]
    return wire + answer(*ordered, start=start, body=body)


@st.composite
def wires(draw: st.DrawFn) -> bytes:
    """Render a response, damage it in up to three places, or make up bytes altogether."""
    wire = draw(responses())
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(wire)))
        kind = draw(st.sampled_from(["insert", "replace", "delete", "repeat", "cut", "lf"]))
        until = draw(st.integers(at, min(len(wire), at + 12)))
        if kind == "cut":
            wire = wire[:at]
        elif kind == "lf":
            wire = wire[:at] + wire[at:].replace(b"\r\n", b"\n", 1)
        else:
            middle = {"delete": b"", "repeat": wire[at:until] * 2}.get(kind)
            wire = wire[:at] + (draw(st.sampled_from(DAMAGE)) if middle is None else middle) + (
                wire[at:] if kind == "insert" else wire[until:]
            )  # fmt: skip
    return wire


@st.composite
def pieces_of(draw: st.DrawFn, wire: bytes) -> list[bytes]:
    """Cut bytes into pieces anywhere, empty ones among them."""
    places = sorted(draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    return [wire[i:j] for i, j in zip([0, *places], [*places, len(wire)], strict=True)]
