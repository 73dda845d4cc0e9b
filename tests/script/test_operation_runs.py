"""Scripts that time things themselves, run as a whole: true counts, exit codes, what is cut off."""

from __future__ import annotations

from pathlib import Path

from commandline import invoke
from running import Run, fastbench
from servers import Server, answering

SCRIPT = """
import asyncio
from fastbench import *
options = Options(thresholds={
    "operation_duration{name:sign pdf}": ["p(95)<5000"],
    "operation_failed{kind:job}": ["rate<=0.5"],
    "operations": ["count==63"],
})

@setup
async def prepare(vu):
    async with vu.operation("migrate", kind="sql"):
        pass

@teardown
async def clean(vu, data):
    with operation("drop", kind="sql"):
        pass

@scenario(executor="per-vu-iterations", vus=2, iterations=10)
async def main(vu):
    async with group("signing"):
        async with vu.operation("sign pdf", tags={"size": "small"}) as op:
            await asyncio.sleep(0.001)
            op.bytes_in, op.bytes_out = 100, 10
    with operation("queue", kind="job") as op:
        if vu.iteration % 2:
            op.fail("job is stuck")
    try:
        async with vu.operation("boom"):
            raise ValueError("no")
    except ValueError:
        pass
    await vu.operation("late").__aenter__()  # never left: under way at the end
"""


def run(folder: Path, text: str, *more: str) -> Run:
    path = folder / "script.py"
    path.write_text(text)
    return fastbench("run", str(path), "-t", "2", "-q", *more)


def test_a_script_of_operations_alone_is_counted_to_the_unit(tmp_path: Path) -> None:
    found = run(tmp_path, SCRIPT, "--threshold", "operation_duration{outcome:ok}: p(99)<5000")
    document = found.document
    rows = {row["name"]: row for row in document["requests"]}
    counts = {name: (row["requests"], row["failed"], row["kind"]) for name, row in rows.items()}
    assert counts == {
        "sign pdf": (20, 0, "custom"),
        "queue": (20, 10, "job"),
        "boom": (20, 20, "custom"),
        "late": (0, 0, "custom"),
        "migrate": (1, 0, "sql"),
        "drop": (1, 0, "sql"),
    }
    assert rows["queue"]["reasons"] == {"job is stuck": 10}
    assert rows["boom"]["reasons"] == {"ValueError": 20}
    assert rows["late"]["in_flight_at_end"] == 20
    operations = document["operations"]
    assert [operations[name] for name in ("started", "ok", "failed")] == [82, 32, 30]
    assert operations["in_flight_at_end"] == 20
    assert (operations["bytes_in"], operations["bytes_out"]) == (2000, 200)
    assert document["latency_ms"]["operation"]["count"] == 62
    assert document["summary"]["requests"] == 0 and "http_reqs" not in document["metrics"]
    (scenario,) = document["scenarios"]
    assert (scenario["requests"], scenario["operations"]) == (0, 60)
    held = {text: each["observed"] for text, each in document["thresholds"].items()}
    assert (
        held["operations: count==63"] == 62
        and not document["thresholds"]["operations: count==63"]["ok"]
    )
    assert held["operation_failed{kind:job}: rate<=0.5"] == 0.5
    assert held["operation_duration{name:sign pdf}: p(95)<5000"] >= 1
    assert sum(row["operations"]["ended"] for row in document["series"]) == 60


def test_operations_around_requests_leave_those_as_they_are(tmp_path: Path) -> None:
    text = """
from fastbench import *
@scenario(executor="shared-iterations", vus=1, iterations=5)
async def main(vu):
    async with vu.operation("buy"):
        await vu.batch(["/", "/"])
"""
    with Server(answering()) as server:
        document = run(tmp_path, text, "--base-url", server.url("")).document
    assert document["summary"]["requests"] == document["metrics"]["http_reqs"]["values"]["count"]
    assert document["summary"]["requests"] == 10 and document["operations"]["ok"] == 5
    kinds = {row["name"]: (row["kind"], row["requests"]) for row in document["requests"]}
    assert kinds["buy"] == ("custom", 5)
    assert next(iter(kinds.values()))[0] == "http"  # requests come first


