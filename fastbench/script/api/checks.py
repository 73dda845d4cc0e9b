"""Checks, groups, and the end of a run that a script asks for; as in k6.

A check counts and never ends anything: what failed is a false result. An exception within one
counts as failed and goes on up. A group is on the path of all that is recorded inside it, in the
coroutine that entered it and in those it waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from time import monotonic_ns
from typing import Any, NoReturn, Self, TypeVar

from fastbench.engine.client._client import tally
from fastbench.foundation.usage_error import UsageError
from fastbench.script.recording_context import (
    MAX_INSIDE,
    PLACE,
    SEPARATOR,
    Passes,
    RecordingContext,
    own_tags,
)

V = TypeVar("V")


class Aborted(BaseException):
    """Raised by `abort()`: the whole run ends. No `except Exception` of a script holds it up.

    Attributes:
        text: Why, as the report says it.

    Example::

        try:
            await vu.get("/api/health")
        except Aborted as end:
            vu.state["why"] = end.text
            raise
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def check(
    value: V,
    sets: Mapping[str, Callable[[V], object] | object],
    tags: Mapping[str, object] | None = None,
) -> bool:
    """Count for each name whether it holds. A check that fails counts, and ends nothing.

    Args:
        value: What is checked: an answer, a row, a number.
        sets: By name, a function of the value, or a result that is known already.
        tags: Tags of the samples, beside those of scenario and group.

    Returns:
        True if all of them hold.

    Raises:
        UsageError: A result is a coroutine: await it before the check.

    Example::

        response = await vu.get("/api/health")
        passed = check(response, {
            "status is 200": lambda r: r.status == 200,
            "quick": response.timings.duration < 2000,  # ms
        })
        if not passed:
            return
    """
    place = PLACE.get()
    if tags is None:
        return tally(value, sets, place.checks, place, cell_of, _truth)
    return tally(value, sets, {}, (place, tags), _tagged, _truth)


def abort(text: str = "The script called abort().") -> NoReturn:
    """End the whole run now: every user stops, teardown runs, the exit code is 108.

    Args:
        text: Why, for the report.

    Raises:
        Aborted: Always.

    Example::

        response = await vu.get("/api/health")
        if response.status == 503:
            abort("the server is in maintenance")
    """
    raise Aborted(text)


class group:
    """Record what is inside under a name, with `with` or `async with`; groups may stand in groups.

    Args:
        name: Its name, without `::`.

    Raises:
        UsageError: The name is empty, or has `::` in it.

    Example::

        with group("check out"):
            await vu.post("/echo", json={"item": 7})
            await vu.get("/api/health")
    """

    __slots__ = ("_begun_ns", "_name", "_place", "_token")

    def __init__(self, name: str) -> None:
        if not name or SEPARATOR in name:
            raise UsageError(
                f"A group needs a name without {SEPARATOR}, for example group('login')."
            )
        self._name = name
        self._token: Token[RecordingContext] | None = None

    def __enter__(self) -> Self:
        self._place = PLACE.get().inside(self._name)
        self._token = PLACE.set(self._place)
        self._begun_ns = monotonic_ns()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._token is not None:
            self._place.duration().add(monotonic_ns() - self._begun_ns)
            PLACE.reset(self._token)
            self._token = None

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *raised: object) -> None:
        self.__exit__(*raised)


def _tagged(where: tuple[RecordingContext, Mapping[str, object]], name: str) -> Passes:
    """Find where a check with tags of its own is counted."""
    place, tags = where
    joined, own = place.with_tags(tags), own_tags(tags)
    return place.recorder.check(place.scenario, place.group, str(name), joined, own)


def cell_of(place: RecordingContext, name: str) -> Passes:
    """Find where a check is counted, and keep it with the place."""
    name = str(name)
    if len(place.checks) >= MAX_INSIDE:
        place.checks.clear()
    found = place.checks[name] = place.recorder.check(place.scenario, place.group, name, place.tags)
    return found


def _truth(name: str, result: Any) -> bool:
    if hasattr(result, "__await__"):
        if hasattr(result, "close"):
            result.close()
        raise UsageError(f"The check `{name}` is a coroutine; await the response before check().")
    return bool(result)
