"""The words of a comparison in slices, and which words are measured by visits."""

from __future__ import annotations

import re

import pytest
from test_compare_args import COMMANDS, URL, A, B, command, files, live

__all__ = ["files"]  # the project that scripts stand in, for every test

from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.experiments.trials.pairing import Terms
from fastbench.foundation.usage_error import UsageError


def test_slices_have_a_length_and_a_time() -> None:
    for words, slice_s, time_s in (
        ("--slice auto", None, 15.0),
        ("--slice 50ms --time 1m", 0.05, 60.0),
        ("--time 20s", None, 20.0),
    ):
        terms = live(f"A B {words} --seed 3").terms
        assert terms == SliceTerms(3, time_s, slice_s, False, "requests_per_s")
    assert live("A B --slice auto --primary p99 --seed 3").terms.find_rate


def test_servers_that_run_and_those_it_starts_are_measured_in_slices() -> None:
    for line in ("A B", "A B -R 100", "A B -d 15s", f"--script load.py {A} {B}"):
        found = live(line)
        assert isinstance(found.terms, SliceTerms), line
        assert (found.terms.time_s, found.terms.restarts) == (15.0, 1)
        assert command(line).notices == ()
    found = live(f"{COMMANDS} {URL}")
    assert isinstance(found.terms, SliceTerms)
    assert (found.terms.time_s, found.terms.restarts, found.terms.warmup_s) == (40.0, 10, 1.0)


@pytest.mark.parametrize(
    "line",
    [
        "A B --visits",
        "A B --pairs 9",
        "A B --visit 2s",
        "A B --max-time 1m",
        f"{COMMANDS} {URL} --visits",
        f"--script load.py {A} {B} --visits",
    ],
)
def test_visits_are_for_who_asks_for_them(line: str) -> None:
    assert isinstance(live(line).terms, Terms)
    assert command(line).notices == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ws://127.0.0.1:1/ ws://127.0.0.1:2/", "WebSockets"),
        ("A B -n 100", "a number of requests (-n)"),
        ("A B --stages 1s:5,4s:10", "stages of connections"),
        ("--run-base ./a --run-candidate ./b --url http://h:80/", "two servers at one address"),
        (f"--script load.py {A} {B} -i 10", "a number of iterations"),
        (f"--script load.py {COMMANDS} {URL}", "a script and servers that compare starts"),
    ],
)
def test_what_slices_cannot_have_is_measured_by_visits(line: str, why: str) -> None:
    assert isinstance(live(line).terms, Terms)
    (notice,) = command(line).notices
    assert notice.startswith("Measured by visits: slices cannot have") and why in notice


def test_a_script_can_still_turn_out_not_to_fit() -> None:
    line = f"--script load.py {A} {B} -d 2s"
    visits = live(line).visits
    assert visits is not None and isinstance(visits.terms, Terms)
    assert visits.config["visit_s"] == 2.0
    assert live(f"{line} --slice auto").visits is None, "who asks for slices gets no visits"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--slice 5ms", "--slice must be at least 20ms"),
        ("--stop-when now", "--stop-when sure,0.5%"),
        ("--stop-when 0.5", "--stop-when sure,0.5%"),
        ("--stop-when 1%,2%", "--stop-when sure,0.5%"),
        ("--stop-when 0%", "above 0% and below 100%"),
        ("--stop-when sure --pairs 20", "for visits and --stop-when for slices"),
        ("--slice 10s", "--slice"),
        ("--slice 1s --time 15s", "--time must be at least 32s"),
        ("--slice 20ms --time 1h", "--time must be at most"),
        ("--visits --time 20s", "--visits is for visits and --time for slices"),
        ("--max-time 1m --time 20s", "--max-time is for visits"),
        ("-d 10s --time 20s", "-d and --time mean the same"),
        ("--slice auto -n 100", "cannot have a number of requests (-n); leave out --slice"),
        ("--time 20s --stages 1s:5", "cannot have stages of connections; leave out --time"),
        ("--slice auto --pairs 20", "for visits and --slice for slices"),
        ("--slice auto --visit 2s", "for visits and --slice for slices"),
    ],
)
def test_what_slices_do_not_take_is_refused(words: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(why)):
        live(f"A B {words}")
