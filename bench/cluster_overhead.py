"""Measure what carrying a run on machines costs the rate; see results/cluster_overhead.json.

`--on local:2 -t 1`, two machines of one worker each, alternates with a plain run of two workers
(-t 2), of a server that is never the bottleneck (server.c). All of them share the same cores, so
that what Dask's processes and the agents take is missing from the rate.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import harness
from harness import BenchError, Spread

RATIO = 0.98
SECONDS = "5s"
LIMIT_S = 60.0
LINES = {"machines": ("--on", "local:2", "-t", "1"), "plain": ("-t", "2")}


def rate(url: str, words: tuple[str, ...], cores: str, folder: Path) -> float:
    """Return the requests per second of one run."""
    document = folder / "run.json"
    argv = [*harness.fastbench_command(), *words, "-c", "20", "-d", SECONDS, "--quiet"]
    done = harness.run([*argv, "--json", document, url], cores, LIMIT_S)
    if not document.exists():
        raise BenchError(f"fastbench: {done.output.strip()[-300:]}")
    summary = json.loads(document.read_text())["summary"]
    document.unlink()
    if summary["ended"] != "complete":
        raise BenchError(f"fastbench: the run ended as {summary['ended']}")
    found: float = summary["requests_per_s"]
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--count", type=int, default=20, help="pairs of runs")
    parser.add_argument("--quick", action="store_true", help="1 pair; nothing is written")
    parser.add_argument("--seed", type=int, default=1, help="of the order")
    return parser.parse_args()


def _measure(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset")
    draw, pairs = random.Random(asked.seed), []
    with tempfile.TemporaryDirectory() as name:
        folder, cores = Path(name), harness.pick_cores()
        program = harness.compile_c("server", folder)
        with harness.fixed_server(program, cores.both) as url:
            for _ in range(1 if asked.quick else asked.count):
                order = draw.sample(sorted(LINES), 2)
                found = {each: rate(url, LINES[each], cores.both, folder) for each in order}
                pairs.append(found)
                print(json.dumps(found), flush=True)
    ratio = Spread.of([each["machines"] / each["plain"] for each in pairs])
    reached = ratio.median >= RATIO
    row = {
        "title": "requests per second on two machines of one worker, of a run of two workers",
        "figures": {"ratio": ratio.document(), "pairs": len(pairs)},
        "target": f"at least {RATIO}",
        "reached": reached,
        "pairs": pairs,
        "environment": harness.environment(),
    }
    if not asked.quick:
        harness.write_rows(harness.RESULTS / "cluster_overhead.json", {"local2": row})
    print(f"ratio {row['figures']}  {row['target']}  {'pass' if reached else 'FAIL'}")
    return reached


def main() -> int:
    """Measure; 0 when the ratio is as it has to be, 1 when not."""
    return harness.exit_code(lambda: _measure(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
