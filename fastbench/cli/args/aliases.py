"""Flags and words of other tools, by command: what each means here, or the line to write instead.

A row of the tables in `other_tools` is one meaning of one flag, in four columns:

    FLAGS | SHAPE | WORDS TO WRITE | REASON

The first row whose shape the value has is taken (`value_shapes`; no shape: any value). In the words
`{}` is the value, and no words leave the flag out. Words after `=` are used at once, with a notice.
Without `=` the line is refused, and shows the corrected one; ` / ` separates several of them, each
with its meaning after ` # `. A flag of ours is listed only with values that another tool gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from fastbench.cli.args.other_tools import command_habits, script_habits, url_habits
from fastbench.cli.args.value_shapes import ANY

NOTES = {  # of flags that do something else than another tool's, which nobody would notice
    "-L": "-L prints the percentile spectrum; redirects are not followed, add --follow for that.",
}


@dataclass(frozen=True, slots=True)
class Alias:
    """One row: `lines` are the words to write instead, each with its meaning behind ` # `."""

    flags: str
    lines: tuple[str, ...]
    why: str = ""
    when: str = ANY
    taken: bool = False


@cache
def rows(section: str) -> tuple[Alias, ...]:
    """Return the rows of a section; a command without one has none."""
    return tuple(_rows(section))


def _rows(section: str) -> Iterator[Alias]:
    _, found, text = _TABLE.partition(f"\n[{section}]\n")
    text = text.partition("\n[")[0].replace("\n   ", " ") if found else ""
    for line in text.splitlines():
        if line.startswith("@"):
            yield from rows(line[1:])
        elif line:
            flags, when, words, why = (cell.strip() for cell in line.split("|"))
            lines = tuple(words.removeprefix("=").strip().split(" / "))
            yield Alias(flags, lines, why, when or ANY, taken=words.startswith("="))


# A line that begins with three spaces goes on with the one before; @NAME inserts a section.
_TABLE = "".join((url_habits.TABLE, script_habits.TABLE, command_habits.TABLE))
