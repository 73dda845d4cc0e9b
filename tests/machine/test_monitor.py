"""What a monitor reports, held against what the processes say of themselves."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from listeners import Listener, listening

from fastbench.machine import host, processes
from fastbench.machine import monitor as module
from fastbench.machine.followed_process import FollowedProcess
from fastbench.machine.monitor import Monitor
from fastbench.machine.processes import Found
from fastbench.plan.plan import Watch
from fastbench.results.json_codec import plain, read
from fastbench.results.usage import Resources, TargetUse, Use

TICK_S = 0.03  # of two readings, and one more
pytestmark = pytest.mark.alone
ELSEWHERE = Found(local=False)

# As a worker of a run: the engine burns on a thread of its own, the main thread looks on.
WORKER = """
import sys, threading, time
def engine():
    while True:
        told = sys.stdin.readline().split()
        if not told:
            return
        end_s = time.thread_time() + float(told[0])
        while time.thread_time() < end_s:
            sum(range(1000))
        print(time.process_time(), flush=True)
thread = threading.Thread(target=engine)
thread.start()
print("ready", flush=True)
thread.join()
"""


@contextlib.contextmanager
def worker() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def seen(value: float | None) -> float:
    """Return a figure that this machine shows."""
    assert value is not None
    return value


def burn(process: subprocess.Popen[str], cpu_s: float) -> float:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{cpu_s}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def started(server: Listener, *watches: Watch) -> Monitor:
    monitor = Monitor([], processes.find("127.0.0.1", server.port, None, watches), host.rare())
    monitor.start()
    return monitor


def target(found: Resources, pid: int) -> TargetUse:
    return next(each for each in found.targets if each.pid == pid)


def checked(found: Resources) -> Resources:
    """Every result goes into the document and comes back as it was."""
    assert read(Resources, json.loads(json.dumps(plain(found))), "resources") == found
    return found


def cores() -> int:
    return os.cpu_count() or 1


def test_the_family_of_a_listener_is_followed() -> None:
    with listening() as server:
        server.ask("burn", 0.1)  # before the start: it does not count
        monitor = started(server)
        begin_s = time.monotonic()
        server.ask("burn", 0.5)
        use = monitor.sample()
        span_s = time.monotonic() - begin_s
        found = checked(monitor.resources(1.0, 1000, span_s))
    child, parent = found.targets
    assert (child.pid, parent.pid) == (server.child, server.pid)  # by use, descending
    assert child.cpu_s == pytest.approx(0.5, abs=TICK_S)
    assert parent.cpu_s <= TICK_S
    assert child.cpu_percent == pytest.approx(100 * child.cpu_s / span_s, rel=0.05)
    assert child.thread_percent == child.cpu_percent <= child.cpu_percent_max
    assert child.cpu_us_per_request == pytest.approx(child.cpu_s * 1000)
    assert child.role == parent.role == "target"
    assert "python" in child.name
    assert child.cores == tuple(sorted(os.sched_getaffinity(0)))  # as it was started
    assert 0 < child.rss_bytes_start <= child.rss_bytes_max >= child.rss_bytes_end > 0
    assert (child.threads, seen(child.fds) > 3) == (1, True)
    assert {row.pid for row in use.targets} == {server.pid, server.child}
    assert sum(row.cpu_percent for row in use.targets) >= 100 * (0.5 - TICK_S) / span_s


def test_a_thread_of_several_is_told_apart() -> None:
    with listening() as server:
        server.ask("thread", 0.02)
        monitor = started(server)
        server.ask("burn", 0.15)
        server.ask("thread", 0.3)
        monitor.sample()
        child = target(checked(monitor.resources(0.0, 0, 1.0)), server.child)
    assert child.threads == 3
    assert child.cpu_s == pytest.approx(0.45, abs=TICK_S)
    assert child.thread_percent / child.cpu_percent == pytest.approx(0.3 / 0.45, abs=0.12)
    assert child.cpu_us_per_request is None  # there were no requests


def test_processes_born_during_the_run_start_at_nothing_and_keep_what_they_used() -> None:
    with listening() as server:
        begin_s = time.monotonic()
        monitor = started(server)
        born = server.ask("fork", 0.2)
        rows = {row.pid: row for row in monitor.sample().targets}
        longest_s = time.monotonic() - begin_s
        os.kill(born, signal.SIGKILL)
        assert rows[born].cpu_percent >= 100 * (0.2 - TICK_S) / longest_s
        monitor.sample()
        found = checked(monitor.resources(0.0, 1, 1.0))
    assert target(found, born).cpu_s == pytest.approx(0.2, abs=TICK_S)
    assert target(found, born).rss_bytes_end > 0  # of a zombie too
    assert len(found.targets) == 3


def test_of_many_that_ended_the_busiest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENDED", 1)
    with listening() as server:
        monitor = started(server)
        born = [server.ask("fork", cpu_s) for cpu_s in (0.1, 0.2, 0.05)]
        monitor.sample()
        for pid in born:
            os.kill(pid, signal.SIGKILL)
        server.ask("reap")
        monitor.sample()
        found = checked(monitor.resources(0.0, 1, 1.0))
        assert {row.pid for row in found.targets} == {server.pid, server.child, born[1]}
        assert monitor._targets.cpu_s == pytest.approx(0.35, abs=2 * TICK_S)


def test_the_target_may_vanish() -> None:
    with listening() as server:
        monitor = started(server)
        server.ask("burn", 0.1)
        monitor.sample()
    use = monitor.sample()
    found = checked(monitor.resources(0.0, 10, 1.0))
    assert use.targets == ()
    assert target(found, server.child).cpu_s == pytest.approx(0.1, abs=TICK_S)
    assert found.host is not None and found.host.others_percent is not None


def test_a_server_gone_before_the_start_is_no_error() -> None:
    with listening() as server:
        monitor = Monitor([], processes.find("127.0.0.1", server.port, None), host.rare())
    monitor.start()
    assert monitor.sample().targets == ()
    assert checked(monitor.resources(0.0, 0, 0.0)).targets == ()


def test_watched_processes_have_their_role_and_no_requests() -> None:
    with listening() as server, listening() as other:
        monitor = started(server, Watch("pid", str(other.pid)))
        other.ask("burn", 0.1)
        monitor.sample()
        found = checked(monitor.resources(0.0, 100, 1.0))
    assert {row.pid: row.role for row in found.targets} == {
        server.pid: "target",
        server.child: "target",
        other.pid: "watched",
        other.child: "watched",
    }
    assert target(found, other.child).cpu_s == pytest.approx(0.1, abs=TICK_S)
    assert target(found, other.child).cpu_us_per_request is None


def test_what_others_took_is_what_nobody_known_took() -> None:
    with listening() as server, listening() as stranger:
        monitor = started(server)
        begin_s = time.monotonic()
        server.ask("burn", 0.3)
        monitor.sample()
        quiet = checked(monitor.resources(0.0, 1, 1.0)).host
        stranger.ask("burn", 1.0)
        span_s = time.monotonic() - begin_s
        monitor.sample()
        noisy = checked(monitor.resources(0.0, 1, 1.0)).host
    assert quiet is not None and noisy is not None
    assert quiet.others_percent is not None and noisy.others_percent is not None
    expected = 100 * 1.0 / span_s / cores()
    assert noisy.others_percent >= 0.8 * expected
    assert noisy.others_percent <= seen(noisy.cpu_percent) <= seen(noisy.cpu_percent_max) <= 100
    assert noisy.others_percent > quiet.others_percent
    assert len(noisy.core_percents) == psutil.cpu_count()


def test_others_are_unknown_when_a_server_here_could_not_be_seen() -> None:
    known = {}
    for found in (Found(local=True), ELSEWHERE):
        monitor = Monitor([], found, host.rare())
        monitor.start()
        monitor.sample()
        machine = checked(monitor.resources(0.0, 1, 1.0)).host
        assert machine is not None
        known[found.local] = machine.others_percent is not None
    assert known == {True: False, False: True}


def test_the_client_is_this_process_and_its_workers_ended_or_not() -> None:
    with worker() as one, worker() as two:
        burn(one, 0.1)  # before the start: it does not count
        monitor = Monitor([one.pid, two.pid], ELSEWHERE, host.rare())
        monitor.start()
        begin_s, own_s = time.monotonic(), time.process_time()
        burn(one, 0.2)
        burn(two, 0.15)
        first = monitor.sample()
        first_s = time.monotonic()
        burn(one, 0.2)
        one.communicate()  # it ends, and is waited for
        second = monitor.sample()
        span_s = time.monotonic() - begin_s
        expected_s = 0.55 + time.process_time() - own_s
        third = monitor.sample()
        found = checked(monitor.resources(7.0, 1, span_s))
    assert found.client is not None
    assert found.client.cpu_s == 7.0
    assert found.client.cpu_percent == pytest.approx(100 * expected_s / span_s, rel=0.12)
    least = (0.35 - 2 * TICK_S) / (first_s - begin_s), (0.2 - TICK_S) / (begin_s + span_s - first_s)
    percents = seen(first.client_cpu_percent), seen(second.client_cpu_percent)
    assert all(found >= 90 * share for found, share in zip(percents, least, strict=True))
    assert second.client_rss_bytes is None, "of a second in which one ended the rest says nothing"
    first_bytes, third_bytes = seen(first.client_rss_bytes), seen(third.client_rss_bytes)
    assert seen(found.client.rss_bytes_max) >= first_bytes > third_bytes
    assert found.targets == ()


def test_a_worker_waits_for_its_core() -> None:
    core = {min(os.sched_getaffinity(0))}
    with worker() as one, worker() as two:
        for process in (one, two):  # both engines on one core: each waits for the other
            for task in os.listdir(f"/proc/{process.pid}/task"):
                os.sched_setaffinity(int(task), core)
        monitor = Monitor([one.pid, two.pid], ELSEWHERE, host.rare())
        monitor.start()
        begin_s = time.monotonic()
        assert monitor.schedule(0) is None  # there was no sample yet
        assert two.stdin is not None and two.stdout is not None
        two.stdin.write("0.2\n")
        two.stdin.flush()
        burn(one, 0.2)
        two.stdout.readline()
        monitor.sample()
        span_s = time.monotonic() - begin_s
        seen = [monitor.schedule(index) for index in (0, 1)]
        one.communicate()
        monitor.sample()
        assert monitor.schedule(0) == seen[0]  # as it was when last alive
    waited = [each for each in seen if each is not None]
    assert len(waited) == 2 and all(0.05 < waited_s < span_s for waited_s, _ in waited)
    assert sum(switches for _, switches in waited) > 0  # one may have run to its end


def test_a_process_without_an_engine_has_no_schedule() -> None:
    with listening() as server:
        monitor = Monitor([server.pid], ELSEWHERE, host.rare())
        monitor.start()
        monitor.sample()
        assert monitor.schedule(0) is None


def test_rows_of_any_length_are_finite() -> None:
    with listening() as server:
        monitor = started(server)
        uses = [monitor.sample() for _ in range(20)]
        found = checked(monitor.resources(0.0, 1, 0.001))
    for use in uses:
        assert read(Use, json.loads(json.dumps(plain(use))), "use") == use
        assert all(0 <= percent <= 100 for percent in use.host.core_percents)
        assert all(row.cpu_percent <= 100 * cores() for row in use.targets)
    assert found.client is not None and found.client.cpu_percent == 0  # too short to say
    assert found.host is not None and seen(found.host.throttled_s) >= 0
    assert found.host.memory_bytes == psutil.virtual_memory().total
    assert 0 < seen(found.host.memory_used_bytes_max) < seen(found.host.memory_bytes)


def test_network_and_switches_are_counted() -> None:
    with listening() as server:
        monitor = started(server)
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.sendall(bytes(50_000))  # nobody reads: it fits the buffers
        server.ask("burn", 0.02)  # for which somebody has to be woken
        use = monitor.sample()
        host = checked(monitor.resources(0.0, 1, 1.0)).host
    assert host is not None
    assert seen(host.net_out_bytes) >= 50_000 <= seen(host.net_in_bytes)
    assert seen(use.host.net_in_bytes_per_s) > 0
    assert seen(host.context_switches) > 0


@pytest.mark.parametrize(
    ("config", "charges"),
    [("CONFIG_A=y\nCONFIG_IRQ_TIME_ACCOUNTING=y\n", False), ("CONFIG_A=y\n# none\n", True)],
)
def test_the_kernel_says_whether_interrupts_are_charged(
    config: str, charges: bool, tmp_path: Path
) -> None:
    (tmp_path / "proc").mkdir()
    with gzip.open(tmp_path / "proc" / "config.gz", "wt") as file:
        file.write(config)
    assert host.charges_interrupts(f"{tmp_path}/") == charges
    (tmp_path / "proc" / "config.gz").unlink()
    assert not host.charges_interrupts(f"{tmp_path}/"), "most are built with the option"
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / f"config-{os.uname().release}").write_text(config)
    assert host.charges_interrupts(f"{tmp_path}/") == charges


def test_a_process_whose_memory_is_gone_already_keeps_its_last_reading() -> None:
    reading = processes.reading(os.getpid())
    assert reading is not None
    one = FollowedProcess(os.getpid(), "target", reading, reading, 0.0, 3, reading.rss_bytes)
    seen = one.take(dataclasses.replace(reading, rss_bytes=0), 0.5)
    assert seen is not None
    assert seen.rss_bytes == one.last.rss_bytes == reading.rss_bytes
