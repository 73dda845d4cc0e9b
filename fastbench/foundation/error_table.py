"""Tables of errors as text: a code, its cause, its remedy."""

from __future__ import annotations


def catalogue(text: str) -> dict[str, tuple[str, str]]:
    """Read a table of codes, each with its cause and, behind `>`, its remedy."""
    found: dict[str, tuple[str, str]] = {}
    for entry in text.replace("\n    ", " ").replace("\n  ", " ").strip().splitlines():
        code, _, sentences = entry.partition(": ")
        cause, _, remedy = sentences.partition(" > ")
        found[code] = (cause, remedy)
    return found
