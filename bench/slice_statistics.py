"""Which statistics suit slices: judged on recorded noise, where the truth is known.

The recordings (slice_noise.py) are of one server on both sides, in slices of 20 ms (a closed loop)
or 50 ms (a rate), on a machine that was quiet or busy with other work. A comparison is a stretch of
a recording whose slices are given to two sides anew, as the order draws them; a slower candidate is
one whose figures are multiplied. So each of thousands of comparisons has real noise, with its
bursts and its dependence, and a difference that is known.

For each method: `level`, how often equal sides are told apart (1 % is promised), `half_width` of
the interval, median and 95th percentile, and `power`, how often a known difference is found.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import harness
import slice_noise

from fastbench.experiments.compare import sequential, statistics
from fastbench.experiments.compare.decision import EQUIVALENCE_CONFIDENCE
from fastbench.experiments.compare.sequential import LOOKS
from fastbench.experiments.slices.slice_order import order_of

RESULTS = Path(__file__).parent / "results"
CONFIDENCE = 0.99
Z = 2.5758
SHARES = (0.5, 0.4, 0.08, 0.01, 0.01)  # of the answers of a slice, up to each of its quantiles
PARTS = 4  # of the answers between two quantiles of a slice
COLUMNS = {"p50": 1, "p90": 2, "p99": 4}
DIFFERENCES = {"closed": (0.01, 0.005), "rate": (0.10, 0.02)}
Interval = tuple[float, float]
Judge = Callable[[Sequence[float], random.Random], Interval]
Draw = Callable[[random.Random], list[float]]


# Intervals.


def signs(effects: Sequence[float], chance: random.Random) -> Interval:
    """The median and the sign test: what fastbench uses for many pairs."""
    return statistics.interval(effects, CONFIDENCE) or (-math.inf, math.inf)


def ranks(effects: Sequence[float], chance: random.Random) -> Interval:
    """Hodges and Lehmann's estimate and the signed ranks."""
    averages = statistics.walsh_averages(effects)
    found = statistics.signed_rank_interval(averages, len(effects), CONFIDENCE)
    return found or (-math.inf, math.inf)


def mean(effects: Sequence[float], chance: random.Random) -> Interval:
    """The mean, as of normal effects."""
    middle, half = fmean(effects), Z * stdev(effects) / math.sqrt(len(effects))
    return middle - half, middle + half


def trimmed(effects: Sequence[float], chance: random.Random) -> Interval:
    """The mean without a fifth at either end (Yuen 1974)."""
    ordered = sorted(effects)
    cut = len(ordered) // 5
    kept = ordered[cut:-cut]
    winsorized = [kept[0]] * cut + kept + [kept[-1]] * cut
    half = Z * stdev(winsorized) / (0.6 * math.sqrt(len(ordered)))
    return fmean(kept) - half, fmean(kept) + half


def bootstrap(effects: Sequence[float], chance: random.Random) -> Interval:
    """The median, with a moving block bootstrap: eight neighbours at a time (Kunsch 1989)."""
    count, length, draws = len(effects), 8, 400
    found = []
    for _ in range(draws):
        drawn: list[float] = []
        while len(drawn) < count:
            at = chance.randrange(count - length + 1)
            drawn += effects[at : at + length]
        found.append(median(drawn[:count]))
    found.sort()
    return found[int(0.005 * draws)], found[-1 - int(0.005 * draws)]


# Comparisons.


def stretch(count: int, slices: int, chance: random.Random) -> list[int]:
    """Return the numbers of so many slices in a row; the end is followed by the beginning."""
    begin = chance.randrange(count)
    return [(begin + at) % count for at in range(slices)]


def of_rates(rates: Sequence[float], slices: int, merged: int, four: bool) -> Draw:
    """Return a draw of the log ratios of pairs: of two slices, of several pairs, of four."""

    def draw(chance: random.Random) -> list[float]:
        sides = sides_of(stretch(len(rates), slices, chance), chance, four)
        size = 2 if four else merged
        sums = [
            [sum(rates[at] for at in side[i : i + size]) for i in range(0, len(side), size)]
            for side in sides
        ]
        return [math.log(after / before) for before, after in zip(*sums, strict=True)]

    return draw


