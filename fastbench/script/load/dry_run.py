"""What --dry-run finds: plans that cannot pass, cannot fail, or do not do what they say. Pure.

1. "error": the plan cannot pass, or a line of the script cannot work. "warning": it can, but its
   answer will mean less than it seems to.
2. Nothing is claimed that the plan and the text of the script do not show: times are lower bounds
   and numbers of requests upper bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from fastbench.foundation import units
from fastbench.foundation.errors import KINDS
from fastbench.results.metric_values import BUILT_IN, MACHINE, OPERATION_KINDS
from fastbench.results.thresholds import criteria
from fastbench.results.thresholds.criteria import Finding, PlannedRun
from fastbench.results.thresholds.judging import Threshold, leaves
from fastbench.results.thresholds.request_tags import CLOSED
from fastbench.results.thresholds.seconds_grammar import BY_SECONDS
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.load.source import METHODS, Source
from fastbench.script.load.stage_spans import spans
from fastbench.script.spec import ARRIVAL, ITERATIONS, Spec

__all__ = ["Finding", "described", "findings"]

# Metrics that have samples only if the script calls something.
_NEEDS_CALL: dict[str, tuple[str, ...]] = {"checks": ("check",), "group_duration": ("group",)}
_NEEDS_CALL |= dict.fromkeys(
    ("operation_duration", "operation_failed", "operations"),
    ("operation", "open", "queue", "ws"),
)
_NEEDS_CALL |= dict.fromkeys(
    ("db_errors", "db_pool_wait", "db_queries", "db_query_duration", "redis_duration"), ("open",)
)
_NEEDS_CALL |= dict.fromkeys(
    ("job_queue_wait", "job_run_time", "jobs_failed", "jobs_finished"), ("queue",)
)
_NEEDS_CALL |= {name: ("ws", "open") for name in BUILT_IN if name.startswith("ws_")}
_TAG_THEMSELVES = ("db_", "redis_", "job", "ws_")  # adapters, by command or query
_LOOKED_AT = ("scenario", "name", "url", "check", "group")
_ANY_METHOD = ("request", "batch", "operation", "stream", "open", "queue", "ws")
_MOVES_BYTES = {"operation", "open", "ws"}
_NEVER_DROP = ("constant-vus", "ramping-vus")
_OF_REQUESTS = ("http_req", "data_")


def findings(
    applied: Applied,
    thresholds: Sequence[Threshold],
    source: Source,
    formulas: Sequence[Threshold] = (),
) -> tuple[Finding, ...]:
    """Return what is wrong with a plan, errors first; `formulas` are those that it names."""
    found = [
        Finding("error", f"{problem.file}, line {problem.line}: {problem.text}")
        for problem in source.problems
    ]
    found += [Finding("warning", f"{text}.") for text in applied.declared.warnings]
    for spec in applied.scenarios:
        found += _of_scenario(spec, source)
    planned = _planned_run(applied)
    for threshold in thresholds:
        for part in threshold.parts:
            if not source.unread:
                found += _of_samples(part, applied, source)
            found += _of_stage(part, threshold, applied, planned)
        found += criteria.of_times(threshold, planned)
        found += criteria.of_limits(threshold, planned)
        if not threshold.terms:
            found += _of_dropped(threshold, applied)
            found += _of_counts(threshold, applied, source)
    found += _of_formulas(formulas, found, applied, source)
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda finding: finding.level != "error"))


def before_load(
    applied: Applied, thresholds: Sequence[Threshold], read: Callable[[], Source]
) -> tuple[Finding, ...]:
    """Return what a run that begins tells of its thresholds.

    For what the plan alone shows to be unjudgeable it is refused. What the text of the script says
    is told only: it may call what comes from elsewhere. `read` reads it, where it is asked for.
    """
    planned = _planned_run(applied)
    called = {*_NEEDS_CALL, *applied.declared.metrics}
    source = read() if any(part.metric in called for part in leaves(thresholds)) else None
    found: list[Finding] = []
    for threshold in thresholds:
        certain = [*criteria.of_times(threshold, planned)]
        for part in threshold.parts:
            certain += [*_of_rates(part, applied), *_of_stage(part, threshold, applied, planned)]
            if source is not None and not source.unread and part.metric in called:
                told = _of_samples(part, applied, source)
                found += [each for each in told if each.level == "error"]
        found += certain
        found += criteria.of_limits(threshold, planned)
    return tuple(dict.fromkeys(found))


def _of_rates(threshold: Threshold, applied: Applied) -> Iterator[Finding]:
    """Find response times where nothing is planned."""
    if threshold.metric == "http_req_response" and not any(
        spec.executor in ARRIVAL for spec in _meant(threshold, applied)
    ):
        why = "response time needs a planned rate, so an arrival-rate executor"
        text = f"{threshold.text}: it never gets a sample, because {why}."
        yield Finding("error", text, unjudgeable=True)


def _planned_run(applied: Applied) -> PlannedRun:
    return PlannedRun(
        length_s=applied.length_s,
        end_s=applied.end_s,
        timeout_s=applied.options.timeout_s,
        spans=spans(applied),
        most_vus=float(applied.most_vus),
        rates=any(spec.executor in ARRIVAL for spec in applied.scenarios),
    )


def _of_formulas(
    formulas: Iterable[Threshold], known: Iterable[Finding], applied: Applied, source: Source
) -> Iterator[Finding]:
    """Find terms of named formulas that never get samples, where no threshold is about them."""
    told = {each.text for each in known}
    for formula in formulas:
        for part in formula.parts:
            for found in _of_samples(part, applied, source):
                if found.text not in told:
                    yield Finding("warning", f"derived {formula.text}: {found.text}")


def described(applied: Applied) -> list[str]:
    """Return the plan in words, a line for each scenario."""
    lines = []
    for spec in applied.scenarios:
        start = f", from {units.format_s(spec.start_time_s)} on" if spec.start_time_s else ""
        lines.append(f"{spec.name}: {spec.executor}, {_load(spec)}{start}")
    timed = [spec for spec in applied.scenarios if spec.executor not in ITERATIONS]
    length_s = max((spec.start_time_s + spec.length_s for spec in timed), default=0.0)
    length = f"{units.format_s(length_s)}, " if timed else ""
    lines.append(
        f"total: {length}at most {_vus(applied.most_vus)}, ends after at most "
        f"{units.format_s(applied.end_s)}"
    )
    return lines


def _load(spec: Spec) -> str:
    length = units.format_s(spec.length_s)
    vus = _vus(spec.most_vus)
    if spec.executor == "shared-iterations":
        return f"{_planned(spec.iterations)} among {vus}, at most {length}"
    if spec.executor == "per-vu-iterations":
        whose = f"of each of {vus}" if spec.vus != 1 else f"of {vus}"
        return f"{_planned(spec.iterations)} {whose}, at most {length}"
    if spec.executor in ARRIVAL:
        peak = max(max(first, last) for _, first, last in spec.levels)
        rate = units.format_rate(peak)
        return f"up to {rate} for {length}: {_planned(spec.planned)}, at most {vus}"
    if spec.stages is not None:
        parts = [f"{spec.start_vus}"]
        for length_s, target in spec.stages:
            how = f"in {units.format_s(length_s)}" if length_s else "at once"
            parts.append(f"{target:g} {how}")
        return f"{' → '.join(parts)}: up to {vus} for {length}"
    return f"{vus} for {length}"


def _vus(count: int) -> str:
    return f"{count:,} VU" + ("s" if count != 1 else "")


def _planned(count: int | None) -> str:
    return f"{count or 0:,} iteration" + ("s" if count != 1 else "")


def _of_scenario(spec: Spec, source: Source) -> Iterator[Finding]:
    """Compare the time that iterations need at least with the time that there is."""
    each_s = source.sleeps_s(spec.function)
    length = units.format_s(spec.length_s)
    if spec.executor in ITERATIONS:
        rounds = spec.iterations or 0
        if spec.executor == "shared-iterations":
            rounds = math.ceil(rounds / (spec.vus or 1))
        if each_s * rounds > spec.length_s:
            yield Finding(
                "error",
                f"Scenario {spec.name}: its iterations sleep {units.format_s(each_s * rounds)} at "
                f"least, but max_duration is {length}; give it more, or fewer iterations.",
            )
        return
    if each_s > spec.length_s + spec.graceful_stop_s:
        yield Finding(
            "error",
            f"Scenario {spec.name}: one iteration sleeps {units.format_s(each_s)} at least, so "
            f"none ends within {length} and the graceful stop; give it a longer duration.",
        )
    if spec.executor not in ARRIVAL:
        return
    if (spec.time_unit_s or 0) > spec.length_s:
        peak = max(max(first, last) for _, first, last in spec.levels)
        in_all = peak * spec.length_s
        yield Finding(
            "warning",
            f"Scenario {spec.name} starts only {_planned(spec.planned)}: its rate is per "
            f"{units.format_s(spec.time_unit_s or 0)}, and that is {in_all:.3g} in {length}.",
        )
    peak = max(max(first, last) for _, first, last in spec.levels)
    if peak * each_s > spec.most_vus:
        yield Finding(
            "error",
            f"Scenario {spec.name} needs {math.ceil(peak * each_s):,} VUs at least, as one "
            f"iteration sleeps {units.format_s(each_s)} and {units.format_rate(peak)} start, but "
            f"max_vus is {spec.most_vus:,}; iterations would be dropped.",
        )


def _of_samples(threshold: Threshold, applied: Applied, source: Source) -> Iterator[Finding]:
    """Find metrics and tags that never get samples: such a threshold fails."""
    tags = dict(threshold.tags)
    names = [spec.name for spec in applied.scenarios]
    why = ""
    if (wanted := tags.get("scenario", names[0])) not in (*names, "setup", "teardown"):
        why = f"no scenario {wanted} runs, only {', '.join(names)}"
    elif (calls := _NEEDS_CALL.get(threshold.metric)) and not source.calls & set(calls):
        why = f"the script never calls {calls[0]}()"
    elif unplanned := [*_of_rates(threshold, applied)]:
        yield unplanned[0]
    elif threshold.metric in applied.declared.metrics and "add" not in source.calls:
        why = "the script never calls its add()"
    elif (
        threshold.metric.startswith(_OF_REQUESTS)
        and not (threshold.metric.startswith("data_") and source.calls & _MOVES_BYTES)
        and not any(source.requests(spec.function) for spec in _meant(threshold, applied))
    ):
        why = "no request is sent"
    if why:
        yield Finding("error", f"{threshold.text}: it never gets a sample, because {why}.")
    for name in ("name", "check"):
        if name in tags and not any(_like(tags[name], text) for text in source.texts):
            yield Finding(
                "warning",
                f"{threshold.text}: the script never uses `{tags[name]}`; check the spelling.",
            )
    for name, value in tags.items():
        taggers = threshold.metric in MACHINE or threshold.metric.startswith(_TAG_THEMSELVES)
        if not (taggers or _has(name, value, applied, source)):
            tag = f"{name}:{value}"
            yield Finding("warning", f"{threshold.text}: nothing of the script has the tag {tag}.")
    for part in (part for part in tags.get("group", "").split("::") if part):
        if part not in source.texts and part not in ("setup", "teardown"):
            yield Finding("warning", f"{threshold.text}: the script has no group `{part}`.")


def _has(name: str, value: str, applied: Applied, source: Source) -> bool:
    """Tell whether something may have a tag; names, checks and groups are looked at apart."""
    if name in _LOOKED_AT:
        return True
    if name == "method":
        return bool(source.calls & {value.lower(), *_ANY_METHOD}) or value.lower() not in METHODS
    if name in CLOSED:
        return name != "error" or value in KINDS
    if name == "kind":
        return value in OPERATION_KINDS or value in source.texts
    declared = [applied.options.tags, *(spec.tags for spec in applied.scenarios)]
    return any(tags.get(name) == value for tags in declared) or bool(source.texts & {name, value})


def _like(wanted: str, text: str) -> bool:
    """Tell whether a text of the script may become this name: URLs get `{id}` and a base."""
    return text == wanted or (len(text) > 1 and (text in wanted or wanted in text))


def _of_counts(threshold: Threshold, applied: Applied, source: Source) -> Iterator[Finding]:
    """Compare a limit with how much the plan can send at most."""
    specs = _meant(threshold, applied)
    if not specs or set(dict(threshold.tags)) - {"scenario"}:
        return
    each = [
        1.0 if threshold.metric.startswith("iteration") else source.requests(spec.function)
        for spec in specs
    ]
    total = _times(each, [_iterations(spec, source) for spec in specs])
    if threshold.metric in ("http_reqs", "iterations") and threshold.operator.startswith(">"):
        most, unit = total, ""
        if threshold.aggregate == "rate":
            most, unit = _times(each, [_rate(spec, source) for spec in specs]), "/s"
        if not threshold.holds(most):
            yield Finding(
                "error",
                f"{threshold.text}: the plan comes to at most {most:,.6g}{unit}, never that.",
            )
    elif (
        threshold.aggregate == "p"
        and threshold.metric.startswith(("http_req_", "iteration_"))
        and 0 < total < 100 / max(100 - threshold.percent, 1e-9)
    ):
        yield Finding(
            "warning",
            f"{threshold.text}: of at most {total:,.0f} samples p({threshold.percent:g}) is the "
            "slowest one.",
        )
    elif threshold.metric == "http_req_failed" and 0 < total * _allowed(threshold) < 1:
        yield Finding(
            "warning",
            f"{threshold.text}: of at most {total:,.0f} requests one that fails breaks it.",
        )


def _allowed(threshold: Threshold) -> float:
    """Return which share may fail; 0 where none may, which is a limit like any other."""
    return threshold.limit if threshold.operator.startswith("<") else 0.0


def _times(each: Sequence[float], counts: Sequence[float]) -> float:
    """Add up products; nothing of something endless is nothing."""
    return math.fsum(a * b for a, b in zip(each, counts, strict=True) if a and b)


def _iterations(spec: Spec, source: Source) -> float:
    """Return how many iterations there can be at most."""
    if spec.planned is not None:
        return spec.planned
    each_s = source.sleeps_s(spec.function)
    return spec.most_vus * math.ceil(spec.length_s / each_s) if each_s else math.inf


def _rate(spec: Spec, source: Source) -> float:
    """Return how many iterations per second there can be at most, averaged over its time."""
    if spec.executor in ARRIVAL:
        return (spec.planned or 0) / spec.length_s
    each_s = source.sleeps_s(spec.function)
    return spec.most_vus / each_s if each_s else math.inf


def _of_stage(
    part: Threshold, threshold: Threshold, applied: Applied, planned: PlannedRun
) -> Iterator[Finding]:
    """Find stages in which no scenario runs that a threshold looks at."""
    stage = criteria.stage_of(part, planned.spans)
    if stage is None or stage[0] == stage[1] or part.metric in MACHINE:
        return
    specs = _meant(part, applied)
    if specs and not any(each.start_time_s < stage[1] and stage[0] < each.end_s for each in specs):
        names = ", ".join(spec.name for spec in specs)
        text = f"{names} does not run in the stage {part.stage}"
        yield Finding("error", f"{threshold.text}: {text}.", unjudgeable=True)


def _of_dropped(threshold: Threshold, applied: Applied) -> Iterator[Finding]:
    """Find limits on dropped iterations where no scenario can drop any."""
    if threshold.metric != "dropped_iterations" or threshold.aggregate in BY_SECONDS:
        return
    if all(spec.executor in _NEVER_DROP for spec in _meant(threshold, applied)):
        why = "VUs that run for a time drop no iterations, a rate does"
        if threshold.holds(0.0):
            yield Finding("warning", f"{threshold.text}: it can never fail: {why}.")
        else:
            yield Finding("error", f"{threshold.text}: it can never pass: {why}.")


def _meant(threshold: Threshold, applied: Applied) -> list[Spec]:
    """Return the scenarios that a threshold looks at."""
    wanted = dict(threshold.tags).get("scenario")
    return [spec for spec in applied.scenarios if wanted in (None, spec.name)]
