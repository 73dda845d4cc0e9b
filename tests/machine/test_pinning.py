"""pinning.py: which processors servers get, and which the load."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.machine import pinning
from fastbench.machine.pinning import AUTO, Pinning


def alone(processor: int) -> set[int]:
    return {processor}


def two_threads(processor: int) -> set[int]:
    """Threads as on most machines with eight: 0 and 4 are of one core."""
    return {processor % 4, processor % 4 + 4}


@pytest.mark.parametrize(
    ("asked", "usable", "servers", "load"),
    [
        (AUTO, range(4), (3,), (0, 1, 2)),
        (AUTO, (2, 5), (5,), (2,)),
        ("1", range(4), (1,), (0, 2, 3)),
        ("1-2,3", range(4), (1, 2, 3), (0,)),
    ],
)
def test_servers_and_load_share_no_processor(
    asked: str, usable: Sequence[int], servers: tuple[int, ...], load: tuple[int, ...]
) -> None:
    assert pinning.pinning(asked, usable, alone) == Pinning(servers, load)


def test_the_load_gets_no_thread_of_a_servers_core_where_there_is_another() -> None:
    assert pinning.pinning(AUTO, range(8), two_threads) == Pinning((7,), (0, 1, 2, 4, 5, 6))
    assert pinning.pinning("0-2", range(8), two_threads) == Pinning((0, 1, 2), (3, 7))
    assert pinning.pinning(AUTO, (3, 7), two_threads) == Pinning((7,), (3,)), "one core is all"


@pytest.mark.parametrize(
    ("asked", "usable", "why"),
    [
        (AUTO, (0,), "--pin needs two processors"),
        ("4", range(4), "may not use processor 4; it may use 0-3"),
        ("0-1,5", (0, 1, 3), "may not use processor 5; it may use 0-1,3"),
        ("0-3", range(4), "leaves no processor for the load generator; give the servers fewer of"),
        ("x", range(4), "`x` is no such list"),
        ("3-1", range(4), "`3-1` is no such list"),
    ],
)
def test_what_cannot_be_is_refused(asked: str, usable: Sequence[int], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        pinning.pinning(asked, usable, alone)


def test_lists_are_read_and_written_as_the_kernel_does() -> None:
    assert pinning.listed("0-2,8\n") == {0, 1, 2, 8}
    assert pinning.listed("") == set()
    assert pinning.shown([0, 1, 2, 8]) == "0-2,8"
    assert 0 in pinning.siblings(0)


def test_processors_are_given_back() -> None:
    before = os.sched_getaffinity(0)
    with pinning.kept_on({min(before)}):
        assert os.sched_getaffinity(0) == {min(before)}
    with pinning.kept_on(()):
        assert os.sched_getaffinity(0) == before
    assert os.sched_getaffinity(0) == before
