"""Whoever looks at a run sees the same: the row of a second, thresholds, outputs, to the unit.

The server answers as fast as it can meanwhile, so that two looks would differ by hundreds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from running import SLOW
from servers import Server, answering

from fastbench.machine.monitor import Monitor
from fastbench.outputs.points import PointReader
from fastbench.plan.plan import Expect, Plan, Request, Target
from fastbench.plan.workload import Load, Pace, Stage
from fastbench.results.thresholds import grammar
from fastbench.results.usage import Use
from fastbench.run import run_thresholds, runner
from fastbench.run.sampling import Progress
from fastbench.run.snapshot import Snapshot
from fastbench.script import parent
from fastbench.script.run_request import RunRequest

LIMITS = ("http_reqs: count>=0", "http_req_failed: count>=0", "http_req_duration: count>=0")
NAMES = ("http_reqs", "http_req_failed", "http_req_duration")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@dataclass
class Witness:
    """Follow a run as outputs do, and compare each second with what else is told of it."""

    reader: PointReader = field(default_factory=lambda: PointReader(with_buckets=True))
    told: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NAMES, 0.0))
    rows: list[int] = field(default_factory=list)
    failed: int = 0
    last: object = None
    compared: int = 0
    fresh: bool = False
    wrong: list[str] = field(default_factory=list)

    def begin(self, tags: Mapping[str, str], of_scenarios: Mapping[str, Mapping[str, str]]) -> None:
        self.reader.begin(tags, of_scenarios)

    def take(self, now: Snapshot) -> None:
        self.fresh = True
        for point in self.reader.points(now):
            if point.name in NAMES:
                counts = point.now.get("count", point.now.get("passes", 0.0))
                self.told[point.name] += counts

    def hear(self, now: Progress) -> None:
        """Compare when a second has just ended: thresholds also look between two."""
        if now.row is None or now.row is self.last:
            return
        self.last = now.row
        self.rows.append(now.row.requests)
        self.failed += now.row.failed + now.row.timeouts
        if not self.fresh:  # outputs leave a second out after a look that took long
            return
        self.fresh = False
        self.compared += 1
        held = [now.judgements[text].observed or 0 for text in LIMITS]
        series = [sum(self.rows), self.failed]
        outputs = [self.told[name] for name in NAMES]
        if not (series == held[:2] and outputs == held):
            self.wrong.append(f"series {series}, thresholds {held}, outputs {outputs}")


def plan_of(server: Server, paths: tuple[str, ...], load: Load) -> Plan:
    host, port = "127.0.0.1", server.port
    requests = tuple(
        Request("GET", path.encode(), ((b"Host", b"x"),), None, path, 1) for path in paths
    )
    target = Target("http", host, port, None, None, "", f"http://{host}:{port}")
    return Plan(target, requests, load, Expect(None, b""), (), 0, {})


STAGES = Pace(rates=True, stages=(Stage(1.2, 400, 900), Stage(1.2, 900, 300)))


ONE, SEVERAL = ("/",), ("/a", "/b", "/c")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("paths", "pace"),
    [(SEVERAL, None), (ONE, STAGES), *([(ONE, None), (SEVERAL, STAGES)] if SLOW else [])],
)
def test_a_second_of_a_run_of_urls(
    server: Server, paths: tuple[str, ...], pace: Pace | None
) -> None:
    witness = Witness()
    about: Any = {"requests": None, "duration_s": 2.4, "workers": 2, "keepalive": True}
    load = Load(4, pipeline=1, retry=True, timeout_s=2, connect_timeout_s=2, pace=pace, **about)
    limits = [grammar.parse(text, run_thresholds.METRICS) for text in LIMITS]
    if pace is not None:  # looks of its own between the seconds
        limits.append(grammar.parse("http_reqs: count>0 [stage=1]", run_thresholds.METRICS))
    plan = plan_of(server, paths, load)
    result = runner.run(
        plan, witness.hear, thread_rates=False, thresholds=limits, followers=[witness]
    )
    assert witness.wrong == [] and witness.compared and len(witness.rows) >= 2
    assert min(witness.rows) > 50
    assert witness.told["http_reqs"] == result.summary.requests, "and at the end all is told"
    assert result.thresholds[LIMITS[0]].observed == result.summary.requests
    assert sum(row.requests for row in result.series) == result.summary.requests
    assert sum(row.requests for row in result.requests) in (0, result.summary.requests)


PLANNED_PER_S, SAMPLED_S, SLACK_S = 1000, 0.6, 0.3


def test_no_second_has_what_came_while_the_machine_was_sampled(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request is sent ahead of its time, so none can be told of before it."""
    sampled = Monitor.sample

    def slowly(self: Monitor) -> Use:
        time.sleep(SAMPLED_S)  # a machine with much to look through, or busy
        return sampled(self)

    monkeypatch.setattr(Monitor, "sample", slowly)
    told: list[Progress] = []
    pace = Pace(rates=True, stages=(Stage(3.2, PLANNED_PER_S, PLANNED_PER_S),))
    about: Any = {"requests": None, "duration_s": 3.2, "workers": 1, "keepalive": True}
    load = Load(4, pipeline=1, retry=True, timeout_s=2, connect_timeout_s=2, pace=pace, **about)
    result = runner.run(plan_of(server, ONE, load), told.append, thread_rates=False)
    assert len(result.series) >= 2 and len(told) >= 4
    ahead = [each.requests / PLANNED_PER_S - each.elapsed_s for each in told]
    seen = 0
    for row in result.series:
        seen += row.requests
        ahead.append(seen / PLANNED_PER_S - (row.t_s + row.span_s))
    assert max(ahead) < SLACK_S


SCRIPT = """
from fastbench import *

options = Options(base_url="{url}")


@scenario(executor="constant-vus", vus=4, duration="2.4s")
async def loop(vu):
    await vu.get("/a", name="a")
    await vu.get("/b", name="b", tags={{"team": "b"}})


@scenario(executor="constant-arrival-rate", rate=300, duration="2.4s",
          pre_allocated_vus=4)
async def planned(vu):
    await vu.get("/c", expected=expected_statuses(404))
"""


def test_a_second_of_a_script(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(url=server.url("")))
    witness = Witness()
    limits = (*LIMITS, "http_reqs: count>0 [last=1s]")
    asked = RunRequest(str(path), workers=2, thresholds=limits, apart=True)
    result = parent.run(asked, witness.hear, observer=witness)
    assert witness.wrong == [] and witness.compared and len(witness.rows) >= 2
    assert min(witness.rows) > 50
    assert witness.failed and witness.told["http_reqs"] == result.summary.requests
    assert result.thresholds[LIMITS[0]].observed == result.summary.requests
    assert sum(row.requests for row in result.series) == result.summary.requests
