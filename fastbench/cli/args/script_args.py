"""The flags of `fastbench run`: from words to what is asked of a script."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

from fastbench.cli.args import (
    earlier_run,
    flag_reader,
    flag_table,
    k6_args,
    load_args,
    request_args,
    target_args,
    url_args,
)
from fastbench.cli.args import flag_values as values
from fastbench.cli.output import destinations, machine_flags
from fastbench.cli.output.settings import Output
from fastbench.foundation import redact
from fastbench.foundation.files import JAVASCRIPT
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import plan, urls, workload
from fastbench.plan.body import encoded, field_text
from fastbench.plan.load_shapes import SHAPES
from fastbench.plan.network import source_addresses
from fastbench.script.load.loader import STDIN
from fastbench.script.run_request import K6Words, RunRequest

MAX_REDIRECTS = 1000

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What a message is built from and a script says itself.
_OF_SCRIPTS: dict[str, object] = {
    "raw": True,  # placeholders are of runs of URLs
    **dict.fromkeys(("method", "body", "body_file", "by_value", "script")),
    **{"data": [], "forms": [], "cookies": [], "compressed": False},
}
LOAD = ("vus", "duration", "iterations", "stages")
_LONG_WORD = 200  # of the echoed command line


@dataclass(frozen=True, slots=True)
class Command:
    """Hold a run. `notices` say, one line each, what was re-interpreted."""

    request: RunRequest
    output: Output
    notices: tuple[str, ...]


def several(argv: Sequence[str]) -> bool:
    """Tell whether the words after `run` name more than one script; raises UsageError."""
    line = flag_reader.read(argv, flag_table.of_script(argv))
    return not line.page and len(line.words) > 1


def parse(argv: Sequence[str]) -> Command | flag_reader.Page:
    """Parse the words after `run`, or name the page they ask for; raises UsageError."""
    line = flag_reader.read(argv, flag_table.of_script(argv))
    words, scripts = line.flags, line.words
    if line.page:
        return line.page
    reads = destinations.read(
        words, *(destinations.File("fastbench run", each) for each in scripts)
    )
    destinations.one_stdin(reads)
    found = command(line, scripts)
    destinations.check(destinations.written(found.output), reads)
    return replace(found, output=url_args.of_one_run(found.output, words))


def command(line: flag_reader.Line, scripts: Sequence[str]) -> Command:
    """Build the run of a script that the line describes."""
    words = line.flags
    notices, script = list(line.notices), _script(scripts)
    of_k6 = script.endswith(JAVASCRIPT) and hasattr(words, "no_summary")  # not beside a compare
    if of_k6:
        k6_args.addresses(words, os.environ, notices)
    (bind, family), output = _addresses(words), _output(words)
    notices += machine_flags.notices(words)
    if of_k6:  # k6's --quiet hides the progress alone
        output = replace(output, quiet=bool(words.no_summary), k6=k6_args.summary(words))
    env, environment = _environment(words.env, script)
    found = RunRequest(
        script=script,
        vus=values.count("-u", words.vus, 1, workload.MAX_CONNECTIONS),
        duration_s=values.duration_s("-d", words.duration, workload.MAX_DURATION_S),
        iterations=values.count("-i", words.iterations, 1, workload.MAX_REQUESTS),
        stages=_stages(words.stages),
        scenarios=_scenarios(words.scenarios),
        scale=values.factor("--scale", words.scale),
        time_scale=values.factor("--time-scale", words.time_scale),
        shape=values.choice("--shape", words.shape, SHAPES),
        env=_env(env),
        environment=environment,
        tags=_tags(words.tags, notices),
        thresholds=(*words.thresholds, *_max_exceptions(words.max_exceptions)),
        workers=values.count("-t", words.workers, 1, workload.MAX_WORKERS),
        base_url=_base_url(words.base_url),
        headers=_headers(words, notices),
        user_agent=None if words.user_agent is None else _typed(words.user_agent),
        timeout_s=_limit_s("--timeout", words.timeout),
        connect_timeout_s=_limit_s("--connect-timeout", words.connect_timeout),
        max_redirects=values.count("--max-redirects", words.max_redirects, 0, MAX_REDIRECTS),
        keepalive=not words.no_keepalive,
        http=load_args.version(words),
        discard_bodies=words.discard_bodies,
        expect=_expected(words.expect_status),
        tls=target_args.tls(words, "", notices),
        unix_path=_unix(words, bind),
        bind=bind,
        family=family,
        one_address=words.one_address,
        connect_to=target_args.connected_to(words),
        proxies=target_args.proxies_of(words),
        watch=url_args.watch(words),
        no_setup=words.no_setup,
        no_teardown=words.no_teardown,
        no_thresholds=words.no_thresholds,
        fail_on=url_args.fail_on(words),
        fail_fast=words.fail_fast,
        debug=words.debug,
        dry_run=words.dry_run,
        verbose=words.verbose,
        earlier=earlier_run.of(output, {"script": script}),
        config=_config(line, output),
    )
    request = _spawned(words.spawn_rate, found, notices, of_k6=of_k6)
    if of_k6:
        request = _as_k6(request, k6_args.words(words, os.environ, notices))
    return Command(request, output, tuple(notices))


def _config(line: flag_reader.Line, output: Output) -> dict[str, object]:
    words = ("fastbench", "run", *line.shown())
    return {"command": [_cut(word) for word in words], **machine_flags.config(output.on)}


def _as_k6(request: RunRequest, said: K6Words) -> RunRequest:
    """Give a script of k6 its options as k6 has them; a --shape keeps -d and -u for itself."""
    if request.shape is None:
        return replace(request, k6=said, vus=None, duration_s=None, iterations=None, stages=())
    flags = {name: value for name, value in said.flags.items() if name not in LOAD}
    return replace(request, k6=replace(said, flags=flags))


def _spawned(
    text: str | None, request: RunRequest, notices: list[str], *, of_k6: bool
) -> RunRequest:
    """Read Locust's users, started so many a second, and kept until the end, as two stages."""
    if text is None:
        return request
    per_s = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0.0
    if not per_s:
        raise UsageError("--spawn-rate takes users a second, for example 5 or 0.5.")
    users, length_s = request.vus, request.duration_s
    if of_k6 or request.stages or request.shape or request.iterations:
        raise UsageError("--spawn-rate goes with -u and -d alone; write a ramp as -s 10s:50.")
    if users is None or length_s is None:
        raise UsageError("--spawn-rate needs -u and -d, as in -u 50 -d 1m --spawn-rate 5.")
    ramp_s = min(users / per_s, length_s)
    peak = min(users, max(1, int(per_s * length_s)))
    stages = ((ramp_s, float(peak)), (length_s - ramp_s, float(peak)))
    told = ",".join(f"{each_s:g}s:{vus:g}" for each_s, vus in stages if each_s)
    notices.append(f"--spawn-rate {text} starts the users as -s {told} does.")
    kept = tuple(each for each in stages if each[0])
    return replace(request, vus=None, duration_s=None, stages=kept)


