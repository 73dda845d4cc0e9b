"""What machines use, added up: what several of them see of one host and one server counts once."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from shapes import use

from fastbench.cluster.machine_report import MachineReport, MachineUse
from fastbench.cluster.parent.cluster_monitor import ClusterMonitor
from fastbench.machine import host_identity
from fastbench.machine.host_identity import Place, ProcessNames
from fastbench.results.result import Validity
from fastbench.results.usage import Resources, TargetUse

HERE, CONTAINER, THERE = Place("a", "net:1"), Place("a", "net:2"), Place("b", "net:1")
TARGET = TargetUse(9, "nginx", 2.0, 90.0, 1, 1, 1, 8, 1, 50.0, 50.0, 400.0)


def report(place: Place, answered: int, *targets: tuple[str, TargetUse]) -> MachineReport:
    return MachineReport(
        validity=Validity("ok"),
        resources=Resources(targets=tuple(target for _, target in targets)),
        lag_p99_ms=None,
        answered=answered,
        place=place,
        processes=tuple(name for name, _ in targets),
        schedules=(),
    )


def targets(*reports: MachineReport) -> list[tuple[int, float, float | None]]:
    told = dict(enumerate(reports))
    monitor = ClusterMonitor(lambda: (), lambda: told, lambda index: None)
    answered = sum(each.answered for each in reports)
    rows = monitor.resources(1.0, answered, 1.0).targets
    return [(row.pid, row.cpu_s, row.cpu_us_per_request) for row in rows]


def test_a_server_that_several_machines_see_is_one_and_served_all_of_them() -> None:
    less = replace(TARGET, cpu_s=1.9)
    assert targets(
        report(HERE, 5_000, ("a/9", TARGET)),
        report(HERE, 5_000, ("a/9", less)),
        report(CONTAINER, 6_000, ("a/9", replace(less, pid=4))),  # it has another number there
        report(THERE, 4_000),
    ) == [(9, 2.0, 100.0)]


def test_servers_of_several_hosts_are_several_also_with_one_pid() -> None:
    found = targets(
        report(HERE, 5_000, ("a/9", TARGET)),
        report(CONTAINER, 5_000, ("a/9", TARGET)),
        report(THERE, 4_000, ("b/9", TARGET)),
    )
    assert found == [(9, 2.0, 200.0), (9, 2.0, 500.0)]


def test_who_is_not_known_is_nobody_else() -> None:
    nowhere = Place("", "")
    assert len(targets(*(report(nowhere, 10, ("", TARGET)) for _ in range(2)))) == 2
    watched = replace(TARGET, role="watched", cpu_us_per_request=None)
    assert targets(report(HERE, 10, ("a/9", watched))) == [(9, 2.0, None)]


def test_a_second_of_one_host_counts_once() -> None:
    sample = use(1)
    sample = replace(sample, host=replace(sample.host, disk_read_bytes_per_s=512.0))

    def second(*places: Place) -> tuple[int, float, float]:
        count = len(sample.targets)
        names = tuple(f"a/{each.pid}" for each in sample.targets)
        told = [MachineUse(sample, place, names, ("nginx",) * count) for place in places]
        monitor = ClusterMonitor(lambda: told, dict, lambda index: None)
        found = monitor.sample()
        assert monitor.name_of(sample.targets[0].pid) == "nginx" and monitor.name_of(1) == ""
        disk, net = found.host.disk_read_bytes_per_s, found.host.net_in_bytes_per_s
        before = sample.host.disk_read_bytes_per_s, sample.host.net_in_bytes_per_s
        assert None not in (disk, net, *before)
        return len(found.targets) // count, disk / before[0], net / before[1]  # type: ignore[operator]

    assert second(HERE, HERE) == (1, 1, 1)
    assert second(HERE, CONTAINER) == (1, 1, 2)
    assert second(HERE, THERE) == (1, 2, 2)
    assert second(Place("", ""), Place("", "")) == (1, 2, 2)


def test_a_process_has_one_name_from_wherever_it_is_seen() -> None:
    """A process of another pid namespace has another pid in ours, and the same name."""
    inside = "import os\nfrom fastbench.machine.host_identity import ProcessNames\n"
    inside += "print(ProcessNames().of(os.getpid()), flush=True)\ninput()"
    words = [sys.executable, "-c", inside]
    if os.geteuid() == 0:
        words = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        own = process.stdout.readline().strip()
        below = f"/proc/{process.pid}/task/{process.pid}/children"
        with open(below) as file:
            pid = int((file.read().split() or [f"{process.pid}"])[0])
        names = ProcessNames()
        assert own and names.of(pid) == own != names.of(os.getpid())
        process.communicate("\n")
    assert names.of(pid) == own  # it has ended and is still known


def test_without_a_boot_nothing_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_identity, "BOOT", "/missing")
    assert host_identity.place().host == "" and ProcessNames().of(os.getpid()) == ""
