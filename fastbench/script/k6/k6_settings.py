"""Options of a script of k6, as ours: names in snake_case, numbers of times in milliseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeGuard

from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network.blocked import Blocked
from fastbench.results import k6_text
from fastbench.script.api.options import Options
from fastbench.script.k6.k6_option_names import OURS, spelled
from fastbench.script.run_request import K6Words

_STAT = re.compile(r"avg|min|med|max|count|p\(([0-9]+(?:\.[0-9]+)?)\)")
_ENDS = ("duration", "iterations", "stages", "scenarios")
_OF_SCENARIO = re.compile(r"""[{,]\s*scenario\s*:\s*["']?([^"',}\s]+)""")
_TIMES = frozenset(
    (
        *("duration", "startTime", "gracefulStop", "gracefulRampDown", "maxDuration", "timeUnit"),
        *("setupTimeout", "teardownTimeout", "minIterationDuration"),
    )
)
_ALSO = {"noVUConnectionReuse": "no_vu_connection_reuse", "preAllocatedVUs": "pre_allocated_vus"}
_ALSO |= {"maxVUs": "max_vus", "startVUs": "start_vus"}


def _check_summary(given: Mapping[str, Any]) -> None:
    stats = given.get("summaryTrendStats") or []
    if not isinstance(stats, list):
        raise UsageError("summaryTrendStats is a list such as ['avg', 'p(95)'].")
    for stat in stats:
        found = _STAT.fullmatch(stat) if isinstance(stat, str) else None
        if found is None or (found[1] and float(found[1]) > 100):
            raise UsageError(
                f"summaryTrendStats has {stat}; it takes avg, min, med, max, count and p(N)."
            )
    unit = given.get("summaryTimeUnit") or "ms"
    if not isinstance(unit, str) or unit not in k6_text.UNITS:
        raise UsageError(f"summaryTimeUnit is s, ms or us, not {unit}.")


def _check_system_tags(given: Mapping[str, Any]) -> None:
    tags = given.get("systemTags")
    if tags is None or (isinstance(tags, list) and all(isinstance(each, str) for each in tags)):
        return
    raise UsageError("systemTags is a list of names such as ['status', 'url'].")


def rate_of(given: object) -> int:
    """Return options.rps, 0 for no limit; raises UsageError."""
    if given is None or (_is_number(given) and given <= 0):
        return 0
    if not _is_number(given) or given % 1 != 0:
        raise UsageError(f"rps is a whole number of requests a second, not {given}.")
    return int(given)


def summary_limit_s(given: Mapping[str, Any]) -> float:
    """Return how long handleSummary() may take: k6 gives it two minutes. Raises UsageError."""
    said = given.get("handleSummaryTimeout")
    try:
        found = (
            units.parse_duration_s(said) if isinstance(said, str) else float(said or 120e3) / 1e3
        )
    except (ValueError, TypeError):
        found = 0.0
    if not 0 < found < float("inf"):
        raise UsageError("handleSummaryTimeout is a time such as '30s', or milliseconds above 0.")
    return found


def object_of(name: str, given: Any, example: str) -> Mapping[str, Any]:
    """Return an object as it came; raises UsageError for anything else."""
    if not isinstance(given, Mapping):
        raise UsageError(f"{name} is an object such as {example}.")
    return given


def leading(hosts: Mapping[str, Any]) -> list[str]:
    """Return `hosts` as --connect-to has them: names, and where they lead."""
    texts = []
    for name, address in hosts.items():
        host, _, port = str(name).partition(":")
        texts.append(f"{host}:{port}:{_with_port(str(address))}")
    return texts


def _with_port(address: str) -> str:
    """Return HOST:PORT of an address that may be without port; IPv6 stands in brackets."""
    if re.fullmatch(r"\[.*\](:\d+)?", address) or address.count(":") == 1:
        return address if re.search(r":\d+$", address) else f"{address}:"
    return f"[{address}]:" if ":" in address else f"{address}:"


def _is_number(given: object) -> TypeGuard[int | float]:
    return isinstance(given, int | float) and not isinstance(given, bool)


def blocked(given: Mapping[str, Any]) -> Blocked | None:
    """Return what blockHostnames and blacklistIPs say, None for nothing; raises UsageError."""
    names = {_pattern(each) for each in _several(given.get("blockHostnames"))}
    networks = tuple(_network(each) for each in _several(given.get("blacklistIPs")))
    return Blocked(frozenset(names), networks) if names or networks else None


def _several(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given] if given else []


def _pattern(given: Any) -> str:
    if not isinstance(given, str) or not given or "*" in given.removeprefix("*"):
        raise UsageError(
            f"blockHostnames has {given}; a pattern is a name, or one that begins with *."
        )
    return given.lower()


def _network(given: Any) -> IPv4Network | IPv6Network:
    try:
        if isinstance(given, str):
            return ip_network(given, strict=False)
    except ValueError:
        pass
    raise UsageError(f"blacklistIPs has {given}; write a network such as 10.0.0.0/8, or ::1/128.")


def options_of(given: Mapping[str, Any]) -> Options:
    """Return a script's `options`; raises UsageError."""
    _check_summary(given)
    _check_system_tags(given)
    summary_limit_s(given)
    words = {
        _name(name): _value(name, value)
        for name, value in given.items()
        if name in OURS and value is not None
    }
    if scenarios := words.get("scenarios"):
        object_of("scenarios", scenarios, "{ checkout: { executor: 'constant-vus', … } }")
        words["scenarios"] = {name: _scenario(name, each) for name, each in scenarios.items()}
    if stages := words.get("stages"):
        words["stages"] = _stages("stages", stages)
    if given.get("noThresholds"):
        words.pop("thresholds", None)
    if thresholds := words.get("thresholds"):
        object_of("thresholds", thresholds, "{ http_req_duration: ['p(95)<200'] }")
        words["thresholds"] = {name: _thresholds(each) for name, each in thresholds.items()}
    if given.get("insecureSkipTLSVerify"):
        words["insecure_skip_tls_verify"] = True
    if words.get("tags"):
        object_of("tags", words["tags"], "{ team: 'shop' }")
        words["tags"] = {name: str(value) for name, value in words["tags"].items()}
    found = Options(**words, group_ids=False)
    found.settings = replace(found.settings, whole_urls=True, around_named=False)
    return found


def joined(own: Mapping[str, Any], said: K6Words) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a script's options with those from outside, as k6 joins them, and what to tell.

    An end of the load from a higher place replaces scenarios and ends from below.
    """
    found = spelled(said.file)
    told = []
    above = (("The environment", said.environment), ("The command line", said.flags))
    for place, given in (("The script", spelled(own)), *above):
        if any(given.get(name) is not None for name in _ENDS):
            if found.get("scenarios") and place != "The script":
                told.append(f"{place} replaces the script's scenarios by one of `default`.")
                found, left_out = _without_limits_on(found["scenarios"], found)
                told += left_out
            found = {name: value for name, value in found.items() if name not in _ENDS}
        found |= {**given, **_dns_over(found.get("dns"), given.get("dns"))}
    vus = found.get("vus")
    if found.get("scenarios") and vus is not None:
        told.append(f"vus {vus} is not used, as in k6: the scenarios have their own numbers.")
        del found["vus"]
    elif vus not in (None, 1) and not any(found.get(name) is not None for name in _ENDS):
        told.append(f"vus {vus} is not used, as in k6, without duration, iterations or stages.")
        del found["vus"]
    return found, tuple(told)


def _without_limits_on(
    replaced: Any, options: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Leave out thresholds on scenarios that were replaced: they would never have a sample."""
    limits = options.get("thresholds")
    if not isinstance(replaced, Mapping) or not isinstance(limits, Mapping):
        return options, ()
    gone = {str(name) for name in replaced} - {"default"}
    kept = {
        metric: each
        for metric, each in limits.items()
        if not any(found[1] in gone for found in _OF_SCENARIO.finditer(str(metric)))
    }
    left = len(limits) - len(kept)
    several = f"Thresholds of {left} metrics are" if left > 1 else "Thresholds of 1 metric are"
    told = f"{several} on scenarios that do not run; not evaluated."
    return {**options, "thresholds": kept}, (told,) if left else ()


def _dns_over(below: Any, above: Any) -> dict[str, Any]:
    """Join two `dns`, of which each part is given alone."""
    both = isinstance(below, Mapping) and isinstance(above, Mapping)
    return {"dns": {**below, **above}} if both else {}


def _scenario(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise UsageError(f"Scenario {name} is an object with an executor.")
    if given.get("executor") == "externally-controlled":
        raise UsageError(f"Scenario {name}: fastbench has no executor externally-controlled.")
    own = given.get("options") or {}
    if object_of(f"options of scenario {name}", own, "{ browser: … }").get("browser"):
        raise UsageError(
            f"Scenario {name}: fastbench has no browser; measure pages by their requests."
        )
    words = {
        _name(key): _value(key, value)
        for key, value in given.items()
        if value is not None and key != "options"
    }
    if "stages" in words:
        words["stages"] = _stages(f"stages of scenario {name}", words["stages"])
    for pairs in ("env", "tags"):
        if pairs in words:
            object_of(f"{pairs} of scenario {name}", words[pairs], "{ name: 'value' }")
            words[pairs] = {key: str(value) for key, value in words[pairs].items()}
    return words


def _stages(what: str, given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        raise UsageError(f"{what} is a list such as [{{ duration: '30s', target: 10 }}].")
    return [_stage(each) for each in given]


def _stage(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise UsageError("A stage is an object such as { duration: '30s', target: 10 }.")
    return {name: _value(name, value) for name, value in given.items()}


def _thresholds(given: Any) -> list[Any]:
    several = given if isinstance(given, list) else [given]
    return [
        {_name(key): _value(key, value) for key, value in each.items()}
        if isinstance(each, Mapping)
        else each
        for each in several
    ]


def _name(name: str) -> str:
    if name == "delayAbortEval":
        return "delay"
    return _ALSO.get(name) or re.sub(
        r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), name
    )


def _value(name: str, value: Any) -> Any:
    if name in _TIMES or name == "delayAbortEval":
        return (
            f"{value:g}ms"
            if isinstance(value, int | float) and not isinstance(value, bool)
            else value
        )
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
