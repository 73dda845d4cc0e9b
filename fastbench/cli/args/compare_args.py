"""The flags of `fastbench compare`: from words to two sides, and what they are held to.

A side is a URL, a command that starts a server, or a saved result. The flags of load and request
are those of a plain run or, with --script FILE.py, of `fastbench run`; both sides get the same.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

from fastbench.cli.args import (
    flag_reader,
    flag_table,
    request_args,
    script_args,
    slice_args,
    target_args,
    url_args,
    varied_args,
)
from fastbench.cli.args import flag_values as values
from fastbench.cli.args.flag_grammar import Grammar
from fastbench.cli.output import destinations
from fastbench.cli.output.settings import Output
from fastbench.experiments.compare.compare_document import FIGURES
from fastbench.experiments.compare.decision import Rules
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.experiments.trials import trial_servers
from fastbench.experiments.trials.pairing import Terms
from fastbench.experiments.trials.trial import Side
from fastbench.foundation import redact
from fastbench.foundation.files import SCRIPT_ENDINGS
from fastbench.foundation.usage_error import UsageError
from fastbench.machine.pinning import Pinning
from fastbench.plan import urls
from fastbench.plan.plan import Plan, check_socket
from fastbench.plan.request import Message
from fastbench.results.history import baseline_store
from fastbench.results.result import Result
from fastbench.script.run_request import RunRequest

PORT = trial_servers.PORT
MAX_SIDES = 8  # the engine has room for as many: engine/slices.pxd
BASE_URL = "BASE_URL"  # what scripts read where they build addresses themselves

_ONE = {
    "run_base": "--run-base",
    "run_candidate": "--run-candidate",
    "server_url": "--url",
    "wait_for": "--wait-for",
    "pairs": "--pairs",
    "visit": "--visit",
    "max_time": "--max-time",
    "slice": "--slice",
    "time": "--time",
    "stop_when": "--stop-when",
    "restarts": "--restarts",
    "pin": "--pin",
    "primary": "--primary --metric",
    "effect": "--threshold-effect",
    "seed": "--seed",
}
_OF_ONE_SIDE = ("command", "url", "unix")
_MANY = {"sockets": "--unix"}  # of a run it is one
_OWN_SWITCHES = {"visits": "--visits"}
Make = Callable[[int, str, str | None], Plan | RunRequest]  # of port, address, Unix socket

_OF_ONE_RUN = {  # flags that a comparison has no use for
    "baseline": "--baseline is for a single run; give the baseline's name as BASE",
    "thresholds": "--threshold is for a single run; use --fail-on-regression 5%",
    "csv": "--csv is for a single run; use --json FILE, which holds every pair",
    "outs": "-o is for a single run; use --json FILE, which holds every pair",
    "hdr": "--hdr is for a single run; use --json FILE, which holds every pair",
    "template": "--template is for a single run; use --md FILE",
    "junit": "--junit is for a single run; use --json FILE, which holds every pair",
    "history": "--history stores single runs; use --json FILE, which holds every pair",
    "name": "--name is for --history, which stores single runs; leave it out",
    "latency": "--latency is for a single run; leave it out",
    "dashboard": "--dashboard is for a single run; the live view in the terminal shows the pairs",
    "strict": "--strict is for a single run; compare always excludes trials that are not valid",
    "webhook": "--webhook is for a single run; use the exit code",
    "on": "--on is not for comparisons, whose sides take turns on the processors of one machine; "
    "run each server with --on and --json FILE, and compare the files",
    "on_lost": "--on-lost belongs to --on, which is not for comparisons; leave it out",
    "send": "--send belongs to --on, which is not for comparisons; leave it out",
    "debug": "--debug shows single requests; run `fastbench --debug URL` for each side",
    "urls_from_file": "all URLs of a list are on one server: run it once per side with --json FILE "
    "and compare the files, or write the mix as --script FILE.py",
    "dry_run": "--dry-run is for one run; run `fastbench run --dry-run FILE.py`",
    "base_url": "--base-url is set from the two URLs; leave it out",
}
_NEEDED = frozenset({"urls_from_file"})
URL_FLAGS = flag_table.URL.of_command(
    "compare", _ONE, _MANY, switches=_OWN_SWITCHES, refused=_OF_ONE_RUN, needed=_NEEDED
)
SCRIPT_FLAGS = flag_table.RUN.of_command(
    "compare",
    {**_ONE, "load_script": "--script", "warmup": "-W --warmup"},
    _MANY,
    switches=_OWN_SWITCHES,
    refused=_OF_ONE_RUN,
)


@dataclass(frozen=True, slots=True)
class Live:
    """Two servers. `primary` None: a script's executors decide. `config` is JSON-ready.

    `warmup_s` is a run of the script before each trial; trials of URLs have theirs in their plans.
    `visits` is what to do where a script does not fit slices that nobody has asked for.
    `others` are further candidates.
    """

    base: Side
    candidate: Side
    terms: Terms | SliceTerms
    primary: str | None
    warmup_s: float
    config: dict[str, object]
    visits: Live | None = None
    pin: Pinning | None = None
    others: tuple[Side, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """Two saved results, under the words that name them."""

    names: tuple[str, str]
    base: Result
    candidate: Result
    primary: str | None
    config: dict[str, object]


@dataclass(frozen=True, slots=True)
class Command:
    """Hold a comparison. `notices` say, one line each, what was re-interpreted."""

    what: Live | Stored
    rules: Rules
    output: Output
    notices: tuple[str, ...]


def parse(argv: Sequence[str]) -> Command | flag_reader.Page:
    """Parse the words after `compare`, or name the page they ask for; raises UsageError."""
    scripted = is_scripted(argv)
    line = read(argv)
    typed, given, notices = line.flags, line.words, line.notices
    shown = line.shown() if scripted else redact.argv(argv)
    if line.page:
        return line.page
    if typed.format not in (None, "text", "json"):
        raise UsageError(f"--format {typed.format} is for a single run; use text or json.")
    limit = values.share("--fail-on-regression", typed.fail_on_regression)
    rules = Rules(regression_limit=limit)
    if effect := values.share("--threshold-effect", typed.effect):
        rules = replace(rules, threshold=effect)
    typed.fail_on_regression = None  # a run's own needs a baseline
    output = url_args.output(typed)
    config: dict[str, object] = {
        "command": [redact.printable(word) for word in ("fastbench", "compare", *shown)]
    }
    saved = [word for word in given if _is_saved(word)]
    if saved:
        what: Live | Stored = _stored(typed, given, saved, config)
    else:
        what = _live(line, config, scripted=scripted)
    sides = [destinations.File("fastbench compare", word) for word in saved]
    script = destinations.File("--script", getattr(typed, "load_script", None) or "")
    destinations.check(destinations.written(output), destinations.read(typed, *sides, script))
    return Command(what, rules, output, tuple(dict.fromkeys(notices)))


def read(argv: Sequence[str]) -> flag_reader.Line:
    """Read the words after `compare`; raises UsageError."""
    return flag_reader.read(argv, _flags_of(argv))


def _flags_of(argv: Sequence[str]) -> flag_table.Flags:
    return SCRIPT_FLAGS if is_scripted(argv) else URL_FLAGS


def is_scripted(argv: Sequence[str]) -> bool:
    """Tell whether --script names a scenario; wrk's own scripts go with a plain run."""
    for at, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if word == "--":
            return False
        if name == "--script":
            value = value if equals else "".join(argv[at + 1 : at + 2])
            return value == "-" or value.endswith(SCRIPT_ENDINGS) or os.path.isdir(value)
    return False


