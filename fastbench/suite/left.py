"""What a run left: its document, read back as far as it can be."""

from __future__ import annotations

import json

from fastbench.compare.document import SCHEMA as COMPARISON
from fastbench.compare.document import Comparison
from fastbench.result import Result

__all__ = ["read"]


def read(path: str) -> tuple[Result | None, Comparison | None]:
    """Return the result and the comparison of a document; a broken one has neither."""
    try:
        with open(path, "rb") as file:
            whole = json.load(file)
        if isinstance(whole, dict) and whole.get("schema") == COMPARISON:
            return None, Comparison.from_document(whole)
        result = Result.from_document(whole)
        beside = whole.get("comparison")
        return result, None if beside is None else Comparison.from_document(beside)
    except (OSError, ValueError, RecursionError):  # of JSON and of documents
        return None, None
