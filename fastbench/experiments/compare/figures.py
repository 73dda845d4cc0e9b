"""From a run's result to the figures of one trial, and what makes a trial not count.

1. Times are of responses where requests were planned, else of service.
2. A trial is valid when the load generator was not saturated, on time and alone, the run whole, and
   at most 0.1 % of its requests failed. How large its figures are has no say: nothing is an
   outlier.
"""

from __future__ import annotations

from fastbench.experiments.compare.compare_document import Figures, Latencies
from fastbench.results.result import Result

ERRORS_SHARE_MAX = 0.001
_NOT_VALID = {  # verdicts of a run's validity
    "client-limited": "the load generator was saturated",
    "late": "the load generator sent its requests late",
    "noisy-host": "other programs used the processors",
    "incomplete": "part of the run is missing",
}


def figures_of(result: Result, *, planned: bool | None = None) -> Figures:
    """Return the figures of one run; `planned` False asks for service times under a rate, too."""
    result = result.main
    summary = result.summary
    response = result.planned if planned is not False else None
    times = result.latency.service if response is None else response
    there = times.count > 0
    return Figures(
        requests_per_s=summary.requests_per_s,
        p50_ms=times.percentile(50.0) / 1e6 if there else None,
        p99_ms=times.percentile(99.0) / 1e6 if there else None,
        mean_ms=times.mean_ns / 1e6 if there else None,
        cpu_us_per_request=_cpu_us_per_request(result),
        errors_share=summary.not_ok / summary.requests if summary.requests else 1.0,
        verdict=result.validity.verdict,
        limit=result.validity.limit,
        samples=times.count,
        p90_ms=times.percentile(90.0) / 1e6 if there else None,
    )


def latencies_of(base: Result, candidate: Result) -> Latencies:
    """Return the times of two runs side by side: of responses only where both had a plan."""
    base, candidate = base.main, candidate.main
    before, after = base.planned, candidate.planned
    if before is None or after is None:
        timed = base.noun == candidate.noun == "operation"
        times = "operation" if timed else "service"
        return Latencies(times, base.latency.service, candidate.latency.service)
    return Latencies("response", before, after)


def reasons_against(figures: Figures) -> tuple[str, ...]:
    """Return why a trial does not count, nothing if it does."""
    reasons = []
    if figures.verdict in _NOT_VALID:
        reasons.append(_NOT_VALID[figures.verdict])
    if figures.errors_share > ERRORS_SHARE_MAX:
        reasons.append(f"{100 * figures.errors_share:.3g} % of its requests failed")
    if not figures.requests_per_s or figures.p50_ms is None:
        reasons.append("no response was received")
    return tuple(reasons)


def _cpu_us_per_request(result: Result) -> float | None:
    """Return the processor time of all processes of the server, None where it is not known."""
    used_s = sum(each.cpu_s for each in result.resources.targets if each.role == "target")
    answers = sum(result.status_codes.values())  # what was refused, the server never saw
    return 1e6 * used_s / answers if used_s and answers else None
