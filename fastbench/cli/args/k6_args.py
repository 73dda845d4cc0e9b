"""The flags of k6 for its own scripts, and its variables K6_…: options over those of the script.

1. As in k6, what is given last wins: --config, the script, the environment, the command line.
2. -d, -i and -s, from the environment too, replace the script's scenarios (see k6_settings).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from fastbench.cli.args import flag_values as values
from fastbench.cli.args.flag_grammar import HTTP_DEBUG
from fastbench.cli.output import destinations
from fastbench.cli.output.settings import K6Summary
from fastbench.foundation import redact, units
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import workload
from fastbench.results import k6_text
from fastbench.script.run_request import K6Words

Read = Callable[[str, str], Any]
MIN_MEMORY_BYTES = 16 << 20
_DNS = ("ttl", "select", "policy")
_YES, _NO = ("1", "t", "true"), ("0", "f", "false")
_LISTENS = re.compile(r"(localhost|0\.0\.0\.0|127(\.\d+){3}|\[[0-9a-f:]+\]|):\d{1,5}")


def words(flags: SimpleNamespace, environ: Mapping[str, str], notices: list[str]) -> K6Words:
    """Return what the line and the environment say in the words of k6; raises UsageError."""
    given = {dest: value for dest in _FLAGS if (value := getattr(flags, dest)) not in (None, [])}
    named = {}
    for name, (option, read) in _VARIABLES.items():
        if value := environ.get(name):
            named[option] = read(name, value)
            notices.append(f"{name} sets {option}, as in k6.")
    missed = [(name, cure) for name, cure in _NOT_READ.items() if environ.get(name)]
    notices += [f"{name} is not read: {cure}." for name, cure in missed]
    return K6Words(
        file={} if flags.config is None else _file(flags.config),
        environment=named,
        flags={_FLAGS[dest][0]: _FLAGS[dest][2](dest, each) for dest, each in given.items()},
        system_env=flags.system_env is not False,
        secret_sources=tuple(flags.secret_sources or ()),
        console_output=None
        if flags.console_output is None
        else destinations.named(flags.console_output),
        iteration_limit_s=_iteration_limit_s(flags.iteration_limit) or 0.0,
        isolate=bool(flags.isolate),
        memory_bytes=_memory_bytes(flags.memory_limit),
    )


def addresses(flags: SimpleNamespace, environ: Mapping[str, str], notices: list[str]) -> None:
    """Read what k6 means by addresses: K6_LOCAL_IPS, and -a, which is no credentials then."""
    _local_addresses(flags, environ, notices)
    _without_listener(flags, notices)


def _local_addresses(
    flags: SimpleNamespace, environ: Mapping[str, str], notices: list[str]
) -> None:
    """Let K6_LOCAL_IPS say what --local-ips does not."""
    if (given := environ.get("K6_LOCAL_IPS")) and not flags.bind:
        flags.bind = [given]
        notices.append("K6_LOCAL_IPS sets --local-ips, as in k6.")


def summary(flags: SimpleNamespace) -> K6Summary:
    """Return what is written at the end; raises UsageError."""
    mode = flags.summary_mode or "compact"
    if mode == "full":
        raise UsageError(
            "--summary-mode full: metrics are not counted by group; use compact, or --json FILE."
        )
    if mode not in k6_text.MODES:
        raise UsageError(f"--summary-mode is {' or '.join(k6_text.MODES)}.")
    if flags.summary_export == "":
        raise UsageError("--summary-export needs the name of a file.")
    path = flags.summary_export
    return K6Summary(mode, None if path is None else destinations.named(path))


def _iteration_limit_s(text: str | None) -> float | None:
    return values.duration_s("--iteration-limit", text, workload.MAX_DURATION_S)


def _memory_bytes(text: str | None) -> int | None:
    found = values.size("--memory-limit", text)
    if found is not None and found < MIN_MEMORY_BYTES:
        least = units.format_bytes(MIN_MEMORY_BYTES)
        raise UsageError(f"--memory-limit {text} is too little; give {least} or more.")
    return found


def _without_listener(flags: SimpleNamespace, notices: list[str]) -> None:
    """Leave out what k6's -a is, where its remote control listens: ours are credentials."""
    given = flags.credentials
    if given is not None and _LISTENS.fullmatch(given):
        flags.credentials = None
        notices.append(
            f"-a {redact.printable(given)} was ignored: a run has no remote control; -a is "
            "user:password."
        )


