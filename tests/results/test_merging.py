"""Runs at the same time as one result: counts, histograms, seconds, rows, times that do not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import samples
import scenario_samples
from commandline import validator
from stage_samples import stages

from fastbench.cli.commands.run_url import EXIT_CODES
from fastbench.foundation import exit_codes
from fastbench.results.counts import ENDED, SEVERITY
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import PERCENTILES
from fastbench.results.load_stages import Level
from fastbench.results.machine_row import MachineRow
from fastbench.results.merging.merged_result import merged
from fastbench.results.merging.run_times import Unmergeable
from fastbench.results.metric_values import Check, Judgement, Metric, NamedRow
from fastbench.results.result import Result
from fastbench.results.socket_counts import HandshakeTimes, Sockets


def at(result: Result, started_at: str, **changes: Any) -> Result:
    environment = replace(result.environment, started_at=started_at)
    return replace(result, environment=environment, **changes)


EARLY, LATE = "2026-01-01T10:00:00.250+00:00", "2026-01-01T10:00:02.250+00:00"


def pair(first: Result | None = None, second: Result | None = None, late: str = LATE) -> Result:
    one, other = first or samples.good(), second or samples.good()
    return merged([("a", at(one, EARLY)), ("b", at(other, late))], "1.0")


def test_counts_are_added_and_percentiles_are_those_of_all_samples() -> None:
    fast = Histogram.from_values([1_000_000] * 99)
    slow = Histogram.from_values([100_000_000] * 101)
    one, other = samples.good(), samples.good()
    made = pair(
        replace(one, latency=replace(one.latency, service=fast)),
        replace(other, latency=replace(other.latency, service=slow)),
    )
    assert made.summary.requests == one.summary.requests + other.summary.requests
    both = made.latency.service
    assert both.count == 200
    assert both.percentile(50) == pytest.approx(100e6, rel=0.01)  # an average were 50 ms
    assert both.percentile(49) == pytest.approx(1e6, rel=0.01)
    assert made.summary.duration_s == pytest.approx(one.summary.duration_s + 2)


def test_seconds_are_added_by_the_wall_clock() -> None:
    made = pair()
    rows = samples.good().series
    by_second: dict[int, int] = {}
    for row in rows:
        for shift in (0, 2):
            second = round(row.t_s) + shift
            by_second[second] = by_second.get(second, 0) + row.requests
    assert {round(row.t_s): row.requests for row in made.series} == by_second
    shared = [row for row in made.series if 2 <= row.t_s < rows[-1].t_s]
    assert shared
    assert all(row.p99_ms is None for row in shared)
    assert made.series[0].p99_ms == rows[0].p99_ms


def test_machines_are_named_by_their_run_and_lost_by_the_time_of_all() -> None:
    made = pair(samples.on_machines(), samples.on_machines())
    names = [f"{run}: load{number}" for run in "ab" for number in (1, 2, 3)]
    assert [row.name for row in made.machines] == names
    assert [row.lost_at_s for row in made.machines if row.lost] == [3.412, 5.412]
    document = json.loads(json.dumps(made.to_document()))
    validator().validate(document)
    assert Result.from_document(document) == made


def test_the_document_is_valid_and_read_back() -> None:
    made = pair(samples.failing(), samples.watched())
    document = json.loads(json.dumps(made.to_document()))
    validator().validate(document)
    assert Result.from_document(document) == made
    del document["parts"]  # as an older version wrote it
    assert not Result.from_document(document).parts


def test_a_merged_run_failed_if_one_of_its_parts_failed() -> None:
    limit = Judgement(ok=False, observed=2.0, margin=-1.0, level="fail", near=False, text="2 > 1")
    made = pair(samples.good(), replace(samples.good(), thresholds={"p95 <1ms": limit}))
    assert made.thresholds == {"b: p95 <1ms": limit}
    assert made.thresholds_failed
    assert made.outcome.level == "failed"
    assert made.outcome.text == "b: threshold failed: p95 <1ms"
    assert [part.outcome for part in made.parts] == [samples.good().outcome.level, "failed"]


def test_metrics_are_merged_by_kind() -> None:
    def of(count: float, value: float, p95: float) -> dict[str, Metric]:
        trend = {"avg": value, "min": value, "med": value, "max": value, "p(95)": p95}
        return {
            "sold": Metric("counter", "default", {"count": count, "rate": count / 10}),
            "depth": Metric("gauge", "default", {"value": value, "min": value, "max": value}),
            "hits": Metric("rate", "default", {"rate": 0.5, "passes": count, "fails": count}),
            "wait": Metric("trend", "time", {**trend, "count": count}),
        }

    one = replace(samples.good(), metrics=of(10, 2, 3))
    made = pair(one, replace(samples.good(), metrics=of(30, 6, 7)))
    values = {name: dict(metric.values) for name, metric in made.metrics.items()}
    assert values["sold"] == {"count": 40, "rate": pytest.approx(40 / made.summary.duration_s)}
    assert values["depth"] == {"value": 6, "min": 2, "max": 6}
    assert values["hits"] == {"rate": 0.5, "passes": 40, "fails": 40}
    assert values["wait"] == {"avg": 5, "min": 2, "max": 6, "count": 40}  # no percentile


def test_a_formula_has_a_value_where_one_run_alone_names_it() -> None:
    def run(value: float, **derived: str) -> Result:
        gauge = Metric("gauge", "default", {"value": value, "min": value, "max": value})
        one = samples.good()
        named = dict.fromkeys(derived, gauge) | {"set_once": replace(gauge, values={})}
        return replace(one, config={**one.config, "derived": derived}, metrics=named)

    first = run(3, lost="a - b", share="a / b")
    gauge = {**first.metrics, "set_once": replace(first.metrics["lost"], values={"value": 1.0})}
    made = pair(replace(first, metrics=gauge), run(5, lost="a - b"))
    assert made.config["derived"] == {"share": "a / b"}
    assert made.metrics.keys() == {"share", "set_once"}, "what is lost is no gauge of the last run"
    assert made.metrics["set_once"].values == {"value": 1.0}


def test_a_metric_of_two_kinds_is_refused() -> None:
    one = replace(samples.good(), metrics={"x": Metric("counter", "default", {"count": 1})})
    other = replace(samples.good(), metrics={"x": Metric("gauge", "default", {"value": 1})})
    with pytest.raises(Unmergeable, match=r"x is a counter .* in a and a gauge .* in b"):
        pair(one, other)


def test_operations_of_one_name_are_one_row_and_no_percentile_is_averaged() -> None:
    def row(count: int, mean_ms: float) -> NamedRow:
        names = ("min", "mean", "stdev", *PERCENTILES, "max")
        latency = {"count": count, **dict.fromkeys(names, mean_ms)}
        latency["sum_ns"] = round(count * mean_ms * 1e6)
        return NamedRow("sign", "", "s", count, 1, 0.0, latency, kind="job", reasons={"x": 1})

    def run(count: int, mean_ms: float) -> Result:
        check = Check("fine", "", "s", count, 1)
        config = {"script": "s.py", "vus": 2}
        return replace(
            samples.good(), config=config, requests=(row(count, mean_ms),), checks=(check,)
        )

    made = pair(run(10, 1.0), run(30, 3.0))
    (found,) = made.requests
    assert (found.requests, found.failed, found.reasons) == (40, 2, {"x": 2})
    assert (found.latency["min"], found.latency["mean"], found.latency["max"]) == (1.0, 2.5, 3.0)
    assert found.latency["p99"] is None
    assert made.checks == (Check("fine", "", "s", 40, 2),)
    assert (made.config["script"], made.config["vus"]) == ("s.py", 4)


@pytest.mark.parametrize(
    ("late", "sentence"),
    [
        (
            "2026-01-01T12:00:00.000+00:00",
            "did not run at the same time .* start them together",
        ),
        (EARLY, "a and b are the same run"),
        ("yesterday", "does not tell when it began"),
    ],
)
def test_what_is_no_run_at_the_same_time_is_refused(late: str, sentence: str) -> None:
    with pytest.raises(Unmergeable, match=sentence):
        pair(late=late)


def test_a_run_that_never_began_is_no_part() -> None:
    never = replace(samples.refused(), summary=replace(samples.refused().summary, duration_s=0.0))
    with pytest.raises(Unmergeable, match="b ended before its load began; merge those that had"):
        pair(second=never, late=EARLY)


def test_an_overlap_in_part_is_told() -> None:
    assert [w.code for w in pair().warnings] == ["merged_times"]
    close = merged([("a", at(samples.good(), EARLY)), ("b", at(samples.warmed(), EARLY))], "1.0")
    assert [w.code for w in close.warnings if w.code == "merged_times"] == []


def test_an_older_document_told_its_end() -> None:
    length_s = samples.good().summary.duration_s
    made = pair(late=f"2026-01-01T10:00:{round(length_s) + 1:02}+00:00")
    assert made.parts[1].offset_s == pytest.approx(0.75, abs=0.5)
    assert "b of an older version" in " ".join(each.text for each in made.warnings)


def test_messages_and_requests_are_no_sum() -> None:
    config = {**samples.good().config, "websocket": {"mode": "echo"}}
    with pytest.raises(Unmergeable, match="a counts requests and b messages"):
        pair(second=replace(samples.good(), config=config))


def test_a_merged_result_is_merged_again() -> None:
    whole = merged([("m", pair()), ("c", at(samples.good(), LATE, config={}))], "1.0")
    assert [(part.name, part.offset_s) for part in whole.parts] == [
        ("m: a", 0.0),
        ("m: b", 2.0),
        ("c", 2.0),
    ]
    assert whole.summary.requests == 3 * samples.good().summary.requests


def test_a_run_counts_once_also_as_a_part_of_another() -> None:
    with pytest.raises(Unmergeable, match=r"^m: b and again are the same run, which would"):
        merged([("m", pair()), ("again", at(samples.good(), LATE))], "1.0")
    with pytest.raises(Unmergeable, match=r"^m: a and n: a are the same run"):
        merged([("m", pair()), ("n", pair(second=samples.warmed()))], "1.0")


@pytest.mark.parametrize(
    ("ends", "whole"),
    [
        (("complete", "interrupted"), "interrupted"),
        (("threshold_aborted", "interrupted"), "interrupted"),
        (("threshold_aborted", "worker_lost"), "worker_lost"),
        (("aborted", "script_failed"), "aborted"),
        (("nothing_succeeded", "complete"), "complete"),
        (("nothing_succeeded", "nothing_succeeded"), "nothing_succeeded"),
    ],
)
def test_it_ended_as_the_worst_of_its_runs(ends: tuple[str, str], whole: str) -> None:
    for one, other in (ends, ends[::-1]):
        first, second = (
            replace(samples.good(), summary=replace(samples.good().summary, ended=each))
            for each in (one, other)
        )
        assert pair(first, second).summary.ended == whole


def test_the_order_of_ends_is_that_of_their_exit_codes() -> None:
    assert sorted(SEVERITY) == sorted(ENDED)
    codes = [EXIT_CODES[each] for each in SEVERITY]
    assert [exit_codes.worst(codes[: at + 1]) for at in range(len(codes))] == codes


def test_users_of_all_runs_are_a_sum() -> None:
    def of(*values: float) -> Result:
        gauge = dict(zip(("value", "min", "max"), values, strict=True))
        metrics = {"vus": Metric("gauge", "default", gauge)}
        return replace(samples.good(), metrics=metrics)

    made = pair(of(3, 1, 5), of(4, 0, 10))
    assert made.metrics["vus"].values == {"value": 7, "min": 1, "max": 15}


def test_scenarios_of_one_script_are_merged_and_those_of_another_are_not() -> None:
    def run(script: str, at_s: int) -> tuple[str, Result]:
        found = replace(scenario_samples.smoke(), config={"script": script})
        return f"r{at_s}", at(found, f"2026-01-01T10:00:0{at_s}.000+00:00")

    names = [row.name for row in scenario_samples.smoke().scenarios]
    made = merged([run("s.py", 0), run("s.py", 1), run("t.py", 2)], "1.0")
    assert [row.name for row in made.scenarios] == [
        f"{of}: {name}" for of in ("s.py", "r2") for name in names
    ]
    alone = merged([run("s.py", 0), run("s.py", 1)], "1.0")
    assert [row.name for row in alone.scenarios] == names


def test_handshakes_of_two_runs_of_websockets_are_those_of_all() -> None:
    def run(*times_ns: int) -> Result:
        handshakes = HandshakeTimes.of(Histogram.from_values(times_ns))
        counts = (len(times_ns), 0, 0, 0.0, 0, 0, 0, 0, 0)
        return replace(samples.good(), sockets=Sockets(*counts, handshakes))

    made = pair(run(1_000_000, 2_000_000), run(9_000_000)).sockets
    assert made is not None
    assert made.handshake_ms.p50 == pytest.approx(2, rel=0.001)
    assert made.handshake_ms.p99 == made.handshake_ms.max == 9


def test_stages_that_coincide_are_added_and_others_are_told_by_their_run() -> None:
    staged = replace(samples.good(), stages=stages())
    whole = pair(staged, staged, late="2026-01-01T10:00:00.750+00:00")
    hold = whole.stages[1]
    assert hold.asked_users == Level(100, 100, 100) and hold.requests == 24_000
    assert (hold.users, hold.sockets, hold.p95_ms) == (100, 41.0, None)
    assert hold.held == ("a: errors<1%", "b: errors<1%") and len(hold.warned) == 2
    assert [row.complete for row in whole.stages] == [True, True, True, False]
    apart = pair(staged, staged)
    assert apart.stages == () and "merged_stages" in [each.code for each in apart.warnings]
    assert pair(staged).stages == ()


def test_runs_on_two_clusters_keep_the_machines_of_both() -> None:
    row = MachineRow("a", "tcp://h:1", 2, 1, 9, 9.0, None, 1.0, 1.0, 0.2, 0.0, "ok", "none", (), "")
    rows = row, replace(row, name="b"), replace(row, name="c", lost="it was silent for 4.5s")
    one = replace(samples.good(), machines=rows[:2])
    whole = pair(one, replace(samples.good(), machines=rows[2:]))
    named = tuple(
        replace(each, name=f"{run}: {each.name}") for run, each in zip("aab", rows, strict=True)
    )
    assert whole.machines == named
    assert Result.from_document(json.loads(json.dumps(whole.to_document()))).machines == named
