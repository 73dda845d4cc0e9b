"""Read the words of a command line by a table of flags.

Words are read as getopt_long(3) reads them for wrk: a value may be glued or the next word, whatever
it starts with, and words without a flag stand anywhere. Long flags are never abbreviated, or the
redaction of an echoed command line could miss one. (argparse takes no value that starts with `-`,
and drops a value of `--`.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Literal

from fastbench.cli.args import aliases, corrections
from fastbench.cli.args.flag_grammar import HTTP_DEBUG, optional_file
from fastbench.cli.args.flag_table import Flags
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.machine.pinning import AUTO, LIST

# Values that may be left out.
_IMPLIED = {"--dashboard": "0", "--http-debug": "headers", "--pin": AUTO, "--follow": "10"}
_SECRETS = ("credentials", "bearer", "webhook", "secret_sources", "cookies", "aws_session")


Page = Literal["help", "all", "version"]


def _implied(name: str, word: str) -> bool:
    """Tell whether the word after a flag is its value, which may be left out."""
    if name == "--pin":
        return LIST.fullmatch(word) is not None
    if name == "--follow":
        return word.isdecimal()
    return name == "--http-debug" and word in HTTP_DEBUG


def read(words: Sequence[str], table: Flags) -> Line:
    """Read a line; an unknown flag, or one that another tool has, is refused with the cure."""
    return Line(words, table)


class Line:
    """A line as typed: its flags, the words without one, and what was re-interpreted."""

    def __init__(self, words: Sequence[str], table: Flags) -> None:
        self._table = table
        self.flags = SimpleNamespace(
            **dict.fromkeys(table.one),
            **{dest: [] for dest in (*table.many, *table.tagged)},
            **{dest: None if dest in table.unset else False for dest in table.switches},
            hey_rate=False,
        )
        found, self.notices = corrections.read(table.grammar(), words)
        self.words: list[str] = []
        self._items: list[tuple[str, str, str | None]] = []  # flag, where it goes, value
        self._rest = deque(found)
        while self._rest and not self.flags.help:
            word = self._rest.popleft()
            if table.base == "url" and (note := aliases.NOTES.get(word)):
                self.notices.append(note)
            if word == "--":
                self._items += [("--", "", None), *(("", "", each) for each in self._rest)]
                self.words += self._rest
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._short(word)
            else:
                self._items.append(("", "", word))
                self.words.append(word)

    @property
    def page(self) -> Page | None:
        """The page that the line asks for."""
        if self.flags.help:
            return "all" if list(self._rest) == ["all"] else "help"
        return "version" if self.flags.version else None

    def shown(self) -> list[str]:
        """Return the line as it may be shown: each value masked by its flag."""
        found = []
        for name, dest, value in self._items:
            found += [name] if name else []
            found += [] if value is None else [_masked(dest, value)]
        return [redact.printable(word) for word in found]

    def _long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        if dest := self._table.switched.get(name):
            # k6 takes both.
            if equals and not (self._table.base == "run" and value in ("true", "false")):
                raise UsageError(f"{name} takes no value; leave what follows it out.")
            self._items.append((word, dest, None))
            setattr(self.flags, dest, value != "false")
        elif name == "--json" and not equals:
            rest = self._rest
            named = rest and optional_file(rest[0], [*self.words, *list(rest)[1:]])
            self._store(name, rest.popleft() if named else "-")
        elif name in _IMPLIED and not equals and self._rest and _implied(name, self._rest[0]):
            self._store(name, self._rest.popleft())
        elif name in _IMPLIED and not equals:
            self._items.append((name, "", None))
            setattr(self.flags, self._table.valued[name], _IMPLIED[name])
        else:
            self._store(name, value if equals else self._next(name))

    def _short(self, word: str) -> None:
        """Read `-c 5`, `-c5`, `-c=5` (Go) and switches in one word with it: `-kc5`."""
        for at in range(1, len(word)):
            name = f"-{word[at]}"
            if name in self._table.valued:
                glued = word[at + 1 :]
                self._store(name, glued.removeprefix("=") if glued else self._next(name))
                return
            self._items.append((name, "", None))
            setattr(self.flags, self._table.switched[name], True)

    def _next(self, name: str) -> str:
        if not self._rest:
            command = " ".join(filter(None, ("fastbench", self._table.command)))
            raise UsageError(f"{name} needs a value after it; see {command} --help.")
        return self._rest.popleft()

    def _store(self, name: str, value: str) -> None:
        dest = self._table.valued[name]
        self._items.append((name, dest, value))
        if dest in self._table.tagged:
            getattr(self.flags, dest).append((name, value))
        elif dest in self._table.many:
            getattr(self.flags, dest).append(value)
        else:
            setattr(self.flags, dest, value)
            self.flags.hey_rate = self.flags.hey_rate or name == "-q"


def _masked(dest: str, value: str) -> str:
    if dest in _SECRETS:
        return redact.MASK
    if dest == "headers":
        return redact.argv(["-H", value])[1]
    if dest in ("env", "tags"):
        name, equals, rest = value.partition("=")
        if equals and redact.secret_key(name):
            return f"{name}={redact.MASK}"
        return f"{name}{equals}{redact.text(rest)}"
    return redact.url(value) if "://" in value else redact.text(value)
