"""Comparisons that may end early: the error that looks spend, on noise that was recorded."""

from __future__ import annotations

import itertools
import json
import math
import random
from array import array
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from commandline import invoke
from comparing import limited, pairs_of, scattered
from embedded import serving
from hypothesis import given
from hypothesis import strategies as st
from own_sources import ROOT
from servers import OK, Peer, Server, answering

from fastbench.experiments.compare import sequential, statistics
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.decision import EQUIVALENCE_CONFIDENCE
from fastbench.experiments.compare.sequential import LOOKS, StopWhen
from fastbench.experiments.slices.slice_looks import Looks
from fastbench.experiments.slices.slice_order import order_of
from fastbench.experiments.slices.slice_terms import SliceTerms

RECORDED = ROOT / "bench" / "results" / "slice_noise.json"
PAIRS = 200
COMPARISONS = 600
CONFIDENCE = 0.9  # one in ten is easier to count than one in a hundred
Level = Callable[[int], float]
SCRIPT = """
from fastbench import scenario, teardown


@scenario
async def one(vu):
    await vu.get("/asked")


@teardown
async def after(vu, data):
    await vu.get("/teardown")
"""


@cache
def recorded() -> dict[str, array[float]]:
    found = json.loads(RECORDED.read_text())["recordings"]
    return {name: array("d", each["rates"]) for name, each in found.items() if "rates" in each}


def effects(rates: array[float], seed: int) -> list[float]:
    """The log ratios of a server against itself: sides are drawn for slices that were recorded."""
    at = random.Random(seed).randrange(len(rates) - 2 * PAIRS)
    order = order_of(seed, 2 * PAIRS)
    return [
        math.log(rates[at + one + 1] / rates[at + one]) * (1 if order[one] == 0 else -1)
        for one in range(0, 2 * PAIRS, 2)
    ]


def spending(look: int) -> float:
    return sequential.levels(look, look - 1, CONFIDENCE, EQUIVALENCE_CONFIDENCE).interval


def wrong(found: list[float], counts: range, level: Level) -> bool:
    """Whether any of these looks says that a server differs from itself."""
    for look, count in enumerate(counts, 1):
        interval = statistics.interval(found[:count], level(look))
        if interval is not None and not interval[0] <= 0 <= interval[1]:
            return True
    return False


def share_wrong(rates: array[float], counts: range, level: Level) -> float:
    return sum(wrong(effects(rates, seed), counts, level) for seed in range(COMPARISONS)) / (
        COMPARISONS
    )


def most(share: float) -> float:
    """What so many comparisons reach by chance in one case of a thousand."""
    return share + 3.1 * math.sqrt(share * (1 - share) / COMPARISONS)


