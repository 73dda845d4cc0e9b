"""Measure what the live view costs: processor time of the process that draws it, and its output.

Each run is on a terminal of its own, once with the view and once with --no-progress, in turns. The
processor time is that of the command's own process (schedstat), not of its workers, between the
third second and the end: starts and reports are left out. The cost is the difference, in percent
of a core; bytes are what reaches the terminal each second. It needs no quiet machine.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import BenchError, Spread

COST_PERCENT_MAX = 1.0
BEGIN_S, END_S = 3.0, 2.0  # of a run, that are left out
SIZES = {"80x24": (80, 24), "200x60": (200, 60)}
URLS = 20  # of the mix
SCRIPT = """
import asyncio
from fastbench import Options, check, scenario

options = Options(thresholds={"http_req_duration": ["p(95)<500", "p(99)<900"]})

for number in range(3):
    @scenario(name=f"scenario_{number}", executor="constant-vus", vus=10, duration="DURATION")
    async def users(vu, number=number):
        for page in range(6):
            answer = await vu.get("/", name=f"/page/{number}/{page}")
            check(answer, {"is 200": lambda it: it.status == 200})
        await asyncio.sleep(0.02)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: percent of a core, and bytes a second to the terminal."""

    percent: float
    bytes_per_s: float


def measured(words: list[str], size: tuple[int, int], run_s: float) -> Cost:
    """Run a command on a terminal of so many columns and rows."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(
        [*harness.fastbench_command(), *words],
        stdin=its,
        stdout=subprocess.DEVNULL,
        stderr=its,
        env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
    )
    os.close(its)
    begun_s = time.monotonic()
    marks: list[tuple[float, int, int]] = []
    seen = 0
    try:
        for end_s in (BEGIN_S, run_s - END_S):
            while (left_s := begun_s + end_s - time.monotonic()) > 0:
                if select.select([ours], [], [], left_s)[0]:
                    seen += len(os.read(ours, 65536))
            marks.append((time.monotonic(), _cpu_ns(process.pid), seen))
        with contextlib.suppress(OSError):  # EIO: nobody holds the other side any more
            while os.read(ours, 65536):
                pass
    finally:
        process.kill() if process.poll() is None and len(marks) < 2 else process.wait()
        process.wait()
        os.close(ours)
    if process.returncode != 0:
        raise BenchError(f"fastbench {' '.join(words)} ended with {process.returncode}")
    (first_s, first_ns, first_seen), (last_s, last_ns, last_seen) = marks
    span_s = last_s - first_s
    return Cost((last_ns - first_ns) / 1e7 / span_s, (last_seen - first_seen) / span_s)


def _cpu_ns(pid: int) -> int:
    """Return the time that a process spent on a processor: its main thread, proc(5)."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0])


def _rows(url: str, folder: Path, run_s: float) -> dict[str, list[str]]:
    script = folder / "users.py"
    script.write_text(SCRIPT.replace("DURATION", f"{run_s:g}s"))
    last = f"-d{run_s:g}s"
    return {
        "one URL": ["-c16", last, url],
        "planned": ["-c16", "-R2000", last, url],
        f"{URLS} URLs": ["-c16", last, *(f"{url}page/{at}" for at in range(URLS))],
        "script": ["run", str(script), "--base-url", url],
    }


def _measure(rounds: int, run_s: float, only: list[str], output: Path | None) -> bool:
    before = harness.cpu_ticks()
    surroundings = harness.environment()
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cores = harness.pick_cores()
        with harness.fixed_server(harness.compile_c("server", folder), cores.server) as url:
            for row, words in _rows(url, folder, run_s).items():
                for size, cells in SIZES.items():
                    if not only or f"{row}, {size}" in only or row in only:
                        found[f"{row}, {size}"] = _row(
                            f"{row}, {size}", words, cells, rounds, run_s
                        )
    surroundings["steal"] = round(harness.steal_share(before, harness.cpu_ticks()), 4)
    if output is not None:
        for each in found.values():
            each["environment"] = surroundings
        harness.write_rows(output, found)
    return all(bool(each["reached"]) for each in found.values())


def _row(
    name: str, words: list[str], size: tuple[int, int], rounds: int, run_s: float
) -> dict[str, object]:
    with_view, without = [], []
    for _ in range(rounds):
        with_view.append(measured(words, size, run_s))
        without.append(measured([*words, "--no-progress"], size, run_s))
    pairs = list(zip(with_view, without, strict=True))
    cost = Spread.of([one.percent - other.percent for one, other in pairs])
    sent = Spread.of([each.bytes_per_s for each in with_view])
    reached = cost.median <= COST_PERCENT_MAX
    verdict = "pass" if reached else "FAIL"
    print(
        f"{name:20}{cost.median:7.2f} % of a core ({cost.low:.2f} to {cost.high:.2f})"
        f"  <= {COST_PERCENT_MAX}  {verdict}   {sent.median:,.0f} B/s",
        flush=True,
    )
    return {
        "rounds": rounds,
        "run_s": run_s,
        "cost_percent_of_core": {
            **cost.document(),
            "target": COST_PERCENT_MAX,
            "reached": reached,
        },
        "bytes_per_s": sent.document(),
        "samples": [[one.percent, other.percent] for one, other in pairs],
        "reached": reached,
    }


def main() -> int:
    """Measure the view; 0 when all rows keep the target, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", type=float, default=20.0, help="length of a run in s")
    parser.add_argument("--rows", default="", help="a comma between names: one URL,script")
    parser.add_argument("--quick", action="store_true", help="1 round of 8 s; nothing is written")
    parser.add_argument("--output", type=Path, help="default bench/results/live_view.json")
    asked = parser.parse_args()
    output = asked.output or (None if asked.quick else harness.RESULTS / "live_view.json")
    rounds, run_s = (1, 8.0) if asked.quick else (max(1, asked.rounds), asked.run)
    only = [each for each in asked.rows.split(",") if each]
    return harness.exit_code(lambda: _measure(rounds, run_s, only, output))


if __name__ == "__main__":
    sys.exit(main())
