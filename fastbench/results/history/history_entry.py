"""A run that is kept, as a list or a trend tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastbench.foundation import redact
from fastbench.results import resolution
from fastbench.results.protocol import protocol_of
from fastbench.results.result import ENDED, VERDICTS, Result

MAX_NAME = 200
TIMES = ("response", "service", "operation")
OUTCOMES = ("none", "passed", "failed")
_BUILD_TAGS = ("commit", "build", "version")  # of a script's run, the first that it has


@dataclass(frozen=True, slots=True)
class Entry:
    """A run as its columns tell it. `id` is 0 before it is kept.

    Percentiles are of response time where requests were planned, else of service time, as `times`
    says, and of operations, as the rate is, of a run without requests; None where too few were
    answered to have one. `version` is fastbench's, `build` the tag that says what was measured, ""
    without one. `thresholds` are those that decide. `protocol` is the version of HTTP, "" without
    a connection.
    """

    id: int
    name: str
    started_at: str
    version: str
    build: str
    requests_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    times: Annotated[str, TIMES]
    errors_share: float
    ended: Annotated[str, ENDED]
    verdict: Annotated[str, VERDICTS]
    thresholds: Annotated[str, OUTCOMES]
    exit_code: int
    cpu: str
    cores: int
    kernel: str
    protocol: str

    @classmethod
    def of(cls, result: Result, name: str, exit_code: int = 0) -> Entry:
        """Return the columns of a result that is not kept yet."""
        result = result.main
        summary, machine = result.summary, result.environment
        times, latency = result.headline

        def at(percent: float) -> float | None:
            value_ns = resolution.told_ns(latency, percent)
            return None if value_ns is None else value_ns / 1e6

        wrong = summary.failed + summary.timeouts
        return cls(
            id=0,
            name=name,
            started_at=machine.started_at,
            version=result.version,
            build=_build(result.config),
            requests_per_s=summary.requests_per_s,
            p50_ms=at(50.0),
            p95_ms=at(95.0),
            p99_ms=at(99.0),
            times=times,
            errors_share=wrong / summary.requests if summary.requests else 1.0,
            ended=summary.ended,
            verdict=result.validity.verdict,
            thresholds=_held(result),
            exit_code=exit_code,
            cpu=machine.cpu,
            cores=machine.cores,
            kernel=machine.kernel,
            protocol=protocol_of(result),
        )


@dataclass(frozen=True, slots=True)
class Group:
    """The newest runs of one name, the newest last; `total` counts all that are kept."""

    name: str
    total: int
    runs: tuple[Entry, ...]


def _build(config: Mapping[str, object]) -> str:
    """Return what was measured, from the tags that a run was given."""
    tags = config.get("tags")
    named = tags if isinstance(tags, Mapping) else {}
    found = next((str(named[name]) for name in _BUILD_TAGS if named.get(name)), "")
    return redact.printable(found)[:MAX_NAME]


def _held(result: Result) -> str:
    deciding = [each for each in result.thresholds.values() if each.level == "fail" or each.grade]
    if not deciding:
        return "none"
    return "failed" if result.thresholds_failed else "passed"
