"""The options that `exec.test.options` shows: every name of k6's, null where the script is silent.

`duration`, `iterations` and `stages` are the scenario `default` that they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastbench.results import k6_text

_NAMES = (
    *("paused", "scenarios", "executionSegment", "executionSegmentSequence", "noSetup"),
    *("setupTimeout", "noTeardown", "teardownTimeout", "rps", "dns", "maxRedirects", "userAgent"),
    *("batch", "batchPerHost", "httpDebug", "insecureSkipTLSVerify", "tlsCipherSuites"),
    *("tlsVersion", "tlsAuth", "throw", "thresholds", "blacklistIPs", "blockHostnames", "hosts"),
    *("noConnectionReuse", "noVUConnectionReuse", "minIterationDuration", "ext"),
    *("summaryTrendStats", "summaryTimeUnit", "systemTags", "tags", "metricSamplesBufferSize"),
    *("noCookiesReset", "discardResponseBodies", "consoleOutput", "localIPs"),
)
_SYSTEM_TAGS = (
    *("check", "error", "error_code", "expected_response", "group", "method", "name", "proto"),
    *("scenario", "service", "status", "subproto", "tls_version", "url"),
)
_OF_ALL = ("executor", "startTime", "gracefulStop", "env", "exec", "tags")
_OF = {
    "shared-iterations": ("vus", "iterations", "maxDuration"),
    "per-vu-iterations": ("vus", "iterations", "maxDuration"),
    "constant-vus": ("vus", "duration"),
    "ramping-vus": ("startVUs", "stages", "gracefulRampDown"),
    "constant-arrival-rate": ("rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs"),
    "ramping-arrival-rate": ("startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs"),
}


def whole(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a script, with those of the command line, as k6 shows them."""
    found = dict.fromkeys(_NAMES) | {
        "dns": {"ttl": None, "select": None, "policy": None} | (given.get("dns") or {}),
        "summaryTrendStats": list(k6_text.DEFAULT_STATS),
        "systemTags": list(_SYSTEM_TAGS),
    }
    found |= {name: given[name] for name in _NAMES if name != "dns" and given.get(name) is not None}
    scenarios = given.get("scenarios") or {"default": _default(given)}
    found["scenarios"] = {name: _scenario(each) for name, each in scenarios.items()}
    if found["thresholds"]:
        found["thresholds"] = {name: _limits(each) for name, each in found["thresholds"].items()}
    return found


def _default(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scenario that the short options stand for."""
    if given.get("iterations") is not None:
        names = {"vus": "vus", "iterations": "iterations", "maxDuration": "duration"}
        executor = "shared-iterations"
    elif given.get("duration") is not None:
        names, executor = {"vus": "vus", "duration": "duration"}, "constant-vus"
    elif given.get("stages"):
        names, executor = {"startVUs": "vus", "stages": "stages"}, "ramping-vus"
    else:
        names, executor = {"vus": "vus"}, "per-vu-iterations"
    return {"executor": executor} | {name: given.get(short) for name, short in names.items()}


def _scenario(given: Mapping[str, Any]) -> dict[str, Any]:
    names = (*_OF_ALL, *_OF.get(str(given.get("executor")), ()))
    return dict.fromkeys(names) | dict(given)


def _limits(given: Any) -> list[Any]:
    """Return the thresholds of a metric; one that ends the run is shown with all it may have."""
    several = given if isinstance(given, list) else [given]
    empty = {"abortOnFail": False, "delayAbortEval": None}
    return [empty | each if isinstance(each, dict) else each for each in several]
