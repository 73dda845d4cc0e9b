"""Proofs of compare.py, compare_slices.py and find.py: what passes, what fails, what works."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import compare  # noqa: E402
import compare_slices  # noqa: E402
import find  # noqa: E402
import harness  # noqa: E402
import slice_rate  # noqa: E402
from harness import BenchError  # noqa: E402

SAME, SLOWER, HOG = (compare.ROWS[name] for name in ("same", "slower5", "hog-slower10"))
DEADLINE_S = 10.0


def verdicts(**counts: int) -> list[dict[str, Any]]:
    """Return comparisons by verdict; of `wrong` ones the candidate is told to be faster."""
    made = []
    for verdict, count in counts.items():
        wrong = verdict == "wrong"
        each = {"verdict": "different" if wrong else verdict, "ratio": 1.05 if wrong else 0.95}
        each |= {"pairs": 12, "valid": 12}
        if verdict == "refused":
            each |= {"verdict": "inconclusive", "ratio": None, "valid": 0}
        made += [each] * count
    return made


@pytest.mark.parametrize(
    ("row", "told", "reached"),
    [
        (SAME, {"equivalent": 60}, True),
        (SAME, {"equivalent": 59, "different": 1}, False),
        (SAME, {"equivalent": 99, "different": 1}, True),
        (SAME, {"equivalent": 195, "different": 5}, False),
        (SLOWER, {"different": 27, "inconclusive": 3}, True),
        (SLOWER, {"different": 26, "inconclusive": 4}, False),
        (SLOWER, {"different": 29, "wrong": 1}, False),
        (HOG, {"inconclusive": 30}, True),
        (HOG, {"inconclusive": 29, "wrong": 1}, False),
        (HOG, {"inconclusive": 29, "equivalent": 1}, False),
        (SAME, {}, False),
        (SAME, {"equivalent": 54, "refused": 6}, True),
        (SAME, {"equivalent": 53, "refused": 7}, False),
        (SAME, {"refused": 60}, False),
        (HOG, {"refused": 30}, False),
    ],
)
def test_a_row_passes_when_it_has_to(row: compare.Row, told: dict[str, int], reached: bool) -> None:
    assert compare.summed(row, verdicts(**told))["reached"] is reached


def test_pairs_follow_from_the_noise() -> None:
    assert compare.pairs_for(SLOWER, 0.01) == 8
    assert compare.pairs_for(SLOWER, 0.05) == pytest.approx(18, abs=3)  # the table says 18
    assert compare.pairs_for(SLOWER, 1.0) == compare.PAIRS_MOST
    assert compare.pairs_for(SAME, 0.05) == compare.pairs_for(HOG, 0.05) == compare.PAIRS


def test_a_pilot_gives_noise_and_cost_of_valid_pairs_only() -> None:
    def pair(rate: float, *, valid: bool) -> dict[str, Any]:
        reasons = [] if valid else ["the machine was not quiet"]
        return {"valid": valid, "base": {"requests_per_s": rate}, "reasons": reasons}

    pairs = [pair(5000, valid=True), pair(1, valid=False), pair(5000, valid=True)]
    pilot = compare.pilot_of({"pairs": pairs, "noise_floor": 0.02})
    assert (pilot.noise, pilot.cost_us) == (0.02, 200.0)
    with pytest.raises(BenchError, match="quiet"):
        compare.pilot_of({"pairs": [pair(1, valid=False)], "noise_floor": None})


def test_a_level_is_held_by_a_binomial_bound() -> None:
    assert [compare_slices.level_limit(count) for count in (1, 60, 400)] == [0, 3, 9]


@pytest.mark.parametrize(
    ("name", "found", "reached"),
    [
        ("same-nginx", [("equivalent", 1.0)] * 96 + [("inconclusive", 0.99)] * 4, True),
        ("same-nginx", [("equivalent", 1.0)] * 95 + [("inconclusive", 0.99)] * 5, False),
        ("same-nginx", [("different", 1.0)] * 5 + [("equivalent", 1.0)] * 95, False),
        ("slower1", [("different", 0.99)] * 27 + [("equivalent", 1.0)] * 3, True),
        ("slower1", [("different", 0.99)] * 26 + [("equivalent", 1.0)] * 4, False),
        ("slower1", [("different", 0.99)] * 29 + [("different", 1.01)], False),
        ("p99", [("different", 1.1)] * 27 + [("inconclusive", 1.0)] * 3, True),
        ("p99", [("different", 0.9)] * 30, False),
    ],
)
def test_a_row_of_slices_passes_when_it_has_to(
    name: str, found: list[tuple[str, float]], reached: bool
) -> None:
    made = [
        {"verdict": verdict, "ratio": ratio, "interval": [ratio - 0.004, ratio + 0.004]}
        for verdict, ratio in found
    ]
    assert compare_slices.summed(compare_slices.ROWS[name], made)["reached"] is reached


def rate_pair(sliced: float, plain: float, waited: float = 0.0) -> slice_rate.Pair:
    stretches = (slice_rate.Stretch(each, each / 2, waited) for each in (sliced, plain))
    return slice_rate.Pair(*stretches)


def test_the_rate_in_slices_is_the_median_ratio_of_pairs_that_nobody_disturbed() -> None:
    pairs = [rate_pair(98, 100), rate_pair(99, 100), rate_pair(97, 100)] * 15
    disturbed = [rate_pair(50, 100, slice_rate.WAITED * 2)] * 100
    assert not disturbed[0].counts and pairs[0].counts
    assert slice_rate.ratio(pairs + disturbed, "loaded") == (0.98, [0.97, 0.99])
    assert slice_rate.ratio(pairs, "wall")[0] == 0.98
    assert slice_rate.ratio(pairs[:3], "loaded") == (0.98, [])
    assert slice_rate.ratio(disturbed, "loaded") == (None, [])


@pytest.mark.parametrize(
    ("sliced", "count", "reached"), [(98, 40, True), (96, 40, False), (98, 41, False)]
)
def test_the_row_of_throughput_passes_when_it_has_to(
    sliced: float, count: int, reached: bool
) -> None:
    pairs = [rate_pair(sliced, 100)] * 40
    assert compare_slices.rate_row(pairs, count)["reached"] is reached
    assert compare_slices.rate_row([], 1)["reached"] is False


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a core each for server and load")
def test_both_rates_are_of_answers_of_a_server(tmp_path: Path) -> None:
    harness.need("gcc", "setpriv", "taskset")
    cores = harness.pick_cores()
    with harness.fixed_server(harness.compile_c("server", tmp_path), cores.server) as url:
        pair = slice_rate.Alternation(url, cores.client, ("-c", "4")).pair(1)
    for each in (pair.sliced, pair.plain):
        assert each.loaded >= each.wall > 1000


def test_searches_pass_within_five_percent() -> None:
    def search(off: float | None, ended: str = "found") -> dict[str, Any]:
        return {"off": off, "ended": ended}

    assert find.reached([search(0.049), search(-0.05)])
    for wrong in (search(0.051), search(None), search(0.0, "client_limited")):
        assert not find.reached([search(0.0), wrong])
    assert not find.reached([])


def test_the_spinning_server_works_as_long_as_asked(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--port", str(port), "--spin-us", "20000", "--hog", str(tmp_path / "starts")]
    with subprocess.Popen([sys.executable, str(BENCH / "spinning.py"), *words]) as server:
        try:
            with connected(port) as client:
                start_s = time.monotonic()
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert client.recv(1024).endswith(b"ok")
                assert time.monotonic() - start_s >= 0.02
        finally:
            server.terminate()
    assert (tmp_path / "starts").read_text() == "1"


def connected(port: int) -> socket.socket:
    """Connect as soon as somebody listens."""
    until_s = time.monotonic() + DEADLINE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        except ConnectionRefusedError:
            assert time.monotonic() < until_s
            time.sleep(0.01)
