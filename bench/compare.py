"""Put `fastbench compare` to the proof; see results/compare.json.

same           one server against itself: is it ever called different?
same-spinning  the same with the server of the rows below
slower2/5/10   a server made so much slower by a busy-wait: how often is it found, and the sign?
hog-same       every second visit is disturbed, the servers are the same
hog-slower10   every second visit is disturbed, the candidate is 10 % slower

`same` is the embedded server, the others spinning.py; each visit has a process of its own. Pairs of
a slower row follow from its noise: as many as find that difference in 9 cases of 10, at least 8.
What a file holds already is kept: a row goes on until it has --count comparisons.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
from harness import BenchError, Cores

from fastbench.experiments.compare.statistics import pairs_for_difference

SPIN_US = 150.0
CONFIDENCE, POWER = 0.99, 0.9
PAIRS_LEAST, PAIRS_MOST = 8, 100
PAIRS = 12
FOUND_SHARE = 0.9
ALARMS = ((400, 12), (200, 4), (100, 1), (0, 0))  # of so many comparisons: 95 % bound below 5 %
REFUSED_SHARE_MAX = 0.1  # of comparisons: who is refused raises no alarm, and proves nothing
VALID_SHARE_LEAST = 0.8  # of its pairs: below, a comparison is refused
PAIR_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """What is compared, and how often. `effect` is the smallest that counts, as a share."""

    title: str
    count: int
    slower: float = 0.0
    hog: bool = False
    spinning: bool = True
    effect: float = 0.02


ROWS = {
    "same": Row("a server against itself", 200, spinning=False),
    "same-spinning": Row("the slower rows' server against itself", 60),
    # At the default threshold of 2 % a difference of 2 % is told in half of the cases only.
    "slower2": Row("2 % slower, told from 1 % on", 30, slower=0.02, effect=0.01),
    "slower5": Row("5 % slower", 30, slower=0.05),
    "slower10": Row("10 % slower", 30, slower=0.10),
    "hog-same": Row("a server against itself, every second visit disturbed", 30, hog=True),
    "hog-slower10": Row("10 % slower, every second visit disturbed", 30, slower=0.10, hog=True),
}


@dataclass(frozen=True, slots=True)
class Pilot:
    """A comparison of the base with itself: the noise of a pair, and what a request costs."""

    noise: float
    cost_us: float


class Stand:
    """The machine: cores, and where the files are that last as long as a comparison."""

    def __init__(self, cores: Cores, folder: Path, visit_s: float, warmup_s: float) -> None:
        self.cores = cores
        self.folder = folder
        self.visit_s = visit_s
        self.warmup_s = warmup_s
        self.runs = 0

    def compare(
        self, row: Row, pairs: int, seed: int, cost_us: float = 0.0, *, slower: float = 0.0
    ) -> dict[str, Any]:
        """Compare once; return the document."""
        self.runs += 1
        document, starts = (self.folder / f"{self.runs}.{each}" for each in ("json", "starts"))
        base, candidate = (
            self._server(row, starts, SPIN_US + more * cost_us) for more in (0.0, slower)
        )
        path = "/" if row.spinning else "/health"
        argv = [*harness.fastbench_command(), "compare", "--run-base", base]
        argv += ["--run-candidate", candidate, "--url", "http://127.0.0.1:{port}" + path]
        argv += ["--pairs", str(pairs), "--visit", f"{self.visit_s:g}s", "--seed", str(seed)]
        argv += ["--warmup", f"{self.warmup_s:g}s", "--threshold-effect", f"{100 * row.effect:g}%"]
        argv += ["--quiet", "--json", str(document)]
        done = harness.run(argv, self.cores.client, pairs * PAIR_LIMIT_S)
        if not document.exists():
            raise BenchError(f"fastbench compare: {done.output.strip()[-300:]}")
        found: dict[str, Any] = json.loads(document.read_text())
        return found

    def _server(self, row: Row, starts: Path, spin_us: float) -> str:
        """Return the command that starts a server on its core; compare fills the port in."""
        if not row.spinning:
            words = [*harness.fastbench_command(), "serve", "--quiet"]
        else:
            program = harness.ROOT / "bench" / "spinning.py"
            words = [sys.executable, str(program), "--spin-us", f"{spin_us:.3f}"]
            words += ["--hog", str(starts)] if row.hog else []
        return shlex.join(["taskset", "-c", self.cores.server, *words]) + " --port {port}"


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a row keeps of a comparison."""
    names = ("verdict", "ratio", "interval", "noise_floor", "pairs_needed", "seed")
    kept = {name: document[name] for name in names}
    valid = sum(pair["valid"] for pair in document["pairs"])
    return {**kept, "pairs": len(document["pairs"]), "valid": valid}


def pilot_of(document: dict[str, Any]) -> Pilot:
    """Read noise and cost off a comparison of the base with itself."""
    rates = [pair["base"]["requests_per_s"] for pair in document["pairs"] if pair["valid"]]
    if not rates or document["noise_floor"] is None:
        why = sorted({reason for pair in document["pairs"] for reason in pair["reasons"]})
        raise BenchError(f"too few valid pairs in the pilot: {'; '.join(why) or 'no reason given'}")
    return Pilot(document["noise_floor"], 1e6 / statistics.median(rates))


