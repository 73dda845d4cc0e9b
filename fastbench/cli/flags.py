"""The flags of a plain run: from words to a Plan and what to do with its result."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Literal

from fastbench import plan, redact, request, units
from fastbench.body import encoded
from fastbench.cli import content, network, words
from fastbench.plan import UsageError

Format = Literal["text", "wrk", "json"]

_FORMATS: dict[str, Format] = {"text": "text", "wrk": "wrk", "json": "json"}
_LONG_WORD = 200  # of a body in the echoed command line


@dataclass(frozen=True, slots=True)
class Output:
    """Say what is written where. A path "-" is standard output; then eyes read stderr.

    `color` None means: where the terminal can show it. `format` "json" is "text" with the
    document on standard output, beside the one at `json_path`.
    """

    format: Format
    json_path: str | None
    csv_path: str | None
    latency: bool
    quiet: bool
    progress: bool
    color: bool | None
    debug: bool


@dataclass(frozen=True, slots=True)
class Command:
    """Hold a plain run. `notices` say, one line each, what was re-interpreted or lowered."""

    plan: plan.Plan
    output: Output
    notices: tuple[str, ...]


def parse(argv: Sequence[str]) -> Command | Literal["help", "version"]:
    """Parse the words of a plain run, or name the page they ask for; raises UsageError."""
    flags, addresses, notices = words.read(argv)
    if flags.help:
        return "help"
    if flags.version or (flags.verbose and not addresses):
        return "version"
    if flags.verbose:
        raise UsageError("-v beside a URL means nothing here; --debug shows one request in full.")
    _refuse_body_in_duration(argv, flags)
    load = _load(flags, notices)
    message = content.message(flags, notices)
    requests, first = content.render(flags, addresses, message)
    if request.closes(message):
        load = replace(load, keepalive=False)
    target = network.target(flags, first, notices)
    bind, family = network.source_addresses(flags, first)
    expect = _expect(flags)
    asked: dict[str, object] = {
        "command": _command(argv),
        "urls": len(requests),
        "method": requests[0].method,
        "headers": [[name, _shown(redact.header(name, value))] for name, value in message.headers],
        "body_bytes": None if message.body is None else len(message.body.data),
    }
    asked |= {"expect_status": flags.expect_status, "bind": list(bind), "family": family}
    config = asked | _config(target, load, expect)
    return Command(
        plan.Plan(target, requests, load, expect, bind, family, config),
        _output(flags),
        tuple(notices),
    )


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
            raise UsageError(f"--expect-status {first}-{last} ends before it starts; turn it.")
        found.update(range(first, last + 1))
    return frozenset(found)


def _load(flags: SimpleNamespace, notices: list[str]) -> plan.Load:
    timeout_s = _timeout_s(flags, notices)
    requests = _count("-n", flags.requests)
    duration_s = _duration_s("-d", flags.durations[-1] if flags.durations else None)
    if duration_s is None and requests is None:
        duration_s = plan.DEFAULT_DURATION_S
    connections = _count("-c", flags.connections)
    connect_timeout_s = _duration_s("--connect-timeout", flags.connect_timeout)
    load, lowered = plan.fit(
        plan.Load(
            connections=plan.DEFAULT_CONNECTIONS if connections is None else connections,
            workers=_count("-t", flags.workers),
            duration_s=duration_s,
            requests=requests,
            pipeline=1 if flags.pipeline is None else _count("-p", flags.pipeline) or 0,
            keepalive=not flags.no_keepalive,
            retry=not flags.no_retry,
            timeout_s=timeout_s,
            connect_timeout_s=timeout_s if connect_timeout_s is None else connect_timeout_s,
        )
    )
    notices += lowered
    return load


def _timeout_s(flags: SimpleNamespace, notices: list[str]) -> float:
    """Return --timeout; `-t 30s` (hey, oha, bombardier) and `-T 30s` (wrk) mean it too."""
    given = [flags.timeout] if flags.timeout is not None else []
    workers = flags.workers
    if workers is not None and not workers.isdecimal() and _is_duration(workers):
        notices.append(
            f"-t {workers} was read as --timeout {workers}; a bare number sets the workers."
        )
        given.append(workers)
        flags.workers = None
    by_value = flags.by_value
    if by_value is not None and "/" not in by_value:
        if not _is_duration(by_value):
            raise UsageError("-T takes a content type such as text/plain, or a time such as 30s.")
        given.append(by_value)
    if len(given) > 1:
        raise UsageError("The time limit of a request is given twice; keep --timeout.")
    return plan.DEFAULT_TIMEOUT_S if not given else _duration_s("--timeout", given[0]) or 0.0


def _is_duration(text: str) -> bool:
    try:
        units.parse_duration_s(text)
    except ValueError:
        return False
    return True


def _refuse_body_in_duration(argv: Sequence[str], flags: SimpleNamespace) -> None:
    """Print the corrected line when -d has a body, as it does in hey, oha and curl."""
    for value in flags.durations:
        if not value.startswith(("{", "[", "@")) and "=" not in value:
            continue
        corrected: list[str] = []
        for word in argv:
            if word == value and corrected and corrected[-1] in ("-d", "-z", "--duration"):
                corrected[-1:] = ["-b", value]
            elif word in (f"-d{value}", f"-z{value}", f"-d={value}", f"--duration={value}"):
                corrected += ["-b", value]
            else:
                corrected.append(word)
        line = shlex.join(redact.argv(["fastbench", *corrected]))
        raise UsageError(f"-d is the duration, the body is -b; write: {redact.printable(line)}")


def _duration_s(flag: str, text: str | None) -> float | None:
    try:
        return None if text is None else units.parse_duration_s(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {redact.text(str(error))}") from None


def _count(flag: str, text: str | None) -> int | None:
    try:
        return None if text is None else units.parse_count(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {redact.text(str(error))}") from None


def _expect(flags: SimpleNamespace) -> plan.Expect:
    statuses = flags.expect_status
    return plan.Expect(
        statuses=None if statuses is None else parse_statuses(statuses),
        body=encoded(flags.expect_body or ""),
    )


def _output(flags: SimpleNamespace) -> Output:
    form = _FORMATS.get(flags.format or "text")
    if form is None:
        raise UsageError("--format takes text, wrk or json.")
    json_path = flags.json
    if json_path == "" or flags.csv == "":
        raise UsageError("--json and --csv need the name of a file, or - for standard output.")
    if flags.csv == "-" and (json_path == "-" or form == "json"):
        raise UsageError("--json and --csv cannot both go to standard output; name a file for one.")
    return Output(
        format=form,
        json_path=json_path,
        csv_path=flags.csv,
        latency=flags.latency,
        quiet=flags.quiet,
        progress=not (flags.quiet or flags.no_progress),
        color=False if flags.no_color or os.environ.get("NO_COLOR") else None,
        debug=flags.debug,
    )


def _config(target: plan.Target, load: plan.Load, expect: plan.Expect) -> dict[str, object]:
    """Return the plan as it goes into the document; nothing here is a secret."""
    text = expect.body.decode("utf-8", "replace")
    tls = target.tls
    return {
        "url": target.url,
        "unix": _shown(target.unix_path),
        "connections": load.connections,
        "workers": load.workers,
        "duration_s": load.duration_s,
        "requests": load.requests,
        "pipeline": load.pipeline,
        "keepalive": load.keepalive,
        "retry": load.retry,
        "timeout_s": load.timeout_s,
        "connect_timeout_s": load.connect_timeout_s,
        "expect_body": redact.printable(redact.text(text)) or None,
        "tls": None
        if tls is None
        else {
            "verify": tls.verify,
            "cafile": _shown(tls.cafile),
            "certfile": _shown(tls.certfile),
            "servername": tls.servername,
        },
    }


def _command(argv: Sequence[str]) -> list[str]:
    """Return the command line as it may be shown: secrets masked, bodies cut."""
    words = ["fastbench", *redact.argv(argv)]
    cut = (word if len(word) <= _LONG_WORD else f"{word[:_LONG_WORD]}…" for word in words)
    return [_shown(word) or "" for word in cut]


def _shown(text: str | None) -> str | None:
    """Return text that can be encoded: a command line may hold bytes that are no UTF-8."""
    return None if text is None else redact.printable(text, lines=True)
