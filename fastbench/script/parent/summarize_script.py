"""From a script's run to its Result: the sums of the block, and what stands in the arena."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.foundation.units import format_ns, plural
from fastbench.results.metric_values import Metric, ScenarioRow, Thrown
from fastbench.results.result import Result, Validity, Warning_
from fastbench.run import summarize
from fastbench.run.snapshot import Snapshot
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import MachineMonitor
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.parent import metric_snapshot
from fastbench.script.parent.run_state import Standing
from fastbench.script.parent.server_gone import silence
from fastbench.script.parent.target_discovery import Sought
from fastbench.script.parent.worker_channel import ScriptWorker
from fastbench.script.parent.worker_reports import Notes
from fastbench.script.running_load import RunningLoad
from fastbench.script.schedule import planned_vus
from fastbench.script.spec import ARRIVAL, ITERATIONS

EXCEPTIONS_RATE = "script_exceptions"
_PASSES = "nothing was measured; with --max-exceptions 100% such a run exits with 0, as in k6"
LONG_PAUSE_NS = 10_000_000  # of the garbage collector


@dataclass(frozen=True, slots=True)
class EndedRun:
    """What the workers told on their channels, and what the parent saw of them."""

    workers: Supervisor[ScriptWorker]
    notes: Notes
    start_ns: int
    end_ns: int
    ended: str
    why: str
    warnings: tuple[Warning_, ...]
    setup_data: Any = None


def result(
    told: EndedRun,
    applied: Applied,
    sought: Sought,
    block: _core.Block,
    standing: Standing,
    monitor: MachineMonitor,
) -> Result:
    """Add everything up, once every worker has ended."""
    told = _failed_throughout(told, applied, block, standing)
    base = summarize.result(_observed(told, applied, sought, block, standing, monitor))
    limits, span_s = standing.limits, base.summary.duration_s
    snapshot = standing.snapshot(span_s)
    limits.judge.look(snapshot)
    scenarios = _scenarios(snapshot, applied, told)
    gone, validity = _gone(base)
    held = limits.judge.final(base)
    warnings = [
        *told.warnings,
        *gone,
        *_only_thrown(scenarios, snapshot),
        *_dropped(scenarios),
        *_collected(snapshot),
        *base.warnings,
    ]
    return replace(
        base,
        validity=validity,
        warnings=tuple(warnings),
        metrics=_with_vus(snapshot.metrics(limits.found, held), applied, standing),
        thresholds=held,
        requests=snapshot.requests(packed=True),
        scenarios=scenarios,
        checks=metric_snapshot.checks(snapshot),
        groups=metric_snapshot.groups(standing.reader.arena),
        setup_data="" if told.setup_data is None else json.dumps(told.setup_data),
        exceptions=_exceptions(snapshot, told.notes.threw),
        gauges=standing.gauges.rows(),
        part_series=standing.parts.result(),
        stages=limits.judge.stages(base),
    )


def _with_vus(
    metrics: Mapping[str, Metric], applied: Applied, standing: Standing
) -> dict[str, Metric]:
    """Let a script of k6 have its VUs as k6 sees them: once a second, and those that it made."""
    found = dict(metrics)
    seen = standing.each_second
    if applied.options.around_named or not seen.at_ns:
        return found
    planned = float(planned_vus(applied.scenarios))
    most = planned + RunningLoad(standing.reader.arena, 0).extra()
    vus = {"value": seen.value, "min": seen.min, "max": seen.max}
    found["vus"] = replace(found["vus"], values=vus)
    there = {"value": most, "min": planned, "max": most}
    found["vus_max"] = replace(found["vus_max"], values=there)
    return found


def _failed_throughout(
    told: EndedRun, applied: Applied, block: _core.Block, standing: Standing
) -> EndedRun:
    """Let a run fail whose iterations all ended by an exception: its numbers are of nothing.

    If no request succeeded, that comes first: the exceptions follow from it. A threshold that
    allows as many exceptions as there are iterations (--max-exceptions 100%) lets it pass.
    """
    limits = standing.limits.found
    own = (each for each in limits if each.metric == EXCEPTIONS_RATE and not each.terms)
    if any(each.aggregate == "rate" and each.holds(1.0) for each in own):
        return told
    counters = [block.counters(child.index) for child in told.workers.children]
    started = sum(slot["started"] for slot in counters)
    if told.ended or (started and not sum(slot["ok"] for slot in counters)):
        return told
    snapshot, names = standing.snapshot(0.0), [spec.name for spec in applied.scenarios]
    thrown = _thrown_in(snapshot)
    iterations = snapshot.by("iterations", ("scenario",))
    ended = round(sum(iterations[name,].count for name in names if (name,) in iterations))
    threw = sum(thrown[name] for name in names)
    if not ended or threw < ended:
        return told
    which = f"all {ended:,} iterations" if ended > 1 else "the only iteration"
    why = told.why or f"{which} ended by an exception ({_PASSES})"
    return replace(told, ended="script_failed", why=why)


def _thrown_in(snapshot: Snapshot) -> Counter[str]:
    """Return how many exceptions there were, by scenario."""
    found: Counter[str] = Counter()
    for _, _, scenario, count in metric_snapshot.thrown(snapshot):
        found[scenario] += count
    return found


def _only_thrown(scenarios: tuple[ScenarioRow, ...], snapshot: Snapshot) -> list[Warning_]:
    """Tell of scenarios of which no iteration came to its end, where others have some."""
    thrown = _thrown_in(snapshot)
    broken = [row for row in scenarios if row.iterations and thrown[row.name] >= row.iterations]
    if len(broken) == len(scenarios):
        return []  # then the whole run has failed
    return [
        Warning_(
            "only_exceptions",
            f"scenario {row.name}: all {row.iterations:,} iterations ended by an exception",
            "see the exceptions; it did not measure what the script intended",
        )
        for row in broken
    ]


def _gone(base: Result) -> tuple[list[Warning_], Validity]:
    """Tell of a server that went; what came after is no part of any number worth quoting."""
    found = silence(base.series)
    if found is None:
        return [], base.validity
    hint = "see the server's log; measure again, or look at the seconds before"
    reasons = (found.text, *base.validity.reasons)
    return [Warning_("server_gone", found.text, hint)], Validity("incomplete", "unknown", reasons)


def _observed(
    told: EndedRun,
    applied: Applied,
    sought: Sought,
    block: _core.Block,
    standing: Standing,
    monitor: MachineMonitor,
) -> summarize.Observed:
    finite = [spec for spec in applied.scenarios if spec.executor in ITERATIONS]
    iterations = sum(round(spec.planned or 0) for spec in finite) or None
    timed = [spec for spec in applied.scenarios if spec.executor not in ITERATIONS]
    config = {
        **applied.config,
        "duration_s": max((spec.start_time_s + spec.length_s for spec in timed), default=None),
        "iterations": iterations,
        "workers": len(told.workers.children),
    }
    if len(sought.servers) > bool(applied.options.base_url):
        config["servers"] = list(sought.servers)
    return summarize.Observed(
        terms=summarize.RunTerms(
            config=config,
            planned=False,
            connections=0,
            steady=False,
            warmed=False,
            verified=sought.verified,
            public=sought.public,
            vus=applied.most_vus,
        ),
        block=block,
        workers=told.workers,
        line_ns=told.start_ns,
        start_ns=told.start_ns,
        end_ns=told.end_ns,
        series=standing.series,
        monitor=monitor,
        gave_up=False,
        thread_rates=(),
        found=sought.found,
        ended=told.ended,
        missing=(told.why,) if told.why else (),
        addresses=tuple(told.notes.addresses),
    )


def _scenarios(snapshot: Snapshot, applied: Applied, told: EndedRun) -> tuple[ScenarioRow, ...]:
    """Return what each scenario did; one of a given length lasts as long, if the run does."""
    rows = []
    for spec in applied.scenarios:
        start_ns = told.start_ns + round(spec.start_time_s * 1e9)
        end_ns = told.notes.ends_ns.get(spec.name) or told.end_ns
        if spec.executor not in ITERATIONS:
            end_ns = max(end_ns, min(told.end_ns, start_ns + round(spec.length_s * 1e9)))
        span_s = max(0, end_ns - start_ns) / 1e9
        about = (spec.name, spec.executor or "", spec.most_vus, span_s)
        rows.append(metric_snapshot.scenario(snapshot, *about))
    return tuple(rows)


def _exceptions(
    snapshot: Snapshot, threw: Mapping[tuple[str, str, str], Thrown]
) -> tuple[Thrown, ...]:
    """Join counts with the first of each sort; what broke setup or teardown has no count."""
    first = dict(threw)
    rows = []
    for type_, place, scenario, count in metric_snapshot.thrown(snapshot):
        told = first.pop((type_, place, scenario), None)
        about = told or Thrown(type_, place, "", scenario, 0, "")
        rows.append(replace(about, count=count))
    return (*rows, *first.values())


def _dropped(scenarios: tuple[ScenarioRow, ...]) -> list[Warning_]:
    rows = []
    for row in scenarios:
        if row.dropped_iterations:
            arrival = row.executor in ARRIVAL
            rows.append(
                Warning_(
                    "dropped_iterations",
                    f"scenario {row.name} dropped {plural(row.dropped_iterations, 'iteration')}: "
                    + ("no VU was free" if arrival else "max_duration came first"),
                    "raise max_vus, or lower the rate"
                    if arrival
                    else "raise max_duration, or use fewer iterations",
                )
            )
    return rows


def _collected(snapshot: Snapshot) -> list[Warning_]:
    """Tell of pauses of the garbage collector that are long enough to be seen in latencies."""
    pauses = snapshot.sum("gc.pause")
    longest_ns = 0 if pauses is None else pauses.counted.max_ns
    if longest_ns < LONG_PAUSE_NS:
        return []
    return [
        Warning_(
            "gc_pause",
            f"Python's garbage collector stopped a worker for up to {format_ns(longest_ns)} "
            f"({plural(pauses.samples, 'collection')})",
            "keep fewer objects in vu.state, and large data in module variables",
        )
    ]
