"""What a command does while it waits, and what it waits for.

Whoever waits in the process of a command comes by here a few times a second: `beat`. So a line
about how it goes needs no thread, which workers that are forked later would not be safe beside.
`stage` names what takes long and has no figures, such as the setup of a script.
"""

from __future__ import annotations

import os
import time
from _thread import get_native_id
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

LOOK_S = 0.25  # no wait is longer without a beat


@dataclass(frozen=True, slots=True)
class Stage:
    """What is waited for, since an instant of CLOCK_MONOTONIC, and for how long at most."""

    name: str
    begun_s: float
    limit_s: float | None = None


class _State:
    """Who is called, by the main thread of which process: a fork of it is silent."""

    calls: ClassVar[list[tuple[int, Callable[[], None]]]] = []
    stages: ClassVar[list[Stage]] = []


def beat() -> None:
    """Call who is to be called; cheap where nobody is."""
    if _State.calls:
        here = get_native_id()
        for pid, call in _State.calls:
            if pid == here:
                call()


def sleep(length_s: float) -> None:
    """Sleep, and beat."""
    until_s = time.monotonic() + length_s
    while (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, LOOK_S))
        beat()


@contextmanager
def called(call: Callable[[], None]) -> Iterator[None]:
    """Let every beat of this process call `call`, as long as the context lasts."""
    one = (os.getpid(), call)
    _State.calls.append(one)
    try:
        yield
    finally:
        _State.calls.remove(one)


@contextmanager
def stage(name: str, limit_s: float | None = None) -> Iterator[None]:
    """Say what is waited for; the innermost counts, and only the main thread's."""
    if get_native_id() != os.getpid():
        yield
        return
    _State.stages.append(Stage(name, time.monotonic(), limit_s))
    try:
        yield
    finally:
        _State.stages.pop()


def now() -> Stage | None:
    """Return what is waited for, None where figures tell how it goes."""
    return _State.stages[-1] if _State.stages else None
