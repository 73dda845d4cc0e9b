"""A result as one HTML file: verdict and thresholds first, then charts over time, then tables.

1. The file stands alone: no network, no import, nothing to install; `html_page` has its policy.
2. Text from scripts and servers is data: the tables are escaped by `html_markup`, the charts read
   their names from a JSON block and put them in with textContent. The tables need no script.
3. The charts are our own SVG, drawn by `charts.js`, and no library's. One that writes a single file
   puts its whole script into every report, and Plotly's alone is several megabytes where an hour's
   report shall have one; Vega compiles expressions, which needs `unsafe-eval`, and most set inline
   styles: the policy above would have to allow both. What is drawn here takes few lines.
"""

from __future__ import annotations

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.report import protocol_words
from fastbench.report.html import (
    html_asked,
    html_parts,
    html_scenario,
    html_stages,
    html_still,
    html_tables,
    html_verdict,
)
from fastbench.report.html.charts import run_charts
from fastbench.report.html.charts.chart import Chart, charts_script, charts_style
from fastbench.report.html.html_markup import Markup, data_block, el
from fastbench.report.html.html_page import page
from fastbench.report.load_heading import load_of
from fastbench.results import addresses
from fastbench.results.result import Result


def render(result: Result, beside: Comparison | None = None) -> str:
    """Return the page, ending in a newline; `beside` is how the run stands beside its baseline."""
    result = result.main
    charts = run_charts.charts(result)
    data = data_block("data", run_charts.document(result, charts))
    load = load_of(result)
    name = load.script or load.url + load.more or "a run"
    title = f"{html_verdict.verdict(result, beside).word}: {name}"
    main = _page(result, beside, charts)
    return page(title, main, data, script=charts_script(), style=charts_style())


def _page(result: Result, beside: Comparison | None, charts: list[Chart]) -> Markup:
    return html_parts.main(
        _heading(result),
        _verdict(result, beside),
        html_parts.figures(html_verdict.figures(result)),
        html_tables.thresholds(result),
        html_tables.baseline(beside),
        html_tables.errors(result),
        html_stages.stages(result),
        html_parts.charts(charts, html_still.figures(run_charts.whole(result), charts)),
        html_tables.latencies(result),
        *html_scenario.parts(result),
        *html_tables.tables(result),
        html_asked.asked(result.config, _machine(result)),
        html_parts.footer(
            f"fastbench {result.version}", html_parts.when(result.environment.started_at)
        ),
    )


def _machine(result: Result) -> Markup:
    """Return the machine it ran on, and what its connections agreed on."""
    rows = html_parts.named(result.environment)
    if result.tls is not None:
        rows += [[f"TLS {name}", value] for name, value in html_parts.named(result.tls)]
    if spoken := protocol_words.told(result):
        rows.append(["protocol", ", ".join(spoken)])
    return html_parts.folded("Environment", "environment", rows)


def _heading(result: Result) -> Markup:
    load = load_of(result)
    when = html_parts.when(result.environment.started_at)
    about = html_verdict.about(load, addresses.summary(result.addresses))
    return html_parts.heading(html_verdict.title(load), [*about, when])


def _verdict(result: Result, beside: Comparison | None) -> Markup:
    said = html_verdict.verdict(result, beside)
    about = (
        html_parts.reasons(result.validity.reasons),
        *html_parts.warnings(result.warnings),
    )
    told = [el("p", said.text, class_="sentence"), el("p", said.limit)]
    return html_parts.verdict(said.word, said.kind, told, about)
