"""What a converted script looks like: as ruff would write it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["formatted"]


def formatted(script: Path) -> None:
    """Check that ruff would change nothing."""
    config = ("--isolated", "--line-length", "100", "--target-version", "py311")
    for words in (("format", "--diff"), ("check", "--select", "E,F,I,B,UP,SIM")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, *config, str(script)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
