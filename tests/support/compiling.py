"""Programs in C under bench/, compiled once for each version of their source."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["compiled"]


@functools.cache
def compiled(name: str) -> str:
    """Return the program of bench/NAME; without a compiler the test is skipped."""
    root = Path(__file__).parents[2]
    source = root / "bench" / name
    mark = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    binary = root / "build" / "tests" / f"{source.stem}-{mark}"
    if not binary.exists():
        if shutil.which("gcc") is None:
            pytest.skip(f"no gcc to compile bench/{name} with")
        binary.parent.mkdir(parents=True, exist_ok=True)
        own = binary.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", "-O2", "-o", own, source], check=True)
        own.rename(binary)
    return str(binary)
