"""Measure what a user waits for: `--version`, and a 1 s run from command to prompt.

Bare Python starts and `--version` run in turn; the median of their paired ratios is the number.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import harness
from harness import Spread

BARE_STARTS_MAX = 3.0
RUN_S_MAX = 1.6
BARE = [sys.executable, "-I", "-c", "pass"]


def version_ratio(rounds: int, core: str) -> Spread:
    """Give `--version` in bare Python starts."""
    version = [*harness.fastbench_command(), "--version"]
    ratios = []
    for _ in range(rounds):
        bare = harness.run(BARE, core, 1.0).wall_s
        ratios.append(harness.run(version, core, 1.0).wall_s / bare)
    return Spread.of(ratios)


def one_second_run(rounds: int, folder: Path) -> Spread:
    """Give the seconds from command to prompt of a `-d1s` run."""
    cores = harness.pick_cores()
    with harness.fixed_server(harness.compile_c("server", folder), cores.server) as url:
        command = [*harness.fastbench_command(), "-c100", "-d1s", url]
        return Spread.of([harness.run(command, cores.both, 1.0).wall_s for _ in range(rounds)])


def _measure(rounds: int, output: Path | None) -> bool:
    before = harness.cpu_ticks()
    surroundings = harness.environment()
    version = version_ratio(rounds, harness.pick_cores().client)
    with tempfile.TemporaryDirectory() as folder:
        run = one_second_run(max(2, rounds // 3), Path(folder))
    surroundings["steal"] = round(harness.steal_share(before, harness.cpu_ticks()), 4)
    asked = {
        "--version / bare Python start": (version, BARE_STARTS_MAX),
        "-d1s, command to prompt, s": (run, RUN_S_MAX),
    }
    figures = {}
    for name, (spread, bound) in asked.items():
        reached = spread.median <= bound
        figures[name] = {**spread.document(), "target": bound, "reached": reached}
        verdict = "pass" if reached else "FAIL"
        quartiles = f"{spread.low:.3f} to {spread.high:.3f}"
        print(f"{name:32}{spread.median:8.3f}  ({quartiles})  <= {bound}  {verdict}")
    if output is not None:
        document = {"rounds": rounds, "figures": figures, "environment": surroundings}
        harness.write_rows(output, {"startup": document})
    return all(spread.median <= bound for spread, bound in asked.values())


def main() -> int:
    """Measure the start; 0 when both targets are reached, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--quick", action="store_true", help="3 rounds; nothing is written")
    parser.add_argument("--output", type=Path, help="default bench/results/startup.json")
    asked = parser.parse_args()
    output = asked.output or (None if asked.quick else harness.RESULTS / "startup.json")
    return harness.exit_code(lambda: _measure(3 if asked.quick else max(1, asked.rounds), output))


if __name__ == "__main__":
    sys.exit(main())
