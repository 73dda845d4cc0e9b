"""`--shape` over what a script declares: its load is the normal one, 1x. Pure.

1. normal and peak keep executor, stages and length, and multiply as --scale does. The whole of a
   scenario is the stage `normal` or `peak`, unless its stages have names.
2. spike, sustained and ramp have lengths of their own, and hold the highest load of a scenario: its
   VUs, or where iterations start at a rate this rate. All scenarios start at once. The VUs of a
   rate are as many times as many as its highest factor says.
3. Where iterations end a scenario, spike, sustained and ramp have its VUs run for their time.
4. Between parts the load steps, by a stage without length: the spike is 10x for all of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastbench.foundation import units
from fastbench.plan.load_shapes import SHAPES, Shape
from fastbench.script.load.scaling import at_least_one, scaled, stretched
from fastbench.script.spec import ARRIVAL, ITERATIONS, Spec, filled


def shaped(spec: Spec, name: str, notices: list[str], length_s: float | None = None) -> Spec:
    """Give a scenario a shape, `length_s` long if that is not its own length."""
    shape = SHAPES[name]
    if not shape.timed:
        names = spec.stage_names or (name,) * max(1, len(spec.stages or ()))
        return replace(scaled(spec, shape.peak), stage_names=names)
    if spec.executor in ITERATIONS:
        notices.append(
            f"Scenario {spec.name}: --shape {name} has its VUs run for "
            f"{units.format_s(length_s or shape.length_s)}; its iterations end it no more."
        )
    elif spec.stages is not None:
        notices.append(
            f"Scenario {spec.name}: its highest load is what --shape {name} multiplies; its own "
            "stages are not used."
        )
    if spec.start_time_s:
        notices.append(f"Scenario {spec.name}: with --shape {name} it starts at once.")
    found = _held(replace(spec, start_time_s=0.0), shape)
    return stretched(found, 1.0 if length_s is None else length_s / shape.length_s)


def _held(spec: Spec, shape: Shape) -> Spec:
    """Hold the highest load of a scenario, times what each part of a shape says."""
    rates = spec.executor in ARRIVAL
    level: float = spec.vus or spec.most_vus
    if rates:
        targets = [target for _, target in spec.stages or ()]
        level = max(spec.rate or 0.0, spec.start_rate or 0.0, *targets, 0.0)

    def at(factor: float) -> float:
        return level * factor if rates else at_least_one(level, factor)

    stages: list[tuple[float, float]] = []
    names: list[str] = []
    before = shape.parts[0].first
    for part in shape.parts:
        if part.first != before:
            stages.append((0.0, at(part.first)))
            names.append(part.name)
        stages.append((part.length_s, at(part.last)))
        names.append(part.name)
        before = part.last
    changes = {"stages": tuple(stages), "stage_names": tuple(names)}
    if not rates:
        return filled(spec, "ramping-vus", {**changes, "start_vus": at(shape.parts[0].first)})
    vus = {
        "pre_allocated_vus": at_least_one(spec.pre_allocated_vus or 0, shape.peak),
        "max_vus": at_least_one(spec.most_vus, shape.peak),
    }
    first = {"start_rate": at(shape.parts[0].first)}
    return filled(spec, "ramping-arrival-rate", {**changes, **vus, **first})


def planned(specs: Sequence[Spec], name: str) -> list[str]:
    """Return the load of shaped scenarios in words: a line each, with lengths and peaks."""
    return [f"Scenario {spec.name}, --shape {name}: {_planned(spec)}." for spec in specs]


def _planned(spec: Spec) -> str:
    if spec.executor in ITERATIONS:
        each = " each" if spec.executor == "per-vu-iterations" else ""
        count, vus = units.plural(spec.iterations or 0, "iteration"), _level(spec, spec.most_vus)
        return f"{count}{each} of {vus}, at most {units.format_s(spec.length_s)}"
    parts: list[tuple[str, float, float, float]] = []  # name, length, first, last
    names = spec.stage_names if spec.stages is not None else spec.stage_names[:1]
    levels = spec.levels or ((spec.length_s, spec.most_vus, spec.most_vus),)
    for part, (length_s, first, last) in zip(names, levels, strict=True):
        if not length_s:
            continue
        if parts and parts[-1][0] == part:
            _, before_s, first, _ = parts.pop()
            length_s += before_s
        parts.append((part, length_s, first, last))
    words = []
    for part, length_s, first, last in parts:
        begin = f"{_level(spec, first).partition(' ')[0]} to " if first != last else ""
        name = f"{part} " if part else ""
        words.append(f"{name}{begin}{_level(spec, last)} for {units.format_s(length_s)}")
    most = f", at most {_level(spec, spec.most_vus, vus=True)}" if spec.executor in ARRIVAL else ""
    return ", ".join(words) + most


def _level(spec: Spec, level: float, *, vus: bool = False) -> str:
    if spec.executor in ARRIVAL and not vus:
        return units.format_rate(level)
    return f"{level:,.0f} VU" + ("s" if level != 1 else "")
