"""Put `fastbench compare` in slices to the proof; see results/compare_slices.json.

same-*      one server against itself, 15 s (spinning, embedded, nginx): is it ever different?
starts      two starts of the same server, 15 s: how much do they differ?
slower1     1 % slower, 15 s: is it found, with the right sign, and how wide is the interval?
slower0.5   0.5 % slower, 60 s
neighbour   3 % slower, 15 s, beside a neighbour on the servers' core that works in bursts
p99         p99 10 % worse at one rate, 30 s
throughput  the rate of the engine in slices, beside a plain run of it: see slice_rate.py

Both servers are alive on one core, the load generator is on another; each comparison has fresh
servers. All but `same-embedded`, `same-nginx` and `throughput` use spinning.py. What a file holds
already is kept: a row goes on until it has --count comparisons.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
import slice_rate
from harness import BenchError, Cores, Spread
from slice_rate import Pair, Stretch

SPIN_US = 150.0
TAIL_MS = 20.0
RATE = 2000.0
CONNECTIONS = "10"
TAIL_CONNECTIONS = "50"
LEVEL = 0.01  # of a comparison whose interval must hold 1
SURE = 0.99  # of the binomial bound
START_LIMIT_S = 30.0
PROGRAMS = harness.ROOT / "bench"
SLICE_RATIO = 0.97
RATE_PAIRS = 150
RATE_TRIES = 5  # times as many pairs are taken at most, for those that count
RATE_TOLD = 10  # pairs, after which they are written
STRETCH = ("loaded", "wall", "waited")


@dataclass(frozen=True, slots=True)
class Row:
    """What is compared, how often, and how many verdicts must be right.

    `effect` is the smallest that counts, as a share; `found` of `count` must be different. Without
    `slower` and `tail` both sides are the same server, or with `starts` two starts of it.
    """

    title: str
    count: int
    time_s: float = 15.0
    server: str = "spinning"
    slower: float = 0.0
    tail: float = 0.0
    effect: float = 0.02
    found: int = 0
    half_width_max: float | None = None
    starts: bool = False
    neighbour: bool = False
    words: tuple[str, ...] = ("-c", CONNECTIONS)


SAME = 134  # of each kind of server: 402 in all
ROWS = {
    "same-spinning": Row("a server of 150 us a request against itself", SAME),
    "same-embedded": Row("fastbench serve against itself", SAME, server="embedded"),
    "same-nginx": Row("nginx against itself", SAME, server="nginx"),
    "starts": Row("two starts of a server of 150 us a request", 30, starts=True),
    "slower1": Row("1 % slower", 30, slower=0.01, effect=0.005, found=27, half_width_max=0.005),
    "slower0.5": Row("0.5 % slower", 30, 60.0, slower=0.005, effect=0.0025, found=24),
    "neighbour": Row(
        "3 % slower, beside a neighbour in bursts", 30, slower=0.03, neighbour=True, found=20
    ),
    "p99": Row(
        "p99 10 % worse at one rate",
        *(30, 30.0),
        tail=0.10,
        found=27,
        words=("-R", f"{RATE:g}", "-c", TAIL_CONNECTIONS, "--primary", "p99"),
    ),
}


def level_limit(count: int) -> int:
    """Return how many of `count` comparisons may err, if each does so with the stated level."""
    below = 0.0
    for wrong in range(count + 1):
        below += math.comb(count, wrong) * LEVEL**wrong * (1 - LEVEL) ** (count - wrong)
        if below >= SURE:
            return wrong
    return count


class Stand:
    """The machine: cores, a folder, and what a request costs, once that is known."""

    def __init__(self, cores: Cores, folder: Path, seed: int, programs: dict[str, Path]) -> None:
        self.cores = cores
        self.folder = folder
        self.seed = seed
        self.programs = programs
        self.runs = 0

    def fastbench(self, words: list[str], limit_s: float) -> dict[str, Any]:
        """Run a command; return its document."""
        self.runs += 1
        document = self.folder / f"{self.runs}.json"
        argv = [*harness.fastbench_command(), *words, "--quiet", "--json", str(document)]
        done = harness.run(argv, self.cores.client, limit_s)
        if not document.exists():
            raise BenchError(f"fastbench: {done.output.strip()[-300:]}")
        found: dict[str, Any] = json.loads(document.read_text())
        document.unlink()
        return found

    def compare(self, row: Row, seed: int, cost_us: float) -> dict[str, Any]:
        """Compare once, with fresh servers; return the document."""
        words = ["compare", "--time", f"{row.time_s:g}s", "-t", "1", *row.words]
        words += ["--seed", str(seed), "--threshold-effect", f"{100 * row.effect:g}%"]
        with contextlib.ExitStack() as servers:
            urls = [servers.enter_context(self.serving(row))]
            if row.slower or row.tail or row.starts:
                more_us = row.slower * cost_us
                urls += [servers.enter_context(self.serving(row, more_us, 1 + row.tail))]
            if row.neighbour:
                argv = [sys.executable, str(PROGRAMS / "neighbour.py"), "--seed", str(seed)]
                process = servers.enter_context(harness.background(argv, self.cores.server))
                assert process.stdout is not None
                process.stdout.readline()
            return self.fastbench([*words, urls[0], urls[-1]], row.time_s + START_LIMIT_S)

    @contextlib.contextmanager
    def serving(self, row: Row, more_us: float = 0.0, tail: float = 1.0) -> Iterator[str]:
        """Run a server of the row; gives its URL."""
        if row.server == "nginx":
            with harness.nginx(self.folder, self.cores.server) as url:
                yield url.removesuffix("large")
            return
        argv: list[str | Path] = [sys.executable, PROGRAMS / "spinning.py"]
        argv += ["--spin-us", f"{SPIN_US + more_us:.3f}"]
        argv += ["--tail-ms", f"{TAIL_MS * tail:g}"] if row.tail else []
        if row.server == "embedded":
            argv = [*harness.fastbench_command(), "serve", "--port", "0", "--quiet"]
        with harness.background(argv, self.cores.server) as process:
            assert process.stdout is not None
            line = process.stdout.readline().split()
            if row.server == "embedded":
                yield f"{line[-1]}/health"
            else:
                yield f"http://127.0.0.1:{line[-1]}/"

    def cost_us(self) -> float:
        """Return what a request to the spinning server costs, in a closed loop."""
        with self.serving(ROWS["slower1"]) as url:
            words = ["-t", "1", "-c", CONNECTIONS, "-d", "3s", url]
            rate: float = self.fastbench(words, START_LIMIT_S)["summary"]["requests_per_s"]
        return 1e6 / rate


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a row keeps of a comparison."""
    names = ("verdict", "ratio", "interval", "noise_floor", "seed")
    valid = sum(pair["valid"] for pair in document["pairs"])
    kept = {name: document[name] for name in names}
    kept |= {"pairs": len(document["pairs"]), "valid": valid}
    return kept | {"slice_s": document["config"].get("slice_s")}


