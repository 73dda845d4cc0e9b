"""Runs of a script with stages: each is judged, and a plan's page has the highest that passed."""

from __future__ import annotations

from pathlib import Path

from running import fastbench
from servers import Server, answering

from fastbench.report.markdown import results_template
from fastbench.results.result import Result

# The second user and those after it fail their check: with four users 3 of 4 do.
SCRIPT = """
from fastbench import *

options = Options(thresholds={"checks": ["rate>0.9"], "iterations": ["count>1"]})

@scenario(executor="ramping-vus", start_vus=1, graceful_ramp_down="0s",
          stages=[("500ms", 1, "hold"), ("0s", 4), ("500ms", 4, "hold"), ("100ms", 0)])
async def load(vu):
    await vu.get(env("URL"))
    check(vu.id, {"is the first": vu.id == 1})
    await sleep(0.01)
"""


def test_a_script_is_judged_stage_by_stage(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with Server(answering()) as server:
        limit = ("--threshold", "errors<1% [stage=hold.2]")
        run = fastbench("run", *limit, "-e", f"URL={server.url()}", str(script))
    few, many, fall = run.document["stages"]
    assert [each["name"] for each in (few, many, fall)] == ["hold.1", "hold.2", "4"]
    assert (few["begin_s"], few["end_s"], many["end_s"]) == (0, 0.5, 1)
    assert few["asked_users"]["mean"] == 1 and many["asked_users"] == dict.fromkeys(
        ("first", "last", "mean"), 4
    )
    assert few["held"] == ["checks: rate>0.9"] and few["complete"] and not few["failed"]
    assert list(many["failed"]) == ["checks: rate>0.9"] and not many["held"]
    total = run.summary["requests"]
    assert sum(each["requests"] for each in (few, many, fall)) <= total
    assert many["requests"] > 2 * few["requests"] > 0
    assert "errors<1% [stage=hold.2]" in run.document["thresholds"]
    assert "STAGES" in run.out and "stage hold.1, the highest that met its goals" in run.out
    page = results_template.render(Result.from_document(run.document), "plan")
    assert "- Max concurrent users: 1\n" in page
    assert r"- Highest stage that met its goals: hold.1 \(1 user\)" in page
