"""The example of every docstring runs: what it asks is answered, and every check in it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import databases
import pytest
from doc_examples import Example, examples, together
from embedded import serving
from running import Run, fastbench

ALL = examples()
ALONE = [each for each in ALL if each.alone]
SHARED = [each for each in ALL if not each.alone and not each.needs]
REDIS = [each for each in ALL if not each.alone and each.needs == "redis"]
AT_ONCE = 25  # scenarios of one run, of which there may be 32
LATE = {"quick", "soon"}  # checks of times, which a busy machine may fail


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, url):
        yield url


def run(folder: Path, text: str, base_url: str, *more: str) -> Run:
    """Run a script beside a database that has the tables of the examples."""
    path = folder / "script.py"
    path.write_text(text)
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY, title TEXT)")
        database.executemany("INSERT INTO tickets VALUES (?, ?)", [(1, "one"), (2, "two")])
    database.close()
    told = ("-e", f"BASE_URL={base_url}", "-e", f"DATABASE_URL=sqlite:///{folder}/shop.db")
    return fastbench("run", str(path), *told, "-t", "1", *more)


def judged(found: Run, made: list[Example]) -> dict[str, Any]:
    """Assert that each of them ran to its end, and that nothing failed."""
    assert found.code == 0, f"{found.err}\n{found.out}"
    document = found.document
    assert document["exceptions"] == []
    failed = [row["name"] for row in document["checks"] if row["fails"]]
    assert set(failed) <= LATE, document["checks"]
    scenarios = {row["name"]: row["iterations"] for row in document["scenarios"]}
    assert {each.name for each in made if not each.alone} <= scenarios.keys()
    assert all(scenarios.values()), scenarios
    return document


def test_there_are_examples_of_all_kinds() -> None:
    assert len(SHARED) > 100 and len(REDIS) > 12 and len(ALONE) >= 8
    assert len({each.name for each in ALL}) == len(ALL)


@pytest.mark.parametrize("first", range(0, len(SHARED), AT_ONCE))
def test_examples_run(tmp_path: Path, base_url: str, first: int) -> None:
    made = SHARED[first : first + AT_ONCE]
    judged(run(tmp_path, together(made), base_url), made)


@pytest.mark.parametrize("example", ALONE, ids=lambda each: each.name)
def test_examples_of_whole_scripts_run(tmp_path: Path, base_url: str, example: Example) -> None:
    # The one of the package itself has the length of a real run.
    text = example.script().replace("http://localhost:8080", base_url)
    judged(run(tmp_path, text.replace('duration="30s"', 'duration="1s"'), base_url), [example])


def test_examples_with_redis_run(tmp_path: Path, base_url: str) -> None:
    with databases.redis() as url, databases.rq_worker(url, "high"):
        # What ends the watch of jobs, or removes them, would be in the way of others.
        ends = [each for each in REDIS if "jobs.clear" in each.code or "jobs.close" in each.code]
        others = [each for each in REDIS if each not in ends]
        for made in (others, *([each] for each in ends)):
            folder = tmp_path / made[0].name
            folder.mkdir()
            judged(run(folder, together(made), base_url, "-e", f"REDIS_URL={url}"), made)


def test_an_example_that_does_not_hold_is_found(tmp_path: Path, base_url: str) -> None:
    asked = 'response = await vu.get("/status/500")'
    wrong = Example("wrong", asked + '\ncheck(response, {"ok": response.ok})')
    with pytest.raises(AssertionError):
        judged(run(tmp_path, together([wrong]), base_url), [wrong])
