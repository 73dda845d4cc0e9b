"""Scripts that ask databases, Redis and queues, run to their ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from running import Run, fastbench


def run_script(folder: Path, text: str, address: str, *flags: str) -> Run:
    """Run a script that finds its database, or its Redis, in the environment."""
    path = folder / "script.py"
    path.write_text(text)
    named = ("-e", f"DATABASE_URL={address}", "-e", f"REDIS_URL={address}")
    return fastbench("run", str(path), *named, *flags)


def rows_of(found: Run) -> dict[str, dict[str, Any]]:
    """Return the rows of operations by their names."""
    return {row["name"]: row for row in found.document["requests"]}
