"""How a line of words is cut into flags with their values, and words of their own.

Each command cuts as it reads: a value may be glued or the next word, whatever it starts with, and
flags stand anywhere (getopt_long(3)). Flags of other tools take a value where a row of the habits
has its shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

from fastbench.cli.args.aliases import Alias
from fastbench.cli.args.value_shapes import NONE, SHAPES
from fastbench.foundation.files import SCRIPT_ENDINGS
from fastbench.plan import urls

COMMANDS = {  # of `fastbench COMMAND`: the module of each, in commands unless another part is named
    "run": "run_script",
    **{name: name for name in ("compare", "find", "suite", "serve")},
    **{name: name for name in ("report", "merge", "history", "convert", "doctor", "machines")},
    **{name: name for name in ("new", "examples")},
    "completion": "completion.completion_command",
    "help": "manual.help_command",
}
_FLAGS = {"": "flag_table", "run": "flag_table", "find": "find_args", "compare": "compare_args"}
OPTIONAL = (
    "--json",
    "--dashboard",
    "--http-debug",
    "--follow",
)  # flags whose value may be left out
HTTP_DEBUG = ("headers", "full")  # values of --http-debug, also behind a space


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a command reads its words; `urls` tells whether those without a flag are addresses."""

    command: str
    valued: Collection[str]
    switched: Collection[str]
    rows: Sequence[Alias]
    urls: bool = False
    own: Collection[str] = ()  # flags of this command alone, to which no habit applies
    table: dict[str, list[Alias]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in self.rows:
            for flag in row.flags.split():
                if flag not in self.own:
                    self.table.setdefault(flag, []).append(row)

    def is_known(self, flag: str) -> bool:
        return flag in self.valued or flag in self.switched


@dataclass(frozen=True, slots=True)
class Item:
    """A flag or a word: where it stands, and the switches in one word with it."""

    start: int
    end: int
    name: str  # "" of a word without a flag
    value: str | None
    before: str = ""
    after: str = ""
    equals: bool = False  # the value stands behind an =

    def put(self, words: Sequence[str], new: Sequence[str]) -> list[str]:
        """Return the words with others in the place of this item."""
        around = ([each] if each else [] for each in (self.before, self.after))
        before, after = around
        return [*words[: self.start], *before, *new, *after, *words[self.end :]]


def of(command: str, words: Sequence[str]) -> Grammar:
    """Return how a command reads its words; "" is a run of URLs."""
    if command in _FLAGS:
        module = import_module(f"fastbench.cli.args.{_FLAGS[command]}")
        return cast("Callable[[str, Sequence[str]], Grammar]", module.grammar_of)(command, words)
    module = import_module(module_of(command))
    return cast("Callable[[], Parsing]", module.parser)().grammar()


def module_of(command: str) -> str:
    """Return the module of a command."""
    name = COMMANDS[command]
    return f"fastbench.cli.{name}" if "." in name else f"fastbench.cli.commands.{name}"


class Parsing(Protocol):
    """A parser of words."""

    def grammar(self) -> Grammar:
        """Return how it reads them."""


def optional_file(word: str, others: Sequence[str]) -> bool:
    """Tell whether a word after --json is its FILE; `-` is standard output.

    What may be a URL as well is one if the line has no other.
    """
    if word == "-":
        return True
    if "://" in word or word == "curl" or word.endswith(SCRIPT_ENDINGS) or word.startswith("-"):
        return False
    if urls.complete(word) is None:
        return True
    sure = ":" in word or word.partition("/")[0] == "localhost"
    return not sure and any("://" in each or urls.complete(each) for each in others)


def items(grammar: Grammar, words: Sequence[str]) -> Iterator[Item]:
    """Cut a line as getopt_long(3) does, see `flag_reader`."""
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            yield from (Item(each, each + 1, "", words[each]) for each in range(at + 1, len(words)))
            return
        if not word.startswith("-") or word == "-":
            found = [Item(at, at + 1, "", word)]
        elif word.startswith("--") or dashes(grammar, word):
            found = [_long(grammar, words, at)]
        else:
            found = list(_short(grammar, words, at))
        yield from found
        at = max(each.end for each in found)


def dashes(grammar: Grammar, word: str) -> int:
    """Return 1 for a long flag that another tool writes with one dash, 2 for one of ours (Go)."""
    name = word.partition("=")[0]
    if name in grammar.table and len(name) > 2:
        return 1
    longer = f"-{name}"
    known = grammar.is_known(longer) or longer in grammar.table
    return 2 if len(name) > 3 and not word.startswith("--") and known else 0


def _long(grammar: Grammar, words: Sequence[str], at: int) -> Item:
    name, equals, value = words[at].partition("=")
    if equals:
        return Item(at, at + 1, name, value, equals=True)
    follows = words[at + 1] if at + 1 < len(words) else None
    if name in OPTIONAL and grammar.is_known(name):
        others = [*words[:at], *words[at + 2 :]]
        takes = follows is not None and (
            (name == "--json" and optional_file(follows, others))
            or (name == "--http-debug" and follows in HTTP_DEBUG)
            or (name == "--follow" and follows.isdecimal())
        )
    elif name in grammar.valued:
        takes = follows is not None
    else:
        takes = _takes(grammar, name, follows, words)
    return Item(at, at + 2, name, follows) if takes else Item(at, at + 1, name, None)


def _short(grammar: Grammar, words: Sequence[str], at: int) -> Iterator[Item]:
    """Cut `-kc5`, or `-c 5`."""
    word = words[at]
    follows = words[at + 1] if at + 1 < len(words) else None
    for number in range(1, len(word)):
        name, glued = f"-{word[number]}", word[number + 1 :]
        before = f"-{word[1:number]}" if number > 1 else ""
        if name in grammar.switched and glued:
            yield Item(at, at + 1, name, None, before, f"-{glued}")
            continue
        known = name in grammar.valued
        if glued and (known or _takes(grammar, name, glued, words)):
            value = glued.removeprefix("=")
            yield Item(at, at + 1, name, value, before, equals=value != glued)
        elif glued:
            yield Item(at, at + 1, name, None, before, f"-{glued}")
        elif follows is not None and (known or _takes(grammar, name, follows, words)):
            yield Item(at, at + 2, name, follows, before)
        else:
            yield Item(at, at + 1, name, None, before)
        return


def _takes(grammar: Grammar, name: str, follows: str | None, words: Sequence[str]) -> bool:
    """Tell whether a flag that is not ours, or a switch of ours, has this value there."""
    shapes = [row.when for row in grammar.table.get(name, ()) if row.when != NONE]
    if follows is None or re.match("-[^0-9]", follows):
        return False
    return any(each != "beside a url" and SHAPES[each](follows, words) for each in shapes)
