"""Measure how many queries a second a script asks, beside `pgbench -S -M prepared`.

Both select one row by its key from the same PostgreSQL, over TCP, by 8 clients, with prepared
statements. The server has one core, pgbench (one thread) or fastbench (one worker, and its parent)
the other. Runs alternate in a random order, and a ratio is of two runs of the same round.

rate   queries a second, of pgbench's. The server may be what limits both.
cpu    CPU time of the client per query, of pgbench's; Python's start counts, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
from harness import BenchError, Cores, Spread

sys.path.append(str(harness.ROOT / "tests" / "support"))

import databases

CLIENTS = 8
LEAST_RATE = 1 / 3
SCRIPT = harness.ROOT / "bench" / "scripts" / "select_one.py"
_TPS = re.compile(r"tps = ([0-9.]+) \(without initial connection time\)")
_COUNT = re.compile(r"number of transactions actually processed: (\d+)")

Sample = tuple[float, float]  # queries a second, CPU us per query


def pgbench(url: str, seconds: float, core: str) -> Sample:
    """Run pgbench once."""
    flags = ["-n", "-S", "-M", "prepared", f"-c{CLIENTS}", "-j1", f"-T{round(seconds)}"]
    done = harness.run(["pgbench", *flags, url], core, seconds)
    rate, count = _TPS.search(done.output), _COUNT.search(done.output)
    if rate is None or count is None:
        raise BenchError(f"pgbench says: {done.output.strip()[-300:]}")
    return float(rate[1]), done.cpu_s / int(count[1]) * 1e6


def fastbench(url: str, seconds: float, core: str) -> Sample:
    """Run the script once; one that failed is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        command = [*harness.fastbench_command(), "run", str(SCRIPT), "-q", "--json", str(path)]
        load = ["-t1", f"-u{CLIENTS}", f"-d{round(seconds)}s", "-e", f"DATABASE_URL={url}"]
        done = harness.run([*command, *load], core, seconds)
        document = json.loads(path.read_text())
    operations = document["operations"]
    if operations["failed"] or document["exceptions"]:
        raise BenchError(f"{operations['failed']} queries failed: {document['exceptions'][:1]}")
    (row,) = document["requests"]
    return row["requests_per_s"], done.cpu_s / operations["ok"] * 1e6


TOOLS: dict[str, Callable[[str, float, str], Sample]] = {"fastbench": fastbench, "pgbench": pgbench}


def measure(rounds: int, seconds: float, cores: Cores, seed: int) -> dict[str, object]:
    """Run both in turn; return ratios, the tools' medians and all samples."""
    order = random.Random(seed)
    samples: dict[str, list[Sample]] = {tool: [] for tool in TOOLS}
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(cores.server)})  # what we start inherits it
    try:
        with databases.postgres() as url:
            os.sched_setaffinity(0, usable)
            subprocess.run(["pgbench", "-i", "-q", "-s1", url], check=True, capture_output=True)
            for number in range(rounds):
                for tool in order.sample(list(TOOLS), len(TOOLS)):
                    samples[tool].append(TOOLS[tool](url, seconds, cores.client))
                ours, theirs = (samples[tool][-1][0] for tool in TOOLS)
                print(f"round {number + 1}: {ours:,.0f} and {theirs:,.0f} queries/s", flush=True)
    finally:
        os.sched_setaffinity(0, usable)
    pairs = list(zip(samples["fastbench"], samples["pgbench"], strict=True))
    rate, cpu = (Spread.of([ours[at] / theirs[at] for ours, theirs in pairs]) for at in (0, 1))
    return {
        "clients": CLIENTS,
        "seconds": seconds,
        "rounds": rounds,
        "ratios": {
            "rate": {
                **rate.document(),
                "target": round(LEAST_RATE, 4),
                "reached": rate.median >= LEAST_RATE,
            },
            "cpu": {**cpu.document(), "target": None, "reached": None},
        },
        "queries_per_s": {
            tool: Spread.of([each[0] for each in found]).document()
            for tool, found in samples.items()
        },
        "samples": {tool: [[round(r), round(c, 2)] for r, c in s] for tool, s in samples.items()},
        "environment": harness.environment(),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--seed", type=int, default=1, help="of the order of runs")
    parser.add_argument("--quick", action="store_true", help="1 round of 2 s, nothing written")
    parser.add_argument("--output", type=Path, help="default bench/results/database.json")
    return parser.parse_args()


def _measure(asked: argparse.Namespace) -> bool:
    harness.need("pgbench", "setpriv", "taskset")
    output = asked.output or (None if asked.quick else harness.RESULTS / "database.json")
    rounds, seconds = (1, 2.0) if asked.quick else (max(1, asked.rounds), asked.seconds)
    row = measure(rounds, seconds, harness.pick_cores(), asked.seed)
    ratios: dict[str, dict[str, float]] = row["ratios"]  # type: ignore[assignment]
    rate, cpu = ratios["rate"], ratios["cpu"]
    verdict = "pass" if rate["reached"] else "FAIL"
    print(f"queries a second, of pgbench's {rate['median']:.3f}  >= {LEAST_RATE:.3f}  {verdict}")
    print(f"CPU of the client per query, of pgbench's {cpu['median']:.2f}")
    if output is not None:
        harness.write_rows(output, {"select": row})
    return bool(rate["reached"])


def main() -> int:
    """Measure; 0 when the target is reached, 1 when not."""
    return harness.exit_code(lambda: _measure(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
