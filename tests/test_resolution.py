"""resolution.py, and the reports that ask it: what a short run does not say."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from fastbench import resolution
from fastbench.histogram import Histogram
from fastbench.latencies import Latency, latency_ms
from fastbench.report import html, markdown, text
from fastbench.result import Result
from fastbench.units import format_ms
from fastbench.use import ClientUse, Resources


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
        resources=Resources(ClientUse(0.01, 97.0, 1 << 25), None, ()),
    )


def shown(result: Result) -> str:
    return text.render(result, color=False, width=100)


def test_fifty_samples_have_no_p99_in_any_report() -> None:
    result = short(50, 10.0)
    line = next(line for line in shown(result).splitlines() if line.startswith("  p99.9 "))
    assert line.split()[1] == "–"  # noqa: RUF001
    assert "too short to tell from 50 samples; p99.99 needs 10,000" in shown(result)
    p99 = format_ms(latency_ms(result.latency.service)["p99"] or 0)
    row = next(r for r in markdown.render(result).splitlines() if r.startswith("| all"))
    assert row.count("–") == 1 and p99 in row, "P99 is a dash, and only Max says as much"  # noqa: RUF001
    assert result.to_document()["latency_ms"]["service"]["p99"] is not None  # type: ignore[index]


def test_one_sample_has_no_spread() -> None:
    assert "±" not in shown(short(1, 10.0))
    assert "±" in shown(short(2, 10.0))


def test_ten_milliseconds_have_no_share_of_the_processor() -> None:
    for report in (shown(short(50, 0.01)), markdown.render(short(50, 0.01))):
        assert "too short to tell" in report and "97%" not in report
    assert "97 %" not in html.render(short(50, 0.01))
    assert "97%" in shown(short(50, 0.5)) and "97 %" in html.render(short(50, 0.5))
