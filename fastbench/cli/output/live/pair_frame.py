"""One frame of the view of a comparison: how far it is, what the pairs say so far. Pure.

Every interval is drawn on one axis, the newest at the bottom, with a line where there is no
difference and marks at the smallest effect that counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.cli.output.live.blocks import (
    LABEL_COLUMNS,
    Block,
    Look,
    fixed,
    labelled,
    stacked,
    title,
)
from fastbench.cli.output.live.chart_lines import chart
from fastbench.cli.output.live.frame_ends import foot, head, printed, progress
from fastbench.cli.output.live.pair_figures import CandidateFigures, PairFigures, Seen, SideFigures
from fastbench.cli.output.live.styled_line import Line, cut_within
from fastbench.experiments.compare.compare_document import Metric
from fastbench.experiments.compare.sequential import LOOKS
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms, plural
from fastbench.report.change import change, share, signed_interval
from fastbench.report.page import told_apart
from fastbench.report.pairs import Axis, axis
from fastbench.results import resolution

MIN_ROWS = 8  # of a frame with head and foot apart from the body
FACTS_COLUMNS = 12  # the pairs of a look
CHANGE_COLUMNS = 9
WIDTH_COLUMNS = 10  # half of an interval
NAME_COLUMNS = 30
MAX_AXIS = 4.0  # times as far as the newest interval reaches, for the early ones
MAX_CHART_ROWS = 8
MAX_WIDTHS = 40  # columns of how the width of an interval shrank
STYLES = {"different": "bold", "equivalent": "good", "inconclusive": "doubt"}


def frame(figures: PairFigures, look: Look) -> list[Line]:
    """Return the lines of a frame: never more than the rows, nor wider than the columns."""
    facts = figures.facts
    what = f"{printable(facts.common.base)} and {printable(facts.common.candidate)}"
    if len(facts.candidates) > 1:
        what = f"{printable(facts.common.base)} and {len(facts.candidates)} candidates"
    style = "good" if figures.state == "measuring" else "doubt"
    first = [head("compare", what, figures.state, style, look), _progress(figures, look)]
    last = foot(look)
    if look.rows < MIN_ROWS:
        lines = [*first, *stacked(_blocks(figures, look), max(0, look.rows - len(first)))]
        return [line.cut(look.columns) for line in lines[: look.rows]]
    rows = look.rows - len(first) - 1
    body = stacked(_blocks(figures, look), rows)
    body += [Line()] * (rows - len(body))
    return [line.cut(look.columns) for line in (*first, *body, last)]


def _blocks(figures: PairFigures, look: Look) -> list[Block]:
    several = len(figures.candidates) > 1
    return [
        _visit(figures),
        _sides(figures, look),
        *((_candidates(figures, look),) if several else (_intervals(figures, look),)),
        _widths(figures, look),
        _verdict(figures, look),
        printed(figures.printed, look),
    ]


def _progress(figures: PairFigures, look: Look) -> Line:
    facts = figures.facts
    pairs = plural(figures.pairs, "pair")
    if not facts.time_s:
        pairs = f"{figures.pairs} of {plural(facts.pairs, 'pair')}"
    if figures.pairs > figures.counted:
        pairs += f", {figures.pairs - figures.counted} excluded"
    elapsed_s, length_s = figures.elapsed_s, None
    if facts.time_s and figures.pairs:
        elapsed_s, length_s = figures.done_s, facts.time_s
    known = figures.share if figures.pairs else None
    return progress(elapsed_s, length_s, known, figures.left_s, pairs, look)


def _visit(figures: PairFigures) -> Block:
    """Return the trial that is under way, of a comparison by visits."""
    if not figures.visit:
        return fixed(1, [])
    line, now = Line(figures.visit, "bold"), figures.trial
    if now is not None and now.warming:
        line.add("   warming up", "doubt")
    elif now is not None:
        line.add(f"   {format_count(now.rate)} {now.per_s}")
        if now.p50_ms:
            tail = resolution.tail(None if now.row is None else now.row.ok + now.row.timeouts)
            line.add(f"   p50 {format_ms(now.p50_ms)}   {tail} {format_ms(now.p99_ms)}", "time")
        line.add(f"   {now.errors:,} failed" if now.errors else "", "bad")
    return fixed(1, [labelled("TRIAL", line)])


def _sides(figures: PairFigures, look: Look) -> Block:
    """Return the rate of each side over time, all on one scale, and its usual figure."""
    sides = figures.sides
    if not any(side.rates for side in sides):
        return fixed(2, [])
    names = _short([side.label for side in sides], look.columns // 3, look)
    width = max(map(len, names))
    metric = figures.facts.metric
    most = max(rate for side in sides for rate in side.rates)
    first = title("RATES", f"one scale; right: newest req/s, usual {metric}")
    room = max(8, look.columns - width - 27)

    def draw(rows: int) -> Sequence[Line]:
        each = max(1, (rows - 1) // len(sides))
        drawn = [
            line
            for name, side in zip(names, sides, strict=True)
            for line in _side(side, f"{name:<{width}}", each, room, most, look)
        ]
        return [first, *drawn]

    least = 1 + len(sides)
    return Block(3, least, 1 + len(sides) * MAX_CHART_ROWS, draw)


def _side(
    side: SideFigures, name: str, rows: int, room: int, most: float, look: Look
) -> list[Line]:
    values = side.rates[-room:]
    each = max(1, room // max(1, len(values)))
    wide = [value for value in values for _ in range(min(each, 8))]
    drawn = chart(wide, room, rows, "rate", unicode=look.unicode, most=most)
    blank = " " * len(name)
    lines = [
        Line(f" {name if at == 0 else blank} ", "bold").join(line).pad(len(name) + 2 + room)
        for at, line in enumerate(drawn)
    ]
    newest = format_count(side.rates[-1]) if side.rates else look.nothing
    lines[0].add(f" {newest:>8}").add(f" {side.typical:>12}", "dim")
    return lines


def _axis(figures: PairFigures, shown: Sequence[Seen], columns: int, look: Look) -> Axis:
    """Return an axis that the newest intervals fill well; early ones may reach over its ends."""
    ends = [
        abs(end - 1)
        for each in figures.candidates
        if each.seen
        for end in (each.seen[-1].ratio, *(each.seen[-1].interval or ()))
    ]
    most = MAX_AXIS * max([*ends, figures.facts.common.threshold])
    near = [
        min(max(end, 1 - most), 1 + most)
        for each in shown
        for end in (each.ratio, *(each.interval or ()))
    ]
    return axis(near, None, figures.facts.common.threshold, columns, unicode=look.unicode)


def interval_line(picture: Axis, seen: Seen, threshold: float, *, newest: bool) -> Line:
    """Draw one interval over the line of no difference and the marks of the threshold."""
    cells = [" "] * picture.columns
    styles = ["dim"] * picture.columns
    mark, zero, left, dash, right, dot = ":│├─┤●" if picture.unicode else ":|[-]o"
    for ratio in (1 - threshold, 1 + threshold):
        cells[picture.at(ratio)] = mark
    cells[picture.at(1.0)] = zero
    style = "rate" if newest else "dim"
    if seen.interval is not None:
        low, high = seen.interval
        first, last = picture.at(low), picture.at(high)
        for at in range(first, last + 1):
            cells[at], styles[at] = dash, style
        cells[first] = left if low >= picture.low else "<"
        cells[last] = right if high <= picture.high else ">"
    at = picture.at(seen.ratio)
    cells[at], styles[at] = dot, "bold" if newest else "dim"
    line = Line()
    for cell, each in zip(cells, styles, strict=True):
        line.add(cell, each)
    return line


def _intervals(figures: PairFigures, look: Look) -> Block:
    """Return the intervals of looks, the newest at the bottom, and what it says."""
    candidate = figures.candidates[0] if figures.candidates else CandidateFigures("")
    if not candidate.seen:
        none = "no pair counts so far" if figures.pairs else "no pair so far"
        return fixed(2, [labelled("INTERVAL", Line(none, "doubt" if figures.pairs else "dim"))])
    facts, newest = figures.facts, candidate.seen[-1]
    line = title("INTERVAL").add(f"  {facts.metric} ").add(change(newest.ratio), "bold")
    sure = f"{100 * facts.common.confidence:g} % interval"
    if newest.interval is None:
        line.add("   an interval needs more pairs", "dim")
    else:
        line.add(f"   {sure} ", "dim").add(signed_interval(newest.interval), "rate")
    columns = max(16, look.columns - FACTS_COLUMNS - WIDTH_COLUMNS - 1)

    def draw(rows: int) -> Sequence[Line]:
        shown = candidate.seen[-max(1, rows - 2) :]
        picture = _axis(figures, shown, columns, look)
        drawn = []
        for seen in shown:
            row = Line(f"{plural(seen.pairs, 'pair'):>{FACTS_COLUMNS - 1}} ", "dim")
            is_newest = seen is newest
            row.join(interval_line(picture, seen, facts.common.threshold, newest=is_newest))
            drawn.append(row.add(_half(seen, look), "" if is_newest else "dim"))
        scale = Line(" " * FACTS_COLUMNS + picture.scale(), "dim")
        return [line, *drawn, scale] if rows > 2 else [line, *drawn][:rows]

    return Block(2, 3, 2 + max(1, len(candidate.seen)), draw)


def _half(seen: Seen, look: Look) -> str:
    """Return half of the width of an interval."""
    sign = "±" if look.unicode else "+-"
    if seen.interval is None:
        return ""
    return f" {sign}{share((seen.interval[1] - seen.interval[0]) / 2):>{WIDTH_COLUMNS - 3}}"


def _candidates(figures: PairFigures, look: Look) -> Block:
    """Return a row for each of several candidates, on one axis."""
    facts = figures.facts
    names = _short([each.label for each in figures.candidates], look.columns // 3, look)
    width = max(map(len, names))
    sure = f"{100 * facts.common.confidence:g} % intervals, of all candidates together"
    lines = [title("CHANGE", f"{facts.metric}; {sure}")]
    start = width + 2 + CHANGE_COLUMNS + 1
    columns = look.columns - start - WIDTH_COLUMNS - 1
    shown = [each.seen[-1] for each in figures.candidates if each.seen]
    picture = _axis(figures, shown, max(16, columns), look)
    for name, each in zip(names, figures.candidates, strict=True):
        line = Line(f" {name:<{width}} ", "bold")
        lines.append(line)
        if not each.seen:
            line.add("  no pair counts so far" if figures.pairs else "  no pair so far", "doubt")
            continue
        seen = each.seen[-1]
        style = STYLES[each.metric.verdict] if each.metric else ""
        line.add(f"{change(seen.ratio):>{CHANGE_COLUMNS}} ", style)
        if columns >= 16:
            line.join(interval_line(picture, seen, facts.common.threshold, newest=True))
            line.add(_half(seen, look))
        elif seen.interval is not None:
            line.add(signed_interval(seen.interval), "rate")
    if shown and columns >= 16:
        lines.append(Line(" " * start + picture.scale(), "dim"))
    return fixed(2, lines)


def _widths(figures: PairFigures, look: Look) -> Block:
    """Return how far the interval of each candidate has shrunk, look by look."""
    rows: list[Line] = []
    several = len(figures.candidates) > 1
    names = _short([each.label for each in figures.candidates], look.columns // 3, look)
    for name, each in zip(names, figures.candidates, strict=True):
        widths = [(s.interval[1] - s.interval[0]) / 2 for s in each.seen if s.interval is not None]
        if len(widths) < 3:
            continue
        sign = "±" if look.unicode else "+-"
        ends = f"  {sign}{share(widths[0])} to {sign}{share(widths[-1])}"
        line = Line(f"{name} " if several else "", "bold")
        room = look.columns - LABEL_COLUMNS - line.columns - len(ends)
        (drawn,) = chart(widths, max(1, min(MAX_WIDTHS, room)), 1, "rate", unicode=look.unicode)
        line.join(drawn).add(ends)
        rows.append(labelled("" if rows else "HALF-WIDTH", line))
    return fixed(5, rows)


def _verdict(figures: PairFigures, look: Look) -> Block:
    """Return what the verdict would be now, and what becomes of it."""
    facts = figures.facts
    found: list[Line] = []
    names = _short([each.label for each in figures.candidates], look.columns // 3, look)
    for name, each in zip(names, figures.candidates, strict=True):
        if each.metric is not None:
            line = Line(f"{name} " if len(names) > 1 else "", "bold")
            line = labelled("" if found else "SO FAR", line)
            word, why = _word(each.metric, figures)
            line.join(word).add(why if line.columns + len(why) <= look.columns else "")
            found.append(line)
    if not found:
        return fixed(4, [])
    when = "at the end, of all pairs"
    if facts.early:
        when = f"at one of {LOOKS} looks, {figures.look} are over"
    found.append(labelled("", Line(f"verdict {when}", "dim")))
    stop = "; none after a stop"
    if found[-1].columns + len(stop) <= look.columns:
        found[-1].add(stop, "dim")
    return fixed(4, found)


def _word(metric: Metric, figures: PairFigures) -> tuple[Line, str]:
    """Return a verdict, and of what it is."""
    threshold = f"{100 * figures.facts.common.threshold:g} %"
    worse = (metric.ratio < 1) == (metric.better == "higher")
    line = Line(metric.verdict, STYLES[metric.verdict])
    if metric.verdict == "different":
        line = Line("different, ", "bold").add(
            "worse" if worse else "better", "bad" if worse else "good"
        )
        return line, f": {figures.facts.metric} {change(metric.ratio)}"
    if metric.verdict == "equivalent":
        return line, f": no difference beyond {threshold}"
    return line, f": too wide to tell {threshold}"


def _short(labels: Sequence[str], columns: int, look: Look) -> list[str]:
    names = told_apart([printable(each) for each in labels], max(8, min(columns, NAME_COLUMNS)))
    return [cut_within(name.replace("…", look.mark), max(8, columns), look.mark) for name in names]
