"""What the parent does for several machines: leases, instants, streams, the verdict of all."""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import good

from fastbench.cluster.agent.instants import Instants
from fastbench.cluster.clock_offset import Offset
from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.links.remote_process import RemoteProcess
from fastbench.cluster.machine_report import MachineReport
from fastbench.cluster.parent import machine_rows
from fastbench.cluster.parent.leases import Leases
from fastbench.cluster.parent.remote_workers import RemoteWorkers
from fastbench.machine.host_identity import Place
from fastbench.results.counts import Operations
from fastbench.results.machine_row import MachineRow
from fastbench.results.result import Result, Validity

ROW = MachineRow("a", "tcp://h:1", 2, 1, 9, 9.0, None, 1.0, 1.0, 0.2, 0.0, "ok", "none", (), "")


class FakeMachine:
    """Takes what is granted, and works off one number after the other."""

    def __init__(self) -> None:
        self.numbers: deque[int] = deque()
        self.closed = False

    def post(self, kind: str, body: dict[str, Any]) -> None:
        self.closed = self.closed or kind == "close_grants"
        if kind == "grant":
            self.numbers += range(body["first"], body["first"] + body["count"])


@given(st.integers(0, 300), st.integers(1, 5), st.data())
def test_each_number_is_granted_once(limit: int, count: int, data: st.DataObject) -> None:
    machines = [FakeMachine() for _ in range(count)]
    leases = Leases(cast("list[MachineLink]", machines))
    leases.begin({3: limit})
    done = [each.numbers.popleft() for each in machines for _ in range(len(each.numbers))]
    while not all(each.closed for each in machines):
        at = data.draw(st.integers(0, count - 1))
        leases.need(cast(MachineLink, machines[at]), {"shared": 3})
        done += machines[at].numbers
        machines[at].numbers.clear()
    assert sorted(done) == list(range(limit))
    assert leases.rest() == {3: 0}


def test_what_was_never_granted_is_known_and_granted_no_more() -> None:
    machine = FakeMachine()
    leases = Leases([cast(MachineLink, machine)])
    leases.begin({0: 100})
    assert len(machine.numbers) == 50
    assert leases.rest() == {0: 50} and leases.rest() == {0: 0}
    leases.need(cast(MachineLink, machine), {"shared": 0})
    assert machine.closed and len(machine.numbers) == 50


def test_instants_are_every_second_and_those_asked_for() -> None:
    instants = Instants(1_000, [0.5, 2.0, 2.25])
    seen = []
    for _ in range(5):
        due_ns = instants.due_ns
        seen.append((due_ns - 1_000, instants.passed(due_ns)))
    halves = [(500_000_000, False), (1_000_000_000, True), (2_000_000_000, True)]
    assert seen == [*halves, (2_250_000_000, False), (3_000_000_000, True)]
    assert instants.passed(9_500_000_000) and instants.due_ns == 10_000_001_000


def test_a_parent_that_is_busy_gets_all_that_a_worker_said() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    process = RemoteProcess(0, theirs, lambda worker, number: None)
    process.unsent += b"x" * 5_000_000
    assert not process.write()
    got = 0
    while got < 5_000_000:
        got += len(ours.recv(1 << 20))
        process.write()
    assert process.write() and not process.unsent
    ours.close()
    process.unsent += b"more"
    assert process.write()  # to nobody
    process.close()


def judged(*rows: MachineRow, verdict: str = "ok") -> Validity:
    whole = replace(good(), machines=rows, validity=Validity(verdict, "none", ("own",)))
    return machine_rows.judged(whole, {}).validity


def test_the_verdict_is_that_of_the_machine_in_the_most_trouble() -> None:
    busy = replace(ROW, name="b", verdict="client-limited", limit="client", reasons=("too few",))
    assert judged(ROW, busy) == Validity("client-limited", "client", ("b: too few",))
    both = [replace(busy, name=name) for name in ("a", "b")]
    assert judged(*both).reasons == ("too few",)


