"""Stages of a load in every report, and the capacity that they show."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples
import scenario_samples
from stage_samples import FALL, HOLD, PEAK, RISE, stages

from fastbench.report import stage_rows
from fastbench.report.html import html_report
from fastbench.report.markdown import markdown_report, results_template
from fastbench.report.text import text_report
from fastbench.results.load_stages import Level, StageRow
from fastbench.results.result import Result


def run(*rows: StageRow) -> Result:
    return replace(scenario_samples.messages(), stages=rows)


SAID = {
    "met, then failed": (
        stages(),
        "50 users, 400 req/s, 20 open sockets: stage hold, the highest that met its goals; stage "
        "peak (200 users, 1m to 1m30s) failed p95<200: 812ms, 4.06 times the limit and 1 more",
    ),
    "all met": (
        (RISE, replace(HOLD, sockets=None)),
        "at least 50 users, 400 req/s: every stage met its goals, stage hold is the highest",
    ),
    "only a ramp met": (
        (RISE, PEAK),
        "25 users (the mean of 0 to 50), 200 req/s: stage rise, the highest that met its goals; "
        "stage peak (200 users, 1m to 1m30s) failed p95<200: 812ms, 4.06 times the limit and 1 "
        "more",
    ),
    "none met": (
        (PEAK, FALL),
        "no stage met its goals; stage peak (200 users, 1m to 1m30s) failed p95<200: 812ms, 4.06 "
        "times the limit and 1 more",
    ),
    "failed at a lower load, too": (
        (HOLD, replace(PEAK, name="after", asked_users=Level(5, 5, 5), failed={"p95<9": "10ms"})),
        "at least 50 users, 400 req/s, 20 open sockets: stage hold, the highest that met its goals"
        "; stage after (5 users, 1m to 1m30s) failed p95<9: 10ms, though its load was no higher",
    ),
}


@pytest.mark.parametrize("case", list(SAID))
def test_the_capacity_in_one_sentence(case: str) -> None:
    rows, said = SAID[case]
    assert stage_rows.sentence(run(*rows)) == said


def test_every_report_has_the_stages_and_the_capacity() -> None:
    result = run(*stages())
    text = text_report.render(result, color=False, width=100)
    html = html_report.render(result)
    markdown = markdown_report.render(result)
    for name, page in (("text", text), ("html", html), ("markdown", markdown)):
        assert "rise, 0s to 30s" in page and "0→50" in page, name
        assert "cut short" in page and "warning" in page, name
        assert "the highest that met its goals" in " ".join(page.split()), name
    assert max(map(len, text_report.render(result, color=False, width=60).splitlines())) <= 60


def test_a_stage_without_requests_counts_operations() -> None:
    sockets = replace(HOLD, requests=0, not_ok=0, p95_ms=None, operations=900)
    assert "30 op/s" in stage_rows.sentence(run(RISE, sockets))
    assert stage_rows.rows(run(sockets))[0].cells[2:4] == ("30", "7.50ms")


def test_of_many_stages_those_that_tell_the_limit_are_shown() -> None:
    rises = [replace(RISE, name=f"r{at}", begin_s=at) for at in range(40)]
    page = text_report.render(run(*rises, HOLD, PEAK), color=False, width=100)
    table = page.partition("STAGES")[2].partition("\n\n")[0]
    assert "hold, 30s" in table and "peak, 1m" in table and "… 30 more" in table
    assert "r9, 9s" in table and "r10, 10s" not in table
    assert "… 18 more" in markdown_report.render(run(*rises, HOLD, PEAK))


def test_the_page_of_a_plan_has_the_limits() -> None:
    page = results_template.render(run(*stages()), "plan")
    limits = page.partition("## Capacity limits\n\n")[2].partition("\n\n")[0].splitlines()
    assert limits[:4] == [
        "- Max concurrent users: 50",
        "- Max requests/s: 400",
        "- Max WebSocket connections: 20",
        r"- Highest stage that met its goals: hold \(50 users\)",
    ]
    assert limits[4].startswith("- Above it, stage peak") and len(limits) == 5
    html = results_template.render(run(*stages()), "plan", form="html")
    assert "<li>Max concurrent users: 50</li>" in html
    page = results_template.render(run(RISE, HOLD), "plan")
    assert "- Max concurrent users: at least 50\n" in page
    assert "- No stage failed: the limit was not reached\n" in page


def test_what_a_script_calls_its_stages_is_data() -> None:
    bad = replace(RISE, name="<b>\x1b[31m|", failed={"<i>": "\x1b[0m"})
    result = replace(samples.good(), stages=(bad, HOLD))
    assert "\x1b" not in text_report.render(result, color=False, width=100)
    for page in (
        html_report.render(result),
        markdown_report.render(result),
        results_template.render(result, "plan"),
        results_template.render(result, "plan", form="html"),
    ):
        assert "\x1b" not in page and "<b>" not in page and "<i>" not in page
