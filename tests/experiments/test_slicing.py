"""Two servers measured in slices: the order, the pairs, and the command on real servers."""

from __future__ import annotations

import json
import signal
from array import array
from pathlib import Path

import pytest
from commandline import begin, invoke
from embedded import seen, serving
from hypothesis import given
from hypothesis import strategies as st
from running import LIMIT_S, until
from servers import OK, Peer, Server, answering, refusing

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.slices.slice_order import TURN, order_of
from fastbench.experiments.slices.slice_pairs import Pairs
from fastbench.experiments.slices.slice_terms import MIN_PAIRS
from fastbench.run.turns import SlicePart

BROKEN = OK.replace(b"200 OK", b"500 Oh")
SHORT = ("--slice", "20ms", "--time", "1.5s", "-c", "2", "-t", "1", "--no-progress")
MS = 1_000_000


def part(
    side: int, times_ms: list[float], *, rate: float = 100.0, failed: int = 0, unsent: int = 0
) -> SlicePart:
    times = array("I", [round(each * MS) for each in times_ms])
    return SlicePart(side, len(times_ms), failed, unsent, rate, 0.1, times)


@given(st.integers(0, 2**63 - 1), st.integers(1, 400))
def test_each_block_has_both_sides(seed: int, slices: int) -> None:
    order = order_of(seed, slices)
    assert len(order) >= slices and len(order) % 2 == 0
    assert order == order_of(seed, slices)
    for at in range(0, len(order), 2):
        assert tuple(order[at : at + 2]) in TURN


def test_both_turns_come_about_as_often() -> None:
    order = order_of(1, 4000)
    first = sum(order[at] for at in range(0, 4000, 2))
    assert 900 < first < 1100


def test_a_pair_has_the_figures_of_its_slices() -> None:
    pairs = Pairs(4)
    some = [part(0, [1, 3], rate=90), part(1, [2, 2], rate=110), part(1, [4], rate=130)]
    assert list(pairs.take(some)) == []
    (pair,) = pairs.take([part(0, [5, 7], rate=110)])
    assert pair.valid and pair.order == "base first"
    assert pair.base is not None and pair.candidate is not None
    assert (pair.base.requests_per_s, pair.candidate.requests_per_s) == (100, 120)
    assert (pair.base.p50_ms, pair.base.mean_ms, pair.base.samples) == (3.0, 4.0, 4)
    assert pair.base.p99_ms is None, "of four answers there is no 99th percentile"
    (pair,) = pairs.take([part(side, [1.0] * 60) for side in (1, 0, 0, 1)])
    assert pair.order == "candidate first" and pair.base is not None
    assert pair.base.p99_ms == 1.0
    tenths = [each / 10 for each in range(1, 51)]
    (pair,) = pairs.take([part(side, tenths) for side in (0, 1, 1, 0)])
    assert pair.base is not None
    assert (pair.base.p50_ms, pair.base.p90_ms, pair.base.p99_ms) == (2.5, 4.5, 5.0)


def test_a_pair_with_failures_or_without_answers_does_not_count() -> None:
    pairs = Pairs(4)
    (failing,) = pairs.take([part(side, [1], failed=side) for side in (0, 1, 1, 0)])
    assert failing.reasons == ("candidate: 50 % of its requests failed",)
    (silent,) = pairs.take([part(side, [] if side else [1]) for side in (0, 1, 1, 0)])
    (late,) = pairs.take([part(side, [1.0] * 50, unsent=5 * side) for side in (0, 1, 1, 0)])
    assert late.reasons == ("candidate: it did not carry the planned rate",)
    assert silent.reasons == ("candidate: no response was received",) and not silent.valid


def compare(folder: Path, *words: str) -> tuple[Comparison, str]:
    done = invoke("compare", *words, "--json", "out.json", cwd=folder)
    return Comparison.from_document(json.loads((folder / "out.json").read_text())), done.stdout


def test_a_slower_server_is_found_and_every_request_is_counted(tmp_path: Path) -> None:
    def slow(peer: Peer) -> None:
        while peer.request():
            peer.pause(0.002)
            peer.send(OK)

    with serving("--port", "0") as (_, fast), Server(slow) as other:
        before = seen(fast).requests
        found, shown = compare(tmp_path, *SHORT, fast + "/health", other.url())
        after = seen(fast).requests
    assert found.verdict == "different" and found.ratio is not None and found.ratio < 0.9
    assert len(found.pairs) >= MIN_PAIRS
    assert {pair.order for pair in found.pairs} == {"base first", "candidate first"}
    assert found.latency is not None and found.latency.times == "service"
    assert found.latency.candidate.percentile(50) > 2 * MS
    # The pilot's requests are those that stand in no pair.
    assert 0 < found.latency.base.count < after - before
    assert "slices do not see what differs from start to start" in shown


def test_latencies_are_compared_at_a_common_rate(tmp_path: Path) -> None:
    with serving("--port", "0") as (_, one), serving("--port", "0") as (_, other):
        words = ("--slice", "auto", "--time", "2s", "-c", "4", "-t", "1", "--no-progress")
        found, shown = compare(
            tmp_path, *words, "--primary", "p50", one + "/health", other + "/health"
        )
    assert found.primary == "p50" and "every slice asks for" in shown
    assert found.latency is not None and found.latency.times == "response"
    assert isinstance(found.config["rate"], float)


@pytest.mark.parametrize("regressed", [True, False])
def test_requests_that_fail_now_are_a_regression(tmp_path: Path, regressed: bool) -> None:
    with Server(answering()) as good, Server(answering(BROKEN)) as bad:
        sides = (good.url(), bad.url() if regressed else good.url())
        done = invoke("compare", *SHORT, "--fail-on-regression", "50%", *sides, cwd=tmp_path)
    assert done.returncode == (96 if regressed else 0)
    assert ("100 % of the requests to the candidate failed" in done.stdout) == regressed


def test_a_server_that_is_not_there_is_exit_122(tmp_path: Path) -> None:
    with Server(answering()) as good, refusing() as port:
        gone = f"http://127.0.0.1:{port}/"
        words = (*SHORT, "--json", "out.json", good.url(), gone)
        done = invoke("compare", *words, cwd=tmp_path)
    assert done.returncode == 122
    assert f"the candidate ({gone}) cannot be connected to" in " ".join(done.stdout.split())
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    assert found.pairs == () and found.ended == "nothing_succeeded", "the pilot is enough"
    assert [each.hint for each in found.warnings if each.code == "no_pairs"] == [
        "check that both servers answer"
    ]


def test_ctrl_c_ends_it_with_what_there_is(tmp_path: Path) -> None:
    with Server(answering()) as server:
        words = ("compare", "--time", "5m", "-c2", "-t1", "--json", "out.json")
        with begin(*words, server.url(), server.url(), cwd=tmp_path) as process:
            try:
                until(lambda: server.seen.connections >= 8)  # the pilot's and those after it
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=LIMIT_S)
            finally:
                process.kill()
        assert process.returncode == 105, err
        until(lambda: server.open_connections == 0)
    assert "Traceback" not in err
    found = Comparison.from_document(json.loads((tmp_path / "out.json").read_text()))
    assert found.ended == "interrupted"
