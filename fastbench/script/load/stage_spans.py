"""When the stages of a plan begin and end, by the names that thresholds have for them."""

from __future__ import annotations

from fastbench.script.load.cli_overrides import Applied

Span = tuple[float, float]


def spans(applied: Applied) -> dict[str, Span]:
    """Return when each stage begins and ends: "NAME", "NAME.1"; of a single scenario also "1".

    A stage that has a name of its own is there by that, too: from the first of that name to the
    last one, also where a scenario has the name.
    """
    found: dict[str, Span] = {}
    own: dict[str, Span] = {}
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
    return {**found, **own}


def _joined(one: Span, other: Span) -> Span:
    return min(one[0], other[0]), max(one[1], other[1])
