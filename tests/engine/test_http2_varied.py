"""Requests that vary over HTTP/2: their fields and bodies as the server decodes them."""

from __future__ import annotations

import re

import pytest
from http2_frames import DATA, answer, data, goaway, headers, reset
from http2_loads import asking, load
from http2_peers import Script, Streams, serving
from varied_requests import feed_of, said, text, varying

from fastbench.plan.pieces import Feed, Piece
from fastbench.plan.plan import Request

SEED = 5
SEQ = Piece("seq", low=0, high=1)
PATH = (text(b"/item/"), SEQ, text(b"?h="), Piece("hex", width=5))
LONG = Piece("hex", width=300, place=3)  # whose length takes two bytes
ITEM = varying(
    PATH,
    (text(b"x" * 5), Piece("int", low=0, high=10**9), text(b"."), Piece("uuid", place=1)),
    (b"X-Same", (text(b"always"),)),
    (b"X-Id", (Piece("uuid", place=2),)),
    (b"Authorization", (text(b"Bearer "), LONG)),
)
PLAIN = varying(PATH, method="GET")
FIXED = varying((text(b"/item/"), SEQ), (Piece("uuid", place=4),), method="POST")
MIXED = (ITEM, PLAIN, FIXED, asking("/constant"))
Came = list[tuple[dict[str, str], bytes]]


def number_of(fields: dict[str, str]) -> int:
    return int(re.findall(r"/item/(\d+)", fields[":path"])[0])


def keep(h: Streams, came: Came, stream: int) -> None:
    with h.peer.server.lock:
        came.append((h.fields[stream], h.texts[stream]))


def keeping(came: Came, *pairs: tuple[int, int]) -> Script:
    """Keep every request that is whole, and answer it."""

    def script(h: Streams) -> None:
        h.hello(*pairs)
        while True:
            stream = h.request()
            keep(h, came, stream)
            h.send(answer(stream))

    return script


def check(
    request: Request, number: int, fields: dict[str, str], body: bytes, feed: Feed | None = None
) -> None:
    """It is what request `number` says, with the pseudo-fields of HTTP/2."""
    wanted = said(request, number, seed=SEED, feed=feed)
    names = {name.lower().decode(): value.decode() for name, value in wanted.fields}
    wanted_fields = {
        **{":method": request.method, ":scheme": "http", ":authority": names.pop("host")},
        **{":path": wanted.target.decode(), **names},
    }
    if wanted.body is not None:
        wanted_fields["content-length"] = str(len(wanted.body))
    assert (fields, body) == (wanted_fields, wanted.body or b"")


@pytest.mark.parametrize("streams", [1, 5])
@pytest.mark.parametrize("table_bytes", [4096, 0], ids=["table", "no table"])
def test_every_field_and_body_is_as_said(table_bytes: int, streams: int) -> None:
    """The first block of a connection, those after it, and those for a server without a table."""
    came: Came = []
    pairs = () if table_bytes == 4096 else ((1, table_bytes),)
    with serving(keeping(came, *pairs)) as (server, _):
        found = load(server.port, *MIXED, count=400, connections=2, streams=streams, seed=SEED)
    assert found.ends == (400, 0, 0) and len(came) == 400
    constant = [fields for fields, _ in came if fields[":path"] == "/constant"]
    varied = {number_of(fields): (fields, body) for fields, body in came if fields not in constant}
    assert sorted(varied) == [n for n in range(400) if n % 4 != 3] and len(constant) == 100
    for number, (fields, body) in varied.items():
        check(MIXED[number % 4], number, fields, body)


def test_fields_that_do_not_vary_take_a_byte_each_after_the_first_block() -> None:
    """A block that follows: a byte for :method, scheme, authority and x-same, then literals."""
    sizes: list[int] = []

    def script(h: Streams) -> None:
        h.hello()
        while True:
            sizes.append(len(h.frame().payload))
            while h.whole:
                h.send(answer(h.whole.pop(0)))

    asked = varying((text(b"/"), SEQ), None, (b"X-Same", (text(b"always"),)), method="GET")
    with serving(script) as (server, _):
        assert load(server.port, asked, count=9).ends == (9, 0, 0)
    blocks = [size for size in sizes if size > 6]
    assert blocks[-1] == 4 + 2 + len("/8") and blocks[-1] < sorted(blocks)[-1]


