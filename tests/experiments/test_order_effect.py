"""A slice that follows another server's slice: whether that matters, and whether it biases."""

from __future__ import annotations

import math
import random
import threading
import time
from array import array
from pathlib import Path
from statistics import fmean

import pytest
from commandline import invoke
from hypothesis import given
from hypothesis import strategies as st
from servers import OK, Peer, Server

from fastbench.experiments.slices import order_effect
from fastbench.experiments.slices.order_effect import BREAK, Level
from fastbench.experiments.slices.slice_order import BLOCK, order_of
from fastbench.run.turns import SlicePart


def made_up(
    seed: int,
    hurt: tuple[float, float],
    *,
    slices: int = 800,
    noise: float = 0.0,
    drift: float = 0.0,
) -> list[Level]:
    """Return rates of slices; `hurt` is the effect on each side, a log ratio; `drift` per slice."""
    chance = random.Random(seed)
    levels: list[Level] = []
    before = -1
    for at, side in enumerate(order_of(seed, slices)):
        effect = hurt[side] if before not in (-1, side) else 0.0
        burst = -0.3 if noise and chance.random() < 0.05 else 0.0
        levels.append((side, 1000 * math.exp(effect + drift * at + burst + chance.gauss(0, noise))))
        before = side
    return levels


def ratio_of(levels: list[Level]) -> float:
    """Return the mean log ratio of the pairs, as comparisons make them."""
    found = []
    for at in range(0, len(levels), BLOCK):
        block = levels[at : at + BLOCK]
        base, candidate = (fmean(v or 0.0 for s, v in block if s == side) for side in (0, 1))
        found.append(math.log(candidate / base))
    return fmean(found)


@given(st.integers(0, 10**9), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-1e-4, 1e-4))
def test_what_is_said_of_the_ratio_is_what_happens_to_it(
    seed: int, base: float, candidate: float, drift: float
) -> None:
    levels = made_up(seed, (base, candidate), drift=drift)
    bias = order_effect.share_after_another(levels) * (candidate - base)
    assert ratio_of(levels) == pytest.approx(bias, abs=0.15 * abs(bias) + 0.004)
    warnings, _ = order_effect.told(levels, "requests_per_s", 0.02)
    if abs(bias) > 0.004:
        (warning,) = warnings
        said = float(warning.text.rpartition("about")[2].removesuffix(" %"))
        assert math.log1p(said / 100) == pytest.approx(bias, rel=0.1, abs=0.001)
    elif abs(bias) < 0.001:
        assert warnings == ()


def test_three_slices_in_four_follow_the_other_side() -> None:
    share = order_effect.share_after_another(made_up(1, (0, 0), slices=40_000))
    assert share == pytest.approx(3 / 4, abs=0.01)


def test_without_an_effect_chance_is_told_as_seldom_as_stated() -> None:
    warned = sum(
        bool(order_effect.told(made_up(seed, (0, 0), noise=0.02), "requests_per_s", 0.001)[0])
        for seed in range(60)
    )
    assert warned <= 4, "P(more than 4 of 60 at 1 %) is below 0.001"


def test_what_hits_both_alike_is_a_note_and_only_what_makes_worse() -> None:
    alike = made_up(3, (-0.05, -0.05), noise=0.01)
    warnings, (note,) = order_effect.told(alike, "requests_per_s", 0.02)
    assert warnings == ()
    assert "that hits both alike, and longer slices show less of it" in note and "lower" in note
    assert order_effect.told(alike, "p50", 0.02) == ((), ()), "lower times are no harm"
    little = made_up(3, (-0.004, -0.004), noise=0.001)
    assert order_effect.told(little, "requests_per_s", 0.02) == ((), ())


def test_what_one_side_alone_suffers_is_a_warning_that_names_it() -> None:
    (warning,), notes = order_effect.told(made_up(5, (0, -0.1), noise=0.01), "requests_per_s", 0.02)
    assert warning.code == "order_effect" and notes == ()
    assert "the rate of the candidate is 9." in warning.text
    assert "that of the base the same within noise" in warning.text
    large = order_effect.told(made_up(5, (0, -0.05), noise=0.01), "requests_per_s", 1.0)
    assert large == ((), ()), "it is less than a tenth of what counts"


def test_slices_with_a_break_between_do_not_follow_each_other() -> None:
    levels: list[Level] = [(0, 1.0), BREAK, (1, 1.0), (1, 2.0), BREAK, (0, 1.0), (0, 1.0)] * 50
    assert order_effect.told(levels, "requests_per_s", 0.02) == ((), ())
    assert order_effect.told([], "requests_per_s", 0.02) == ((), ())


def test_the_figure_of_a_slice_is_that_of_the_primary_metric() -> None:
    part = SlicePart(1, 3, 1, 0, 55.0, 0.1, array("I", [1, 2, 6]), cpu_s=8.0)
    found = {name: order_effect.level(part, name) for name in order_effect._FIGURES}
    assert found == {
        "requests_per_s": (1, 55.0),
        "p50": (1, 2),
        "p90": (1, 3.0),
        "p99": (1, 3.0),
        "mean": (1, 3.0),
        "cpu_per_request": (1, 2.0),
    }
    nothing = SlicePart(0, 0, 1, 0, 0.0, 0.1, array("I"))
    assert {order_effect.level(nothing, name) for name in found} == {(0, None)}


class Shy:
    """Two servers: one is slow for a while after the other was loaded."""

    COLD_S = 0.02

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._other_s = 0.0  # when the other one was last asked
        self._cold_s = 0.0  # until when it is slow

    def steady(self, peer: Peer) -> None:
        while peer.request():
            with self._lock:
                self._other_s = time.monotonic()
            peer.pause(0.001)
            peer.send(OK)

    def shy(self, peer: Peer) -> None:
        while peer.request():
            with self._lock:
                now_s = time.monotonic()
                if self._other_s:
                    self._cold_s, self._other_s = now_s + self.COLD_S, 0.0
                cold = now_s < self._cold_s
            peer.pause(0.004 if cold else 0.001)
            peer.send(OK)


def test_a_server_that_is_slow_after_the_other_one_was_loaded_is_told(tmp_path: Path) -> None:
    pair = Shy()
    with Server(pair.steady) as steady, Server(pair.shy) as shy:
        words = ("--slice", "20ms", "--time", "4s", "-c1", "-t1", "--no-progress")
        done = invoke("compare", *words, steady.url(), shy.url(), cwd=tmp_path)
    assert "order effect: in a slice that follows another server's" in done.stdout
