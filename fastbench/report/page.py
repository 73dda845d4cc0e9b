"""How the report for people is laid out: colour or none, columns, a label at the left, ASCII.

A part is a text and how it is painted; what is painted is measured before the paint is on.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fastbench.foundation import ascii_forms
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_s, plural
from fastbench.results.result import Warning_

__all__ = [
    "LABEL_COLUMNS",
    "MIN_COLUMNS",
    "Page",
    "Paint",
    "Part",
    "advice",
    "cut",
    "cut_within",
    "fitted",
    "plural",
    "seconds",
    "stacked",
    "told_apart",
]

LABEL_COLUMNS = 10
MIN_COLUMNS = 60
MAX_LONGER = 6  # columns by which forms in ASCII lengthen a line
MIN_APART = 12  # columns in which a beginning and a difference have room
_SGR = re.compile("\x1b\\[[0-9;]*m")
Paint = Callable[[str], str]
Part = tuple[str, Paint]


@dataclass(frozen=True, slots=True)
class Page:
    """How to write: in colour or not, how wide, in Unicode or ASCII. Colours are SGR codes."""

    color: bool
    width: int
    unicode: bool

    def bold(self, text: str) -> str:
        return self._paint(text, "1")

    def dim(self, text: str) -> str:
        return self._paint(text, "2")

    def red(self, text: str) -> str:
        return self._paint(text, "1;31")

    def yellow(self, text: str) -> str:
        return self._paint(text, "33")

    def green(self, text: str) -> str:
        return self._paint(text, "32")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text

    def row(self, label: str, text: str) -> str:
        """Return one line with its label in the left column."""
        return self.dim(f"{label:<{LABEL_COLUMNS}}") + text

    def wrapped(self, label: str, text: str, paint: Paint = str) -> list[str]:
        """Return a labelled text over as many lines as it needs."""
        lines = textwrap.wrap(text, self.width - LABEL_COLUMNS) or [""]
        return [self.row(label if at == 0 else "", paint(line)) for at, line in enumerate(lines)]

    def flowed(
        self, label: str, parts: list[Part], between: str = ", ", hang: int = 0
    ) -> list[str]:
        """Join painted parts over as many lines as the width needs; no part is broken.

        What does not fit on the first line hangs `hang` columns to the right of its text.
        """
        indent = (LABEL_COLUMNS if label else 2) + hang
        lines: list[list[str]] = []
        free = 0
        for text, paint in parts:
            if not text:
                continue
            shown = cut(text, self.width - indent)
            if free < len(shown) + len(between):
                room = self.width - indent + (0 if lines else hang)
                lines.append([])
                free = room + len(between)
            lines[-1].append(paint(shown))
            free -= len(shown) + len(between)
        heads = [self.row(label, "") if label else "  ", *[" " * indent] * len(lines)]
        return [head + between.join(line) for head, line in zip(heads, lines, strict=False)]


def fitted(draw: Callable[[Page], str], color: bool, width: int, unicode: bool) -> str:
    """Return what `draw` makes of a page of so many columns (60 at least), as it can be shown.

    In ASCII some forms are longer than their glyphs (`ascii_forms`): where they push a line over
    the edge, the page is drawn again, narrower.
    """
    width = max(width, MIN_COLUMNS)
    text = draw(Page(color, width, unicode))
    if unicode:
        return text
    for narrower in range(width - 1, width - MAX_LONGER - 1, -1):
        shown = ascii_forms.in_ascii(text)
        if max(map(len, _SGR.sub("", shown).split("\n"))) <= width:
            return shown
        text = draw(Page(color, narrower, unicode))
    return ascii_forms.in_ascii(text)


def stacked(blocks: Iterable[Sequence[str]]) -> str:
    """Put blocks of lines below each other, an empty line between them, a newline at the end."""
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def advice(found: Warning_) -> str:
    """Return a warning and what to do about it."""
    return printable("; ".join(part for part in (found.text, found.hint) if part))


def seconds(value_s: float) -> str:
    """Format a measured time: hundredths where they mean something."""
    if 0 < value_s < 0.1:
        return format_s(value_s)
    return f"{value_s:.2f}s" if value_s < 1000 else format_s(value_s)


def cut(text: str, columns: int) -> str:
    """Return the text in at most `columns`, which shows where it is cut."""
    return text if len(text) <= columns else text[: columns - 1] + "…"


def told_apart(names: Sequence[str], columns: int) -> list[str]:
    """Cut names to their room, each in its middle; those that came out alike where they differ."""
    short = {name: cut_within(name, columns) for name in names}
    alike: dict[str, list[str]] = {}
    for name, cut_name in short.items():
        alike.setdefault(cut_name, []).append(name)
    for several in alike.values():
        if len(several) > 1 and columns > MIN_APART:
            at = _differing(several)
            short |= {name: _around(name, at, columns) for name in several}
    return [short[name] for name in names]


def _differing(names: Sequence[str]) -> int:
    """Return the first place at which not all names have the same character."""
    columns = enumerate(zip(*names, strict=False))
    return next((at for at, chars in columns if len(set(chars)) > 1), min(map(len, names)))


def _around(text: str, at: int, columns: int) -> str:
    """Return the beginning of a text, and what stands around a place in it."""
    head = columns // 3
    begin = max(head, min(at - 2, len(text) - (columns - head - 1)))
    return f"{text[:head]}…{cut(text[begin:], columns - head - 1)}"


def cut_within(text: str, columns: int) -> str:
    """Cut the text in its middle: paths begin alike, and differ at their end."""
    if len(text) <= columns or columns < 3:
        return cut(text, columns)
    tail = columns // 2
    return f"{text[: columns - 1 - tail]}…{text[-tail:]}"
