"""What several runs were asked for, as the configuration of one; and whose a scenario is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fastbench.results.merging.run_times import TimedRun, Unmergeable
from fastbench.results.result import Result
from fastbench.results.socket_counts import mode_of, noun_of

_SAME = ("method", "keepalive", "pipeline", "http", "arrival", "websocket", "tags")
_SUMS = ("connections", "vus", "workers")


def config(runs: Sequence[TimedRun]) -> dict[str, object]:
    """Return one configuration: what was the same in all, what adds up, and that of each run.

    Raises Unmergeable where the counts of the runs are of different things.
    """
    _check_nouns(runs)
    each = [run.result.config for run in runs]
    found: dict[str, object] = {"merged": {run.name: dict(run.result.config) for run in runs}}
    scripts = _texts(one.get("script") for one in each)
    urls = _texts(one.get("url") for one in each)
    if scripts:
        found["script"] = " + ".join([*scripts, *(u for u in urls if u not in scripts)])
        servers = [name for one in each for name in _list(one.get("servers"))]
        found["servers"] = list(dict.fromkeys(servers))
    elif urls:
        found["url"] = urls[0]
        found["urls"] = max(len(urls), *(_count(one.get("urls")) for one in each))
    for name in _SAME:
        values = [one.get(name) for one in each]
        if values[0] is not None and all(value == values[0] for value in values):
            found[name] = values[0]
    for name in _SUMS:
        if total := sum(_count(one.get(name)) for one in each):
            found[name] = total
    if named := _formulas(each):
        found["derived"] = named
    rates = [one.get("rate") for one in each]
    steady = all(isinstance(rate, int | float) for rate in rates)
    if steady and not any(one.get("stages") for one in each):
        found["rate"] = sum(float(str(rate)) for rate in rates)
    return found


def _formulas(each: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Return the formulas that one run alone names: only these have a value in the whole."""
    named = [of for one in each if isinstance(of := one.get("derived"), Mapping)]
    count = Counter(name for of in named for name in of)
    return {str(k): str(v) for of in named for k, v in of.items() if count[k] == 1}


def own_names(runs: Sequence[TimedRun]) -> list[Result]:
    """Return the results; a scenario that two different scripts have is told with its run's name.

    The same script on several machines has the same scenarios: they are merged by name, and told
    with that of the script.
    """
    owners: dict[str, set[str]] = {}
    scripts = [str(run.result.config.get("script")) for run in runs]
    for run, script in zip(runs, scripts, strict=True):
        for row in run.result.scenarios:
            owners.setdefault(row.name, set()).add(script)
    shared = {name for name, of in owners.items() if len(of) > 1}
    return [
        _renamed(run.result, shared, run.name if scripts.count(script) == 1 else script)
        for run, script in zip(runs, scripts, strict=True)
    ]


def _renamed(result: Result, shared: set[str], owner: str) -> Result:
    def told(name: str) -> str:
        return f"{owner}: {name}" if name in shared else name

    return replace(
        result,
        scenarios=tuple(replace(row, name=told(row.name)) for row in result.scenarios),
        requests=tuple(replace(row, scenario=told(row.scenario)) for row in result.requests),
        checks=tuple(replace(row, scenario=told(row.scenario)) for row in result.checks),
        exceptions=tuple(replace(row, scenario=told(row.scenario)) for row in result.exceptions),
    )


def _check_nouns(runs: Sequence[TimedRun]) -> None:
    first = runs[0]
    for run in runs[1:]:
        mine, other = (noun_of(each.result.config) for each in (first, run))
        if mine != other:
            raise Unmergeable(
                f"{first.name} counts {mine}s and {run.name} {other}s, which are no sum; "
                "merge runs that count the same"
            )
        if mode_of(first.result.config) != mode_of(run.result.config):
            raise Unmergeable(
                f"the WebSockets of {first.name} and {run.name} do different things "
                f"({mode_of(first.result.config)}, {mode_of(run.result.config)}); merge runs of "
                "one mode"
            )


def _texts(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value))


def _list(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
