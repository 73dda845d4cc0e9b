"""How a script's run ends when it should not: signals, killed workers, code that never returns."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from running import Running, start, until
from servers import Server, answering
from terminal import in_terminal

from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor
from fastbench.script.load.k6_host import K6Host
from fastbench.script.load.python_host import PythonHost
from fastbench.script.parent.watchdog import Watchdog
from fastbench.script.parent.worker_channel import ScriptWorker, echoed
from fastbench.script.run_request import RunRequest

HEAD = """
import os, time
from fastbench import *
options = Options(base_url=env("URL"))

@scenario(executor="constant-vus", vus=4, duration="DURATION", graceful_stop="GRACE")
async def load(vu):
    await vu.get("/")
    await sleep(0.01)
"""
TORN = """
@teardown
async def clean(vu):
    await vu.get("/torn", name="torn")
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@contextlib.contextmanager
def running(
    folder: Path, text: str, server: Server, *, duration: str = "20s", grace: str = "30s"
) -> Iterator[Running]:
    """Start a script with two workers."""
    path = folder / "script.py"
    path.write_text(HEAD.replace("DURATION", duration).replace("GRACE", grace) + text)
    words = ("run", str(path), "-e", f"URL={server.url('')}", "-t", "2", "-q")
    with start(*words) as found:
        yield found


def loaded(server: Server, count: int = 20) -> None:
    """Wait until the load goes."""
    until(lambda: server.seen.requests >= count)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_load_and_there_is_a_report(
    number: int, tmp_path: Path, server: Server
) -> None:
    with running(tmp_path, TORN, server) as process:
        loaded(server)
        process.signal_group(number)  # as a terminal does: the workers get it, too
        run = process.finish()
    assert (run.code, run.summary["ended"]) == (105, "interrupted")
    assert run.elapsed_s < 10
    assert not any(worker["lost"] for worker in run.document["workers"])
    rows = {row["name"]: row["requests"] for row in run.document["requests"]}
    assert rows["torn"] == 1, "teardown runs after a signal, too"
    assert sum(row["iterations"] for row in run.document["scenarios"]) > 0


def test_a_second_signal_leaves_at_once_and_nobody_stays(tmp_path: Path, server: Server) -> None:
    slow = "\n@teardown\nasync def clean(vu):\n    await vu.get('/torn')\n    await sleep(60)\n"
    with running(tmp_path, slow, server) as process:
        loaded(server)
        workers = psutil.Process(process.process.pid).children()
        os.kill(process.process.pid, signal.SIGINT)
        until(lambda: server.seen.lines[b"GET /torn HTTP/1.1"])
        os.kill(process.process.pid, signal.SIGTERM)  # two of a kind would be one, so soon
        run = process.finish()
    assert (run.code, run.summary["ended"]) == (105, "interrupted")
    said = [row["text"] for row in run.document["warnings"] if row["code"] == "no_teardown"]
    assert said == ["teardown was still running when this was written"]
    assert len(workers) == 2
    assert not any(worker.is_running() for worker in workers)


def test_a_signal_ends_a_teardown_that_takes_too_long(tmp_path: Path, server: Server) -> None:
    """The load was over: its result is whole, on disk before teardown began, and it is no pass."""
    text = (
        "\n@teardown\nasync def clean(vu):\n    await vu.get('/torn')\n"
        "    try:\n        await sleep(60)\n    finally:\n        await vu.get('/cleaned')\n"
    )
    with running(tmp_path, text, server, duration="0.2s") as process:
        until(lambda: server.seen.lines[b"GET /torn HTTP/1.1"])
        early = process.saved()
        os.kill(process.process.pid, signal.SIGTERM)
        signalled_s = time.monotonic()
        run = process.finish()
    assert run.code == 105 and time.monotonic() - signalled_s < 10
    assert server.seen.lines[b"GET /cleaned HTTP/1.1"] == 1, "it is cancelled, not killed"
    for document, text in ((early, "was still running when"), (run.document, "a signal came")):
        [row] = [row for row in document["warnings"] if row["code"] == "no_teardown"]
        assert text in row["text"] and document["summary"]["ended"] == "complete"
    assert early["summary"]["requests"] <= run.summary["requests"]


