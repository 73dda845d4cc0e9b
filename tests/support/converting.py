"""One piece converts a file that a test writes, and looks at the script as a person would."""

from __future__ import annotations

import json
from pathlib import Path

from commandline import invoke
from layout_checks import formatted
from request_log import RequestLog

__all__ = ["made", "refused", "requests"]


def made(
    folder: Path, content: str, name: str, *flags: str, layout: bool = True
) -> tuple[Path, str]:
    """Convert a file of that name; return the script and what was said.

    `layout` tells whether the script must be as ruff would write it; that takes a second.
    """
    (folder / name).write_text(content)
    script = folder / "script.py"
    done = invoke("convert", str(folder / name), "-o", str(script), "--force", *flags)
    assert done.returncode == 0, done.stderr
    if layout:
        formatted(script)
    return script, done.stderr


def refused(folder: Path, content: str, name: str) -> str:
    """Return the one sentence that refuses a file."""
    (folder / name).write_text(content)
    done = invoke("convert", str(folder / name))
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


def requests(server: RequestLog) -> list[tuple[str, str, str]]:
    """Return what came in an order of its own, JSON in one form."""
    return sorted(
        (method, path, json.dumps(json.loads(body), sort_keys=True) if body[:1] == "{" else body)
        for method, path, body in server.came
    )
