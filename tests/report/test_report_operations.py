"""What a script timed itself has its rows in every form, and its run its headline."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import scenario_samples
from comparing import SUBJECT
from following import look, name_of, rows
from running import fastbench

from fastbench.cli import main
from fastbench.cli.output import formats, peer_forms
from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.run_blocks import throughput
from fastbench.cli.output.live.run_figures import Figures, RunFacts
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.figures import figures_of
from fastbench.experiments.compare.saved_results import judge_stored
from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.outputs import webhook
from fastbench.outputs.dashboard.story import Ends, Story
from fastbench.outputs.replay import point_file
from fastbench.report.export import wrk
from fastbench.report.html import html_comparison, html_history, html_suite, html_verdict
from fastbench.report.markdown import markdown_comparison, markdown_suite
from fastbench.report.suite_rows import heads
from fastbench.report.text import (
    compared_requests,
    comparison_text,
    history_text,
    spectrum,
    suite_text,
    text_report,
)
from fastbench.results.history.history_entry import Entry, Group
from fastbench.results.result import Operations, OperationsRow, Result

SCRIPT = """
import asyncio
from fastbench import *
options = Options(tags={"team": "a"})

@scenario(executor="constant-vus", vus=3, duration="2s")
async def main(vu):
    async with vu.operation("sign pdf", tags={"size": "small"}) as op:
        await asyncio.sleep(0.01)
        op.bytes_in, op.bytes_out = 100, 10
    with operation("queue", kind="job") as op:
        if vu.iteration % 2:
            op.fail("stuck")