def pairs_for(row: Row, noise: float) -> int:
    """Return how many pairs find the difference in 9 cases of 10."""
    if not row.slower or row.hog:
        return PAIRS
    pairs = pairs_for_difference(noise, math.log1p(row.slower), CONFIDENCE, POWER)
    return max(PAIRS_LEAST, min(PAIRS_MOST, pairs))


def summed(row: Row, comparisons: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the verdicts, and say whether the row is what it has to be."""
    asked = len(comparisons)
    comparisons = [each for each in comparisons if not refused(each)]
    verdicts = [each["verdict"] for each in comparisons]
    ratios = [each["ratio"] for each in comparisons if each["ratio"] is not None]
    counts = {name: verdicts.count(name) for name in ("different", "equivalent", "inconclusive")}
    wrong = sum(each["verdict"] == "different" and each["ratio"] > 1 for each in comparisons)
    faster = sum(ratio > 1 for ratio in ratios)
    total = len(comparisons)
    if not row.slower:
        most = next(alarms for least, alarms in ALARMS if total >= least)
        reached = counts["different"] <= most
        target = f"at most {most} different"
    elif row.hog:
        reached = not wrong and not counts["equivalent"]
        target = "never equivalent, never different the wrong way round"
    else:
        reached = counts["different"] - wrong >= FOUND_SHARE * total and not faster
        target = f"different in {math.ceil(FOUND_SHARE * total)} of {total}, the sign always right"
    figures = {
        "comparisons": asked,
        "refused": asked - total,
        **counts,
        "wrong_sign": faster if row.slower else None,
    }
    if ratios:
        figures |= {"median_ratio": round(statistics.median(ratios), 4)}
    told_enough = bool(total) and asked - total <= REFUSED_SHARE_MAX * asked
    return {"figures": figures, "target": target, "reached": told_enough and reached}


def refused(comparison: dict[str, Any]) -> bool:
    """Tell whether too few of its visits were valid for a verdict."""
    enough = comparison["valid"] >= VALID_SHARE_LEAST * comparison["pairs"]
    return comparison["ratio"] is None or not enough


def measure(name: str, asked: argparse.Namespace, stand: Stand, out: Path | None) -> bool:
    """Compare until the row is full; each comparison is written as soon as it is done."""
    row = ROWS[name]
    kept = harness.kept_row(out, name)
    comparisons: list[dict[str, Any]] = kept.get("comparisons", [])
    pilot = Pilot(**kept["pilot"]) if kept.get("pilot") else None
    if pilot is None and row.slower:
        pilot = pilot_of(stand.compare(row, PAIRS, asked.seed))
    count = asked.count or row.count
    pairs = asked.pairs or pairs_for(row, pilot.noise if pilot else 0.0)
    for at in range(len(comparisons), count):
        cost_us = pilot.cost_us if pilot else 0.0
        seed = 1000 * asked.seed + at
        comparisons.append(told(stand.compare(row, pairs, seed, cost_us, slower=row.slower)))
        print(f"{name:14}{json.dumps(comparisons[-1])}", flush=True)
        document = {
            "title": row.title,
            "slower": row.slower,
            "visit_s": stand.visit_s,
            "pilot": pilot and {"noise": pilot.noise, "cost_us": pilot.cost_us},
            **summed(row, comparisons),
            "comparisons": comparisons,
            "environment": harness.environment(),
        }
        if out is not None:
            harness.write_rows(out, {name: document})
    result = summed(row, comparisons)
    verdict = "pass" if result["reached"] else "FAIL"
    print(f"{name:14}{result['figures']}  {result['target']}  {verdict}", flush=True)
    return bool(result["reached"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default=",".join(ROWS), help="any of %(default)s")
    parser.add_argument("--count", type=int, help="comparisons a row: 200 and 60 of same, else 30")
    parser.add_argument("--pairs", type=int, help=f"of each (as said above, else {PAIRS})")
    parser.add_argument("--visit", type=float, default=1.0, help="seconds (%(default)g)")
    parser.add_argument("--warmup", type=float, default=0.3, help="seconds (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the orders")
    parser.add_argument("--quick", action="store_true", help="1 of 8 pairs; nothing is written")
    parser.add_argument("--fresh", action="store_true", help="forget what the file holds")
    parser.add_argument("--output", type=Path, help="default bench/results/compare.json")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",")
    if unknown := [each for each in asked.rows if each not in ROWS]:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}")
    return asked


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("setpriv", "taskset")
    output = asked.output or (None if asked.quick else harness.RESULTS / "compare.json")
    if asked.quick:
        asked.count, asked.pairs = 1, PAIRS_LEAST
    if asked.fresh and output is not None:
        harness.write_rows(output, {name: {} for name in asked.rows})
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(harness.pick_cores(), Path(folder), asked.visit, asked.warmup)
        return all([measure(name, asked, stand, output) for name in asked.rows])


def main() -> int:
    """Measure the rows asked for; 0 when every one is as it has to be, 1 when not."""
    return harness.exit_code(lambda: _measure_all(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
