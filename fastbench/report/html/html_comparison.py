"""A comparison as one HTML file: the verdict in a sentence, then pictures, then every number.

It is a page like that of a run, under the same policy, and made from the document alone. Pictures
and tables need no script; only the two charts of latencies do.
"""

from __future__ import annotations

from fastbench.experiments.compare.compare_document import (
    SIDES,
    Comparison,
    Latencies,
    Metric,
    Pair,
)
from fastbench.experiments.compare.interval_history import ratio_of
from fastbench.report import compared, slice_course
from fastbench.report.change import (
    change,
    explained,
    headline,
    in_slices,
    name_of,
    regression,
    share,
    signed_interval,
    told_metrics,
    untold,
    verdict_word,
)
from fastbench.report.columns import NOTHING
from fastbench.report.html import (
    html_asked,
    html_parts,
    html_pictures,
    html_scenario,
    html_slices,
    html_tables,
)
from fastbench.report.html.charts import latency_charts
from fastbench.report.html.charts.chart import Chart, charts_script, charts_style, drawing
from fastbench.report.html.html_markup import (
    Content,
    Markup,
    Row,
    TableCell,
    data_block,
    el,
    section,
    table,
)
from fastbench.report.html.html_page import page
from fastbench.report.html.html_verdict import Figure
from fastbench.report.text import compared_requests
from fastbench.results import resolution
from fastbench.results.latencies import latency_ms

BASE_COLOR, CANDIDATE_COLOR = 5, 0  # of the page's lines
KINDS = {True: "pass", False: "fail", None: "doubt"}
PAIRS_HINT = (
    "A filled dot is a pair whose base came first, a ring one whose candidate did, a cross one "
    "that does not count; the blue band is the interval of all. Grey is the band within which a "
    "change does not count."
)
NOT_JUDGED = "Nothing was judged: no limit for a regression was given (--fail-on-regression)."
TIMES = {
    "service": "from the first byte sent to the end of the answer",
    "response": "from the instant a request was planned to the end of its answer",
    "operation": "from the beginning of an operation to its end",
}


def render(found: Comparison, runs: compared_requests.Runs | None = None) -> str:
    """Return the page, ending in a newline; `runs` are two saved results with requests."""
    title = f"{found.candidate} against {found.base}"
    named = f"{state(found)}: {title}"
    charts = _charts(found.latency)
    main = _page(found, title, charts, runs)
    if not charts:
        return page(named, main)
    data = data_block("data", drawing((), charts))
    return page(named, main, data, script=charts_script(), style=charts_style())


def _page(
    found: Comparison,
    title: str,
    charts: list[Chart],
    runs: compared_requests.Runs | None,
) -> Markup:
    when = html_parts.when(found.environment.started_at)
    return html_parts.main(
        html_parts.heading(title, (*compared.load(found), when), "compare"),
        _verdict(found),
        html_parts.figures(_figures(found)),
        _changes(found),
        _pairs_pictures(found),
        html_parts.charts(charts),
        _latencies(found),
        None if runs is None else html_scenario.operations_of(runs),
        _pairs(found),
        _not_counted(found),
        html_asked.asked(found.config, _environment(found)),
        html_parts.footer(
            f"fastbench {found.version}", html_parts.when(found.environment.started_at)
        ),
    )


def details(found: Comparison) -> list[Markup]:
    """Return what the page shows of the pairs and the metrics, without what is before and after."""
    parts = (
        _changes(found),
        _pairs_pictures(found),
        _latencies(found),
        _pairs(found),
        _not_counted(found),
    )
    return [part for part in parts if part is not None]


def _verdict(found: Comparison) -> Markup:
    kind = "fail" if found.regressed else KINDS[compared.is_good(found)]
    first, *told = sentences(found)
    shown: list[Content] = [el("p", first, class_="sentence"), *told]
    below = html_parts.warnings(compared.warnings(found))
    below += html_parts.warnings(compared.notes(found), "notes")
    return html_parts.verdict(state(found), kind, shown, below)


