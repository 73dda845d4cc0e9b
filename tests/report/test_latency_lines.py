"""The blocks of latencies and of the histogram: each figure is that of the run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples

from fastbench.foundation.units import format_count, format_ns
from fastbench.report.picture import bins
from fastbench.report.text import text_report
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result

WIDTHS = (60, 80, 120, 200)


def plain(result: Result, width: int = 80) -> str:
    return text_report.render(result, color=False, width=width)


def block(shown: str, label: str) -> list[str]:
    """Return the lines of a block of the report, the one that begins with a label."""
    return next(part for part in shown.split("\n\n") if part.startswith(label)).splitlines()


def test_planned_requests_have_a_row_of_response_and_one_of_service_times() -> None:
    shown = plain(samples.planned(), 100)
    assert "response time is from the planned start, service time from the first byte" in shown
    assert "while the server stalls" not in shown
    response, service = samples.planned().latency.response, samples.planned().latency.service
    assert response is not None
    _, heads, *rows, _ = block(shown, "Latency")
    assert [row.split()[0] for row in rows] == ["response", "service"]
    for row, found in zip(rows, (response, service), strict=True):
        told = dict(zip(heads.split(), row.split()[1:], strict=True))
        levels = {"p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99, "p99.9": 99.9}
        assert told == {
            **{name: format_ns(found.percentile(each)) for name, each in levels.items()},
            "p99.99": format_ns(found.percentile(99.99)),
            "min": format_ns(found.min_ns),
            "mean": format_ns(found.mean_ns),
            "stdev": format_ns(found.stdev_ns),
            "max": format_ns(found.max_ns),
        }


@pytest.mark.parametrize(
    ("width", "left_out"), [(60, "stdev min p75 p99.99 mean"), (80, "stdev min"), (89, "")]
)
def test_percentiles_that_have_no_room_are_left_out_by_what_they_are_worth(
    width: int, left_out: str
) -> None:
    percentiles = ["p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99"]
    every = ["min", "mean", "stdev", *percentiles, "max"]
    lines = block(plain(samples.good(), width), "Latency")
    heads = lines[[line.lstrip().startswith("service ") for line in lines].index(True) - 1].split()
    assert heads == [name for name in every if name not in left_out.split()]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_row_of_the_histogram_says_from_where_to_where_and_how_many(width: int) -> None:
    histogram = samples.planned().latency.response
    assert histogram is not None
    title, heads, *rows = block(plain(samples.planned(), width), "Histogram")
    assert title == "Histogram of requests by response time"
    assert heads.split() == ["from", "to", "requests", "share"]
    cells = [row.split() for row in rows]
    assert [each[1] for each in cells[:-1]] == [each[0] for each in cells[1:]], "no gap"
    assert (cells[0][0], cells[-1][1]) == (format_ns(histogram.min_ns), format_ns(histogram.max_ns))
    found = bins(histogram, len(rows))
    assert [each[2] for each in cells] == [format_count(each.count) for each in found]
    shares = [float(each[3].rstrip("%")) for each in cells]
    assert sum(shares) == pytest.approx(100, abs=0.05)
    bars = [each[4] for each in cells]
    assert bars[shares.index(max(shares))] == "█" * max(map(len, bars))


def test_a_single_sample_is_a_single_row() -> None:
    once = replace(samples.good().latency, service=Histogram.from_values([5_000_000]))
    shown = plain(replace(samples.good(), latency=once))
    assert block(shown, "Histogram")[2:] == [
        "      5.00ms   5.00ms            1    100%  " + "█" * 36
    ]
