"""Two parts of a run, each as its own document, merged: the same as the whole, percentile by
percentile."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import samples
from commandline import validator
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.engine.client import _client
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency, latency_ms
from fastbench.results.merging.merged_result import merged
from fastbench.results.merging.run_times import Unmergeable
from fastbench.results.metric_values import ANSWERED, MAX_PACKED, Kind
from fastbench.results.result import Result
from fastbench.run.metric_sums import CounterValue, RateValue, TrendValue
from fastbench.run.snapshot import Rows, Snapshot
from fastbench.script.parent import metric_snapshot

TIMES = st.lists(st.integers(0, 10**11), max_size=40)
# What engine/trend.pxd tells apart; smaller magnitudes count as 0.
NUMBERS = st.lists(
    st.one_of(st.integers(-2000, 2000).map(float), st.floats(-1e9, 1e9, width=32)), max_size=40
)
NAMES = ("/a", "/b")
KINDS = {"size": Kind("trend")}


def snapshot(times: dict[str, list[int]], numbers: list[float]) -> Snapshot:
    """Return what a script counted: requests by name, and a trend of its own."""
    size = _client.Distribution()
    for number in numbers:
        size.record(number)
    whole = Histogram.from_values([each for of in times.values() for each in of])
    scenario = (("scenario", "s"),)
    named: Rows = {"http_reqs": {}, "http_req_failed": {}, "http_req_duration": {}}
    for name, of in times.items():
        labels = (("method", "GET"), ("name", name), *scenario)
        named["http_reqs"][labels] = CounterValue(len(of))
        named["http_req_failed"][labels] = RateValue(0, len(of))
        named["http_req_duration"][labels] = TrendValue.of(Histogram.from_values(of))
    rows: Rows = {
        "http_req_failed": {scenario: RateValue(0, whole.count)},
        "http_req_duration": {scenario: TrendValue.of(whole)},
        "iteration_duration": {scenario: TrendValue.of(whole)},
        "size": {(): TrendValue(size)},
        ANSWERED: {scenario: CounterValue(whole.count)},
    }
    return Snapshot(1.0, 1.0, {}, rows, named, KINDS)


def result(found: Snapshot, second: int = 0) -> Result:
    good, few = samples.good(), Histogram.from_values([1_000_000])
    at = replace(good.environment, started_at=f"2026-01-01T10:00:0{second}.000+00:00")
    return replace(
        good,
        environment=at,
        latency=Latency(few, few, few, few),
        series=(),
        config={"script": "s.py", "vus": 1},
        metrics=found.metrics(),
        requests=found.requests(packed=True),
        scenarios=(metric_snapshot.scenario(found, "s", "constant-vus", 1, 1.0),),
    )


def through_json(found: Result) -> Result:
    document = json.loads(json.dumps(found.to_document()))
    assert Result.from_document(document) == found
    return found


def rows(found: Result) -> dict[str, Any]:
    """Return what is told of times and numbers, by name."""
    (scenario,) = found.scenarios
    return {
        **{row.name: (row.latency, row.hdr) for row in found.requests},
        "scenario": (scenario.latency, scenario.iteration_duration, scenario.hdr),
    }


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[TIMES] * 4), NUMBERS, NUMBERS)
def test_two_parts_merged_are_the_whole(
    times: tuple[list[int], ...], first: list[float], second: list[float]
) -> None:
    a, b, c, d = times
    parts = ({"/a": a, "/b": b}, {"/a": c, "/b": d})
    one, other = (snapshot(of, n) for of, n in zip(parts, (first, second), strict=True))
    whole = result(snapshot({"/a": a + c, "/b": b + d}, first + second))
    named = [("one", through_json(result(one))), ("other", through_json(result(other, 1)))]
    made = through_json(merged(named, "1.0"))
    assert rows(made) == rows(whole)
    for name, metric in whole.metrics.items():
        assert made.metrics[name].values == pytest.approx(metric.values), name
        assert made.metrics[name].histogram == metric.histogram, name


def pair(change: Any = None) -> tuple[Result, Result]:
    one = result(snapshot({"/a": [1000, 2000]}, [1, 2]))
    other = result(snapshot({"/a": [3000]}, [3]), 1)
    return one, other if change is None else change(other)


def older(found: Result) -> Result:
    """Return it as version 0.6 wrote it."""
    document = json.loads(json.dumps(found.to_document()))
    for row in (*document["requests"], *document["scenarios"]):
        del row["hdr"]
    del document["metrics"]["size"]["histogram"]
    return Result.from_document(document)


def test_a_percentile_is_left_out_where_an_older_document_has_no_histogram() -> None:
    one, other = pair(older)
    validator().validate(one.to_document())
    made = merged([("one", one), ("other", other)], "1.0")
    (row,) = made.requests
    assert (row.latency["count"], row.latency["p50"], row.latency["max"]) == (3, None, 0.003)
    assert not row.hdr
    assert "p(95)" not in made.metrics["size"].values
    assert made.metrics["size"].values["max"] == 3


def damaged(found: Result) -> Result:
    (row,) = found.requests
    return replace(found, requests=(replace(row, hdr={"latency": "AAAA"}),))


def miscounted(found: Result) -> Result:
    size = found.metrics["size"]
    values = {**size.values, "count": 5}
    return replace(found, metrics={"size": replace(size, values=values)})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (damaged, "the histogram of /a is damaged"),
        (miscounted, "the histogram of the metric size is damaged .it holds 1 samples, its row 5"),
    ],
)
def test_a_damaged_histogram_is_one_sentence(change: Any, sentence: str) -> None:
    one, other = pair(change)
    with pytest.raises(Unmergeable, match=sentence):
        merged([("one", one), ("other", other)], "1.0")


def test_only_the_rows_with_most_requests_keep_histograms() -> None:
    counts = {f"/{at}": [1000] * (1 + at % 7) for at in range(MAX_PACKED + 50)}
    found = snapshot(counts, []).requests(packed=True)
    kept = [row for row in found if row.hdr]
    assert len(kept) == MAX_PACKED
    assert min(row.requests for row in kept) >= max(row.requests for row in found if not row.hdr)
    assert found[0].latency == latency_ms(Histogram.from_values(counts[found[0].name]))
    assert not any(row.hdr for row in snapshot(counts, []).requests())
