"""Search for known capacities with `fastbench find`; see results/find.json.

wait    a token bucket that lets requests over its rate wait: p99<50ms
reject  one that rejects them: errors<1%

Each search has a bucket of another rate, drawn from --seed; the server has one core and the client
another. What a file holds already is kept: a row goes on until it has --count searches.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
from harness import BenchError, Cores

OFF_MAX = 0.05
CAPACITIES = (400, 2000)  # well below what the embedded server and one core carry
BURSTS_PER_S = 50  # who rejects must allow for requests that come a little early: 20 ms
LIMIT_S = 600.0
STEP = ("rate", "held", "p99_ms", "errors_share", "missed_share", "verdict", "redone")


@dataclass(frozen=True, slots=True)
class Row:
    """What is searched where."""

    title: str
    slo: str
    over: str


ROWS = {
    "wait": Row("what is over the capacity waits", "p99<50ms", "wait"),
    "reject": Row("what is over the capacity is rejected", "errors<1%", "reject"),
}


def search(row: Row, capacity: int, url: str, cores: Cores, seconds: float) -> dict[str, Any]:
    """Search once; return what was found and how far off it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        argv = [*harness.fastbench_command(), "find", "--slo", row.slo, f"-d{seconds:g}s", "-W0.5s"]
        burst = capacity // BURSTS_PER_S if row.over == "reject" else 1
        where = f"{url}/limited/{capacity}?over={row.over}&burst={burst}"
        argv += ["--quiet", "--json", str(path), where]
        done = harness.run(argv, cores.client, LIMIT_S)
        if not path.exists():
            raise BenchError(f"fastbench find: {done.output.strip()[-300:]}")
        found: dict[str, Any] = json.loads(path.read_text())
    rate = found["rate"]
    return {
        "capacity": capacity,
        "ended": found["ended"],
        "rate": rate,
        "interval": found["interval"],
        "off": None if rate is None else round(rate / capacity - 1, 4),
        "runs": len(found["steps"]) + sum(step["redone"] for step in found["steps"]),
        "elapsed_s": round(found["elapsed_s"], 1),
        "warnings": [warning["code"] for warning in found["warnings"]],
        "steps": [{name: step[name] for name in STEP} for step in found["steps"]],
    }


def reached(searches: list[dict[str, Any]]) -> bool:
    """Tell whether every search ended within 5 % of the capacity."""
    near = [s["off"] is not None and abs(s["off"]) <= OFF_MAX for s in searches]
    return bool(near) and all(near) and all(s["ended"] == "found" for s in searches)


def measure(name: str, asked: argparse.Namespace, url: str, cores: Cores, out: Path | None) -> bool:
    """Search until the row is full; each search is written as soon as it is done."""
    row = ROWS[name]
    searches: list[dict[str, Any]] = harness.kept_row(out, name).get("searches", [])
    drawn = random.Random(f"{asked.seed} {name}")
    capacities = [drawn.randrange(*CAPACITIES) for _ in range(asked.count)]
    for capacity in capacities[len(searches) :]:
        searches.append(search(row, capacity, url, cores, asked.seconds))
        shown = {key: value for key, value in searches[-1].items() if key != "steps"}
        print(f"{name:8}{json.dumps(shown)}", flush=True)
        if out is not None:
            document = {"title": row.title, "slo": row.slo, "seconds": asked.seconds}
            document |= {"searches": searches, "target": f"within {OFF_MAX:.0%}"}
            document |= {"reached": reached(searches), "environment": harness.environment()}
            harness.write_rows(out, {name: document})
    within = sum(abs(s["off"] or 1) <= OFF_MAX for s in searches)
    print(f"{name:8}{within} of {len(searches)} within {OFF_MAX:.0%}", flush=True)
    return reached(searches)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default=",".join(ROWS), help="any of %(default)s")
    parser.add_argument("--count", type=int, default=5, help="searches a row (%(default)d)")
    parser.add_argument("--seconds", type=float, default=2.0, help="at each rate (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the capacities")
    parser.add_argument("--quick", action="store_true", help="1 search; nothing is written")
    parser.add_argument("--fresh", action="store_true", help="forget what the file holds")
    parser.add_argument("--output", type=Path, help="default bench/results/find.json")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",")
    if unknown := [each for each in asked.rows if each not in ROWS]:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}")
    return asked


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("setpriv", "taskset")
    cores = harness.pick_cores()
    output = asked.output or (None if asked.quick else harness.RESULTS / "find.json")
    asked.count = 1 if asked.quick else asked.count
    if asked.fresh and output is not None:
        harness.write_rows(output, {name: {} for name in asked.rows})
    server = [*harness.fastbench_command(), "serve", "--port", "0", "--quiet"]
    with harness.background(server, cores.server) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        print(f"{os.getloadavg()[0]:.2f} load", file=sys.stderr)
        return all([measure(name, asked, url, cores, output) for name in asked.rows])


def main() -> int:
    """Search in the rows asked for; 0 when all are within 5 %, 1 when not."""
    return harness.exit_code(lambda: _measure_all(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
