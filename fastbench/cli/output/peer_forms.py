"""A result as the bytes that another tool would have printed."""

from __future__ import annotations

from fastbench.cli.output import delivery, formats
from fastbench.results.result import Result


def rendered_as(tool: str, result: Result) -> bytes:
    """Return the JSON of that tool; k6 has a text as well."""
    if tool == "k6-text":
        return formats.as_k6_text(result)
    return delivery.as_json(formats.as_peer(tool, result))
