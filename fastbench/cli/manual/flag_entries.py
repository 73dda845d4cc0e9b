"""The entries of flags: by title of a section, then by the names of values in `flag_table`.

An entry is what stands behind the flags, and what they do, with unit and default. Spellings are
those of the tables: nothing is said twice. What stands behind a flag also says how it is completed:
`a|b` are its values, FILE is a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastbench.cli.args.flag_table import Flags

Told = Mapping[str, tuple[str, str]]  # what follows the flag, what it does; by names of values
Sections = Mapping[str, Told]

OPTIONAL = "["  # a value that may be left out begins with it


@dataclass(frozen=True, slots=True)
class Entry:
    """One family: its spellings, what follows them, what they do."""

    flags: tuple[str, ...]
    value: str
    text: str

    @property
    def head(self) -> str:
        """Return the flags as they are typed: `-c, --connections N`."""
        between = "" if self.value.startswith("[=") or not self.value else " "
        return f"{', '.join(self.flags)}{between}{self.value}"


def entries(table: Flags, told: Told) -> Iterator[Entry]:
    """Give the entries of a section; a value that the command refuses has none."""
    spellings = {**table.one, **table.many, **table.tagged, **table.switches}
    for names, (value, text) in told.items():
        known = [name for name in names.split() if name in spellings]
        flags = [flag for name in known for flag in spellings[name].split()]
        shown = [flag for flag in flags if _taken(table, flag)]
        if shown:
            yield Entry(tuple(shown), value, text)


def _taken(table: Flags, flag: str) -> bool:
    dest = table.valued.get(flag) or table.switched[flag]
    return dest not in table.refused


def without(sections: Sections, names: set[str]) -> Sections:
    """Return the sections without entries of these names."""
    return {
        title: {key: each for key, each in told.items() if not names & set(key.split())}
        for title, told in sections.items()
    }
