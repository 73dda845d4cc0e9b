"""The starts that are files beside this one, with the name that was given."""

from __future__ import annotations

from pathlib import Path


def text(start: str, name: str, file: str) -> str:
    """Return a start, `suite.toml` for example, for a file of that name; `name` is a plain word."""
    found = Path(__file__).with_name(start).read_text()
    return found.replace("@NAME@", name).replace("@FILE@", file)
