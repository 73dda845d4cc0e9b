"""Paths of what a document holds, beside those that its schema requires."""

from __future__ import annotations

from typing import Any


def written(value: Any, path: str = "") -> set[str]:
    """Return the path of every member a document has."""
    if isinstance(value, list):
        return {name for item in value for name in written(item, path)}
    if not isinstance(value, dict):
        return set()
    return {
        found
        for name, item in value.items()
        for found in ({f"{path}{name}"} | written(item, f"{path}{name}."))
    }
