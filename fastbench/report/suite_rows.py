"""A suite as its reports know it: a row for each of its runs, whatever became of it.

1. A row that has a result shows its figures; one that has none says why in one sentence.
2. Files are named as seen from the folder of the reports, so that the folder can be moved.
3. The words of a row are data; nothing here is ready for a terminal or for markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.foundation import exit_codes
from fastbench.foundation.units import format_count, format_ms, per_s
from fastbench.report.change import headline
from fastbench.report.columns import NOTHING
from fastbench.report.page import plural
from fastbench.results import resolution

SCHEMA = "fastbench.suite/1"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a table shows of one result; times are from the planned instant where there is one."""

    requests: int
    requests_per_s: float
    not_ok: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


_HEADS = ("p50", "p95", "p99", "not ok", "passed")
_TOLD = ("thresholds_failed", "not_valid_")  # stand in columns of their own


def figures(row: Row) -> Figures | None:
    """Return the figures of a run, None where it has no result."""
    result = row.result
    if result is None:
        return None
    s, (_, latency) = result.main.summary, result.main.headline
    times = [latency.percentile(p) / 1e6 if latency.count else None for p in (50.0, 95.0, 99.0)]
    return Figures(s.requests, s.requests_per_s, s.not_ok, *times)


def heads(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the names of what `shown` returns; a run without requests counts operations."""
    nouns = {row.result.main.noun for row in rows if row.result is not None}
    noun = next(iter(nouns), "request")
    counted = ("ops" if noun == "operation" else f"{noun}s", per_s(noun))
    return (*(counted if len(nouns) < 2 else ("ended", "per s")), *_HEADS)


def shown(row: Row) -> tuple[str, ...]:
    """Return requests, rate, p50, p95, p99, not ok and thresholds as a table shows them."""
    found = figures(row)
    if found is None:
        return (NOTHING,) * 7
    assert row.result is not None
    latency = row.result.main.headline[1]
    times = [resolution.told_ns(latency, percent) for percent in (50.0, 95.0, 99.0)]
    told = resolution.tells_rate(found.requests, row.result.summary.duration_s)
    return (
        format_count(found.requests),
        format_count(found.requests_per_s) if told else NOTHING,
        *(NOTHING if value is None else format_ms(value / 1e6) for value in times),
        format_count(found.not_ok),
        passed(row),
    )


def passed(row: Row) -> str:
    """Return how many thresholds passed: `2 of 3`."""
    held = row.result.thresholds.values() if row.result is not None else ()
    return f"{sum(each.ok for each in held)} of {len(held)}" if held else NOTHING


def reasons(row: Row) -> list[str]:
    """Say what there is to say of a row beside its figures, what decided first."""
    found = [row.said] if row.killed else []
    if row.comparison is not None:
        found.append(headline(row.comparison))
    if row.result is not None:
        held = row.result.thresholds.items()
        found += [f"{text}: {each.text}" for text, each in held if not each.ok]
        outcome = row.result.outcome
        found += [each.text for each in outcome.reasons if not each.code.startswith(_TOLD)]
        if row.result.summary.ended != "complete":
            worst = sorted(row.result.errors, key=lambda each: -each.count)
            found += [
                f"{plural(each.count, 'time')} {each.message}; {each.hint}" for each in worst[:1]
            ]
    if not found and row.said and not row.passed:
        found.append(row.said)
    return found


def machines(told: SuiteResult) -> list[str]:
    """Say of each cluster how many runs it carried, and how many machines it had in them."""
    found: dict[str, list[int]] = {}
    for row in told.rows:
        if row.result is not None and row.result.machines:
            counts = found.setdefault(str(row.result.config.get("on")), [])
            counts.append(len(row.result.machines))
    return [
        f"{plural(len(counts), 'run')} on {_span(counts)} of {on}" for on, counts in found.items()
    ]


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return plural(high, "machine") if low == high else f"{low} to {high} machines"


def document(told: SuiteResult) -> dict[str, object]:
    """Return the JSON-ready document of a suite."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "fastbench", "version": told.version},
        "name": told.name,
        "started_at": told.started_at,
        "elapsed_s": round(told.elapsed_s, 3),
        "exit_code": told.code,
        "outcome": exit_codes.meaning(told.code),
        "note": told.note,
        "runs": [_run(row) for row in told.rows],
    }


def _run(row: Row) -> dict[str, object]:
    found, result = figures(row), row.result
    return {
        "name": row.name,
        "command": row.what,
        "exit_code": row.code,
        "outcome": row.outcome,
        "elapsed_s": round(row.elapsed_s, 3),
        "on": None if result is None else result.config.get("on"),
        "machines": 0 if result is None else len(result.machines),
        "ended": None if result is None else result.summary.ended,
        "verdict": None if result is None else result.validity.verdict,
        "requests": None if found is None else found.requests,
        "requests_per_s": None if found is None else found.requests_per_s,
        "not_ok": None if found is None else found.not_ok,
        "p50_ms": None if found is None else found.p50_ms,
        "p95_ms": None if found is None else found.p95_ms,
        "p99_ms": None if found is None else found.p99_ms,
        "thresholds": {
            text: {"ok": each.ok, "level": each.level, "observed": each.observed}
            for text, each in (result.thresholds.items() if result is not None else ())
        },
        "reasons": reasons(row),
        "files": dict(row.files),
    }