def test_a_signal_while_the_script_loads_leaves_at_once(tmp_path: Path, server: Server) -> None:
    begun = tmp_path / "begun"
    text = f"open({str(begun)!r}, 'w').close()\ntime.sleep(60)\n"
    with running(tmp_path, text, server) as process:
        until(begun.exists)
        os.kill(process.process.pid, signal.SIGINT)
        run = process.finish()
    assert (run.code, run.document, server.seen.requests) == (105, {}, 0)


def test_workers_do_not_outlive_their_parent(tmp_path: Path, server: Server) -> None:
    with running(tmp_path, "", server) as process:
        loaded(server)
        workers = psutil.Process(process.process.pid).children()
        assert len(workers) == 2
        os.kill(process.process.pid, signal.SIGKILL)
        psutil.wait_procs(workers, timeout=10)
        assert not any(worker.is_running() for worker in workers)


def test_a_killed_worker_costs_its_share_and_no_more(tmp_path: Path, server: Server) -> None:
    text = "    if vu.id == 2 and vu.iteration == 5:\n        os.kill(os.getpid(), 9)\n" + TORN
    with running(tmp_path, text, server, duration="1s") as process:
        run = process.finish()
    assert (run.code, run.summary["ended"]) == (120, "worker_lost")
    first, second = run.document["workers"]
    assert (first["lost"], second["lost"]) == (False, True)
    assert second["requests"] >= 5, "what it had counted is there"
    rows = {row["name"]: row["requests"] for row in run.document["requests"]}
    assert rows["torn"] == 1
    assert run.document["validity"]["reasons"] == ["1 of 2 workers were lost"]


def test_code_that_never_returns_is_named_and_ended(tmp_path: Path, server: Server) -> None:
    text = "    if vu.id == 2 and vu.iteration == 5:\n        while True:\n            pass\n"
    with running(tmp_path, text, server, duration="500ms", grace="0s") as process:
        run = process.finish()
    assert (run.code, run.summary["ended"]) == (120, "worker_lost")
    (warning,) = [each for each in run.document["warnings"] if each["code"] == "stuck"]
    worker = run.document["workers"][1]
    assert worker["lost"]
    assert f"worker 1 (pid {worker['pid']}) was in Python code for" in warning["text"]
    assert "script.py:12" in warning["text"] or "script.py:11" in warning["text"]
    assert "VU 2 " in warning["text"], warning["text"]
    assert run.elapsed_s < 10


# The watchdog alone.


class Beats:
    """An arena of which only the beat is read."""

    def __init__(self) -> None:
        self.at_ns = 1_000_000_000

    def beat_ns(self, worker: int) -> int:
        return self.at_ns

    def place(self, worker: int) -> tuple[int, int]:
        return 7, 3


class Asked(ScriptWorker):
    """A worker that writes its stack when it is asked."""

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert number == signal.SIGUSR1
        self.dump = (
            b"Stack (most recent call first):\n"
            b'  File "/usr/lib/python3.11/json/decoder.py", line 353 in raw_decode\n'
            b'  File "/scripts/lib/parse.py", line 12 in parse\n'
            b'  File "/scripts/load.py", line 40 in load\n'
            b"VU 9\n"
        )


SECOND_NS = 1_000_000_000


def test_who_is_silent_for_five_seconds_is_told_of_once_with_its_line() -> None:
    beats = Beats()
    host = PythonHost(RunRequest("/scripts/load.py"))
    watchdog = Watchdog(beats, host)  # type: ignore[arg-type]
    child = Asked(1, 4243)
    watchdog.look([child], beats.at_ns + 4 * SECOND_NS)
    assert watchdog.sentences([child], beats.at_ns + 4 * SECOND_NS) == []
    watchdog.look([child], beats.at_ns + 6 * SECOND_NS)
    watchdog.look([child], beats.at_ns + 7 * SECOND_NS)
    (told,) = watchdog.sentences([child], beats.at_ns + 7 * SECOND_NS)
    assert told.startswith(
        "worker 1 (pid 4243) has been in Python code for 7.0s: VU 9 at lib/parse.py:12;"
    )
    beats.at_ns += 8 * SECOND_NS  # it is back
    watchdog.look([child], beats.at_ns + SECOND_NS)
    assert watchdog.sentences([child], beats.at_ns) == []
    (warning,) = watchdog.warnings([child], beats.at_ns + 20 * SECOND_NS)
    assert "was in Python code for 8.0s" in warning.text


