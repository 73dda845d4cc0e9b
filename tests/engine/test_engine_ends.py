"""How connections end, and what becomes of the request that was under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from case import answer, chunked
from running import ONE, fastbench, good, kinds
from scripts import EMPTY, first_connection, forgetful, replying
from servers import OK, Peer, Server, answering


@pytest.mark.parametrize("ending", [Peer.finish, Peer.cut], ids=["FIN", "RST"])
def test_an_early_413_is_counted_and_ends_the_sending(
    ending: Callable[[Peer], None], tmp_path: object
) -> None:
    body_bytes = 64 * 2**20
    path = f"{tmp_path}/body"
    with open(path, "wb") as body:
        body.truncate(body_bytes)

    def refuse(peer: Peer) -> None:
        peer.head()
        peer.send(answer("Connection: close", "Content-Length: 0", start="HTTP/1.1 413 Too Large"))
        ending(peer)

    with Server(refuse) as server:
        run = fastbench("-n", "2", *ONE, "-D", path, server.url())
    assert run.document["status_codes"] == {"413": 2}
    assert (run.summary["failed"], run.errors) == (2, [])
    assert run.document["latency_ms"]["failed"]["count"] == 2
    assert server.seen.bytes_in < body_bytes, "sending stops"


def test_a_server_that_closes_after_some_answers_makes_no_errors() -> None:
    with Server(answering(per_connection=3)) as server:
        run = fastbench("-n", "30", "-c", "2", server.url())
    good(run, 30)
    assert server.seen.connections in (10, 11, 12)


@pytest.mark.alone  # the FIN has to be there before the request is
def test_a_connection_closed_before_its_first_request_makes_no_error() -> None:
    with Server(first_connection(Peer.finish)) as server:
        run = fastbench("-n", "10", *ONE, server.url())
    assert run.summary["ok"] == 10
    assert run.errors == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_an_idempotent_request_without_an_answer_is_sent_once_more(method: str) -> None:
    with Server(first_connection(forgetful, answering(EMPTY))) as server:
        run = fastbench("-n", "3", *ONE, "-m", method, server.url())
    good(run, 3)
    assert run.summary["retried"] == 1
    assert (server.seen.requests, server.seen.connections) == (4, 2)
    assert run.document["latency_ms"]["service"]["max"] >= 200, "counted from the first start"


@pytest.mark.parametrize("flags", [("-m", "POST"), ("-m", "PATCH"), ("--no-retry",)])
def test_what_may_not_be_repeated_is_an_error(flags: tuple[str, ...]) -> None:
    with Server(first_connection(forgetful)) as server:
        run = fastbench("-n", "3", *ONE, *flags, server.url())
    assert (run.summary["ok"], run.summary["failed"], run.summary["retried"]) == (2, 1, 0)
    assert kinds(run) == {"truncated": 1}
    assert server.seen.requests == 3


@pytest.mark.parametrize("part", [b"H", EMPTY[:30], answer(start="HTTP/1.1 100 Continue")])
def test_an_answer_that_had_begun_is_not_asked_for_again(part: bytes) -> None:
    def breaks_off(peer: Peer) -> None:
        peer.request()
        peer.send(EMPTY)
        peer.request()
        peer.send(part)
        peer.finish()

    with Server(first_connection(breaks_off)) as server:
        run = fastbench("-n", "4", *ONE, server.url())
    assert (run.summary["ok"], run.summary["failed"], run.summary["retried"]) == (3, 1, 0)
    assert (kinds(run), server.seen.requests) == ({"truncated": 1}, 4)


def test_a_fresh_connection_without_an_answer_is_an_error() -> None:
    def silent(peer: Peer) -> None:
        peer.request()

    with Server(silent) as server:
        run = fastbench("-n", "3", *ONE, server.url())
    assert (run.code, run.summary["failed"], run.summary["retried"]) == (122, 3, 0)
    assert kinds(run) == {"truncated": 3}


def test_a_request_is_repeated_once_and_no_more() -> None:
    def others(peer: Peer) -> None:
        peer.request()
        if peer.number > 1:
            peer.send(OK)
            answering()(peer)

    with Server(first_connection(forgetful, others)) as server:
        run = fastbench("-n", "4", *ONE, server.url())
    assert (run.summary["ok"], run.summary["failed"], run.summary["retried"]) == (3, 1, 1)
    assert server.seen.connections == 3


def test_a_pipelined_request_is_repeated_once_and_no_more() -> None:
    def one_of_two(peer: Peer) -> None:
        if peer.number == 0:
            peer.request()
            peer.send(EMPTY)
        peer.request()
        peer.request()
        if peer.number == 1:
            peer.send(EMPTY)
        peer.finish()

    with Server(one_of_two) as server:
        run = fastbench("-n", "3", "-p", "2", *ONE, server.url())
    assert (run.summary["ok"], run.summary["failed"], run.summary["retried"]) == (2, 1, 2)
    assert kinds(run) == {"truncated": 1}
    assert (server.seen.requests, server.seen.connections) == (5, 2)


@pytest.mark.parametrize(
    ("sent", "phase"),
    [
        (OK[:20], "head"),
        (OK[:-3], "body"),
        (chunked(b"5", b"hello"), "body"),
        (b"", "head"),
    ],
    ids=["head", "body", "between chunks", "nothing"],
)
def test_a_reset_counts_its_bytes_and_no_latency(sent: bytes, phase: str) -> None:
    with Server(replying(sent, then=Peer.reset)) as server:
        run = fastbench("-n", "3", *ONE, server.url())
    assert (run.code, run.summary["failed"], kinds(run)) == (122, 3, {"reset": 3})
    assert {(row["phase"], row["code"]) for row in run.errors} == {(phase, "ECONNRESET")}
    assert run.summary["bytes_in"] == server.seen.bytes_out == 3 * len(sent)
    assert run.document["latency_ms"]["failed"]["count"] == 0


@pytest.mark.parametrize("sent", [OK[:20], OK[:-3], chunked(b"5", b"hello")])
def test_a_fin_instead_is_truncated(sent: bytes) -> None:
    with Server(replying(sent)) as server:
        run = fastbench("-n", "3", *ONE, server.url())
    assert (run.code, run.summary["failed"], kinds(run)) == (122, 3, {"truncated": 3})


@pytest.mark.parametrize("response", [OK, answer("Content-Length: 900", body=b"x" * 900)])
def test_a_dripping_answer_times_out_and_harms_no_other(response: bytes) -> None:
    def drip(peer: Peer) -> None:
        peer.request()
        peer.send(response[:40])
        peer.drip(response[40:], 0.05)

    with Server(first_connection(drip)) as server:
        run = fastbench("-d", "900ms", "-c", "3", "-t", "1", "--timeout", "300ms", server.url())
    assert kinds(run) == {"timeout": 1}
    assert (run.summary["timeouts"], run.summary["failed"]) == (1, 0)
    assert run.summary["ok"] > 100
    assert 300 <= run.document["latency_ms"]["service"]["max"] < 500


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-x\r\n", b"\x16\x03\x03\x00\x7a", b"\x00\x00\x06\x04\x00"]
)
def test_garbage_is_a_protocol_error_met_with_patience(garbage: bytes) -> None:
    with Server(replying(garbage)) as server:
        run = fastbench("-d", "1s", "-c", "40", "-t", "1", server.url())
    assert run.code == 122
    assert set(kinds(run)) == {"protocol"}
    assert 80 <= server.seen.connections <= 40 + 110, "at most 100 attempts a second"
    assert run.document["workers"][0]["cpu_s"] < 0.5


def test_a_head_without_end_is_too_large() -> None:
    with Server(replying(answer("X: " + "x" * 2**20), then=Peer.stall)) as server:
        run = fastbench("-n", "2", *ONE, server.url())
    assert (run.code, kinds(run)) == (122, {"too_large": 2})
