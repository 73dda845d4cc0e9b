"""The words of `fastbench run`: k6's flags, the target's flags of a plain run, and ours.

Flags and the script stand in any order. A value is glued or the next word, whatever it starts
with; long flags are never abbreviated. What is echoed is masked flag by flag, as it was read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import SimpleNamespace

from fastbench import redact
from fastbench.cli.words import ANY_PORT, NO_MORE, Own
from fastbench.plan import UsageError

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
_REFUSED = {
    "--output": "use --json FILE for the whole result or --csv FILE for a row per second",
    "--summary-export --summary-mode --summary-time-unit --summary-trend-stats --no-summary": (
        "the report always holds all of it, --json FILE keeps it, --quiet leaves it out"
    ),
    "-c --connections --batch --batch-per-host": (
        "in a script each VU has its own connections; -u sets the VUs"
    ),
    "-n --requests": "in a script iterations are counted; use -i",
    "-R -r --rate --rps": (
        "a rate is an executor of the script (constant-arrival-rate), and --scale multiplies it"
    ),
    "-m -X --method --request -b --body -D --body-file --data -F --form -T --content-type": (
        "the script says what is sent; for one fixed request use `fastbench URL`"
    ),
    "--urls-from-file --script": "the script says what is sent; name it alone",
    "-W --warmup": "write a first scenario, and give the others a start_time",
    "-w --throw --drain": "failed requests never end an iteration; graceful_stop waits for them",
    "-p --paused --address --profiling-enabled": "a run starts at once and has no remote control",
    "-l --linger": "leave it out, nothing stays behind a run",
    "--http-debug": "--debug shows one iteration with every request and answer",
    "--config": "write it into Options, or use -e",
    "--min-iteration-duration --setup-timeout --teardown-timeout --no-cookies-reset"
    " --no-vu-connection-reuse --system-tags": "write it into Options of the script",
    "--execution-segment --execution-segment-sequence": "use --scale on each machine",
    "--abort-on-fail": "write [abort] into the threshold: --threshold 'errors<1% [abort]'",
    "--compatibility-mode --include-system-env-vars --type --traces-output --console-output"
    " --log-output --log-format": "leave it out",
    "--blacklist-ip --block-hostnames --dns --hosts": "the script says where requests go",
    "-x --proxy": "point the script at the server itself",
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
    valued = _VALUED | _by_name(own.one)
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


def names() -> list[str]:
    """List every flag of a run, in every spelling."""
    return sorted(_VALUED | _SWITCHED)


def _by_name(*tables: Mapping[str, str]) -> dict[str, str]:
    rows = (row for table in tables for row in table.items())
    return {name: dest for dest, spellings in rows for name in spellings.split()}


_VALUED = _by_name(_ONE, _MANY)
_SWITCHED = _by_name(_SWITCHES)
_CURES = {name: cure for names, cure in _REFUSED.items() for name in names.split()}


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
        flags.json = rest.popleft() if rest and _is_file(rest[0]) else "-"
        return [name, _plain(flags.json)]
    if name == "--dashboard" and not equals:
        flags.dashboard = ANY_PORT
        return [name]
    if name in valued:
        return _store(valued[name], flags, name, value if equals else _next(name, rest))
    raise UsageError(_unknown(name))


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
        if name not in _SWITCHED:
            raise UsageError(_unknown(name))
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


def _is_file(word: str) -> bool:
    """Tell whether the word after --json is its FILE; a lone `-` is standard output."""
    return word == "-" or not ("://" in word or word.endswith(".py") or word.startswith("-"))


def _unknown(name: str) -> str:
    """Return the sentence for a flag that a run does not have."""
    if cure := _CURES.get(name):
        return f"{name} is not part of `fastbench run`; {cure}."
    near = get_close_matches(name, names(), n=1, cutoff=0.75) if len(name) > 2 else []
    cure = f"did you mean {near[0]}?" if near else "see fastbench run --help for those it has."
    return f"{name} is no flag of fastbench run; {cure}"
