"""What is sampled of host and processes, as gauges: of thresholds, outputs and documents alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import measured
from servers import Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.points import PointReader
from fastbench.results.thresholds import grammar
from fastbench.results.usage import HostSample, ProcessSample, Use
from fastbench.run import run_thresholds
from fastbench.run.machine_gauges import MachineGauges
from fastbench.run.snapshot import Snapshot

NAMES = {1: "postgres", 2: "postgres", 3: "nginx"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def use(*cpu: tuple[int, float]) -> Use:
    host = HostSample((50.0, 100.0), 1 << 30, 100.0, 200.0, None, None, None)
    return Use(1.0, 1, host, tuple(ProcessSample(pid, each, 1000, 7, 2, 3) for pid, each in cpu))


def observed(gauges: MachineGauges, text: str) -> float | None:
    found = Snapshot(3.0, 3.0, {}, gauges.rows)
    return found.observe(grammar.parse(text, run_thresholds.METRICS))[0]


def test_processes_of_one_name_are_one_row_and_all_of_them_another() -> None:
    gauges = MachineGauges(NAMES.__getitem__)
    gauges.take(use((1, 60.0), (2, 30.0), (3, 5.0)), 1.0, 1)
    gauges.take(use((1, 10.0), (2, 20.0), (3, 50.0)), 1.0, 2)
    assert observed(gauges, "target_cpu{process:postgres}: max<1") == 90
    assert observed(gauges, "target_cpu{process:postgres}<1") == 30
    assert observed(gauges, "target_cpu{process:nginx}: max<1") == 50
    assert observed(gauges, "target_cpu: max<1") == 95, "the most at one instant, not 90 + 50"
    assert observed(gauges, "target_cpu: min<1") == 80
    assert observed(gauges, "target_rss<1") == 3000
    assert observed(gauges, "target_fds{process:postgres}<1") == 14
    assert observed(gauges, "target_threads<1") == 6
    assert observed(gauges, "target_connections{process:postgres}<1") == 6
    assert observed(gauges, "target_cpu{process:redis}<1") is None
    assert observed(gauges, "host_cpu: max<1") == 75
    assert observed(gauges, "host_memory<1") == 1 << 30
    assert observed(gauges, "host_network<1") == 300
    assert observed(gauges, "host_network{direction:out}<1") == 200


def test_a_short_span_tells_no_use_of_processors_unless_it_is_all_there_is() -> None:
    gauges = MachineGauges(NAMES.__getitem__)
    gauges.take(use((3, 40.0)), 0.2, 1)
    assert observed(gauges, "target_cpu: max<1") == 40
    gauges.take(use((3, 900.0)), 0.2, 2)
    assert observed(gauges, "target_cpu: max<1") == 40
    gauges.take(use((3, 80.0)), 0.6, 3)
    assert observed(gauges, "target_cpu: max<1") == 80


def test_a_command_without_a_process_left_uses_nothing() -> None:
    gauges = MachineGauges(NAMES.__getitem__)
    gauges.take(use((1, 60.0), (3, 5.0)), 1.0, 1)
    before = gauges.rows
    gauges.take(use((3, 5.0)), 1.0, 2)
    assert observed(gauges, "target_cpu{process:postgres}<1") == 0
    assert observed(gauges, "target_rss<1") == 1000
    assert before["target_cpu"][("process", "postgres"),].value == 60, "what was read stays"


def test_outputs_get_the_parts_and_not_their_sum() -> None:
    gauges = MachineGauges(NAMES.__getitem__)
    gauges.take(use((1, 60.0), (3, 5.0)), 1.0, 1)
    points = PointReader(with_buckets=False).points(Snapshot(1.0, 1.0, {}, gauges.rows))
    told = [(point.tags, point.value) for point in points if point.name == "target_cpu"]
    assert told == [((("process", "postgres"),), 60.0), ((("process", "nginx"),), 5.0)]
    assert {point.name for point in points if not point.tags} == {"host_cpu", "host_memory"}


def test_processors_are_told_in_percent_and_memory_in_bytes() -> None:
    cpu = grammar.parse("target_cpu{process:postgres}: max<85%", run_thresholds.METRICS)
    assert cpu.limit == 85 and cpu.shown(90.0) == "90%"
    rss = grammar.parse("target_rss: max<500MB", run_thresholds.METRICS)
    assert rss.limit == 500_000_000 and rss.shown(1 << 20) == "1.0MiB"
    with pytest.raises(UsageError, match="is not a count"):
        grammar.parse("target_fds<5%", run_thresholds.METRICS)


@pytest.mark.alone
def test_a_run_of_a_url_is_held_to_what_its_server_uses(tmp_path: Path, server: Server) -> None:
    lines = tmp_path / "points.json"
    kept = ("target_rss: max<64GB", "host_cpu: max<=100%", "target_connections>=2")
    broken = ("target_cpu{process:python}: max<0", "target_cpu{process:nobody}: max<1")
    flags = [part for each in (*kept, *broken) for part in ("--threshold", each)]
    run = measured("-d1.5s", "-c2", "-o", f"json={lines}", *flags, server.url())
    assert run.code == 99
    judged = run.document["thresholds"]
    assert [text for text in (*kept, *broken) if judged[text]["ok"]] == list(kept)
    assert judged[broken[0]]["observed"] > 1 and judged[broken[1]]["observed"] is None
    points = [json.loads(line) for line in lines.read_text().splitlines()]
    told = {p["metric"] for p in points if p["type"] == "Point"}
    assert {"target_cpu", "target_rss", "host_cpu", "host_memory", "host_network"} <= told
