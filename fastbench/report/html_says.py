"""What a page says first: what was asked for, the verdict in a word, figures in large print."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.compare.document import Comparison
from fastbench.report.asked import Asked
from fastbench.report.page import plural, seconds
from fastbench.report.text import LIMITS, TITLES, VERDICTS
from fastbench.result import Result
from fastbench.units import format_bytes, format_count, format_ns, format_s

__all__ = ["Figure", "Verdict", "about", "figures", "title", "verdict"]

TILES = (50.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word, its kind (pass, doubt, fail; "" while nothing is decided) and a sentence."""

    word: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its name, what else there is to say of it, and its kind: "bad" or ""."""

    name: str
    shown: str
    more: str
    kind: str = ""


def title(load: Asked) -> str:
    """Return the name of a run: its script, or its request."""
    more = f" and {load.urls - 1} more" if load.urls > 1 else ""
    return load.script or f"{load.method} {load.url}{more}".strip()


def about(load: Asked, spread: str = "") -> list[str]:
    """Return what stands below the name, where it is known; `spread` is over addresses."""
    found = [
        load.url if load.script else "",
        plural(load.vus, "VU") if load.vus else "",
        plural(load.connections, "connection") if load.connections else "",
        f"{format_count(load.rate)} req/s planned" if load.rate else "",
        plural(load.stages, "stage") if load.stages else "",
        "" if load.duration_s is None else format_s(load.duration_s),
        "" if load.requests is None else plural(load.requests, "request"),
        "" if load.iterations is None else plural(load.iterations, "iteration"),
        plural(load.workers, "worker") if load.workers else "",
        f"addresses: {spread}" if spread else "",
    ]
    return [part for part in found if part]


def verdict(result: Result, beside: Comparison | None = None) -> Verdict:
    """Say first whether the run passed, then whether its numbers may be trusted, and why."""
    validity, ended = result.validity, result.summary.ended
    regressed = beside is not None and beside.regressed
    limited = beside is not None and beside.regression_limit is not None
    failed = result.thresholds_failed or regressed or ended not in ("complete", "interrupted")
    broken = sum(not each.ok for each in result.thresholds.values())
    if ended != "complete":
        word = TITLES.get(ended, "PARTIAL").capitalize()
    elif result.thresholds or limited:
        word = "Failed" if failed else "Passed"
    else:
        word = "Complete"
    doubt = validity.verdict != "ok" or broken or ended != "complete"
    outcome = f"{plural(broken, 'threshold')} broken" if broken else ""
    worse = "a regression against the baseline" if regressed else ""
    trust = VERDICTS[validity.verdict] or "the numbers may be trusted"
    limit = LIMITS[validity.limit]
    kind = "fail" if failed else "doubt" if doubt else "pass"
    parts = (outcome, worse, trust, limit)
    return Verdict(word, kind, "; ".join(part for part in parts if part) + ".")


def figures(result: Result) -> list[Figure]:
    """Return rate, requests, what went wrong, and latencies where there are any."""
    s = result.summary
    latency = result.latency.response or result.latency.service
    bad = s.failed + s.timeouts
    share = bad / s.requests if s.requests else 0.0
    size = f"{format_bytes(s.bytes_in_per_s)}/s received"
    counted = f"{s.requests:,} in {seconds(s.duration_s)}"
    wrong = (f"{share:.3%} of requests", "bad") if bad else ("none", "")
    found = [
        Figure("requests/s", format_count(s.requests_per_s), size),
        Figure("requests", format_count(s.requests), counted),
        Figure("not ok", format_count(bad), *wrong),
    ]
    if latency.count:
        kind = "response time" if result.latency.response is not None else "latency"
        found += [
            Figure(f"p{percent:g}", format_ns(latency.percentile(percent)), kind)
            for percent in TILES
        ]
        found.append(Figure("max", format_ns(latency.max_ns), kind))
    if s.dropped:
        of = f"of {s.scheduled or 0:,} scheduled"
        found.append(Figure("dropped", format_count(s.dropped), of, "bad"))
    return found
