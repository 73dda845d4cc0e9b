"""Stages of a load, made up for reports and documents."""

from __future__ import annotations

from dataclasses import replace

from fastbench.results.load_stages import Level, StageRow

RISE = StageRow(
    *("rise", 0.0, 30.0, True, 30.0, Level(0.0, 50.0, 25.0), None, 24.8, None, 6_000, 0, 90.5),
    held=("errors<1%", "p95<200"),
)
ALL_OF_ONE = replace(  # with a value in every field
    RISE,
    name="hold",
    begin_s=30.0,
    end_s=60.0,
    asked_users=Level(50.0, 50.0, 50.0),
    asked_per_s=Level(10.0, 10.0, 10.0),
    users=50.0,
    sockets=20.5,
    requests=12_000,
    not_ok=24,
    p95_ms=180.25,
    held=("errors<1%",),
    warned={"p95 <100 target, <200 critical": "180ms, 80% above the target"},
    no_samples=("http_req_duration{name:pay}: p(95)<1000",),
    operations=3,
    operations_failed=1,
    operation_p95_ms=7.5,
)
HOLD = replace(ALL_OF_ONE, asked_per_s=None)
PEAK = replace(
    RISE,
    name="peak",
    begin_s=60.0,
    end_s=90.0,
    asked_users=Level(200.0, 200.0, 200.0),
    users=200.0,
    requests=13_100,
    not_ok=310,
    p95_ms=812.0,
    held=(),
    failed={
        "p95<200": "812ms, 4.06 times the limit",
        "errors<1%": "2.366%, 1.37 points above the limit",
    },
)
FALL = replace(RISE, name="fall", begin_s=90.0, end_s=97.0, measured_s=7.0, complete=False)


def stages() -> tuple[StageRow, ...]:
    """Four stages of users: the third misses its goals, the last is cut short."""
    return RISE, HOLD, PEAK, FALL
