"""One frame of the view of a search: the rate that is tried, and how the bracket narrows. Pure.

Each run is a row; its picture has the rate that was tried and, on one logarithmic scale, from the
highest rate that holds to the lowest that fails, as they are known after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.cli.output.live.blocks import Block, Look, fixed, labelled, stacked, title
from fastbench.cli.output.live.chart_lines import chart
from fastbench.cli.output.live.frame_ends import foot, head, printed, progress
from fastbench.cli.output.live.styled_line import Line
from fastbench.experiments.find import search
from fastbench.experiments.find.find_document import Border, Step
from fastbench.experiments.find.search import Range, Try
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms
from fastbench.report.change import share
from fastbench.report.text.find_text import per_s
from fastbench.results import resolution
from fastbench.run.sampling import Progress

MIN_ROWS = 8
MAX_RUNS = 200  # of an estimate
HEADS = (("run", 4), ("rate", 10), ("reached", 9), ("p50", 8), ("tail", 12), ("failed", 8))
NARROW = ("run", "rate", "tail", "failed")
WORD_COLUMNS = 8
MIN_PICTURE = 12
MAX_CHART_ROWS = 5


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """What is searched: `objectives` in words, where, and how long a run and the whole take."""

    target: str
    objectives: tuple[str, ...]
    where: Range
    visit_s: float
    warmup_s: float
    max_time_s: float = math.inf
    unit: str = "req/s"


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """Everything of a frame. `now` is the run that is under way, None between two."""

    facts: SearchFacts
    steps: tuple[Step, ...]
    now: Progress | None
    elapsed_s: float
    printed: tuple[str, ...] = ()

    @property
    def tries(self) -> list[Try]:
        """What the runs say of the server."""
        return [Try(step.rate, step.held, step.verdict == "noisy-host") for step in self.steps]


def runs_left(tries: Sequence[Try], where: Range) -> int | None:
    """Return how many runs are to come if the answer lies amid the bracket; None without one.

    It is the search itself, with answers that agree with that.
    """
    ends = search.bracket(tries)
    if ends.high is None or ends.low is None:
        return None
    answer, history = math.sqrt(ends.low * ends.high), list(tries)
    while (following := search.next_try(history, where)) is not None:
        history.append(Try(following.rate, following.rate <= answer))
        if len(history) - len(tries) >= MAX_RUNS:
            break
    return len(history) - len(tries)


def left_s(figures: SearchFigures) -> float | None:
    """Return about how long the rest takes; None before a rate has failed."""
    facts, count = figures.facts, runs_left(figures.tries, figures.facts.where)
    if count is None:
        return None
    each_s = max(facts.visit_s + facts.warmup_s, figures.elapsed_s / max(1, len(figures.steps)))
    now = figures.now
    done_s = 0.0 if now is None else now.elapsed_s + (0.0 if now.warming else facts.warmup_s)
    return max(0.0, min(count * each_s - done_s, facts.max_time_s - figures.elapsed_s))


def frame(figures: SearchFigures, look: Look) -> list[Line]:
    """Return the lines of a frame: never more than the rows, nor wider than the columns."""
    facts, now = figures.facts, figures.now
    state, style = "between two runs", "dim"
    if now is not None:
        state, style = ("warming up", "doubt") if now.warming else ("measuring", "good")
    first = [head("find", printable(facts.target), state, style, look), _progress(figures, look)]
    blocks = [
        _asked(figures),
        _bracket(figures),
        _run(figures, look),
        _runs(figures, look),
        _chart(figures, look),
        printed(figures.printed, look),
    ]
    if look.rows < MIN_ROWS:
        lines = [*first, *stacked(blocks, max(0, look.rows - len(first)))]
        return [line.cut(look.columns) for line in lines[: look.rows]]
    rows = look.rows - len(first) - 1
    body = stacked(blocks, rows)
    body += [Line()] * (rows - len(body))
    return [line.cut(look.columns) for line in (*first, *body, foot(look))]


def _progress(figures: SearchFigures, look: Look) -> Line:
    rest_s = left_s(figures)
    known = None
    if rest_s is not None:
        known = figures.elapsed_s / max(1e-9, figures.elapsed_s + rest_s)
    runs = f"run {len(figures.steps) + (1 if figures.now is not None else 0)}"
    if rest_s is None:
        runs += ", until a rate holds and one fails"
    return progress(figures.elapsed_s, None, known, rest_s, runs, look)


def _asked(figures: SearchFigures) -> Block:
    """Return the objective."""
    text = ", ".join(printable(each) for each in figures.facts.objectives)
    return fixed(1, [labelled("OBJECTIVE", Line(text, "bold"))])


def _bracket(figures: SearchFigures) -> Block:
    """Return between which rates the answer lies, and how close they have to come."""
    ends, unit = search.bracket(figures.tries), figures.facts.unit
    line = Line()
    if ends.low is not None:
        line.add(f"{per_s(ends.low)} {unit} holds", "good")
    if ends.high is not None:
        line.add("   " if line.columns else "").add(f"{per_s(ends.high)} {unit} fails", "bad")
    if not line.columns:
        line.add("no rate is known to hold or to fail yet", "dim")
    if ends.low is not None and ends.high is not None:
        apart = share(ends.high / ends.low - 1)
        line.add(
            f"   {apart} apart, the search ends at {share(figures.facts.where.precision)}", "dim"
        )
    return fixed(1, [labelled("BRACKET", line)], close=True)


def _run(figures: SearchFigures, look: Look) -> Block:
    """Return the figures of the run that is under way."""
    now = figures.now
    if now is None:
        return fixed(2, [])
    line = Line(f"{format_count(now.rate)}", "bold")
    line.add(f" of {format_count(now.asked_rate)}" if now.asked_rate is not None else "")
    line.add(f" {figures.facts.unit}")
    if now.p50_ms:
        tail = resolution.tail(None if now.row is None else now.row.ok + now.row.timeouts)
        line.add(f"   p50 {format_ms(now.p50_ms)}", "time")
        line.add(f"   p95 {format_ms(now.p95_ms)}" if now.p95_ms else "", "time")
        line.add(f"   {tail} {format_ms(now.p99_ms)}", "time")
    line.add(f"   {now.errors:,} failed" if now.errors else "", "bad")
    line.add(f"   {now.queued:,} queued" if now.queued else "", "doubt")
    return fixed(2, [labelled("THIS RUN", line)], close=True)


def _chart(figures: SearchFigures, look: Look) -> Block:
    """Return the rate of the run that is under way, second by second."""
    now = figures.now
    if now is None or len(now.rates) < 2:
        return fixed(8, [])
    seconds = max(figures.facts.visit_s, float(len(now.rates)))
    room = look.columns - 12
    each = int(max(1, min(8, room // seconds)))
    wide = [rate for rate in now.rates[-(room // each) :] for _ in range(each)]
    first = title("RATE", "of this run, by second")
    most = now.asked_rate or 0.0

    def draw(rows: int) -> Sequence[Line]:
        drawn = chart(wide, room, rows - 1, "rate", unicode=look.unicode, most=most)
        return [first, *(Line(" ").join(line) for line in drawn)]

    return Block(8, 2, 1 + MAX_CHART_ROWS, draw)


def _runs(figures: SearchFigures, look: Look) -> Block:
    """Return a row for each run, the newest at the bottom, with the bracket after it."""
    steps = figures.steps
    if not steps:
        return fixed(3, [])
    heads = [each for each in HEADS if look.columns >= 84 or each[0] in NARROW]
    width = 1 + sum(columns for _, columns in heads) + 2 + WORD_COLUMNS
    room = look.columns - width - 2
    first = Line(" " + "".join(f"{name:>{columns}}" for name, columns in heads), "title")
    first.pad(width)
    picture = None
    if room >= MIN_PICTURE:
        picture = _Scale.of([step.rate for step in steps], room)
        first.add(" ").add(picture.words(), "dim")

    def draw(rows: int) -> Sequence[Line]:
        shown = range(len(steps))[-max(1, rows - 1) :]
        return [first, *(_row(figures, at, heads, picture, look) for at in shown)]

    return Block(3, 2, 1 + len(steps), draw)


def _row(
    figures: SearchFigures,
    at: int,
    heads: Sequence[tuple[str, int]],
    picture: _Scale | None,
    look: Look,
) -> Line:
    step = figures.steps[at]
    tail = look.nothing
    if step.p99_ms is not None:
        tail = f"{resolution.tail(step.samples)} {format_ms(step.p99_ms)}"
    failed = f"{100 * step.errors_share:.2g} %" if step.errors_share else "0 %"
    cells = {
        "run": str(at + 1),
        "rate": per_s(step.rate),
        "reached": format_count(round(step.requests_per_s, 1)),
        "p50": look.nothing if step.p50_ms is None else format_ms(step.p50_ms),
        "tail": tail,
        "failed": failed,
    }
    line = Line(" ")
    for name, columns in heads:
        style = "bad" if name == "failed" and step.errors_share else ""
        line.add(f"{cells[name]:>{columns}}", style)
    word = "holds" if step.held else "fails"
    line.add("  ").add(f"{word:<{WORD_COLUMNS}}", "good" if step.held else "bad")
    if picture is not None:
        ends = search.bracket(figures.tries[: at + 1])
        newest = at == len(figures.steps) - 1
        line.add(" ").join(picture.drawn(ends, step, newest=newest, unicode=look.unicode))
    return line


@dataclass(frozen=True, slots=True)
class _Scale:
    """Rates over so many columns, in equal ratios."""

    low: float
    high: float
    columns: int

    @classmethod
    def of(cls, rates: Sequence[float], columns: int) -> _Scale:
        low, high = min(rates), max(rates)
        return cls(low / 1.1, high * 1.1, columns)

    def at(self, rate: float) -> int:
        place = math.log(rate / self.low) / math.log(self.high / self.low)
        return max(0, min(self.columns - 1, round(place * (self.columns - 1))))

    def words(self) -> str:
        low, high = format_count(self.low), format_count(self.high)
        return low + " " * max(1, self.columns - len(low) - len(high)) + high

    def drawn(self, ends: Border, step: Step, *, newest: bool, unicode: bool) -> Line:
        left, dash, right, held, failed = "├─┤●x" if unicode else "[-]ox"
        cells = [" "] * self.columns
        styles = ["dim"] * self.columns
        first = 0 if ends.low is None else self.at(ends.low)
        last = self.columns - 1 if ends.high is None else self.at(ends.high)
        for at in range(first, last + 1):
            cells[at], styles[at] = dash, "rate" if newest else "dim"
        if ends.low is not None:
            cells[first] = left
        if ends.high is not None:
            cells[last] = right
        at = self.at(step.rate)
        cells[at], styles[at] = (held, "good") if step.held else (failed, "bad")
        line = Line()
        for cell, style in zip(cells, styles, strict=True):
            line.add(cell, style)
        return line
