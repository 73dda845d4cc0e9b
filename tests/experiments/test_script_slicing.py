"""A script's runs at two servers in slices: the gate, the counts, the course, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import time
from array import array
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from commandline import begin, invoke
from running import LIMIT_S, until
from servers import OK, Peer, Server, answering

from fastbench.cli.args import compare_args
from fastbench.cli.args.compare_args import Live
from fastbench.cli.commands import compare as compare_command
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.slices.script_slicing import UnfitError, course_of
from fastbench.experiments.slices.script_turns import ScriptPart, ScriptTurns
from fastbench.experiments.slices.slice_order import BLOCK, TURN
from fastbench.experiments.slices.slice_terms import MIN_PAIRS, SliceTerms
from fastbench.experiments.trials import pairing
from fastbench.experiments.trials.pairing import Measured, Terms
from fastbench.experiments.trials.trial import Side
from fastbench.foundation.usage_error import UsageError
from fastbench.run.turns import SlicePart
from fastbench.script.load.sliced_load import in_turns, why_not
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import Spec, filled

SHORT = ("--time", "1.5s", "-u", "2", "-t", "1", "--no-progress", "--json", "out.json")
PLAIN = """
from fastbench import scenario, setup, teardown


@setup
async def before(vu):
    await vu.get("/setup")
    return {}


@scenario
async def one(vu):
    await vu.get("/asked")


@teardown
async def after(vu, data):
    await vu.get("/teardown")
"""
ITERATED = """
import os

from fastbench import abort, scenario, setup, sleep


@scenario
async def one(vu):
    await vu.get("/asked")
    {what}