def _is_saved(word: str) -> bool:
    """Tell whether a word names a saved result and not an address."""
    if "://" in word or PORT in word:
        return False
    return baseline_store.is_saved(word) or os.path.exists(word) or ":" not in word


def _stored(
    typed: SimpleNamespace, given: Sequence[str], saved: Sequence[str], config: dict[str, object]
) -> Stored:
    if len(given) != 2:
        raise UsageError(_two_sides(given))
    if len(saved) == 1:
        live = next(word for word in given if word not in saved)
        raise UsageError(
            f"{redact.text(saved[0])} is a saved result and {redact.url(live)} is not, so they "
            f"cannot be interleaved; use `fastbench --baseline {redact.text(saved[0])} URL`."
        )
    own = [getattr(typed, dest) for dest in _ONE if dest not in ("primary", "effect")]
    if typed.visits or any(each is not None for each in own):
        raise UsageError(
            "Two saved results are not measured again; leave out --time, --visits, --seed and "
            "what starts servers."
        )
    base, candidate = (baseline_store.load(word) for word in given)
    names = (redact.text(given[0]), redact.text(given[1]))
    return Stored(
        names, base, candidate, values.choice("--primary", typed.primary, FIGURES), config
    )


def _live(line: flag_reader.Line, config: dict[str, object], *, scripted: bool) -> Live:
    typed, notices = line.flags, line.notices
    addresses = _addresses(typed, line.words)
    typed.seed = str(slice_args.seed(typed))  # one for the order and for what varies, on all sides
    sockets = target_args.sockets(typed.sockets, len(addresses))
    typed.unix = sockets[0]
    pin = slice_args.pinned(typed)
    length = slice_args.lengths(typed, scripted=scripted)
    warmup_s = length.warmup_s
    if scripted:
        make: Make = functools.partial(_scripted, _script(line, config))
    else:
        varied_args.of_several_runs(typed, "a comparison")
        message = request_args.message(typed, notices)
        make = functools.partial(_plain, typed, message, notices)
    commands = [(typed.run_base, "--run-base"), (typed.run_candidate, "--run-candidate")]
    commands += [(None, "")] * (len(addresses) - 2)
    base, candidate, *others = (
        _side(typed, address, unix, command, flag, make, pin)
        for address, unix, (command, flag) in zip(addresses, sockets, commands, strict=True)
    )
    # Wrong flags are refused before a server is started.
    jobs = [side.make(trial_servers.ANY_PORT) for side in (base, candidate, *others)]
    first = jobs[0]
    primary = values.choice("--primary", typed.primary, FIGURES)
    find_rate = False
    if isinstance(first, Plan):
        if primary is None:
            primary = "p99" if first.load.planned else "requests_per_s"
        find_rate = primary in ("p50", "p90", "p99", "mean") and first.load.pace is None
        warmup_s = first.load.warmup_s
        load = {key: first.config[key] for key in first.config if key not in _OF_ONE_SIDE}
        config |= {"connections": first.load.connections, "rate": load.get("rate"), "load": load}
    if typed.sockets:
        config["unix"] = [redact.printable(each or "") for each in sockets]
    if pin is not None:
        config["pin"] = {"servers": list(pin.servers), "load": list(pin.load)}
    why = slice_args.by_visits(typed, first)
    if others:
        slice_args.refuse_several(typed, why, scripted=scripted)
    notices += [why] if why else []
    visits = slice_args.visits(typed, find_rate=find_rate)
    of_visits = {"visit_s": length.visit_s, "warmup_s": warmup_s, "max_time_s": visits.max_time_s}
    warmup_s = warmup_s if scripted else 0.0
    live = Live(base, candidate, visits, primary, warmup_s, config | of_visits, pin=pin)
    if why is not None:
        return live
    sides = len(addresses)
    terms = slice_args.terms(typed, first, primary, length, find_rate=find_rate, sides=sides)
    if scripted and length.warmed:
        notices.append("-W is for visits; in slices the pilot warms up both runs of a script.")
    otherwise = live if scripted and typed.slice is None and typed.time is None else None
    config |= slice_args.described(terms)
    return replace(live, terms=terms, config=config, visits=otherwise, others=tuple(others))


