"""What the engine does on the wire, seen from scripted servers; ids as in the parser's corpus."""

from __future__ import annotations

import pytest
from case import NEXT, answer, chunked
from running import ONE, fastbench, good, kinds
from scripts import first_connection, replying
from servers import OK, OK_BODY, Peer, Script, Server, answering, c_server


@pytest.mark.parametrize(("connections", "workers"), [(1, 1), (10, 3), (100, 12)])
def test_requests_and_connections_are_split_exactly(connections: int, workers: int) -> None:
    with Server(answering()) as server:
        run = fastbench("-n", "301", "-c", str(connections), "-t", str(workers), server.url())
    good(run, 301)
    assert (server.seen.requests, server.seen.connections) == (301, connections)
    assert run.summary["bytes_in"] == server.seen.bytes_out
    assert run.summary["bytes_out"] == server.seen.bytes_in
    assert run.document["latency_ms"]["connect"]["count"] == connections


@pytest.mark.parametrize(
    ("limits", "by_count"),
    [(("-n", "50", "-d", "20s"), True), (("-n", "1M", "-d", "300ms"), False)],
)
def test_count_and_duration_together_end_at_the_first(
    limits: tuple[str, ...], by_count: bool
) -> None:
    with Server(answering()) as server:
        run = fastbench(*limits, *ONE, server.url())
    assert (run.summary["ok"] == 50) == by_count
    assert run.elapsed_s < 5
    assert run.summary["ended"] == "complete"


def test_no_keepalive_makes_a_connection_for_each_request() -> None:
    with Server(answering()) as server:
        run = fastbench("-n", "20", "-c", "3", "--no-keepalive", server.url())
    good(run, 20)
    assert (server.seen.connections, server.seen.requests) == (20, 20)
    assert b"\r\nConnection: close\r\n" in server.seen.last


def test_several_urls_are_visited_by_weight(tmp_path: object) -> None:
    path = f"{tmp_path}/urls"
    with Server(answering()) as server:
        with open(path, "w") as urls:
            urls.write(f"3 {server.url('/often')}\nPOST {server.url('/seldom')}\n")
        run = fastbench("-n", "400", "-c", "4", "-t", "1", "--urls-from-file", path)
    good(run, 400)
    assert server.seen.lines == {b"GET /often HTTP/1.1": 300, b"POST /seldom HTTP/1.1": 100}


def test_ipv6_is_reached() -> None:
    with Server(answering(), host="::1") as server:
        good(fastbench("-n", "10", server.url()), 10)


def test_a_unix_socket_is_reached(tmp_path: object) -> None:
    path = f"{tmp_path}/socket"
    with Server(answering(), path=path) as server:
        run = fastbench("-n", "10", "-c", "2", "--unix", path, "http://name/where")
    good(run, 10)
    assert server.seen.lines == {b"GET /where HTTP/1.1": 10}
    assert b"\r\nHost: name\r\n" in server.seen.last


def test_source_addresses_take_turns() -> None:
    with Server(answering()) as server:
        run = fastbench("-n", "40", "-c", "4", "--bind", "127.0.0.2-3", server.url())
    good(run, 40)
    assert server.seen.sources == {"127.0.0.2": 2, "127.0.0.3": 2}


@pytest.mark.parametrize(
    "response",
    [
        chunked(b"5;a=b", b"hello", b"A", b"0123456789", b"0", b"T: 1", b""),
        answer(start="HTTP/1.1 103 Early") + answer("Content-Length: 5", body=b"hello"),
        answer("Content-Length: 300000", body=b"b" * 300_000),
        chunked(*[b"30d40", b"c" * 200_000] * 2, b"0", b""),
        answer("Content-Length: 0"),
        answer(start="HTTP/1.1 204 No Content"),
        answer("Connection: keep-alive", "Content-Length: 2", start="HTTP/1.0 200 OK", body=b"ok"),
    ],
    ids=[
        "chunked",
        "after a 103",
        "300 kB",
        "chunks of 200 kB",
        "no body",
        "204",
        "HTTP/1.0 keep-alive",
    ],
)
def test_a_connection_is_reused_after_every_framing(response: bytes) -> None:
    with Server(answering(response)) as server:
        run = fastbench("-n", "30", "-c", "2", server.url())
    good(run, 30)
    assert server.seen.connections == 2
    assert run.summary["bytes_in"] == server.seen.bytes_out == 30 * len(response)