def _expected(text: str | None) -> frozenset[int] | None:
    return None if text is None else url_args.parse_statuses(text)


def _limit_s(flag: str, text: str | None) -> float | None:
    return values.duration_s(flag, text, workload.MAX_TIMEOUT_S)


def _cut(word: str) -> str:
    return word if len(word) <= _LONG_WORD else f"{word[:_LONG_WORD]}…"


def _script(scripts: Sequence[str]) -> str:
    if not scripts:
        raise UsageError("No script given; write fastbench run SCRIPT.py (see run --help).")
    if len(scripts) > 1:
        raise UsageError(
            f"A run has one script, not both {scripts[0]} and {scripts[1]}; several scenarios may "
            "stand in one script, or be imported by it."
        )
    return STDIN if scripts[0] == "-" else scripts[0]


def _max_exceptions(given: str | None) -> tuple[str, ...]:
    """Read `--max-exceptions 1%` (of iterations) or `10` as the threshold that says the same."""
    if given is None:
        return ()
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(%?)", given.strip())
    if match is None or (not match[2] and "." in match[1]):
        raise UsageError(
            f"--max-exceptions {redact.printable(given)}: give a share of the iterations or a "
            "count, as in --max-exceptions 1% or --max-exceptions 10."
        )
    return (f"script_exceptions: {'rate' if match[2] else 'count'}<={match[1]}{match[2]}",)


def _stages(given: Sequence[str]) -> tuple[tuple[float, float], ...]:
    """Read `-s 30s:20 -s 1m:50`, or all in one with commas."""
    found = []
    for piece in ",".join(given).split(",") if given else ():
        stage = values.stage(piece)
        if stage is None:
            raise UsageError("-s takes DURATION:TARGET, for example -s 30s:20 -s 1m:50 -s 10s:0.")
        found.append(stage)
    if found and not any(length_s for length_s, _ in found):
        raise UsageError("-s needs at least one stage longer than 0, for example -s 30s:20.")
    return tuple(found)