def state(found: Comparison) -> str:
    """Say in a word what the verdict is, which way a difference goes, and whether it failed."""
    good = compared.is_good(found)
    word = compared.TITLES[found.verdict].capitalize()
    if found.verdict == "different" and good is not None:
        word += ", better" if good else ", worse"
    if found.regressed:
        return f"Failed: a regression ({word.lower()})"
    passed = good is not None and compared.regression_excluded(found)
    return f"Passed: {word.lower()}" if passed else word


def sentences(found: Comparison, *, judged: bool = False) -> list[str]:
    """Return what is told first, the verdict in a sentence before all.

    That nothing was judged is told once: `judged` leaves it out.
    """
    limit = compared.limit(found)
    told = [html_parts.sentence(headline(found))]
    told += [html_parts.sentence(text)] if (text := explained(found)) else []
    if found.regressed:
        told.append(f"Regression: {regression(found)}.")
    elif compared.regression_excluded(found):
        told.append(f"No regression beyond {limit}.")
    elif limit:
        told.append(f"A regression beyond {limit} is neither shown nor excluded.")
    elif not judged:
        told.append(NOT_JUDGED)
    if parts := compared.ended(found):
        told.append(f"{': '.join((parts[0].capitalize(), *parts[1:]))}.")
    return told


def _figures(found: Comparison) -> list[Figure]:
    metric = found.metrics.get(found.primary)
    if metric is None:
        return [Figure("pairs", compared.counted(found, None), "that count", "bad")]
    kind = "bad" if verdict_word(metric) == "worse" else ""
    shown = [
        Figure(name_of(found, found.primary), change(metric.ratio), "candidate against base", kind)
    ]
    if metric.interval is not None:
        sure = f"{100 * found.confidence:g} % interval"
        shown.append(Figure(sure, signed_interval(metric.interval), "of the change"))
    if metric.smallest_difference is not None and found.interleaved:
        seen = share(metric.smallest_difference)
        shown.append(Figure("smallest difference", seen, "that 9 in 10 such runs detect"))
    if found.interleaved:
        count, _, of = compared.counted(found, metric).partition(" of ")
        more = [f"of {of}"]
        if metric.noise_floor is not None:
            more.append(f"noise {share(metric.noise_floor)} {compared.between(found)}")
        shown.append(Figure("pairs that count", count, ", ".join(more)))
    return shown


def _changes(found: Comparison) -> Markup | None:
    """Return the picture of all changes, and the table of all that is known of them."""
    drawn = html_pictures.changes(found)
    if drawn is None:
        return None
    sure = f"{100 * found.confidence:g} %"
    hint = (
        f"The band shows changes too small to count: {100 * found.threshold:g} % up and down. "
        f"A thin line is the {sure} interval, a thick one that of 90 %. "
    )
    if found.interleaved:
        hint += "A metric is “same” when its thick line is within the band. "
        hint += "* decides the verdict; the p of the others is corrected for multiple tests (Holm)."
    else:
        hint += "Runs that were not interleaved are never “same”."
    heads = (
        *("", "base #", "candidate #", "change #", f"{sure} interval #", "90 % interval #"),
        *("p #", "p, corrected #", "noise #", "detectable #", ""),
    )
    rows = [_metric(found, name, metric) for name, metric in told_metrics(found).items()]
    if why := untold(found):
        hint += f" {html_parts.sentence(why)}"
    parts = (el("p", hint, class_="hint"), drawn, table(heads, rows))
    return section("Changes", *parts, identity="changes")


def _metric(found: Comparison, name: str, metric: Metric) -> Row:
    word = verdict_word(metric)
    typical = [compared.typical(found, side, name) for side in SIDES]
    return [
        name_of(found, name) + (" *" if name == found.primary else ""),
        *typical,
        change(metric.ratio),
        *(signed_interval(each) if each else NOTHING for each in _intervals(metric)),
        *(NOTHING if each is None else _p(each) for each in (metric.p, metric.p_holm)),
        *(NOTHING if each is None else share(each) for each in _noise(metric)),
        TableCell(word, {"better": "good", "worse": "bad", "inconclusive": "warn"}.get(word, "")),
    ]


def _intervals(metric: Metric) -> tuple[tuple[float, float] | None, ...]:
    return metric.interval, metric.equivalence_interval


def _noise(metric: Metric) -> tuple[float | None, float | None]:
    return metric.noise_floor, metric.smallest_difference


