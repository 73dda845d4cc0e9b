"""Scripts of k6 that a test writes itself, run against a server of the test."""

from __future__ import annotations

from pathlib import Path

from running import Run, fastbench
from servers import Server


def run_text(folder: Path, text: str, server: Server, *more: str, workers: int = 1) -> Run:
    """Run a script of this text, whose `__ENV.URL` is the server's."""
    path = folder / "script.js"
    path.write_text(text)
    words = ("-e", f"URL={server.url('')}", "-t", str(workers), "-q", *more)
    return fastbench("run", str(path), *words)
