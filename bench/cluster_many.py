"""Measure what many machines cost the parent of a run; see results/cluster_many.json.

The command is the real one, and so is Dask's scheduler. Machines are simulated: a Dask worker each,
hundreds of them in a process, which say what a real agent with four real workers says at the same
time (simulated_machines.py). All share the cores of this machine, so that time is not to be had:
what counts is the processor time of the parent and of the scheduler for a second of load, and the
parent's memory. Seconds of the series that came late are told beside. There is no target.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import harness
import psutil
from harness import BenchError, Spread

PROGRAM = harness.ROOT / "bench" / "simulated_machines.py"
WORKERS = 4  # of each machine
MACHINES = (10, 30, 100)
RATE = 200  # requests a second of each worker
PER_PROCESS = 500
LOOK_S = 0.5
LIMIT_S = 180.0
END_S = 20.0


@contextlib.contextmanager
def program(*words: object) -> Iterator[str]:
    """Run a part of the cluster until the block ends; gives what it says first."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield f"{process.pid} {process.stdout.readline().strip()}"
        finally:
            process.stdin.close()  # which ends it, and its folders
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
            process.kill()


def spans(machines: int) -> Iterator[tuple[int, int]]:
    """Give the first machine and how many there are of each process; the first is alone in one."""
    yield 0, 1
    for first in range(1, machines, PER_PROCESS):
        yield first, min(PER_PROCESS, machines - first)


def followed(
    argv: Sequence[str], scheduler: int
) -> tuple[list[tuple[float, float, float, int]], float]:
    """Run a command; give (time, CPU of it, CPU of the scheduler, memory), and when it ended."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    parent, other, rows = psutil.Process(process.pid), psutil.Process(scheduler), []
    limit_s = time.time() + LIMIT_S
    while time.time() < limit_s:
        with contextlib.suppress(psutil.Error):
            used, carried = parent.cpu_times(), other.cpu_times()
            cpu = used.user + used.system, carried.user + carried.system
            rows.append((time.time(), *cpu, parent.memory_info().rss))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
            break
    else:
        process.kill()
        raise BenchError(f"the run had not ended after {LIMIT_S:g} s")
    if process.returncode:
        said = process.stderr.read() if process.stderr is not None else ""
        raise BenchError(f"fastbench ended with {process.returncode}: {said.strip()[-300:]}")
    return rows, time.time()


def row(machines: int, url: str, seconds: float, folder: Path) -> dict[str, object]:
    """Measure one run on so many machines."""
    workers, document = machines * WORKERS, folder / "run.json"
    with contextlib.ExitStack() as stack:
        pid, address = stack.enter_context(program("scheduler")).split()
        for span in spans(machines):
            stack.enter_context(program(address, *span))
        words = ["--on", address, "-t", f"{WORKERS}", "-c", f"{2 * workers}", "-d", f"{seconds:g}s"]
        words += ["-R", f"{RATE * workers}", "--threshold", "errors<1%", "--quiet"]
        argv = [sys.executable, "-m", "fastbench", *words, "--json", str(document), url]
        begun_s = time.time()
        looks, ended_s = followed(argv, int(pid))
    found = json.loads(document.read_text())
    start_s = datetime.fromisoformat(found["environment"]["started_at"]).timestamp()
    inner = [each for each in looks if start_s + 2 <= each[0] <= start_s + seconds - 1]
    if len(inner) < 2 or len(found["machines"]) != machines:
        raise BenchError(f"{machines} machines: the run is too short to be measured")
    first, last = inner[0], inner[-1]
    span_s = last[0] - first[0]
    late = [each["span_s"] - 1 for each in found["series"][:-1]]
    summary = found["summary"]
    return {
        "machines": machines,
        "workers": workers,
        "parent_cores": round((last[1] - first[1]) / span_s, 4),
        "scheduler_cores": round((last[2] - first[2]) / span_s, 4),
        "parent_cpu_s_until_the_load": round(first[1], 2),
        "parent_memory_bytes": max(each[3] for each in looks),
        "start_s": round(start_s - begun_s, 2),
        "stop_s": round(ended_s - start_s - summary["duration_s"], 2),
        "late_s": Spread.of(late).document(),
        "lost_machines": sum(bool(each.get("lost")) for each in found["machines"]),
        "clock_bound_ms_max": round(max(each["clock_bound_ms"] for each in found["machines"]), 3),
        "requests": [summary["requests"], round(RATE * workers * summary["duration_s"])],
        "environment": harness.environment(),
    }


def measure(machines: Sequence[int], seconds: float, output: Path | None) -> bool:
    """Measure all rows."""
    harness.need("gcc")
    harness.raise_files_limit()
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = harness.compile_c("server", folder)
        with harness.fixed_server(server, ",".join(map(str, os.sched_getaffinity(0)))) as url:
            for count in machines:
                rows[f"url_{count}"] = found = row(count, url, seconds, folder)
                print(
                    json.dumps({k: v for k, v in found.items() if k != "environment"}), flush=True
                )
                if output is not None:
                    harness.write_rows(output, rows)
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the parent of many machines; 0 unless it cannot be measured."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--machines", type=int, nargs="+", default=MACHINES)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each run")
    parser.add_argument("--quick", action="store_true", help="10 machines; nothing is written")
    asked = parser.parse_args(argv)
    machines = MACHINES[:1] if asked.quick else asked.machines
    output = None if asked.quick else harness.RESULTS / "cluster_many.json"
    return harness.exit_code(lambda: measure(machines, max(6.0, asked.seconds), output))


if __name__ == "__main__":
    sys.exit(main())