def _scenarios(given: Sequence[str]) -> tuple[str, ...]:
    found = [name.strip() for name in ",".join(given).split(",")] if given else []
    if not all(found):
        raise UsageError("--scenario needs the name of a scenario of the script.")
    return tuple(dict.fromkeys(found))


def _environment(given: Sequence[str], script: str) -> tuple[Sequence[str], str | None]:
    """Part the environment of an Artillery file, which -e names, from variables."""
    names = [word for word in given if "=" not in word]
    if not script.endswith((".yml", ".yaml")) or not names:
        return given, None
    if len(names) > 1:
        raise UsageError(f"-e {names[0]} and -e {names[1]}: a run has one environment.")
    return [word for word in given if "=" in word], names[0]


def _output(words: SimpleNamespace) -> Output:
    """Read what is written where; `-o artillery=FILE` is a report, no output of every second."""
    if words.format == "wrk":
        raise UsageError("--format wrk is not for scripts; use text, json or k6.")
    files = [word for word in words.outs if word.startswith("artillery=")]
    if not files:
        return url_args.output(words)
    path = files[-1].partition("=")[2]
    if len(files) > 1 or not path:
        raise UsageError("-o artillery=FILE takes one file, for example -o artillery=report.json.")
    outs = [word for word in words.outs if word not in files]
    found = url_args.output(SimpleNamespace(**{**vars(words), "outs": outs}))
    return replace(found, forms={**found.forms, "artillery": destinations.named(path)})


def _env(given: Sequence[str]) -> dict[str, str]:
    """Read `-e NAME=value`; `-e NAME` alone takes the value that the shell has for it."""
    found = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not _ENV_NAME.fullmatch(name):
            raise UsageError("-e takes NAME=value, for example -e BASE_URL=http://localhost:8080.")
        if not equals and name not in os.environ:
            raise UsageError(f"-e {name}: the shell has no such variable; write {name}=….")
        found[name] = value if equals else os.environ[name]
    return found


def _tags(given: Sequence[str], notices: list[str]) -> dict[str, str]:
    found = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals:
            name, equals, value = word.partition(":")
            if equals and name:
                notices.append(f"--tag {word} was read as --tag {name}={value}.")
        if not equals or not name:
            raise UsageError("--tag takes NAME=value, for example --tag build=1234.")
        found[name] = value
    return found


def _headers(words: SimpleNamespace, notices: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the fields that every request gets, from the flags of a plain run."""
    both = {**vars(words), **_OF_SCRIPTS}
    message = request_args.message(SimpleNamespace(**both), notices)
    found = list(message.headers)
    if message.host:
        found.append(("Host", message.host))
    if words.accept is not None:
        found.append(("Accept", message.accept))
    own = any(name.lower() == "authorization" for name, _ in found)  # as typed, it wins
    if message.bearer and not own:
        found.append(plan.check_header("Authorization", f"Bearer {message.bearer}"))
    elif message.credentials and not own:
        pair = b64encode(encoded(message.credentials)).decode("ascii")
        found.append(("Authorization", f"Basic {pair}"))
    return tuple((name, _typed(value)) for name, value in found)


def _typed(value: str) -> str:
    """Return the value of a header that was typed, or stands in a file: its bytes are sent."""
    return field_text(encoded(value))


def _addresses(words: SimpleNamespace) -> tuple[tuple[str, ...], plan.Family]:
    bind = source_addresses.parse(words.bind)
    if words.ipv4 and words.ipv6:
        raise UsageError("-4 and -6 exclude each other; give one of them.")
    named: plan.Family = 4 if words.ipv4 else 6 if words.ipv6 else 0
    bound = source_addresses.family(bind)
    if bound and named and bound != named:
        raise UsageError(f"--bind has IPv{bound} addresses, which do not fit -{named}; leave one.")
    if words.on is None:  # else each machine takes those that it has
        source_addresses.check(bind)
    return bind, named or bound


def _unix(words: SimpleNamespace, bind: Sequence[str]) -> str | None:
    path: str | None = words.unix
    if path is not None:
        plan.check_socket(path)
        if bind:
            raise UsageError("A Unix socket has no source address; leave --bind or --unix out.")
    return path


def _base_url(given: str | None) -> str | None:
    if given is not None:
        urls.parse(given)
    return given
