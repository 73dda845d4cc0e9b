"""The machine a run was made on, for the result document."""

from __future__ import annotations

import glob
import os
import sys
import time
from datetime import UTC, datetime, timedelta

from fastbench.foundation.redact import printable
from fastbench.machine import system_files
from fastbench.results.result import Environment

MAX_NAME = 200
_CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"

_GOVERNORS = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"
_SMT = "/sys/devices/system/cpu/smt/active"


def describe(start_ns: int | None = None) -> Environment:
    """Read the machine; what it does not tell is "unknown".

    `start_ns` is when measuring began, of CLOCK_MONOTONIC; without it, that is now. A run is
    described at its end, so that its begin is worked out from how long ago that was.
    """
    ago_ns = 0 if start_ns is None else max(0, time.monotonic_ns() - start_ns)
    started = datetime.now(UTC) - timedelta(microseconds=ago_ns // 1000)
    return Environment(
        kernel=os.uname().release,
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        python=".".join(map(str, sys.version_info[:3])),
        clocksource=_read(_CLOCKSOURCE) or "unknown",
        started_at=started.isoformat(timespec="milliseconds"),
        governor=_governor(),
        smt={"0": False, "1": True}.get(_read(_SMT)),
    )


def unix_ns() -> int:
    """Return Unix time, for outputs whose points carry it; nothing is measured with it."""
    return round(datetime.now(UTC).timestamp() * 1e9)


def _cpu_model() -> str:
    """Return /proc/cpuinfo's name of the first processor, else its architecture."""
    for line in system_files.text("/proc/cpuinfo").splitlines():
        if line.startswith("model name") and (name := _shown(line.partition(":")[2])):
            return name
    return os.uname().machine or "unknown"


def _governor() -> str:
    """Return what governs the frequency of the processors; several, with commas between."""
    found = {_read(path) for path in glob.glob(_GOVERNORS)} - {""}
    return ", ".join(sorted(found)) or "unknown"


def _read(path: str) -> str:
    return _shown(system_files.text(path))


def _shown(text: str) -> str:
    """Return what a file says in a word or a line, as it may be printed."""
    return printable(text.strip().encode("utf-8", "replace").decode())[:MAX_NAME]