def _file(path: str) -> Mapping[str, Any]:
    shown = redact.printable(path)
    try:
        with open(path, "rb") as opened:
            found = json.loads(opened.read())
    except OSError as error:
        raise UsageError(f"--config {shown} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"--config {shown} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise UsageError(f'--config {shown} is no object of options such as {{"vus": 10}}.')
    return found


def _switch(name: str, text: str | bool) -> bool:
    if isinstance(text, bool):
        return text
    if text.lower() not in _YES + _NO:
        raise UsageError(f"{name} is true or false, not {redact.printable(text)}.")
    return text.lower() in _YES


def _count(name: str, text: str) -> int | None:
    return values.count(_shown(name), text, 0, workload.MAX_REQUESTS)


def _vus(name: str, text: str) -> int | None:
    return values.count(_shown(name), text, 1, workload.MAX_CONNECTIONS)


def _iterations(name: str, text: str) -> int | None:
    return values.count(_shown(name), text, 1, workload.MAX_REQUESTS)


def _duration(name: str, text: str) -> str:
    found_s = values.duration_s(_shown(name), text, workload.MAX_DURATION_S)
    return f"{found_s}s"


def _time(name: str, text: str) -> str:
    return f"{values.duration_s(_shown(name), text, workload.MAX_DURATION_S, or_none=True)}s"


def _text(_name: str, text: str) -> str:
    return text


def _list(_name: str, given: str | Sequence[str]) -> list[str]:
    text = given if isinstance(given, str) else ",".join(given)
    return [each.strip() for each in text.split(",") if each.strip()]


def _stages(name: str, given: str | Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for piece in _list(name, given):
        stage = values.stage(piece)
        if stage is None:
            raise UsageError(
                f"{_shown(name)} takes DURATION:TARGET, for example -s 30s:20 -s 1m:50 -s 10s:0."
            )
        found.append({"duration": f"{stage[0]}s", "target": stage[1]})
    if not any(values.stage(piece)[0] for piece in _list(name, given)):  # type: ignore[index]
        raise UsageError("-s needs at least one stage longer than 0, for example -s 30s:20.")
    return found


def _dns(name: str, text: str) -> dict[str, str]:
    """Read ttl=5m,select=first,policy=onlyIPv4; what stands in it is judged with the options."""
    pairs = [each.partition("=") for each in _list(name, text)]
    if not pairs or any(key not in _DNS or not value for key, _, value in pairs):
        raise UsageError(
            f"{_shown(name)} takes ttl=, select= and policy=, for example select=first."
        )
    return {key: value for key, _, value in pairs}


def _debug(name: str, text: str) -> str | None:
    if text == "false":
        return None
    found = "headers" if text == "true" else text
    if found not in HTTP_DEBUG:
        raise UsageError(f"{_shown(name)} is {' or '.join(HTTP_DEBUG)}.")
    return found


def _shown(name: str) -> str:
    """Return a flag as it is typed, by the name of its value; a variable is what it is."""
    return _FLAGS[name][1] if name in _FLAGS else name


# By the name of the value: k6's option, the flag, what reads its text.
_FLAGS: dict[str, tuple[str, str, Read]] = {
    "vus": ("vus", "-u", _vus),
    "duration": ("duration", "-d", _duration),
    "iterations": ("iterations", "-i", _iterations),
    "stages": ("stages", "-s", _stages),
    "batch": ("batch", "--batch", _count),
    "batch_per_host": ("batchPerHost", "--batch-per-host", _count),
    "rps": ("rps", "--rps", _count),
    "min_iteration_duration": ("minIterationDuration", "--min-iteration-duration", _time),
    "http_debug": ("httpDebug", "--http-debug", _debug),
    "dns": ("dns", "--dns", _dns),
    "blacklist_ips": ("blacklistIPs", "--blacklist-ip", _list),
    "block_hostnames": ("blockHostnames", "--block-hostnames", _list),
    "summary_trend_stats": ("summaryTrendStats", "--summary-trend-stats", _list),
    "summary_time_unit": ("summaryTimeUnit", "--summary-time-unit", _text),
    "throw": ("throw", "--throw", _switch),
    "no_vu_connection_reuse": ("noVUConnectionReuse", "--no-vu-connection-reuse", _switch),
    "no_cookies_reset": ("noCookiesReset", "--no-cookies-reset", _switch),
}
_NOT_READ = {  # what would be missed in silence
    "K6_OUT": "give it as -o",
    "K6_WEB_DASHBOARD": "--dashboard is a live page, --html FILE the page of the result",
}
_OF_FLAGS_TOO = {f"K6_{dest.upper()}": (row[0], row[2]) for dest, row in _FLAGS.items()}
_VARIABLES: dict[str, tuple[str, Read]] = _OF_FLAGS_TOO | {
    "K6_USER_AGENT": ("userAgent", _text),
    "K6_MAX_REDIRECTS": ("maxRedirects", _count),
    "K6_INSECURE_SKIP_TLS_VERIFY": ("insecureSkipTLSVerify", _switch),
    "K6_NO_CONNECTION_REUSE": ("noConnectionReuse", _switch),
    "K6_DISCARD_RESPONSE_BODIES": ("discardResponseBodies", _switch),
    "K6_SETUP_TIMEOUT": ("setupTimeout", _time),
    "K6_TEARDOWN_TIMEOUT": ("teardownTimeout", _time),
    "K6_NO_SETUP": ("noSetup", _switch),
    "K6_NO_TEARDOWN": ("noTeardown", _switch),
    "K6_NO_THRESHOLDS": ("noThresholds", _switch),
    "K6_SYSTEM_TAGS": ("systemTags", _list),
}
