"""resolution.py, and the reports that ask it: what a short run does not say."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples
from comparing import judged, scattered
from hypothesis import given
from hypothesis import strategies as st

from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.foundation.units import format_ms
from fastbench.outputs import webhook
from fastbench.report import change, suite_rows
from fastbench.report.export import oha
from fastbench.report.html import html_comparison, html_report, html_verdict
from fastbench.report.html.charts import latency_charts
from fastbench.report.markdown import markdown_comparison, markdown_report
from fastbench.report.text import compared_requests, comparison_text, text_report
from fastbench.results import resolution
from fastbench.results.histogram import Histogram
from fastbench.results.history.history_entry import Entry
from fastbench.results.latencies import Latency, latency_ms
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result
from fastbench.results.usage import ClientUse, Resources


@given(st.integers(0, 100_000), st.floats(0, 99.999))
def test_a_percentile_is_told_when_a_sample_lies_above_it(count: int, percent: float) -> None:
    above = count * (100 - percent) / 100
    if resolution.carries(count, percent):
        assert above > 1 - 1e-3
        assert resolution.carries(count + 1, percent)
    else:
        assert above < 1


@pytest.mark.parametrize(
    ("percent", "count"), [(50, 2), (75, 4), (90, 10), (99, 100), (99.9, 1000), (99.99, 10_000)]
)
def test_the_samples_that_a_percentile_needs(percent: float, count: int) -> None:
    assert resolution.samples_needed(percent) == count
    assert resolution.carries(count, percent) and not resolution.carries(count - 1, percent)


def test_rows_of_older_documents_have_no_count_and_are_believed() -> None:
    assert resolution.told_ms({"p99": 3.0}, "p99") == 3.0
    assert resolution.told_ms({"count": 99, "p99": 3.0, "max": 3.0}, "p99") is None
    assert resolution.told_ms({"count": 99, "max": 3.0}, "max") == 3.0


def short(count: int, duration_s: float) -> Result:
    """Return a closed-loop run with `count` answers that ascend from 1 ms."""
    times = Histogram.from_values([1_000_000 + 10_000 * at for at in range(count)])
    none = Histogram.empty()
    result = samples.good()
    summary = replace(result.summary, duration_s=duration_s, started=count, ok=count, failed=0)
    return replace(
        result,
        summary=summary,
        latency=Latency(times, none, none, none),
        series=(),
        resources=Resources(ClientUse(0.01, 97.0, 1 << 25), None, ()),
    )


def shown(result: Result) -> str:
    return text_report.render(result, color=False, width=100)


def percentiles(result: Result) -> dict[str, str]:
    """Return the row of service times by the names of its columns."""
    lines = shown(result).splitlines()
    names = next(line for line in lines if line.lstrip().startswith("min "))
    row = next(line for line in lines if line.startswith("  service "))
    return dict(zip(names.split(), row.split()[1:], strict=True))


def test_fifty_samples_have_no_p99_in_any_report() -> None:
    result = short(50, 10.0)
    assert percentiles(result)["p99"] == percentiles(result)["p99.9"] == "–"  # noqa: RUF001
    assert "too short to tell from 50 samples; p99.99 needs 10,000" in shown(result)
    p99 = format_ms(latency_ms(result.latency.service)["p99"] or 0)
    row = next(r for r in markdown_report.render(result).splitlines() if r.startswith("| all"))
    assert row.count("–") == 1 and p99 in row, "P99 is a dash, and only Max says as much"  # noqa: RUF001
    assert result.to_document()["latency_ms"]["service"]["p99"] is not None  # type: ignore[index]


def test_one_sample_has_no_spread() -> None:
    assert percentiles(short(1, 10.0))["stdev"] == "–"  # noqa: RUF001
    assert percentiles(short(2, 10.0))["stdev"].endswith("us")


def test_ten_milliseconds_have_no_share_of_the_processor() -> None:
    for report in (shown(short(50, 0.01)), markdown_report.render(short(50, 0.01))):
        assert "too short to tell" in report and "97%" not in report
    assert "97 %" not in html_report.render(short(50, 0.01))
    assert "97%" in shown(short(50, 0.5)) and "97 %" in html_report.render(short(50, 0.5))


@given(st.integers(0, 10_000), st.floats(0, 100))
def test_a_rate_is_told_when_one_event_and_one_slice_of_time_are_a_tenth_at_most(
    count: int, span_s: float
) -> None:
    if resolution.tells_rate(count, span_s):
        assert span_s >= 0.1 and (not count or 1 / count <= 0.1)
    else:
        assert span_s < 0.1 or 0 < count < 10


def test_a_rate_knows_its_span() -> None:
    assert resolution.told_per_s(9, 3.0) is None and resolution.told_per_s(10, 3.0) == 3.0
    assert resolution.told_per_s(100, 1001.0) is None, "100 in less than 0.1 s"
    assert resolution.told_per_s(0, 0.0) == 0.0


def test_counters_of_bytes_go_by_time_alone() -> None:
    assert resolution.told_growth({"count": 5, "rate": 1.0}, "default") is None
    assert resolution.told_growth({"count": 5, "rate": 1.0}, "data") == 1.0
    assert resolution.told_growth({"count": 5, "rate": 100.0}, "data") is None
    assert resolution.told_growth({"count": -50, "rate": -1.0}, "default") == -1.0


def test_a_trend_of_few_has_no_tail() -> None:
    values = {"count": 15.0, "med": 1.0, "p(90)": 2.0, "p(95)": 3.0, "max": 3.0}
    told = [resolution.told_trend(values, name) for name in ("med", "p(90)", "p(95)", "max")]
    assert told == [1.0, 2.0, None, 3.0]
    assert resolution.told_trend({"p(95)": 3.0}, "p(95)") == 3.0, "of an older document"


def test_few_requests_or_milliseconds_have_no_rate_in_any_report() -> None:
    for result in (short(9, 10.0), short(500, 0.05)):
        assert "rate: too short to tell" in shown(result) and "req/s" not in shown(result)
        said = markdown_report.render(result)
        assert "req/s," not in said and "- Capacity: too short to tell" in said
        figure = html_verdict.figures(result)[0]
        assert (figure.shown, figure.more) == ("–", "too short to tell")  # noqa: RUF001
        told = webhook.of_result(result, "a", 99)
        assert "req/s" not in str(told["text"]) and told["requests_per_s"]
        row = Row("a", "", 0, result=result)
        assert suite_rows.shown(row)[1] == "–"  # noqa: RUF001
        assert suite_rows.document(suite(row))["runs"][0]["requests_per_s"]  # type: ignore[index]
    assert "50.0 req/s" in shown(short(500, 10.0))


def suite(row: Row) -> SuiteResult:
    return SuiteResult("s", "1", "", 1.0, (row,), 0)


def test_a_planned_rate_is_not_compared_with_what_a_handful_reached() -> None:
    result = short(5, 1.0)
    result = replace(result, summary=replace(result.summary, scheduled=5))
    assert "5 req/s planned, reached: too short to tell" in shown(result)


def test_the_clients_lateness_has_a_p99_when_its_samples_carry_one() -> None:
    for count, told in ((99, False), (100, True)):
        result = short(count, 1.0)
        latency = replace(result.latency, lag=result.latency.service)
        report = shown(replace(result, latency=latency))
        line = next(each for each in report.splitlines() if "start lag" in each)
        assert ("p99" in line) is told and "p50" in line and "max" in line


def test_pictures_mark_no_percentile_that_is_not_carried() -> None:
    latency = short(50, 1.0).latency.service
    chart = latency_charts.of_latencies({"service": (latency, 0)})[0]
    assert [name for name, _ in chart.marks] == ["p50", "p95"]


def test_a_history_keeps_no_percentile_that_is_not_carried() -> None:
    entry = Entry.of(short(50, 1.0), "a")
    assert entry.p50_ms and entry.p95_ms and entry.p99_ms is None


def test_the_shape_of_another_tool_is_null_where_it_may_be() -> None:
    found = oha.document(short(50, 1.0))
    percents = found["latencyPercentiles"]
    assert isinstance(percents, dict)
    assert percents["p95"] is not None and percents["p99"] is None
    assert found["summary"]["requestsPerSec"]  # type: ignore[index]


def test_named_requests_have_neither_tail_nor_rate_of_a_handful() -> None:
    latency = latency_ms(short(9, 1.0).latency.service)
    row = NamedRow("/a", "GET", "", 9, 0, 0.9, latency)
    other = replace(row, name="/b", requests=500, requests_per_s=50.0)
    below = compared_requests.below(
        replace(short(9, 10.0), requests=(row, other)),
        replace(short(9, 10.0), requests=(row, other)),
        color=False,
        width=120,
    )
    line = next(each for each in below.splitlines() if "/a" in each)
    assert line.count("–") == 2, "p95 and p99"  # noqa: RUF001
    scripted = replace(row, scenario="s"), replace(other, scenario="s")
    report = shown(replace(short(500, 10.0), requests=scripted))
    line = next(each for each in report.splitlines() if each.startswith("  /a"))
    assert line.split()[3] == "–"  # noqa: RUF001


@pytest.mark.parametrize("valid", [True, False])
def test_a_comparison_of_short_visits_has_no_p99(valid: bool) -> None:
    few = judged(scattered(4, 0.0))
    for pair in few.pairs:
        assert pair.base is not None and pair.candidate is not None
    many = [
        replace(
            pair,
            base=replace(pair.base, samples=60),
            candidate=replace(pair.candidate, samples=60),
            valid=valid,
        )
        for pair in few.pairs
        if pair.base is not None and pair.candidate is not None
    ]
    found = replace(few, pairs=tuple(many))
    why = "too short to tell: p99 needs 100 responses in each trial"
    for report in (
        comparison_text.render(found, color=False, width=120),
        markdown_comparison.render(found),
        html_comparison.render(found),
    ):
        assert why.removeprefix("t") in report
        assert not [line for line in report.splitlines() if line.startswith(("  p99", "| p99"))]
    assert "p99" not in change.headline(found)
    assert [line for line in markdown_comparison.render(few).splitlines() if "| p99" in line]