def _addresses(typed: SimpleNamespace, given: Sequence[str]) -> Sequence[str]:
    """Return where each side answers."""
    commands = (typed.run_base, typed.run_candidate)
    if commands == (None, None):
        for flag, value in (("--url", typed.server_url), ("--wait-for", typed.wait_for)):
            if value is not None:
                raise UsageError(
                    f"{flag} is only for servers that compare starts; add --run-base and "
                    "--run-candidate, or leave it out."
                )
        if len(given) == 1 and not _is_saved(given[0]):
            given = [*given] * max(1, len(typed.sockets))
        if not 2 <= len(given) <= MAX_SIDES:
            raise UsageError(_two_sides(given))
        if any(PORT in word for word in given):
            raise UsageError(f"{PORT} is filled in for servers that --run-base starts; name it.")
        return given
    if None in commands:
        missing = "--run-base" if typed.run_base is None else "--run-candidate"
        raise UsageError(f"compare needs two servers; add {missing} COMMAND.")
    if given:
        raise UsageError(
            f"{redact.url(given[0])} is unexpected here: with --run-base the address is --url."
        )
    if typed.server_url is None:
        raise UsageError(
            "The servers need an address; "
            f"add --url http://127.0.0.1:{PORT}/, with {PORT} in both commands."
        )
    flags = ("--run-base", "--run-candidate")
    for command, flag, unix in zip(
        commands, flags, target_args.sockets(typed.sockets, 2), strict=True
    ):
        trial_servers.check(command, typed.server_url, flag, unix)
    return typed.server_url, typed.server_url


