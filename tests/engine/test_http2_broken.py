"""Every rule of HTTP/2 that a server can break: what is counted, what the server is told.

Each server is met twice: it writes whole, and byte by byte. The same bytes go to a session without
a socket, cut at every place.
"""

from __future__ import annotations

import pytest
from http2_cases import BROKEN_CONNECTIONS, BROKEN_STREAMS, FINE, Broken
from http2_frames import answer
from http2_loads import load
from http2_peers import Streams, serving
from http2_sessions import conversation, cuts

from fastbench.engine.bridge import _core

CUTS = ("whole", "bytes")
every_stream = pytest.mark.parametrize("case", BROKEN_STREAMS, ids=lambda case: case.name)
every_connection = pytest.mark.parametrize("case", BROKEN_CONNECTIONS, ids=lambda case: case.name)


@pytest.mark.parametrize("cut", CUTS)
@every_stream
def test_a_broken_stream_ends_alone(case: Broken, cut: str) -> None:
    def script(h: Streams) -> None:
        h.hello()
        h.send(case.wire(h.request()))
        h.answer_all()

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, count=3)
    assert run.ends == (2, 1, 0)
    assert run.errors == {("protocol", case.rule): 1}
    assert (seen.resets, seen.goaways, server.seen.connections) == ([case.code], [], 1)
    assert (seen.requests, seen.acks) == (run.counters["started"], 1)


@pytest.mark.parametrize("cut", CUTS)
@every_connection
def test_a_broken_connection_ends_with_a_reason(case: Broken, cut: str) -> None:
    def script(h: Streams) -> None:
        h.hello()
        h.send(case.wire(h.request()))
        h.read_on()

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port)
    assert run.ends == (0, 1, 0)
    assert run.errors == {("protocol", case.rule): 1}
    assert (seen.resets, seen.goaways, seen.requests) == ([], [case.code], 1)


@pytest.mark.parametrize("cut", CUTS)
def test_all_that_may_stand_around_an_answer(cut: str) -> None:
    def script(h: Streams) -> None:
        h.hello()
        h.send(FINE.wire(h.request()))
        h.answer_all()

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, count=2)
    assert (run.ends, run.errors) == ((2, 0, 0), {})
    assert (seen.pings, seen.acks, server.seen.connections) == ([b"12345678"], 2, 1)


def test_the_next_connection_goes_well() -> None:
    [case] = [each for each in BROKEN_CONNECTIONS if each.rule == "PUSH_PROMISE"]

    def script(h: Streams) -> None:
        h.hello()
        if h.number == 0:
            h.request(), h.request()
            h.send(answer(1) + case.wire(3))
            h.read_on()
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, count=10, streams=2)
    assert run.ends[0] + run.ends[1] == 10 and 1 <= run.ends[1] <= 2
    assert run.errors == {("protocol", case.rule): run.ends[1]}
    assert (server.seen.connections, seen.goaways) == (2, [case.code])


@pytest.mark.parametrize(
    "case", [*BROKEN_STREAMS, *BROKEN_CONNECTIONS, FINE], ids=lambda case: case.name
)
def test_where_the_bytes_are_cut_changes_nothing(case: Broken) -> None:
    expected = conversation([case.wire(1), answer(3)])
    found = [each for each in expected[0] if each[0] in ("broken", "broken stream")]
    assert [rule for _, _, rule, _ in found] == [case.rule] * bool(case.rule)
    for pieces in cuts(case.wire(1) + answer(3)):
        assert conversation(pieces) == expected


def test_every_rule_has_words_and_a_case() -> None:
    tried = {each.rule for each in (*BROKEN_STREAMS, *BROKEN_CONNECTIONS)}
    elsewhere = {
        *("", "not HTTP/2", "SETTINGS not first", "frames without an answer", "replies not read"),
        *("SETTINGS not acknowledged", "no streams allowed", "out of memory", "malformed"),
    }
    assert tried == {*_core.SESSION_RULES, *_core.MALFORMED_RULES} - elsewhere
