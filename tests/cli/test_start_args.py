"""The flags of `fastbench compare` for servers that it starts: --restarts, --pin, --unix."""

from __future__ import annotations

import os
import re
import shlex

import pytest

from fastbench.cli.args import compare_args
from fastbench.cli.args.compare_args import Command, Live
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import pinning
from fastbench.plan.plan import Plan

COMMANDS = "--run-base './a {port}' --run-candidate './b {port}'"
URL = "--url http://127.0.0.1:{port}/x"
A, B = "http://127.0.0.1:1/", "http://127.0.0.1:2/"


def live(line: str) -> Live:
    found = compare_args.parse(shlex.split(line))
    assert isinstance(found, Command) and isinstance(found.what, Live)
    return found.what


def sliced(line: str) -> SliceTerms:
    terms = live(line).terms
    assert isinstance(terms, SliceTerms)
    return terms


@pytest.mark.parametrize(
    ("words", "restarts", "time_s", "warmup_s"),
    [
        ("--slice auto", 10, 40.0, 1.0),
        ("--restarts 1", 1, 15.0, 1.0),
        ("--restarts 20 -W 3s", 20, 80.0, 3.0),
        ("--restarts 8 --time 1m -W 0", 8, 60.0, 0.0),
    ],
)
def test_servers_are_started_anew(
    words: str, restarts: int, time_s: float, warmup_s: float
) -> None:
    terms = sliced(f"{COMMANDS} {URL} {words}")
    assert (terms.restarts, terms.time_s, terms.warmup_s) == (restarts, time_s, warmup_s)
    assert terms.start_s == time_s / restarts
    config = live(f"{COMMANDS} {URL} {words}").config
    assert (config["restarts"], config["warmup_s"]) == (restarts, warmup_s)


def test_servers_that_run_already_are_warm_unless_it_is_asked() -> None:
    assert sliced(f"{A} {B} --slice auto").warmup_s == 0.0
    assert sliced(f"{A} {B} --slice auto -W 2s").warmup_s == 2.0
    assert sliced(f"{A} {B} --slice auto").restarts == 1


def test_pin_takes_processors_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    monkeypatch.setattr(pinning, "siblings", lambda processor: {processor})
    for words, servers in (("--pin", (3,)), ("--pin 1", (1,)), ("--pin=0-1 -c 3", (0, 1))):
        found = live(f"{COMMANDS} {URL} --slice auto {words}")
        load = tuple({0, 1, 2, 3} - {*servers})
        assert found.base.cores == found.candidate.cores == servers
        assert found.pin is not None and found.pin.load == load
        assert found.config["pin"] == {"servers": list(servers), "load": list(load)}
    assert live(f"{COMMANDS} {URL} --visits --pin").base.cores == (3,), "in visits, too"
    assert live(f"{COMMANDS} {URL}").base.cores == ()


def test_a_unix_socket_may_have_the_port_in_its_path() -> None:
    found = live(f"{COMMANDS} --url http://localhost/ --unix /tmp/{{port}}.sock --slice auto")
    plans = [side.make(port) for side, port in ((found.base, 4321), (found.candidate, 4322))]
    paths = [plan.target.unix_path for plan in plans if isinstance(plan, Plan)]
    assert paths == ["/tmp/4321.sock", "/tmp/4322.sock"]


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        (f"{A} {B} --restarts 8", "name them by --run-base, --run-candidate and --url"),
        (f"{COMMANDS} {URL} --restarts 7", "--restarts must be 1, or at least 8"),
        (f"{COMMANDS} {URL} --restarts 0", "--restarts must be"),
        (f"{COMMANDS} {URL} --restarts 8 --pairs 9", "--pairs is for visits"),
        (f"{COMMANDS} {URL} --restarts 100 --time 5s", "--time must be at least 8s: 200 pairs"),
        ("--run-base ./a --run-candidate ./b --url http://h/ --slice auto", "write {port} in both"),
        (f"{COMMANDS} --url http://h/ --unix x --slice auto", "--url http://localhost:{port}/"),
        ("--run-base ./a --run-candidate ./b --url http://h/ --unix {port}", "path of --unix"),
        (
            f"--script load.py {COMMANDS} {URL} --slice auto",
            "a script and servers that compare starts",
        ),
        (f"{A} {B} --pin", "taskset -apc CORES PID"),
        (f"{COMMANDS} {URL} --pin=1,x", "`1,x` is no such list"),
    ],
)
def test_a_slip_is_refused_with_the_cure(
    line: str, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    with pytest.raises(UsageError, match=re.escape(cure)) as caught:
        live(line)
    assert "\n" not in str(caught.value)
