"""Tables of the live view: by URL, by request and operation, by scenario, and checks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastbench.cli.output.live.blocks import Block, Look, fixed, listed, title
from fastbench.cli.output.live.run_figures import Figures, NameFigures
from fastbench.cli.output.live.styled_line import Line, columns_of, cut_within, padded
from fastbench.foundation.units import format_count, format_ms

FIGURE_COLUMNS = 9
MIN_NAME_COLUMNS = 14
_ORIGIN = re.compile(r"[a-z]+://[^/?#]+")


def _table(
    heading: str, names: Sequence[str], columns: int, heads: Sequence[str], look: Look
) -> tuple[int, Line]:
    """Return how wide names are, and the line of headings."""
    room = columns - FIGURE_COLUMNS * len(heads) - 3
    widest = max([columns_of(name) for name in names] + [len(heading)])
    width = max(1, min(room, max(widest, MIN_NAME_COLUMNS)))
    line = Line(" " + padded(heading, width + 1, look.mark), "title")
    return width, line.add("".join(f"{each:>{FIGURE_COLUMNS}}" for each in heads), "dim")


def _rows(rank: int, lines: Sequence[Line], least: int, of: int) -> Block:
    """Return a block of a heading and `of` rows that says how many of them it has no room for."""

    def draw(rows: int) -> Sequence[Line]:
        if (
            rows >= len(lines) or rows < 3 or len(lines) != 1 + of
        ):  # details have lines of their own
            return lines[:rows]
        return [*lines[: rows - 1], Line(f"  and {of - rows + 2} more", "dim")]

    return Block(rank, min(least, len(lines)), len(lines), draw)


def by_name(figures: Figures, look: Look, columns: int) -> Block:
    """Return a row for each URL, or each request and operation of a script."""
    rows = figures.names
    if not rows:
        return fixed(7, [])
    urls = not any(row.scenario for row in rows)
    several = len({row.scenario for row in rows}) > 1
    origin = _common_origin([row.name for row in rows])
    labels = [_called(row, origin, several=several) for row in rows]
    unit = figures.now.per_s
    heads = [unit, "count", "failed", "p50", "p95", "p99"]
    if columns < 76:
        heads = [unit, "failed", "p50", "p99"]
    heading = "BY URL" if urls else "BY NAME"
    if figures.timed == "response time":  # those above are not of the same kind
        heading += ", service time"
    width, first = _table(heading, labels, columns, heads, look)
    if origin and first.columns + len(origin) + 2 <= columns:
        first.add(f"  {origin}", "dim")
    span = f"  rates: last {figures.recent_s:.0f} s, others: whole run"
    if first.columns + len(span) <= columns:
        first.add(span, "dim")
    lines = [first.cut(columns)]
    for row, label in zip(rows, labels, strict=True):
        cells = {
            unit: format_count(row.per_s),
            "count": _count(row.count),
            "failed": _count(row.failed) if row.failed else "0",
            **dict(zip(("p50", "p95", "p99"), map(_ms, row.times_ms), strict=True)),
        }
        line = Line("  ").add(padded(cut_within(label, width, look.mark), width))
        for head in heads:
            bad = head == "failed" and row.failed
            line.add(f"{cells[head]:>{FIGURE_COLUMNS}}", "bad" if bad else "")
        lines.append(line.cut(columns))
        if look.details and row.answers:
            lines.append(Line(f"    {row.answers}", "dim").cut(columns))
    return _rows(7, lines, least=4, of=len(rows))


def by_scenario(figures: Figures, look: Look, columns: int) -> Block:
    """Return a row for each scenario of a script, where there are several or more is asked for."""
    rows = figures.scenarios
    if len(rows) < 2 and not (look.details and rows):
        return fixed(6, [])
    heads = ["iter/s", "count", "dropped", "requests", "failed", "p95"]
    if columns < 76:
        heads = ["iter/s", "count", "failed", "p95"]
    names = [row.name for row in rows]
    width, first = _table("BY SCENARIO", names, columns, heads, look)
    if first.columns + 20 <= columns:
        first.add("  p95: an iteration", "dim")
    lines = [first.cut(columns)]
    for row in rows:
        cells = {
            "iter/s": format_count(row.per_s),
            "count": _count(row.iterations),
            "dropped": _count(row.dropped),
            "requests": _count(row.requests),
            "failed": _count(row.failed),
            "p95": _ms(row.p95_ms),
        }
        line = Line("  ").add(padded(cut_within(row.name, width, look.mark), width))
        for head in heads:
            bad = (head == "failed" and row.failed) or (head == "dropped" and row.dropped)
            line.add(f"{cells[head]:>{FIGURE_COLUMNS}}", "bad" if bad else "")
        lines.append(line.cut(columns))
    return _rows(6, lines, least=3, of=len(rows))


def checks(figures: Figures, look: Look, columns: int) -> Block:
    """Return the checks that fail; with details all of them."""
    rows = [row for row in figures.checks if row[2] or look.details]
    if not rows:
        return fixed(8, [])
    bad = sum(row[2] > 0 for row in figures.checks)
    lines = [title("CHECKS", f"{bad} of {len(figures.checks)} fail").cut(columns)]
    for name, passes, fails in rows:
        share = 100 * passes / (passes + fails)
        line = Line(f"  {share:>6.2f} % ", "bad" if fails else "").add(name)
        line.add(f"  {fails:,} failed" if fails else "", "bad")
        lines.append(line.cut(columns))
    return listed(8, lines)


def _common_origin(names: Sequence[str]) -> str:
    """Return the scheme and host that all URLs among the names have, "" if they differ."""
    origins = {found[0] for name in names if (found := _ORIGIN.match(name))}
    return origins.pop() if len(origins) == 1 else ""


def _called(row: NameFigures, origin: str, *, several: bool) -> str:
    beside = f"{row.beside} " if row.beside else ""
    name = row.name
    if origin and (found := _ORIGIN.match(name)):
        name = name[found.end() :] or "/"
    scenario = f" ({row.scenario})" if several and row.scenario else ""
    return f"{beside}{name}{scenario}"


def _count(count: int) -> str:
    text = f"{count:,}"
    return text if len(text) < FIGURE_COLUMNS else format_count(count)


def _ms(value_ms: float | None) -> str:
    return "-" if value_ms is None else format_ms(value_ms)