"""


def text(result: Result) -> str:
    return text_report.render(result, color=False, width=100)


def test_a_run_of_operations_has_them_as_its_headline() -> None:
    shown = text(scenario_samples.timed())
    assert "300.0 op/s" in shown and "1,500 operations in 5.00s" in shown
    assert "1,460 ok · 40 failed · 2 in flight at the end" in shown
    assert "no request" not in shown and "req/s" not in shown
    assert "31" in shown and "job is stuck: 31, ValueError: 9" in shown
    assert "2 under way at the end" in shown


@pytest.mark.parametrize("form", ["html", "md", "junit"])
def test_every_form_has_a_row_with_its_kind_and_reasons(form: str) -> None:
    shown = formats.rendered(form, scenario_samples.timed()).decode()
    assert "sign pdf" in shown and "queue" in shown and "job" in shown
    assert "job is stuck" in shown


def test_rows_of_requests_stay_as_they_are_without_other_kinds() -> None:
    shown = text(scenario_samples.messages())
    assert "REQUESTS" in shown and "OPERATIONS" not in shown and "op/s" not in shown


def test_beside_requests_operations_are_rows_with_a_kind_and_can_fail_the_run() -> None:
    mixed = scenario_samples.mixed()
    shown = text(mixed)
    assert "req/s" in shown and "OPERATIONS" in shown and "job" in shown
    assert mixed.outcome.level == "failed"
    assert "every operation failed" in mixed.outcome.text
    fine = replace(mixed, operations=Operations(1500, 1500, 0, 0, 0), requests=mixed.requests[:3])
    assert "operation" not in fine.outcome.text


def test_a_run_in_which_every_operation_failed_failed() -> None:
    of = scenario_samples.timed()
    all_failed = replace(of, operations=Operations(9, 0, 9, 0, 0))
    assert all_failed.outcome.level == "failed"
    assert all_failed.outcome.text.startswith("every operation failed (job is stuck: 31, ")


def test_what_hung_at_the_end_is_told() -> None:
    of = scenario_samples.timed()
    hung = replace(of, operations=Operations(2000, 1460, 40, 0, 0, 500, 4.5, 500))
    (reason,) = [each for each in hung.outcome.reasons if each.code == "unanswered"]
    assert reason.level == "failed" and "operations had not ended" in reason.text


def test_the_csv_has_columns_only_where_something_was_timed() -> None:
    def heads(result: Result) -> list[str]:
        return next(csv.reader(io.StringIO(formats.rendered("csv", result).decode())))

    assert "operations" not in heads(scenario_samples.messages())
    (first, *_) = csv.DictReader(
        io.StringIO(formats.rendered("csv", scenario_samples.timed()).decode())
    )
    assert (first["operations"], first["operations_failed"]) == ("300", "8")
    assert (first["operation_p50_ms"], first["requests"]) == ("5.1", "0")


@pytest.mark.parametrize("tool", formats.PEERS)
def test_forms_of_other_tools_are_of_the_operations(tool: str) -> None:
    text = peer_forms.rendered_as(tool, scenario_samples.timed())
    if tool == "k6-text":
        assert re.search(rb"iterations\.+: 5 ", text), "and of what k6 does not have, nothing"
        assert b"http_reqs" not in text
        return
    found: Any = json.loads(text)
    assert found
    if tool == "k6":
        assert found["metrics"]["operations"]["values"]["count"] == 1500
        assert "http_reqs" not in found["metrics"]


def test_comparison_history_and_webhook_take_operations_for_what_the_run_is_about() -> None:
    of = scenario_samples.timed()
    figures = figures_of(of)
    assert figures.requests_per_s == 300.0 and figures.p99_ms is not None
    assert figures.errors_share == pytest.approx(40 / 1500)
    assert Entry.of(of, "jobs").requests_per_s == 300.0
    assert "op/s" in str(webhook.of_result(of, "jobs", 99)["text"])
    table = compared_requests.below(of, of, color=False, width=120)
    assert "sign pdf  custom" in table and "queue  job" in table


def test_a_comparison_of_runs_without_requests_is_of_operations_per_second() -> None:
    of, requests = scenario_samples.timed(), scenario_samples.messages()
    found = judge_stored(of, of, SUBJECT)
    assert found.latency is not None and found.latency.times == "operation"
    assert Comparison.from_document(found.to_document()) == found
    kept = Kept()
    kept.add(of, of)
    assert (alike := kept.latency()) is not None and alike.times == "operation"
    told = comparison_text.render(found, color=False, width=100)
    for shown in (told, html_comparison.render(found), markdown_comparison.render(found)):
        assert "operations/s" in shown and "requests/s" not in shown
    kept.add(requests, requests)
    assert (both := kept.latency()) is not None and both.times == "service"
    found = judge_stored(requests, requests, SUBJECT)
    assert "requests/s" in comparison_text.render(found, color=False, width=100)


def test_a_history_of_runs_without_requests_is_of_operations_per_second() -> None:
    runs = tuple(Entry.of(scenario_samples.timed(), "jobs") for _ in range(2))
    assert runs[0].times == "operation"
    group = Group("jobs", 2, runs)
    told = history_text.render([group], color=False, width=120)
    for shown in (told, html_history.render([group], "history.db")):
        assert "op/s" in shown and "req/s" not in shown
    other = Entry.of(scenario_samples.messages(), "jobs")
    assert history_text.per_s((runs[0], other)) == "per s"
    assert "p95" not in history_text.moved(runs[0], other)


def test_a_suite_counts_what_its_runs_count() -> None:
    jobs = Row("jobs", "fastbench run j.py", 0, "", 5.0, {}, scenario_samples.timed())
    sends = Row("sends", "fastbench run s.py", 0, "", 5.0, {}, scenario_samples.messages())
    gone = Row("gone", "fastbench run g.py", None)
    assert heads([jobs, gone])[:2] == ("ops", "op/s")
    assert heads([sends, gone])[:2] == heads([gone])[:2] == ("requests", "req/s")
    assert heads([jobs, sends])[:2] == ("ended", "per s")
    assert "1.50k ops, 300 op/s" in suite_text.line(jobs)
    told = SuiteResult("nightly", "0.6.0", "2026-03-01T12:00:00+00:00", 5.0, (jobs,), 0, "")
    for shown in (
        suite_text.render(told, color=False, width=100),
        html_suite.render(told),
        markdown_suite.render(told),
    ):
        assert "op/s" in shown and "req/s" not in shown


def test_wrks_shape_and_the_spectrum_are_of_the_operations() -> None:
    of = scenario_samples.timed()
    shown = wrk.render(of, latency=True)
    assert "  1500 requests in 5.00s" in shown and "Requests/sec:    300.00" in shown
    assert "50%    0.00us" not in shown and "Non-2xx" not in shown
    lines = spectrum.render(of)
    assert lines.startswith("#[Percentile spectrum of the duration of operations in ms]")
    assert "Total count    =         4000" in lines


def test_operations_beside_requests_are_shown_during_the_run_and_at_its_end() -> None:
    (row,) = rows(1)
    row = replace(row, operations=OperationsRow(40, 3, 5.1, 9.0))
    now = look(row, operations_failed=7)
    story = Story(Ends(30.0), name_of)
    story.take(now)
    whole = story.whole().decode()
    assert '"operations/s","shown":"40","more":"7 failed","kind":"bad"' in whole
    for shown, words in ((now, True), (look(rows(1)[0]), False)):
        figures = Figures(RunFacts("GET /", duration_s=30.0), shown, ())
        (line, *_) = throughput(figures, Look(100, 40), 100).draw(1)
        assert ("40 op/s, 7 failed" in line.text, "op/s" in line.text) == (words, words)
    (figure,) = (
        each
        for each in html_verdict.figures(scenario_samples.mixed())
        if each.name == "operations/s"
    )
    assert (figure.more, figure.kind) == ("1,500 failed", "bad")


def test_an_operation_is_compared_with_no_request_of_its_name() -> None:
    of = scenario_samples.timed()
    other = replace(of, requests=(replace(of.requests[0], kind="http", method="GET"),))
    assert compared_requests.matched((other, of)) == []


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return where a run left its files, and its document."""
    folder = tmp_path_factory.mktemp("timed")
    script = folder / "script.py"
    script.write_text(SCRIPT)
    ran = fastbench(
        *("run", str(script), "-t", "2", "-q"),
        *("-o", f"json={folder / 'points.ndjson'}", "-o", f"csv={folder / 'points.csv'}"),
        *("--history", str(folder / "history.db"), "--name", "jobs"),
    )
    assert ran.code == 0, ran.err
    return folder, ran.document


