"""Head and foot of a frame, the same for all views: what goes on, how far it is, the keys."""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.cli.output.live.blocks import Block, Look, fixed, title
from fastbench.cli.output.live.chart_lines import progress_bar
from fastbench.cli.output.live.styled_line import Line, cut_within
from fastbench.foundation.units import format_s

PAUSED = "VIEW PAUSED, the load goes on; p continues"


def head(command: str, what: str, state: str, style: str, look: Look) -> Line:
    """Return what is loaded, and whether it goes."""
    right = (
        Line(f" {PAUSED} ", "reverse") if look.paused else Line(f" {look.state or state} ", style)
    )
    begin = f" fastbench {command}  "
    room = look.columns - right.columns - len(begin) - 1
    first = Line(begin, "title").add(cut_within(what, max(0, room), look.mark))
    return first.right(right, look.columns)


def progress(
    elapsed_s: float,
    length_s: float | None,
    share: float | None,
    left_s: float | None,
    beside: str,
    look: Look,
) -> Line:
    """Return a bar of what is done, with the time left, which is an estimate."""
    left = f" {whole_s(elapsed_s)}" + (f" of {format_s(length_s)}" if length_s else "")
    right = beside
    if share is not None:
        right += f"  {share:>4.0%}"
    if left_s is not None:
        right += f"  about {whole_s(left_s)} left"
    line = Line(f"{left:<13} ")
    free = look.columns - line.columns - len(right) - 2
    if share is not None and free > 4:
        line.join(progress_bar(share, free, unicode=look.unicode))
    return line.right(Line(right), look.columns)


def foot(look: Look) -> Line:
    """Return the keys."""
    if not look.keys:
        return Line(" Ctrl-C stops and reports", "dim")
    line = Line()
    for key, words in (
        ("q", "stop and report"),
        ("p", "continue the view" if look.paused else "pause the view"),
        ("d", "fewer details" if look.details else "details"),
    ):
        line.add(" ").add(f" {key} ", "reverse").add(f" {words}")
    return line


def printed(lines: Sequence[str], look: Look) -> Block:
    """Return the last lines that were printed meanwhile."""
    if not lines:
        return fixed(11, [])
    first = title("PRINTED", "below this view, it stays")

    def draw(rows: int) -> Sequence[Line]:
        return [first, *(Line(f"  {each}", "dim") for each in lines[-(rows - 1) :])]

    return Block(11, 2, 1 + min(len(lines), 20 if look.details else 5), draw)


def whole_s(elapsed_s: float) -> str:
    """Return a time in whole seconds."""
    return format_s(float(int(elapsed_s))) if elapsed_s >= 1 else "0s"
