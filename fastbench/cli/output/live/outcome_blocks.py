"""What comes out of a run, block by block: answers, failures with their remedies, thresholds."""

from __future__ import annotations

import textwrap

from fastbench.cli.output.live.blocks import Block, Look, fixed, flowed, labelled, listed, title
from fastbench.cli.output.live.run_figures import Figures
from fastbench.cli.output.live.styled_line import Line, columns_of, cut_within
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, plural
from fastbench.results.metric_values import Judgement

MAX_FAILURES = 8  # without details


def answers(figures: Figures, look: Look, columns: int) -> Block:
    """Return the statuses, then what goes wrong, why, and what to do first."""
    now = figures.now
    parts = []
    for status, count, recent in figures.statuses:
        style = "bad" if status >= "4" else ""
        part = Line(status, style or "bold").add(f" {count:,}", style)
        parts.append(
            part.add(f" (+{format_count(recent)})" if style and recent < count else "", "dim")
        )
    lines = flowed("ANSWERS", parts, columns)[: None if look.details else 2]
    ended, failed = figures.ended or (now.requests, now.errors)
    whole = plural(ended, now.noun)
    if failed:
        share = f" ({_percent(failed / ended)})" if ended else ""
        found = Line(f"{failed:,} of {whole} failed{share}", "bad")
    else:
        none = "none" if not figures.failures else f"none of {whole}"
        found = Line(none, "" if figures.failures else "good")
    lines.append(labelled("ERRORS", found).cut(columns))
    return fixed(4, lines, close=True)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share >= 0.0001 else "< 0.01 %"


def failures(figures: Figures, look: Look, columns: int) -> Block:
    """Return each sort of failure with its cause and its first remedy."""
    arrow = "→" if look.unicode else "->"
    found: list[Line] = []
    for each in figures.failures[: None if look.details else MAX_FAILURES]:
        line = Line(f"  {each.count:>9,} ", "bad").add(f"{each.what}", "bold")
        if each.recent < each.count:  # else they are all it has had
            recent = f"+{each.recent:,}" if each.recent else "none"
            line.add(f"  {recent} in the last {figures.recent_s:.0f} s", "dim")
        found.append(line.add(f"  {each.cause}").cut(columns, look.mark))
        if each.remedy:
            remedies = _wrapped(each.remedy, columns - 15) if look.details else [each.remedy]
            for at, remedy in enumerate(remedies):
                lead = arrow if at == 0 else " " * len(arrow)
                line = Line(f"{'':11}").add(f"{lead} {remedy}", "doubt")
                found.append(line.cut(columns, look.mark))
    return listed(5, found, close=True)


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(text, max(20, columns)) or [""]


def thresholds(figures: Figures, look: Look, columns: int) -> Block:
    """Return each threshold: whether it holds now, its margin, its value; failing ones first."""
    judged = figures.now.judgements
    if not judged:
        return fixed(7, [])
    failing = len(figures.now.failing)
    waiting = sum(each.observed is None for each in judged.values())
    hold = len(judged) - failing - waiting
    of = f"of {len(judged)}"
    words = f"{failing} {of} fail now" if failing else f"{hold} {of} pass now"
    words += f", {waiting} without samples yet" if waiting else ""
    lines = [title("THRESHOLDS").add(f"  {words}", "bad" if failing else "dim").cut(columns)]
    order = sorted(judged.items(), key=lambda each: (_standing(each[1]), each[0]))
    name = min(max(len(printable(text)) for text, _ in order), max(16, columns // 2))
    for text, each in order:
        sign, style = _SIGNS[_standing(each)]
        line = Line(f"  {sign if look.unicode else _PLAIN[sign]} ", style)
        line.add(cut_within(printable(text), name, look.mark)).pad(name + 5)
        line.add(_margin(each, look), style if style != "good" else "")
        words = printable(each.text)  # the value, and again how far it is from the limit
        room = columns - line.columns - 2
        line.add(f"  {words if columns_of(words) <= room else words.partition(', ')[0]}", "dim")
        lines.append(line.cut(columns))
    return listed(7, lines, least=min(3, len(lines)))


_SIGNS = {0: ("✗", "bad"), 1: ("!", "doubt"), 2: ("…", "dim"), 3: ("✓", "good")}
_PLAIN = {"✗": "x", "!": "!", "…": "~", "✓": "+"}


def _standing(each: Judgement) -> int:
    if each.observed is None:
        return 2
    return 0 if not each.ok else 1 if each.near else 3


def _margin(each: Judgement, look: Look) -> str:
    """Say how much of the limit is left, or by how much it is exceeded."""
    if each.margin is None or each.observed is None:
        return f"{'':>14}"
    side = "left" if each.margin >= 0 else "over"
    share = abs(100 * each.margin)
    return f"{share:>7.1f} % {side}" if share < 1000 else f"{'> 999':>7} % {side}"
