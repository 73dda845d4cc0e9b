"""Several candidates as one HTML file: a row for each, then each one's pictures and tables."""

from __future__ import annotations

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.foundation.units import format_instant
from fastbench.report import candidates, compared
from fastbench.report.html import html_comparison, html_parts, html_tables
from fastbench.report.html.charts import latency_charts
from fastbench.report.html.charts.chart import Chart, charts_script, drawing
from fastbench.report.html.html_markup import (
    Markup,
    Row,
    TableCell,
    data_block,
    el,
    section,
    table,
    unnamed,
)
from fastbench.report.html.html_page import own, page

COLORS = (0, 1, 2, 3, 4)  # of the page's lines; the base has the last one
KINDS = {"better": "good", "worse": "bad", "REGRESSION": "bad", "inconclusive": "warn"}


def render(found: Comparisons) -> str:
    """Return the page, ending in a newline."""
    title = f"{len(found.each)} candidates against {found.base}"
    charts = _charts(found)
    main = _page(found, title, charts)
    if not charts:
        return page(title, main)
    data = data_block("data", drawing((), charts))
    return page(title, main, data, script=own("page.js") + charts_script())


def _page(found: Comparisons, title: str, charts: list[Chart]) -> Markup:
    first = found.each[0]
    when = format_instant(first.environment.started_at)
    return html_parts.main(
        html_parts.heading(title, (*candidates.load(found), when), "compare"),
        _verdict(found),
        _candidates(found),
        html_parts.charts(charts),
        *(part for number, each in enumerate(found.each, 1) for part in _details(number, each)),
        html_tables.configuration(first.config),
        html_parts.environment(first.environment),
        html_parts.footer(f"fastbench {found.version}", when),
    )


def _verdict(found: Comparisons) -> Markup:
    kind = "fail" if found.regressed else html_comparison.KINDS[candidates.good(found)]
    told = [candidates.outcome(found), candidates.together(found), candidates.ended(found)]
    sentences = [html_parts.sentence(each) for each in told if each]
    return html_parts.verdict(f"{len(found.each)} candidates", kind, sentences)


def _candidates(found: Comparisons) -> Markup:
    name = candidates.metric_name(found)
    heads = ("", f"{name} #", "change #", f"{candidates.sure(found)} #", "p, corrected #", "")
    rows: list[Row] = [[found.base, candidates.base_figure(found), "base", "", "", ""]]
    for row in candidates.rows(found):
        word = TableCell(row.word, KINDS.get(row.word, ""))
        rows.append([row.label, row.typical, row.change, row.interval, row.p, word])
    return section("Candidates", table(heads, rows), identity="candidates")


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
    title = f"Candidate {number}: {compared.TITLES[found.verdict].lower()}"
    told = html_comparison.sentences(found)
    about = section(title, *(el("p", each) for each in told), *html_parts.warnings(found.warnings))
    parts = html_comparison.details(found)
    named = el("p", found.candidate, class_="hint")
    return [el("section", named, about), *map(unnamed, parts)]
