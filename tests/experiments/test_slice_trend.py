"""The first part of a slice is left out where a server begins slower than it goes on."""

from __future__ import annotations

import json
import random
import threading
import time
from array import array
from pathlib import Path

import pytest
from commandline import invoke
from hypothesis import given
from hypothesis import strategies as st
from servers import OK, Peer, Server

from fastbench.experiments.slices import slice_pilot, slice_trend
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.run.turns import SlicePart, rate_after

MS = 1_000_000


def slice_of(
    chance: random.Random, *, slow_ms: float = 0.0, by: float = 1.0, connections: int = 4
) -> SlicePart:
    """Return 50 ms of a server with one thread, where requests queue; the first take longer."""
    sent_ns = [0] * connections
    ends, times = array("I"), array("I")
    now_ns = 0.0
    while sent_ns:
        cost_ns = 150_000 * (by if now_ns < slow_ms * MS else 1.0)
        now_ns += cost_ns * chance.gauss(1, 0.05)
        ends.append(round(now_ns))
        times.append(round(now_ns) - sent_ns.pop(0))
        if now_ns < 50 * MS:
            sent_ns.append(round(now_ns))
    return SlicePart(0, len(ends), 0, 0, 1.0, 0.1, times, ends_ns=ends)


def profiles(seed: int, **how: float) -> list[list[float | None]]:
    chance = random.Random(seed)
    return [
        slice_trend.profile(slice_of(chance, **how), 0.05, planned=False)  # type: ignore[arg-type]
        for _ in range(10)
    ]


@pytest.mark.parametrize(("slow_ms", "tenths"), [(5, 1), (10, 2), (15, 3), (40, 5)])
def test_as_much_is_left_out_as_is_slow(slow_ms: float, tenths: int) -> None:
    found, effects = slice_trend.skipped([profiles(1), profiles(2, slow_ms=slow_ms, by=1.3)], 0.02)
    # The queue passes what is slow on to those who came then: a tenth more may be out of line.
    assert tenths <= found <= min(5, tenths + 1)
    assert effects[0] == 0 and 0.02 < effects[1] < 0.35


@pytest.mark.parametrize("connections", [1, 4, 30])
def test_a_steady_server_loses_nothing(connections: int) -> None:
    found = [
        slice_trend.skipped([profiles(seed, connections=connections)] * 2, 0.02)[0]
        for seed in range(40)
    ]
    assert sum(map(bool, found)) <= 3, "chance, at 1 %"


def test_a_tenth_without_requests_is_judged_as_the_one_after_it() -> None:
    late = [[None, 9.0 + at % 3, 2.0, *[1.0] * 7] for at in range(10)]
    assert slice_trend.skipped([late], 0.02)[0] == 3
    even = [[None, 1.0 + at % 3, *[2.0] * 8] for at in range(10)]
    assert slice_trend.skipped([even], 0.02) == (0, [0.0])
    few: list[list[float | None]] = [[None] * 10 for _ in range(10)]
    few[0] = [9.0, *[1.0] * 9]
    assert slice_trend.skipped([few], 0.02) == (0, [0.0])


def test_less_than_a_quarter_of_the_threshold_is_no_trend() -> None:
    how = [profiles(seed, slow_ms=10, by=1.03) for seed in (1, 2)]
    assert slice_trend.skipped(how, 0.02)[0] >= 2
    assert slice_trend.skipped(how, 0.5) == (0, [0, 0])


def test_the_first_wave_of_a_closed_loop_does_not_count_and_planned_requests_do() -> None:
    # Two are sent at 0, and one at 1 ms, when the first is answered.
    part = SlicePart(
        0,
        3,
        0,
        0,
        1.0,
        0.1,
        array("I", [MS, 2 * MS, 3 * MS]),
        ends_ns=array("I", [MS, 2 * MS, 4 * MS]),
    )
    assert slice_trend.profile(part, 0.01, planned=False)[:2] == [None, 3 * MS]
    assert slice_trend.profile(part, 0.01, planned=True)[:2] == [1.5 * MS, 3 * MS]


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 100))
def test_the_rate_after_a_skip_does_not_depend_on_where_it_falls(
    wave: int, waves: int, skip: int
) -> None:
    """Answers that come in waves, each 5 ms: however much is skipped, the rate is the same."""
    ends = [5 * MS * (at + 1) for at in range(waves) for _ in range(wave)]
    rate = rate_after(ends, skip * MS)
    if skip * MS < ends[-1]:
        assert rate == pytest.approx(wave / 0.005)
    else:
        assert rate == 0.0


def test_a_slice_has_room_for_enough_requests_after_what_is_left_out() -> None:
    chosen = slice_pilot.course(SliceTerms(1, 15.0), 1000.0, skip_s=0.02)
    assert chosen.skip_s == 0.02 and (chosen.slice_s - chosen.skip_s) * 1000 >= 50
    chosen = slice_pilot.course(SliceTerms(1, 15.0), 100_000.0, skip_s=0.02)
    assert (chosen.skip_s, chosen.slice_s) == (0.02, 0.04), "half of a slice at most"
    chosen = slice_pilot.course(SliceTerms(1, 15.0, slice_s=0.03), 100_000.0, skip_s=0.02)
    assert (chosen.skip_s, chosen.slice_s) == (0.015, 0.03), "who names a length gets it"


class Cold:
    """A server whose requests take longer for a while after it was idle."""

    IDLE_S = 0.03
    COLD_S = 0.015

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_s = self._cold_s = 0.0

    def script(self, peer: Peer) -> None:
        while peer.request():
            with self._lock:
                now_s = time.monotonic()
                if now_s - self._last_s > self.IDLE_S:
                    self._cold_s = now_s + self.COLD_S
                cold, self._last_s = now_s < self._cold_s, now_s
            peer.pause(0.004 if cold else 0.001)
            peer.send(OK)


def test_the_cold_begin_of_a_server_is_left_out_and_told(tmp_path: Path) -> None:
    one, other = Cold(), Cold()
    with Server(one.script) as base, Server(other.script) as candidate:
        words = ("--slice", "auto", "--time", "3s", "-c2", "-t1", "--no-progress")
        done = invoke(
            *("compare", *words, "--json", "out.json", base.url(), candidate.url()), cwd=tmp_path
        )
    config = json.loads((tmp_path / "out.json").read_text())["config"]
    assert 0.01 <= config["skip_s"] <= config["slice_s"] / 2, done.stdout
    shown = " ".join(done.stdout.split())
    assert "of each slice are left out of the figures: in the pilot the times of the" in shown
