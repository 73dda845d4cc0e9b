"""supervisor.py and child.py: processes that speak, stay silent, break, or do not end."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from running import until

from fastbench.run.child import EXIT_FAILED, Child, Lines, encoded
from fastbench.run.supervisor import PAUSE_S, TERM_S, Supervisor
from fastbench.script.parent.worker_channel import ScriptWorker

SECOND_NS = 1_000_000_000
LIMIT_S = 10
Be = Callable[[socket.socket], object]


@pytest.fixture
def workers() -> Iterator[Supervisor[Child]]:
    files = os.listdir("/proc/self/fd")
    made: Supervisor[Child] = Supervisor()
    yield made
    made.close()
    assert psutil.Process().children(recursive=True) == []
    assert len(os.listdir("/proc/self/fd")) == len(files)


def heard(workers: Supervisor[Child]) -> list[tuple[int, str, object]]:
    """Listen until all have ended."""
    said, limit_s = [], time.monotonic() + LIMIT_S
    while not workers.all_gone:
        said += [(child.index, *message) for child, message in workers.listen(0.1)]
        assert time.monotonic() < limit_s, f"they do not end; they said {said}"
    return said


def waits(channel: socket.socket) -> None:
    """Do nothing until the parent closes the channel."""
    channel.recv(1)


def test_what_each_says_is_heard_to_the_last_word_and_its_end_is_the_last(
    workers: Supervisor[Child],
) -> None:
    long = "x" * 3_000_000
    for index in range(2):
        workers.start(Child(index), lambda channel: channel.sendall(encoded("said", long) * 2))
    said = heard(workers)
    for index in range(2):
        assert [each for each in said if each[0] == index] == [
            *[(index, "said", long)] * 2,
            (index, "gone", None),
        ]
    assert [child.lost for child in workers.children] == [False, False]
    assert all(child.status == 0 and child.cpu_s > 0 for child in workers.children)


def test_one_that_breaks_is_lost_and_says_where(
    workers: Supervisor[Child], capfd: pytest.CaptureFixture[str]
) -> None:
    workers.start(Child(), lambda channel: 1 / 0)
    heard(workers)
    (child,) = workers.children
    assert child.lost
    assert child.how == f"with status {EXIT_FAILED}"
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_one_that_should_stay_is_lost_when_it_goes_unless_it_was_told_to() -> None:
    workers: Supervisor[ScriptWorker] = Supervisor()
    try:
        for index in range(2):
            workers.start(ScriptWorker(index), lambda channel: None)
        workers.children[1].quit = True
        while not workers.all_gone:
            workers.nap(0.1)
        assert [child.lost for child in workers.children] == [True, False]
    finally:
        workers.close()


def test_one_that_leaves_its_channel_to_others_is_collected_all_the_same(
    workers: Supervisor[Child],
) -> None:
    def leaves(channel: socket.socket) -> None:
        if not os.fork():
            waits(channel)

    workers.start(Child(leads=os.setpgrp), leaves)
    assert heard(workers) == [(0, "gone", None)]


def test_no_child_holds_the_channel_of_another(workers: Supervisor[Child]) -> None:
    for index in range(3):
        workers.start(Child(index), waits)
    for child in workers.children:
        child.stream.close()
    assert sorted(heard(workers)) == [(index, "gone", None) for index in range(3)]
    assert [child.how for child in workers.children] == ["with status 0"] * 3


def test_a_group_is_killed_with_its_leader(workers: Supervisor[Child]) -> None:
    def forks(channel: socket.socket) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.fork()
        channel.sendall(encoded("here", os.getpid()))
        time.sleep(60)

    workers.start(Child(leads=os.setpgrp), forks)
    pids: list[int] = []
    while len(pids) < 2:
        pids += [body for _, (_, body) in workers.listen(1)]
    workers.kill()
    (child,) = workers.children
    assert child.how == "by SIGKILL"
    assert child.lost
    until(lambda: not any(map(_runs, pids)))


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"


def test_who_is_late_is_asked_first_and_killed_then(workers: Supervisor[Child]) -> None:
    def deaf(channel: socket.socket) -> None:
        channel.sendall(b"\n")
        time.sleep(60)

    def hears(channel: socket.socket) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        deaf(channel)

    for index, be in enumerate((deaf, hears)):
        workers.start(Child(index), be)
        workers.children[index].stream.recv(1)  # it has begun
    workers.end(workers.children, SECOND_NS)
    while not workers.children[1].gone:
        workers.nap(1)
    assert workers.children[1].how == "by SIGTERM"
    assert not workers.children[0].gone
    workers.end(workers.children, round((1 + 2 * TERM_S) * SECOND_NS))
    heard(workers)
    assert workers.children[0].how == "by SIGKILL"


def test_stop_is_said_once_and_lateness_runs_from_it_or_from_the_last_pause() -> None:
    said: list[str] = []
    workers: Supervisor[Child] = Supervisor(lambda: said.append("stop"))
    try:
        assert workers.late_s(0, 5 * SECOND_NS) == 0.0, "no end is known"
        assert workers.late_s(3 * SECOND_NS, 5 * SECOND_NS) == 2.0
        workers.interrupt()
        workers.stop()
        assert said == ["stop"]
        assert workers.interrupted
        stopped_ns = workers.stopped_ns
        assert workers.late_s(0, stopped_ns + SECOND_NS) == 1.0
        workers.look(stopped_ns, stopped_ns, 0.25)
        workers.look(stopped_ns + 9 * SECOND_NS, stopped_ns, 0.25)
        assert workers.late_s(0, stopped_ns + 10 * SECOND_NS) == 1.0
    finally:
        workers.close()


def test_a_gap_that_no_tick_explains_is_a_pause_of_the_machine_unless_we_were_showing() -> None:
    workers: Supervisor[Child] = Supervisor()
    tick_s, most_ns = 0.25, round((0.25 + PAUSE_S) * SECOND_NS)
    try:
        now_ns = start_ns = 10 * SECOND_NS
        show = workers.shown(lambda line: None)
        for gap_ns, lines in ((most_ns, 0), (most_ns + 1, 0), (most_ns + 1, 1)):
            workers.look(now_ns, start_ns, tick_s)
            now_ns += gap_ns
            for _ in range(lines):
                show("a line")
            workers.look(now_ns, start_ns, tick_s)
        (pause,) = workers.pauses
        assert (pause.t_s, pause.length_s) == (most_ns / 1e9, (most_ns + 1) / 1e9)
        assert workers.resumed_ns == now_ns, "a pause of ours lets workers be late, too"
    finally:
        workers.close()


def test_lines_are_put_together_and_what_is_none_is_passed_over() -> None:
    lines = Lines()
    whole = encoded("a", [1]) + b"\xff\n" + encoded("b", {"c": None})
    said = [message for at in range(len(whole)) for message in lines.feed(whole[at : at + 1])]
    assert said == [("a", [1]), ("b", {"c": None})]


@pytest.mark.parametrize(
    ("number", "how"),
    [(signal.SIGTERM, "by SIGTERM"), (signal.SIGRTMIN + 1, f"by signal {signal.SIGRTMIN + 1}")],
)
def test_how_it_ended_is_said_also_of_signals_without_a_name(
    number: int, how: str, workers: Supervisor[Child]
) -> None:
    def ends(channel: socket.socket) -> None:
        os.kill(os.getpid(), number)

    workers.start(Child(leads=os.setpgrp), ends)
    heard(workers)
    assert workers.children[0].how == how
