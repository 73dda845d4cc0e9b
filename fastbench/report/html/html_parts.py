"""Parts that pages share: heading, figures in large print, warnings, places for charts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from fastbench.foundation.units import format_instant
from fastbench.report.html.charts.chart import Chart
from fastbench.report.html.html_markup import Content, Markup, Row, breakable, el, table
from fastbench.report.html.html_verdict import Figure
from fastbench.report.page import advice
from fastbench.results.result import Environment, TlsUse, Warning_

_CODE = re.compile(r"(`[^`]+`|(?<![\w-])--[a-z][\w-]*)")
HINT = (
    "Point at a chart to read it; drag over it to zoom, double-click to zoom out; a name above a "
    "chart hides its line."
)
NO_SCRIPT = "The charts need JavaScript; the tables below do not."
STILL = "Without JavaScript these charts show all requests; the tables below have the rest."


def main(*parts: Markup | None) -> Markup:
    """Return the parts that there are, one below the other."""
    return el("main", *(part for part in parts if part is not None))


def heading(title: str, about: Iterable[str], command: str = "") -> Markup:
    """Return the name of the page, and what stands below it."""
    brand = el("p", f"fastbench {command}".rstrip(), class_="brand")
    return el("header", brand, el("h1", *breakable(title)), el("p", _joined(about)))


def verdict(
    title: str, kind: str, sentences: Iterable[Content], found: Iterable[Markup] = ()
) -> Markup:
    """Return what a page says first; `kind` is pass, doubt or fail."""
    told = (el("p", each) if isinstance(each, str) else each for each in sentences)
    return el("section", el("h2", title), *told, *found, id="verdict", class_=kind)


def reasons(found: Iterable[str]) -> Markup:
    """Return the list of reasons below a verdict."""
    return el("ul", *(el("li", *_with_code(each)) for each in found))


def _with_code(text: str) -> list[Content]:
    """Return a sentence whose commands, between backticks, and whose flags are set as code."""
    parts = _CODE.split(text)
    return [el("code", part.strip("`")) if at % 2 else part for at, part in enumerate(parts)]


def environment(found: Environment | None) -> Markup | None:
    """Return the machine it ran on, folded."""
    return None if found is None else folded("Environment", "environment", named(found))


def named(values: Environment | TlsUse) -> list[Row]:
    """Return the fields of a part of a document, each with its name in words."""
    return [[name.replace("_", " "), str(value)] for name, value in asdict(values).items()]


def folded(
    title: str, identity: str, rows: Iterable[Row], heads: Sequence[str] = ("", "")
) -> Markup:
    """Return a table that is a click away; without heads it is of names and values."""
    summary = el("summary", title)
    return el("details", summary, table(heads, rows), class_="fold", id=identity)


def footer(*parts: str) -> Markup:
    """Return the end of the page: the version, and when it was."""
    return el("footer", _joined(parts))


def sentence(text: str) -> str:
    """Begin with a capital letter, and end in a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def when(instant: str) -> str:
    """Return a wall-clock time in ISO 8601 as people read it."""
    return format_instant(instant).replace("+00:00", " UTC")


def _joined(parts: Iterable[str]) -> str:
    return " · ".join(part for part in parts if part)


def figures(shown: Iterable[Figure]) -> Markup:
    """Return the numbers that are read first."""
    return el("dl", *map(_figure, shown), id="figures")


def _figure(figure: Figure) -> Markup:
    shown = el("dd", figure.shown, class_=figure.kind)
    return el("div", el("dt", figure.name), shown, el("dd", figure.more, class_="more"))


def warnings(found: Sequence[Warning_], kind: str = "warnings") -> list[Markup]:
    """Return the list of what a reader should know, nothing without any; `kind` or "notes"."""
    told = (el("li", *_with_code(advice(each))) for each in found)
    return [el("ul", *told, class_=kind)] if found else []


def charts(drawn: Sequence[Chart], still: Markup | None = None) -> Markup | None:
    """Return the places that the script draws in: what goes over time, then what does not.

    `still` is what is shown where no script runs.
    """
    if not drawn:
        return None
    groups = [[each for each in drawn if (each.kind == "time") == timed] for timed in (True, False)]
    return el(
        "section",
        el("noscript", *((NO_SCRIPT,) if still is None else (el("p", STILL), still))),
        el("p", HINT, class_="hint screen"),
        el("div", id="chooser"),
        *(el("div", *map(_place, group), class_="charts") for group in groups if group),
        id="charts",
    )


def _place(chart: Chart) -> Markup:
    caption = el("figcaption", chart.title, " ", el("small", chart.note))
    return el("figure", caption, class_="wide" if chart.wide else "", data_chart=chart.name)
