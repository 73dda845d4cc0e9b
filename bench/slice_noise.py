"""Record the noise of this machine for slice_statistics.py: one server on both sides, in slices.

The server runs already, pinned to one core, and this to the other. A closed loop leaves the rate of
each slice of 20 ms; a rate (-R) leaves how many answers there were in each slice of 50 ms, and
quantiles of their times. The recordings that are there are of bench/spinning.py (150 us), of
`fastbench serve` and of nginx, each on a quiet machine and on one whose cores had other work.
"""

from __future__ import annotations

import argparse
import json
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from harness import RESULTS

from fastbench.cli.args import compare_args
from fastbench.experiments.slices.slice_order import BLOCK, order_of
from fastbench.plan.plan import Plan
from fastbench.run.turns import SlicePart, Turns, TurnsRun

NOISE = RESULTS / "slice_noise.json"
PERCENTS = (50, 90, 98, 99, 100)


def record(url: str, rate: float | None, time_s: float) -> dict[str, Any]:
    """Return what slices of a server look like."""
    words = ["--slice", "20ms", "-t1", "-c10", *([] if rate is None else ["-R", f"{rate:g}"])]
    command = compare_args.parse(["--no-progress", *words, url, url])
    assert isinstance(command, compare_args.Command)
    assert isinstance(command.what, compare_args.Live)
    plans = [side.make(None) for side in (command.what.base, command.what.candidate)]
    slice_s = 0.02 if rate is None else 0.05
    order = order_of(1, round(time_s / slice_s / BLOCK) * BLOCK)
    sides = tuple(each for each in plans if isinstance(each, Plan))
    parts: list[SlicePart] = []

    def tell(new: Sequence[SlicePart]) -> None:
        parts.extend(new)

    TurnsRun(Turns(sides, order, slice_s, time_s)).carry_out(tell)
    answered = [each for each in parts if each.rate]
    if rate is None:
        return {"slice_s": slice_s, "rates": [round(each.rate) for each in answered]}
    return {"slice_s": slice_s, "rate": rate, "rows": [row_of(each.times_ns) for each in answered]}


def row_of(times_ns: array[int]) -> list[int]:
    """Return the number of answers, and quantiles of their times in microseconds."""
    ordered = sorted(times_ns)
    places = [max(1, -(-percent * len(ordered) // 100)) - 1 for percent in PERCENTS]
    return [len(ordered), *(ordered[place] // 1000 for place in places)]


def keep(name: str, recording: dict[str, Any]) -> None:
    """Add a recording to the file, one line each."""
    kept = json.loads(NOISE.read_text())["recordings"] if NOISE.exists() else {}
    kept[name] = recording
    lines = (
        f"{json.dumps(each)}: {json.dumps(kept[each], separators=(',', ':'))}" for each in kept
    )
    columns = json.dumps(["answers", *(f"p{percent} us" for percent in PERCENTS)])
    text = ",\n".join(lines)
    NOISE.write_text(f'{{"columns of rows": {columns},\n"recordings": {{\n{text}}}}}\n')


def main() -> int:
    """Record as the words say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help='for example "nginx, quiet, closed loop"')
    parser.add_argument("url")
    parser.add_argument("-R", "--rate", type=float)
    parser.add_argument("--time", type=float, default=70.0, help="in seconds")
    typed = parser.parse_args()
    keep(typed.name, record(typed.url, typed.rate, typed.time))
    return 0


if __name__ == "__main__":
    sys.exit(main())