def test_a_lost_machine_makes_the_run_incomplete() -> None:
    lost = replace(ROW, name="b", verdict="incomplete", lost="it was silent for 4.5s")
    found = judged(ROW, replace(lost, lost_at_s=3.25))
    assert found.verdict == "incomplete"
    assert found.reasons[0] == "b was lost at 3.25s: it was silent for 4.5s"
    assert judged(replace(lost, lost_at_s=0.0)).reasons[0].startswith("b was lost before the start")


def linked(name: str) -> MachineLink:
    offset = Offset(offset_ns=0, bound_ns=10, round_trip_ns=20)
    return MachineLink(name, f"tcp://{name}:1", None, cores=2, offset=offset)


def remote(*machines: MachineLink, stop_when_lost: bool = False) -> tuple[RemoteWorkers, list[str]]:
    told: list[str] = []
    cluster = SimpleNamespace(address="tcp://me:secret@h:1", machines=list(machines))
    found = RemoteWorkers(cast(Any, cluster), told.append, stop_when_lost=stop_when_lost)
    found.number([0] * len(machines))
    return found, told


def test_a_lost_machine_is_told_once_and_when_it_was_last_heard_of() -> None:
    first, second = linked("a"), linked("b")
    workers, told = remote(first, second)
    workers._start_s = second.heard_s - 3.25
    assert not workers.look() and workers.standing().working == "2 machines"
    second.lose("it was silent for 4.5s")
    second.heard_s += 60  # what comes later changes nothing
    assert not workers.look() and not workers.look()
    sentence = "b was lost at 3.25s: it was silent for 4.5s"
    assert told == [f"{sentence}; its part of the load is missing."]
    standing = workers.standing()
    assert standing.working == "1 of 2 machines" and standing.lost == (sentence,)
    assert "secret" not in standing.cluster
    workers._reports = {}
    rows = workers.told(good(), cast(Any, Counted())).machines
    assert [row.lost_at_s for row in rows] == [None, 3.25]


class Counted:
    """A block whose workers have counted some requests and operations, each by its number."""

    def counters(self, index: int) -> dict[str, int]:
        requests = {"ok": 10 + index, "failed": 2, "timeouts": 1}
        return requests | {"operations_ok": 100 + index, "operations_failed": 4}


@pytest.mark.parametrize(("started", "ended"), [(9, [13 + 14, 15]), (0, [104 + 105, 106])])
def test_a_machine_ended_what_the_run_counts(started: int, ended: list[int]) -> None:
    base = good()
    base = replace(base, summary=replace(base.summary, started=started), workers=base.workers * 2)
    base = replace(base, operations=Operations(9, 8, 1, 0, 0))
    places: list[Any] = [(linked("a"), range(2), None), (linked("b"), range(2, 3), None)]
    rows = machine_rows.rows(base, places, {}, cast(Any, Counted()))
    assert [row.requests for row in rows] == ended
    assert [row.requests_per_s for row in rows] == [round(each / 30, 3) for each in ended]


@pytest.mark.parametrize(
    ("reported", "so"), [(True, "the load was over by then"), (False, "its part of the load is")]
)
def test_who_is_lost_at_the_end_is_told_before_the_report(reported: bool, so: str) -> None:
    base = good()
    report = MachineReport(base.validity, base.resources, None, 1, Place("", ""), (), ())
    workers, told = remote(linked("a"), linked("b"))
    workers._reports = {0: report, 1: report} if reported else {0: report}
    workers.machines[1].lose("its agent ended")
    workers.told(base, cast(Any, Counted()))
    assert len(told) == 1 and told[0].startswith(
        f"b was lost before the start: its agent ended; {so}"
    )


def test_a_lost_machine_can_end_the_run() -> None:
    machine = linked("a")
    workers, told = remote(machine, linked("b"), stop_when_lost=True)
    assert not workers.look()
    machine.lose("its agent ended")
    assert workers.look() and workers.look()
    assert told == ["a was lost before the start: its agent ended; the run ends."]


@pytest.mark.parametrize("lost", ["", "it ended"])
def test_machines_survive_the_document(lost: str) -> None:
    whole = replace(good(), machines=(replace(ROW, lost=lost), ROW))
    assert Result.from_document(whole.to_document()).machines == whole.machines