EVERY_TENTH = range(PAIRS // LOOKS, PAIRS + 1, PAIRS // LOOKS)


@pytest.mark.parametrize("name", recorded())
def test_on_recorded_noise_looks_are_wrong_as_seldom_as_is_said(name: str) -> None:
    rates = recorded()[name]
    at_the_end = range(PAIRS, PAIRS + 1)
    assert share_wrong(rates, at_the_end, lambda look: CONFIDENCE) <= most(1 - CONFIDENCE)
    assert share_wrong(rates, EVERY_TENTH, spending) <= most(1 - CONFIDENCE)
    # Who looks as often and spends nothing is wrong much more often.
    assert share_wrong(rates, EVERY_TENTH, lambda look: CONFIDENCE) > 1.2 * most(1 - CONFIDENCE)


def test_the_error_spent_is_the_published_one() -> None:
    wanted = {0.2: 0.0000117, 0.4: 0.00194, 0.6: 0.0114, 0.8: 0.0284, 1.0: 0.05}
    for share, error in wanted.items():
        assert sequential.spent(share, 0.05) == pytest.approx(error, rel=0.01)
    assert sequential.spent(0.0, 0.05) == 0.0


@given(st.sets(st.integers(1, LOOKS - 1)), st.floats(0.8, 0.999))
def test_whichever_looks_there_are_their_errors_add_up_to_the_whole(
    looks: set[int], confidence: float
) -> None:
    taken = [0, *sorted(looks), LOOKS]
    found = [
        sequential.levels(look, before, confidence, 0.9)
        for before, look in itertools.pairwise(taken)
    ]
    assert sum(1 - each.interval for each in found) == pytest.approx(1 - confidence)
    assert sum(1 - each.equivalence for each in found) == pytest.approx(0.1)


def looks_of(when: StopWhen | None, planned: int) -> Looks:
    return Looks(SliceTerms(seed=1, time_s=15.0, stop_when=when), planned)


def test_it_ends_at_the_look_where_the_verdict_is_sure() -> None:
    pairs = scattered(100, 0.10, noise=0.01)
    looks = looks_of(StopWhen(sure=True), 100)
    taken = [looks.take([pair]) for pair in pairs]
    levels = looks.levels
    assert looks.reached and levels is not None and 1 < levels.look < LOOKS
    assert sum(map(len, taken)) == 10 * levels.look
    at_once = looks_of(StopWhen(sure=True), 100)
    assert at_once.take(pairs) == pairs[: 10 * levels.look] and at_once.levels == levels
    assert levels.interval > 0.99


def test_it_ends_when_the_interval_is_narrow_enough_and_not_before() -> None:
    pairs = scattered(200, 0.0, noise=0.01)
    for half_width, ends in ((0.02, True), (0.0001, False)):
        looks = looks_of(StopWhen(half_width=half_width), 200)
        looks.take(pairs)
        assert looks.reached == ends
    assert looks.levels is not None and looks.levels.look == LOOKS


def test_pairs_that_do_not_count_end_nothing() -> None:
    pairs = [limited(pair) if at % 3 == 0 else pair for at, pair in enumerate(pairs_of([2.0] * 90))]
    looks = looks_of(StopWhen(sure=True), 90)
    assert looks.take(pairs) == pairs and not looks.reached


def test_without_the_flag_there_is_one_test_at_the_end() -> None:
    pairs = scattered(100, 0.10, noise=0.01)
    looks = looks_of(None, 100)
    assert looks.take(pairs) == pairs and looks.levels is None


def slow(peer: Peer) -> None:
    while peer.request():
        peer.pause(0.002)
        peer.send(OK)


@pytest.mark.parametrize(("words", "early"), [("sure", True), ("0.0001%", False)])
def test_the_run_ends_early_and_says_so(tmp_path: Path, words: str, early: bool) -> None:
    with serving("--port", "0") as (_, fast), Server(slow) as other:
        done = invoke(
            *("compare", "--slice", "20ms", "--time", "2s", "-c2", "-t1", "--stop-when", words),
            *("--no-progress", "--json", "out.json", fast + "/health", other.url()),
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    assert found.verdict == "different" and found.ended == "complete"
    look = found.config["look"]
    assert isinstance(look, int) and found.config["looks"] == LOOKS
    if early:
        assert look < LOOKS and len(found.pairs) == look * 50 // LOOKS
        assert "the verdict is sure" in done.stdout and "of 2s" in done.stdout
    else:
        assert look == LOOKS and "--time was over before" in done.stdout


def test_a_script_in_slices_ends_early_with_its_teardown(tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(SCRIPT)
    with Server(answering()) as fast, Server(slow) as other:
        done = invoke(
            *(
                "compare",
                "--script",
                "load.py",
                "--time",
                "4s",
                "-u2",
                "-t1",
                "--stop-when",
                "sure",
            ),
            *("--no-progress", "--json", "out.json", fast.url(), other.url()),
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        assert fast.seen.lines[b"GET /teardown HTTP/1.1"] == 1
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    look = found.config["look"]
    assert found.verdict == "different" and isinstance(look, int) and look < LOOKS
    assert "the verdict is sure" in done.stdout
