"""When the stages of a plan begin and end, by the names that thresholds have for them."""

from __future__ import annotations

from dataclasses import replace

from fastbench.results.load_stages import LoadPart, LoadStage, numbered, stages_of
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.spec import ARRIVAL, ITERATIONS, Spec

Span = tuple[float, float]


def spans(applied: Applied) -> dict[str, Span]:
    """Return when each stage begins and ends: "NAME", "NAME.1"; of a single scenario also "1".

    A stage that has a name of its own is there by that, too: from the first of that name to the
    last one, also where a scenario has the name. Each of several is there as "NAME.1", "NAME.2".
    """
    found: dict[str, Span] = {}
    own: dict[str, Span] = {}
    each_own: dict[str, Span] = {}
    for spec in applied.scenarios:
        begin_s = spec.start_time_s
        found[spec.name] = (begin_s, begin_s + spec.length_s)
        stages = spec.stages if spec.stages is not None else ((spec.length_s, 0.0),)
        for number, (length_s, _) in enumerate(stages, 1):
            span = (begin_s, begin_s + length_s)
            begin_s += length_s
            if spec.stages is not None:
                found[f"{spec.name}.{number}"] = span
                if len(applied.scenarios) == 1:
                    found[str(number)] = span
            if name := (spec.stage_names[number - 1] if spec.stage_names else ""):
                for key in (name, f"{spec.name}.{name}"):
                    own[key] = _joined(own.get(key, span), span)
        parts = _parts(spec)
        for part, name in zip(parts, numbered(each.own for each in parts), strict=True):
            for key in (name, f"{spec.name}.{name}") if part.own else ():
                each_own.setdefault(key, (part.begin_s, part.end_s))
    return {**each_own, **found, **own}


def load_stages(applied: Applied) -> tuple[LoadStage, ...]:
    """Return the stages of the load of all scenarios, as a result tells of them."""
    parts = [(spec, part) for spec in applied.scenarios for part in _parts(spec)]
    several = len(applied.scenarios) > 1
    return stages_of(
        [replace(part, name=_name(spec, part)) if several else part for spec, part in parts]
    )


def _name(spec: Spec, part: LoadPart) -> str:
    """Return what a stage is called beside those of other scenarios."""
    if spec.stages is None:
        return spec.name
    return f"{spec.name}.{part.own or part.name}"


def _parts(spec: Spec) -> list[LoadPart]:
    """Return the stages of a scenario that have a length; one without stages is one itself."""
    rates, found = spec.executor in ARRIVAL, []
    begin_s, vus = spec.start_time_s, float(spec.most_vus)
    levels = spec.levels or ((spec.length_s, vus, vus),)
    for number, (length_s, first, last) in enumerate(levels, 1):
        own = spec.stage_names[number - 1] if spec.stage_names and spec.stages is not None else ""
        part = LoadPart(str(number), own, begin_s, begin_s + length_s, first, last, rates)
        found.append(replace(part, open_ended=spec.executor in ITERATIONS))
        begin_s += length_s
    return [part for part in found if part.end_s > part.begin_s]


def _joined(one: Span, other: Span) -> Span:
    return min(one[0], other[0]), max(one[1], other[1])
