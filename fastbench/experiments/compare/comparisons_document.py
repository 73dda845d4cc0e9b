"""What a comparison of several candidates with one base found, and its JSON document both ways.

1. Each candidate's comparison is a whole document of schema fastbench.compare/1, as of two sides.
2. They were judged together: see decision.py. The confidence that is told, and p, are those of all
   of them together; each interval is as much wider, and `config.interval_confidence` is its own.
3. What stands beside the comparisons follows from them. It is written for whoever reads the
   document with other tools, and not read back.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.results.json_codec import DocumentError, member

SCHEMA = "fastbench.comparisons/1"
_ENDED = ("interrupted", "nothing_succeeded", "out_of_time")  # the first one is told


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The comparisons of all candidates, in their order."""

    each: tuple[Comparison, ...]

    @property
    def version(self) -> str:
        """The version of fastbench that made them."""
        return self.each[0].version

    @property
    def base(self) -> str:
        """The label of the base."""
        return self.each[0].base

    @property
    def ended(self) -> str:
        """How it ended: as that candidate's comparison that ended worst."""
        all_of_them = {found.ended for found in self.each}
        return next((each for each in _ENDED if each in all_of_them), "complete")

    @property
    def regressed(self) -> bool:
        """Whether any candidate has."""
        return any(found.regressed for found in self.each)

    def to_document(self) -> dict[str, object]:
        """Return the JSON-ready document of schema fastbench.comparisons/1."""
        first = self.each[0]
        return {
            "schema": SCHEMA,
            "tool": {"name": "fastbench", "version": self.version},
            "base": self.base,
            "primary": first.primary,
            "confidence": first.confidence,
            "ended": self.ended,
            "regressed": self.regressed,
            "comparisons": [found.to_document() for found in self.each],
        }

    @classmethod
    def from_document(cls, document: object) -> Comparisons:
        """Read a document back. Raises DocumentError with the name of the first wrong field."""
        if (schema := member(document, "schema")) != SCHEMA:
            raise DocumentError(f"schema: this fastbench reads {SCHEMA!r}, not {schema!r}")
        found = member(document, "comparisons")
        if not isinstance(found, list) or not found:
            raise DocumentError("comparisons: expected a list of comparisons")
        return cls(tuple(_comparison(each, at) for at, each in enumerate(found)))


def _comparison(document: object, at: int) -> Comparison:
    try:
        return Comparison.from_document(document)
    except DocumentError as error:
        raise DocumentError(f"comparisons[{at}].{error}") from None
