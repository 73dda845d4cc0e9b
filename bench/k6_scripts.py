"""Measure k6's scripts, as they stand, in fastbench and in k6; see results/k6_scripts.json.

get     one GET and one check, 50 VUs: the script in both, and its twin in Python
five    five requests with JSON, checks, groups and custom metrics: the same
users   1, 1,000 and 5,000 VUs: memory of all processes (proportional, proc(5) smaps_rollup), and
        the time until each has run one iteration

The tools take turns in every round, in a random order, one client core each, the server on another.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import psutil
from harness import BenchError, Cores
from scenario import ANSWER, PEERS, SCRIPTS, Row, fastbench, k6, measure

RATES = {
    "get": Row(
        "one GET and one check, 50 VUs",
        {
            "fastbench": fastbench("get_check.js"),
            "python": fastbench("get_check.py"),
            "k6": k6("get_check.js"),
        },
        {"k6": 6.0, "python": 0.75},
    ),
    "five": Row(
        "five requests with JSON, checks, groups and metrics, 50 VUs",
        {
            "fastbench": fastbench("five.js"),
            "python": fastbench("five.py"),
            "k6": k6("five.js"),
        },
        {"k6": 5.0},
    ),
}
USERS = (1, 1000, 5000)
LOOK_S = 0.05
MIB = 1 << 20


def _memory_bytes(pid: int) -> int:
    """Return the proportional memory of a process and its children."""
    total = 0
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            rows = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(row.split()[1]) << 10 for row in rows if row.startswith("Pss:"))
    return total


def _watched(argv: list[str | Path], cores: str, limit_s: float) -> tuple[float, int]:
    """Run a command; return how long it took (s) and the most memory it had (bytes)."""
    most, begun_s = 0, time.perf_counter()
    with harness.background(argv, cores) as process:
        assert process.stdout is not None
        drained = threading.Thread(target=process.stdout.read)
        drained.start()
        while process.poll() is None:
            if time.perf_counter() - begun_s > limit_s:
                raise BenchError(f"{argv[0]} did not end within {limit_s:g}s")
            most = max(most, _memory_bytes(process.pid))
            time.sleep(LOOK_S)
        took_s = time.perf_counter() - begun_s
        drained.join()
    return took_s, most


def _fastbench(url: str, vus: int, *more: str) -> list[str | Path]:
    words = ["run", "-q", "-t1", "-u", str(vus), "-e", f"BASE_URL={url.rstrip('/')}", *more]
    return [*harness.fastbench_command(), *words, SCRIPTS / "k6_users.js"]


def _k6(url: str, vus: int, *more: str) -> list[str | Path]:
    words: list[str | Path] = [PEERS / "k6", "run", "--quiet", "--no-usage-report", "--vus"]
    words += [str(vus), "-e", f"BASE_URL={url.rstrip('/')}", *more]
    return [*words, SCRIPTS / "k6_users.js"]


def measure_users(cores: Cores, server: Path, rounds: int) -> dict[str, object]:
    """Measure memory while all users sleep, and the time of one iteration of each."""
    tools: dict[str, Callable[..., list[str | Path]]] = {"fastbench": _fastbench, "k6": _k6}
    bytes_: dict[str, dict[int, float]] = {tool: {} for tool in tools}
    starts_s: dict[str, dict[int, float]] = {tool: {} for tool in tools}
    with harness.fixed_server(server, cores.server, ANSWER) as url:
        for vus in USERS:
            held: dict[str, list[float]] = {tool: [] for tool in tools}
            took: dict[str, list[float]] = {tool: [] for tool in tools}
            for _ in range(rounds):
                for tool, line in tools.items():
                    asleep = line(url, vus, "--duration", "6s", "-e", "PAUSE_S=2")
                    held[tool].append(_watched(asleep, cores.client, 60)[1])
                    once = line(url, vus, "--iterations", str(vus), "-e", "PAUSE_S=0")
                    took[tool].append(_watched(once, cores.client, 60)[0])
            for tool in tools:
                bytes_[tool][vus] = statistics.median(held[tool])
                starts_s[tool][vus] = statistics.median(took[tool])
    return _of_users(bytes_, starts_s)


def _of_users(
    bytes_: dict[str, dict[int, float]], starts_s: dict[str, dict[int, float]]
) -> dict[str, object]:
    further = {tool: (rows[5000] - rows[1000]) / 4000 for tool, rows in bytes_.items()}
    figures = {
        "memory of 1,000 users / k6": (bytes_["fastbench"][1000] / bytes_["k6"][1000], 1 / 4),
        "memory of 5,000 users / k6": (bytes_["fastbench"][5000] / bytes_["k6"][5000], 1 / 9),
        "a further user / k6": (further["fastbench"] / further["k6"], 1 / 12),
        "start of 1 user, s": (starts_s["fastbench"][1], 0.5),
        "start of 1,000 users / k6": (starts_s["fastbench"][1000] / starts_s["k6"][1000], 1.1),
        "start of 5,000 users / k6": (starts_s["fastbench"][5000] / starts_s["k6"][5000], 0.6),
    }
    told: dict[str, Any] = {}
    for name, (value, most) in figures.items():
        word = "pass" if value <= most else "FAIL"
        print(f"users  {name:28} {value:7.3f}  <= {most:.3f}  {word}", flush=True)
        told[name] = {"value": round(value, 4), "target": round(most, 4), "reached": value <= most}
    return {
        "title": "a GET, a check and a sleep: memory and start of 1, 1,000 and 5,000 users",
        "figures": told,
        "mib": {
            tool: {str(vus): round(each / MIB, 1) for vus, each in rows.items()}
            for tool, rows in bytes_.items()
        },
        "bytes_of_a_further_user": {tool: round(each) for tool, each in further.items()},
        "start_s": {
            tool: {str(vus): round(each, 3) for vus, each in rows.items()}
            for tool, rows in starts_s.items()
        },
        "environment": harness.environment(),
    }


def _measure_all() -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="get,five,users", help="any of %(default)s")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    harness.need("gcc", "setpriv", "taskset")
    if not (PEERS / "k6").exists():
        raise BenchError("k6 is not there: `make peers` installs it")
    harness.raise_files_limit()
    cores = harness.pick_cores()
    shuffle = random.Random(16)
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = harness.compile_c("server", Path(folder))
        for name in asked.rows.split(","):
            if name == "users":
                rows[name] = measure_users(cores, server, min(3, asked.rounds))
            else:
                rows[name] = measure(
                    name, RATES[name], cores, server, asked.rounds, asked.seconds, shuffle
                )
            harness.write_rows(harness.RESULTS / "k6_scripts.json", rows)
    return '"reached": false' not in json.dumps(rows)


def main() -> int:
    """Measure the rows asked for; 0 when every target is reached, 1 when not."""
    return harness.exit_code(_measure_all)


if __name__ == "__main__":
    sys.exit(main())
