"""The command line applied to what a script declares. Pure: parent and workers get the same.

1. A number of the command line replaces that number in every scenario that runs, and nothing else:
   function, tags, env, start time and graceful stop stay.
2. What an executor has no number for changes the executor: -i makes iterations of a duration, -s
   makes a ramp. A ramp keeps its shape: -u sets its peak and -d its length. Each of these is told
   in a notice.
3. A scenario without executor gets k6's shortcuts: those of the command line, else of Options,
   else of the Options of the module that declares it, else one VU and one iteration. Stages of
   Options are a ramp like any other: see 2.
4. --shape comes after these, over the load that they make (see shaping); -d is its length.
5. --scale and --time-scale come last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fastbench.foundation import redact, units
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.load_shapes import SHAPES
from fastbench.plan.plan import Tls
from fastbench.script import schedule
from fastbench.script.api.options import Declared, Load, Settings
from fastbench.script.load import shaping, sliced_load
from fastbench.script.load.scaling import scaled, stretched
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import ARRIVAL, ITERATIONS, Spec, filled

MAX_DURATION_S = 600.0  # of iterations that were given none, as in k6
MAX_SHARED = 32  # counters that the workers share


@dataclass(frozen=True, slots=True)
class Applied:
    """Hold what a run is to do. `config` is what was asked, redacted and JSON-ready.

    `known` are the names of all scenarios of the script, also of those that do not run.
    """

    declared: Declared
    notices: tuple[str, ...]
    config: Mapping[str, object]
    known: tuple[str, ...]

    @property
    def options(self) -> Settings:
        return self.declared.options

    @property
    def scenarios(self) -> tuple[Spec, ...]:
        return self.declared.scenarios

    @property
    def most_vus(self) -> int:
        """How many VUs there may be, each with an id of its own."""
        return sum(each.most_vus for each in self.scenarios)

    @property
    def length_s(self) -> float:
        """When no more iterations are started, at the latest."""
        return max(each.start_time_s + each.length_s for each in self.scenarios)

    @property
    def end_s(self) -> float:
        """When everything is over at the latest, from the start line on."""
        return max(each.end_s for each in self.scenarios)

    def shares(self, workers: int) -> tuple[tuple[schedule.Share, ...], ...]:
        """Return the shares of each worker."""
        return schedule.shares(self.scenarios, workers)


def applied(declared: Declared, request: RunRequest) -> Applied:
    """Apply the command line to what the script declares; raises UsageError."""
    notices = list(declared.lost)
    chosen = _chosen(declared.scenarios, request.scenarios, notices)
    if not chosen:
        raise UsageError(
            "The script declares no scenario; put @scenario before an `async def name(vu)`."
        )
    wanted = Load(request.vus, request.duration_s, request.iterations, request.stages or None)
    _refuse_two_ends(wanted)
    if declared.options.load and all(each.executor for each in declared.scenarios):
        raise UsageError(
            "Options give vus, duration, iterations or stages, but every scenario has its own "
            "executor; leave them out of one of both."
        )
    scenarios = []
    for each in chosen:
        own = declared.options.load or declared.loads.get(each.name, Load())
        found = _shaped(each, own, wanted, request.shape, notices)
        found = stretched(scaled(found, request.scale), request.time_scale)
        if request.gate is not None:
            found = sliced_load.in_turns(found, request.gate.length_s)
        scenarios.append(found)
    if request.shape:
        notices += shaping.planned(scenarios, request.shape)
    if sum(each.executor == "shared-iterations" for each in scenarios) > MAX_SHARED:
        raise UsageError(
            f"At most {MAX_SHARED} scenarios can be shared-iterations; name some with --scenario."
        )
    result = Declared(
        options=_settings(declared.options, request),
        scenarios=tuple(scenarios),
        setup=declared.setup and not request.no_setup,
        teardown=declared.teardown and not request.no_teardown,
        metrics=declared.metrics,
        warnings=declared.warnings,
    )
    known = tuple(each.name for each in declared.scenarios)
    return Applied(result, tuple(notices), _config(result, request), known)


def _chosen(scenarios: Sequence[Spec], names: Sequence[str], notices: list[str]) -> Sequence[Spec]:
    """Return the scenarios that --scenario names; the first of them starts at once."""
    if not names:
        return scenarios
    known = [each.name for each in scenarios]
    for name in names:
        if name not in known:
            raise UsageError(
                f"--scenario {name}: the script has no such scenario, it has {', '.join(known)}."
            )
    chosen = [each for each in scenarios if each.name in names]
    first_s = min(each.start_time_s for each in chosen)
    if first_s > 0:
        notices.append(
            f"--scenario: the run starts {units.format_s(first_s)} earlier than with all scenarios."
        )
    return [replace(each, start_time_s=each.start_time_s - first_s) for each in chosen]


def _shaped(spec: Spec, own: Load, wanted: Load, shape: str | None, notices: list[str]) -> Spec:
    """Return a scenario with its executor, as the command line has it, and in its shape."""
    timed = shape is not None and SHAPES[shape].timed
    if timed and (wanted.stages or wanted.iterations is not None):
        flag = "-s" if wanted.stages else "-i"
        raise UsageError(
            f"--shape {shape} says itself how the load changes and when it ends; leave out {flag}."
        )
    length_s = wanted.duration_s if timed else None
    asked = replace(wanted, duration_s=None) if timed else wanted
    said: list[str] = [] if timed else notices  # of stages that a timed shape does not keep
    if spec.executor is None:
        found = _from_shortcuts(spec, own, asked, said)
    else:
        found = _overridden(spec, asked, said)
    return found if shape is None else shaping.shaped(found, shape, notices, length_s)


def _refuse_two_ends(load: Load) -> None:
    other = "-d" if load.duration_s is not None else "-i" if load.iterations is not None else ""
    if load.stages and other:
        raise UsageError(f"-s sets the length of the run; leave out {other}.")


def _from_shortcuts(spec: Spec, own: Load, wanted: Load, notices: list[str]) -> Spec:
    """Give a scenario its executor as k6's shortcuts do."""
    if own.stages and not wanted.stages:
        stages = {"stages": _whole(own.stages), "stage_names": own.stage_names}
        ramp = filled(spec, "ramping-vus", {**stages, "start_vus": own.vus or 1})
        return _overridden(ramp, wanted, notices)
    if wanted.duration_s is not None or wanted.iterations is not None or wanted.stages:
        load = replace(wanted, vus=wanted.vus or own.vus)  # another end replaces those of Options
    else:
        load = replace(own, vus=wanted.vus or own.vus)
    vus = load.vus or 1
    if load.stages:
        return filled(spec, "ramping-vus", {"stages": _whole(load.stages), "start_vus": vus})
    if load.iterations is not None:
        return _shared(spec, load.iterations, vus, load.duration_s or MAX_DURATION_S, notices)
    if load.duration_s is not None:
        return filled(spec, "constant-vus", {"vus": vus, "duration_s": load.duration_s})
    if vus > 1:
        notices.append(
            f"Scenario {spec.name}: each of {vus} VUs runs one iteration; for more give -d or -i."
        )
    return filled(spec, "per-vu-iterations", {"vus": vus, "iterations": 1})