def _two_sides(given: Sequence[str]) -> str:
    how = "for example fastbench compare http://localhost:8001/ http://localhost:8002/"
    if any(_is_saved(word) for word in given) and len(given) > 2:
        return "Several candidates are servers that run; compare saved results two at a time."
    if len(given) > MAX_SIDES:
        most = f"a base and up to {MAX_SIDES - 1} candidates"
        return f"compare takes {most}, not {len(given)} sides; compare fewer at a time."
    return f"compare needs two sides; give a base and a candidate, {how}."


def _side(
    typed: SimpleNamespace,
    address: str,
    unix: str | None,
    command: str | None,
    flag: str,
    make: Make,
    pin: Pinning | None,
) -> Side:
    """Return one side; what it renders stays the same for the same port."""

    @functools.cache
    def at(port: int | None) -> Plan | RunRequest:
        return make(port or trial_servers.ANY_PORT, address, unix)

    if command is None:
        where = f" over {unix}" if len(typed.sockets) > 1 else ""
        return Side(redact.printable(redact.url(address) + where), at)
    label = redact.printable(redact.text(command))
    return Side(label, at, command, typed.wait_for, flag, pin.servers if pin else ())


def _plain(
    typed: SimpleNamespace,
    message: Message,
    notices: list[str],
    port: int,
    address: str,
    unix: str | None,
) -> Plan:
    """Render a trial of one address; the flags are read anew, for some are used up."""
    fresh = copy.copy(typed)
    fresh.unix = unix and unix.replace(PORT, str(port))
    address = address.replace(PORT, str(port))
    return url_args.command(("compare",), fresh, [address], notices, message).plan


def _scripted(script: RunRequest, port: int, address: str, unix: str | None) -> RunRequest:
    address = address.replace(PORT, str(port))
    urls.parse(address)
    if unix is not None:
        unix = unix.replace(PORT, str(port))
        check_socket(unix)
    env = {**script.env, BASE_URL: address}
    return replace(script, base_url=address, unix_path=unix, env=env)


def _script(line: flag_reader.Line, config: dict[str, object]) -> RunRequest:
    """Return what every trial is to do, but for its address."""
    whole = script_args.command(line, [line.flags.load_script]).request
    if BASE_URL in whole.env:
        raise UsageError(
            f"-e {BASE_URL} would send both sides to one server; leave it out, each side's URL "
            "is filled in."
        )
    config["script"] = whole.script
    # A threshold of the script that ends a trial early would make it one that does not count.
    return replace(whole, no_thresholds=True, thresholds=(), config=dict(config))


def grammar_of(_command: str, words: Sequence[str]) -> Grammar:
    """Return how these words are cut."""
    return _flags_of(words).grammar()
