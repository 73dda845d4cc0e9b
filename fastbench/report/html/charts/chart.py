"""One chart of a page, as its numbers stand in the page's JSON block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from fastbench.results.result import SeriesRow

SCRIPTS = ("scales.js", "chart.js", "charts.js")  # one after the other
Values = list[float | None]
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold as a line of a chart: `value` in the chart's unit, or `values` for each row.

    `kind` is "good", "warn" or "bad"; `begin_s` and `end_s` are the time it is judged in, None
    where that is the whole run.
    """

    text: str
    kind: str
    value: float | None = None
    values: tuple[float | None, ...] = ()
    begin_s: float | None = None
    end_s: float | None = None

    def plain(self) -> dict[str, object]:
        """Return it as it stands in the page's JSON."""
        found: dict[str, object] = {"text": self.text, "kind": self.kind}
        if self.values:
            found["values"] = [short(each) for each in self.values]
        else:
            found["value"] = short(self.value)
        if self.end_s is not None:
            found["during"] = [short(self.begin_s), short(self.end_s)]
        return found


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: what its axes count, and its lines as they stand in the page's JSON.

    `kind` is "time", "bars" or "spectrum"; `unit` names a format of the page's script, and `axis`
    says in words what is counted. Lines of a `stacked` one stand on each other, the first below.
    `empty` says what a reader learns from a chart whose lines are all zero; without it such a chart
    is left out.
    """

    name: str
    title: str
    note: str
    kind: str
    unit: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[str, float], ...] = ()
    wide: bool = False
    axis: str = ""
    stacked: bool = False
    limits: tuple[Limit, ...] = ()
    empty: str = ""

    def plain(self) -> dict[str, object]:
        """Return what the page's script draws, JSON-ready."""
        found: dict[str, object] = {
            "kind": self.kind,
            "unit": self.unit,
            "axis": self.axis,
            "lines": list(self.lines),
            "marks": [[name, short(value)] for name, value in self.marks],
        }
        if self.stacked:
            found["stacked"] = 1
        if self.empty:
            found["empty"] = self.empty
        if self.limits:
            found["limits"] = [each.plain() for each in self.limits]
        return found


def charts_script() -> str:
    """Return the script that draws charts, for the end of a page."""
    return "".join(_own(name) for name in SCRIPTS)


def charts_style() -> str:
    """Return the style of charts, which comes after that of every page."""
    return _own("charts.css")


def _own(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def drawing(rows: Iterable[SeriesRow], drawn: Iterable[Chart]) -> dict[str, object]:
    """Return what the page's script draws, JSON-ready: the charts, and the rows they are of."""
    rows = list(rows)
    return {
        "start": [short(row.t_s, 6) for row in rows],
        "span": [short(row.span_s, 4) for row in rows],
        "charts": {chart.name: chart.plain() for chart in drawn},
    }


def chart_over_time(
    name: str,
    title: str,
    note: str,
    unit: str,
    lines: Iterable[Line],
    axis: str,
    *,
    wide: bool = False,
) -> Chart:
    """Return one over time."""
    return Chart(name, title, note, "time", unit, tuple(lines), wide=wide, axis=axis)


def shown(chart: Chart) -> Chart | None:
    """Leave out lines that are nothing but gaps and zeros, and a chart of nothing else.

    That nothing went wrong is worth seeing: one flat line.
    """
    kept = tuple(each for each in chart.lines if any(each["values"]))
    if not kept and chart.empty:
        return replace(chart, note=chart.empty, lines=chart.lines[:1])
    return replace(chart, lines=kept) if kept else None


def line(
    name: str, values: Iterable[float | None], color: int = 0, *, area: bool = False, dash: int = 0
) -> Line:
    """Return one line of a chart over time; `dash` is 1 or 2 for one that is not solid."""
    made: dict[str, object] = {"name": name, "color": color, "values": [short(v) for v in values]}
    return made | ({"area": 1} if area else {}) | ({"dash": dash} if dash else {})


def short(value: float | None, digits: int = 5) -> float | int | None:
    """Round to what can be seen; a whole number stays one, and is shorter."""
    if value is None or not math.isfinite(value):
        return None
    if not value:
        return 0
    rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return int(rounded) if rounded == int(rounded) else rounded