def _overridden(spec: Spec, wanted: Load, notices: list[str]) -> Spec:
    if wanted.stages:
        return _ramped(spec, wanted, notices)
    if wanted.iterations is not None:
        return _iterated(spec, wanted, notices)
    if wanted.vus is not None:
        spec = _with_vus(spec, wanted.vus, notices)
    if wanted.duration_s is not None:
        spec = _with_length(spec, wanted.duration_s, notices)
    return spec


def _ramped(spec: Spec, wanted: Load, notices: list[str]) -> Spec:
    """Apply -s; a rate ramps from the rate that it had, and VUs from those there were."""
    changes: dict[str, Any] = {"stages": wanted.stages}
    if spec.executor in ARRIVAL:
        executor = "ramping-arrival-rate"
        if spec.executor != executor:
            changes["start_rate"] = spec.rate
        if wanted.vus is not None:
            changes |= {"pre_allocated_vus": wanted.vus, "max_vus": wanted.vus}
    else:
        executor = "ramping-vus"
        changes["stages"] = _whole(wanted.stages or ())
        start = wanted.vus or (spec.start_vus if spec.executor == executor else spec.vus)
        changes["start_vus"] = start
    _tell_change(spec, executor, "-s", notices)
    return filled(spec, executor, changes)


def _iterated(spec: Spec, wanted: Load, notices: list[str]) -> Spec:
    vus = wanted.vus or (spec.pre_allocated_vus if spec.executor in ARRIVAL else spec.most_vus)
    iterations = wanted.iterations or 1
    length_s = wanted.duration_s or spec.max_duration_s or MAX_DURATION_S
    if spec.executor == "per-vu-iterations":
        if (vus or 1) > 1:
            notices.append(f"Scenario {spec.name}: -i {iterations} is for each of its {vus} VUs.")
        changes = {"iterations": iterations, "vus": vus, "max_duration_s": length_s}
        return filled(spec, spec.executor, changes)
    _tell_change(spec, "shared-iterations", "-i", notices)
    return _shared(spec, iterations, vus or 1, length_s, notices)


