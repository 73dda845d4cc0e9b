"""`fastbench help [WORD]`: the page of a command, a topic or a flag; without a word a list."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import cast

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.args.flag_grammar import COMMANDS, module_of
from fastbench.cli.help import pager
from fastbench.cli.manual import first_pages, help_pages, measuring_topics, request_topics
from fastbench.foundation.nearest import nearest
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError

TOPICS = request_topics.TOPICS | measuring_topics.TOPICS
_SECTIONS = {  # whose flags stand below a topic
    "load": ("Load",),
    "thresholds": ("Pass or fail",),
    "request": ("Request",),
    "placeholders": ("Requests that vary",),
    "network": ("Network",),
    "websocket": ("WebSockets",),
    "scale": ("Several machines",),
    "output": ("Output",),
}
ABOUT = {
    "run": "load tests in Python, of k6 and of Artillery",
    "compare": "is build B faster?",
    "find": "the highest rate that meets an objective",
    "suite": "many runs, one after the other, one summary",
    "report": "a saved result in other formats",
    "merge": "results of several machines as one",
    "history": "stored runs, with their trend",
    "convert": "other tools' files as scripts",
    "new": "a script, suite, comparison or CI job to begin with",
    "examples": "list the examples, and copy one",
    "serve": "a small test server",
    "doctor": "is this machine fit for a benchmark?",
    "machines": "the machines of a cluster",
    "completion": "completion of commands and flags for bash, zsh or fish",
    "help": "this page, or that of a command, topic or flag",
}


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser("help", description="Print the page of a command, a topic or a flag.")
    made.add_argument("words", nargs="*", metavar="WORD [all]")
    return made


def main(argv: Sequence[str]) -> int:
    """Print the page that the words ask for; raises UsageError for a word that is none."""
    words = [word for word in argv if word not in ("--help", "-h")]
    everything = words[-1:] == ["all"]
    word = words[0] if words else ""
    if word in ("all", "fastbench"):
        return pager.page("all" if everything else "help", "")
    if not word or word == "help":
        return pager.paged(listed())
    if word in COMMANDS:
        return of_command(word, everything=everything)
    if word in TOPICS:
        return pager.paged(topic(word))
    if word.startswith("-"):
        return pager.paged(_of_flag(word))
    if f"--{word}" in _flags():
        return pager.paged(_of_flag(f"--{word}"))
    close = nearest(word.lower(), [*TOPICS, *COMMANDS])
    meant = f"; did you mean {close[0]}?" if close else "."
    raise UsageError(
        f"No command or topic is called `{printable(word)}`{meant} `fastbench help` lists them."
    )


def of_command(command: str, *, everything: bool) -> int:
    """Print the page of a command."""
    words = ["--help", *(["all"] if everything else [])]
    return cast(int, import_module(module_of(command)).main(words))


def listed() -> str:
    """Return the commands and topics, a line each."""
    lines = ["fastbench help WORD: the page of a command, a topic, or a flag.", "", "Commands"]
    lines += [f"  {name:<14}{ABOUT[name]}" for name in COMMANDS]
    lines += ["", "Topics"]
    for name, text in TOPICS.items():
        title = text.partition("\n")[0].partition(": ")[2]
        lines.append(f"  {name:<14}{title}")
    lines += ["", "fastbench --help is what most people need; --help all is every flag."]
    return "\n".join(lines)


def topic(name: str) -> str:
    """Return the page of a topic, with the flags that belong to it."""
    found = [TOPICS[name]]
    wanted = _SECTIONS.get(name, ())
    for title, entries in help_pages.sections(""):
        if title in wanted:
            found.append("\n".join(["Flags", *help_pages.section(entries)]))
    return "\n\n".join(found)


def _flags() -> set[str]:
    """Return every flag of every page."""
    return {
        flag
        for command in first_pages.PAGES
        for _, entries in help_pages.sections(command)
        for each in entries
        for flag in each.flags
    }


def _of_flag(flag: str) -> str:
    """Return what every command says of a flag."""
    flag = flag.partition("=")[0]
    known: dict[str, None] = {}
    found = []
    for command in first_pages.PAGES:
        lines: list[str] = []
        for title, entries in help_pages.sections(command):
            mine = [each for each in entries if flag in each.flags]
            known |= dict.fromkeys(name for each in entries for name in each.flags)
            lines += [title, *help_pages.section(mine)] if mine else []
        if lines:
            found.append("\n".join([" ".join(filter(None, ("fastbench", command))), *lines]))
    if found:
        return "\n\n".join(found)
    close = nearest(flag, known)
    meant = f"; did you mean {close[0]}?" if close else "."
    raise UsageError(f"No flag is called {printable(flag)}{meant}")
