"""What this machine lets a run use: processors and open files."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from fastbench.foundation.usage_error import UsageError
from fastbench.machine import system_files

RESERVED_FILES = 32  # standard streams, epoll, the loop's own, libraries
FILES_OF_MACHINE = 4  # connections to a machine of a cluster
FILES_OF_WORKER = 2  # both ends of what a worker there says
_CGROUP = "/sys/fs/cgroup"
_MEMORY_V1 = f"{_CGROUP}/memory/memory.limit_in_bytes"


def usable_cores() -> int:
    """Count the processors this process may run on, less what a cgroup's quota takes away."""
    cores = len(os.sched_getaffinity(0))
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpu_quota() -> float | None:
    """Return the cgroup's CPU quota in cores, None without one.

    Of version 2 it is cpu.max, of version 1 cpu.cfs_quota_us and cpu.cfs_period_us.
    """
    words = system_files.text(f"{_CGROUP}/cpu.max").split()
    words = words or [
        system_files.text(f"{_CGROUP}/cpu/cpu.cfs_{part}_us").strip()
        for part in ("quota", "period")
    ]
    limit, period, *_ = *map(system_files.whole, words), None, None
    return limit / period if limit and period else None


def usable_memory_bytes() -> int | None:
    """Return what this process and its children may use: free memory, or a cgroup's limit if lower.

    None where neither is visible.
    """
    free = system_files.table("/proc/meminfo").get("MemAvailable", ())
    found = [(system_files.whole("".join(free[:1])) or 0) * 1024]
    own = system_files.text("/proc/self/cgroup").rpartition("0::")[2].split("\n")[0].strip("/")
    parts = own.split("/") if own else []
    folders = ["/".join((_CGROUP, *parts[:end])) for end in range(len(parts) + 1)]
    for path in (*(f"{each}/memory.max" for each in folders), _MEMORY_V1):
        found.append(system_files.whole(system_files.text(path).strip()) or 0)
    return min(filter(None, found), default=None)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Raise UsageError where what the block makes does not fit into memory."""
    try:
        yield
    except MemoryError as error:
        raise UsageError(f"{error}; free some memory, or use fewer workers (-t).") from None


def raise_open_files() -> None:
    """Raise the open-files limit of this process, and of children to come, as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def allow_files_of_machines(machines: int, workers: int) -> None:
    """Raise the open-files limit as far as a parent of workers on other machines needs it.

    Raises UsageError when the hard limit is too low.
    """
    needed = machines * FILES_OF_MACHINE + workers * FILES_OF_WORKER + RESERVED_FILES
    raise_open_files()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        raise UsageError(
            f"--on: {machines:,} machines with {workers:,} workers need {needed:,} open files "
            f"here, and the hard limit is {hard:,}; use fewer workers with -t, or raise the limit "
            f"with `ulimit -Hn {needed}`."
        )


def allow_open_files(connections: int, noun: str = "connections", flag: str = "-c") -> None:
    """Raise the open-files limit of this process to the hard limit if `connections` need it.

    Raises UsageError with the arithmetic when even that is too little. The limit counts per
    process, so `connections` are those of the worker that has most; `noun` and `flag` are what
    the user calls them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + RESERVED_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UsageError(
            f"{connections:,} {noun} in one worker need {needed:,} open files, "
            f"and the hard limit is {hard:,}; lower {flag}, spread them over more workers with -t, "
            f"or raise the limit with `ulimit -Hn {needed}`."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
