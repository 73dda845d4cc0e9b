"""What is lost in slices: a worker, pairs of one side alone, pairs of slow servers."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import replace

import pytest
from comparing import SUBJECT, scattered
from servers import Server, answering

from fastbench.cli.args import url_args
from fastbench.experiments.compare import decision
from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.slices import slice_pilot, slicing
from fastbench.experiments.slices.slice_looks import Looks
from fastbench.experiments.slices.slice_terms import LONGEST_S, MIN_PAIRS, SliceTerms
from fastbench.experiments.trials.trial import Side
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.machine import processes


def _side(url: str) -> Side:
    command = url_args.parse(["-c", "2", "-t1", url])
    assert not isinstance(command, str)
    return Side(url, lambda port: command.plan)


def test_a_worker_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Looks.take

    def take_and_kill(self: Looks, new: Sequence[Pair]) -> list[Pair]:
        if new:  # this is the parent of the workers
            for worker in processes.children(os.getpid()):
                os.kill(worker, signal.SIGKILL)
        return take(self, new)

    with Server(answering()) as one, Server(answering()) as other:
        base, candidate = _side(one.url()), _side(other.url())
        terms = SliceTerms(1, 0.7, 0.02)
        whole = slicing.run(base, candidate, terms, lambda standing: None, Kept())
        monkeypatch.setattr(Looks, "take", take_and_kill)
        part = slicing.run(base, candidate, terms, lambda standing: None, Kept())
    assert 0 < len(part.pairs) < len(whole.pairs)
    told = f"a worker of the load generator died: only {len(part.pairs)} pairs were measured"
    assert told in part.notes
    assert not any("died" in note for note in whole.notes)


def _lost(pairs: Sequence[Pair], every: int, *sides: str) -> list[Pair]:
    """Return the pairs, some of them lost because of each side in turn."""
    found = []
    for at, pair in enumerate(pairs):
        if at % every == 0:
            side = sides[at // every % len(sides)]
            why = (f"{side}: no response was received",)
            pair = replace(pair, valid=False, reasons=why)
        found.append(pair)
    return found


@pytest.mark.parametrize("side", ["base", "candidate"])
def test_there_is_no_verdict_where_one_side_alone_loses_its_worst_pairs(side: str) -> None:
    pairs = scattered(200, 0.0, 0.005)
    assert decision.judge(pairs, "requests_per_s", SUBJECT).verdict == "equivalent"
    found = decision.judge(_lost(pairs, 8, side), "requests_per_s", SUBJECT)
    assert found.verdict == "inconclusive"
    (warning,) = (each for each in found.warnings if each.code == "lopsided_loss")
    assert f"25 pairs were lost by the {side} alone" in warning.text


def test_pairs_that_both_sides_lose_as_often_leave_the_verdict() -> None:
    pairs = scattered(200, 0.0, 0.005)
    found = decision.judge(_lost(pairs, 8, "base", "candidate"), "requests_per_s", SUBJECT)
    assert found.verdict == "equivalent"
    few = decision.judge(_lost(pairs, 40, "candidate"), "requests_per_s", SUBJECT)
    assert few.verdict == "equivalent", "five of five may be chance"


@pytest.mark.parametrize("sides", [2, 3])
def test_slices_of_slow_servers_leave_time_for_enough_pairs(sides: int) -> None:
    terms = SliceTerms(1, 15.0)
    course = slice_pilot.course(terms, 5.0, sides=sides)
    assert terms.time_s / (sides * course.slice_s * course.blocks) >= MIN_PAIRS
    assert slice_pilot.course(SliceTerms(1, 600.0), 5.0, sides=sides).slice_s == LONGEST_S
