"""A gate from the command line: passes, near the limit, fails, regresses, each with its files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commandline import Shown, invoke, table_at_once, validator
from embedded import serving
from html_pages import read as read_page
from junit_files import outcomes, read

FILES = {form: f"out.{form}" for form in ("json", "html", "md", "junit", "csv")}
COUNT = 100
LOAD = (f"-n{COUNT}", "-c10", "-t1", "--no-progress")
SCRIPT = """
from fastbench import Options, check, env, scenario

options = Options(base_url=env("BASE_URL"), thresholds={"checks": ["rate>0.99"]})

@scenario(executor="shared-iterations", vus=10, iterations=100)
async def visit(vu):
    answer = await vu.get(env("WHERE", "/delay/50"))
    check(answer, {"is 200": lambda answer: answer.status == 200})
"""
LIMIT = ("--baseline", "main", "--fail-on-regression", "20%")
# Flags, path and exit code; a plain run and a script each. An answer of the baseline takes 50 ms:
# what is judged by it takes next to nothing, or double, however busy the machine is.
GATES: dict[str, tuple[tuple[str, ...], str, int]] = {
    "passes": (("--threshold", "errors<1%", "--threshold", "p95<20s"), "/delay/1", 0),
    "is near the limit": (
        ("--threshold", f"requests>={COUNT}", "--threshold", "p50<1us [warn]"),
        "/delay/1",
        0,
    ),
    "fails": (("--threshold", "p95<10ms", "--threshold", "errors<1%"), "/delay/50", 99),
    "regresses": ((*LIMIT, "--threshold", "errors<1%"), "/delay/100", 96),
    "does not regress": ((*LIMIT, "--threshold", "errors<1%"), "/bytes/1", 0),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """How a run ended, and what its files say."""

    shown: Shown
    document: dict[str, Any]
    page: str
    comment: str
    cases: dict[str, str]
    rows: int

    def judged(self, threshold: str) -> dict[str, Any]:
        """Return what the document says of a threshold."""
        return dict(self.document["thresholds"][threshold])


def passed(folder: Path, name: str, *, script: bool, url: str) -> Gate:
    flags, path, code = GATES[name]
    out = folder / f"{name} {script}"
    files = [word for form, file in FILES.items() for word in (f"--{form}", str(out / file))]
    out.mkdir()
    where = ("run", "visit.py", "-t1", "-e", f"BASE_URL={url}", "-e", f"WHERE={path}")
    load = (*where, "--no-progress") if script else (*LOAD, url + path)
    shown = invoke(*load, *flags, *files, cwd=folder)
    assert shown.returncode == code, shown.stdout + shown.stderr
    with open(out / FILES["csv"], newline="") as file:
        requests = sum(int(row["requests"]) for row in csv.DictReader(file, strict=True))
    return Gate(
        shown,
        json.loads((out / FILES["json"]).read_bytes()),
        read_page((out / FILES["html"]).read_text("utf-8")).text,
        (out / FILES["md"]).read_text("utf-8"),
        outcomes(read((out / FILES["junit"]).read_bytes())),
        requests,
    )


def says_passed(gate: Gate) -> bool:
    """Tell whether page and comment say so; a busy machine adds that it was busy."""
    words = ("Passed", "Passed, with warnings")
    return any(f"\n{word}\n" in gate.page for word in words) and "**FAIL · " not in gate.comment


@pytest.fixture(scope="module", params=[False, True], ids=["plain run", "script"])
def gates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Gate]]:
    folder = tmp_path_factory.mktemp("gates")
    (folder / "visit.py").write_text(SCRIPT)
    with serving("--port", "0", "--quiet") as (_, url):
        keep = ("--save-baseline", "main", "--no-progress")
        load = ("run", "visit.py", "-e", f"BASE_URL={url}") if request.param else LOAD
        first = invoke(*load, *keep, *([] if request.param else [f"{url}/delay/50"]), cwd=folder)
        assert first.returncode == 0, first.stderr
        acts = {
            name: partial(passed, folder, name, script=request.param, url=url) for name in GATES
        }
        yield table_at_once(acts)


def test_every_run_has_whole_files_of_the_same_run(gates: dict[str, Gate]) -> None:
    for name, gate in gates.items():
        validator().validate(gate.document)
        assert gate.document["summary"]["requests"] == gate.rows == COUNT, name
        assert f"\n{COUNT}\n" in gate.page and "Verdict" in gate.shown.stdout
        assert gate.cases["the run is valid"] == "passed"


def test_one_that_passes_says_so_everywhere(gates: dict[str, Gate]) -> None:
    gate = gates["passes"]
    assert gate.document["thresholdsFailed"] is False
    assert set(gate.cases.values()) == {"passed"} and gate.cases["p95<20s"] == "passed"
    assert says_passed(gate) and "✓ passed" in gate.page
    assert "- [x] **PASS** errors&#60;1%" in gate.comment


def test_one_near_its_limit_passes_with_a_warning(gates: dict[str, Gate]) -> None:
    gate = gates["is near the limit"]
    near, warned = f"requests>={COUNT}", "p50<1us [warn]"
    assert gate.judged(near)["near"] and gate.judged(near)["ok"]
    assert not gate.judged(warned)["ok"] and gate.document["thresholdsFailed"] is False
    assert set(gate.cases.values()) == {"passed"}
    assert says_passed(gate) and "⚠ near" in gate.page and "⚠ failed" in gate.page
    assert "near the limit" in gate.comment and "- [ ] **WARN** p50" in gate.comment
    assert "near the limit" in gate.shown.stdout and "(warning only)" in gate.shown.stdout


def test_one_that_fails_says_which_limit_it_broke(gates: dict[str, Gate]) -> None:
    gate = gates["fails"]
    assert gate.document["thresholdsFailed"] is True and not gate.judged("p95<10ms")["ok"]
    assert [name for name, found in gate.cases.items() if found == "failure"] == ["p95<10ms"]
    assert "\nFailed\n" in gate.page and "Threshold failed: p95" in gate.page
    assert "**FAIL · " in gate.comment and "- [ ] **FAIL** p95&#60;10ms" in gate.comment
    assert "THRESHOLDS  1 of" in gate.shown.stdout and "✗ p95<10ms" in gate.shown.stdout


def test_a_regression_says_against_what(gates: dict[str, Gate]) -> None:
    gate = gates["regresses"]
    assert gate.document["thresholdsFailed"] is False
    comparison = gate.document["comparison"]
    assert comparison["regressed"] is True and comparison["base"] == "main"
    failed = [name for name, found in gate.cases.items() if found == "failure"]
    assert failed == ["no regression against main"]
    assert "\nFailed\n" in gate.page and "Regression: requests/s" in gate.page
    assert "**FAIL · " in gate.comment and "- [ ] **FAIL** requests/s" in gate.comment
    assert "REGRESSION  requests/s" in gate.shown.stdout


def test_one_that_is_no_worse_passes(gates: dict[str, Gate]) -> None:
    gate = gates["does not regress"]
    assert gate.document["comparison"]["regressed"] is False
    assert gate.cases["no regression against main"] == "passed"
    assert says_passed(gate) and "Regression" not in gate.page
