"""A run of several URLs and a script, with how their parts went over time."""

from __future__ import annotations

import random
from dataclasses import replace

import samples
import scenario_samples
from shapes import series

from fastbench.results.load_stages import Level, StageRow
from fastbench.results.metric_values import Judgement
from fastbench.results.part_series import PartSeries, PartsOverTime
from fastbench.results.result import Result, SeriesRow

SECONDS = 20
HELD = Judgement(True, 40.0, 0.2, "fail", False, "held")
BROKEN = Judgement(False, 90.0, -0.5, "fail", False, "broken")


def part(name: str, *, kind: str = "http", seed: int = 1, steps: int = SECONDS) -> PartSeries:
    """A part whose numbers are unlike those of another seed; its first second is empty."""
    drawn = random.Random(seed)
    ended = tuple(0 if at == 0 else drawn.randrange(50, 5000) for at in range(steps))

    def times(low: float) -> tuple[float | None, ...]:
        return tuple(round(low * drawn.uniform(1, 2), 3) if each else None for each in ended)

    return PartSeries(
        kind=kind,
        name=name,
        ended=ended,
        failed=tuple(each // 40 for each in ended),
        p50_ms=times(3),
        p95_ms=times(12),
        p99_ms=times(40),
        method="GET" if kind == "http" else "",
        scenario="one" if kind not in ("http", "scenario") else "",
    )


def over_time(*parts: PartSeries) -> PartsOverTime:
    """The parts in steps of a second."""
    steps = len(parts[0].ended)
    return PartsOverTime(tuple(map(float, range(steps))), (1.0,) * steps, parts)


def rows() -> tuple[SeriesRow, ...]:
    """Seconds that differ: one without requests, some with failures of several causes."""
    found = []
    for at, row in enumerate(series(SECONDS, 1000)):
        ok = 0 if at == 7 else 900 + at
        bad = {"503": 30 + at, "429": at} if at and at != 7 else {}
        reset = 2 if at == 3 else 0
        failed = sum(bad.values()) + reset
        timeouts = at % 3 if at != 7 else 0
        times = (None, None, None) if at == 7 else (5.0, 9.0, 12.0 + at)
        found.append(
            replace(
                row,
                t_s=float(at),
                span_s=1.0,
                requests=ok + failed + timeouts,
                ok=ok,
                failed=failed,
                timeouts=timeouts,
                p50_ms=times[0],
                p95_ms=times[1],
                p99_ms=times[2],
                errors={"timeout": timeouts, "reset": reset},
                statuses={"200": ok, **bad} if ok else {},
                connections=20,
            )
        )
    return tuple(found)


def urls() -> Result:
    """Several URLs, two thresholds that hold and two that do not, one of them of one URL."""
    base = samples.good()
    return replace(
        base,
        config={**base.config, "urls": 2, "connections": 20},
        series=rows(),
        part_series=over_time(part("/a", seed=1), part("/b?x=1", seed=2)),
        thresholds={
            "p95<50ms": HELD,
            "p99<20ms": BROKEN,
            "errors<1%": BROKEN,
            "http_req_duration{name:/a}: p(99)<90": HELD,
            "requests>10": HELD,
        },
    )


def script() -> Result:
    """Requests, an operation and two scenarios, whose users rise, stay and fall."""
    base = scenario_samples.messages()
    made = (part("/a", seed=1), part("sign", kind="job", seed=2))
    scenarios = (part("one", kind="scenario", seed=3), part("two", kind="scenario", seed=4))
    levels = (Level(0.0, 10.0, 5.0), Level(10.0, 10.0, 10.0), Level(10.0, 0.0, 5.0))
    edges = ((0.0, 5.0), (5.0, 15.0), (15.0, 20.0))
    stages = tuple(
        StageRow(
            name=str(at),
            begin_s=begin_s,
            end_s=end_s,
            complete=True,
            measured_s=end_s - begin_s,
            asked_users=level,
            asked_per_s=None,
            users=level.mean,
            sockets=None,
            requests=1000,
            not_ok=0,
            p95_ms=9.0,
        )
        for at, (level, (begin_s, end_s)) in enumerate(zip(levels, edges, strict=True), 1)
    )
    users = [min(10, 2 * (at + 1)) if at < 15 else 10 - 2 * (at - 14) for at in range(SECONDS)]
    timed = tuple(
        replace(row, vus=count, iterations=3 * count, dropped_iterations=at % 2)
        for at, (row, count) in enumerate(zip(rows(), users, strict=True))
    )
    limits = {"http_req_duration{scenario:two}: p(95)<100": HELD, "p99<15ms [stage=2]": BROKEN}
    return replace(
        base,
        series=timed,
        stages=stages,
        part_series=over_time(*made, *scenarios),
        thresholds=limits,
    )
