"""redis.py against Redis: true counts by command, pipelines, errors as reasons, no secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis as real_redis
from running import Run
from store_scripts import run_script

from fastbench.foundation.usage_error import UsageError
from fastbench.script.protocols import redis

SCRIPT = """
import asyncio
from fastbench import *
store = redis.open(env("REDIS_URL"), pool=2)
options = Options(thresholds={
    "redis_duration{command:incr}": ["p(95)<30000"],
    "operation_failed{name:lpush}": ["rate==1"],
})

@setup
async def prepare(vu):
    async with store.pipeline(name="reset") as pipe:
        pipe.set("calls", 0).delete("none")
        assert await pipe.execute() == [True, 0]

@scenario(executor="per-vu-iterations", vus=4, iterations=10)
async def main(vu):
    await store.incr("calls")
    if vu.iteration == 1:
        try:
            await store.lpush("calls", "x")
        except redis.RedisError as error:
            assert isinstance(error, redis.ResponseError)
    if vu.iteration == 2:
        async with store.pipeline() as pipe:  # checks and sets
            await pipe.watch(f"other{vu.id}")
            await pipe.get(f"other{vu.id}")
            pipe.multi()
            pipe.set(f"other{vu.id}", "y").lpush("calls", "x")
            found = await pipe.execute(raise_on_error=False)
            assert found[0] is True and isinstance(found[1], redis.ResponseError)
    if vu.iteration == 3:
        assert [key async for key in store.scan_iter("calls")] == ["calls"]

@teardown
async def clean(vu):
    assert await store.get("calls") == "40"
    await store.delete("calls", *(f"other{id}" for id in range(1, 5)))
"""


def counts_of(found: Run) -> dict[str, tuple[int, int]]:
    """Add up by name, over the scenario, setup and teardown."""
    counts: dict[str, tuple[int, int]] = {}
    for row in found.document["requests"]:
        n, failed = counts.get(row["name"], (0, 0))
        counts[row["name"]] = (n + row["requests"], failed + row["failed"])
    return counts


def test_every_command_is_counted_by_its_name(redis_url: str, tmp_path: Path) -> None:
    found = run_script(tmp_path, SCRIPT, redis_url, "-t2")
    assert counts_of(found) == {
        "reset": (1, 0),
        "incr": (40, 0),
        "lpush": (4, 4),
        "watch": (4, 0),
        "get": (5, 0),
        "pipeline": (4, 4),
        "scan": (4, 0),
        "del": (1, 0),
    }
    rows: dict[str, Any] = {row["name"]: row for row in found.document["requests"]}
    assert rows["lpush"]["reasons"] == {"WRONGTYPE": 4} and rows["lpush"]["kind"] == "redis"
    metrics = {name: each["values"] for name, each in found.document["metrics"].items()}
    assert metrics["redis_duration"]["count"] == sum(n for n, _ in counts_of(found).values())
    assert metrics["redis_duration{command:incr}"]["count"] == 40
    assert (found.code, found.document["exceptions"]) == (0, [])


def test_who_cannot_connect_is_told_why_and_no_secret(redis_url: str, tmp_path: Path) -> None:
    text = """
from fastbench import *
wrong = redis.open(env("REDIS_URL"))
gone = redis.open("redis://:pg-secret-1@127.0.0.1:1/0")
local = redis.open("unix://" + env("SOCKET"))
@scenario
async def main(vu):
    try:
        await gone.get("a")
    except redis.ConnectionError:
        pass
    assert await local.ping() is True
    await wrong.get("b")
"""
    with real_redis.Redis.from_url(redis_url, decode_responses=True) as client:
        socket: Any = client.config_get("unixsocket")
    where = redis_url.replace("//", "//user:pg-secret-4711@")
    found = run_script(tmp_path, text, where, "-e", f"SOCKET={socket['unixsocket']}")
    row = next(row for row in found.document["requests"] if row["name"] == "get")
    assert row["reasons"] == {"connection refused": 1, "sign-in refused": 1}
    (threw,) = found.document["exceptions"]
    assert threw["type"] == "redis.exceptions.AuthenticationError"
    assert "pg-secret" not in found.out + found.err + json.dumps(found.document)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "redis.open() needs the URL of a Redis"),
        ("http://:secret@h", "http://***@h is no URL of a Redis; it begins with redis://."),
        ("redis://h:x/0", "redis.open(): redis://h:x/0 cannot be used: Port could not be cast"),
    ],
)
def test_a_url_that_says_nothing_is_refused_with_a_cure(url: str | None, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        redis.open(url)
    assert said in str(refused.value) and "secret" not in str(refused.value)


def test_who_wants_the_library_is_told_where_it_is() -> None:
    with pytest.raises(AttributeError, match="`import redis` below"):
        redis.from_url  # noqa: B018
    assert repr(redis.open("redis://:secret@h/0")) == "<redis redis://***@h/0>"
