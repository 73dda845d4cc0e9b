"""Measure what many machines cost the parent of a run; see results/cluster_many.json.

The command is the real one, and so is Dask's scheduler. Machines are simulated: a Dask worker each,
hundreds of them in a process, which say what a real agent with four real workers says at the same
time (simulated_machines.py). All share the cores of this machine, so that time is not to be had:
what counts is the processor time of the parent and of the scheduler for a second of load, what a
machine sends in one, and the parent's memory. Seconds of the series that came late are told beside.
There is no target.

url_N       a run of one URL on N machines, at a planned rate
script_N    a script whose requests have 20 names, with as many requests or a little less
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

import harness
import psutil
from harness import BenchError, Spread

PROGRAM = harness.ROOT / "bench" / "simulated_machines.py"
WORKERS = 4  # of each machine
MACHINES = (10, 30, 100)
RATE = 200  # requests a second of each worker
SCRIPT = harness.ROOT / "bench" / "scripts" / "twenty_names.py"
NAMES = 20  # of its requests
THRESHOLDS = {"url": "errors<1%", "script": "http_req_failed:rate<0.01"}
PER_PROCESS = 500
LOOK_S = 0.5
LIMIT_S = 420.0
END_S = 20.0


class Program:
    """A part of the cluster, until the block ends.

    `first` is what it says first, `rest` what it says once it has ended.
    """

    def __init__(self, *words: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline().strip()
        self.rest = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.rest = self.process.communicate(timeout=END_S)[0]  # which ends it first
        self.process.kill()
        self.process.wait()


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


def of_url(workers: int, url: str, seconds: float) -> list[str]:
    """Return the words of a run of one URL."""
    return ["-c", f"{2 * workers}", "-d", f"{seconds:g}s", "-R", f"{RATE * workers}", url]


def of_script(workers: int, url: str, seconds: float) -> list[str]:
    """Return those of a script, whose users make as many requests or a little less."""
    users, pause_s = 2 * workers, 2 * NAMES / RATE
    given = ["-e", f"BASE_URL={url}", "-e", f"PAUSE_S={pause_s:g}"]
    return ["run", "-u", f"{users}", "-d", f"{seconds:g}s", *given, str(SCRIPT)]


LOADS = {"url": of_url, "script": of_script}


def row(load: str, machines: int, url: str, seconds: float, folder: Path) -> dict[str, object]:
    """Measure one run on so many machines."""
    workers, document = machines * WORKERS, folder / "run.json"
    asked = LOADS[load](workers, url, seconds)
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(Program("scheduler"))
        address = scheduler.first
        leader, *_ = [stack.enter_context(Program(address, *span)) for span in spans(machines)]
        words = ["--on", address, "-t", f"{WORKERS}", "--threshold", THRESHOLDS[load], "--quiet"]
        words += ["--json", str(document)]
        start = 1 if asked[0] == "run" else 0
        argv = [sys.executable, "-m", "fastbench", *asked[:start], *words, *asked[start:]]
        begun_s = time.time()
        looks, ended_s = followed(argv, scheduler.process.pid)
    found = json.loads(document.read_text())
    start_s = datetime.fromisoformat(found["environment"]["started_at"]).timestamp()
    inner = [each for each in looks if start_s + 2 <= each[0] <= start_s + seconds - 1]
    if len(inner) < 2 or len(found["machines"]) != machines:
        raise BenchError(f"{machines} machines: the run is too short to be measured")
    first, last = inner[0], inner[-1]
    span_s = last[0] - first[0]
    told = sum(n for at_s, n in json.loads(leader.rest) if first[0] <= at_s < last[0])
    late = [each["span_s"] - 1 for each in found["series"][:-1]]
    summary = found["summary"]
    parent_s, scheduler_s = last[1] - first[1], last[2] - first[2]
    return {
        "machines": machines,
        "workers": workers,
        "parent_cores": round(parent_s / span_s, 4),
        "parent_ms_per_machine_and_second": round(1e3 * parent_s / span_s / machines, 3),
        "scheduler_cores": round(scheduler_s / span_s, 4),
        "bytes_per_machine_and_second": round(told / span_s),
        "parent_cpu_s_until_the_load": round(first[1], 2),
        "parent_memory_bytes": max(each[3] for each in looks),
        "start_s": round(start_s - begun_s, 2),
        "stop_s": round(ended_s - start_s - summary["duration_s"], 2),
        "late_s": Spread.of(late).document(),
        "lost_machines": sum(bool(each.get("lost")) for each in found["machines"]),
        "clock_bound_ms_max": round(max(each["clock_bound_ms"] for each in found["machines"]), 3),
        "requests": summary["requests"],
        "environment": harness.environment(),
    }


def measure(
    loads: Sequence[str], machines: Sequence[int], seconds: float, output: Path | None
) -> bool:
    """Measure all rows."""
    harness.need("gcc")
    harness.raise_files_limit()
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = harness.compile_c("server", folder)
        with harness.fixed_server(server, ",".join(map(str, os.sched_getaffinity(0)))) as url:
            for load, count in itertools.product(loads, machines):
                rows[f"{load}_{count}"] = found = row(load, count, url, seconds, folder)
                print(
                    json.dumps({k: v for k, v in found.items() if k != "environment"}), flush=True
                )
                if output is not None:
                    harness.write_rows(output, rows)
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the parent of many machines; 0 unless it cannot be measured."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=list(LOADS))
    parser.add_argument("--machines", type=int, nargs="+", default=MACHINES)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each run")
    parser.add_argument("--quick", action="store_true", help="10 machines; nothing is written")
    asked = parser.parse_args(argv)
    machines = MACHINES[:1] if asked.quick else asked.machines
    output = None if asked.quick else harness.RESULTS / "cluster_many.json"
    return harness.exit_code(
        lambda: measure(asked.loads, machines, max(6.0, asked.seconds), output)
    )


if __name__ == "__main__":
    sys.exit(main())