def summed(row: Row, comparisons: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the verdicts, and say whether the row is what it has to be."""
    count = len(comparisons)
    verdicts = [each["verdict"] for each in comparisons]
    known = [each for each in comparisons if each["interval"] is not None]
    beside = sum(not each["interval"][0] <= 1 <= each["interval"][1] for each in known)
    widths = [(each["interval"][1] - each["interval"][0]) / 2 for each in known]
    ratios = [each["ratio"] for each in known]
    figures: dict[str, Any] = {
        "comparisons": count,
        **{name: verdicts.count(name) for name in ("different", "equivalent", "inconclusive")},
        "without_interval": count - len(known),
        "interval_without_1": beside,
    }
    if known:
        figures["ratio"] = Spread.of(ratios).document()
        figures["half_width"] = Spread.of(widths).document()
        if len(ratios) > 1:
            figures["ratio_deviation"] = round(statistics.stdev(ratios), 5)
    worse = row.slower or row.tail
    if not worse:
        most = level_limit(count)
        wrong = figures["different"] if row.starts else max(figures["different"], beside)
        target = f"at most {most} of {count} intervals without 1, or different"
        reached = wrong <= most and len(known) == count
        return {"figures": figures, "target": target, "reached": reached}
    right = sum(
        each["verdict"] == "different" and (each["ratio"] > 1) == bool(row.tail)
        for each in comparisons
    )
    figures |= {"found": right, "wrong_sign": figures["different"] - right}
    target = f"different with the right sign in {row.found} of {row.count}, the wrong one in none"
    reached = right * row.count >= row.found * count and right == figures["different"]
    if row.half_width_max is not None:
        target += f", half width at most {100 * row.half_width_max:g} %"
        reached = reached and bool(widths) and statistics.median(widths) <= row.half_width_max
    return {"figures": figures, "target": target, "reached": reached}


def measure(name: str, asked: argparse.Namespace, stand: Stand, out: Path | None) -> bool:
    """Compare until the row is full; each comparison is written as soon as it is done."""
    row = ROWS[name]
    kept = harness.kept_row(out, name)
    comparisons: list[dict[str, Any]] = kept.get("comparisons", [])
    cost_us = kept.get("cost_us") or (stand.cost_us() if row.slower else None)
    for at in range(len(comparisons), asked.count or row.count):
        seed = 1000 * stand.seed + at
        found = told(stand.compare(row, seed, cost_us or 0.0))
        comparisons.append(found | {"load_average": harness.environment()["load_average"]})
        print(f"{name:14}{json.dumps(comparisons[-1])}", flush=True)
        document = {"title": row.title, "time_s": row.time_s, "cost_us": cost_us}
        document |= {**summed(row, comparisons), "comparisons": comparisons}
        if out is not None:
            harness.write_rows(out, {name: document | {"environment": harness.environment()}})
    return _shown(name, summed(row, comparisons))


def throughput(asked: argparse.Namespace, stand: Stand, out: Path | None) -> bool:
    """Alternate slices and plain runs of a server that is never the bottleneck."""
    kept = harness.kept_row(out, "throughput").get("pairs", [])
    pairs = [Pair(Stretch(*each[:3]), Stretch(*each[3:])) for each in kept]
    count = asked.count or RATE_PAIRS
    last = len(pairs) + RATE_TRIES * count
    with harness.fixed_server(stand.programs["server"], stand.cores.server) as url:
        both = slice_rate.Alternation(url, stand.cores.client, ("-c", CONNECTIONS))
        while len(pairs) < last and sum(pair.counts for pair in pairs) < count:
            pairs.append(both.pair(1000 * stand.seed + len(pairs)))
            if len(pairs) % RATE_TOLD == 0:
                _keep_throughput(pairs, count, out)
    return _shown("throughput", _keep_throughput(pairs, count, out))


def _keep_throughput(pairs: Sequence[Pair], count: int, out: Path | None) -> dict[str, Any]:
    result = rate_row(pairs, count)
    print(f"throughput    {json.dumps(result['figures'])}", flush=True)
    if out is not None:
        title = "answers per s in slices of 20 ms, as a share of those of a plain run"
        columns = [f"{side} {each}" for side in ("sliced", "plain") for each in STRETCH]
        document = {"title": title, **result, "columns": columns}
        document |= {"pairs": [[*pair.sliced.row(), *pair.plain.row()] for pair in pairs]}
        harness.write_rows(out, {"throughput": document | {"environment": harness.environment()}})
    return result


def rate_row(pairs: Sequence[Pair], count: int) -> dict[str, Any]:
    """Sum the pairs up, and say whether the row is what it has to be."""
    counted = sum(pair.counts for pair in pairs)
    figures: dict[str, Any] = {"pairs": len(pairs), "counted": counted}
    for name in ("loaded", "wall"):
        figures[name], figures[f"{name}_interval"] = slice_rate.ratio(pairs, name)
    return {
        "figures": figures,
        "target": f"the median of loaded is at least {SLICE_RATIO}, over {count} pairs that count",
        "reached": counted >= count and figures["loaded"] >= SLICE_RATIO,
    }


def _shown(name: str, result: dict[str, Any]) -> bool:
    verdict = "pass" if result["reached"] else "FAIL"
    print(f"{name:14}{result['figures']}  {result['target']}  {verdict}", flush=True)
    return bool(result["reached"])


def _arguments() -> argparse.Namespace:
    names = [*ROWS, "throughput"]
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default=",".join(names), help="any of %(default)s")
    parser.add_argument("--count", type=int, help="comparisons a row, else as the issue asks")
    parser.add_argument("--seed", type=int, default=1, help="of the orders")
    parser.add_argument("--quick", action="store_true", help="1 of each; nothing is written")
    parser.add_argument("--fresh", action="store_true", help="forget what the file holds")
    parser.add_argument("--output", type=Path, help="default bench/results/compare_slices.json")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",")
    if unknown := [each for each in asked.rows if each not in names]:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(names)}")
    return asked


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset", "nginx")
    output = asked.output or (None if asked.quick else harness.RESULTS / "compare_slices.json")
    if asked.quick:
        asked.count = 1
    if asked.fresh and output is not None:
        harness.write_rows(output, {name: {} for name in asked.rows})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = {"server": harness.compile_c("server", folder)}
        stand = Stand(harness.pick_cores(), folder, asked.seed, programs)
        played = [
            throughput(asked, stand, output)
            if each == "throughput"
            else measure(each, asked, stand, output)
            for each in asked.rows
        ]
        return all(played)


def main() -> int:
    """Measure the rows asked for; 0 when every one is as it has to be, 1 when not."""
    return harness.exit_code(lambda: _measure_all(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