def test_what_is_said_of_a_worker_that_is_silent_fits_the_language() -> None:
    beats = Beats()
    watchdog = Watchdog(beats, K6Host(RunRequest("/scripts/load.js")))  # type: ignore[arg-type]
    child = Asked(1, 4243)
    watchdog.look([child], beats.at_ns + 6 * SECOND_NS)
    (told,) = watchdog.sentences([child], beats.at_ns + 6 * SECOND_NS)
    assert told.startswith("worker 1 (pid 4243) has been in JavaScript code for 6.0s: VU ")
    (warning,) = watchdog.warnings([child], beats.at_ns + 7 * SECOND_NS)
    assert "built-in function" in warning.hint and "await" not in warning.hint


# Messages of any size: what setup() returned goes to every worker.


@contextlib.contextmanager
def spoken_to(timeout_s: float) -> Iterator[tuple[Child, socket.socket]]:
    """Give a worker and its end of the channel."""
    ours, theirs = socket.socketpair()
    ours.settimeout(timeout_s)
    theirs.settimeout(5)  # a message that does not come fails the test
    with ours, theirs:
        child = Child()
        child.stream = ours
        yield child, theirs


def test_a_worker_that_reads_slowly_gets_all_of_a_long_message() -> None:
    timeout_s, data = 0.2, "x" * 8_000_000
    with spoken_to(timeout_s) as (child, theirs), ThreadPoolExecutor(1) as pool:
        saying = pool.submit(child.send, "begin", {"data": data})
        began_s = time.monotonic()
        found = theirs.recv(1 << 16)
        while not found.endswith(b"\n"):
            found += theirs.recv(1 << 18)
            if time.monotonic() < began_s + 2 * timeout_s:
                time.sleep(timeout_s / 4)
        saying.result()
    assert json.loads(found) == {"begin": {"data": data}}


def test_a_worker_that_took_half_a_message_hears_the_end_and_no_other() -> None:
    with spoken_to(0.05) as (child, theirs):
        child.send("begin", {"data": "x" * 8_000_000})
        child.send("stop", {})
        found = b""
        while more := theirs.recv(1 << 18):
            found += more
    assert b"\n" not in found


# What workers print, where a live view is in the way.


def test_lines_are_passed_on_whole_and_the_last_one_without_an_end() -> None:
    shown: list[str] = []
    workers: Supervisor[Child] = Supervisor()
    child = Child(gone=True)
    child.stream, theirs = socket.socketpair()
    out_fd, printed_fd = os.pipe()
    try:
        workers.add(child, {out_fd: echoed(shown.append)})
        for text, lines in (
            (b"one\ntw", ["one\n"]),
            (b"o", []),
            (b"\n\xff\n", ["two\n\ufffd\n"]),
            (b"rest", []),
        ):
            os.write(printed_fd, text)
            assert list(workers.listen(1)) == []
            assert [shown.pop() for _ in range(len(shown))] == lines
    finally:
        os.close(printed_fd)
        theirs.close()
        workers.close()
    assert shown == ["rest\n"]


def test_on_a_terminal_what_a_script_prints_stays_above_the_picture(
    tmp_path: Path, server: Server
) -> None:
    path = tmp_path / "script.py"
    text = "    if vu.iteration == 9:\n        print(f'VU {vu.id} \\x1b[2Jsays')\n"
    path.write_text(HEAD.replace("DURATION", "700ms").replace("GRACE", "1s") + text)
    found = in_terminal("run", str(path), "-e", f"URL={server.url('')}", "-t", "2", stdout=False)
    assert found.code == 0
    assert "iterations" in found.written, "the picture"
    lines = [line.strip() for line in found.screen.splitlines() if line.strip()]
    assert sorted(lines) == [f"VU {vu} [2Jsays" for vu in (1, 2, 3, 4)], found.screen