@pytest.mark.parametrize(
    "response",
    [
        answer("Connection: close", "Content-Length: 2", body=b"ok"),
        answer("Content-Length: 2", start="HTTP/1.0 200 OK", body=b"ok"),
        answer("Transfer-Encoding: chunked", "Content-Length: 2", body=b"0\r\n\r\n"),
    ],
    ids=["close", "HTTP/1.0", "chunked and a length"],
)
def test_a_connection_is_left_when_the_answer_ends_it(response: bytes) -> None:
    with Server(replying(response, then=Peer.stall)) as server:
        run = fastbench("-n", "6", "-c", "2", server.url())
    good(run, 6)
    assert (server.seen.connections, run.summary["retried"]) == (6, 0)


def test_large_bodies_are_counted_to_the_byte() -> None:
    with c_server(body_bytes=2**20) as server:
        run = fastbench("-n", "200", "-c", "4", server.url)
    good(run, 200)
    head_bytes, rest = divmod(run.summary["bytes_in"] - 200 * 2**20, 200)
    assert rest == 0 and 60 < head_bytes < 120


@pytest.mark.parametrize(
    "pieces",
    [[b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r\nhel", b"lo"], [OK[:1], OK[1:-1], OK[-1:]]],
)
def test_an_answer_in_pieces_is_one_answer(pieces: list[bytes]) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            for piece in pieces:
                peer.send(piece)
                peer.pause(0.01)

    with Server(script) as server:
        good(fastbench("-n", "8", "-c", "4", server.url()), 8)


def test_head_ends_at_the_blank_line() -> None:
    for field in ("Content-Length: 1000000000", "Transfer-Encoding: chunked"):
        with Server(answering(answer(field))) as server:
            good(fastbench("-n", "20", "-c", "2", "-m", "HEAD", server.url()), 20)
        assert server.seen.connections == 2


@pytest.mark.parametrize(
    ("method", "start"),
    [("HEAD", "HTTP/1.1 200 OK"), ("GET", "HTTP/1.1 204 No"), ("GET", "HTTP/1.1 304 Same")],
)
def test_a_body_that_must_not_be_is_unsolicited_and_ends_the_connection(
    method: str, start: str
) -> None:
    response = answer("Content-Length: 5", start=start, body=b"hello")
    with Server(answering(response)) as server:
        run = fastbench("-n", "5", *ONE, "-m", method, server.url())
    assert (run.code, run.summary["ok"], run.summary["failed"]) == (0, 5, 0)
    assert kinds(run) == {"unsolicited": server.seen.connections}
    assert server.seen.connections == 5


@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 200_000])
def test_a_body_without_length_ends_at_fin(body: bytes) -> None:
    with Server(replying(answer(body=body))) as server:
        run = fastbench("-n", "6", "-c", "2", server.url())
    good(run, 6)
    assert server.seen.connections == 6
    assert run.summary["bytes_in"] == server.seen.bytes_out


def test_rst_instead_of_fin_is_a_reset() -> None:
    with Server(replying(answer(body=b"hello"), then=Peer.reset)) as server:
        run = fastbench("-n", "3", *ONE, server.url())
    assert (run.code, kinds(run)) == (122, {"reset": 3})
    assert {row["phase"] for row in run.errors} == {"body"}


def pipelined(asked: int, answered: int) -> Script:
    def script(peer: Peer) -> None:
        while True:
            for _ in range(asked):
                peer.request()
            peer.send(NEXT * answered)

    return script


def test_as_many_answers_as_requests_in_one_segment() -> None:
    with Server(pipelined(8, 8)) as server:
        run = fastbench("-n", "80", "-p", "8", *ONE, server.url())
    good(run, 80)
    assert (server.seen.requests, server.seen.connections) == (80, 1)


def test_one_answer_too_few_is_a_timeout() -> None:
    with Server(pipelined(4, 3)) as server:
        run = fastbench("-n", "4", "-p", "4", *ONE, "--timeout", "300ms", server.url())
    assert (run.summary["ok"], run.summary["timeouts"]) == (3, 1)
    assert kinds(run) == {"timeout": 1}
    assert 300 <= run.document["latency_ms"]["service"]["max"] < 600


