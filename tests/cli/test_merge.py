"""`fastbench merge`: what the server counted is what the merged document holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commandline import at_once, invoke, valid
from servers import Server, answering

SCRIPT = """
import asyncio
from fastbench import Trend, scenario

size = Trend("size")

@scenario(executor="constant-vus", vus=2, duration="1200ms")
async def one(vu):
    await vu.get("/script")
    size.add(5)
    await asyncio.sleep(0.01)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """Four runs at the same time, and how many requests their server saw."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "one.py").write_text(SCRIPT)
    with Server(answering()) as server:
        few = ("-c1", "-t1", "-d1200ms")
        lines = {
            "a": (*few, "-R50", server.url("/a")),
            "b": (*few, "-R40", "--threshold", "p50 <1ns", server.url("/b")),
            "s": ("run", str(folder / "one.py"), "--base-url", server.url(), "-t1"),
            "r": ("run", str(folder / "one.py"), "--base-url", server.url(), "-t1"),
        }
        at_once(
            partial(invoke, line[0], "--json", str(folder / f"{name}.json"), *line[1:])
            for name, line in lines.items()
        )
        seen = server.seen.requests
    yield folder, seen


def document(folder: Path, name: str) -> dict[str, Any]:
    return valid((folder / f"{name}.json").read_text())


def test_the_server_counted_what_the_merged_document_holds(saved: tuple[Path, int]) -> None:
    folder, seen = saved
    files = [str(folder / f"{name}.json") for name in "absr"]
    html, junit, md = (str(folder / f"m.{end}") for end in ("html", "xml", "md"))
    made = invoke(
        "merge", *files, "--json", str(folder / "m.json"), "--html", html, "--junit", junit,
        "--md", md,
    )  # fmt: skip
    assert (made.returncode, made.stderr) == (99, "")  # b's threshold
    whole = json.loads((folder / "m.json").read_text())
    parts = [document(folder, name) for name in "absr"]
    assert whole["summary"]["started"] == seen
    assert whole["summary"]["requests"] == sum(each["summary"]["requests"] for each in parts)
    assert sum(row["requests"] for row in whole["requests"]) == whole["summary"]["requests"]
    assert [part["name"] for part in whole["parts"]] == ["a", "b", "s", "r"]
    assert "b: p50 <1ns" in whole["thresholds"]
    assert "b: p50" in Path(junit).read_text()
    assert all(name in Path(html).read_text() for name in ("/a", "one.py"))
    assert "### Runs" in Path(md).read_text()


def test_runs_of_urls_are_balanced_and_read_by_report_and_compare(
    saved: tuple[Path, int],
) -> None:
    folder, _ = saved
    files = [str(folder / f"{name}.json") for name in "ab"]
    made = invoke("merge", *files, "--format", "json")
    whole = valid(made.stdout)
    assert {row["name"]: row["requests"] for row in whole["requests"]} == {
        f"/{name}": document(folder, name)["summary"]["requests"] for name in "ab"
    }
    path = folder / "ab.json"
    path.write_text(made.stdout)
    assert "RUNS" in invoke("report", str(path)).stdout
    assert invoke("compare", str(path), str(path)).returncode == 0


def test_percentiles_of_two_runs_of_a_script_are_those_of_all_their_samples(
    saved: tuple[Path, int],
) -> None:
    folder, _ = saved
    files = [str(folder / f"{name}.json") for name in "sr"]
    whole = valid(invoke("merge", *files, "--format", "json").stdout)
    (row,) = whole["requests"]
    # All that both sent are of this name, so that the whole run's histogram holds the same samples.
    assert row["latency"] == whole["latency_ms"]["service"]
    assert row["hdr"]["latency"] == whole["hdr"]["service"]
    (scenario,) = whole["scenarios"]
    assert scenario["latency"] == row["latency"]
    assert scenario["iteration_duration"]["p99"] > 10
    assert whole["metrics"]["size"]["values"]["p(95)"] == 5
    assert whole["metrics"]["vus"]["values"]["value"] == 4


def test_a_merged_run_is_kept_under_the_names_of_its_runs(
    saved: tuple[Path, int], tmp_path: Path
) -> None:
    folder, _ = saved
    for names in ("ab", "sr", "ab"):
        files = [str(folder / f"{name}.json") for name in names]
        made = invoke("merge", *files, "--history", str(tmp_path / "runs.db"))
    assert "History   GET /a + GET /b: " in made.stdout
    kept = json.loads(invoke("history", str(tmp_path / "runs.db"), "--json").stdout)
    assert sorted((row["name"], row["exit_code"]) for row in kept["runs"]) == [
        *[("GET /a + GET /b", 99)] * 2,
        ("one.py (2 runs)", 0),
    ]
    again = json.loads(invoke("history", str(tmp_path / "runs.db"), "--show", "2").stdout)
    assert [part["name"] for part in again["parts"]] == ["s", "r"]


def test_a_file_that_is_no_run_is_one_sentence(saved: tuple[Path, int], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    file = str(saved[0] / "a.json")
    for words, sentence in (
        ([file], "two runs at least"),
        ([file, file], "the same run"),
        ([file, str(tmp_path / "x.json")], "is not the result of a run"),
        ([file, str(tmp_path / "none.json")], "none.json"),
    ):
        made = invoke("merge", *words)
        assert (made.returncode, made.stdout) == (1, "")
        assert sentence in made.stderr
        assert made.stderr.count("\n") == 1
