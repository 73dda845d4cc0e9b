"""A result as one HTML file: verdict and thresholds first, then charts over time, then tables.

1. The file stands alone: no network, no import, nothing to install; `html_page` has its policy.
2. Text from scripts and servers is data: the tables are escaped by `html_markup`, the charts read
   their names from a JSON block and put them in with textContent. The tables need no script.
3. The charts are our own SVG, drawn by `page.js`, and no library's. One that writes a single file
   puts its whole script into every report, and Plotly's alone is several megabytes where an hour's
   report shall have one; Vega compiles expressions, which needs `unsafe-eval`, and most set inline
   styles: the policy above would have to allow both. What is drawn here takes few lines.
"""

from __future__ import annotations

from fastbench.compare.document import Comparison
from fastbench.report import html_charts, html_scenario, html_tables
from fastbench.report.asked import Asked, asked
from fastbench.report.html_markup import Markup, data_block, el
from fastbench.report.html_page import own, page
from fastbench.report.page import plural, seconds
from fastbench.report.text import LIMITS, TITLES, VERDICTS
from fastbench.result import Result, Warning_
from fastbench.units import format_bytes, format_count, format_ns, format_s

__all__ = ["render"]

TILES = (50.0, 95.0, 99.0)


def render(result: Result, beside: Comparison | None = None) -> str:
    """Return the page, ending in a newline; `beside` is how the run stands beside its baseline."""
    charts = html_charts.charts(result)
    data = data_block("data", html_charts.document(result, charts))
    title = asked(result).script or asked(result).url or "a run"
    return page(title, _page(result, beside, charts), data, script=own("page.js"))


def _page(result: Result, beside: Comparison | None, charts: list[html_charts.Chart]) -> Markup:
    parts = (
        _heading(result),
        _verdict(result, beside),
        html_tables.thresholds(result),
        html_tables.baseline(beside),
        _tiles(result),
        _charts(charts),
        html_tables.latencies(result),
        *html_scenario.parts(result),
        *html_tables.tables(result),
        el("footer", f"fastbench {result.version} · {result.environment.started_at}"),
    )
    return el("main", *(part for part in parts if part is not None))


def _heading(result: Result) -> Markup:
    load = asked(result)
    more = f" and {load.urls - 1} more" if load.urls > 1 else ""
    name = load.script or f"{load.method} {load.url}{more}".strip()
    about = [load.url] if load.script else []
    return el(
        "header",
        el("p", "fastbench", class_="brand"),
        el("h1", name),
        el("p", " · ".join(part for part in (*about, *_load(load), _when(result)) if part)),
    )


def _when(result: Result) -> str:
    return result.environment.started_at.replace("T", " ")


def _load(load: Asked) -> list[str]:
    found = [
        plural(load.vus, "VU") if load.vus else "",
        plural(load.connections, "connection") if load.connections else "",
        f"{format_count(load.rate)} req/s planned" if load.rate else "",
        plural(load.stages, "stage") if load.stages else "",
        "" if load.duration_s is None else format_s(load.duration_s),
        "" if load.requests is None else plural(load.requests, "request"),
        "" if load.iterations is None else plural(load.iterations, "iteration"),
        plural(load.workers, "worker") if load.workers else "",
    ]
    return [part for part in found if part]


def _verdict(result: Result, beside: Comparison | None) -> Markup:
    """Say first whether the run passed, then whether its numbers may be trusted, and why."""
    validity, ended = result.validity, result.summary.ended
    regressed = beside is not None and beside.regressed
    limited = beside is not None and beside.regression_limit is not None
    failed = result.thresholds_failed or regressed or ended not in ("complete", "interrupted")
    broken = sum(not each.ok for each in result.thresholds.values())
    if ended != "complete":
        word = TITLES.get(ended, "PARTIAL").capitalize()
    elif result.thresholds or limited:
        word = "Failed" if failed else "Passed"
    else:
        word = "Complete"
    doubt = validity.verdict != "ok" or broken or ended != "complete"
    outcome = f"{plural(broken, 'threshold')} broken" if broken else ""
    worse = "a regression against the baseline" if regressed else ""
    trust = VERDICTS[validity.verdict] or "the numbers may be trusted"
    limit = LIMITS[validity.limit]
    kind = "fail" if failed else "doubt" if doubt else "pass"
    return el(
        "section",
        el("h2", word),
        el("p", "; ".join(part for part in (outcome, worse, trust, limit) if part) + "."),
        el("ul", *(el("li", reason) for reason in validity.reasons)),
        el("ul", *map(_warning, result.warnings), class_="warnings") if result.warnings else "",
        id="verdict",
        class_=kind,
    )


def _warning(warning: Warning_) -> Markup:
    return el("li", "; ".join(part for part in (warning.text, warning.hint) if part))


def _tiles(result: Result) -> Markup:
    s = result.summary
    latency = result.latency.response or result.latency.service
    bad = s.failed + s.timeouts
    share = bad / s.requests if s.requests else 0.0
    size = f"{format_bytes(s.bytes_in_per_s)}/s received"
    tiles = [
        ("requests/s", format_count(s.requests_per_s), size, ""),
        ("requests", format_count(s.requests), f"{s.requests:,} in {seconds(s.duration_s)}", ""),
        (
            "not ok",
            format_count(bad),
            f"{share:.3%} of requests" if bad else "none",
            "bad" if bad else "",
        ),
    ]
    if latency.count:
        kind = "response time" if result.latency.response is not None else "latency"
        tiles += [
            (f"p{percent:g}", format_ns(latency.percentile(percent)), kind, "") for percent in TILES
        ]
        tiles.append(("max", format_ns(latency.max_ns), kind, ""))
    if s.dropped:
        tiles.append(
            ("dropped", format_count(s.dropped), f"of {s.scheduled or 0:,} scheduled", "bad")
        )
    return el("dl", *(_tile(*each) for each in tiles), id="figures")


def _tile(name: str, figure: str, more: str, kind: str) -> Markup:
    return el("div", el("dt", name), el("dd", figure, class_=kind), el("dd", more, class_="more"))


def _charts(charts: list[html_charts.Chart]) -> Markup | None:
    """Return the places that the script draws in: what goes over time, then what does not."""
    if not charts:
        return None
    hint = (
        "Point at a chart to read it; drag over it to zoom, double-click to zoom out; a name above "
        "a chart hides its line."
    )
    groups = [
        [each for each in charts if (each.kind == "time") == timed] for timed in (True, False)
    ]
    return el(
        "section",
        el("noscript", "The charts need JavaScript; the tables below do not."),
        el("p", hint, class_="hint"),
        *(el("div", *map(_figure, group), class_="charts") for group in groups if group),
        id="charts",
    )


def _figure(chart: html_charts.Chart) -> Markup:
    caption = el("figcaption", chart.title, " ", el("small", chart.note))
    return el("figure", caption, class_="wide" if chart.wide else "", data_chart=chart.name)
