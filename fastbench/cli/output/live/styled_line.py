"""Lines of a terminal with styles: their width in columns, cut and padded; escapes come last.

Widths follow Unicode's East Asian Width (UAX 11): wide and fullwidth characters take two columns,
combining marks none. All other characters take one, ambiguous ones too, as terminals do outside of
old East Asian locales.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Self

# SGR codes (ECMA-48, 8.3.117). Of the 256 colours those are taken that stand out by more than 3.5
# to 1 from both white and black; they are the same whatever the theme of the terminal.
_OF_8 = {
    "": "",
    "bold": "1",
    "dim": "2",
    "title": "1",
    "good": "32",
    "bad": "1;31",
    "doubt": "33",
    "rate": "36",
    "time": "35",
    "reverse": "7",
}
_OF_256 = {
    **_OF_8,
    "good": "38;5;28",
    "bad": "1;38;5;160",
    "doubt": "38;5;166",
    "rate": "38;5;31",
    "time": "38;5;133",
}
_PLAIN = {**dict.fromkeys(_OF_8, ""), "bold": "1", "dim": "2", "title": "1", "reverse": "7"}
Palette = Mapping[str, str]
SENTENCE = 4  # words of a fact that say something without the rest of it
_GAP = re.compile(r"  +")


def palette(color: bool | None) -> Palette:
    """Return the codes of styles; `color` None: as TERM and NO_COLOR say.

    Without colour bold, dim and reverse are left: they are none (no-color.org).
    """
    if color is None:
        color = not os.environ.get("NO_COLOR")
    if not color:
        return _PLAIN
    many = "256color" in os.environ.get("TERM", "") or bool(os.environ.get("COLORTERM"))
    return _OF_256 if many else _OF_8


class Line:
    """Parts of a text, each with its style; `add` returns the line itself."""

    __slots__ = ("columns", "parts")

    def __init__(self, text: str = "", style: str = "") -> None:
        self.parts: list[tuple[str, str]] = []
        self.columns = 0
        self.add(text, style)

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(text for text, _ in self.parts)

    def add(self, text: str, style: str = "") -> Self:
        """Add a text without line ends and control characters."""
        if text:
            self.parts.append((text, style))
            self.columns += columns_of(text)
        return self

    def join(self, other: Line) -> Self:
        """Add the parts of another line."""
        self.parts += other.parts
        self.columns += other.columns
        return self

    def pad(self, columns: int) -> Self:
        """Add spaces up to a column."""
        return self.add(" " * (columns - self.columns))

    def right(self, other: Line, columns: int) -> Self:
        """Add another line so that it ends at a column; both are cut where they do not fit."""
        other.cut(columns)
        self.cut(max(0, columns - other.columns - (1 if other.columns else 0)))
        return self.pad(columns - other.columns).join(other)

    def cut(self, columns: int, mark: str = "") -> Self:
        """Leave out what does not fit: whole words, and whole facts of few words.

        Facts are two spaces or more apart. `mark` shows where a sentence is cut.
        """
        if self.columns <= columns:
            return self
        kept, mark = cut_words(self.text, columns, mark)
        parts, self.parts, self.columns = self.parts, [], 0
        for text, style in parts:
            self.add(text[:kept], style)
            kept -= len(text)
            if kept <= 0:
                return self.add(mark, style)
        return self

    def escaped(self, codes: Palette) -> str:
        """Return it as a terminal draws it."""
        return "".join(
            f"\x1b[{code}m{text}\x1b[m" if (code := codes[style]) else text
            for text, style in self.parts
        )


def columns_of(text: str) -> int:
    """Return the columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@lru_cache(maxsize=4096)
def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def cut_text(text: str, columns: int, mark: str = "…") -> str:
    """Return the beginning of a text that fits; `mark` shows that it is cut."""
    if len(text) * 2 <= columns or columns_of(text) <= columns:
        return text
    left = columns - columns_of(mark)
    if left < 0:
        return ""
    found = []
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        found.append(char)
    return "".join(found) + mark


def cut_words(text: str, columns: int, mark: str = "") -> tuple[int, str]:
    """Return how many characters of a text that is too wide to keep, and the mark behind them.

    A fact that is begun is left out whole, unless SENTENCE words of it fit or it is the first one.
    """
    fitting = len(cut_text(text, columns, ""))
    if text[fitting : fitting + 2].strip() == "":  # it ends where a fact does
        return len(text[:fitting].rstrip()), ""
    ends = [found.start() for found in _GAP.finditer(text, 0, fitting) if found.start()]
    fact = ends[-1] if ends and text[: ends[-1]].strip() else 0
    room = len(cut_text(text, columns - columns_of(mark), ""))
    words = fact + len(text[fact : room + 1].rpartition(" ")[0].rstrip(" ,;:("))
    if fact and len(text[fact:words].split()) < SENTENCE:
        return fact, ""
    return (words, mark) if text[fact:words].strip() else (room, mark)


def cut_within(text: str, columns: int, mark: str = "…") -> str:
    """Return a text that fits without its middle: of a URL the host and the end of its path."""
    if columns_of(text) <= columns:
        return text
    tail = cut_text(text[::-1], max(0, columns - columns_of(mark)) * 3 // 5, "")[::-1]
    return cut_text(text, columns - columns_of(tail), mark) + tail


def padded(text: str, columns: int, mark: str = "…") -> str:
    """Return a text in exactly so many columns."""
    text = cut_text(text, columns, mark)
    return text + " " * (columns - columns_of(text))


def beside(left: Sequence[Line], right: Sequence[Line], columns: int, gap: int) -> list[Line]:
    """Return two columns of lines, the left one `columns` wide."""
    found = []
    for at in range(max(len(left), len(right))):
        line = Line() if at >= len(left) else Line().join(left[at])
        line.cut(columns)
        if at < len(right):
            line.pad(columns + gap).join(right[at])
        found.append(line)
    return found
