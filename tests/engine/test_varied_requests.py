"""Requests that vary over HTTP/1.1, byte by byte as the server reads them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from case import answer as message
from certificates import Authority
from http2_loads import Loaded, asking, load
from servers import OK, Peer, Script, Server
from varied_requests import expected, feed_of, said, text, varying

from fastbench.plan.pieces import Feed, Piece, Pieces, RowOrder
from fastbench.plan.plan import Request

SEED = 99
SEQ = Piece("seq", low=0, high=1)
GROWING = (text(b"x" * 96), Piece("seq", low=1, high=1), text(b"."))  # 98 bytes, 99, 100
PATH = (text(b"/item/"), SEQ, text(b"?h="), Piece("hex", width=5))
ITEM = varying(PATH, GROWING, (b"X-Id", (Piece("uuid", place=1),)))
PLAIN = varying(PATH, method="GET")
FIXED = varying(PATH, (text(b"id="), Piece("uuid", place=2)))
EMPTY = varying(PATH, (), method="POST")


class Keeping:
    """A script that keeps every request as it came, by the connection, and answers it."""

    def __init__(self, response: bytes = OK) -> None:
        self.came: dict[int, list[bytes]] = {}
        self.response = response

    def __call__(self, peer: Peer) -> None:
        kept = self.came.setdefault(peer.number, [])
        while True:
            kept.append(peer.request())
            peer.send(self.response)

    @property
    def all(self) -> list[bytes]:
        return [each for kept in self.came.values() for each in kept]


def run(server: Server, *requests: Request, **more: object) -> Loaded:
    return load(server.port, *requests, protocols="http/1.1", seed=SEED, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("pipeline", [1, 8])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_every_byte_is_as_said_in_the_order_of_numbers(
    secure: bool, pipeline: int, tmp_path: Path
) -> None:
    """Content-Length grows a digit within them; one of five requests is constant."""
    authority = Authority(tmp_path)
    tls = authority.good("localhost") if secure else None
    mixed = (ITEM, PLAIN, FIXED, asking("/constant"), EMPTY)
    keeping = Keeping()
    with Server(keeping, tls=tls) as server:
        found = run(
            server, *mixed, count=300, pipeline=pipeline, cafile=authority.cafile if secure else ""
        )
    assert found.ends == (300, 0, 0)
    wanted = [expected(mixed[n % 5], n, seed=SEED) for n in range(300)]
    assert keeping.came == {0: wanted}
    lengths = {int(re.findall(rb"Content-Length: (\d+)\r", each)[0]) for each in wanted[0::5]}
    assert lengths == {98, 99, 100}


@pytest.mark.parametrize("pipeline", [1, 4])
def test_what_was_written_in_part_goes_on_where_it_stopped(pipeline: int) -> None:
    """Bodies of more than the sockets hold, and small ones between them."""
    large = varying(PATH, (text(b"a" * 3_000_000), SEQ, text(b"b" * 5_000_000), Piece("uuid")))
    small = varying(PATH, (text(b"c" * 30_000), SEQ))
    keeping = Keeping()

    def slow(peer: Peer) -> None:
        peer.pause(0.05)
        keeping(peer)

    with Server(slow) as server:
        found = run(server, large, small, count=8, pipeline=pipeline)
    assert found.ends == (8, 0, 0)
    assert keeping.came[0] == [expected((large, small)[n % 2], n, seed=SEED) for n in range(8)]


def test_a_length_of_more_digits_moves_the_body() -> None:
    """From 9 to 10 bytes, 99 to 100, 999 to 1,000 and back, as rows of a feed say."""
    lengths = [9, 10, 99, 100, 999, 1000, 99_999, 100_000, 0, 5]
    feed = feed_of([(b"%d" % (i % 10) * n,) for i, n in enumerate(lengths)])
    asked = varying((text(b"/"),), (Piece("column"),))
    keeping = Keeping()
    with Server(keeping) as server:
        assert run(server, asked, count=30, feed=feed).ends == (30, 0, 0)
    assert keeping.came[0] == [expected(asked, n, feed=feed) for n in range(30)]


@pytest.mark.parametrize("pipeline", [1, 3])
def test_a_request_that_is_sent_again_is_the_same(pipeline: int) -> None:
    """The second connection answers what the first one read, and dropped by a reset."""
    timed = varying(PATH, (Piece("now_ms"), text(b" "), Piece("uuid")), (b"X-Now", (Piece("now"),)))
    first: list[bytes] = []
    again: list[bytes] = []

    def script(peer: Peer) -> None:
        if peer.number == 0:
            first.append(peer.request())
            peer.send(OK)
            first.extend(peer.request() for _ in range(pipeline))
            peer.reset()
            return
        while True:
            again.append(peer.request())
            peer.send(OK)

    with Server(script) as server:
        found = run(server, timed, count=10, pipeline=pipeline)
    assert found.ends == (10, 0, 0) and found.counters["retried"] == pipeline
    assert again[:pipeline] == first[1:]
    assert len(set(first + again)) == 10


def echoing(asked: Request, wrong: int, cut: int, feed: Feed | None = None) -> Script:
    """Answer with the text that the request expects; each `wrong`-th with that of another one."""

    def script(peer: Peer) -> None:
        while True:
            number = int(re.findall(rb"/item/(\d+)", peer.request())[0])
            named = said(asked, number + (number % wrong == 0), seed=SEED, feed=feed).expect
            body = b"before " + named + b" after"
            wire = message(f"Content-Length: {len(body)}", body=body)
            if not cut:
                peer.send(wire)
            for at in range(0, len(wire) if cut else 0, cut or 1):
                peer.send(wire[at : at + cut])

    return script


@pytest.mark.parametrize("cut", [0, 1, 7])
@pytest.mark.parametrize("pipeline", [1, 4])
def test_an_answer_must_contain_the_text_of_its_own_request(pipeline: int, cut: int) -> None:
    """Texts begin alike, so that looking for them starts anew within them."""
    asked = varying(PATH, expect=(text(b"aab"), SEQ, text(b"aaab"), Piece("uuid")))
    with Server(echoing(asked, 5, cut)) as server:
        found = run(server, asked, count=200, pipeline=pipeline, connections=3)
    assert found.ends == (160, 40, 0)
    assert found.errors == {("expectation", ""): 40}


def test_no_text_is_in_every_answer() -> None:
    feed = feed_of([(b"",), (b"never",)])
    asked = varying(PATH, expect=(Piece("column"),))
    with Server(Keeping()) as server:
        assert run(server, asked, count=50, feed=feed).ends == (25, 25, 0)


@pytest.mark.parametrize("order", ["in-order", "random", "once"])
def test_rows_of_a_feed_go_by_the_number(order: RowOrder) -> None:
    """As the third worker of four; where each row goes once, its part of them is all."""
    feed = feed_of([(b"%d&" % i, b"r%d" % i) for i in range(30)], order)
    pieces: Pieces = (text(b"/item/"), SEQ, text(b"?a="), Piece("column", escape="url"))
    asked = varying(pieces, (Piece("column", column=1),))
    keeping = Keeping()
    with Server(keeping) as server:
        found = run(server, asked, count=20, feed=feed, share=(2, 4))
    count = len(range(2, 30, 4)) if order == "once" else 20
    assert found.ends == (count, 0, 0)
    numbers = [2 + 4 * k for k in range(count)]
    assert keeping.came[0] == [expected(asked, n, seed=SEED, feed=feed) for n in numbers]


def test_each_row_goes_once_over_two_workers_and_lost_connections() -> None:
    """Connections end at every fifth request, which comes once more."""
    feed = feed_of([(b"row-%d;" % i,) for i in range(401)], "once")
    asked = varying((text(b"/"), Piece("column")), (Piece("column"), SEQ))
    came: Counter[bytes] = Counter()
    answered: list[bytes] = []

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            with server.lock:
                came[request] += 1
            if peer.requests == 5 and came[request] == 1:
                return peer.reset()
            with server.lock:
                answered.append(request)
            peer.send(OK)

    with Server(script) as server:
        for index in (0, 1):
            found = run(server, asked, count=1000, connections=3, feed=feed, share=(index, 2))
            assert found.ends == (201 - index, 0, 0) and found.counters["retried"] > 20
    assert Counter(answered) == Counter(
        expected(asked, n, seed=SEED, feed=feed) for n in range(401)
    )
    assert set(came.values()) == {1, 2}


def test_a_worker_without_a_row_sends_nothing() -> None:
    feed = feed_of([(b"a",), (b"b",)], "once")
    asked = varying((text(b"/"), Piece("column")))
    with Server(Keeping()) as server:
        assert run(server, asked, count=20, feed=feed, share=(2, 4)).counters["started"] == 0
        assert server.seen.requests == 0


def test_each_connection_has_its_row() -> None:
    feed = feed_of([(b"%d" % i,) for i in range(5)], "per-connection")
    asked = varying((text(b"/"), Piece("column"), text(b"/"), SEQ))
    keeping = Keeping()
    with Server(keeping) as server:
        run(server, asked, count=200, connections=4, feed=feed)
    rows = [Counter(re.findall(rb" /(\d)/", b"".join(kept))) for kept in keeping.came.values()]
    assert all(len(row) == 1 for row in rows)
    assert {value for row in rows for value in row} <= {b"0", b"1", b"2", b"3"}
    assert len(rows) == len({value for row in rows for value in row})


def test_numbers_are_none_but_those_of_the_worker() -> None:
    keeping = Keeping()
    with Server(keeping) as server:
        found = run(server, PLAIN, count=100, connections=7, share=(3, 5), retry=False)
    assert found.ends == (100, 0, 0)
    seen = [int(re.findall(rb"/item/(\d+)", each)[0]) for each in keeping.all]
    assert sorted(seen) == [3 + 5 * k for k in range(100)]
