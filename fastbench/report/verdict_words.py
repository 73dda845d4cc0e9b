"""The thresholds of a run, first in the report: what failed, then what is near its limit.

One line each: a mark, the threshold as it was written, what was observed, and how much of the limit
is left.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from fastbench.foundation.redact import printable
from fastbench.foundation.units import plural
from fastbench.report.page import Page, Paint, cut_within
from fastbench.results.metric_values import Judgement
from fastbench.results.result import Result

MARK_COLUMNS = 4  # with what stands around the mark
MIN_OUTCOME = 24
BETWEEN = 3


def lines(page: Page, result: Result) -> list[str]:
    """Return the block of thresholds; nothing without any."""
    held = ordered(result)
    if not held:
        return []
    room = page.width - MARK_COLUMNS - BETWEEN - MIN_OUTCOME
    columns = min(room, max(len(printable(text)) for text, _ in held))
    found = [_title(page, [judgement for _, judgement in held])]
    for text, judgement in held:
        found += _threshold(page, cut_within(printable(text), columns), judgement, columns)
    return found


def ordered(result: Result) -> list[tuple[str, Judgement]]:
    """Return the thresholds, failed ones first, then those near their limit."""
    return sorted(result.thresholds.items(), key=lambda item: rank(item[1]))


def rank(judgement: Judgement) -> int:
    """Return 0 for a failed threshold, 1 for a failed warning, 2 near the limit, 3 for the rest."""
    if judgement.ok:
        return 2 if judgement.near else 3
    return 0 if judgement.level == "fail" else 1


def said(judgement: Judgement) -> str:
    """Return the outcome in words: of a goal or of three levels the grade first."""
    near = ", near the limit" if judgement.near and judgement.grade in ("", "good") else ""
    return (f"{judgement.grade}: " if judgement.grade else "") + judgement.text + near


def _title(page: Page, held: list[Judgement]) -> str:
    passed = sum(judgement.ok for judgement in held)
    if passed == len(held):
        words = "passed" if passed == 1 else f"all {passed} passed"
        return page.bold("THRESHOLDS") + "  " + page.green(words)
    failed = any(rank(judgement) == 0 for judgement in held)
    words = counted(held)
    return page.bold("THRESHOLDS") + "  " + (page.red if failed else page.yellow)(words)


def counted(held: Sequence[Judgement]) -> str:
    """Say how many failed, targets were missed, say plan or act; for some that did not all pass."""
    missed = sum(judgement.grade == "missed" for judgement in held)
    warned = [each.grade for each in held if each.grade in ("plan", "act") and each.level == "warn"]
    failed = sum(not judgement.ok for judgement in held) - missed - len(warned)
    parts = [f"{failed} of {len(held)} failed" if len(held) > 1 else "failed"] if failed else []
    parts += [plural(missed, "target") + " missed"] if missed else []
    parts += [f"{warned.count(word)} {word}" for word in ("act", "plan") if word in warned]
    return ", ".join(parts)


def _threshold(page: Page, text: str, judgement: Judgement, columns: int) -> list[str]:
    mark, paint = _look(page, judgement)
    words = printable(said(judgement))
    if not judgement.ok and judgement.level == "warn" and not judgement.grade:
        words += " (warning only)"
    room = page.width - MARK_COLUMNS - BETWEEN - columns
    first, *more = textwrap.wrap(words, room, break_on_hyphens=False) or [""]
    lead = f"  {paint(mark)} {text:<{columns}}" + " " * BETWEEN
    indent = " " * (MARK_COLUMNS + columns + BETWEEN)
    return [lead + paint(first), *(indent + paint(line) for line in more)]


def _look(page: Page, judgement: Judgement) -> tuple[str, Paint]:
    """Return mark and colour; each mark has its own shape, for those who see no colour."""
    marks = ("✗", "⚠", "✓") if page.unicode else ("x", "!", "+")
    if not judgement.ok:
        return (marks[0], page.red) if judgement.level == "fail" else (marks[1], page.yellow)
    return (marks[1], page.yellow) if judgement.near else (marks[2], page.green)