def _p(value: float) -> str:
    return f"{value:.2g}"


def _pairs_pictures(found: Comparison) -> Markup | None:
    if in_slices(found):
        hint, drawn = html_slices.hint(found), html_slices.pictures(found)
    else:
        hint, drawn = PAIRS_HINT, [html_pictures.pairs(found)]
    if not any(drawn):
        return None
    parts = (el("p", hint, class_="hint"), *(el("div", *each, class_="charts") for each in drawn))
    return section("Pairs", *parts, identity="pictures")


def _charts(latency: Latencies | None) -> list[Chart]:
    if latency is None:
        return []
    sides = {
        "base": (latency.base, BASE_COLOR),
        "candidate": (latency.candidate, CANDIDATE_COLOR),
    }
    return latency_charts.of_latencies(sides, shares=True)


def _latencies(found: Comparison) -> Markup | None:
    """Return the percentiles of both sides, and how they changed."""
    latency = found.latency
    if latency is None or not (latency.base.count and latency.candidate.count):
        return None
    base, candidate = (latency_ms(each) for each in (latency.base, latency.candidate))
    rows: list[Row] = [
        [side, f"{row['count']:,.0f}", *html_tables.milliseconds(row)]
        for side, row in zip(SIDES, (base, candidate), strict=True)
    ]
    told = (
        [resolution.told_ms(each, name) for each in (base, candidate)]
        for name in html_tables.PERCENTILES
    )
    rows.append(["change", "", *(compared.changed(*both) for both in told)])
    heads = ("", "samples #", *html_tables.HEADS)
    note = f"{latency.times} time"
    if found.interleaved:
        what = "slices" if in_slices(found) else "counted trials"
        note += f", all {what} together; the verdict compares pairs"
    body = el("div", table(heads, rows), title=TIMES[latency.times])
    return section("Latency", body, identity="percentiles", note=note)


def _pairs(found: Comparison) -> Markup | None:
    """Return what each trial measured."""
    if not found.pairs or not found.interleaved:
        return None
    name = name_of(found, found.primary)
    if in_slices(found):
        drawn = html_slices.parts_table(found)
        note = f"{name}: medians of the pairs that count; every pair stands in the JSON document"
        title = "Starts" if slice_course.in_starts(found) else "Over time"
        return section(title, drawn, identity="pairs", note=note)
    heads = (
        *("#", "first", "base #", "candidate #", "change #", "p99, base #", "p99, candidate #"),
        *("redone #", ""),
    )
    rows = [_pair(found, number, pair) for number, pair in enumerate(found.pairs, 1)]
    note = f"{name} unless it says otherwise"
    return section("Every pair", table(heads, rows), identity="pairs", note=note)


def _pair(found: Comparison, number: int, pair: Pair) -> Row:
    ratio = ratio_of(pair, found.primary)
    why = "; ".join(pair.reasons) or ("" if pair.valid else "not counted")
    trials = (pair.base, pair.candidate)
    return [
        str(number),
        pair.order.removesuffix(" first"),
        *(compared.figure(trial, found.primary) for trial in trials),
        NOTHING if ratio is None else change(ratio),
        *(compared.figure(trial, "p99") for trial in trials),
        str(pair.redone or ""),
        el("div", why, class_="warn") if why else "",
    ]


def _not_counted(found: Comparison) -> Markup | None:
    """Return why pairs do not count, the most frequent reason first."""
    many, reasons = compared.not_counted(found)
    if not many:
        return None
    what = "pairs" if in_slices(found) else "trials"
    rows: list[Row] = [[f"{count:,}", reason] for reason, count in reasons]
    return section("Not counted", table((f"{what} #", "why"), rows), identity="lost", note=many)


def _environment(found: Comparison) -> Markup | None:
    """Return the machine; both, and where they differ, when there are two."""
    if found.base_environment is None:
        return html_parts.environment(found.environment)
    both = zip(*map(html_parts.named, (found.base_environment, found.environment)), strict=True)
    rows: list[Row] = []
    for (name, base), (_, candidate) in both:
        other = base != candidate and name != "started at"
        rows.append([name, TableCell(str(base), "warn" if other else ""), candidate])
    return html_parts.folded("Environment", "machines", rows, ("", "base", "candidate"))