def sides_of(taken: Sequence[int], chance: random.Random, four: bool) -> list[list[int]]:
    """Give slices to base and candidate: in drawn blocks of two, or of four (ABBA, BAAB)."""
    sides: list[list[int]] = [[], []]
    if four:
        for at in range(0, len(taken) - 3, 4):
            first = chance.getrandbits(1)
            sides[first] += (taken[at], taken[at + 3])
            sides[1 - first] += (taken[at + 1], taken[at + 2])
        return sides
    for number, side in zip(taken, order_of(chance.getrandbits(32), len(taken)), strict=False):
        sides[side].append(number)
    return sides


def pooled(rows: Sequence[Sequence[float]], column: int) -> float:
    """Return a quantile of the answers of these slices, each known by its own quantiles."""
    if len(rows) == 1:
        return rows[0][column]
    steps = sorted(
        (low + (high - low) * part / PARTS, share * row[0] / PARTS)
        for row in rows
        for low, high, share in zip((row[1], *row[1:]), row[1:], SHARES, strict=False)
        for part in range(1, PARTS + 1)
    )
    wanted = sum(SHARES[:column]) * sum(row[0] for row in rows)
    sums = list(accumulate(weight for _, weight in steps))
    return steps[min(len(steps) - 1, bisect_left(sums, wanted * (1 - 1e-9)))][0]


def of_rows(rows: Sequence[Sequence[float]], slices: int, merged: int, column: int) -> Draw:
    """Return a draw of the log ratios of a quantile, of pairs of so many slices of a side."""

    def draw(chance: random.Random) -> list[float]:
        sides = sides_of(stretch(len(rows), slices, chance), chance, four=False)
        found = [
            [
                pooled([rows[at] for at in side[i : i + merged]], column)
                for i in range(0, len(side) - merged + 1, merged)
            ]
            for side in sides
        ]
        return [math.log(after / before) for before, after in zip(*found, strict=True)]

    return draw


