"""A server that went while the run was going: from when on nothing succeeded any more. Pure.

Told are runs in which something had succeeded before, and whose last rows have failures of the
network and no success: answers with another status than expected are the script's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.foundation.units import format_s
from fastbench.results.result import SeriesRow

MIN_FAILED = 5  # fewer may be bad luck


@dataclass(frozen=True, slots=True)
class Silence:
    """`from_s` is the begin of the first row in which nothing succeeded."""

    from_s: float
    failed: int
    errors: tuple[tuple[str, int], ...]  # kinds and counts, the most frequent first

    @property
    def text(self) -> str:
        """The fact, in words."""
        kinds = ", ".join(kind.replace("_", " ") for kind, _ in self.errors[:3])
        return (
            f"from {format_s(self.from_s)} on no request succeeded: {self.failed:,} failed "
            f"({kinds}), the server seems to be gone"
        )


def silence(rows: Sequence[SeriesRow]) -> Silence | None:
    """Return since when nothing succeeded; None while something did, or nothing ever had."""
    last_ok = max((at for at, row in enumerate(rows) if row.ok), default=None)
    if last_ok is None:
        return None
    failing = [row for row in rows[last_ok + 1 :] if row.failed or row.timeouts]
    failed = sum(row.failed + row.timeouts for row in failing)
    errors: Counter[str] = Counter()
    for row in failing:
        errors.update(row.errors)
    if failed < MIN_FAILED or 2 * errors.total() < failed:
        return None
    return Silence(failing[0].t_s, failed, tuple(errors.most_common()))