"""


def script(folder: Path, text: str) -> str:
    path = folder / "load.py"
    path.write_text(text)
    return str(path)


def _closed(server: Server) -> bool:
    return server.open_connections == 0


def requests(path: str, *urls: str, workers: int = 1) -> list[RunRequest]:
    return [RunRequest(path, vus=3, workers=workers, base_url=each) for each in urls]


def part(side: int, rate: float, iteration_s: float, longest_s: float | None = None) -> ScriptPart:
    ok = round(rate)
    sliced = SlicePart(side, ok, 0, 0, rate, 0.1, array("I", [1000] * ok))
    return ScriptPart(sliced, ok, iteration_s, iteration_s if longest_s is None else longest_s)


@pytest.mark.parametrize("workers", [1, 2])
def test_one_side_at_a_time_and_every_request_is_counted(tmp_path: Path, workers: int) -> None:
    path = script(tmp_path, PLAIN)
    counted = [0, 0]
    with Server(answering()) as base, Server(answering()) as other:
        servers = (base, other)
        sides = requests(path, base.url(), other.url(), workers=workers)
        with ScriptTurns(sides, 60.0, lambda kind, text: None) as turns:
            turns.await_ready()
            seen = [server.seen.requests for server in servers]
            assert seen == [1, 1], "setup, once a side, and nobody went through a closed gate"
            for each in turns.slices(bytes(TURN[0] + TURN[1]), 0.05, time.monotonic() + 30):
                side = each.part.side
                counted[side] += each.part.ok
                assert each.part.ok == len(each.part.times_ns) > 0 and each.part.failed == 0
                assert each.part.rate > 0 and 0 < each.iteration_s <= each.longest_s
                now = [server.seen.requests for server in servers]
                assert now[side] - seen[side] == each.part.ok
                assert now[1 - side] == seen[1 - side], "the other side rests"
                seen = now
            assert turns.end() == []
        for server, count in zip(servers, counted, strict=True):
            assert server.seen.requests == count + 2, "setup, the slices, teardown"
            until(partial(_closed, server))


RATED = PLAIN.replace(
    "@scenario\n",
    '@scenario(executor="constant-arrival-rate", rate=400, duration="1s", pre_allocated_vus=8)\n',
)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_plan_of_instants_begins_anew_in_each_slice(tmp_path: Path, workers: int) -> None:
    path = script(tmp_path, RATED)
    with Server(answering()) as base, Server(answering()) as other:
        sides = [RunRequest(path, workers=workers, base_url=each.url()) for each in (base, other)]
        with ScriptTurns(sides, 60.0, lambda kind, text: None) as turns:
            turns.await_ready()
            assert turns.planned
            seen = (base.seen.requests, other.seen.requests)
            found = list(turns.slices(bytes([0, 1, 0, 0]), 0.1, time.monotonic() + 30))
            assert [each.part.ok + each.part.unsent for each in found] == [40] * 4
            assert [len(each.part.times_ns) for each in found] == [each.part.ok for each in found]
            assert sum(each.part.ok for each in found if not each.part.side) == (
                base.seen.requests - seen[0]
            )
            assert turns.end() == []
        assert other.seen.lines[b"GET /asked HTTP/1.1"] == found[1].part.ok
        assert other.seen.lines[b"GET /teardown HTTP/1.1"] == 1
        until(partial(_closed, base))


def test_instants_without_a_free_user_are_not_sent(tmp_path: Path) -> None:
    def slow(peer: Peer) -> None:
        while peer.request():
            peer.pause(0.03)
            peer.send(OK)

    path = script(tmp_path, RATED.replace("pre_allocated_vus=8", "pre_allocated_vus=1"))
    with Server(slow) as server:
        sides = [RunRequest(path, workers=1, base_url=server.url())] * 2
        with ScriptTurns(sides, 60.0, lambda kind, text: None) as turns:
            turns.await_ready()
            (found,) = turns.slices(b"\0", 0.1, time.monotonic() + 30)
            turns.end()
    assert found.part.ok + found.part.unsent == 40 and found.part.unsent >= 35
    assert found.iterations == found.part.ok


def test_the_side_that_rests_uses_no_processor(tmp_path: Path) -> None:
    path = script(tmp_path, PLAIN)
    with Server(answering()) as base, Server(answering()) as other:
        sides = requests(path, base.url(), other.url())
        with ScriptTurns(sides, 60.0, lambda kind, text: None) as turns:
            turns.await_ready()
            runs = [psutil.Process(each.pid) for each in turns.processes]

            def used_s(run: psutil.Process) -> float:
                times = [each.cpu_times() for each in (run, *run.children(recursive=True))]
                return sum(each.user + each.system for each in times)

            before = [used_s(each) for each in runs]
            list(turns.slices(bytes([0] * 10), 0.1, time.monotonic() + 30))
            loaded_s, rested_s = (used_s(run) - was for run, was in zip(runs, before, strict=True))
            turns.end()
    assert rested_s <= 0.05 < loaded_s


def test_a_slice_is_long_enough_for_its_requests_and_iterations() -> None:
    terms = SliceTerms(1, 15.0)
    quick = [part(side, 5000, 0.0005) for side in (0, 1, 1, 0)]
    assert course_of(quick, terms).slice_s == 0.02
    longer = [part(side, 5000, 0.005 * (1 + side)) for side in (0, 1, 1, 0)]
    assert course_of(longer, terms).slice_s == 0.1, "ten iterations of the slower side"
    few = [part(side, 500, 0.001) for side in (0, 1, 1, 0)]
    assert course_of(few, terms).slice_s == 0.1, "fifty requests"
    assert course_of(few, SliceTerms(1, 15.0, 0.5)).slice_s == 0.5


def test_what_takes_too_long_is_not_for_slices() -> None:
    with pytest.raises(UnfitError, match=r"an iteration takes 1\.2s$"):
        course_of([part(side, 10, 0.6, 1.2) for side in (0, 1, 1, 0)], SliceTerms(1, 15.0))
    several = [part(side, 5000, 0.1) for side in (0, 1, 1, 0)]
    with pytest.raises(
        UnfitError, match=f"a slice must last 1s .* needs --time {BLOCK * MIN_PAIRS}s"
    ):
        course_of(several, SliceTerms(1, 15.0))
    assert course_of(several, SliceTerms(1, 64.0)).slice_s == 1.0
    with pytest.raises(UnfitError, match="send no requests"):
        course_of([part(side, 0, 0.001) for side in (0, 1, 1, 0)], SliceTerms(1, 15.0))


def test_the_rate_of_a_plan_is_read_without_its_first_iteration() -> None:
    times = array("I", [1000] * 20)
    plan = [
        ScriptPart(SlicePart(side, 20, 0, 0, 430.0, 0.1, times), 20, 0.001, 0.001)
        for side in (0, 1, 1, 0)
    ]
    assert course_of(plan, SliceTerms(1, 15.0), planned=True).slice_s == 0.14, "50 at 380/s"
    one = [
        ScriptPart(SlicePart(side, 1, 0, 0, 430.0, 0.1, times[:1]), 1, 0.001, 0.001)
        for side in (0, 1, 1, 0)
    ]
    with pytest.raises(UnfitError, match="its rate is too low for slices"):
        course_of(one, SliceTerms(1, 15.0), planned=True)


def test_closed_executors_have_as_many_users_all_the_time() -> None:
    shared = Spec("one", "one", "shared-iterations", vus=3, iterations=10, max_duration_s=5.0)
    sliced = in_turns(shared, 60.0)
    assert (sliced.executor, sliced.vus, sliced.length_s) == ("constant-vus", 3, 60.0)
    assert why_not([shared]) == ""
    plan = {"rate": 9.0, "duration_s": 1.0, "pre_allocated_vus": 1}
    rated = filled(Spec("r", "r"), "constant-arrival-rate", plan)
    assert in_turns(rated, 60.0).length_s == 60.0 and why_not([rated]) == ""
    assert "have a rate and others" in why_not([rated, shared])
    ramp = Spec("up", "up", "ramping-vus", stages=((1.0, 5),), start_vus=1)
    assert "scenario up has stages" in why_not([shared, ramp])
    later = Spec("b", "b", "constant-vus", vus=1, duration_s=1.0, start_time_s=2.0)
    assert why_not([later]) == "scenario b begins after 2s"
    assert "visits alone" in why_not([shared], "cpu_per_request")


def compare(folder: Path, *words: str) -> tuple[Comparison, str]:
    done = invoke("compare", *words, cwd=folder)
    assert "Traceback" not in done.stderr, done.stderr
    return Comparison.from_document(json.loads((folder / "out.json").read_text())), done.stdout


def test_a_slower_server_is_found_under_a_script(tmp_path: Path) -> None:
    def slow(peer: Peer) -> None:
        while peer.request():
            peer.pause(0.002)
            peer.send(OK)

    path = script(tmp_path, PLAIN)
    with Server(answering()) as fast, Server(slow) as other:
        found, shown = compare(
            tmp_path, *SHORT, "--slice", "40ms", "--script", path, fast.url(), other.url()
        )
        for server in (fast, other):
            paths = {line.split()[1]: count for line, count in server.seen.lines.items()}
            asked = paths.pop(b"/asked")
            assert paths == {b"/setup": 1, b"/teardown": 1} and asked > 100
    assert found.ratio is not None and found.ratio < 0.9
    assert found.config["slice_s"] == 0.04
    assert {pair.order for pair in found.pairs} == {"base first", "candidate first"}
    assert found.latency is not None and found.latency.candidate.percentile(50) > 2_000_000
    assert "slices do not see what differs from start to start" in shown


K6 = """
import http from "k6/http";
export function setup() { http.get(`${__ENV.BASE_URL}setup`); }
export default function () { http.get(`${__ENV.BASE_URL}asked`); }
export function teardown() { http.get(`${__ENV.BASE_URL}teardown`); }
"""
ARTILLERY = """
config:
  target: http://127.0.0.1:1
  phases:
    - duration: 60
      arrivalRate: 400
