"""goal(): what a script declares, and what a run of it says and exits with."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from running import fastbench
from servers import Server, answering

from fastbench.cli import main
from fastbench.foundation.usage_error import UsageError
from fastbench.report.html import html_report
from fastbench.report.markdown import markdown_report, results_template
from fastbench.results.result import Result
from fastbench.script.api import goals
from fastbench.script.api.goals import derived, goal

SCRIPT = """
from fastbench import env, goal, scenario

goal("http_req_duration p(95)", target="1ns", critical="60s")
goal("errors", target="1%", critical="5%")
goal("iterations >", critical=2)

@scenario(executor="shared-iterations", vus=1, iterations=3)
async def load(vu):
    await vu.get(env("URL"))
"""


@pytest.fixture(autouse=True)
def none_yet() -> Iterator[None]:
    goals.begin()
    yield
    goals.begin()


@pytest.mark.parametrize(
    ("what", "limits", "text"),
    [
        ("p95", {"target": 200, "critical": 500}, "p95 <200 target, <500 critical"),
        ("p95", {"target": "200ms", "critical": "1s"}, "p95 <200ms target, <1s critical"),
        ("p95", {"target": 200, "critical": "1s"}, "p95 <200 target, <1s critical"),
        ("rps", {"target": "1k", "critical": 500}, "rps >1k target, >500 critical"),
        ("rps", {"target": "900/s", "critical": "0.5k/s"}, "rps >900/s target, >0.5k/s critical"),
        ("errors", {"target": "0.1%", "critical": "1%"}, "errors <0.1% target, <1% critical"),
        ("target_rss max", {"target": "1GiB", "critical": "3GB"},
         "target_rss max <1GiB target, <3GB critical"),
        ("checks rate >=", {"critical": "99%"}, "checks rate >=99% critical"),
        ("dropped_iterations <=", {"target": 0, "critical": 0},
         "dropped_iterations <=0 target, <=0 critical"),
    ],
)  # fmt: skip
def test_a_goal_is_a_threshold(what: str, limits: dict[str, float | str], text: str) -> None:
    goal(what, **limits)
    goal(what, **limits)
    assert goals.declared() == (text,)


@pytest.mark.parametrize(
    "what",
    ["p95", "http_req_duration{name:/a-b} p(95)", "errors", "operation_failed", "target_rss max"],
)
@pytest.mark.parametrize("words", [("target", "critical"), ("good", "plan")])
def test_of_what_is_better_the_less_it_is_limits_do_not_fall(
    what: str, words: tuple[str, str]
) -> None:
    limits = dict(zip(words, ("2%", "1%"), strict=True))
    with pytest.raises(UsageError, match="better the less it is, so its first limit is the small"):
        goal(what, **limits)
    goal(f"{what} >", **limits)  # who says so means it
    goal("http_reqs - http_req_duration count", **limits)


def test_a_whole_threshold_is_a_goal_of_one_limit() -> None:
    goal("p95[stage=3] <= 1.2 * p95[stage=1]")
    goal("http_reqs - iterations == 0 [warn]")
    assert goals.declared() == (
        "p95[stage=3] <= 1.2 * p95[stage=1]",
        "http_reqs - iterations == 0 [warn]",
    )


@pytest.mark.parametrize(
    ("what", "limits", "why"),
    [
        ("p95", {}, "needs a target, a critical limit, or both"),
        ("p95", {"target": 200}, "which side"),
        ("p95", {"target": 200, "critical": 200}, "which side"),
        ("p95", {"target": "soon", "critical": 200}, "soon is not a limit"),
        ("p95", {"target": True, "critical": 200}, "is a number or a text"),
        (" ", {"target": 200}, "is of a metric and its aggregate"),
    ],
)
def test_a_goal_that_is_none_is_one_sentence(
    what: str, limits: dict[str, float | str], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        goal(what, **limits)


@pytest.mark.parametrize(("more", "code"), [((), 0), (("--fail-on", "target"), 99)])
def test_a_target_that_is_missed_is_a_warning_or_decides(
    tmp_path: Path, more: tuple[str, ...], code: int
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with Server(answering()) as server:
        run = fastbench("run", *more, "-e", f"URL={server.url()}", str(script))
    assert run.code == code
    found = {text: each["grade"] for text, each in run.document["thresholds"].items()}
    assert found == {
        "http_req_duration p(95) <1ns target, <60s critical": "missed",
        "errors <1% target, <5% critical": "met",
        "iterations >2 critical": "",
    }
    assert " ".join(run.out.split()).count("times the target") == 1
    assert "THRESHOLDS  1 target missed" in run.out


def test_goals_are_thresholds_to_no_thresholds(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with Server(answering()) as server:
        run = fastbench("run", "--no-thresholds", "-e", f"URL={server.url()}", str(script))
    assert run.document["thresholds"] == {}


DERIVED = """
from fastbench import derived, env, goal, scenario

