"""Stages of a load: which there are, what is judged in each, and the limit that they show."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import samples
from stage_samples import FALL, PEAK, RISE, stages

from fastbench.results.assessment.capacity import capacity
from fastbench.results.counts import Summary
from fastbench.results.histogram import Histogram
from fastbench.results.load_stages import Level, LoadPart, StageRow, stages_of
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.stage_judging import judged_in_stages
from fastbench.run.metric_sums import CounterValue, GaugeValue, RateValue, TrendValue
from fastbench.run.snapshot import Rows, Snapshot

MS = 1_000_000


def part(name: str, begin_s: float, end_s: float, first: float, last: float) -> LoadPart:
    return LoadPart(name, "", begin_s, end_s, first, last, rates=False)


# Which there are.


def test_stages_have_what_is_asked_on_average() -> None:
    rise, hold = stages_of([part("1", 0, 10, 0, 50), part("2", 10, 30, 50, 50)])
    assert (rise.name, rise.users, rise.per_s) == ("1", Level(0, 50, 25), None)
    assert (hold.begin_s, hold.end_s, hold.users) == (10, 30, Level(50, 50, 50))


def test_a_load_of_one_stage_has_none() -> None:
    assert stages_of([part("a", 0, 10, 5, 5), part("b", 0, 10, 7, 7)]) == ()
    assert stages_of([part("1", 0, 0, 0, 50), part("2", 0, 10, 50, 50)]) == ()


def test_scenarios_are_added_up_and_what_begins_together_is_one_stage() -> None:
    rate = LoadPart("rate", "", 0, 20, 100, 100, rates=True)
    parts = [part("a", 0, 10, 5, 5), part("b", 0, 10, 0, 10), part("c", 10, 20, 20, 20), rate]
    first, whole, last = stages_of(parts)
    assert [each.name for each in (first, whole, last)] == ["a + b", "rate", "c"]
    assert (first.users, first.per_s) == (Level(5, 15, 10), Level(100, 100, 100))
    assert whole.users == Level(5, 20, 15)
    assert last.users == Level(20, 20, 20)


def test_stages_that_share_a_name_have_one_each() -> None:
    own = [replace(part(str(at), at, at + 1, 1, 1), own="ramp") for at in range(3)]
    assert [each.name for each in stages_of(own)] == ["ramp.1", "ramp.2", "ramp.3"]
    taken = [*own[:2], replace(part("9", 9, 10, 1, 1), own="ramp.2")]
    assert len({each.name for each in stages_of(taken)}) == 3


# What is judged in them.

JUDGED = {
    "p95<200": True,
    "errors<1%": True,
    "checks>99%": True,
    "dropped_iterations: count==0": True,
    "ws_errors: count<5": True,
    "target_rss: max<500MB": True,
    "p95 <= 1.2 * p95[baseline]": True,
    "target_rss max - target_rss min < 50MB": True,
    "http_req_duration{name:a}: p(95)<200": True,
    "p95<200 [stage=1]": False,
    "p95<200 [last=5s]": False,
    "p95[stage=2] <= 1.2 * p95[stage=1]": False,
    "http_req_duration: drift<10%": False,
    "http_req_duration: recovery<5s [stage=1]": False,
    "requests>10k": False,
    "rps>=100": False,
    "vus: max>=100": False,
    "ws_msgs_sent - ws_msgs_received == 0": False,
}


@pytest.mark.parametrize("line", list(JUDGED))
def test_which_thresholds_a_stage_is_held_to(line: str) -> None:
    assert judged_in_stages(grammar.parse(line, BUILT_IN)) is JUDGED[line]


def snapshot(t_s: float, reqs: int, failed: int, times: list[int], rss: float = 0) -> Snapshot:
    sessions: Rows = {"ws_sessions": {(): CounterValue(8)}} if t_s > 2 else {}
    closed: Rows = {"ws_session_duration": {(): TrendValue.of(Histogram.from_values([MS, MS]))}}
    rows: Rows = {
        "http_reqs": {(): CounterValue(reqs)},
        "http_req_failed": {(): RateValue(failed, reqs)},
        "http_req_duration": {(): TrendValue.of(Histogram.from_values(times))},
        "requests.answered": {(): CounterValue(len(times))},
        "vus": {(): GaugeValue(5 * t_s, 0, 5 * t_s, round(t_s * 1e9) or 1)},
        "target_rss": {(): GaugeValue(rss, 0, 400, round(t_s * 1e9) or 1)},
        **sessions,
        **(closed if sessions else {}),
    }
    return Snapshot(t_s, t_s, {}, rows)


def judged(*lines: str, ends_s: float = 4.0, hanging: int = 0) -> dict[str, StageRow]:
    """Run 2 s at 5 users, 2 s at 10: the second is slow, 1 of its 5 requests fails."""
    plan = stages_of([part("1", 0, 2, 5, 5), part("2", 2, 4, 10, 10), part("3", 4, 5, 0, 0)])
    judge = Judge([grammar.parse(line, BUILT_IN) for line in lines], {}, plan)
    assert (judge.next_s(0), judge.next_s(2), judge.next_s(5)) == (2, 4, math.inf)
    fast, slow = [10 * MS] * 10, [900 * MS] * 4
    judge.look(snapshot(1, 5, 0, fast[:5], 400))
    judge.look(snapshot(2, 10, 0, fast, 100))
    judge.look(snapshot(3, 12, 0, fast + slow[:2], 200))
    judge.end(snapshot(ends_s, 15, 1, fast + slow, 300))
    ended = Summary(ends_s, 15 + hanging, 14, 1, 0, 0, 0, hanging, 3.0 if hanging else 0.0)
    return {row.name: row for row in judge.stages(replace(samples.good(), summary=ended))}


def test_each_stage_has_its_own_numbers_and_its_own_judgements() -> None:
    found = judged("p95<200", "errors<1%", "target_rss: max<350", "rps>=100")
    first, second = found["1"], found["2"]
    assert (first.requests, first.not_ok, second.requests, second.not_ok) == (10, 0, 5, 1)
    assert first.p95_ms == pytest.approx(10, rel=0.01)
    assert second.p95_ms == pytest.approx(900, rel=0.01)
    assert (first.users, second.users) == (5, 15)
    assert (first.sockets, second.sockets) == (None, 6)
    assert (first.measured_s, second.measured_s, second.requests_per_s) == (2, 2, 2.5)
    assert first.held == ("p95<200", "errors<1%") and [*first.failed] == ["target_rss: max<350"]
    assert second.held == ("target_rss: max<350",)
    assert list(second.failed) == ["p95<200", "errors<1%"]
    assert second.failed["errors<1%"] == "20%, 19 points above the limit"


def test_a_stage_that_the_end_of_the_run_cut_short_has_met_nothing() -> None:
    found = judged("errors<50%", ends_s=3.5)
    assert (found["2"].complete, found["2"].end_s, found["2"].met) == (False, 3.5, False)
    assert found["1"].met and "3" not in found


def test_without_samples_a_stage_fails_only_where_there_should_be_some() -> None:
    of_others = ("http_req_duration{name:x}: p(95)<5 [warn]", "ws_msg_rtt: p(95)<5")
    found = judged("http_req_waiting: p(95)<5", *of_others)
    assert found["1"].failed == {"http_req_waiting: p(95)<5": "no samples"}
    assert found["1"].no_samples == of_others


def test_what_has_no_response_at_the_end_failed_in_the_last_stage() -> None:
    found = judged("errors<50%", hanging=40)
    assert found["1"].held and list(found["2"].failed) == ["errors<50%"]
    assert "with 40 requests that had no response at the end" in found["2"].failed["errors<50%"]


def test_a_missed_target_is_a_warning_and_the_stage_has_met_its_goals() -> None:
    found = judged("p95 <5 target, <500 critical")["1"]
    assert found.warned and not found.failed and not found.judged


# The limit that they show.

HOLD = stages()[1]


def test_the_limit_is_the_highest_stage_that_met_its_goals_and_what_failed_above() -> None:
    found = capacity([RISE, HOLD, PEAK, FALL])
    assert found is not None
    assert (found.highest, found.next_failed, found.lower_failed) == (HOLD, PEAK, ())


def test_of_no_stage_that_met_its_goals_the_lowest_is_told() -> None:
    worse = replace(PEAK, name="more", asked_users=Level(400, 400, 400))
    found = capacity([worse, PEAK, FALL])
    assert found is not None and (found.highest, found.next_failed) == (None, PEAK)


def test_where_all_met_their_goals_the_limit_was_not_reached() -> None:
    found = capacity([RISE, HOLD])
    assert found is not None and (found.highest, found.next_failed) == (HOLD, None)
    assert capacity([FALL]) is None and capacity([replace(RISE, held=())]) is None


@pytest.mark.parametrize("users", [10, 50])
def test_a_stage_that_failed_at_no_higher_load_is_told(users: float) -> None:
    after = replace(PEAK, name="after", asked_users=Level(users, users, users), begin_s=95.0)
    more = replace(PEAK, name="more", asked_users=Level(300, 300, 300))
    found = capacity([RISE, HOLD, more, PEAK, after])
    assert found is not None and (found.highest, found.next_failed) == (HOLD, PEAK)
    assert found.lower_failed == (after,)
