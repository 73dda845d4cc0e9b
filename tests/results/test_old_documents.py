"""What version 0.5.0 wrote is read: results, comparisons, searches, points, a history."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fastbench.cli import main
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.find.find_document import Found
from fastbench.results.history import history_store
from fastbench.results.history.history_entry import Entry
from fastbench.results.json_codec import plain
from fastbench.results.result import Result

OLD = Path(__file__).parents[1] / "support" / "documents_0_5"
RUNS = ("closed", "planned", "script")


@pytest.mark.parametrize("name", RUNS)
def test_a_result_comes_back_with_its_counts_and_an_outcome(name: str) -> None:
    document = json.loads((OLD / f"{name}.json").read_bytes())
    found = Result.from_document(document)
    again = found.to_document()
    for part in ("summary", "latency_ms", "hdr", "status_codes", "metrics", "requests", "checks"):
        was, now = document[part], again[part]
        if isinstance(was, dict) and isinstance(now, dict):
            now = {key: now[key] for key in was}
        elif isinstance(was, list) and isinstance(now, list):
            now = [{key: row[key] for key in old} for row, old in zip(now, was, strict=True)]
        assert now == was, part
    assert (found.operations, found.latency.operation) == (None, None)
    assert {row.kind for row in found.requests} <= {"http"}
    assert found.outcome.level == {"script": "failed"}.get(name, found.outcome.level)
    assert Result.from_document(json.loads(json.dumps(again))) == found


@pytest.mark.parametrize("form", ["html", "md", "junit", "csv", "hdr"])
@pytest.mark.parametrize("name", RUNS)
def test_a_result_is_written_in_every_form(name: str, form: str, tmp_path: Path) -> None:
    assert main(["report", str(OLD / f"{name}.json"), f"--{form}", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("compare", "pairs"), ("find", "req/s"), ("points", "50 requests"), ("script", "is 200")],
)
def test_what_was_saved_is_printed(
    name: str, words: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["report", str(OLD / f"{name}.json")]) == 0
    assert words in capsysbinary.readouterr().out.decode()


def test_two_results_are_compared(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["compare", str(OLD / "closed.json"), str(OLD / "planned.json")]) == 0
    assert b"p99" in capsysbinary.readouterr().out


def test_a_history_is_listed(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    shutil.copy(OLD / "runs.db", path := tmp_path / "runs.db")
    assert main(["history", str(path)]) == 0
    out = capsysbinary.readouterr().out.decode()
    assert "nightly" in out and "noisy-host" in out


def test_thresholds_of_a_history_are_read_as_passed_and_failed(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    shutil.copy(OLD / "runs.db", path := tmp_path / "runs.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        assert database.execute("SELECT thresholds FROM runs").fetchall() == [("kept",), ("none",)]
        database.execute("UPDATE runs SET thresholds = 'broken' WHERE thresholds = 'none'")
    assert main(["history", str(path), "--json"]) == 0
    runs = json.loads(capsysbinary.readouterr().out)["runs"]
    assert [run["thresholds"] for run in runs] == ["passed", "failed"]


def test_a_run_may_follow_those_of_an_older_history(tmp_path: Path) -> None:
    shutil.copy(OLD / "runs.db", path := tmp_path / "runs.db")
    result = Result.from_document(json.loads((OLD / "closed.json").read_bytes()))
    history_store.keep(str(path), Entry.of(result, "nightly"), b"{}")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (history_store.LAYOUT,)
    with history_store.opened(str(path)) as found:
        assert found.run(3).name == "nightly"
        assert [found.run(at).protocol for at in (1, 2, 3)] == ["HTTP/1.1"] * 3


@pytest.mark.parametrize("name", RUNS)
def test_the_limit_box_is_read_as_host(name: str) -> None:
    document = json.loads((OLD / f"{name}.json").read_bytes())
    document["validity"]["limit"] = "box"
    found = Result.from_document(document)
    assert found.validity.limit == "host"
    assert plain(found.validity)["limit"] == "host"


def test_comparisons_and_searches_read_the_limit_box_as_host() -> None:
    compared = json.loads((OLD / "compare.json").read_bytes())
    compared["pairs"][0]["base"]["limit"] = "box"
    first = Comparison.from_document(compared).pairs[0].base
    assert first is not None and first.limit == "host"
    searched = json.loads((OLD / "find.json").read_bytes())
    searched["limit"] = searched["steps"][0]["limit"] = "box"
    found = Found.from_document(searched)
    assert found.limit == found.steps[0].limit == "host"
