"""Exceptions of iterations as a metric, and limits on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Run, fastbench

from fastbench.cli.args import script_args
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds.grammar import parse

SCRIPT = """
from fastbench import *
used = Rate("used")
unused = Rate("unused")
@scenario(executor="per-vu-iterations", vus=1, iterations=10)
async def go(vu):
    used.add(False)
    if vu.iteration in (3, 7):
        raise KeyError("id")
    if vu.iteration == 5:
        raise ValueError("no")
@scenario(executor="per-vu-iterations", vus=1, iterations=10)
async def fine(vu):
    pass
"""


def run(folder: Path, *limits: str) -> Run:
    (folder / "script.py").write_text(SCRIPT)
    words = [word for limit in limits for word in ("--threshold", limit)]
    return fastbench("run", str(folder / "script.py"), "-t1", "-q", *words)


def test_exceptions_are_counted_per_iteration_and_thresholds_judge_them(tmp_path: Path) -> None:
    holds = {
        "script_exceptions: rate<0.16": True,
        "script_exceptions: rate<15%": False,
        "script_exceptions: count<=3": True,
        "script_exceptions: count<3": False,
        "script_exceptions{scenario:go}: rate<31%": True,
        "script_exceptions{scenario:go}: rate<30%": False,
        "script_exceptions{scenario:fine}: count<1": True,
        "script_exceptions{type:KeyError}: count==2": True,
        "script_exceptions{type:OSError}: count<1": True,
        "used: rate<0.1": True,
        "unused: rate<0.1": True,
        "unused: rate>0.9": False,
        "unused{scenario:go}: rate<0.1": False,
        "http_req_failed: rate<0.1": False,
        "checks: rate>0.9": False,
    }
    found = run(tmp_path, *holds)
    judged = found.document["thresholds"]
    assert {text: judged[text]["ok"] for text in holds} == holds
    assert found.code == 99
    values = found.document["metrics"]["script_exceptions"]["values"]
    assert values == {"rate": 0.15, "passes": 3, "fails": 17}
    assert "0 samples" in judged["unused: rate<0.1"]["text"]
    assert judged["http_req_failed: rate<0.1"]["text"] == "no samples"
    assert judged["unused{scenario:go}: rate<0.1"]["text"] == "no samples"


@pytest.mark.parametrize(("limit", "code"), [("15%", 0), ("14.9%", 99), ("3", 0), ("2", 99)])
def test_max_exceptions_fails_the_run(tmp_path: Path, limit: str, code: int) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    found = fastbench("run", str(tmp_path / "script.py"), "-t1", "--max-exceptions", limit)
    assert found.code == code


@pytest.mark.parametrize("given", ["", "x", "-1", "1.5", "%", "5 percent", "1e3"])
def test_a_limit_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="--max-exceptions 1% or --max-exceptions 10"):
        script_args.parse(["x.py", "--max-exceptions", given])


def test_a_count_of_a_rate_is_no_share() -> None:
    assert parse("script_exceptions: count<10", BUILT_IN).limit == 10
    assert parse("script_exceptions: count<1k", BUILT_IN).limit == 1000
    with pytest.raises(UsageError):
        parse("script_exceptions: count<10%", BUILT_IN)