before:
  flow: [{get: {url: /setup}}]
scenarios:
  - flow: [{get: {url: /asked}}]
after:
  flow: [{get: {url: /teardown}}]
"""


@pytest.mark.parametrize(("name", "text"), [("load.js", K6), ("load.yml", ARTILLERY)])
def test_scripts_of_other_tools_take_turns_too(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    words = SHORT if name == "load.js" else (*SHORT[:2], *SHORT[4:])
    with Server(answering()) as base, Server(answering()) as other:
        flags = (*words, "--slice", "40ms", "--primary", "p50", "--script", name)
        found, _ = compare(tmp_path, *flags, base.url(), other.url())
        for server in (base, other):
            paths = {line.split()[1]: count for line, count in server.seen.lines.items()}
            asked = paths.pop(b"/asked")
            assert paths == {b"/setup": 1, b"/teardown": 1} and asked > 100
    planned = name != "load.js"
    assert found.latency is not None and found.latency.times == (
        "response" if planned else "service"
    )
    assert len(found.pairs) >= MIN_PAIRS - 4


@pytest.mark.parametrize(
    ("text", "said", "code"),
    [
        (PLAIN.replace('"/setup")', '"/setup")\n    1 / 0'), ": setup failed at .*Zero", 107),
        (ITERATED.format(what="abort('enough')"), ": the script ended the run: enough", 107),
        (ITERATED.format(what="os._exit(3)"), ": one of its workers ended early|died|lost", 107),
        ("import not_there_at_all", "there is no module not_there_at_all", 107),
        (ITERATED.format(what="await sleep(0.25)"), "an iteration takes 2[5-9]0ms; leave", 1),
    ],
)
def test_each_end_has_one_clear_sentence(tmp_path: Path, text: str, said: str, code: int) -> None:
    path = script(tmp_path, text)
    with Server(answering()) as base, Server(answering()) as other:
        done = invoke("compare", *SHORT, "--script", path, base.url(), other.url(), cwd=tmp_path)
        until(lambda: base.open_connections == other.open_connections == 0)
    assert re.search(said, done.stderr) and "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code


def test_a_server_that_goes_away_does_not_count(tmp_path: Path) -> None:
    def bounded(peer: Peer) -> None:  # two users get at most 2,000 answers per s
        while peer.request():
            peer.pause(0.001)
            peer.send(OK)

    path = script(tmp_path, PLAIN)
    with Server(bounded) as base, Server(bounded) as other:
        words = ("compare", "--time", "5s", *SHORT[2:], "--script", path, base.url(), other.url())
        with begin(*words, cwd=tmp_path) as process:
            try:
                until(lambda: other.seen.requests > 1200, LIMIT_S)  # the pilot's 0.5 s are over
                other.stop()
                _, err = process.communicate(timeout=LIMIT_S)
            finally:
                process.kill()
    assert process.returncode == 0 and "Traceback" not in err, err
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    reasons = {each for pair in found.pairs for each in pair.reasons}
    assert any(pair.valid for pair in found.pairs)
    assert "candidate: no response was received" in reasons


def test_ctrl_c_ends_both_runs_with_their_teardown(tmp_path: Path) -> None:
    path = script(tmp_path, PLAIN)
    with Server(answering()) as base, Server(answering()) as other:
        words = ("compare", "--time", "5m", *SHORT[2:], "--script", path, base.url(), other.url())
        with begin(*words, cwd=tmp_path) as process:
            try:
                until(lambda: other.seen.requests > 10, LIMIT_S)
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=LIMIT_S)
            finally:
                process.kill()
        assert process.returncode == 105, err
        for server in (base, other):
            assert server.seen.last.startswith(b"GET /teardown ")
            until(partial(_closed, server))
    assert "Traceback" not in err
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    assert found.ended == "interrupted"


def test_a_script_that_does_not_fit_is_measured_by_visits_with_one_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = '@scenario(executor="ramping-vus", stages=[("1s", 2)])\n'
    path = script(tmp_path, PLAIN.replace("@scenario\n", stages))
    asked = ("--script", path, "http://127.0.0.1:1/", "http://127.0.0.1:2/")
    by_visits = compare_args.parse(["--pairs", "8", *asked])
    command = compare_args.parse(["--slice", "auto", "--no-progress", *asked])
    assert not isinstance(by_visits, str) and not isinstance(command, str)
    assert isinstance(by_visits.what, Live) and isinstance(command.what, Live)
    sliced = replace(command.what, visits=None)
    with pytest.raises(UsageError, match="--slice and --time: the load of scenario one has stages"):
        compare_command._compare_live(sliced, command)
    terms: list[Terms] = []

    def measured(base: Side, candidate: Side, asked: Terms, *more: Any, **named: Any) -> Measured:
        terms.append(asked)
        return Measured((), "interrupted")

    monkeypatch.setattr(pairing, "run", measured)
    capsys.readouterr()
    code = compare_command._compare_live(replace(sliced, visits=by_visits.what), command)
    assert code == 105 and [each.pairs for each in terms] == [8]
    told = capsys.readouterr().err.splitlines()
    notice = "fastbench: the load of scenario one has stages: measured by visits"
    assert [line for line in told if "visits" in line] == [notice]
