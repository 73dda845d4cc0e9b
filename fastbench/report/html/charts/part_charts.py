"""What the selector of a page chooses from: names, URLs, operations and scenarios over time.

Columns stand in the page as they stand in the document; the page's script makes the lines of the
charts of rate, latency and errors of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.foundation.redact import printable
from fastbench.report.html.charts.chart import Limit, short
from fastbench.report.html.charts.limit_lines import Limits
from fastbench.results.part_series import PartSeries
from fastbench.results.result import Result

CHARTS = ("rate", "latency", "errors")  # that a part has, too
MAX_NAME = 120  # characters of a name in the selector; tables have all of it


def parts(result: Result, limits: Limits) -> dict[str, object] | None:
    """Return the parts, JSON-ready; None where there is nothing to choose from."""
    found = result.part_series
    if found is None:
        return None
    several = len({each.scenario for each in found.parts if each.scenario}) > 1
    groups: dict[str, list[int]] = {}
    told = []
    for at, part in enumerate(found.parts):
        groups.setdefault(_group(part, scripted=result.scripted), []).append(at)
        told.append(_part(part, limits, found.span_s, several=several))
    return {
        "start": [short(each, 6) for each in found.t_s],
        "span": [short(each, 4) for each in found.span_s],
        "all": f"All {result.noun}s",
        "groups": [[name, places] for name, places in groups.items()],
        "parts": told,
    }


def _group(part: PartSeries, *, scripted: bool) -> str:
    if part.kind == "scenario":
        return "Scenarios"
    if part.kind != "http":
        return "Operations"
    return "Requests" if scripted else "URLs"


def _part(
    part: PartSeries, limits: Limits, span_s: Sequence[float], *, several: bool
) -> dict[str, object]:
    told: dict[str, object] = {
        "name": _name(part, several=several),
        "latency": f"{part.latency} time" if part.latency == "response" else "",
        "ended": list(part.ended),
        "p50": [short(each, 4) for each in part.p50_ms],
        "p95": [short(each, 4) for each in part.p95_ms],
        "p99": [short(each, 4) for each in part.p99_ms],
    }
    if any(part.failed):
        told["failed"] = list(part.failed)
    lines = _limits(part, limits, span_s)
    return told | ({"limits": lines} if lines else {})


def _limits(
    part: PartSeries, limits: Limits, span_s: Sequence[float]
) -> dict[str, list[dict[str, object]]]:
    tags = {"kind": part.kind, "name": part.name, "method": part.method, "scenario": part.scenario}
    if part.kind == "scenario":
        tags = {"scenario": part.name}
    tags = {name: value for name, value in tags.items() if value}
    per_s = [count / span for count, span in zip(part.ended, span_s, strict=True)]
    found: dict[str, list[dict[str, object]]] = {}
    for chart in CHARTS:
        lines: tuple[Limit, ...] = limits.of(chart, per_s if chart == "errors" else (), **tags)
        if lines:
            found[chart] = [each.plain() for each in lines]
    return found


def _name(part: PartSeries, *, several: bool) -> str:
    words = [part.method, part.name] if part.method else [part.name]
    name = printable(" ".join(words))
    name = name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
    return f"{name} in {printable(part.scenario)}" if several and part.scenario else name
