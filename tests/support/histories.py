"""Histories for tests: runs with given figures, and files that hold some."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import samples
from shapes import lognormal, series

from fastbench.results.history import history_store
from fastbench.results.history.history_entry import Entry, Group
from fastbench.results.result import Result, Summary

__all__ = ["NAME", "document", "groups", "keep", "mixed", "run"]

NAME = "GET /api/health"
DURATION_S = 10.0


@cache
def run(rate: float = 1000.0, slow: float = 1.0, day: int = 1, **changes: Any) -> Result:
    """Return a run of ten seconds at `rate` per second, with a p50 of 1 ms times `slow`."""
    base = samples.good()
    count = round(rate * DURATION_S)
    service = lognormal(round(1e6 * slow), 0.3, 2000)
    return replace(
        base,
        environment=replace(base.environment, started_at=f"2026-03-{day:02d}T12:00:00+00:00"),
        summary=Summary(DURATION_S, count, count, 0, 0, 100 * count, 60 * count),
        latency=replace(base.latency, service=service, first_byte=service),
        status_codes={"200": count},
        series=series(10, round(rate)),
        **changes,
    )


def document(result: Result) -> bytes:
    """Return a document as --json writes it, but for its spaces."""
    return json.dumps(result.to_document()).encode()


def keep(path: Path, *results: Result, name: str = NAME, exit_code: int = 0) -> None:
    """Keep runs one after the other."""
    for result in results:
        history_store.keep(str(path), Entry.of(result, name, exit_code), document(result))


def mixed() -> list[Entry]:
    """Return runs as they come: fine, slower, failed, cut short, elsewhere, without success."""
    first = Entry.of(run(), NAME)
    days = [replace(first, id=at, started_at=f"2026-03-{at:02d}T12:00:00+00:00") for at in range(9)]
    return [
        days[1],
        replace(days[2], requests_per_s=1040.0, p95_ms=1.6),
        replace(days[3], requests_per_s=1010.0, exit_code=99, thresholds="failed"),
        replace(days[4], requests_per_s=400.0, ended="interrupted", exit_code=105),
        replace(days[5], requests_per_s=990.5, cores=8, kernel="6.9.1", verdict="client-limited"),
        replace(days[6], requests_per_s=850.0, p95_ms=2.31, errors_share=0.012, exit_code=96),
        replace(
            days[7],
            requests_per_s=0.0,
            p50_ms=None,
            p95_ms=None,
            p99_ms=None,
            ended="nothing_succeeded",
            errors_share=1.0,
            exit_code=122,
        ),
        replace(days[8], requests_per_s=1100.0, times="response", build="3f2c1a9"),
    ]


def groups() -> list[Group]:
    """Return two names: one with all sorts of runs, of more that are kept, and one with one run."""
    runs = mixed()
    one = replace(runs[0], id=9, name="checkout.py")
    return [Group(NAME, 57, tuple(runs)), Group("checkout.py", 1, (one,))]