def test_one_answer_too_many_is_unsolicited_and_counts_for_nothing() -> None:
    with Server(pipelined(4, 5)) as server:
        run = fastbench("-n", "8", "-p", "4", *ONE, server.url())
    assert (run.code, run.summary["ok"], run.summary["failed"]) == (0, 8, 0)
    assert kinds(run) == {"unsolicited": 2}
    assert (server.seen.requests, server.seen.connections) == (8, 2)


def test_a_reset_fails_every_request_that_was_under_way() -> None:
    def script(peer: Peer) -> None:
        for _ in range(4):
            peer.request()
        peer.send(NEXT * 2)
        peer.reset()

    with Server(script) as server:
        run = fastbench("-n", "4", "-p", "4", "-m", "POST", *ONE, server.url())
    assert (run.summary["ok"], run.summary["failed"], kinds(run)) == (2, 2, {"reset": 2})
    assert (server.seen.requests, server.seen.connections) == (4, 1)


def test_requests_behind_one_that_times_out_are_told_apart_from_it() -> None:
    with Server(Peer.stall) as server:
        run = fastbench("-n", "4", "-p", "4", *ONE, "--timeout", "200ms", server.url())
    assert (run.code, run.summary["timeouts"], run.summary["failed"]) == (122, 1, 3)
    assert {(row["kind"], row["code"]): row["count"] for row in run.errors} == {
        ("timeout", ""): 1,
        ("timeout", "behind a timeout"): 3,
    }


@pytest.mark.alone  # the answer has to be there before the request is
def test_an_answer_before_the_request_is_unsolicited() -> None:
    def eager(peer: Peer) -> None:
        peer.send(OK)
        peer.stall()

    with Server(first_connection(eager)) as server:
        run = fastbench("-n", "10", *ONE, server.url())
    assert (run.code, run.summary["ok"], run.summary["failed"]) == (0, 10, 0)
    assert kinds(run) == {"unsolicited": 1}
    assert (server.seen.connections, server.seen.requests) == (2, 10)


def by_path(peer: Peer) -> None:
    """Answer /NNN with the status NNN."""
    while True:
        status = peer.request().split()[1][1:].decode()
        peer.send(answer("Content-Length: 0", start=f"HTTP/1.1 {status} X"))


@pytest.mark.parametrize(
    ("flags", "ok"),
    [((), 4), (("--expect-status", "404"), 1), (("--expect-status", "2xx,400-404,503"), 5)],
)
def test_the_status_decides(flags: tuple[str, ...], ok: int) -> None:
    statuses = ["200", "201", "302", "399", "400", "404", "500", "503"]
    with Server(by_path) as server:
        urls = [server.url(f"/{status}") for status in statuses]
        run = fastbench("-n", "80", "-c", "2", "-t", "1", *flags, *urls)
    assert run.document["status_codes"] == dict.fromkeys(statuses, 10)
    assert (run.code, run.summary["ok"], run.summary["failed"]) == (0, ok * 10, (8 - ok) * 10)
    assert run.document["latency_ms"]["failed"]["count"] == run.summary["failed"]
    assert kinds(run) == ({"expectation": run.summary["failed"]} if flags else {})
    assert server.seen.connections == 2


def test_nothing_but_500_is_no_success() -> None:
    with Server(answering(answer("Content-Length: 0", start="HTTP/1.1 500 X"))) as server:
        run = fastbench("-n", "10", server.url())
    assert (run.code, run.summary["ok"], run.summary["failed"]) == (122, 0, 10)


@pytest.mark.parametrize("text", [OK_BODY.decode(), "lo, wo"])
def test_an_expected_body_is_found(text: str) -> None:
    with Server(answering()) as server:
        good(fastbench("-n", "10", "--expect-body", text, server.url()), 10)


def test_an_expected_body_is_found_across_chunks_of_a_large_one() -> None:
    response = chunked(b"30d40", b"c" * 199_997 + b"nee", b"5", b"dle, ", b"0", b"")
    with Server(answering(response)) as server:
        good(fastbench("-n", "6", "-c", "2", "--expect-body", "needle", server.url()), 6)


def test_a_body_without_the_expected_text_fails_by_its_own_name() -> None:
    with Server(answering()) as server:
        run = fastbench("-n", "10", "--expect-body", "goodbye", server.url())
    assert (run.code, run.summary["failed"], kinds(run)) == (122, 10, {"expectation": 10})
    assert run.document["status_codes"] == {"200": 10}
    assert (server.seen.requests, server.seen.connections) == (10, 10)
