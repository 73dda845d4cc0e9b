"""What every report of several candidates says in the same words: a row for each, and how sure."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_s
from fastbench.report import compared
from fastbench.report.change import change, name_of, signed_interval, verdict_word
from fastbench.report.columns import NOTHING
from fastbench.report.page import plural

NO_RESULT = "no result"


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate: its label, figures, verdict. `word` is that of the table: better, same, …"""

    label: str
    typical: str
    change: str
    interval: str
    p: str
    verdict: str
    word: str


def rows(found: Comparisons) -> list[Row]:
    """Return a row for each candidate."""
    return [_row(each) for each in found.each]


def _row(found: Comparison) -> Row:
    label, verdict = printable(found.candidate), compared.TITLES[found.verdict]
    metric = found.metrics.get(found.primary)
    if metric is None:
        word = "REGRESSION" if found.regressed else NO_RESULT
        return Row(label, NOTHING, NOTHING, NOTHING, NOTHING, verdict, word)
    word = "REGRESSION" if found.regressed else verdict_word(metric)
    interval = signed_interval(metric.interval) if metric.interval else NOTHING
    p = NOTHING if metric.p is None else f"{metric.p:.2g}"
    typical = compared.typical(found, "candidate", found.primary)
    return Row(label, typical, change(metric.ratio), interval, p, verdict, word)


def base_figure(found: Comparisons) -> str:
    """Return what the base measured."""
    known = [each for each in found.each if each.primary in each.metrics]
    return compared.typical(known[0], "base", known[0].primary) if known else NOTHING


def metric_name(found: Comparisons) -> str:
    """Return what the metric is called that decides."""
    return name_of(found.each[0], found.each[0].primary)


def sure(found: Comparisons) -> str:
    """Return the head of the column of intervals."""
    return f"{100 * found.each[0].confidence:g} % interval"


def together(found: Comparisons) -> str:
    """Say what the confidence is of."""
    first, many = found.each[0], len(found.each)
    own = first.config.get("interval_confidence")
    each = f", {100 * own:.4g} % each" if isinstance(own, float) else ""
    all_of = "both candidates" if many == 2 else f"all {plural(many, 'candidate')}"
    return (
        f"{100 * first.confidence:g} % for {all_of} together (Bonferroni{each}); p is corrected "
        "in the same way"
    )


def good(found: Comparisons) -> bool | None:
    """Tell whether all verdicts are good news; None where one is missing and none is bad."""
    news = [compared.is_good(each) for each in found.each]
    return False if False in news else None if None in news else True


def outcome(found: Comparisons) -> str:
    """Count the verdicts in a sentence."""
    words = [each.word for each in rows(found)]
    many = [(word, words.count(word)) for word in dict.fromkeys(words)]
    return ", ".join(f"{count} {word.lower()}" for word, count in many)


def load(found: Comparisons) -> list[str]:
    """Say how all of them were measured."""
    return compared.load(found.each[0])


def ended(found: Comparisons) -> str:
    """Say how it ended before its time, "" if it did not."""
    if found.ended != "interrupted":
        return ""
    time_s = found.each[0].config.get("time_s")
    of = f" of {format_s(float(time_s))}" if isinstance(time_s, int | float) else ""
    return f"PARTIAL  interrupted after {plural(len(found.each[0].pairs), 'pair')}{of}"
