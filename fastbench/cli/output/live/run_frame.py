"""One frame of the view of a run: its blocks on a screen of so many columns and rows. Pure."""

from __future__ import annotations

from collections.abc import Callable

from fastbench.cli.output.live import outcome_blocks, run_blocks, table_blocks
from fastbench.cli.output.live.blocks import Block, Look, stacked
from fastbench.cli.output.live.run_figures import Figures
from fastbench.cli.output.live.styled_line import Line, beside

TWO_COLUMNS = 110  # from here on pictures stand beside figures
MIN_ROWS = 8  # of a frame with head and foot apart from the body
GAP = 2

_Draw = Callable[[Figures, Look, int], Block]
_PICTURES: tuple[_Draw, ...] = (
    run_blocks.throughput,
    run_blocks.latency_chart,
    run_blocks.moving_histogram,
)
_FIGURES: tuple[_Draw, ...] = (
    run_blocks.latency_table,
    run_blocks.load_line,
    run_blocks.machines,
    outcome_blocks.answers,
    outcome_blocks.failures,
    outcome_blocks.thresholds,
    run_blocks.resources,
)
_TABLES: tuple[_Draw, ...] = (
    table_blocks.by_scenario,
    table_blocks.by_name,
    table_blocks.checks,
)
_LAST: tuple[_Draw, ...] = (run_blocks.printed, run_blocks.notices)


def frame(figures: Figures, look: Look) -> list[Line]:
    """Return the lines of a frame: never more than the rows, nor wider than the columns."""
    first, last = run_blocks.head(figures, look), run_blocks.foot(figures, look)
    if look.rows < MIN_ROWS:
        lines = [*first, *_one_column(figures, look, max(0, look.rows - len(first)))]
        return [line.cut(look.columns) for line in lines[: look.rows]]
    rows = look.rows - len(first) - len(last)
    wide = look.columns >= TWO_COLUMNS
    if look.state and not figures.now.elapsed_s:  # nothing is known yet
        body = stacked([draw(figures, look, look.columns) for draw in _LAST], rows)
    else:
        body = _two_columns(figures, look, rows) if wide else _one_column(figures, look, rows)
    body += [Line()] * (rows - len(body))
    return [line.cut(look.columns) for line in (*first, *body, *last)]


def _one_column(figures: Figures, look: Look, rows: int) -> list[Line]:
    columns = look.columns
    throughput, *pictures = (draw(figures, look, columns) for draw in _PICTURES)
    told = [draw(figures, look, columns) for draw in _FIGURES]
    tables = [draw(figures, look, columns) for draw in _TABLES]
    last = [draw(figures, look, columns) for draw in _LAST]
    shown = [] if look.details else pictures
    return stacked([throughput, *told, *tables, *shown, *last], rows)


def _two_columns(figures: Figures, look: Look, rows: int) -> list[Line]:
    left_columns = (look.columns - GAP) // 2
    right_columns = look.columns - GAP - left_columns
    tables = [draw(figures, look, look.columns) for draw in (*_TABLES, *_LAST)]
    wanted = sum(block.most + 1 for block in tables if block.least)
    below = min(wanted, rows * (2 if look.details else 1) // 3)
    under = stacked(tables, below) if below else []
    above = rows - len(under) - (1 if under else 0)
    left = stacked([draw(figures, look, left_columns) for draw in _PICTURES], above)
    right = stacked([draw(figures, look, right_columns) for draw in _FIGURES], above)
    upper = beside(left, right, left_columns, GAP)
    upper += [Line()] * (above - len(upper)) if under else []
    return [*upper, *([Line()] if under else []), *under]
