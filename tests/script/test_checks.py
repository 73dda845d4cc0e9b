"""Checks, groups, abort, chance, and the names a script imports."""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
import uvloop
from servers import Server, answering
from vus import User, run

import fastbench
from fastbench.foundation.usage_error import UsageError
from fastbench.script.api import randomness
from fastbench.script.api.checks import Aborted, abort, check, group
from fastbench.script.recording_context import PLACE


def counted(rows: dict[str, Any]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (passes, of how many) by group and name of check."""
    said = {json.dumps(json.loads(tags)): value for tags, value in rows.items()}
    found = {}
    for tags, value in said.items():
        row = json.loads(tags)
        assert row["scenario"] == "s"
        found[row["group"], row["check"]] = value
    return found


def test_checks_are_counted_by_name_and_group() -> None:
    async def several(_: User) -> list[bool]:
        results = [
            check(3, {"is odd": lambda n: n % 2 == 1, "is small": lambda n: n < 10}),
            check(4, {"is odd": lambda n: n % 2 == 1, "is small": lambda n: n < 10}),
            check(0, {"given": True, "found": 0, "truthy": [1]}),
        ]
        async with group("a"):
            results.append(check(5, {"is odd": lambda n: n % 2 == 1}))
            with group("b"):
                results.append(check(5, {"is odd": lambda n: n % 2 == 1}))
        results.append(check(5, {"is odd": lambda n: n % 2 == 1}, tags={"x": "y"}))
        return results

    results, ran = run(several)
    assert results == [True, False, False, True, True, True]
    assert counted(ran.rows("rate", "checks")) == {
        ("", "is odd"): (2, 3),
        ("", "is small"): (2, 2),
        ("", "given"): (1, 1),
        ("", "found"): (0, 1),
        ("", "truthy"): (1, 1),
        ("::a", "is odd"): (1, 1),
        ("::a::b", "is odd"): (1, 1),
    }


def test_an_exception_in_a_check_counts_and_goes_on_up() -> None:
    async def one(_: User) -> None:
        with pytest.raises(KeyError):
            check({}, {"has it": lambda value: value["it"], "after": True})

    _, ran = run(one)
    assert counted(ran.rows("rate", "checks")) == {("", "has it"): (0, 1)}


def test_a_coroutine_is_no_check() -> None:
    async def later(_: object) -> bool:
        return True

    async def one(_: User) -> None:
        with pytest.raises(UsageError, match="`is up` is a coroutine"):
            check(1, {"is up": later})

    _, ran = run(one)
    assert counted(ran.rows("rate", "checks")) == {("", "is up"): (0, 1)}


def test_groups_belong_to_the_coroutine_that_entered_them() -> None:
    turns: list[str] = []

    async def inside(name: str, own: asyncio.Event, other: asyncio.Event) -> None:
        async with group(name):
            other.set()
            await own.wait()
            turns.append(PLACE.get().group)
        assert PLACE.get().group == ""

    async def both(_: User) -> None:
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(inside("a", first, second), inside("b", second, first))

    _, ran = run(both)
    assert turns == ["::b", "::a"] or turns == ["::a", "::b"]
    (durations,) = ran.rows("times", "group_duration").values()
    assert durations.count == 2


def test_requests_in_a_group_stay_there_after_an_answer() -> None:
    async def one(vu: User) -> list[str]:
        places = []
        async with group("a"):
            await vu.get("/")
            places.append(PLACE.get().group)
            async with group("b"):
                await vu.get("/")
                places.append(PLACE.get().group)
        await vu.get("/")
        return [*places, PLACE.get().group]

    with Server(answering()) as server:
        places, ran = run(one, base_url=server.url(""))
    assert places == ["::a", "::a::b", ""]
    (row,) = ran.rows("named", "named").values()
    assert row["reqs"] == 3


def test_a_group_ends_with_an_exception_too() -> None:
    async def one(_: User) -> str:
        with pytest.raises(ValueError):
            async with group("a"):
                raise ValueError
        return PLACE.get().group

    place, ran = run(one)
    assert place == ""
    assert [times.count for times in ran.rows("times", "group_duration").values()] == [1]


@pytest.mark.parametrize("name", ["", "a::b"])
def test_names_of_groups(name: str) -> None:
    with pytest.raises(UsageError, match="without ::"):
        group(name)


def test_names_made_up_at_run_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastbench.script.recording_context.MAX_INSIDE", 10)
    monkeypatch.setattr("fastbench.script.api.checks.MAX_INSIDE", 10)

    async def many(_: User) -> None:
        for number in range(35):
            check(1, {f"check {number}": True})
            with group(f"group {number}"):
                pass

    _, ran = run(many)
    assert len(ran.place.checks) <= 10 and len(ran.place.inner) <= 10
    assert sum(total for _, total in ran.rows("rate", "checks").values()) == 35


def test_abort_passes_every_exception_handler_of_a_script() -> None:
    async def one(_: User) -> None:
        try:
            abort("enough")
        except Exception:
            pytest.fail("an `except Exception` of the script held it up")

    with pytest.raises(Aborted) as raised:
        asyncio.run(one(None))  # type: ignore[arg-type]
    assert raised.value.text == "enough"


# Chance


def test_weighted_choices_follow_their_weights() -> None:
    random.seed(7)
    found = Counter(randomness.weighted({"a": 70, "b": 30, "never": 0}) for _ in range(20_000))
    assert set(found) == {"a", "b"} and 0.68 < found["a"] / 20_000 < 0.72
    for wrong in ({}, {"a": 0}, {"a": -1, "b": 2}):
        with pytest.raises(UsageError, match="keys with weights"):
            randomness.weighted(wrong)


def test_random_items_and_numbers_cover_everything() -> None:
    assert {randomness.random_item("abc") for _ in range(200)} == set("abc")
    assert {randomness.random_int(1, 3) for _ in range(200)} == {1, 2, 3}
    with pytest.raises(UsageError, match="at least one"):
        randomness.random_item([])
    with pytest.raises(UsageError, match="smaller one first"):
        randomness.random_int(2, 1)


def test_uuids_are_random_and_of_version_4() -> None:
    made = {randomness.uuid() for _ in range(1000)}
    form = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert len(made) == 1000 and all(re.fullmatch(form, each) for each in made)


def test_thinking_takes_a_time_between_both(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    for _ in range(100):
        asyncio.run(randomness.think(1, 3))
    asyncio.run(randomness.sleep(0.5))
    assert slept.pop() == 0.5 + randomness.EARLY_S
    assert all(1 <= each <= 3.001 for each in slept) and max(slept) - min(slept) > 1


def test_a_pause_is_never_shorter_than_asked() -> None:
    async def pauses() -> list[float]:
        loop, lasted = asyncio.get_running_loop(), []
        for _ in range(20):
            begun_ns = time.monotonic_ns()
            await randomness.sleep(0.004)
            lasted.append((time.monotonic_ns() - begun_ns) / 1e9)
        assert isinstance(loop, uvloop.Loop)
        return lasted

    assert min(uvloop.run(pauses())) >= 0.004


# The public names


def test_every_public_name_is_there() -> None:
    for name in fastbench.__all__:
        assert getattr(fastbench, name) is not None
        assert name in dir(fastbench)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fastbench.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_decorator_can_be_imported_before_and_after_its_package() -> None:
    script = (
        "from fastbench import scenario\n"
        "@scenario\nasync def a(vu): pass\n"
        "from fastbench import scenario\n"
        "@scenario(executor='per-vu-iterations', vus=1, iterations=1)\nasync def b(vu): pass\n"
        "assert callable(scenario)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_plain_run_loads_nothing_of_scenarios() -> None:
    script = (
        "import sys, fastbench.cli, fastbench.run.runner\n"
        "assert not [n for n in sys.modules if n.startswith('fastbench.script')]\n"
        "assert 'fastbench.engine.client._client' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
