"""What can be completed: commands, their flags with what may follow each, and words of their own.

It is read from the tables and parsers that read a command line, so nothing is listed twice.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.args.flag_grammar import COMMANDS, module_of
from fastbench.cli.manual import first_pages, help_command, help_pages
from fastbench.cli.manual.flag_entries import OPTIONAL, Entry

_FILES = re.compile(r"@?(FILE|PATH|RESULT|FIND|FOLDER|LOAD|TEST|SCRIPT)\b")
_WORD = re.compile(r"[a-z][a-z0-9_-]*")
_MAX_TOLD = 72


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag in all spellings; `value` is "" of a switch, `words` what it may be, if known."""

    names: tuple[str, ...]
    told: str
    value: str = ""
    words: tuple[str, ...] = ()
    files: bool = False
    repeated: bool = False

    @property
    def optional(self) -> bool:
        """Tell whether the value may be left out."""
        return self.value.startswith(OPTIONAL) and self.value.endswith("]")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it is, its flags, and its words by place; the last place goes on for ever.

    `files` are the endings of files that it takes as words, None if it takes none.
    """

    name: str  # "" is a run of URLs
    told: str
    flags: tuple[Flag, ...]
    words: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] | None = None


def commands() -> list[Command]:
    """Return every command, that without a name first."""
    found = [Command("", "benchmark a server", tuple(_flags_of_run("")))]
    for name, told in help_command.ABOUT.items():
        flags = _flags_of_run(name) if name in first_pages.PAGES else _flags_of(name)
        found.append(Command(name, told, tuple(flags), _words(name), _FILES_OF.get(name)))
    return found


_FILES_OF: dict[str, tuple[str, ...]] = {
    "run": (".py", ".js", ".yml", ".yaml"),
    "compare": (".json",),
    "suite": (".toml",),
    "report": (".json", ".json.gz"),
    "merge": (".json",),
    "history": (".db",),
    "convert": (),
}


def _words(command: str) -> tuple[tuple[str, ...], ...]:
    """Return the words that a command takes, by place."""
    if command == "help":
        return ((*help_command.TOPICS, *COMMANDS, "all"), ("all",))
    if command == "examples":
        examples = import_module(module_of(command))
        return (("copy",), tuple(examples.names()))
    if command == "completion":
        return (SHELLS,)
    if command == "new":
        return (tuple(import_module(module_of(command)).KINDS),)
    return ()


SHELLS = ("bash", "zsh", "fish")


def _flags_of_run(command: str) -> Iterator[Flag]:
    for _, entries in help_pages.sections(command):
        for entry in entries:
            yield _of_entry(entry)


def _of_entry(entry: Entry) -> Flag:
    words, files = _shape(entry.value)
    again = "epeated" in entry.text
    return Flag(entry.flags, _cut(entry.text), entry.value, words, files, again)


def _flags_of(command: str) -> Iterator[Flag]:
    """Give the flags of a command that argparse reads."""
    if command == "help":
        return
    parser: Parser = import_module(module_of(command)).parser()
    for action in parser._actions:
        if not action.option_strings:
            continue
        value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
        words, files = _shape(value)
        if action.choices:
            words = tuple(map(str, action.choices))
        told = (action.help or "").replace("%%", "%")
        if "--help" in action.option_strings:
            told, value, words = "print this help; all: all of it", "[all]", ("all",)
        again = isinstance(action, argparse._AppendAction)
        yield Flag(tuple(action.option_strings), _cut(told), value, words, files, again)


def _shape(value: str) -> tuple[tuple[str, ...], bool]:
    """Return the words that a value may be, and whether it may be a file."""
    parts = value.strip("[]=").split("|")
    if parts == [""] or "," in value:
        return (), False
    words = tuple(each for each in parts if _WORD.fullmatch(each))
    return words, any(_FILES.match(each) for each in parts)


def _cut(text: str) -> str:
    """Return the beginning of a text that has room in one short line."""
    for end in (". ", "; ", " (", ": ", ", "):
        if len(text) > _MAX_TOLD or end == ". ":
            text = text.partition(end)[0]
    return text.rstrip(".")
