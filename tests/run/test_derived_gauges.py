"""Formulas that a script names: read, refused, computed at each look, told by who follows a run."""

from __future__ import annotations

import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.points import PointReader
from fastbench.report import own_metrics
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.derived_metrics import kind_of, resolved
from fastbench.results.thresholds.evaluation import Judge
from fastbench.run.derived_gauges import DerivedGauges
from fastbench.run.kept_series import GaugeSeries
from fastbench.run.metric_sums import CounterValue
from fastbench.run.snapshot import Rows, Snapshot

LOST = {"lost": "ws_msgs_sent - ws_msgs_received", "share": "lost / ws_msgs_sent"}


def at(t_s: float, **counts: float) -> Snapshot:
    rows: Rows = {name: {(): CounterValue(count)} for name, count in counts.items()}
    return Snapshot(t_s, t_s, {}, rows)


def gauges(derived: dict[str, str], **spans: tuple[float, float]) -> DerivedGauges:
    return DerivedGauges(grammar.read_derived(derived, BUILT_IN), spans)


def test_a_formula_is_a_gauge_of_each_look_and_its_extremes_are_those_of_the_run() -> None:
    found, series = gauges(LOST), GaugeSeries(0)
    for t_s, sent, received in ((1.0, 10, 8), (2.0, 30, 23), (3.0, 40, 40)):
        now = found.join(at(t_s, ws_msgs_sent=sent, ws_msgs_received=received))
        series.take(now)
        points = PointReader(with_buckets=False).points(now)
        told = {each.name: each.value for each in points if each.name in LOST}
        assert told == {"lost": sent - received, "share": (sent - received) / sent}
    metrics = now.metrics()
    assert metrics["lost"].values == {"value": 0.0, "min": 0.0, "max": 7.0}
    assert metrics["share"].values == {"value": 0.0, "min": 0.0, "max": 7 / 30}
    assert {row.name: row.values for row in series.rows()}["lost"] == (2.0, 7.0, 0.0)


def test_a_formula_without_samples_is_no_gauge() -> None:
    found = gauges(
        {"none": "p95[stage=late] - p50", "over": "iterations / http_reqs"}, late=(9, 10)
    )
    now = found.join(at(1.0, iterations=3))
    assert not {"none", "over"} & now.metrics().keys(), "0 would be an answer"
    assert found.next_s(1.0) == 9


def test_what_a_formula_reaches_while_the_run_goes_may_have_a_limit() -> None:
    limits = ("lost: max<7", "lost: min>=0 [warn]", "lost: value<=0", "lost: <1", "lost == 0")
    read = grammar.read({}, limits, BUILT_IN, LOST)
    judge, found = Judge(read), gauges(LOST)
    for t_s, sent, received in ((1.0, 10, 8), (2.0, 30, 23), (3.0, 40, 40)):
        judge.look(found.join(at(t_s, ws_msgs_sent=sent, ws_msgs_received=received)))
    assert {text: each.ok for text, each in judge.judgements.items()} == dict(
        zip(limits, (False, True, True, True, True), strict=True)
    )


def test_a_window_behind_a_name_is_that_of_its_terms() -> None:
    (read,) = grammar.read({}, ("lost[stage=spike] == 0",), BUILT_IN, LOST)
    assert [(term.metric, term.stage) for term in read.terms] == [
        ("ws_msgs_sent", "spike"),
        ("ws_msgs_received", "spike"),
    ]
    (read,) = grammar.read({}, ("(p95 + p50[stage=b]) [last=9s] < 5 [stage=a]",), BUILT_IN)
    assert [(term.stage, term.last_s) for term in read.terms] == [("", 9.0), ("b", 0.0)]


def test_a_unit_is_that_of_all_terms() -> None:
    found = grammar.read_derived(
        {
            "tail": "p99 - p50",
            "double": "2 * p99",
            "ratio": "p99 / p50",
            "bytes": "target_rss max - target_rss min",
            "samples": "http_req_duration count",
        },
        BUILT_IN,
    )
    assert {each.text: kind_of(each).contains for each in found} == {
        "tail": "time",
        "double": "time",
        "ratio": "default",
        "bytes": "data",
        "samples": "default",
    }


def test_formulas_of_formulas_have_an_end() -> None:
    assert resolved({"a": "b * 2", "b": "http_reqs + 5s", "s": "vus"}) == {
        "a": "(http_reqs + 5s) * 2",
        "b": "http_reqs + 5s",
        "s": "vus",
    }
    assert resolved({"a": "http_reqs{name:b}[stage=b] - b", "b": "vus"})["a"] == (
        "http_reqs{name:b}[stage=b] - (vus)"
    )


@pytest.mark.parametrize(
    ("derived", "says"),
    [
        ({"a": "a + 1"}, r"a needs a; a formula cannot need itself"),
        ({"x": "a", "a": "b + 1", "b": "c", "c": "a"}, "a needs b needs c needs a;"),
        ({f"n{i}": f"n{i + 1} + n{i + 1}" for i in range(40)} | {"n40": "vus"}, "10,000 char"),
        (
            {f"n{i}": f"n{i + 1}" for i in range(60)} | {"n60": "vus"},
            "more than 50 others in a row",
        ),
        ({"a": "http_reqs < 5"}, "a formula has no limit; write that in a threshold or goal"),
        ({"a": "iterations - nothing"}, "column 14: there is no metric nothing"),
        ({"a": "5 + 3"}, "it compares numbers only"),
        ({"a": "target_rss drift - 5"}, "stands alone"),
    ],
)
def test_a_formula_that_cannot_be_computed_is_refused(derived: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        grammar.read({}, (), BUILT_IN, derived)
    assert len(str(refused.value)) < 2000


def test_a_formula_of_a_stage_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no stage spike"):
        gauges({"a": "p95[stage=spike] / p50"})


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("lost: p(95)<5", "lost is computed; it has value, min, max, drift and slope"),
        ("lost count<5", "lost is computed; it has"),
        ("losts<5", "there is no metric losts; did you mean lost?"),
    ],
)
def test_what_a_name_does_not_have_is_refused(limit: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        grammar.read({}, (limit,), BUILT_IN, LOST)


def test_tags_of_a_name_are_refused() -> None:
    with pytest.raises(UsageError, match="lost is computed; write tags behind the terms"):
        grammar.read({}, ("lost{scenario:a} < 5",), {**BUILT_IN, "x": Kind("gauge")}, LOST)


def test_a_formula_in_a_threshold_leaves_the_metric_of_its_first_term_as_it_is() -> None:
    (read,) = grammar.read({}, ("iterations / http_reqs <= 1",), BUILT_IN)
    metrics = at(1.0, iterations=3, http_reqs=3).metrics((read,))
    assert (metrics["iterations"].type, metrics["iterations"].values["count"]) == ("counter", 3)


def test_a_gauge_that_was_never_set_is_no_zero() -> None:
    now = Snapshot(1.0, 1.0, {}, {}, declared={"depth": Kind("gauge")})
    assert now.metrics()["depth"].values == {}
    assert own_metrics.summary(now.metrics()["depth"]) == "no samples"