def test_blanks_around_a_value_are_left_out() -> None:
    """With them a request is malformed (RFC 9113 section 8.2.1)."""
    came: Came = []
    long = b"  " + b"y" * 300 + b" "
    values = [b" a", b"b ", b"\tc d\t", b" ", b"", long, b"e"]
    asked = varying(PATH, None, (b"X-Row", (Piece("column"),)), method="GET")
    with serving(keeping(came)) as (server, _):
        feed = feed_of([(value, b"") for value in values])
        found = load(server.port, asked, count=14, streams=2, seed=SEED, feed=feed)
    assert found.ends == (14, 0, 0)
    rows = {number_of(fields): fields["x-row"].encode() for fields, _ in came}
    assert rows == {n: values[n % len(values)].strip(b" \t") for n in range(14)}


@pytest.mark.parametrize("streams", [1, 3])
def test_bodies_go_by_the_windows_of_the_server(streams: int) -> None:
    """Some bytes of a stream at a time, so that each body goes in many frames."""
    came: Came = []
    rows = [(b"a" * 40_000, b"1"), (b"", b"2"), (b"c" * 3, b"3"), (b"d" * 100_001, b"4")]
    feed = feed_of(rows)
    asked = varying(PATH, (Piece("column"), text(b"|"), Piece("uuid", place=8), SEQ))

    def script(h: Streams) -> None:
        h.hello((4, 1000))
        while True:
            read = h.frame()
            if read.kind == DATA and read.payload:
                h.more(0, len(read.payload))
                if not read.flags & 1:
                    h.more(read.stream, 7000)
            while h.whole:
                stream = h.whole.pop(0)
                keep(h, came, stream)
                h.send(answer(stream))

    with serving(script) as (server, _):
        found = load(server.port, asked, count=12, streams=streams, seed=SEED, feed=feed)
    assert found.ends == (12, 0, 0)
    for fields, body in came:
        check(asked, number_of(fields), fields, body, feed=feed)
    assert sorted(number_of(fields) for fields, _ in came) == list(range(12))


@pytest.mark.parametrize("how", ["refused", "goaway", "lost"])
def test_a_request_that_goes_again_is_the_same(how: str) -> None:
    first: Came = []
    again: Came = []
    timed = varying(PATH, (Piece("now_ms"), Piece("uuid")), (b"X-Now", (Piece("now"),)))

    def script(h: Streams) -> None:
        h.hello()
        if h.number == 0:
            h.send(answer(h.request()))
            streams = [h.request() for _ in range(3)]
            for stream in streams:
                keep(h, first, stream)
            if how == "goaway":
                h.send(goaway(1))
                return h.read_on()
            if how == "lost":
                return h.peer.reset()
            for stream in streams:
                h.send(reset(stream, 7))
        while True:
            stream = h.request()
            keep(h, again, stream)
            h.send(answer(stream))

    with serving(script) as (server, _):
        found = load(server.port, timed, count=12, streams=3, seed=SEED)
    assert found.ends == (12, 0, 0) and found.counters["retried"] == 3
    by_path = {fields[":path"]: (fields, body) for fields, body in again}
    assert len(first) == 3
    for fields, body in first:
        assert by_path[fields[":path"]] == (fields, body)


@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_an_answer_must_contain_the_text_of_its_own_request(cut: str) -> None:
    """Of five streams each, whose answers come in turns of a few bytes; some have another's."""
    asked = varying(PATH, expect=(text(b"aab"), SEQ, text(b"aaab"), Piece("uuid")))

    def script(h: Streams) -> None:
        h.hello()
        while True:
            streams = [h.request() for _ in range(5)]
            bodies = {}
            for stream in reversed(streams):
                number = number_of(h.fields[stream])
                named = said(asked, number + (number % 5 == 2), seed=SEED).expect
                bodies[stream] = b"before " + named + b" after"
                h.send(headers(stream))
            for at in range(0, 200, 9):
                for stream, body in bodies.items():
                    if at < len(body):
                        h.send(data(stream, body[at : at + 9], end=at + 9 >= len(body)))

    with serving(script, cut=cut) as (server, _):
        found = load(server.port, asked, count=100, streams=5, seed=SEED)
    assert found.ends == (80, 20, 0)
    assert found.errors == {("expectation", ""): 20}


def test_no_text_is_in_every_answer() -> None:
    feed = feed_of([(b"",), (b"never",)])
    asked = varying(PATH, expect=(Piece("column"),))
    with serving(keeping([])) as (server, _):
        assert load(server.port, asked, count=50, feed=feed).ends == (25, 25, 0)
