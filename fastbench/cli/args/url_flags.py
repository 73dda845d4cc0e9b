"""The words of a plain run's command line: which flags there are and how they take values.

Other commands that load a server take all of these, and have flags of their own beside them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

from fastbench.cli.args import aliases, corrections
from fastbench.cli.args.aliases import Alias
from fastbench.cli.args.flag_grammar import Grammar, optional_file
from fastbench.cli.args.value_shapes import ANY, NONE
from fastbench.plan.plan import UsageError

_ONE = {  # the last one given counts, as in getopt(3)
    "workers": "-t --threads --workers",
    "connections": "-c --connections",
    "requests": "-n --requests",
    "pipeline": "-p --pipeline",
    "timeout": "--timeout",
    "connect_timeout": "--connect-timeout",
    "method": "-m -X --method --request",
    "body": "-b --body",
    "body_file": "-D --body-file",
    "accept": "-A --accept",
    "by_value": "-T --content-type",
    "credentials": "-a --auth",
    "bearer": "--bearer",
    "host": "--host",
    "user_agent": "--user-agent",
    "script": "-s --script",
    "expect_status": "--expect-status",
    "expect_body": "--expect-body",
    "cacert": "--cacert",
    "cert": "--cert",
    "key": "--key",
    "servername": "--servername --sni",
    "unix": "--unix",
    "format": "--format",
    "json": "--json",
    "csv": "--csv",
    "hdr": "--hdr",
    "html": "--html",
    "md": "--md",
    "junit": "--junit",
    "rate": "-R -r -q --rate",
    "ramp": "--ramp",
    "stages": "--stages",
    "arrival": "--arrival",
    "on_overload": "--on-overload",
    "warmup": "-W --warmup",
    "baseline": "--baseline",
    "save_baseline": "--save-baseline",
    "fail_on_regression": "--fail-on-regression",
    "dashboard": "--dashboard",
    "history": "--history",
    "name": "--name",
    "wait_for": "--wait-for",
    "webhook": "--webhook",
}
_MANY = {
    "durations": "-d -z --duration",
    "headers": "-H --header",
    "urls_from_file": "--urls-from-file",
    "forms": "-F --form",
    "bind": "--bind",
    "watch": "--watch",
    "thresholds": "--threshold",
    "outs": "-o --out",
}
ANY_PORT = "0"  # of --dashboard without one
_TAGGED = {
    "data": "--data --data-ascii --data-raw --data-binary --data-urlencode"
}  # joined in the order given, so each keeps its flag
_SWITCHES = {
    "insecure": "-k --insecure",
    "no_keepalive": "--no-keepalive --disable-keepalive --disableKeepAlives",
    "no_retry": "--no-retry",
    "ipv4": "-4 --ipv4",
    "ipv6": "-6 --ipv6",
    "one_address": "--one-address",
    "debug": "--debug",
    "latency": "-L -l --latency --latencies",
    "drain": "-w --drain",
    "strict": "--strict",
    "quiet": "--quiet",
    "no_progress": "--no-progress",
    "no_color": "--no-color",
    "verbose": "-v",
    "version": "-V --version",
    "help": "-h --help",
}


@dataclass(frozen=True, slots=True)
class Own:
    """The flags of one command beside those of a plain run: where they go, and their spellings."""

    command: str = ""
    one: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)  # by where it would go: why
    needed: frozenset[str] = frozenset()  # of these: without them it would be another run

    def rows(self, valued: Mapping[str, str], switched: Mapping[str, str]) -> Iterator[Alias]:
        """Give what this command has no use for, in every spelling."""
        for flags, when in ((valued, ANY), (switched, NONE)):
            for name, dest in flags.items():
                if why := self.refused.get(dest):
                    lines = () if dest in self.needed else ("",)
                    yield Alias(name, lines, why.format(name), when)


@dataclass(frozen=True, slots=True)
class _Known:
    """Where the value of a flag goes, by spelling; `lists` keep all that is given."""

    valued: Mapping[str, str]
    switched: Mapping[str, str]
    lists: frozenset[str]


NO_MORE = Own()


def read(words: Sequence[str], own: Own = NO_MORE) -> tuple[SimpleNamespace, list[str], list[str]]:
    """Return the flags as typed, the URLs and the notices; unknown flags are refused with a cure.

    Flags are read as getopt_long(3) reads them for wrk: a value may be glued or the next word,
    whatever it starts with, and URLs stand anywhere. Long flags are never abbreviated, or the
    redaction of an echoed command line could miss one. (argparse takes no value that starts with
    `-`, and drops a value of `--`.)
    """
    flags = SimpleNamespace(
        **dict.fromkeys((*_ONE, *own.one)),
        **{dest: [] for dest in (*_MANY, *_TAGGED, *own.many)},
        **dict.fromkeys((*_SWITCHES, *own.switches), False),
        hey_rate=False,
    )
    known = _Known(
        by_name(_ONE, _MANY, _TAGGED, own.one, own.many),
        by_name(_SWITCHES, own.switches),
        frozenset((*_MANY, *own.many)),
    )
    words, notices = corrections.read(grammar(own), words)
    urls: list[str] = []
    rest = deque(words)
    while rest and not flags.help:
        word = rest.popleft()
        if note := aliases.NOTES.get(word):
            notices.append(note)
        if word == "--":
            urls += rest
            break
        if word.startswith("--"):
            _long(known, flags, word, rest, urls)
        elif word.startswith("-") and word != "-":
            _short(known, flags, word, rest)
        else:
            urls.append(word)
    return flags, urls, notices


def grammar(own: Own = NO_MORE) -> Grammar:
    """Return how such a command cuts its words."""
    valued = by_name(_ONE, _MANY, _TAGGED, own.one, own.many)
    switched = by_name(_SWITCHES, own.switches)
    rows = (*own.rows(valued, switched), *aliases.PLAIN)
    added = by_name(own.one, own.many, own.switches)
    return Grammar(own.command, valued, switched, rows, urls=True, own=added)


def names() -> list[str]:
    """List every flag of a plain run, in every spelling."""
    return sorted(by_name(_ONE, _MANY, _TAGGED, _SWITCHES))


def by_name(*tables: Mapping[str, str]) -> dict[str, str]:
    rows = (row for table in tables for row in table.items())
    return {name: dest for dest, spellings in rows for name in spellings.split()}


def _long(
    known: _Known, flags: SimpleNamespace, word: str, rest: deque[str], urls: list[str]
) -> None:
    name, equals, value = word.partition("=")
    if name in known.switched:
        if equals:
            raise UsageError(f"{name} takes no value; leave what follows it out.")
        setattr(flags, known.switched[name], True)
    elif name == "--json" and not equals:
        flags.json = "-"
        if rest and optional_file(rest[0], [*urls, *list(rest)[1:]]):
            flags.json = rest.popleft()
    elif name == "--dashboard" and not equals:
        flags.dashboard = ANY_PORT
    else:
        _store(known, flags, name, value if equals else _next(name, rest))


def _short(known: _Known, flags: SimpleNamespace, word: str, rest: deque[str]) -> None:
    """Read `-c 5`, `-c5`, `-c=5` (Go) and switches in one word with it: `-kc5`."""
    for at in range(1, len(word)):
        name = f"-{word[at]}"
        if name in known.valued:
            glued = word[at + 1 :]
            _store(known, flags, name, glued.removeprefix("=") if glued else _next(name, rest))
            return
        setattr(flags, known.switched[name], True)


def _next(name: str, rest: deque[str]) -> str:
    if not rest:
        raise UsageError(f"{name} needs a value after it; see fastbench --help.")
    return rest.popleft()


def _store(known: _Known, flags: SimpleNamespace, name: str, value: str) -> None:
    dest = known.valued[name]
    if dest in _TAGGED:
        getattr(flags, dest).append((name, value))
    elif dest in known.lists:
        getattr(flags, dest).append(value)
    else:
        setattr(flags, dest, value)
        flags.hey_rate = flags.hey_rate or name == "-q"


def grammar_of(_words: Sequence[str]) -> Grammar:
    """Return how these words are cut."""
    return grammar()
