"""A comparison for people: the sentence first, the sides, every metric, the pairs, every caution.

It works on a saved document as well as on a fresh one. `config` may come from another version, so
whatever is missing there is left out.
"""

from __future__ import annotations

import textwrap

from fastbench.experiments.compare.compare_document import SIDES, Comparison, Metric
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_instant
from fastbench.report import compared, pairs, slice_course
from fastbench.report.change import (
    change,
    explained,
    headline,
    name_of,
    regression,
    signed_interval,
    told_metrics,
    untold,
    verdict_word,
)
from fastbench.report.page import LABEL_COLUMNS, Page, Paint, Part, advice, cut, fitted, stacked

MAX_WARNINGS = 8
NAME_COLUMNS = 12
FIGURE_COLUMNS = 11
CHANGE_COLUMNS = 10
INTERVAL_COLUMNS = 20
WIDE_COLUMNS = 80  # from here on the table has a column of intervals
MARK = "*"


def render(found: Comparison, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the report, ending in a newline; no line is wider than `width` (60 at least)."""

    def draw(page: Page) -> str:
        return stacked(
            (
                [*_ended(page, found), *_verdict(page, found)],
                _sides(page, found),
                _table(page, found),
                pairs.lines(page, found),
                [*_seen(page, found), *_machine(page, found), *_warnings(page, found)],
            )
        )

    return fitted(draw, color, width, unicode)


def beside_run(found: Comparison, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return what is printed below the report of a run that has a baseline."""
    made = f"{printable(found.base)}, {_made(found)}" if _made(found) else printable(found.base)

    def draw(page: Page) -> str:
        about = cut(f"{made}; the candidate is this run", page.width - 10)
        return stacked(
            (
                [page.bold("BASELINE") + "  " + about, *_verdict(page, found)],
                _table(page, found),
                [*_machine(page, found), *_warnings(page, found)],
            )
        )

    return fitted(draw, color, width, unicode)


def _made(found: Comparison) -> str:
    """Return when the base was measured, for the eyes only."""
    return (
        printable(format_instant(found.base_environment.started_at))
        if found.base_environment
        else ""
    )


def _ended(page: Page, found: Comparison) -> list[str]:
    ended = compared.ended(found)
    paint = page.yellow if found.ended == "out_of_time" else page.red
    return [paint(cut("  ".join(ended), page.width)), ""] if ended else []


def _sides(page: Page, found: Comparison) -> list[str]:
    room = page.width - LABEL_COLUMNS
    lines = []
    lines.append(page.row("Base", page.bold(cut(printable(found.base), room))))
    lines.append(page.row("Candidate", page.bold(cut(printable(found.candidate), room))))
    parts: list[Part] = [(part, page.dim) for part in compared.load(found)]
    return lines + page.flowed(" ", parts)


def _verdict(page: Page, found: Comparison) -> list[str]:
    """Return the verdict and its sentence, what would settle it, and the regression."""
    title = compared.TITLES[found.verdict]
    paint = _paint(page, found)
    indent = " " * (len(title) + 2)
    sentences = [headline(found), explained(found)]
    wrapped = [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, page.width - len(indent), break_on_hyphens=False)
    ]
    lines = [paint(title) + "  " + wrapped[0], *(indent + line for line in wrapped[1:])]
    return lines + _regression(page, found)


def _paint(page: Page, found: Comparison) -> Paint:
    good = compared.is_good(found)
    return page.yellow if good is None else page.green if good else page.red


def _regression(page: Page, found: Comparison) -> list[str]:
    limit = compared.limit(found)
    if not limit:
        return []
    if compared.regression_excluded(found):
        return [page.green("no regression") + f" beyond {limit}"]
    if not found.regressed:
        return [page.yellow(f"a regression beyond {limit} is neither shown nor excluded")]
    title = "REGRESSION"
    wrapped = textwrap.wrap(regression(found), page.width - len(title) - 2)
    indent = " " * (len(title) + 2)
    return [page.red(title) + "  " + wrapped[0], *(indent + line for line in wrapped[1:])]


def _table(page: Page, found: Comparison) -> list[str]:
    """Return a line for each metric: what both sides measured, the change, how sure it is."""
    if not found.metrics:
        return []
    wide = page.width >= WIDE_COLUMNS
    sure = f"{100 * found.confidence:g} % interval" if wide else ""
    head = f"  {'':<{NAME_COLUMNS}}{'base':>{FIGURE_COLUMNS}}{'candidate':>{FIGURE_COLUMNS}}"
    head += f"{'change':>{CHANGE_COLUMNS}}{sure:>{INTERVAL_COLUMNS * wide}}"
    lines = [page.dim(head)]
    for name, metric in told_metrics(found).items():
        lines.append(_row(page, found, name, metric, wide=wide))
    if why := untold(found):
        lines.append(page.dim(f"  {why}"))
    if found.interleaved:
        over = "starts" if slice_course.in_starts(found) else "pairs"
        told = (
            f"{MARK} decides the verdict; both sides: medians; the change is over the {over}, "
            "not from these medians"
        )
        lines += [page.dim(f"  {line}") for line in textwrap.wrap(told, page.width - 2)]
    return lines


def _row(page: Page, found: Comparison, name: str, metric: Metric, *, wide: bool) -> str:
    own = MARK if name == found.primary else ""
    typical = (compared.typical(found, side, name) for side in SIDES)
    figures = "".join(f"{each:>{FIGURE_COLUMNS}}" for each in typical)
    text = f"  {name_of(found, name) + own:<{NAME_COLUMNS}}{figures}"
    text += f"{change(metric.ratio):>{CHANGE_COLUMNS}}"
    if wide:
        shown = signed_interval(metric.interval) if metric.interval else "none"
        text += f"{shown:>{INTERVAL_COLUMNS}}"
    word = verdict_word(metric)
    paint = {"better": page.green, "worse": page.red}.get(word, page.dim)
    return text + ("   " if page.width > WIDE_COLUMNS else "  ") + paint(word)


def _seen(page: Page, found: Comparison) -> list[str]:
    """Return how noisy it was, and what such a comparison can see at all."""
    metric = found.metrics.get(found.primary)
    if metric is None or not found.interleaved:
        return []
    noise = compared.noise(found, metric)
    lines = page.wrapped("Noise", "; ".join(noise)) if noise else []
    return lines + page.wrapped("Counted", compared.counted(found, metric))


def _machine(page: Page, found: Comparison) -> list[str]:
    base = found.base_environment
    lines = page.wrapped("Machine", compared.machine(found.environment), page.dim)
    if base is not None and compared.machine(base) != compared.machine(found.environment):
        lines = [
            *page.wrapped("Base on", compared.machine(base)),
            *page.wrapped("Candidate", "on " + compared.machine(found.environment)),
        ]
    return lines


def _warnings(page: Page, found: Comparison) -> list[str]:
    lines: list[str] = []
    told = compared.warnings(found)
    for at, warning in enumerate(told[:MAX_WARNINGS]):
        lines += page.wrapped("" if at else "Warnings", advice(warning), page.yellow)
    if len(told) > MAX_WARNINGS:
        lines.append(page.row("", page.yellow(f"… {len(told) - MAX_WARNINGS} more")))
    for at, note in enumerate(compared.notes(found)):
        lines += page.wrapped("" if at else "Notes", advice(note), page.dim)
    return lines
