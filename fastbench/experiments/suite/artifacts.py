"""What a run left: its document, read back as far as it can be."""

from __future__ import annotations

from fastbench.experiments.compare.compare_document import SCHEMA as COMPARISON
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.results.json_codec import DocumentError, members, parsed
from fastbench.results.result import Result


def read(path: str) -> tuple[Result | None, Comparison | None]:
    """Return the result and the comparison of a document; a broken one has neither."""
    try:
        with open(path, "rb") as file:
            whole = parsed(file.read())
        if members(whole, "").get("schema") == COMPARISON:
            return None, Comparison.from_document(whole)
        result = Result.from_document(whole)
        beside = members(whole, "").get("comparison")
        return result, None if beside is None else Comparison.from_document(beside)
    except (OSError, DocumentError):
        return None, None
