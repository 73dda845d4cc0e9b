"""The start line of several runs at once: each waits behind its setup until all are there.

A run is told a path of its own by the environment. It makes that file when it is ready; beside it
appears the file GO with the instant, of CLOCK_MONOTONIC, at which all of them begin.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

from fastbench.foundation import files

VARIABLE = "FASTBENCH_START_LINE"
GO = "go"
LEAD_NS = 700_000_000  # from the last one's arrival to the begin: a few looks of every run


def arrive(path: str) -> None:
    """Say that a run is ready to begin; nobody may wait any more."""
    with contextlib.suppress(OSError), open(path, "wb"):
        pass


def begin_ns(path: str) -> int | None:
    """Return when all begin, None while it is not known; 0 when nobody says it any more."""
    folder = os.path.dirname(path)
    try:
        with open(os.path.join(folder, GO), encoding="ascii") as file:
            return int(file.read())
    except FileNotFoundError:
        return None if os.path.isdir(folder) else 0
    except (OSError, ValueError):
        return 0


def give(folder: str, paths: Sequence[str], gone: Sequence[bool]) -> bool:
    """Tell all when to begin, once each is ready or gone; true when that was told."""
    if not all(left or os.path.exists(path) for path, left in zip(paths, gone, strict=True)):
        return False
    instant_ns = time.monotonic_ns() + LEAD_NS
    files.write_atomic(os.path.join(folder, GO), str(instant_ns).encode())
    return True
