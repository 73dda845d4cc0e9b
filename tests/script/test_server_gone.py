"""server_gone.py: from when on nothing succeeded, and what is no reason to say so."""

from __future__ import annotations

import pytest

from fastbench.results.result import SeriesRow
from fastbench.script.parent.server_gone import silence


def row(t_s: float, ok: int, failed: int = 0, timeouts: int = 0, **errors: int) -> SeriesRow:
    total = ok + failed + timeouts
    return SeriesRow(t_s, 1.0, total, ok, failed, timeouts, 0, None, None, errors)


FINE = [row(0, 100), row(1, 90, 3)]


def test_a_server_that_goes_is_noticed_from_the_first_empty_second_on() -> None:
    rows = [*FINE, row(2, 0), row(3, 0, 40, connect_refused=38, reset=2), row(4, 0, 50, reset=50)]
    found = silence(rows)
    assert found is not None and (found.from_s, found.failed) == (3, 90)
    assert found.text == (
        "from 3s on no request succeeded: 90 failed (reset, connect refused), "
        "the server seems to be gone"
    )


def test_timeouts_count() -> None:
    found = silence([*FINE, row(2, 0, 0, 7, timeout=7)])
    assert found is not None and found.failed == 7


@pytest.mark.parametrize(
    "rows",
    [
        [],
        FINE,
        [row(0, 0, 50, connect_refused=50)],  # it never was there: that is said otherwise
        [*FINE, row(2, 0, 50, connect_refused=50), row(3, 1)],  # it came back
        [*FINE, row(2, 0), row(3, 0)],  # nobody asked
        [*FINE, row(2, 0, 4, connect_refused=4)],  # bad luck
        [*FINE, row(2, 0, 50)],  # answers with a status that was not expected
        [*FINE, row(2, 0, 50, reset=10)],
    ],
)
def test_what_is_no_silence(rows: list[SeriesRow]) -> None:
    assert silence(rows) is None
