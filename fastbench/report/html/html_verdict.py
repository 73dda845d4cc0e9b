"""What a page says first: what was asked for, the verdict in a word, figures in large print."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.units import format_bytes, format_count, format_ns, format_s
from fastbench.report.columns import NOTHING
from fastbench.report.load_heading import LoadHeading
from fastbench.report.page import plural, seconds
from fastbench.report.text.text_report import LIMITS, TITLES
from fastbench.results import resolution
from fastbench.results.result import Result

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


def title(load: LoadHeading) -> str:
    """Return the name of a run: its script, or its request."""
    return load.script or load.target or load.method


def about(load: LoadHeading, spread: str = "") -> list[str]:
    """Return what stands below the name, where it is known; `spread` is over addresses."""
    found = [
        load.url if load.script else "",
        plural(load.vus, "VU") if load.vus else "",
        load.loaded,
        load.protocol,
        f"{format_count(load.rate)} req/s planned" if load.rate else "",
        load.burst,
        plural(load.stages, "stage") if load.stages else "",
        "" if load.duration_s is None else format_s(load.duration_s),
        "" if load.requests is None else plural(load.requests, "request"),
        "" if load.iterations is None else plural(load.iterations, "iteration"),
        plural(load.workers, "worker") if load.workers else "",
        plural(load.machines, "machine") if load.machines else "",
        f"addresses: {spread}" if spread else "",
    ]
    return [part for part in found if part]


def verdict(result: Result, beside: Comparison | None = None) -> Verdict:
    """Say first whether the run passed, then why it did not, then what the limit was.

    Word and colour follow the outcome, and a regression against the baseline.
    """
    outcome, ended = result.outcome, result.summary.ended
    regressed = beside is not None and beside.regressed
    limited = beside is not None and beside.regression_limit is not None
    judged = bool(result.thresholds) or limited
    if outcome.level == "failed" or regressed:
        word, kind = TITLES.get(ended, "FAILED").capitalize(), "fail"
    elif outcome.level == "warning":
        word = "Passed, with warnings" if judged else "Complete, with warnings"
        word, kind = ("Partial" if ended == "interrupted" else word), "doubt"
    else:
        word, kind = "Passed" if judged else "Complete", "pass"
    worse = ["a regression against the baseline"] if regressed else []
    valid = "valid: " if outcome.level == "ok" else ""
    limit = valid + LIMITS[result.validity.limit]
    parts = [*worse, *(each.text for each in outcome.reasons), limit]
    return Verdict(word, kind, "; ".join(parts) + ".")


def figures(result: Result) -> list[Figure]:
    """Return rate, requests, what went wrong, and latencies where there are any."""
    s = result.summary
    times, latency = result.headline
    bad, noun = s.not_ok, f"{result.noun}s"
    share = bad / s.requests if s.requests else 0.0
    size = f"{format_bytes(s.bytes_in_per_s)}/s received"
    counted = f"{s.requests:,} in {seconds(s.duration_s)}"
    wrong = (f"{share:.3%} of {noun}", "bad") if bad else ("none", "")
    rate = Figure(f"{noun}/s", format_count(s.requests_per_s), size)
    if not resolution.tells_rate(s.requests, s.duration_s):
        rate = Figure(f"{noun}/s", NOTHING, resolution.TOO_SHORT)
    found = [
        rate,
        Figure(noun, format_count(s.requests), counted),
        Figure("not ok", format_count(bad), *wrong),
    ]
    if (timed := result.operations) is not None and s.duration_s > 0:
        found.append(operations(timed.ended / s.duration_s, timed.failed))
    if latency.count:
        kind = "response time" if times == "response" else "latency"
        for percent in TILES:
            value = resolution.told_ns(latency, percent)
            shown = (NOTHING, resolution.TOO_SHORT) if value is None else (format_ns(value), kind)
            found.append(Figure(f"p{percent:g}", *shown))
        found.append(Figure("max", format_ns(latency.max_ns), kind))
    if s.dropped:
        of = f"of {s.scheduled or 0:,} scheduled"
        found.append(Figure("dropped", format_count(s.dropped), of, "bad"))
    if s.queued_at_end:
        of = (
            f"of {s.scheduled or 0:,} scheduled; {format_count(_asked_per_s(result))} req/s planned"
        )
        found.append(Figure("not sent at the end", format_count(s.queued_at_end), of, "bad"))
    return found


def operations(per_s: float, failed: int) -> Figure:
    """Return the rate of operations beside requests, with how many of them failed."""
    about, kind = (f"{failed:,} failed", "bad") if failed else ("none failed", "")
    return Figure("operations/s", format_count(per_s), about, kind)


def _asked_per_s(result: Result) -> float:
    """Return the planned rate, over all of the run."""
    s = result.summary
    return (s.scheduled or 0) / s.duration_s if s.duration_s > 0 else 0.0
