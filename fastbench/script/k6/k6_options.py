"""The options of a run as `exec.test.options` shows them: all names, in k6's order and forms.

What the script and others give is joined; the load stands in `scenarios` alone, whatever its form.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from fastbench.foundation.units import parse_duration_s
from fastbench.results import k6_text
from fastbench.script.run_request import K6Words, RunRequest

_NAMES = (
    *("paused", "scenarios", "executionSegment", "executionSegmentSequence", "noSetup"),
    *("setupTimeout", "noTeardown", "teardownTimeout", "rps", "dns", "maxRedirects"),
    *("userAgent", "batch", "batchPerHost", "httpDebug", "insecureSkipTLSVerify"),
    *("tlsCipherSuites", "tlsVersion", "tlsAuth", "throw", "thresholds", "blacklistIPs"),
    *("blockHostnames", "hosts", "noConnectionReuse", "noVUConnectionReuse"),
    *("minIterationDuration", "cloud", "ext", "summaryTrendStats", "summaryTimeUnit"),
    *("systemTags", "tags", "metricSamplesBufferSize", "noCookiesReset"),
    *("discardResponseBodies", "consoleOutput", "localIPs"),
)
_NOT_WHERE_UNSET = ("cloud",)
_OF_ANY = ("startTime", "gracefulStop", "env", "exec", "tags")
_OF_EXECUTORS = {
    "shared-iterations": ("vus", "iterations", "maxDuration"),
    "per-vu-iterations": ("vus", "iterations", "maxDuration"),
    "constant-vus": ("vus", "duration"),
    "ramping-vus": ("startVUs", "stages", "gracefulRampDown"),
    "constant-arrival-rate": ("rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs"),
    "ramping-arrival-rate": ("startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs"),
}
_DURATIONS = frozenset(
    (
        *("startTime", "gracefulStop", "maxDuration", "duration", "gracefulRampDown", "timeUnit"),
        *("setupTimeout", "teardownTimeout", "minIterationDuration", "delayAbortEval"),
    )
)
_SYSTEM_TAGS = (
    *("check", "error", "error_code", "expected_response", "group", "method", "name", "proto"),
    *("scenario", "service", "status", "subproto", "tls_version", "url"),
)
_UNITS = (("ms", 1_000_000), ("µs", 1_000), ("ns", 1))


def said(given: Mapping[str, Any], asked: RunRequest) -> dict[str, Any]:
    """Return what our own flags say, under the names of k6's options."""
    own = {
        "tags": {**(given.get("tags") or {}), **asked.tags} or None,
        "userAgent": asked.user_agent,
        "maxRedirects": asked.max_redirects,
        "noSetup": asked.no_setup or None,
        "noTeardown": asked.no_teardown or None,
        "noConnectionReuse": None if asked.keepalive else True,
        "discardResponseBodies": asked.discard_bodies or None,
        "insecureSkipTLSVerify": None if asked.tls.verify else True,
        "consoleOutput": (asked.k6 or K6Words()).console_output,
        "localIPs": ",".join(asked.bind) or None,
    }
    return {name: value for name, value in own.items() if value is not None}


def settled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that are joined and known to be right, None for what nobody gave."""
    found = {name: _value(name, given.get(name)) for name in _NAMES}
    found["scenarios"] = _scenarios(given)
    found["dns"] = dict.fromkeys(("ttl", "select", "policy")) | (given.get("dns") or {})
    if found["summaryTrendStats"] is None:
        found["summaryTrendStats"] = list(k6_text.DEFAULT_STATS)
    tags = found["systemTags"]
    found["systemTags"] = list(_SYSTEM_TAGS) if tags is None else sorted(tags) or None
    if isinstance(version := found["tlsVersion"], str):
        found["tlsVersion"] = {"min": version, "max": version}
    for name in ("blacklistIPs", "blockHostnames"):
        if isinstance(found[name], str):  # one alone
            found[name] = [found[name]] if found[name] else None
    if networks := found["blacklistIPs"]:
        found["blacklistIPs"] = [str(ip_network(each, strict=False)) for each in networks]
    if thresholds := found["thresholds"]:
        found["thresholds"] = {name: _limits(thresholds[name]) for name in sorted(thresholds)}
    unset = [name for name in _NOT_WHERE_UNSET if found[name] is None]
    return {name: value for name, value in found.items() if name not in unset}


def go_duration(given: Any) -> Any:
    """Return a length of time as k6 writes it: 1m30s, 1.5s, 20ms; what is none as it is.

    Numbers are milliseconds.
    """
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return given
    try:
        whole_ns = round(given * 1e6 if not isinstance(given, str) else _seconds(given) * 1e9)
    except ValueError:
        return given
    if whole_ns and whole_ns < 1_000_000_000:
        name, unit_ns = next(each for each in _UNITS if whole_ns >= each[1])
        return f"{_decimal(whole_ns, unit_ns)}{name}"
    minutes, rest_ns = divmod(whole_ns, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest_ns, 1_000_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _seconds(text: str) -> float:
    """Return the seconds of a text, whose bare number is milliseconds in k6."""
    return float(text) / 1e3 if text.replace(".", "", 1).isdecimal() else parse_duration_s(text)


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def _value(name: str, value: Any) -> Any:
    return go_duration(value) if name in _DURATIONS else value


def _scenarios(given: Mapping[str, Any]) -> dict[str, Any]:
    named = given.get("scenarios")
    if named:
        return {name: _scenario(named[name]) for name in sorted(named)}
    return {"default": _scenario(_short_form(given))}


def _short_form(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scenario that vus, iterations, duration and stages are short for."""
    vus, length = given.get("vus"), given.get("duration")
    if (count := given.get("iterations")) is not None:
        load = {"vus": vus, "iterations": count, "maxDuration": length}
        return {"executor": "shared-iterations", **load}
    if length is not None:
        return {"executor": "constant-vus", "vus": vus, "duration": length}
    if given.get("stages"):
        return {"executor": "ramping-vus", "startVUs": vus, "stages": given["stages"]}
    return {"executor": "per-vu-iterations"}


def _scenario(given: Mapping[str, Any]) -> dict[str, Any]:
    executor = given.get("executor")
    own = {"options": given["options"]} if given.get("options") else {}
    found = {"executor": executor, **dict.fromkeys(_OF_ANY), **own}
    found |= dict.fromkeys(_OF_EXECUTORS.get(str(executor), ()))
    found |= {name: _value(name, given[name]) for name in found if given.get(name) is not None}
    if found.get("stages"):
        found["stages"] = [
            {"duration": go_duration(each.get("duration")), "target": each.get("target")}
            for each in found["stages"]
        ]
    return found


def _limits(given: Any) -> list[Any]:
    several = given if isinstance(given, list) else [given]
    return [_limit(each) for each in several]


def _limit(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    if not given.get("abortOnFail"):
        return given.get("threshold")
    delay = go_duration(given.get("delayAbortEval"))
    return {"threshold": given.get("threshold"), "abortOnFail": True, "delayAbortEval": delay}