def points_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "points.ndjson").read_text().splitlines()
    return [each for each in map(json.loads, lines) if each["type"] == "Point"]


def test_points_are_by_name_and_kind_and_their_sum_is_the_whole(
    outputs: tuple[Path, dict[str, Any]],
) -> None:
    folder, document = outputs
    points = points_of(folder)
    counted: dict[str, float] = {}
    for each in points:
        tags = each["data"]["tags"]
        if each["metric"] == "operations":
            key = f"{tags['kind']} {tags['name']} {tags.get('size', '')} {tags['team']}"
            counted[key] = counted.get(key, 0) + each["data"]["value"]
    rows = {row["name"]: row["requests"] for row in document["requests"]}
    assert counted == {"custom sign pdf small a": rows["sign pdf"], "job queue  a": rows["queue"]}
    assert sum(counted.values()) == document["operations"]["ok"] + document["operations"]["failed"]
    names = {each["metric"] for each in points}
    assert {"operation_duration", "operation_failed", "operation_errors"} <= names
    assert not {"http_reqs", "http_req_duration"} & names
    received = sum(e["data"]["value"] for e in points if e["metric"] == "data_received")
    assert received == document["operations"]["bytes_in"]
    assert b"sign pdf" in (folder / "points.csv").read_bytes()


def test_a_file_of_points_is_replayed_with_them(
    outputs: tuple[Path, dict[str, Any]],
) -> None:
    folder, document = outputs
    lines = (folder / "points.ndjson").read_bytes().splitlines(keepends=True)
    cut = b"".join(line for line in lines if json.loads(line)["type"] != "End")
    found: Any = point_file.read(
        cut, "points.ndjson"
    ).to_document()  # the last line holds the result
    was, now = document["operations"], found["operations"]
    assert (now["ok"], now["failed"]) == (was["ok"], was["failed"])
    assert found["latency_ms"]["operation"]["count"] == was["ok"] + was["failed"]
    rows = {(row["kind"], row["name"], row["requests"]) for row in found["requests"]}
    assert rows == {(r["kind"], r["name"], r["requests"]) for r in document["requests"]}
    reasons = {row["name"]: row["reasons"] for row in found["requests"]}
    assert reasons["queue"] == {"stuck": was["failed"]}
    timed = [row["operations"] for row in found["series"] if row["operations"]]
    ended = sum(each["ended"] for each in timed)  # the last row may be of the end alone
    assert ended == was["ok"] + was["failed"]


@pytest.mark.parametrize("form", ["html", "md", "junit", "csv", "hdr"])
def test_a_saved_document_is_reported(
    form: str, outputs: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    saved = tmp_path / "run.json"
    saved.write_text(json.dumps(outputs[1]))
    assert main(["report", str(saved), f"--{form}", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").stat().st_size > 0
