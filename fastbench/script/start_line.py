"""The start line of several runs at once: each waits behind its setup until all are there.

A run is told the path of a file of its own by the environment. It removes that file when it is
ready; then the file GO beside it gets the instant, of CLOCK_MONOTONIC, at which all of them begin.
All is there before the first run starts, so that a disk that fills up holds nobody back.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

VARIABLE = "FASTBENCH_START_LINE"
GO = "go"
LEAD_NS = 700_000_000  # from the last one's arrival to the begin: a few looks of every run
_BYTES = 24  # of the instant, blanks before it is known


def prepare(folder: str, paths: Sequence[str]) -> None:
    """Make the folder and its files. Raises OSError where that cannot be."""
    os.makedirs(folder, exist_ok=True)
    for path in paths:
        with open(path, "wb"):
            pass
    with open(os.path.join(folder, GO), "wb") as file:
        file.write(b" " * _BYTES)


def arrive(path: str) -> None:
    """Say that a run is ready to begin; nobody may wait any more."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def begin_ns(path: str) -> int | None:
    """Return when all begin, None while it is not known; 0 when nobody says it any more."""
    try:
        with open(os.path.join(os.path.dirname(path), GO), encoding="ascii") as file:
            text = file.read().strip()
        return int(text) if text else None
    except (OSError, ValueError):
        return 0


def give(folder: str, paths: Sequence[str], gone: Sequence[bool]) -> bool:
    """Tell all when to begin, once each is ready or gone; true when that was told."""
    if any(not left and os.path.exists(path) for path, left in zip(paths, gone, strict=True)):
        return False
    instant = str(time.monotonic_ns() + LEAD_NS).encode().ljust(_BYTES)
    go = os.path.join(folder, GO)
    try:
        fd = os.open(go, os.O_WRONLY)
        try:
            os.pwrite(fd, instant, 0)
        finally:
            os.close(fd)
    except OSError:  # then each begins when it likes
        with contextlib.suppress(OSError):
            os.unlink(go)
    return True
