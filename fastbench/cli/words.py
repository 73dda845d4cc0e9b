"""The words of a plain run's command line: which flags there are and how they take values."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable, Sequence
from typing import NoReturn

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
}
_MANY = {
    "durations": "-d -z --duration",
    "headers": "-H --header",
    "forms": "-F --form",
    "bind": "--bind",
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
    "quiet": "--quiet",
    "no_progress": "--no-progress",
    "no_color": "--no-color",
    "verbose": "-v",
    "version": "-V --version",
    "help": "-h --help",
}
# hey is written in Go, where one dash will do.
_HEY = {"-host": "--host", "-disable-keepalive": "--no-keepalive", "-cpus": "--workers"}


def read(words: Sequence[str]) -> tuple[argparse.Namespace, list[str], list[str]]:
    """Return the flags, the URLs and the notices; unknown flags are refused with a cure."""
    parser = _parser()
    joined, notices = join_values(words)
    try:
        flags, rest = parser.parse_known_args(joined)
    except argparse.ArgumentError as error:
        raise UsageError(_sentence(error)) from None
    if flags.help:
        return flags, [], notices
    urls, literal = [], False
    for word in rest:
        if word == "--" and not literal:
            literal = True
        elif word.startswith("-") and not literal and word != "-":
            raise UsageError(refused.flag(word, names()))
        else:
            urls.append(word)
    return flags, urls, notices


def join_values(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Glue each value to its flag, so that a value may start with `-` as in getopt(3).

    The word after --json is its FILE unless it has `://`, ends in `.py` or starts with `-`
    (a lone `-` is standard output).
    """
    valued = _names(_ONE, _MANY, _TAGGED)
    joined: list[str] = []
    notices: list[str] = []
    rest = deque(words)
    while rest:
        word = rest.popleft()
        if word == "--":
            return [*joined, word, *rest], notices
        if word in _HEY:
            notices.append(f"{word} was read as {_HEY[word]}.")
            word = _HEY[word]
        elif len(word) > 2 and word[1] != "-" and (sentence := refused.exact(word)):
            raise UsageError(sentence)
        if word == "--json":
            joined.append(f"--json={rest.popleft() if rest and _is_file(rest[0]) else '-'}")
        elif word in valued and rest:
            joined.append(f"{word}={rest.popleft()}")
        elif word[:2] in valued and len(word) > 2:
            joined.append(f"{word[:2]}={word[2:].removeprefix('=')}")
        else:
            joined.append(word)
    return joined, notices


def names() -> list[str]:
    """List every flag of a plain run, in every spelling."""
    return sorted(_names(_ONE, _MANY, _TAGGED, _SWITCHES))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise instead of printing a usage dump and exiting."""
        raise UsageError(f"The flags are not understood ({message}); see fastbench --help.")


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for dest, spellings in _ONE.items():
        parser.add_argument(*spellings.split(), dest=dest)
    for dest, spellings in _MANY.items():
        parser.add_argument(*spellings.split(), dest=dest, action="append", default=[])
    for flag in _TAGGED["data"].split():
        parser.add_argument(flag, dest="data", action="append", default=[], type=_tagged(flag))
    for dest, spellings in _SWITCHES.items():
        parser.add_argument(*spellings.split(), dest=dest, action="store_true")
    return parser


def _tagged(flag: str) -> Callable[[str], tuple[str, str]]:
    return lambda value: (flag, value)


def _names(*tables: dict[str, str]) -> frozenset[str]:
    return frozenset(name for table in tables for row in table.values() for name in row.split())


def _is_file(word: str) -> bool:
    return word == "-" or not ("://" in word or word.endswith(".py") or word.startswith("-"))


def _sentence(error: argparse.ArgumentError) -> str:
    flag = (error.argument_name or "").split("/")[0]
    if error.message and "ignored explicit argument" in error.message:
        return f"{flag} takes no value; leave what follows it out."
    return f"{flag} needs a value after it; see fastbench --help."
