"""One frame of the view of several runs at the same time: a row for each, and charts. Pure.

The row says what each run says of itself a few times a second: the rate since its last look, and
percentiles of its last second. The charts are those seconds, one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastbench.cli.output.live.blocks import Block, Look, fixed, listed, stacked, title
from fastbench.cli.output.live.chart_lines import chart, progress_bar
from fastbench.cli.output.live.run_blocks import keys_line
from fastbench.cli.output.live.styled_line import Line, beside, cut_text
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms, format_s, plural
from fastbench.run.live_figures import LiveFigures

MAX_NAME = 24
MIN_BAR = 8
MIN_ROWS = 6  # of a frame with head and foot
CHART_ROWS = 14
MAX_SECOND_COLUMNS = 4  # of a chart on a wide screen
WIDE = 72  # columns from which on the median has room, too
SCALE_COLUMNS = 9


@dataclass(frozen=True, slots=True)
class RunState:
    """How one of several runs goes. `now` is None before it tells something, and `ended` at last.

    `rates` are per second, `tails_ms` the highest percentile that is told, by second.
    """

    name: str
    now: LiveFigures | None = None
    ended: bool = False
    rates: tuple[float, ...] = field(default=())
    tails_ms: tuple[float, ...] = field(default=())


def frame(runs: Sequence[RunState], printed: Sequence[str], look: Look) -> list[Line]:
    """Return the lines of a frame: never more than the rows, nor wider than the columns."""
    going = sum(not run.ended for run in runs)
    state = Line(" VIEW PAUSED, the load goes on; p continues " if look.paused else "")
    if not look.paused:
        state.add(f" {going} of {plural(len(runs), 'run')} under way ", "good" if going else "dim")
    first = Line(" fastbench  ", "title").add("at the same time").right(state, look.columns)
    if look.rows < MIN_ROWS:
        lines = [first, *_table(runs, look, max(0, look.rows - 1))]
        return [line.cut(look.columns) for line in lines[: look.rows]]
    rows = look.rows - 2
    blocks = [
        _rows(runs, look),
        _notices(runs, look),
        *([] if look.details else [_charts(run, look) for run in runs if run.rates]),
        _printed(printed, look),
    ]
    body = stacked(blocks, rows)
    body += [Line()] * (rows - len(body))
    return [line.cut(look.columns) for line in (first, *body, keys_line(look))]


def _rows(runs: Sequence[RunState], look: Look) -> Block:
    most = 1 + len(runs)
    return Block(0, min(most, 4), most, lambda rows: _table(runs, look, rows))


def _table(runs: Sequence[RunState], look: Look, rows: int) -> list[Line]:
    """Return a row for each run; of more than there is room for those under way come first."""
    if rows < 1 or not runs:
        return []
    width = min(MAX_NAME, max(len(run.name) for run in runs), max(8, look.columns // 4))
    median = f" {'p50':>7}" if look.columns >= WIDE else ""
    heads = f" {'':<{width}}  {'time':<12} {'rate':>13}{median} {'tail':>11}"
    order = sorted(range(len(runs)), key=lambda at: runs[at].ended)
    room = rows - 1 if len(runs) <= rows - 1 else rows - 2
    kept = sorted(order[: max(0, room)])
    lines = [Line(heads, "dim")]
    for at in kept:
        line = Line(f" {_name(runs[at].name, width, look)}  ", "bold")
        lines.append(line.join(_row(runs[at], look, look.columns - line.columns)))
    if len(kept) < len(runs):
        lines.append(Line(f" and {plural(len(runs) - len(kept), 'run')} more", "dim"))
    return lines[:rows]


def _name(name: str, width: int, look: Look) -> str:
    """Return a name at a width; of a long one its end, which tells folders apart least."""
    if len(name) <= width:
        return f"{name:<{width}}"
    return cut_text(look.mark + name[len(name) - width + 1 :], width, "")


def _row(run: RunState, look: Look, columns: int) -> Line:
    now = run.now
    if run.ended or now is None:
        return Line("ended" if run.ended else "starting", "dim")
    elapsed = format_s(float(int(now.elapsed_s))) if now.elapsed_s >= 1 else "0s"
    if now.warming:
        return Line(f"warming up, {elapsed}", "doubt")
    length = f" of {format_s(now.length_s)}" if now.length_s else ""
    if not length and now.share is not None:
        length = f", {now.share:.0%}"
    line = Line(f"{elapsed + length:<12} ")
    line.add(f"{f'{format_count(now.rate)} {now.per_s}':>13}", "bold")
    known = now.p50_ms > 0
    median = format_ms(now.p50_ms) if known else look.nothing
    tail = f"{now.tail} {format_ms(now.tail_ms):>7}" if known else look.nothing
    line.add(f" {median:>7}" if look.columns >= WIDE else "").add(f" {tail:>11}")
    bad = plural(now.errors, "error") if now.errors else ""
    line.add(f"  {bad or 'no errors'}", "bad" if bad else "dim")
    line.add(f"  {plural(now.failing, 'threshold')} failed" if now.failing else "", "bad")
    line.add("" if now.vus is None else f"  {plural(now.vus, 'VU')}", "dim")
    if now.share is not None and (free := columns - line.columns - 3) >= MIN_BAR:
        line.add("  ").join(progress_bar(now.share, min(free, 40), unicode=look.unicode))
    return line


def _notices(runs: Sequence[RunState], look: Look) -> Block:
    lines = [
        Line(f" {run.name}: {printable(each)}", "bad").cut(look.columns)
        for run in runs
        if run.now is not None and not run.ended
        for each in run.now.notices
    ]
    return listed(1, lines, least=1)


def _charts(run: RunState, look: Look) -> Block:
    """Return the rate and the tail of a run, side by side."""
    width = max(1, (look.columns - 3) // 2)
    tail = "p99" if run.now is None else run.now.tail
    per_s = "req/s" if run.now is None else run.now.per_s
    first = title(cut_text(run.name, max(1, width - 12), look.mark), per_s)
    second = Line(f" {tail} by second", "dim")

    def draw(rows: int) -> Sequence[Line]:
        left = [first, *_chart(run, run.rates, width, rows - 1, "rate", format_count, look)]
        right = [second, *_chart(run, run.tails_ms, width, rows - 1, "time", format_ms, look)]
        return beside(left, right, width, 2)

    return Block(2, 2, 1 + CHART_ROWS, draw)


def _chart(
    run: RunState,
    values: Sequence[float],
    columns: int,
    rows: int,
    style: str,
    words: Callable[[float], str],
    look: Look,
) -> list[Line]:
    room = columns - SCALE_COLUMNS - 1
    if room < 1 or rows < 1 or not values:
        return []
    length_s = (None if run.now is None else run.now.length_s) or 0.0
    each = int(max(1, min(MAX_SECOND_COLUMNS, room // max(length_s, len(values)))))
    shown = values[-(room // each) :]
    wide = [value for value in shown for _ in range(each)]
    drawn = chart(wide, room, rows, style, unicode=look.unicode)
    found = [Line(" ").join(line).pad(room + 1) for line in drawn]
    found[0].add(f" {words(max(shown)):>{SCALE_COLUMNS - 1}}", "dim")
    return found


def _printed(printed: Sequence[str], look: Look) -> Block:
    if not printed:
        return fixed(3, [])
    lines = [Line(f"  {each}", "dim").cut(look.columns) for each in printed]
    first = title("PRINTED", "below this view, it stays").cut(look.columns)
    return Block(
        3,
        2,
        1 + min(len(lines), 20 if look.details else 5),
        lambda rows: [first, *lines[1 - rows :]],
    )
