"""A result in the form of `artillery run --output`: its names, and the same counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import scenario_samples
from commandline import invoke

from fastbench.report.export import artillery
from fastbench.results.metric_values import Check, Thrown
from fastbench.results.result import Result


def document(result: Result) -> Any:
    return artillery.document(result)


def test_counts_have_artillery_s_names() -> None:
    sample = scenario_samples.smoke()
    first = sample.scenarios[0]
    result = replace(
        sample,
        checks=(
            Check("statusCode 200: GET /", "", first.name, 7, 2),
            Check("contentType json: GET /", "", first.name, 3, 0),
        ),
        exceptions=(
            Thrown("ECONNREFUSED", "t.yml:3", "refused", first.name, 2, ""),
            Thrown("Failed capture or match", "t.yml:9", "$.id", "setup", 1, ""),
        ),
    )
    whole = document(result)["aggregate"]
    found = whole["counters"]
    users = sum(row.iterations for row in result.scenarios)
    assert {name: n for name, n in found.items() if name.startswith(("vusers", "errors"))} == {
        **{"vusers.created": users, "vusers.completed": users - 2, "vusers.failed": 2},
        "errors.ECONNREFUSED": 2,
    }
    assert found["http.requests"] == result.summary.requests
    codes = {name: n for name, n in found.items() if name.startswith("http.codes.")}
    assert codes == {f"http.codes.{status}": n for status, n in result.status_codes.items()}
    assert found["plugins.expect.ok"] == 10 and found["plugins.expect.failed"] == 2
    assert found["plugins.expect.ok.statusCode"] == 7
    assert whole["summaries"] == whole["histograms"]
    assert whole["summaries"]["http.response_time"]["count"] == result.latency.first_byte.count


def test_periods_add_up_to_the_seconds_of_a_run() -> None:
    result = scenario_samples.smoke()
    periods = document(result)["intermediate"]
    counted = sum(each["counters"]["http.requests"] for each in periods)
    assert counted == sum(row.requests for row in result.series)
    assert all(each["firstCounterAt"] < each["lastCounterAt"] for each in periods)


def test_report_makes_a_page_of_such_a_file(tmp_path: Path) -> None:
    path, result = tmp_path / "f.json", scenario_samples.smoke()
    path.write_text(
        json.dumps({**document(result), "fastbench": result.to_document()}, default=str)
    )
    done = invoke("report", str(path), "--html", str(tmp_path / "f.html"))
    assert done.returncode == 0 and "<html" in (tmp_path / "f.html").read_text(), done.stderr
