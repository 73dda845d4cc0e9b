"""What we time is what a bare C client times, on the same server, in turns.

Other programs can only make a round slower, so the quietest one of each is compared. Of tails, what
the bare client's own rounds differ by is not ours.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from own_sources import ROOT
from programs import cores, pinned
from running import ONE, SLOW, fastbench

pytestmark = pytest.mark.alone

ROUNDS, REQUESTS = (10, 10_000) if SLOW else (3, 1000)
MEDIAN_BIAS_US, P99_BIAS_US = (10, 100) if SLOW else (40, 400)  # scaled: rounds are short


def percentile(values: list[float], percent: float) -> float:
    return sorted(values)[round((len(values) - 1) * percent / 100)]


@pytest.mark.slow
@pytest.mark.skipif(len(cores()) < 2, reason="client and server need a core each")
def test_the_bias_against_a_bare_client_is_a_few_microseconds(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile the bare client with")
    program = tmp_path / "stopwatch"
    subprocess.run(["gcc", "-O2", "-o", program, ROOT / "tests/support/stopwatch.c"], check=True)
    client, core = cores()[:2]
    medians_us: list[tuple[float, float]] = []  # ours, the bare client's
    tails_us: list[tuple[float, float]] = []
    with subprocess.Popen(
        [program, "serve"], stdout=subprocess.PIPE, text=True, preexec_fn=pinned(core)
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            for _ in range(ROUNDS):
                bare = subprocess.run(
                    [program, "time", str(port), str(REQUESTS)],
                    check=True,
                    capture_output=True,
                    text=True,
                    preexec_fn=pinned(client),
                )
                times_us = [int(line) / 1e3 for line in bare.stdout.split()]
                url = f"http://127.0.0.1:{port}/"
                run = fastbench(*ONE, "-n", str(REQUESTS), url, limits=pinned(client))
                ours = run.document["latency_ms"]["service"]
                medians_us.append((1e3 * ours["p50"], percentile(times_us, 50)))
                tails_us.append((1e3 * ours["p99"], percentile(times_us, 99)))
        finally:
            server.kill()
    ours_us, bare_us = zip(*medians_us, strict=True)
    assert abs(min(ours_us) - min(bare_us)) < MEDIAN_BIAS_US, medians_us
    ours_us, bare_us = zip(*tails_us, strict=True)
    noise_us = max(bare_us) - min(bare_us)
    assert abs(min(ours_us) - min(bare_us)) < P99_BIAS_US + noise_us, tails_us
