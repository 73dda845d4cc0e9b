"""Measure this checkout against an earlier one of fastbench, pair by pair; see results/.

small, large, https   a run of one URL: rate, and CPU per request (the rows of throughput.py)
get, five             scripts of scenario.py: rate
start                 `--version`, one request, one iteration of a script: seconds to the prompt
memory                PSS of the whole tree at 100 and at 8,000 connections (memory.py)

Both checkouts must be built (`make build`). In every round each runs once, the first one in turn;
the ratio is formed within the round, and the median of the ratios is the number.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import harness
import memory
import scenario
import throughput
import tools
from harness import BenchError, Cores, Spread

WORSE = 1.02  # of a cost; a rate is turned round, so that more is worse
URL_ROWS = ("small", "large", "https")
SCRIPT_ROWS = {"get": "get_check.py", "five": "five.py"}
ROWS = (*URL_ROWS, *SCRIPT_ROWS, "start", "memory")

Costs = dict[str, float]  # by name; smaller is better
Play = Callable[[], Costs]


@contextmanager
def loads(row: str, cores: Cores, seconds: float) -> Iterator[Play]:
    """Run the server of a row; give what measures one checkout once."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = harness.compile_c("server", home)
        if row in URL_ROWS:
            load = throughput.ROWS[row]
            programs = throughput.Programs(home, server, server)
            with throughput.serving(load, programs, cores.server) as (url, cafile):
                work = tools.Work(url, load.connections, seconds, 1, cafile)
                yield lambda: of_urls(work, cores.client)
            return
        with harness.fixed_server(server, cores.server, scenario.ANSWER) as url:
            if row in SCRIPT_ROWS:
                play = scenario.fastbench(SCRIPT_ROWS[row])
                yield lambda: {"1 / rate": 1 / play(url, cores.client, seconds)}
            else:
                yield partial(of_starts if row == "start" else of_memory, url, cores.client)


def of_urls(work: tools.Work, core: str) -> Costs:
    """Run one URL; give seconds and CPU per request."""
    sample = tools.fastbench(work, core)
    return {"1 / rate": 1 / sample.requests_per_s, "cpu per request": sample.cpu_us_per_request}


def of_starts(url: str, core: str) -> Costs:
    """Give the seconds from command to prompt of what loads nothing."""
    script = scenario.SCRIPTS / "get_check.py"
    commands = {
        "--version": ["--version"],
        "one request": ["-n1", "-c1", "-t1", "--no-progress", url],
        "one iteration": ["run", "-u1", "-i1", "-t1", "-e", f"BASE_URL={url}", str(script)],
    }
    command = harness.fastbench_command()
    return {
        name: harness.run([*command, *words], core, 5.0).wall_s for name, words in commands.items()
    }


def of_memory(url: str, core: str) -> Costs:
    """Give the memory of a run, in bytes."""
    return {
        f"{count} connections": float(
            memory.tree_pss_bytes("fastbench", count, 2 * memory.CONNECT_S, url, core)
        )
        for count in (100, memory.MANY)
    }


def measure(
    row: str, before: Path, cores: Cores, rounds: int, seconds: float
) -> dict[str, dict[str, object]]:
    """Play all rounds of a row; give its ratios, after over before."""
    ratios: dict[str, list[float]] = {}
    with loads(row, cores, seconds) as play:
        for number in range(rounds + 1):  # the first round warms files and caches
            found: dict[Path, Costs] = {}
            for checkout in (before, harness.ROOT)[:: 1 if number % 2 else -1]:
                harness.use(checkout)
                found[checkout] = play()
            for name, cost in found[harness.ROOT].items() if number else ():
                ratios.setdefault(name, []).append(cost / found[before][name])
    figures: dict[str, dict[str, object]] = {}
    for name, each in ratios.items():
        spread = Spread.of(each)
        reached = spread.median <= WORSE
        samples = [round(ratio, 4) for ratio in each]
        figures[name] = {
            **spread.document(),
            "target": WORSE,
            "reached": reached,
            "samples": samples,
        }
        quartiles = f"{spread.low:.3f} to {spread.high:.3f}"
        verdict = "pass" if reached else "FAIL"
        print(f"{row:8}{name:20}{spread.median:7.3f}  ({quartiles})  {verdict}", flush=True)
    return figures


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset", "nginx")
    harness.raise_files_limit()
    if not (asked.before / ".venv" / "bin" / "fastbench").exists():
        raise BenchError(f"{asked.before} has no built fastbench; run `make build` there")
    cores = harness.pick_cores()
    rounds, seconds = (1, 1.0) if asked.quick else (asked.rounds, asked.seconds)
    all_figures: list[dict[str, object]] = []
    for row in asked.rows.split(","):
        before_ticks, surroundings = harness.cpu_ticks(), harness.environment()
        figures = measure(row, asked.before.resolve(), cores, rounds, seconds)
        all_figures += figures.values()
        surroundings["steal"] = round(harness.steal_share(before_ticks, harness.cpu_ticks()), 4)
        surroundings["before"] = harness.commit(asked.before)
        if asked.output is not None:
            document = {"rounds": rounds, "seconds": seconds, "figures": figures}
            harness.write_rows(asked.output, {row: {**document, "environment": surroundings}})
    return all(each["reached"] for each in all_figures)


def main() -> int:
    """Measure the rows asked for; 0 when none is worse by more than 2 %, 1 when one is."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("before", type=Path, help="the other checkout, built")
    parser.add_argument("--rows", default=",".join(ROWS), help="any of %(default)s")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run (%(default)g)")
    parser.add_argument("--quick", action="store_true", help="1 round of 1 s")
    parser.add_argument("--output", type=Path, help="a file of results; none by default")
    asked = parser.parse_args()
    return harness.exit_code(lambda: _measure_all(asked))


if __name__ == "__main__":
    sys.exit(main())
