"""The processor time of each server over its own slices, as the metric that decides."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from burning import burning
from commandline import invoke
from real_servers import real_server
from servers import Server, answering

from fastbench.cli.args import url_args
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.slices import slice_pilot, sliced_run
from fastbench.experiments.slices.slice_pairs import Pairs
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import processes
from fastbench.machine.processes import Found
from fastbench.plan.plan import Plan
from fastbench.run.turns import SlicePart, Turns


def test_servers_whose_requests_cost_a_known_time_differ_as_they_should(tmp_path: Path) -> None:
    words = ("--primary", "cpu_per_request", "--time", "3s", "--slice", "20ms", "-c4", "-t1")
    with burning(200) as (_, cheap), burning(300) as (_, dear):
        done = invoke("compare", *words, "--json", "out.json", cheap, dear, cwd=tmp_path)
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    assert found.verdict == "different" and found.ratio is not None, done.stdout
    assert 300 / 250 < found.ratio < 350 / 200, "each request has some work beside"
    for pair in found.pairs:
        assert pair.base is not None and pair.candidate is not None
        assert 200 <= (pair.base.cpu_us_per_request or 0) < 290
        assert 300 <= (pair.candidate.cpu_us_per_request or 0) < 390


def test_what_a_server_does_while_the_other_one_is_loaded_is_not_charged() -> None:
    with burning(200) as (_, one), burning(200, helper=True) as (_, other):
        parts = _measured(one, other)
    quiet, helped = ([each for each in parts if each.side == side] for side in (0, 1))
    asked_s = 200e-6 * sum(each.ok for each in quiet)
    assert asked_s <= sum(each.cpu_s for each in quiet) <= 1.45 * asked_s
    cost_s = sum(each.cpu_s for each in quiet) / sum(each.ok for each in quiet)
    more_s = sum(each.cpu_s - cost_s * each.ok for each in helped)
    # The helper works all the time: on one core at most, in its slices and a ms after each.
    most_s = sum(each.ok / each.rate + 0.005 for each in helped)
    assert 0 < more_s <= most_s


def test_it_is_the_same_with_several_workers_and_processes() -> None:
    with real_server("nginx") as server, burning(200) as (_, other):
        parts = _measured(server.url("/small"), other, "-t2")
    for each in parts:
        if each.side:
            assert 200e-6 * 0.8 * each.ok <= each.cpu_s <= 1.6 * 200e-6 * each.ok
    fast = [each for each in parts if not each.side]
    used_s = sum(each.cpu_s for each in fast)
    assert 2e-6 <= used_s / sum(each.ok for each in fast) <= 100e-6, "its workers are seen, too"


def test_servers_that_cannot_be_seen_are_refused_when_it_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Server(answering()) as one, Server(answering()) as other:
        plans = [_plan(each.url()) for each in (one, other)]
        terms = SliceTerms(1, 2.0, primary="cpu_per_request")
        monkeypatch.setattr(processes, "find_all", lambda *_: Found(local=False))
        with Interrupts() as stop, pytest.raises(UsageError, match="serve base and candidate"):
            slice_pilot.find(plans, terms, stop)
        found = slice_pilot.find(plans, replace(terms, primary="mean"), stop)
    assert found.course.slice_s


def test_pairs_are_longer_when_it_decides_and_tell_it_only_where_every_slice_does() -> None:
    def part(side: int, cpu_s: float | None) -> SlicePart:
        return SlicePart(side, 2, 0, 0, 10.0, 0.1, array("I", [1, 1]), cpu_s=cpu_s)

    (pair,) = Pairs(4).take([part(0, 1.0), part(1, 2.0), part(1, 4.0), part(0, None)])
    assert pair.base is not None and pair.candidate is not None
    assert (pair.base.cpu_us_per_request, pair.candidate.cpu_us_per_request) == (None, 1.5e6)
    terms = SliceTerms(1, 15.0, 0.02, primary="cpu_per_request")
    assert slice_pilot.course(terms, 1000.0).blocks * 4 * 0.02 >= slice_pilot.CPU_PAIR_S


@dataclass(frozen=True)
class Spent:
    """What is told of a slice."""

    side: int
    ok: int
    rate: float
    cpu_s: float


def _measured(one: str, other: str, workers: str = "-t1") -> list[Spent]:
    """Load two servers in turns, in a process of their own."""
    found: list[Spent] = []

    def told(parts: Sequence[SlicePart]) -> list[list[object]]:
        return [[each.side, each.ok, each.rate, each.cpu_s] for each in parts]

    def heard(rows: Sequence[Any]) -> None:
        found.extend(Spent(*row) for row in rows)

    sides = (_plan(one, workers), _plan(other, workers))
    turns = Turns(sides, bytes([0, 1, 1, 0, 1, 0, 0, 1] * 4), 0.03, 10.0)
    with Interrupts() as stop:
        sliced_run.apart(turns, told, heard, stop)
    assert len(found) == 32
    return found


def _plan(url: str, workers: str = "-t1") -> Plan:
    command = url_args.parse(["-c", "4", workers, url])
    assert not isinstance(command, str)
    return command.plan
