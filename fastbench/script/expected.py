"""Which statuses a request expects; the others count as failed (k6's expectedStatuses)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from fastbench.foundation.usage_error import UsageError

Statuses = int | range | tuple[int, int]

_ADVICE = "write them as 200, range(200, 300) or (200, 299)"


@dataclass(frozen=True, slots=True)
class Expected:
    """Statuses that are no failure, as `expected_statuses()` returns them.

    Attributes:
        spans: Pairs of the first and the last status of each range.

    Example::

        created = expected_statuses(201, range(202, 205))
        await vu.get("/status/201", expected=created)
    """

    spans: tuple[tuple[int, int], ...]

    def covers(self, status: int) -> bool:
        """Tell whether an answer with this status is as expected.

        Args:
            status: The status, 100 to 599.

        Returns:
            True if it is.

        Example::

            created = expected_statuses(201, 202)
            response = await vu.get("/status/201")
            check(response, {"created": lambda r: created.covers(r.status)})
        """
        return any(first <= status <= last for first, last in self.spans)


def expected_statuses(*statuses: Statuses) -> Expected:
    """Say which statuses are no failure, for `expected=` of requests and Options.

    Args:
        statuses: Numbers, `range(200, 300)`, or `(200, 299)` with both ends.

    Returns:
        What `expected=` takes.

    Raises:
        UsageError: There are none, or one is not from 100 to 599.

    Example::

        missing_is_fine = expected_statuses(404, (200, 299))
        await vu.get("/status/404", expected=missing_is_fine)
    """
    if not statuses:
        raise UsageError(f"expected_statuses() needs at least one status; {_ADVICE}.")
    return Expected(tuple(_span(each) for each in statuses))


def read(asked: Expected | Statuses | Iterable[int]) -> Expected:
    """Read what `expected=` was given: a status, a range, several statuses, or an Expected."""
    if isinstance(asked, Expected):
        return asked
    if isinstance(asked, int | range):
        return _one(asked)
    if isinstance(asked, Iterable):
        return expected_statuses(*asked)
    raise UsageError(f"`expected` takes statuses, not {type(asked).__name__}; {_ADVICE}.")


@lru_cache(maxsize=256)
def _one(statuses: int | range) -> Expected:
    return expected_statuses(statuses)


def _span(statuses: Statuses) -> tuple[int, int]:
    if isinstance(statuses, range):
        if statuses.step == 1 and len(statuses):
            return _checked(statuses.start, statuses.stop - 1)
    elif isinstance(statuses, int):
        return _checked(statuses, statuses)
    elif isinstance(statuses, tuple) and len(statuses) == 2:
        return _checked(*statuses)
    raise UsageError(f"`{statuses!r}` is not a status or a range of statuses; {_ADVICE}.")


def _checked(first: object, last: object) -> tuple[int, int]:
    if isinstance(first, int) and isinstance(last, int) and 100 <= first <= last <= 599:
        return first, last
    raise UsageError(f"Statuses run from 100 to 599, not {first!r} to {last!r}; {_ADVICE}.")


DEFAULT = Expected(((200, 399),))
