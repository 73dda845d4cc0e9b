"""Which processors servers get, and which the load generator: kept apart, so that neither waits.

Two threads of one core share its units, so that one slows the other down: the load generator gets
no sibling thread of a server's processor where there is another one. The kernel's lists, such as
0-2,8, are described in cpusets(7), siblings in the kernel's admin-guide/cputopology.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fastbench.foundation.usage_error import UsageError
from fastbench.machine import system_files

AUTO = "auto"  # the last processor for the servers
LIST = re.compile(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*")
_SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


@dataclass(frozen=True, slots=True)
class Pinning:
    """The processors of all servers, which share them, and those of the load generator."""

    servers: tuple[int, ...]
    load: tuple[int, ...]


def listed(text: str) -> set[int]:
    """Read a list of processors, such as 0-2,8; nothing of what is no such list."""
    text = text.strip()
    if not LIST.fullmatch(text):
        return set()
    ends = [part.partition("-") for part in text.split(",")]
    return {each for low, _, high in ends for each in range(int(low), int(high or low) + 1)}


def siblings(processor: int) -> set[int]:
    """Return the threads of a processor's core, itself among them."""
    return listed(system_files.text(_SIBLINGS.format(processor))) | {processor}


def pinning(
    asked: str,
    usable: Iterable[int] | None = None,
    siblings_of: Callable[[int], set[int]] | None = None,
) -> Pinning:
    """Share out what this process may use: `asked` is AUTO or the servers' processors.

    Raises UsageError where nothing is left for the load generator, and for what may not be used.
    """
    ours = set(os.sched_getaffinity(0) if usable is None else usable)
    if len(ours) < 2:
        raise UsageError(
            "--pin needs two processors, one for the servers and one for the load generator, and "
            "this process may use only one; leave --pin out."
        )
    servers = {max(ours)} if asked == AUTO else listed(asked)
    if not servers:
        raise UsageError(f"--pin takes processors such as 3 or 1-3,6; `{asked}` is no such list.")
    if foreign := sorted(servers - ours):
        raise UsageError(
            f"--pin: this process may not use processor {foreign[0]}; it may use "
            f"{shown(sorted(ours))}."
        )
    if not (rest := ours - servers):
        raise UsageError(
            "--pin leaves no processor for the load generator; give the servers fewer of "
            f"{shown(sorted(ours))}."
        )
    apart = rest - {each for processor in servers for each in (siblings_of or siblings)(processor)}
    return Pinning(tuple(sorted(servers)), tuple(sorted(apart or rest)))


@contextlib.contextmanager
def kept_on(processors: Iterable[int]) -> Iterator[None]:
    """Keep this process, and what it starts, on these processors; on all it may use for none."""
    before, there = os.sched_getaffinity(0), set(processors)
    os.sched_setaffinity(0, there or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def shown(processors: Iterable[int]) -> str:
    """Write processors as the kernel does: 0-2,8."""
    runs: list[list[int]] = []
    for each in processors:
        if runs and each == runs[-1][-1] + 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
