"""The flags of a plain run: from words to a Plan and what to do with its result."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, get_args

from fastbench.cli.args import (
    flag_reader,
    flag_table,
    request_args,
    target_args,
    varied_args,
    websocket_args,
)
from fastbench.cli.args import flag_values as values
from fastbench.cli.args import load_args as how_much
from fastbench.cli.output import destinations, formats, machine_flags
from fastbench.cli.output.settings import Against, Format, Output, Record
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import plan, plan_config, request, workload

if TYPE_CHECKING:
    from fastbench.outputs.output_flags import OutputFlag as Out
    from fastbench.results.thresholds.grammar import Threshold


_FORMATS: dict[str, Format] = {name: name for name in get_args(Format)}
MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Command:
    """Hold a plain run. `notices` say, one line each, what was re-interpreted or lowered."""

    plan: plan.Plan
    output: Output
    notices: tuple[str, ...]


def parse(argv: Sequence[str]) -> Command | flag_reader.Page:
    """Parse the words of a plain run, or name the page they ask for; raises UsageError."""
    words, arguments = request_args.of_script(argv)
    line = flag_reader.read(words, flag_table.URL)
    if arguments and not line.words:
        line = flag_reader.read([*words, arguments.pop(0)], flag_table.URL)
    flags, addresses = line.flags, line.words
    flags.arguments = arguments
    if line.page or (flags.verbose and not addresses):
        return line.page or "version"
    reads = destinations.read(flags)
    destinations.one_stdin(reads)
    found = command(argv, flags, addresses, line.notices)
    destinations.check(destinations.written(found.output), reads)
    return replace(found, output=of_one_run(found.output, flags))


def command(
    argv: Sequence[str],
    flags: SimpleNamespace,
    addresses: Sequence[str],
    notices: list[str],
    message: request.Message | None = None,
) -> Command:
    """Build the run that the flags ask for; `argv` is what was typed, to be shown.

    Who builds several runs of the same flags gives the message: standard input is read once.
    """
    request_args.streams_apart(flags)
    varying = varied_args.read(flags, notices)
    load = how_much.load(flags, notices)
    message = message or request_args.message(flags, notices)
    socket = None
    if websocket_args.given(addresses):
        socket, opening, first = websocket_args.read(flags, addresses, message, load)
        varied_args.refuse_sockets(flags, opening, socket)
        requests: tuple[plan.Request, ...] = (opening,)
    else:
        websocket_args.refuse_own(flags)
        requests, first = request_args.render(flags, addresses, message, varying)
        varying.check(notices)
    if request.closes(message):
        load = replace(load, keepalive=False)
    target = target_args.target(flags, first, notices)
    connected = target_args.connected_to(flags)
    script, load = request_args.lua_script(flags, addresses, message, load, first, notices)
    proxy = target_args.proxy_of(flags, first, notices)
    bind, family = target_args.send_from(flags, first, connected, proxy)
    expect = _expect(flags, varying)
    typed = plan_config.of_command(argv) | plan_config.of_requests(requests, message.headers)
    typed |= {"body_bytes": None if message.body is None else len(message.body.data)}
    typed |= {"expect_status": flags.expect_status, "bind": list(bind), "family": family}
    typed |= target_args.config(flags, connected, proxy) | request_args.config(flags, requests)
    typed["thresholds"] = [plan_config.shown(redact.text(text)) for text in flags.thresholds]
    config = typed | plan_config.of_parts(target, load, expect) | plan_config.of_socket(socket)
    wanted = output(flags)
    config |= machine_flags.config(wanted.on) | varying.config()
    config |= {} if script is None else {"lua": redact.printable(script.path)}
    found = _thresholds(flags, load, requests, socket, notices)
    if any(term.baseline for each in found for term in each.terms):
        from fastbench.cli.args import earlier_run

        found, sentences = earlier_run.filled(found, wanted, config)
        notices += sentences
    watched = watch(flags)
    if wanted.on is not None:
        from fastbench.cluster import plan_message

        notices += plan_message.notices(target.unix_path, bind, watched)
        notices += machine_flags.notices(flags)
    way = (watched, flags.one_address, socket, connected, varying.feed, varying.seed)
    asked = plan.Plan(target, requests, load, expect, bind, family, config, *way, proxy=proxy)
    asked = replace(asked, lua=request_args.apart(script, wanted))
    asked = request_args.completed(asked, flags, first, message, notices)
    return Command(asked, replace(wanted, thresholds=found), tuple(notices))


def parse_statuses(text: str) -> frozenset[int]:
    """Read `200,2xx,301-303`. 1xx answers are interim and never the final one (RFC 9110 15.2)."""
    found: set[int] = set()
    for piece in text.split(","):
        match = re.fullmatch(r"([2-9])xx|([2-9][0-9]{2})(?:-([2-9][0-9]{2}))?", piece.strip())
        if match is None:
            raise UsageError("--expect-status takes statuses such as 200,2xx,301-303.")
        first = int(match[2] or match[1] + "00")
        last = int(match[3] or match[2] or match[1] + "99")
        if last < first:
            raise UsageError(
                f"--expect-status {first}-{last} is in the wrong order; swap the numbers."
            )
        found.update(range(first, last + 1))
    return frozenset(found)


def watch(flags: SimpleNamespace) -> tuple[plan.Watch, ...]:
    """Read --watch pid:N, port:N and cmd:NAME; several may be joined with commas."""
    found = []
    for word in ",".join(flags.watch).split(",") if flags.watch else ():
        by, colon, value = word.strip().partition(":")
        if by not in ("pid", "port", "cmd") or not colon:
            raise UsageError("--watch takes pid:NUMBER, port:NUMBER or cmd:NAME.")
        found.append(plan.Watch(by, value))  # type: ignore[arg-type]
    return tuple(found)


def _thresholds(
    flags: SimpleNamespace,
    load: workload.Load,
    requests: Sequence[plan.Request],
    socket: plan.WebSocket | None,
    notices: list[str],
) -> tuple[Threshold, ...]:
    """Read --threshold; a stage or a URL that is not in the plan is refused, too.

    What can never fail or never pass is told.
    """
    if not flags.thresholds:
        if flags.fail_on is not None:
            raise UsageError("--fail-on is of goals; add one: --threshold 'p95 <200 target, …'.")
        return ()
    from fastbench.results.thresholds import criteria, grammar
    from fastbench.results.thresholds.evaluation import Judge
    from fastbench.results.thresholds.judging import decided_by
    from fastbench.run import run_thresholds, uptime, url_counts, url_snapshot

    of_sockets = url_snapshot.of_websockets("" if socket is None else socket.mode)
    found = grammar.read({}, flags.thresholds, {**run_thresholds.METRICS, **of_sockets})
    found = decided_by(found, fail_on(flags))
    if socket is None:
        run_thresholds.check_tags(found, url_counts.every(requests))
    else:
        grammar.refuse_tags(found)
    found = tuple(replace(each, text=redact.text(each.text)) for each in found)
    Judge(found, run_thresholds.spans(load.pace))
    uptime.Uptime(found)
    length_s = math.inf if load.duration_s is None else load.duration_s
    planned = criteria.PlannedRun(
        length_s=length_s,
        end_s=length_s + load.timeout_s if load.drain else length_s,
        timeout_s=load.timeout_s,
        spans=run_thresholds.spans(load.pace),
        rates=load.pace is not None and load.pace.rates,
    )
    told = criteria.findings(found, planned)
    if never := next((each for each in told if each.unjudgeable), None):
        raise UsageError(f"--threshold {never.text}")
    notices += [f"--threshold {each.text}" for each in told]
    return found


def fail_on(flags: SimpleNamespace) -> tuple[str, ...]:
    """Read --fail-on: which levels of goals fail the run, too."""
    words = (flags.fail_on or "critical").split(",")
    for word in words:
        values.choice("--fail-on", word.strip(), ("critical", "target", "act", "plan"))
    return tuple(word.strip() for word in words)


def _expect(flags: SimpleNamespace, varying: varied_args.Varying) -> plan.Expect:
    statuses = flags.expect_status
    return plan.Expect(
        statuses=None if statuses is None else parse_statuses(statuses),
        body=varying.expected(flags.expect_body or ""),
    )


def output(flags: SimpleNamespace) -> Output:
    """Read what is written where; the thresholds of a plain run come later."""
    form = _FORMATS[values.choice("--format", flags.format, _FORMATS) or "text"]
    json_path = None if flags.json is None else destinations.named(flags.json)
    if json_path == "":
        raise UsageError("--json needs the name of a file, or - for standard output.")
    files = formats.of_flags(flags)
    streams = [*files.values(), "-" if form == "json" else json_path].count("-")
    if streams + (form in formats.PEERS) > 1:
        raise UsageError(
            f"Only one of --json, {formats.listed()} and --format can go to standard output; "
            "name a file."
        )
    return Output(
        format=form,
        json_path=json_path,
        latency=flags.latency,
        strict=flags.strict,
        quiet=flags.quiet,
        progress=not (flags.quiet or flags.no_progress),
        color=False if flags.no_color or os.environ.get("NO_COLOR") else None,
        debug=flags.debug,
        against=_against(flags),
        save_baseline=_save_baseline(flags),
        forms=files,
        template=None if flags.template is None else formats.check_template(flags.template, files),
        outs=_outs(flags),
        record=record(flags.history, flags.name),
        dashboard=_port(flags.dashboard),
        on=machine_flags.read(flags),
        progress_every_s=values.every_s("--progress-every", flags.progress_every),
    )


def of_one_run(output: Output, flags: SimpleNamespace) -> Output:
    """Add --wait-for and --webhook, which are of a run alone and of no part of a comparison."""
    if flags.wait_for is not None:
        from fastbench.plan.network import readiness

        output = replace(output, wait_for=readiness.parse(flags.wait_for))
    if flags.webhook is not None:
        from fastbench.outputs import webhook

        output = replace(output, webhook=webhook.check(flags.webhook))
    return output


def _outs(flags: SimpleNamespace) -> tuple[Out, ...]:
    if not flags.outs:
        return ()
    from fastbench.outputs import output_flags

    return output_flags.parse(flags.outs)


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= MAX_PORT):
        raise UsageError(
            f"--dashboard takes a port from 0 to {MAX_PORT}, as in --dashboard=8089; without "
            "a port it takes any free one."
        )
    return int(text)


def record(path: str | None, name: str | None) -> Record | None:
    """Read --history and --name; what is no history is refused before the run."""
    if path is None and name is not None:
        raise UsageError("--name is the run's name in --history; add --history FILE.db.")
    if path is None:
        return None
    if path in ("", "-"):
        raise UsageError("--history needs the name of a file, for example --history runs.db.")
    from fastbench.results.history import history_store

    history_store.check(path)
    return Record(path, None if name is None else history_store.check_name(name))


def _against(flags: SimpleNamespace) -> Against | None:
    """Read the baseline before the run: without it the run is useless."""
    if flags.baseline is None and flags.fail_on_regression is None:
        return None
    if flags.baseline is None:
        raise UsageError(
            "--fail-on-regression needs something to compare with; add --baseline NAME."
        )
    limit = values.share("--fail-on-regression", flags.fail_on_regression)
    from fastbench.results.history import baseline_store

    return Against(flags.baseline, baseline_store.load(flags.baseline), limit)


def _save_baseline(flags: SimpleNamespace) -> str | None:
    if flags.save_baseline is None:
        return None
    from fastbench.results.history import baseline_store

    return baseline_store.check_name("--save-baseline", flags.save_baseline)