def pooled_interval(
    rows: Sequence[Sequence[float]], slices: int, column: int, chance: random.Random
) -> Interval:
    """The quantile of all answers of either side; eight pairs in a row are drawn at a time."""
    sides = sides_of(stretch(len(rows), slices, chance), chance, four=False)
    count, length, draws, found = len(sides[0]), 8, 200, []
    for _ in range(draws):
        begins = [chance.randrange(count - length + 1) for _ in range(count // length)]
        of = [
            pooled([rows[at] for begin in begins for at in side[begin : begin + length]], column)
            for side in sides
        ]
        found.append(math.log(of[1] / of[0]))
    found.sort()
    return found[0], found[-1]


def told(found: Sequence[Interval], differences: Sequence[float]) -> dict[str, Any]:
    """Sum up the intervals of equal sides; a difference moves them."""
    halves = sorted((high - low) / 2 for low, high in found)
    wrong = sum(not low <= 0 <= high for low, high in found)
    return {
        "comparisons": len(found),
        "level": round(wrong / len(found), 4),
        "half_width": [round(halves[int(share * len(halves))], 5) for share in (0.5, 0.95)],
        "power": {
            f"{each:g}": round(sum(low + math.log1p(each) > 0 for low, _ in found) / len(found), 3)
            for each in differences
        },
    }


def simulate(draw: Draw, judge: Judge, count: int, differences: Sequence[float]) -> dict[str, Any]:
    """Compare so often; return what came of it."""
    chance = random.Random(1)
    return told([judge(draw(chance), chance) for _ in range(count)], differences)


# Looks.


def in_looks(draw: Draw, count: int, effect: float, threshold: float) -> dict[str, Any]:
    """Compare with --stop-when sure; return how often what was found, and how long it took.

    `threshold` is that of the verdict. Of equal sides "equivalent" is right, of others "different".
    """
    chance = random.Random(2)
    verdicts = dict.fromkeys(("different", "equivalent", "inconclusive"), 0)
    any_wrong = bare_wrong = last_wrong = 0
    shares = 0.0
    for _ in range(count):
        effects = [each + effect for each in draw(chance)]
        wrong, bare, decided, last = False, False, "", False
        for look in range(1, LOOKS + 1):
            part = effects[: look * len(effects) // LOOKS]
            levels = sequential.levels(look, look - 1, CONFIDENCE, EQUIVALENCE_CONFIDENCE)
            interval = statistics.interval(part, levels.interval)
            misses = outside(interval, effect)
            wrong |= misses
            bare |= outside(statistics.interval(part, CONFIDENCE), effect)
            if decided:
                continue
            verdict = verdict_of(part, levels, threshold)
            if verdict != "inconclusive" or look == LOOKS:
                decided, last = verdict, misses
                shares += look / LOOKS
        verdicts[decided] += 1
        any_wrong, bare_wrong, last_wrong = any_wrong + wrong, bare_wrong + bare, last_wrong + last
    return {
        "comparisons": count,
        "ratio": round(math.exp(effect), 4),
        "threshold": threshold,
        "any_look_wrong": round(any_wrong / count, 4),
        "any_look_wrong_without_spending": round(bare_wrong / count, 4),
        "interval_misses_the_ratio": round(last_wrong / count, 4),
        "verdicts": {name: round(each / count, 4) for name, each in verdicts.items()},
        "share_of_the_time": round(shares / count, 3),
    }


def outside(interval: Interval | None, effect: float) -> bool:
    """Whether an interval misses the effect; none misses nothing."""
    return interval is not None and not interval[0] <= effect <= interval[1]


def verdict_of(effects: Sequence[float], levels: sequential.Levels, threshold: float) -> str:
    """Judge as compare/decision.py does."""
    bound = math.log1p(threshold)
    within = statistics.interval(effects, levels.equivalence)
    if within and -bound <= within[0] and within[1] <= bound:
        return "equivalent"
    sure = outside(statistics.interval(effects, levels.interval), 0.0)
    return "different" if sure and abs(statistics.estimate(effects)) >= bound else "inconclusive"


# The rows.


def closed_row(found: dict[str, Any], many: int) -> dict[str, Any]:
    """Judge a recording of a closed loop: comparisons of 15 s, and one method's of 60 s."""
    rates, slice_s = found["rates"], found["slice_s"]
    slices = round(15 / slice_s / 1.08) // 16 * 16  # a slice and its way home

    def draw(merged: int = 1, *, four: bool = False) -> Draw:
        return of_rates(rates, slices, merged, four)

    some, few = max(40, many // 8), max(40, many // 20)
    methods: dict[str, tuple[Draw, Judge, int]] = {
        "blocks of two, sign test": (draw(), signs, many),
        "blocks of two, signed ranks": (draw(), ranks, few),
        "blocks of two, trimmed mean": (draw(), trimmed, some),
        "blocks of two, mean": (draw(), mean, some),
        "blocks of two, median, block bootstrap": (draw(), bootstrap, few),
        "blocks of two, 2 merged, sign test": (draw(2), signs, some),
        "blocks of two, 4 merged, sign test": (draw(4), signs, some),
        "blocks of four, sign test": (draw(four=True), signs, some),
        "blocks of four, signed ranks": (draw(four=True), ranks, few),
    }
    rows = {
        name: simulate(each, judge, count, DIFFERENCES["closed"])
        for name, (each, judge, count) in methods.items()
    }
    longer = of_rates(rates, min(4 * slices, len(rates) // 2 * 2), 1, four=False)
    return {
        "seconds": 15,
        "methods": rows,
        "chosen, 60 s": simulate(longer, signs, some, DIFFERENCES["closed"]),
        "looks, equal": in_looks(draw(), many, 0.0, 0.02),
        "looks, 1 % slower": in_looks(draw(), some, math.log1p(0.01), 0.005),
        "looks, 5 % slower": in_looks(draw(), some, math.log1p(0.05), 0.02),
    }


def rate_row(found: dict[str, Any], many: int) -> dict[str, Any]:
    """Judge a recording of a planned rate: comparisons of 30 s by quantiles."""
    rows, slice_s = found["rows"], found["slice_s"]
    slices = min(round(30 / slice_s), len(rows)) // 16 * 16
    few = max(40, many // 20)
    told_of: dict[str, dict[str, Any]] = {}
    differences = DIFFERENCES["rate"]
    for name, column in COLUMNS.items():
        for merged in (1, 2, 4):
            for judge in (signs, ranks):
                count = many if merged == 1 and judge is signs else few
                title = f"{name}, pairs of {merged}+{merged} slices, " + (
                    "sign test" if judge is signs else "signed ranks"
                )
                draw = of_rows(rows, slices, merged, column)
                told_of[title] = simulate(draw, judge, count, differences)
    chance = random.Random(3)
    intervals = [pooled_interval(rows, slices, column, chance) for _ in range(few // 4)]
    told_of[f"{name}, all answers pooled, block bootstrap"] = told(intervals, differences)
    return {"seconds": round(slices * slice_s, 1), "methods": told_of}


def main() -> int:
    """Judge, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="comparisons of a quick method")
    parser.add_argument("--only", default="", help="recordings whose name holds this")
    parser.add_argument("--output", type=Path, help="default: results/slice_statistics.json")
    typed = parser.parse_args()
    recordings = json.loads(slice_noise.NOISE.read_text())["recordings"]
    reached = True
    for name, found in recordings.items():
        if typed.only not in name:
            continue
        row = closed_row(found, typed.count) if "rates" in found else rate_row(found, typed.count)
        reached &= show(name, row)
        if not typed.only or typed.output:
            path = typed.output or RESULTS / "slice_statistics.json"
            harness.write_rows(path, {name: row})
    return 0 if reached else 1


def show(name: str, row: dict[str, Any]) -> bool:
    """Print a row; return whether the level of what fastbench uses is as promised."""
    print(f"{name}, {row['seconds']} s")
    reached = True
    methods = {**row["methods"], **{key: row[key] for key in ("chosen, 60 s",) if key in row}}
    for title, each in methods.items():
        middle, high = (100 * half for half in each["half_width"])
        powers = "  ".join(f"{float(by):.1%} {power:.0%}" for by, power in each["power"].items())
        chosen = title.startswith(("blocks of two, sign test", "chosen")) or (
            "1+1" in title and title.endswith("sign test")
        )
        passed = each["level"] <= most(each["comparisons"])
        reached &= passed or not chosen
        mark = ("pass" if passed else "FAIL") if chosen else ""
        print(
            f"  {title:<45}{each['level']:7.2%}  ±{middle:6.2f} ({high:6.2f}) %  {powers}  {mark}"
        )
    for title in (key for key in row if key.startswith("looks")):
        each = row[title]
        passed = each["any_look_wrong"] <= most(each["comparisons"])
        reached &= passed
        mark = "pass" if passed else "FAIL"
        bare = each["any_look_wrong_without_spending"]
        verdicts = " ".join(f"{key} {share:.1%}" for key, share in each["verdicts"].items())
        time = each["share_of_the_time"]
        print(
            f"  {title:<45}{each['any_look_wrong']:7.2%} ({bare:.1%} without spending)  {mark}  "
            f"{verdicts}  {time:.0%} of the time"
        )
    sys.stdout.flush()
    return reached


def most(comparisons: int) -> float:
    """Return the share of wrong ones that a level of 1 % reaches by chance in one case of 200."""
    return 1 - CONFIDENCE + Z * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / comparisons)


if __name__ == "__main__":
    sys.exit(main())
