"""The machine a run was made on, for the result document."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from fastbench.result import Environment

_CLOCKSOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def describe() -> Environment:
    """Read the machine; what it does not tell is "unknown"."""
    return Environment(
        kernel=platform.release(),
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        clocksource=_read(_CLOCKSOURCE).strip() or "unknown",
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _cpu_model() -> str:
    """Return /proc/cpuinfo's name of the first processor, else its architecture."""
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine() or "unknown"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
