"""Several candidates as one HTML file: a row for each, then each one's pictures and tables."""

from __future__ import annotations

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.report import candidates
from fastbench.report.columns import NOTHING
from fastbench.report.html import html_asked, html_comparison, html_parts, html_pictures
from fastbench.report.html.charts import latency_charts
from fastbench.report.html.charts.chart import Chart, charts_script, charts_style, drawing
from fastbench.report.html.html_markup import (
    Markup,
    Row,
    TableCell,
    breakable,
    data_block,
    el,
    section,
    table,
    unnamed,
)
from fastbench.report.html.html_page import page

COLORS = (0, 1, 2, 3, 4)  # of the page's lines; the base has the last one
KINDS = {"better": "good", "worse": "bad", "REGRESSION": "bad", "inconclusive": "warn"}


def render(found: Comparisons) -> str:
    """Return the page, ending in a newline."""
    title = f"{len(found.each)} candidates against {found.base}"
    named = f"{_state(found)} against {found.base}"
    charts = _charts(found)
    main = _page(found, title, charts)
    if not charts:
        return page(named, main)
    data = data_block("data", drawing((), charts))
    return page(named, main, data, script=charts_script(), style=charts_style())


def _page(found: Comparisons, title: str, charts: list[Chart]) -> Markup:
    first = found.each[0]
    when = html_parts.when(first.environment.started_at)
    return html_parts.main(
        html_parts.heading(title, (*candidates.load(found), when), "compare"),
        _verdict(found),
        _candidates(found),
        html_parts.charts(charts),
        *(part for number, each in enumerate(found.each, 1) for part in _details(number, each)),
        html_asked.asked(first.config, html_parts.environment(first.environment)),
        html_parts.footer(f"fastbench {found.version}", when),
    )


def _verdict(found: Comparisons) -> Markup:
    kind = "fail" if found.regressed else html_comparison.KINDS[candidates.good(found)]
    told = [candidates.together(found), candidates.ended(found)]
    sentences = [html_parts.sentence(each) for each in told if each]
    if all(each.regression_limit is None for each in found.each):
        sentences.append(html_comparison.NOT_JUDGED)
    return html_parts.verdict(_state(found), kind, sentences)


def _state(found: Comparisons) -> str:
    """Count the verdicts, regressions before all: `2 candidates: 1 worse, 1 same`."""
    words = html_parts.sentence(candidates.outcome(found))[:-1]
    failed = "Failed: " if found.regressed else ""
    return f"{failed}{len(found.each)} candidates: {words}"


def _candidates(found: Comparisons) -> Markup:
    """Return the row of each candidate, and its change as a picture, all on one scale."""
    metric = candidates.metric_name(found)
    heads = ("", f"{metric} #", "change #", f"{candidates.sure(found)} #", "p, corrected #", "")
    rows: list[Row] = [
        [_named("base", found.base), candidates.base_figure(found), NOTHING, NOTHING, NOTHING, ""]
    ]
    for number, row in enumerate(candidates.rows(found), 1):
        word = TableCell(row.word, KINDS.get(row.word, ""))
        name = _named(f"candidate {number}", row.label)
        rows.append([name, row.typical, row.change, row.interval, row.p, word])
    drawn = html_pictures.candidates(found.each)
    return section("Candidates", *drawn, table(heads, rows), identity="candidates", note=metric)


def _named(side: str, label: str) -> Markup:
    return el("div", side, el("small", *breakable(label)))


def _charts(found: Comparisons) -> list[Chart]:
    """Draw the latencies of all sides into one picture; those that have none are left out."""
    known = [
        (f"candidate {at + 1}", each.latency, COLORS[at % len(COLORS)])
        for at, each in enumerate(found.each)
        if each.latency is not None
    ]
    if not known:
        return []
    sides = {"base": (known[0][1].base, html_comparison.BASE_COLOR)}
    sides |= {name: (latency.candidate, color) for name, latency, color in known}
    return latency_charts.of_latencies(sides, shares=True)


def _details(number: int, found: Comparison) -> list[Markup]:
    """Return a candidate's part: the same as the page of two sides, without what all share."""
    title = f"Candidate {number}: {html_comparison.state(found).lower()}"
    first, *told = html_comparison.sentences(found, judged=True)
    sentences = (el("p", first, class_="sentence"), *(el("p", each) for each in told))
    warned = html_parts.warnings(found.warnings)
    named = el("p", *breakable(found.candidate), class_="hint")
    parts = html_comparison.details(found)
    return [section(title, named, *sentences, *warned, kind="candidate"), *map(unnamed, parts)]
