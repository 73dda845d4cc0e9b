"""Whole runs of requests that vary: servers that keep all they saw, of several workers."""

from __future__ import annotations

import re
import threading
from collections import Counter
from pathlib import Path

import pytest
from http2_frames import answer, goaway
from http2_peers import Streams, serving
from running import fastbench
from servers import OK, Peer, Server

PLACES = (
    "/item/{{seq}}?u={{uuid}}",
    "-H",
    "X-Id: {{hex:16}}",
    "-b",
    '{"n":{{seq}},"t":{{now_ms}}}',
)


class Shelf:
    """All requests that came, and those of them that were answered."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.came: Counter[bytes] = Counter()
        self.answered: list[bytes] = []

    def take(self, peer: Peer) -> bytes:
        request = peer.request()
        with self.lock:
            self.came[request] += 1
        return request

    def send(self, peer: Peer, request: bytes) -> None:
        peer.send(OK)
        with self.lock:
            self.answered.append(request)

    def numbers(self, pattern: bytes = rb"/item/(\d+)") -> list[int]:
        return sorted(int(re.findall(pattern, each)[0]) for each in self.answered)


@pytest.mark.parametrize("pipeline", ["1", "4"])
def test_numbers_are_unique_and_complete_over_workers_retries_and_lost_connections(
    pipeline: str,
) -> None:
    """Connections are reset at every seventh request: it comes once more, as it was."""
    shelf = Shelf()
    dropped: list[bytes] = []

    def script(peer: Peer) -> None:
        while True:
            request = shelf.take(peer)
            if peer.requests == 7 and shelf.came[request] == 1:
                with shelf.lock:
                    dropped.append(request)
                return peer.reset()
            shelf.send(peer, request)

    with Server(script) as server:
        target = server.url(PLACES[0])
        run = fastbench(
            *("-n", "2001", "-c", "12", "-t", "2", "-p", pipeline, "-X", "PUT", "--seed", "1"),
            *(target, *PLACES[1:]),
        )
    lost = 2001 - run.summary["ok"]
    assert run.summary["failed"] == lost and len(dropped) > 100
    assert run.summary["retried"] >= len(dropped) - lost
    assert len(set(shelf.numbers())) == len(shelf.numbers())
    assert set(shelf.numbers()) <= set(range(1, 2002))
    if pipeline == "1":
        assert lost == 0 and shelf.numbers() == list(range(1, 2002))
        assert {each for each, count in shelf.came.items() if count > 1} == set(dropped)
    for request in shelf.came:
        n, at = re.findall(
            rb"/item/(\d+)\?u=[0-9a-f-]{36} .*\"n\":(\d+),\"t\":\d{13}}$", request, re.S
        )[0]
        assert n == at
    ids = [re.findall(rb"\?u=(\S+) ", each)[0] for each in set(shelf.answered)]
    assert len(set(ids)) == len(ids)


def test_the_same_seed_sends_the_same_requests_whatever_the_workers() -> None:
    seen: list[list[bytes]] = []
    for workers, seed in (("1", "5"), ("2", "5"), ("2", "6")):
        shelf = Shelf()

        def script(peer: Peer, shelf: Shelf = shelf) -> None:
            while True:
                shelf.send(peer, shelf.take(peer))

        with Server(script) as server:
            url = server.url("/item/{{seq}}/{{uuid}}/{{int:1:1000000}}/{{pick:a|b|c}}")
            fastbench("-n", "300", "-c", "4", "-t", workers, "--seed", seed, url)
            port = str(server.port).encode()
        seen.append(sorted(each.replace(port, b"") for each in shelf.answered))
    assert seen[0] == seen[1] != seen[2]


def test_what_an_answer_must_contain_is_its_own() -> None:
    """The server answers with the path, and every tenth time with that of another request."""

    def script(peer: Peer) -> None:
        while True:
            number = int(re.findall(rb"/item/(\d+)", peer.request())[0])
            body = b"%d;" % (number + (number % 10 == 3))
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with Server(script) as server:
        url = server.url("/item/{{seq:100000}}")
        run = fastbench("-n", "1000", "-c", "4", "-t", "2", "--expect-body", "{{seq:100000}};", url)
    assert (run.summary["ok"], run.summary["failed"]) == (900, 100)
    assert {row["kind"] for row in run.errors} == {"expectation"}


def test_a_rate_a_warm_up_and_several_urls_with_weights_go_on_counting() -> None:
    shelf = Shelf()

    def script(peer: Peer) -> None:
        while True:
            shelf.send(peer, shelf.take(peer))

    with Server(script) as server:
        urls = [server.url("/a/item/{{seq}}"), server.url("/b/item/{{seq}}"), server.url("/c")]
        run = fastbench(
            *("-R", "500", "-d", "1s", "--warmup", "400ms", "-c", "4", "-t", "2", "-w", *urls)
        )
    numbers = [
        int(found[0]) for each in shelf.answered if (found := re.findall(rb"/item/(\d+)", each))
    ]
    assert len(numbers) == len(set(numbers)) > 400
    rows = {row["name"]: row for row in run.document["requests"]}
    assert len(rows) == 3
    assert sum(row["requests"] for row in rows.values()) == run.summary["requests"] > 400


def test_over_http2_streams_that_go_again_are_the_same() -> None:
    """A connection of each forty requests, with GOAWAY in the middle of five streams."""
    came: Counter[tuple[str, bytes]] = Counter()
    answered: list[str] = []

    def script(h: Streams) -> None:
        h.hello()
        while True:
            stream = h.request()
            path = h.fields[stream][":path"]
            with h.peer.server.lock:
                came[path, h.texts[stream]] += 1
            if len(h.done) == 40 + h.number % 3:
                h.send(goaway(stream - 2))
                h.read_on()
            with h.peer.server.lock:
                answered.append(path)
            h.send(answer(stream))

    with serving(script) as (server, _):
        run = fastbench(
            *("--http2", "-m", "5", "-c", "3", "-t", "2", "-n", "1000", "-X", "POST"),
            *(server.url("/item/{{seq}}"), "-b", "{{seq}} {{uuid}} {{now_ms}}"),
        )
    numbers = sorted(int(path.rpartition("/")[2]) for path in answered)
    assert run.summary["ok"] == 1000 and numbers == list(range(1, 1001))
    assert run.summary["retried"] > 0 and max(came.values()) > 1
    assert len({path for path, _ in came}) == len(came)
    assert all(body.split()[0].decode() == path.rpartition("/")[2] for path, body in came)


def test_more_than_a_worker_may_hold_is_refused(tmp_path: Path) -> None:
    """One sentence, and nothing is sent."""
    body = tmp_path / "large"
    body.write_bytes(b"x" * (17 << 20) + b"{{seq}}")
    with Server(lambda peer: None) as server:
        run = fastbench("-n", "1", "-D", str(body), server.url("/"), "-X", "POST")
        assert server.seen.connections == 0
    assert run.code == 1 and "at most 16 MiB" in run.err and "Traceback" not in run.err


@pytest.mark.parametrize("where", [("-t", "2"), ("--on", "local:2")], ids=["workers", "machines"])
def test_each_row_of_a_feed_goes_once_and_none_is_left_out(
    where: tuple[str, ...], tmp_path: Path
) -> None:
    """Connections end at every fifth request, which comes once more; the rows end the run."""
    feed = tmp_path / "rows.csv"
    feed.write_text("name,text\n" + "".join(f'n{i},"a ""{i}"", b"\n' for i in range(403)))
    shelf = Shelf()

    def script(peer: Peer) -> None:
        while True:
            request = shelf.take(peer)
            if peer.requests == 5 and shelf.came[request] == 1:
                return peer.reset()
            shelf.send(peer, request)

    with Server(script) as server:
        run = fastbench(
            *("-d", "30s", "-c", "6", *where, "-X", "PUT", "-b", '{"t":"{{text}}"}'),
            *("--feed", str(feed), "--feed-order", "once", server.url("/item/{{name}}")),
        )
    assert (run.summary["ok"], run.summary["failed"]) == (403, 0) and run.summary["retried"] > 20
    assert run.elapsed_s < 29
    found = sorted(re.findall(rb"/item/n(\d+) ", each)[0] for each in shelf.answered)
    assert found == sorted(b"%d" % i for i in range(403))
    for each in shelf.answered:
        row = re.findall(rb"/item/n(\d+) ", each)[0]
        assert each.endswith(b'{"t":"a \\"%b\\", b"}' % row)
