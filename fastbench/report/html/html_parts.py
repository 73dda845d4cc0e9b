"""Parts that pages share: heading, figures in large print, warnings, places for charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastbench.report.html.html_charts import Chart
from fastbench.report.html.html_markup import Markup, el
from fastbench.report.html.html_verdict import Figure
from fastbench.results.result import Warning_

__all__ = ["charts", "figures", "heading", "warnings"]

HINT = (
    "Point at a chart to read it; drag over it to zoom, double-click to zoom out; a name above a "
    "chart hides its line."
)


def heading(title: str, about: Iterable[str]) -> Markup:
    """Return the name of the page, and what stands below it."""
    below = " · ".join(part for part in about if part)
    return el("header", el("p", "fastbench", class_="brand"), el("h1", title), el("p", below))


def figures(shown: Iterable[Figure]) -> Markup:
    """Return the numbers that are read first."""
    return el("dl", *map(_figure, shown), id="figures")


def _figure(figure: Figure) -> Markup:
    shown = el("dd", figure.shown, class_=figure.kind)
    return el("div", el("dt", figure.name), shown, el("dd", figure.more, class_="more"))


def warnings(found: Sequence[Warning_]) -> list[Markup]:
    """Return the list of what a reader should know, nothing without any."""
    told = ["; ".join(part for part in (each.text, each.hint) if part) for each in found]
    return [el("ul", *(el("li", text) for text in told), class_="warnings")] if told else []


def charts(drawn: Sequence[Chart]) -> Markup | None:
    """Return the places that the script draws in: what goes over time, then what does not."""
    if not drawn:
        return None
    groups = [[each for each in drawn if (each.kind == "time") == timed] for timed in (True, False)]
    return el(
        "section",
        el("noscript", "The charts need JavaScript; the tables below do not."),
        el("p", HINT, class_="hint"),
        *(el("div", *map(_place, group), class_="charts") for group in groups if group),
        id="charts",
    )


def _place(chart: Chart) -> Markup:
    caption = el("figcaption", chart.title, " ", el("small", chart.note))
    return el("figure", caption, class_="wide" if chart.wide else "", data_chart=chart.name)