def test_an_operation_that_the_end_cuts_off_is_in_flight(tmp_path: Path) -> None:
    text = """
import asyncio
from fastbench import *
@scenario(executor="constant-vus", vus=3, duration="1s", graceful_stop="0s")
async def main(vu):
    async with vu.operation("quick"):
        await asyncio.sleep(0.01)
    async with vu.operation("hangs"):
        await asyncio.sleep(60)
"""
    document = run(tmp_path, text).document
    rows = {row["name"]: row for row in document["requests"]}
    assert (rows["quick"]["requests"], rows["hangs"]["requests"]) == (3, 0)
    assert rows["hangs"]["in_flight_at_end"] == document["operations"]["in_flight_at_end"] == 3
    assert document["operations"]["oldest_in_flight_s"] > 0.5
    assert document["operations"]["overdue_at_end"] == 3


def test_debug_shows_each_one_and_fails_where_none_succeeded(tmp_path: Path) -> None:
    text = """
from fastbench import *
@scenario
async def main(vu):
    async with vu.operation("sign pdf", kind="job") as op:
        op.bytes_in = 12
    async with vu.operation("pay") as op:
        op.fail(env("WHY", "no money"))
"""
    path = tmp_path / "script.py"
    path.write_text(text)
    shown = invoke("run", str(path), "--debug")
    assert (
        "Operation sign pdf (job): " in shown.stdout
        and ", 0 bytes sent, 12 received" in shown.stdout
    )
    assert "Counted as failed: no money." in shown.stdout and shown.returncode == 0
    path.write_text(text.replace("op.bytes_in = 12", "op.fail()"))
    assert invoke("run", str(path), "--debug").returncode == 122


def test_a_dry_run_knows_that_operations_need_a_call(tmp_path: Path) -> None:
    ours = tmp_path / "fastbench"  # a copy of our sources in the project is not the script's own
    ours.mkdir()
    (tmp_path / "pyproject.toml").touch()
    (ours / "__init__.py").write_text("def f():\n    operation('x')\n")
    path = tmp_path / "script.py"
    path.write_text("from fastbench import *\n@scenario\nasync def main(vu):\n    await sleep(1)\n")
    shown = invoke("run", str(path), "--dry-run", "--threshold", "operation_failed<1%")
    assert (
        "the script never calls operation()" in shown.stdout + shown.stderr
        and shown.returncode != 0
    )


def test_a_run_in_which_every_operation_failed_says_so_and_so_does_its_exit_code(
    tmp_path: Path,
) -> None:
    text = """
from fastbench import *
@scenario(executor="shared-iterations", vus=2, iterations=20)
async def main(vu):
    async with vu.operation("pay") as op:
        op.fail("no money")
"""
    found = run(tmp_path, text)
    assert found.code == 122
    assert found.document["summary"]["ended"] == "nothing_succeeded"
    assert found.document["outcome"]["level"] == "failed"
    assert "every operation failed (no money)" in found.document["outcome"]["reasons"][0]["text"]


def test_operations_of_a_lost_worker_are_under_way_at_the_end(tmp_path: Path) -> None:
    text = """
import asyncio, os, signal
from fastbench import *
@scenario(executor="constant-vus", vus=2, duration="1200ms")
async def main(vu):
    async with vu.operation("dies"):
        await asyncio.sleep(0.05)
        if vu.id == 1 and vu.iteration == 3:
            os.kill(os.getpid(), signal.SIGKILL)
"""
    document = run(tmp_path, text).document
    operations = document["operations"]
    assert document["summary"]["ended"] == "worker_lost"
    ended = operations["ok"] + operations["failed"] + operations["in_flight_at_end"]
    assert operations["started"] == ended and operations["in_flight_at_end"] >= 1
