"""One chart of a page, as its numbers stand in the page's JSON block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from fastbench.results.result import SeriesRow

Values = list[float | None]
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: what its axes count, and its lines as they stand in the page's JSON.

    `kind` is "time", "bars" or "spectrum"; `unit` names a format of the page's script.
    """

    name: str
    title: str
    note: str
    kind: str
    unit: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[str, float], ...] = ()
    wide: bool = False


def charts_script() -> str:
    """Return the script that draws charts, for the end of a page."""
    return resources.files(__package__).joinpath("charts.js").read_text("utf-8")


def chart_over_time(
    name: str, title: str, note: str, unit: str, lines: list[Line], *, wide: bool = False
) -> Chart:
    """Return one over time."""
    return Chart(name, title, note, "time", unit, tuple(lines), wide=wide)


def drawing(rows: Iterable[SeriesRow], drawn: Iterable[Chart]) -> dict[str, object]:
    """Return the same for rows whose charts these are."""
    rows = list(rows)
    return {
        "start": [short(row.t_s, 6) for row in rows],
        "span": [short(row.span_s, 4) for row in rows],
        "charts": {
            chart.name: {
                "kind": chart.kind,
                "unit": chart.unit,
                "lines": list(chart.lines),
                "marks": [[name, short(value)] for name, value in chart.marks],
            }
            for chart in drawn
        },
    }


def shown(chart: Chart) -> Chart | None:
    """Leave out lines that are nothing but gaps and zeros, and a chart of nothing else.

    That nothing went wrong is worth seeing: one flat line.
    """
    kept = tuple(each for each in chart.lines if any(each["values"]))
    if not kept and chart.name == "errors":
        return replace(chart, note="none", lines=chart.lines[:1])
    return replace(chart, lines=kept) if kept else None


def line(
    name: str, values: Values, color: int = 0, *, area: bool = False, dash: bool = False
) -> Line:
    """Return one line of a chart over time."""
    made: dict[str, object] = {"name": name, "color": color, "values": [short(v) for v in values]}
    return made | ({"area": 1} if area else {}) | ({"dash": 1} if dash else {})


def short(value: float | None, digits: int = 5) -> float | int | None:
    """Round to what can be seen; a whole number stays one, and is shorter."""
    if value is None or not math.isfinite(value):
        return None
    if not value:
        return 0
    rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return int(rounded) if rounded == int(rounded) else rounded
