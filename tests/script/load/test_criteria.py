"""criteria.py: what --dry-run finds of limits, formulas and times, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_dry_run import BODY, found_in, reading

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.results.thresholds import grammar
from fastbench.script.api.options import Declared, Settings
from fastbench.script.load import dry_run
from fastbench.script.load.cli_overrides import applied
from fastbench.script.load.source import Source
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import read

STAGES = [("1m", 5, "before"), ("0s", 50), ("1m", 50, "spike"), ("1m", 5, "after")]
TIMED: dict[str, Any] = {"executor": "ramping-vus", "start_vus": 5, "stages": STAGES}
SHORT: dict[str, Any] = {"executor": "constant-vus", "duration": "10s", "graceful_stop": "2s"}


@pytest.mark.parametrize(
    ("limit", "level", "says"),
    [
        # limits
        ("p95 <0 target, <500 critical", "error", "its limit `target` can never pass"),
        ("p95 <200 target, <61s critical", "warning", "its limit `critical` can never fail"),
        ("checks >=99% target, >=0 critical", "warning", "its limit `critical` can never fail"),
        ("errors <1% good, <100.1% plan", "warning", "its limit `plan` can never fail"),
        ("target_cpu: max<0", "error", "can never pass"),
        ("target_rss: max>=0", "warning", "can never fail"),
        ("host_cpu: max<101", "warning", "can never fail"),
        ("vus: max>51", "error", "can never pass"),
        ("checks==101%", "error", "can never pass"),
        ("checks!=2", "warning", "can never fail"),
        ("http_req_duration: recovery<0s [stage=spike]", "error", "can never pass"),
        ("uptime>100%", "error", "can never pass"),
        ("dropped_iterations<5", "warning", "can never fail: VUs that run for a time"),
        ("dropped_iterations>5", "error", "can never pass: VUs that run for a time"),
        # formulas
        ("http_reqs - http_reqs == 0", "warning", "can never fail, every value passes"),
        ("http_reqs - http_reqs == 1", "error", "can never pass; no values are so"),
        ("http_reqs + iterations >= 0", "warning", "can never fail"),
        ("http_reqs + iterations < 0", "error", "can never pass"),
        ("p95 <= 1.2 * p95", "warning", "can never fail"),
        ("p95 > 2 * p95", "error", "can never pass"),
        ("p95[stage=spike] <= 2 * p95[stage=spike]", "warning", "can never fail"),
        ("checks - http_req_failed <= 1", "warning", "can never fail"),
        ("errors + checks > 200%", "error", "can never pass"),
        ("ws_msgs_sent - ws_msgs_received == 0", "error", "never calls ws()"),
        ("http_reqs{scenario:g} - iterations == 0", "error", "no scenario g runs"),
        # times
        ("p95<200 [last=3m]", "warning", "[last=…] is all of it"),
        ("p95<200 [stage=2]", "error", "the stage 2 has no length"),
        ("p95<200 [delay=10s]", "warning", "a delay is for [abort]"),
        ("http_req_duration: recovery<30s [stage=after]", "error", "nothing comes after"),
        ("http_req_duration: recovery<30s [stage=before]", "error", "and there is nothing"),
        ("http_req_duration: recovery<2m [stage=spike]", "warning", "only 1m come after"),
        ("p95[stage=2] <= p95[stage=before]", "error", "the stage 2 has no length"),
        ("target_rss: drift<5MB [last=10s]", "error", "a drift takes 20s to tell"),
        # tags
        ("http_req_duration{team:blue}: max<5", "warning", "nothing of the script has the tag"),
        ("http_reqs{method:DELETE}: count>5", "warning", "has the tag method:DELETE"),
        ("operations{kind:sqll}: count>5", "warning", "has the tag kind:sqll"),
    ],
)
def test_a_criterion_that_says_nothing_is_found(
    tmp_path: Path, limit: str, level: str, says: str
) -> None:
    found = found_in(tmp_path, limit, **TIMED)
    assert [each for each in found if each[0] == level and says in each[1]], found


@pytest.mark.parametrize(
    "limit",
    [
        "p95 <200 target, <500 critical",
        "p95 <200 target",
        "p95 <200 good, <500 plan, else act",
        "target_cpu: max<85",
        "vus: max>=50",
        "checks==100%",
        "checks!=100%",
        "size: avg==-5",
        "http_reqs - iterations == 0",
        "http_reqs / iterations > 2",
        "p95[stage=after] <= 1.2 * p95[stage=before]",
        "p95 <= 1.2 * p50",
        "errors <= errors[baseline]",
        "p95 * p95 < p95",
        "(p95 - 2) * (p95 - 2) > 0.1",
        "target_rss max - target_rss min < 50MB",
        "http_req_duration: recovery<30s [stage=spike]",
        "http_req_duration: drift<10%",
        "target_rss: drift<5MB [stage=spike]",
        "http_reqs: slope>-1/s",
        "p95<200 [last=30s]",
        "p95<200 [abort] [delay=10s]",
        "http_reqs{method:GET}: count>5",
        "redis_duration{command:incr}: max<5",
    ],
)
def test_a_criterion_that_can_pass_and_fail_is_left_alone(tmp_path: Path, limit: str) -> None:
    body = BODY + "size = Trend('size')\nsize.add(1)\nredis.open('redis://a')\n"
    assert found_in(tmp_path, limit, body, **TIMED) == []


def test_ten_seconds_tell_no_drift(tmp_path: Path) -> None:
    limit = "http_req_duration: drift<10%"
    ((level, says),) = found_in(tmp_path, limit, **SHORT)
    assert level == "error" and "and there are 10s" in says
    ((level, _),) = found_in(tmp_path, limit, **{**SHORT, "graceful_stop": "30s"})
    assert level == "warning", "its last iterations may take long"


def test_a_stage_in_which_nothing_of_it_runs_is_found(tmp_path: Path) -> None:
    early = read("early", "f", {**SHORT, "graceful_stop": "0s"})
    late = read("late", "f", {**TIMED, "start_time": "1m"})
    plan = applied(Declared(Settings(), (early, late)), RunRequest("script.py"))
    for limit, wrong in (("http_reqs{scenario:early}: count>1 [stage=spike]", True),
                         ("http_reqs{scenario:late}: count>1 [stage=spike]", False),
                         ("http_reqs: count>1 [stage=spike]", False)):  # fmt: skip
        limits = grammar.read({}, (limit,), BUILT_IN)
        found = dry_run.findings(plan, limits, reading(tmp_path, BODY))
        assert ["does not run in the stage spike" in each.text for each in found] == [True] * wrong


def test_tags_that_are_declared_are_no_slip(tmp_path: Path) -> None:
    spec = read("f", "f", {**TIMED, "tags": {"flow": "buy"}})
    plan = applied(Declared(Settings(tags={"team": "a"}), (spec,)), RunRequest("script.py"))
    for tag, level in (("flow:buy", []), ("team:a", []), ("team:b", ["warning"])):
        limits = grammar.read({}, (f"http_reqs{{{tag}}}: count>1",), BUILT_IN)
        found = dry_run.findings(plan, limits, reading(tmp_path, BODY))
        assert [each.level for each in found] == level


def test_a_formula_whose_terms_have_no_samples_is_found(tmp_path: Path) -> None:
    derived = {"lost": "ws_msgs_sent - ws_msgs_received", "idle": "http_reqs - iterations"}
    plan = applied(
        Declared(Settings(derived=derived), (read("f", "f", TIMED),)), RunRequest("script.py")
    )
    formulas = grammar.read_derived(derived, BUILT_IN)
    found = dry_run.findings(plan, (), reading(tmp_path, BODY), formulas)
    never = "it never gets a sample, because the script never calls ws()."
    assert [(each.level, each.text) for each in found] == [
        ("warning", f"derived lost: ws_msgs_sent: {never}"),
        ("warning", f"derived lost: ws_msgs_received: {never}"),
    ]
    limits = grammar.read({}, ("lost == 0",), BUILT_IN, derived)
    found = dry_run.findings(plan, limits, reading(tmp_path, BODY), formulas)
    assert [each.level for each in found] == ["error", "error"], "said once"


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("target_cpu{name:/a}: max<5", "it has the tag process only"),
        ("host_cpu{process:a}: max<5", "it has no tags"),
        ("host_network{direction:up}: max<5", "in or out"),
        ("target_rss{scenario:a} max - target_rss min < 5MB", "it has the tag process only"),
    ],
)
def test_tags_that_no_machine_has_are_refused(limit: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        grammar.parse(limit, {**BUILT_IN, "size": Kind("trend")})


UNJUDGEABLE = {
    "p95<200 [stage=2]": True,
    "http_req_duration: recovery<30s [stage=after]": True,
    "http_req_response: p(95)<200": True,
    "http_req_duration: drift<10% [stage=after]": False,
    "ws_errors: count<5": False,  # only the text of the script says that it never opens one
    "checks==101%": False,  # judged, it always fails
    "p95<200 [last=3m]": False,
}


@pytest.mark.parametrize("limit", list(UNJUDGEABLE))
def test_a_run_is_refused_for_what_its_plan_shows_that_it_can_never_judge(limit: str) -> None:
    spec = read("main", "main", TIMED)
    plan = applied(Declared(Settings(), (spec,)), RunRequest(script="x.py"))
    found = dry_run.before_load(plan, [grammar.parse(limit, BUILT_IN)], Source)
    assert any(each.unjudgeable for each in found) is UNJUDGEABLE[limit]
    assert all(each.level == "error" for each in found if each.unjudgeable)
    told = [each.text for each in found if "never calls ws()" in each.text]
    assert len(told) == limit.startswith("ws_")


def test_a_script_whose_text_is_not_read_is_told_nothing_of_it() -> None:
    spec = read("main", "main", TIMED)
    plan = applied(Declared(Settings(), (spec,)), RunRequest(script="x.js"))
    limits = [grammar.parse("checks>99%", BUILT_IN)]
    assert dry_run.before_load(plan, limits, lambda: Source(unread=True)) == ()
    assert len(dry_run.before_load(plan, limits, Source)) == 1
