"""The words of a plain run's command line: which flags there are and how they take values."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace

from fastbench.cli import refused
from fastbench.plan import UsageError

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
    "urls_from_file": "--urls-from-file",
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
    "rate": "-R -r -q --rate",
    "ramp": "--ramp",
    "stages": "--stages",
    "arrival": "--arrival",
    "on_overload": "--on-overload",
    "warmup": "-W --warmup",
}
_MANY = {
    "durations": "-d -z --duration",
    "headers": "-H --header",
    "forms": "-F --form",
    "bind": "--bind",
    "watch": "--watch",
    "thresholds": "--threshold",
}
_TAGGED = {"data": "--data --data-urlencode"}  # joined in the order given, so each keeps its flag
_SWITCHES = {
    "insecure": "-k --insecure",
    "no_keepalive": "--no-keepalive --disable-keepalive --disableKeepAlives",
    "no_retry": "--no-retry",
    "ipv4": "-4 --ipv4",
    "ipv6": "-6 --ipv6",
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
# hey is written in Go, where one dash will do.
_HEY = {"-host": "--host", "-disable-keepalive": "--no-keepalive", "-cpus": "--workers"}


def read(words: Sequence[str]) -> tuple[SimpleNamespace, list[str], list[str]]:
    """Return the flags as typed, the URLs and the notices; unknown flags are refused with a cure.

    Flags are read as getopt_long(3) reads them for wrk: a value may be glued or the next word,
    whatever it starts with, and URLs stand anywhere. Long flags are never abbreviated, or the
    redaction of an echoed command line could miss one. (argparse takes no value that starts with
    `-`, and drops a value of `--`.)
    """
    flags = SimpleNamespace(
        **dict.fromkeys(_ONE),
        **{dest: [] for dest in (*_MANY, *_TAGGED)},
        **dict.fromkeys(_SWITCHES, False),
        hey_rate=False,
    )
    urls: list[str] = []
    notices: list[str] = []
    rest = deque(words)
    while rest and not flags.help:
        word = rest.popleft()
        if word in _HEY:
            notices.append(f"{word} was read as {_HEY[word]}.")
            word = _HEY[word]
        if word == "--":
            urls += rest
            break
        if word.startswith("--"):
            _long(flags, word, rest)
        elif word.startswith("-") and word != "-":
            _short(flags, word, rest)
        else:
            urls.append(word)
    return flags, urls, notices


def names() -> list[str]:
    """List every flag of a plain run, in every spelling."""
    return sorted(_VALUED | _SWITCHED.keys())


def _by_name(*tables: dict[str, str]) -> dict[str, str]:
    rows = (row for table in tables for row in table.items())
    return {name: dest for dest, spellings in rows for name in spellings.split()}


_VALUED = _by_name(_ONE, _MANY, _TAGGED)
_SWITCHED = _by_name(_SWITCHES)


def _long(flags: SimpleNamespace, word: str, rest: deque[str]) -> None:
    name, equals, value = word.partition("=")
    if name in _SWITCHED:
        if equals:
            raise UsageError(f"{name} takes no value; leave what follows it out.")
        setattr(flags, _SWITCHED[name], True)
    elif name == "--json" and not equals:
        flags.json = rest.popleft() if rest and _is_file(rest[0]) else "-"
    elif name in _VALUED:
        _store(flags, name, value if equals else _next(name, rest))
    else:
        raise UsageError(refused.flag(name, names()))


def _short(flags: SimpleNamespace, word: str, rest: deque[str]) -> None:
    """Read `-c 5`, `-c5`, `-c=5` (Go) and switches in one word with it: `-kc5`."""
    if sentence := refused.exact(word):
        raise UsageError(sentence)
    for at in range(1, len(word)):
        name = f"-{word[at]}"
        if name in _VALUED:
            glued = word[at + 1 :]
            _store(flags, name, glued.removeprefix("=") if glued else _next(name, rest))
            return
        if name not in _SWITCHED:
            raise UsageError(refused.flag(name, names()))
        setattr(flags, _SWITCHED[name], True)


def _next(name: str, rest: deque[str]) -> str:
    if not rest:
        raise UsageError(f"{name} needs a value after it; see fastbench --help.")
    return rest.popleft()


def _store(flags: SimpleNamespace, name: str, value: str) -> None:
    dest = _VALUED[name]
    if dest in _TAGGED:
        getattr(flags, dest).append((name, value))
    elif dest in _MANY:
        getattr(flags, dest).append(value)
    else:
        setattr(flags, dest, value)
        flags.hey_rate = flags.hey_rate or name == "-q"


def _is_file(word: str) -> bool:
    """Tell whether the word after --json is its FILE; a lone `-` is standard output."""
    return word == "-" or not ("://" in word or word.endswith(".py") or word.startswith("-"))
