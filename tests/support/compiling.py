"""Programs in C, compiled once for each version of their sources: under build/tests."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

__all__ = ["compiled", "made"]

ROOT = Path(__file__).parents[2]


@functools.cache
def compiled(name: str) -> str:
    """Return the program of bench/NAME; without a compiler the test is skipped."""
    source = ROOT / "bench" / name
    if shutil.which("gcc") is None:
        pytest.skip(f"no gcc to compile bench/{name} with")
    return made(
        source.stem, ["gcc", "-O2", str(source)], [source, *sorted(source.parent.glob("*.h"))]
    )


def made(name: str, command: Sequence[str], sources: Iterable[Path]) -> str:
    """Return the program that a compiler's command makes.

    It is made anew when the command, the compiler or one of `sources` is another.
    """
    mark = hashlib.sha256("\0".join(command).encode())
    version = subprocess.run([command[0], "--version"], capture_output=True, check=True)
    for content in (version.stdout, *(source.read_bytes() for source in sources)):
        mark.update(hashlib.sha256(content).digest())
    binary = ROOT / "build" / "tests" / f"{name}-{mark.hexdigest()[:12]}"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        own = binary.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-o", own], check=True)
        own.rename(binary)
    return str(binary)
