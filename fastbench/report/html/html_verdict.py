"""What a page says first: what was asked for, the verdict in a word, figures in large print."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.units import format_bytes, format_count, format_ns, format_s
from fastbench.report.columns import NOTHING, percent
from fastbench.report.load_heading import LoadHeading
from fastbench.report.page import plural, seconds
from fastbench.report.text.text_report import LIMITS, TITLES
from fastbench.results import resolution
from fastbench.results.result import Result
from fastbench.results.run_outcome import Reason

NOT_JUDGED = "nothing was judged: the run had no thresholds"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word, its kind, and in sentences why, and how far the figures can be trusted.

    The kind is pass, doubt or fail, of what was not judged done, "" while nothing is decided.
    """

    word: str
    kind: str
    text: str
    limit: str = ""


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
    """Say first whether the run passed and why, then whether it is valid and what the limit was.

    Word and colour follow the outcome, and a regression against the baseline. A run without
    thresholds was not judged, so it did not pass.
    """
    outcome, ended = result.outcome, result.summary.ended
    regressed = beside is not None and beside.regressed
    judged = bool(result.thresholds) or (beside is not None and beside.regression_limit is not None)
    if outcome.level == "failed" or regressed:
        word, kind = TITLES.get(ended, "FAILED").capitalize(), "fail"
    elif outcome.level == "warning":
        word = "Passed, with warnings" if judged else "Complete, with warnings"
        word, kind = ("Partial" if ended == "interrupted" else word), "doubt"
    else:
        word, kind = ("Passed", "pass") if judged else ("Complete", "done")
    why = ["a regression against the baseline"] if regressed else []
    why += [each.text for each in outcome.reasons if not _of_validity(each)]
    why += [] if why else [_held(result)] if judged else []
    why += [] if judged or kind == "fail" else [NOT_JUDGED]
    return Verdict(word, kind, _sentence("; ".join(why)), _validity(result))


def _of_validity(reason: Reason) -> bool:
    return reason.code.startswith("not_valid_")


def _held(result: Result) -> str:
    """Say what a run passed."""
    many = len(result.thresholds)
    words = {0: "no regression against the baseline", 1: "the threshold passed"}
    return words.get(many, f"{'both' if many == 2 else f'all {many}'} thresholds passed")


def _validity(result: Result) -> str:
    """Say whether the figures may be quoted, and what the limit was."""
    word, limit = result.validity.verdict, result.validity.limit
    told = [each.text for each in result.outcome.reasons if _of_validity(each)]
    if word == "ok" or (limit not in ("unknown", "none") and word != f"{limit}-limited"):
        told.append(LIMITS[limit])
    return f"Verdict: {'valid' if word == 'ok' else word}; {'; '.join(told)}".rstrip("; ") + "."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def figures(result: Result) -> list[Figure]:
    """Return the four that matter, what went wrong last; then what a plan did not reach."""
    s = result.summary
    found = [_rate(result), *_times(result), _wrong(result)]
    if (timed := result.operations) is not None and s.duration_s > 0:
        found.append(operations(timed.ended / s.duration_s, timed.failed))
    if s.dropped:
        of = f"of {s.scheduled or 0:,} scheduled"
        found.append(Figure("dropped", format_count(s.dropped), of, "bad"))
    if s.queued_at_end:
        of = f"of {s.scheduled or 0:,} scheduled"
        found.append(Figure("not sent at the end", format_count(s.queued_at_end), of, "bad"))
    return found


def _rate(result: Result) -> Figure:
    """Return the rate beside the one that was asked for; it is bad where nothing succeeded."""
    s, noun = result.summary, f"{result.noun}s"
    asked = (s.scheduled or 0) / s.duration_s if s.duration_s > 0 else 0.0
    about = [f"{format_count(asked)} asked"] if asked else []
    if _none_ok(result):
        about.append("none of them ok")
    elif s.not_ok and s.duration_s > 0:
        about.append(f"{format_count((s.requests - s.not_ok) / s.duration_s)} ok")
    if s.bytes_in_per_s:  # operations of other kinds than HTTP have none
        about.append(f"{format_bytes(s.bytes_in_per_s)}/s received")
    if not resolution.tells_rate(s.requests, s.duration_s):
        return Figure(f"{noun}/s", NOTHING, resolution.TOO_SHORT)
    kind = "bad" if _none_ok(result) else ""
    return Figure(f"{noun}/s", format_count(s.requests_per_s), ", ".join(about), kind)


def _none_ok(result: Result) -> bool:
    return 0 < result.summary.requests == result.summary.not_ok


def _times(result: Result) -> list[Figure]:
    """Return the median and the tail; below them what lies beyond."""
    name, latency = result.headline
    kind = "response time" if name == "response" else "latency"
    beside = {50.0: ("p95", resolution.told_ns(latency, 95.0)), 99.0: ("max", latency.max_ns)}
    found = []
    for at, (other, other_ns) in beside.items():
        value = resolution.told_ns(latency, at) if latency.count else None
        more = f"{other} {format_ns(other_ns)}" if latency.count and other_ns is not None else ""
        if value is None:
            more = f"{resolution.TOO_SHORT}; {more}" if more else f"no ok {result.noun} to measure"
        shown = NOTHING if value is None else format_ns(value)
        bad = "bad" if latency.count and _none_ok(result) else ""  # these are of timeouts
        found.append(Figure(f"p{at:g} {kind}", shown, more, bad))
    return found


def _wrong(result: Result) -> Figure:
    """Return what went wrong, of how many."""
    s, noun = result.summary, f"{result.noun}s"
    of = f"{s.requests:,} in {seconds(s.duration_s)}"
    if not s.requests:
        return Figure(f"{noun} not ok", NOTHING, f"no {result.noun} ended", "bad")
    if not s.not_ok:
        return Figure(f"{noun} not ok", "0", f"of {of}")
    share = s.not_ok / s.requests if s.requests else 0.0
    return Figure(f"{noun} not ok", format_count(s.not_ok), f"{percent(share)} of {of}", "bad")


def operations(per_s: float, failed: int) -> Figure:
    """Return the rate of operations beside requests, with how many of them failed."""
    about, kind = (f"{failed:,} failed", "bad") if failed else ("none failed", "")
    return Figure("operations/s", format_count(per_s), about, kind)