def _shared(spec: Spec, iterations: int, vus: int, length_s: float, notices: list[str]) -> Spec:
    if vus > iterations:
        notices.append(
            f"Scenario {spec.name}: {iterations} iterations need no more than {iterations} VUs; "
            f"{vus} were lowered."
        )
        vus = iterations
    changes = {"iterations": iterations, "vus": vus, "max_duration_s": length_s}
    return filled(spec, "shared-iterations", changes)


def _with_vus(spec: Spec, vus: int, notices: list[str]) -> Spec:
    if spec.executor in ARRIVAL:
        return replace(spec, pre_allocated_vus=vus, max_vus=vus)
    if spec.stages is not None:
        notices.append(
            f"Scenario {spec.name}: -u {vus} is its peak, which was {spec.most_vus}; "
            "its stages keep their shape."
        )
        return scaled(spec, vus / spec.most_vus)
    if spec.executor == "shared-iterations":
        return _shared(spec, spec.iterations or 1, vus, spec.length_s, notices)
    return replace(spec, vus=vus)


def _with_length(spec: Spec, length_s: float, notices: list[str]) -> Spec:
    if spec.executor in ITERATIONS:
        return replace(spec, max_duration_s=length_s)
    if spec.stages is None:
        return replace(spec, duration_s=length_s)
    notices.append(
        f"Scenario {spec.name}: -d {units.format_s(length_s)} is the length of its stages, "
        f"which was {units.format_s(spec.length_s)}; they keep their shape."
    )
    share = length_s / spec.length_s
    return replace(spec, stages=tuple((each_s * share, target) for each_s, target in spec.stages))


def _whole(stages: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    for _, target in stages:
        if target != int(target):
            raise UsageError(f"-s: VUs are whole, not {target:g}.")
    return tuple((length_s, int(target)) for length_s, target in stages)


def _tell_change(spec: Spec, executor: str, flag: str, notices: list[str]) -> None:
    if spec.executor != executor:
        notices.append(f"Scenario {spec.name}: {flag} makes its {spec.executor} {executor}.")


def _settings(own: Settings, request: RunRequest) -> Settings:
    """Return the options under the flags that say the same."""
    named = {name.lower() for name, _ in request.headers}
    headers = [pair for pair in own.headers if pair[0].lower() not in named]
    expected = own.expected
    if request.expect is not None:
        expected = tuple((status, status) for status in sorted(request.expect))
    return replace(
        own,
        load=Load(),  # it is in the scenarios now
        thresholds={} if request.no_thresholds else own.thresholds,
        goals=() if request.no_thresholds else own.goals,
        tags={**own.tags, **request.tags},
        base_url=request.base_url or own.base_url,
        headers=(*headers, *request.headers),
        user_agent=own.user_agent if request.user_agent is None else request.user_agent,
        timeout_s=request.timeout_s or own.timeout_s,
        connect_timeout_s=request.connect_timeout_s or own.connect_timeout_s,
        max_redirects=own.max_redirects if request.max_redirects is None else request.max_redirects,
        expected=expected,
        tls=_tls(own.tls, request.tls),
        no_connection_reuse=own.no_connection_reuse or not request.keepalive,
        proxies=request.proxies if request.proxies.all() else own.proxies,
        http=request.http or own.http,
        discard_response_bodies=own.discard_response_bodies or request.discard_bodies,
    )


def _tls(own: Tls, request: Tls) -> Tls:
    pair = request if request.certfile else own
    return Tls(
        verify=own.verify and request.verify,
        cafile=request.cafile or own.cafile,
        certfile=pair.certfile,
        keyfile=pair.keyfile,
        servername=request.servername or own.servername,
    )


def _config(declared: Declared, request: RunRequest) -> dict[str, object]:
    scenarios = []
    for spec in declared.scenarios:
        given = {name: value for name, value in asdict(spec).items() if value is not None}
        given["env"] = _redacted(spec.env)
        scenarios.append(given)
    base_url = declared.options.base_url
    return {
        **request.config,
        "script": redact.printable(request.script),
        "url": None if base_url is None else redact.printable(redact.url(base_url)),
        "vus": sum(each.most_vus for each in declared.scenarios),
        "duration_s": max(each.start_time_s + each.length_s for each in declared.scenarios),
        "workers": request.workers,
        "timeout_s": declared.options.timeout_s,
        "connect_to": [each.text for each in request.connect_to if not each.addresses],
        "resolve": [each.text for each in request.connect_to if each.addresses],
        "proxy": " and ".join(each.shown for each in declared.options.proxies.all()) or None,
        "env": _redacted(request.env),
        "tags": _redacted(declared.options.tags),
        "scenarios": scenarios,
        **({"derived": dict(declared.options.derived)} if declared.options.derived else {}),
    }


def _redacted(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return texts by name as they may be shown."""
    return {
        redact.printable(name): redact.MASK
        if redact.secret_key(name)
        else redact.printable(redact.text(value))
        for name, value in pairs.items()
    }
