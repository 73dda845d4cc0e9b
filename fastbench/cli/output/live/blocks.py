"""Blocks of lines, and who gets how many rows of a screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastbench.cli.output.live.styled_line import Line

LABEL_COLUMNS = 13
BETWEEN = "   "


@dataclass(frozen=True, slots=True)
class Look:
    """How a frame is drawn. `details`: more rows instead of pictures; `keys`: there are some.

    `state` is what is waited for, "" while the load goes on.
    """

    columns: int
    rows: int
    unicode: bool = True
    details: bool = False
    paused: bool = False
    keys: bool = True
    state: str = ""

    @property
    def mark(self) -> str:
        """What stands where a text is cut."""
        return "…" if self.unicode else "~"

    @property
    def nothing(self) -> str:
        """What stands for a value that is not known."""
        return "–" if self.unicode else "-"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together: `draw(rows)` gives at most so many of them.

    A block that does not get its `least` rows is left out; `most` are of use. Who has the lower
    `rank` is served first. One that is `close` has no empty line before it.
    """

    rank: int
    least: int
    most: int
    draw: Callable[[int], Sequence[Line]]
    close: bool = False


def fixed(rank: int, lines: Sequence[Line], *, close: bool = False) -> Block:
    """Return a block that needs all of its lines."""
    return Block(rank, len(lines), len(lines), lambda rows: lines[:rows], close)


def listed(rank: int, lines: Sequence[Line], least: int = 2, *, close: bool = False) -> Block:
    """Return a block of which the first lines say most."""
    return Block(rank, min(least, len(lines)), len(lines), lambda rows: lines[:rows], close)


def allot(blocks: Sequence[Block], rows: int) -> list[int]:
    """Return how many rows each block gets: `least` by rank, then one more each in turns."""
    found = [0] * len(blocks)
    order = sorted(range(len(blocks)), key=lambda at: blocks[at].rank)
    for at in order:
        if 0 < blocks[at].least <= rows:
            found[at] = blocks[at].least
            rows -= blocks[at].least
    while rows > 0:
        growing = [at for at in order if 0 < found[at] < blocks[at].most]
        for at in growing[:rows]:
            found[at] += 1
        rows -= len(growing)
        if not growing:
            break
    return found


def stacked(blocks: Sequence[Block], rows: int) -> list[Line]:
    """Return the blocks one below the other, with empty lines between if there is room."""
    some = [block for block in blocks if block.least > 0]
    gaps = sum(not block.close for block in some[1:])
    spread = sum(block.least for block in some) + gaps <= rows
    given = allot(some, rows - gaps if spread else rows)
    found: list[Line] = []
    for block, count in zip(some, given, strict=True):
        drawn = list(block.draw(count))[:count] if count else []
        if drawn and spread and found and not block.close:
            found.append(Line())
        found += drawn
    return found[:rows]


def labelled(label: str, line: Line) -> Line:
    """Return a line with its label in the left column."""
    return Line(f" {label:<{LABEL_COLUMNS - 1}}", "dim").join(line)


def flowed(label: str, parts: Sequence[Line], columns: int) -> list[Line]:
    """Return parts beside each other behind their label, over as many lines as they need."""
    lines: list[Line] = []
    for part in parts:
        if not part.columns:
            continue
        if lines and lines[-1].columns + len(BETWEEN) + part.columns <= columns:
            lines[-1].add(BETWEEN).join(part)
        else:
            lines.append(labelled("" if lines else label, part))
    return [line.cut(columns) for line in lines]


def title(text: str, beside: str = "") -> Line:
    """Return the heading of a block."""
    return Line(f" {text}", "title").add(f"  {beside}" if beside else "", "dim")
