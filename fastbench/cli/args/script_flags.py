"""The words of `fastbench run`: k6's flags, the target's flags of a plain run, and ours.

Flags and the script stand in any order. A value is glued or the next word, whatever it starts
with; long flags are never abbreviated. What is echoed is masked flag by flag, as it was read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from fastbench.cli.args import corrections, more_aliases
from fastbench.cli.args.flag_grammar import Grammar, optional_file
from fastbench.cli.args.url_flags import ANY_PORT, NO_MORE, Own, by_name
from fastbench.foundation import redact
from fastbench.plan.plan import UsageError

_ONE = {  # the last one given counts
    "vus": "-u --vus",
    "duration": "-d -z --duration",
    "iterations": "-i --iterations",
    "scale": "--scale",
    "time_scale": "--time-scale",
    "workers": "-t --threads --workers",
    "base_url": "--base-url",
    "timeout": "--timeout",
    "connect_timeout": "--connect-timeout",
    "max_redirects": "--max-redirects --redirects",
    "max_exceptions": "--max-exceptions",
    "accept": "-A --accept",
    "credentials": "-a --auth",
    "bearer": "--bearer",
    "host": "--host",
    "user_agent": "--user-agent",
    "expect_status": "--expect-status",
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
    "stages": "-s --stage --stages",
    "env": "-e --env",
    "scenarios": "--scenario",
    "tags": "--tag --tags",
    "thresholds": "--threshold",
    "outs": "-o --out",
    "headers": "-H --header",
    "bind": "--bind --local-ips",
    "watch": "--watch",
}
_SWITCHES = {
    "insecure": "-k --insecure --insecure-skip-tls-verify",
    "no_keepalive": "--no-keepalive --disable-keepalive --no-connection-reuse",
    "discard_bodies": "--discard-response-bodies",
    "ipv4": "-4 --ipv4",
    "ipv6": "-6 --ipv6",
    "one_address": "--one-address",
    "debug": "--debug",
    "dry_run": "--dry-run",
    "fail_fast": "--fail-fast",
    "no_setup": "--no-setup",
    "no_teardown": "--no-teardown",
    "no_thresholds": "--no-thresholds",
    "latency": "-L --latency",
    "strict": "--strict",
    "quiet": "-q --quiet",
    "no_progress": "--no-progress",
    "no_color": "--no-color",
    "no_usage_report": "--no-usage-report",  # nothing is ever reported; k6's own habit of CI
    "verbose": "-v --verbose",
    "version": "-V --version",
    "help": "-h --help",
}
_SECRETS = ("credentials", "bearer", "webhook")


def read(words: Sequence[str], own: Own = NO_MORE) -> tuple[SimpleNamespace, list[str], list[str]]:
    """Return the flags as typed, the scripts, and the words as they may be shown.

    `own` are the single flags of a command that runs scripts, too.
    """
    flags = SimpleNamespace(
        **dict.fromkeys((*_ONE, *own.one)),
        **{dest: [] for dest in _MANY},
        **dict.fromkeys(_SWITCHES, False),
    )
    valued = _VALUED | by_name(own.one)
    words, notices = corrections.read(grammar(own), words)
    flags.notices = notices
    scripts: list[str] = []
    shown: list[str] = []
    rest = deque(words)
    while rest and not flags.help:
        word = rest.popleft()
        if word == "--":
            scripts += rest
            shown += ["--", *map(_plain, rest)]
            break
        if word.startswith("--"):
            shown += _long(valued, flags, word, rest)
        elif word.startswith("-") and word != "-":
            shown += _short(valued, flags, word, rest)
        else:
            scripts.append(word)
            shown.append(_plain(word))
    return flags, scripts, [redact.printable(word) for word in shown]


def grammar(own: Own = NO_MORE) -> Grammar:
    """Return how such a command cuts its words."""
    command = own.command or "run"
    valued = _VALUED | by_name(own.one)
    rows = (*own.rows(valued, _SWITCHED), *more_aliases.RUN)
    return Grammar(command, valued, _SWITCHED, rows, own=by_name(own.one))


def names() -> list[str]:
    """List every flag of a run, in every spelling."""
    return sorted(_VALUED | _SWITCHED)


_VALUED = by_name(_ONE, _MANY)
_SWITCHED = by_name(_SWITCHES)


def _long(
    valued: Mapping[str, str], flags: SimpleNamespace, word: str, rest: deque[str]
) -> list[str]:
    name, equals, value = word.partition("=")
    if name in _SWITCHED:
        if equals and value not in ("true", "false"):  # k6 takes both
            raise UsageError(f"{name} takes no value; leave what follows it out.")
        setattr(flags, _SWITCHED[name], value != "false")
        return [word]
    if name == "--json" and not equals:
        flags.json = "-"
        if rest and optional_file(rest[0], list(rest)[1:]):
            flags.json = rest.popleft()
        return [name, _plain(flags.json)]
    if name == "--dashboard" and not equals:
        flags.dashboard = ANY_PORT
        return [name]
    return _store(valued[name], flags, name, value if equals else _next(name, rest))


def _short(
    valued: Mapping[str, str], flags: SimpleNamespace, word: str, rest: deque[str]
) -> list[str]:
    """Read `-u 5`, `-u5`, `-u=5` and switches in one word with it: `-qu5`."""
    shown: list[str] = []
    for at in range(1, len(word)):
        name = f"-{word[at]}"
        if name in valued:
            glued = word[at + 1 :]
            return shown + _store(
                valued[name], flags, name, glued.removeprefix("=") if glued else _next(name, rest)
            )
        setattr(flags, _SWITCHED[name], True)
        shown.append(name)
    return shown


def _next(name: str, rest: deque[str]) -> str:
    if not rest:
        raise UsageError(f"{name} needs a value after it; see fastbench run --help.")
    return rest.popleft()


def _store(dest: str, flags: SimpleNamespace, name: str, value: str) -> list[str]:
    if dest in _MANY:
        getattr(flags, dest).append(value)
    else:
        setattr(flags, dest, value)
    return [name, _masked(dest, value)]


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
    return _plain(value)


def _plain(word: str) -> str:
    return redact.url(word) if "://" in word else redact.text(word)


def grammar_of(_words: Sequence[str]) -> Grammar:
    """Return how these words are cut."""
    return grammar()
