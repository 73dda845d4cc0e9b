"""The load generator's own limit: when slices compare nothing but itself, and what helps then."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.slices import client_limit
from fastbench.experiments.slices.slice_pairs import Pairs
from fastbench.run.turns import SlicePart

TIMES = array("I", [1_000_000] * 50)


def part(
    busy: float = 0.99, *, side: int = 0, server: float | None = 0.5, unsent: int = 0
) -> SlicePart:
    """Return a slice of 100 ms; `server` is how many cores it used."""
    return SlicePart(
        *(side, 50, 0, unsent, 500.0, busy, TIMES),
        cpu_s=None if server is None else server * 0.1,
        span_s=0.1,
        client_cores=busy,
    )


@pytest.mark.parametrize(
    ("one", "cores", "planned", "limit"),
    [
        (part(0.5), 8, False, "unknown"),
        (part(server=0.5), 8, False, "client"),
        (part(server=None), 8, False, "client"),
        (part(server=0.97), 8, False, "server"),
        (part(server=1.8), 8, False, "client"),
        (part(server=6.9), 8, False, "host"),
        (part(server=0.85), 2, False, "host"),
        (part(server=0.5), 8, True, "none"),
        (part(server=0.5, unsent=1), 8, True, "client"),
    ],
)
def test_who_was_the_limit(one: SlicePart, cores: int, planned: bool, limit: str) -> None:
    assert client_limit.limit([one, one], cores, planned=planned) == limit


def test_one_busy_slice_of_a_pair_is_not_all_of_it() -> None:
    assert client_limit.limit([part(1.0), part(0.5), part(0.5)], 8, planned=False) == "unknown"


def pair_of(primary: str, busy: float) -> Pair:
    (pair,) = Pairs(2, primary=primary).take([part(busy), part(busy, side=1)])
    return pair


def test_the_cost_of_a_request_is_compared_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    lost = pair_of("requests_per_s", 0.99)
    assert lost.reasons == tuple(f"{side}: {client_limit.REASON}" for side in ("base", "candidate"))
    kept = pair_of("cpu_per_request", 0.99)
    assert kept.valid and kept.base is not None
    assert (kept.base.limit, kept.base.verdict) == ("client", "client-limited")


@given(st.integers(0, 20), st.integers(1, 4))
def test_what_helps_is_said_where_too_many_pairs_are_lost(lost: int, workers: int) -> None:
    one = Pair(None, None, "base first", False, (f"base: {client_limit.REASON}",))
    other = Pair(None, None, "base first")
    found = client_limit.told([one] * lost + [other] * (20 - lost), workers, 4)
    assert bool(found) == (lost > 4), "a fifth of them"
    for warning in found:
        assert ("add workers (-t 4)" in warning.hint) == (workers < 4)
        assert "--primary cpu_per_request" in warning.hint
