"""rq.py with RQ's own worker: what it ran is counted by its stamps, what is left is removed."""

from __future__ import annotations

from pathlib import Path

import databases
import pytest
from store_scripts import rows_of, run_script

from fastbench.foundation.usage_error import UsageError
from fastbench.script.protocols import rq
from fastbench.script.protocols.job_watch import outcome

SCRIPT = """
import time
from fastbench import *
jobs = rq.queue("high", env("REDIS_URL"))
options = Options(thresholds={
    "jobs_finished": ["count==13"],
    "jobs_failed{queue:high}": ["count==2"],
    "job_run_time": ["max>=20"],
    "operation_duration{name:time.sleep}": ["min>=20"],
})

@scenario(executor="per-vu-iterations", vus=2, iterations=6)
async def main(vu):
    job = await jobs.enqueue("operator.mul", vu.iteration, 2)
    outcome = await job.finished("30s")
    check(outcome, {"finished": lambda o: o.ok and o.queue_wait >= 0 and o.run_time >= 0})
    if vu.iteration == 4:
        outcome = await (await jobs.enqueue("operator.truediv", 1, 0)).finished()
        check(outcome, {"failed": lambda o: o.status == "failed"
                        and o.error == "ZeroDivisionError: division by zero"})
    if (vu.iteration, vu.id) == (5, 1):
        assert (await (await jobs.enqueue(time.sleep, 0.02)).finished()).ok

@teardown
async def clean(vu):
    assert await jobs.depth() == 0
    assert await jobs.clear() == 15
"""
LEFT = """
from fastbench import *
jobs = rq.queue("idle", env("REDIS_URL"))
@scenario(executor="per-vu-iterations", vus=3, iterations=2)
async def main(vu):
    job = await jobs.enqueue("operator.mul", 1, 2)
    check(await job.finished(0), {"waits": lambda o: o.status == "waiting" and not o.ok})
    try:
        await jobs.enqueue("operator.mul", 1, 2, result_ttl=0)
    except Exception as error:
        assert "removes a job before its times can be read" in str(error)
    if (vu.iteration, vu.id) == (1, 1):
        mine.append(job)
mine = []
@teardown
async def clean(vu):
    assert await jobs.depth() == 7, await jobs.depth()
    assert await jobs.clear() == 6
    assert await jobs.depth() == 1
    for job in mine:  # in the worker that enqueued it
        assert (await job.finished()).status == "gone"
    assert await jobs.clear(everything=True) == 1
"""


def test_jobs_that_a_worker_runs_are_counted_by_its_stamps(redis_url: str, tmp_path: Path) -> None:
    with databases.rq_worker(redis_url, "high"):
        found = run_script(tmp_path, SCRIPT, redis_url, "-t2")
    assert {name: (row["requests"], row["failed"]) for name, row in rows_of(found).items()} == {
        "enqueue high": (15, 0),
        "operator.mul": (12, 0),
        "operator.truediv": (2, 2),
        "time.sleep": (1, 0),
    }
    assert rows_of(found)["operator.truediv"]["reasons"] == {"ZeroDivisionError": 2}
    metrics = {name: each["values"] for name, each in found.document["metrics"].items()}
    assert metrics["job_queue_wait"]["count"] == metrics["job_run_time"]["count"] == 15
    assert [row["fails"] for row in found.document["checks"]] == [0, 0]
    assert found.code == 0 and found.document["exceptions"] == []


def test_jobs_that_nobody_ran_are_under_way_and_only_ours_are_removed(
    redis_url: str, tmp_path: Path
) -> None:
    import redis
    from rq import Queue

    with redis.Redis.from_url(redis_url) as client:
        Queue("idle", connection=client).enqueue("operator.mul", 1, 1)
        found = run_script(tmp_path, LEFT, redis_url, "-t2")
        assert client.keys("rq:job:*") == [] and found.code == 0, found.err
    row = rows_of(found)["operator.mul"]
    assert (row["requests"], row["in_flight_at_end"]) == (0, 6)
    assert rows_of(found)["enqueue idle"]["requests"] == 6
    assert "jobs_finished" not in found.document["metrics"] and found.document["exceptions"] == []
    assert [(row["name"], row["passes"]) for row in found.document["checks"]] == [("waits", 6)]


def test_stamps_become_times_and_clocks_that_are_apart_none_below_zero() -> None:
    said = {
        "status": "finished",
        "enqueued_at": "2026-01-01T00:00:00.500000Z",
        "started_at": "2026-01-01T00:00:00.750000Z",
        "ended_at": "2026-01-01T00:00:00.700000Z",
    }
    found = outcome(said, None)
    assert (found.ok, found.queue_wait, found.run_time) == (True, 250.0, 0.0)
    gone = outcome(dict.fromkeys(said, ""), None)
    assert (gone.status, gone.queue_wait, gone.run_time) == ("gone", None, None)


def test_a_queue_needs_a_name_and_a_url() -> None:
    with pytest.raises(UsageError, match="A queue needs a name"):
        rq.queue("", "redis://h")
    with pytest.raises(UsageError, match=r"rq.queue\(\) needs the URL of a Redis"):
        rq.queue("high", None)
    assert repr(rq.queue("high", "redis://:secret@h")) == "<queue high>"