derived("unanswered", "iterations - http_reqs")
derived("of_named", "http_reqs{name:front} / unanswered_too")
derived("unanswered_too", "iterations + unanswered")
derived("idle", "ws_msgs_sent / ws_msgs_received")
goal("unanswered ==", critical=0)
goal("unanswered <=", target=0, critical=0)

@scenario(executor="shared-iterations", vus=1, iterations=3)
async def load(vu):
    await vu.get(env("URL"), name="front")
"""


def test_a_script_names_a_formula(tmp_path: Path) -> None:
    script, points = tmp_path / "script.py", tmp_path / "points.csv"
    script.write_text(DERIVED)
    with Server(answering()) as server:
        more = ("--threshold", "unanswered + 1 == 1", "-o", f"csv={points}")
        run = fastbench("run", *more, "-e", f"URL={server.url()}", str(script))
    _told_of_formulas(run.document, run.out)
    with points.open(newline="") as file:
        told = {row["metric_name"]: float(row["metric_value"]) for row in csv.DictReader(file)}
    assert (told["unanswered"], told["of_named"]) == (0.0, 1.0)
    found = {text: each["ok"] for text, each in run.document["thresholds"].items()}
    assert found == {
        "unanswered ==0 critical": True,
        "unanswered <=0 target, <=0 critical": True,
        "unanswered + 1 == 1": True,
    }


def _told_of_formulas(document: dict[str, Any], text: str) -> None:
    """All reports have a row for each formula, what it is, and what it came to."""
    values = {name: each["values"].get("value") for name, each in document["metrics"].items()}
    assert (values["unanswered"], values["of_named"]) == (0.0, 1.0)
    assert "idle" not in values
    named = {row["name"] for row in document["gauges"]}
    assert named == {"unanswered", "of_named", "unanswered_too"}
    result = Result.from_document(document)
    html = html_report.render(result)
    plan = results_template.render(result, "plan")
    for name, formula in document["config"]["derived"].items():
        assert re.search(rf"\n  {name} +\S.*\n    = {re.escape(formula)}\n", text)
        assert f"<td><code>{name}</code></td><td><code>{formula}</code></td>" in html
        for page in (markdown_report.render(result), plan):
            assert f"{name} = {formula}" in unescape(page).replace("\\", "")
    assert re.search("idle +no samples", text)


@pytest.mark.parametrize(
    ("name", "formula", "why"),
    [("a b", "iterations", "letters"), ("a", " ", "needs a formula"), ("b", "x", "two derived")],
)
def test_a_formula_that_is_none_is_one_sentence(name: str, formula: str, why: str) -> None:
    derived("b", "iterations - http_reqs")
    with pytest.raises(UsageError, match=why):
        derived(name, formula)


def test_a_dry_run_finds_a_goal_that_cannot_fail_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goals_of = 'goal("p95 <", target=200)\ngoal("http_reqs: drift > -10%")\n'
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("@scenario", f"{goals_of}@scenario"))
    assert main(["run", "--dry-run", "-e", "URL=http://127.0.0.1:1/", str(script)]) == 0
    assert "can never" not in capsys.readouterr().out
    script.write_text(SCRIPT.replace("@scenario", 'goal("p95 <", target="2h")\n@scenario'))
    main(["run", "--dry-run", "-e", "URL=http://127.0.0.1:1/", str(script)])
    assert "it can never fail" in capsys.readouterr().out


NEVER = """
from fastbench import derived, env, goal, scenario

goal("errors", target=1, critical=5)  # shares are of 1

@scenario(executor="shared-iterations", vus=1, iterations=1)
async def load(vu):
    await vu.get(env("URL"))
"""


def test_a_run_says_which_limit_can_never_fail(tmp_path: Path) -> None:
    script = tmp_path / "never.py"
    script.write_text(NEVER)
    with Server(answering()) as server:
        run = fastbench("run", "-e", f"URL={server.url()}", str(script))
    assert run.err.count("Threshold errors <1 target, <5 critical: its limit `critical` can") == 1


def test_a_formula_has_no_name_that_thresholds_use(tmp_path: Path) -> None:
    script = tmp_path / "named.py"
    script.write_text(NEVER + '\nderived("errors", "iterations * 0")\n')
    run = fastbench("run", "-e", "URL=http://127.0.0.1:9/", str(script))
    assert run.code == 104
    assert "derived(): errors is a word of thresholds; choose another one." in run.err
