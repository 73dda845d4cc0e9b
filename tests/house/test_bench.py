"""The measuring instruments: the fixed server counts right, the limit agrees, outputs are read."""

from __future__ import annotations

import contextlib
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import harness  # noqa: E402
import throughput  # noqa: E402
import tools  # noqa: E402

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BODY = b"z\r\n\r\n" * 14_000
UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 70000\r\n\r\n" + BODY
DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> throughput.Programs:
    folder = tmp_path_factory.mktemp("bench")
    return throughput.Programs(
        folder, harness.compile_c("server", folder), harness.compile_c("limit", folder)
    )


class Server:
    """A running bench/server.c and the count it gives when it ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.stdout = process.stdout
        self.port = int(self.stdout.readline())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)

    def count(self) -> dict[str, int]:
        self.process.send_signal(signal.SIGTERM)
        words = self.stdout.read().split()
        return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


@contextlib.contextmanager
def running(programs: throughput.Programs, *flags: str) -> Iterator[Server]:
    command = [str(programs.server), "--port", "0", "--count", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.terminate()


def receive(client: socket.socket, total_bytes: int) -> bytes:
    blocks = []
    while total_bytes and (block := client.recv(min(total_bytes, 1 << 20))):
        blocks.append(block)
        total_bytes -= len(block)
    return b"".join(blocks)


def test_the_answer_is_127_bytes_and_always_the_same(programs: throughput.Programs) -> None:
    with running(programs) as server, server.connect() as client:
        client.sendall(REQUEST * 3)
        answers = receive(client, 3 * harness.ANSWER_BYTES)
        assert answers == answers[:127] * 3
        head, _, body = answers[:127].partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert server.count() == {"read": 3, "answered": 3, "connections": 1}


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_requests_are_found_however_they_are_cut(programs: throughput.Programs, step: int) -> None:
    stream = REQUEST * 2 + (UPLOAD if step > 1 else b"") + REQUEST
    wanted = 3 + (step > 1)
    with running(programs) as server, server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(stream), step):
            client.sendall(stream[start : start + step])
        assert len(receive(client, wanted * harness.ANSWER_BYTES)) == wanted * 127
        assert server.count()["read"] == wanted


def test_a_client_that_does_not_read_gets_every_answer_later(
    programs: throughput.Programs,
) -> None:
    stream, sent = REQUEST * 1_000_000, 0
    with running(programs) as server, server.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        while select.select([], [client], [], 0.2)[1]:  # until the server reads no more
            sent += client.send(stream[sent : sent + (1 << 16)])
        count = -(-sent // len(REQUEST))
        rest = stream[sent : count * len(REQUEST)]
        writer = threading.Thread(target=client.sendall, args=(rest,))
        writer.start()
        answers = receive(client, count * harness.ANSWER_BYTES)
        writer.join(DEADLINE_S)
        assert answers == answers[:127] * count
        assert server.count() == {"read": count, "answered": count, "connections": 1}


def test_a_large_body_has_the_size_asked_for(programs: throughput.Programs) -> None:
    with running(programs, "--body", "300000") as server, server.connect() as client:
        client.sendall(REQUEST * 2)
        client.shutdown(socket.SHUT_WR)
        answers = receive(client, 10**9)
        assert answers[: len(answers) // 2].endswith(b"\r\n\r\n" + b"x" * 300_000)
        assert server.count()["answered"] == 2


def test_the_limit_and_the_server_count_alike(programs: throughput.Programs) -> None:
    with running(programs) as server:
        work = tools.Work(f"http://127.0.0.1:{server.port}/", 20, 0.3)
        sample = tools.limit(programs.limit, work, harness.pick_cores().client)
        read = server.count()["read"]
    assert sample.requests > 100
    assert 0 <= read - sample.requests <= work.connections  # those in flight at the end
    assert sample.requests_per_s == pytest.approx(sample.requests / 0.3, rel=0.2)
    assert 0 < sample.cpu_us_per_request < 1e6


def test_what_the_tools_print_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = {
        "wrk": "  90 requests in 1.00s, 1MB read\nRequests/sec:     90.50\n",
        "ab": "Complete requests:  90\nFailed requests:  0\nRequests per second:  90.50 [#/sec]\n",
        "h2load": "finished in 1.00s, 90.50 req/s, 1MB/s\nrequests: 90 total, 0 failed\n",
    }
    monkeypatch.setattr(
        harness, "run", lambda argv, cores, limit_s: harness.Done(printed[argv[0]], 1.0, 0.9)
    )
    work = tools.Work("http://127.0.0.1:1/", 10, 1.0)
    for tool in (tools.wrk, tools.ab, tools.h2load):
        assert tool(work, "0") == tools.Sample(90, 90.5, 0.9)
    assert tools.wrk(work, "0").cpu_us_per_request == pytest.approx(10_000)


@pytest.mark.parametrize(
    ("tool", "line"),
    [
        ("wrk", "  Socket errors: connect 0, read 3, write 0, timeout 0"),
        ("wrk", "  Non-2xx or 3xx responses: 90"),
        ("ab", "Failed requests:        2"),
        ("h2load", "10 failed, 0 errored, 0 timeout"),
    ],
)
def test_a_run_with_failures_is_no_measurement(
    monkeypatch: pytest.MonkeyPatch, tool: str, line: str
) -> None:
    monkeypatch.setattr(harness, "run", lambda *rest: harness.Done(line, 1.0, 0.9))
    runner = {"wrk": tools.wrk, "ab": tools.ab, "h2load": tools.h2load}[tool]
    with pytest.raises(harness.BenchError, match=f"{tool}: {re.escape(line.strip())}"):
        runner(tools.Work("http://127.0.0.1:1/", 10, 1.0), "0")


def test_ratios_are_formed_within_a_round_and_judged_by_their_median() -> None:
    row = throughput.ROWS["shared"]
    played = [
        {"fastbench": tools.Sample(1, ours, 1.0), "wrk": tools.Sample(1, theirs, 1.0)}
        for ours, theirs in ((120.0, 100.0), (12.0, 10.0), (50.0, 100.0))
    ]
    (verdict,) = throughput.judge(row, played)
    assert (verdict.name, verdict.bound, verdict.reached) == ("rate / wrk", 1.15, True)
    assert verdict.spread.median == pytest.approx(1.2)
    assert verdict.line("shared").endswith("pass")


def test_a_row_taken_anew_replaces_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.json"
    harness.write_rows(path, {"small": {"n": 1}, "large": {"n": 1}})
    harness.write_rows(path, {"small": {"n": 2}})
    assert re.sub(r"\s", "", path.read_text()) == (
        '{"schema":"fastbench.bench/1","rows":{"small":{"n":2},"large":{"n":1}}}'
    )
