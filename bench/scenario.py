"""Measure scenarios beside k6, Locust and wrk, and 10,000 sleeping VUs; see results/scenario.json.

get     one GET and one check per iteration, 50 VUs: fastbench run, k6, wrk (which checks nothing)
five    five requests with JSON, checks, groups and custom metrics: fastbench run, k6, Locust
sleep   10,000 VUs that sleep between requests: all alive, memory of each, time to start

The tools of a row take turns in every round, in a random order, one client core each, the server on
another; ratios are formed within a round. k6 and Locust are installed by `make bench`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
import tools
from harness import BenchError, Cores, Spread

SCRIPTS = harness.ROOT / "bench" / "scripts"
PEERS = harness.ROOT / "build" / "peers" / "bin"
ANSWER = '{"id":17,"token":"t0k3n","status":"open"}'
VUS = 50
SLEEPERS = 10_000
SLEEPER_BYTES_MAX = 25 * 1024
STARTUP_S_MAX = 10.0

Play = Callable[[str, str, float], float]


@dataclass(frozen=True, slots=True)
class Row:
    """What is played, and the least ratio of fastbench's rate to each peer's."""

    title: str
    tools: Mapping[str, Play]
    targets: Mapping[str, float]


def fastbench(script: str) -> Play:
    """Run a script of ours; the rate is its document's."""

    def play(url: str, cores: str, seconds: float) -> float:
        document = _document(
            [f"-u{VUS}", f"-d{seconds:g}s", "-t1", "-e", f"BASE_URL={url}", str(SCRIPTS / script)],
            cores,
            seconds,
        )
        summary = document["summary"]
        if summary["failed"] or summary["timeouts"]:
            raise BenchError(f"fastbench run {script}: {summary['failed']} requests failed")
        if any(check["fails"] for check in document["checks"]):
            raise BenchError(f"fastbench run {script}: a check failed")
        return float(summary["requests_per_s"])

    return play


def _document(words: list[str], cores: str, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        argv = [*harness.fastbench_command(), "run", "--no-progress", "--json", str(path), *words]
        done = harness.run(argv, cores, seconds)
        if not path.exists():
            raise BenchError(f"fastbench run: {done.output.strip()[-300:]}")
        found: dict[str, Any] = json.loads(path.read_text())
        return found


def k6(script: str) -> Play:
    """Run k6; the rate is that of http_reqs in its summary."""

    def play(url: str, cores: str, seconds: float) -> float:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "summary.json"
            argv: list[str | Path] = [
                PEERS / "k6",
                "run",
                "--quiet",
                "--no-usage-report",
                "--vus",
                str(VUS),
            ]
            argv += ["--duration", f"{seconds:g}s", "-e", f"BASE_URL={url.rstrip('/')}"]
            argv += ["--summary-export", path, SCRIPTS / script]
            done = harness.run(argv, cores, seconds)
            if not path.exists():
                raise BenchError(f"k6: {done.output.strip()[-300:]}")
            metrics = json.loads(path.read_text())["metrics"]
        if metrics["checks"]["fails"] or metrics["http_req_failed"]["passes"]:
            raise BenchError(f"k6 {script}: a check or request failed")
        return float(metrics["http_reqs"]["rate"])

    return play


def locust(script: str) -> Play:
    """Run Locust's FastHttpUser; the rate is that of its aggregated row."""

    def play(url: str, cores: str, seconds: float) -> float:
        argv: list[str | Path] = [
            PEERS / "locust",
            "-f",
            SCRIPTS / script,
            "-H",
            url.rstrip("/"),
            "--headless",
        ]
        argv += ["-u", str(VUS), "-r", str(VUS), "-t", f"{seconds:g}s", "--json"]
        done = harness.run(argv, cores, seconds + 5)
        found = re.search(r"^\[\s*\{.*^\]", done.output, re.DOTALL | re.MULTILINE)
        if found is None:
            raise BenchError(f"locust: {done.output.strip()[-300:]}")
        rows = [row for row in json.loads(found.group()) if row["method"] != "METRIC"]
        if any(row["num_failures"] for row in rows):
            raise BenchError(f"locust {script}: a request failed")
        begin = min(row["start_time"] for row in rows)
        end = max(row["last_request_timestamp"] for row in rows)
        return float(sum(row["num_requests"] for row in rows) / (end - begin))

    return play


def wrk(url: str, cores: str, seconds: float) -> float:
    """Run wrk with as many connections: what one core can do without a script."""
    return tools.wrk(tools.Work(url, VUS, seconds), cores).requests_per_s


ROWS = {
    "get": Row(
        "one GET and one check, 50 VUs",
        {"fastbench": fastbench("get_check.py"), "k6": k6("get_check.js"), "wrk": wrk},
        {"k6": 5.0, "wrk": 0.6},
    ),
    "five": Row(
        "five requests with JSON, checks, groups and metrics, 50 VUs",
        {
            "fastbench": fastbench("five.py"),
            "k6": k6("five.js"),
            "locust": locust("locust_five.py"),
        },
        {"k6": 5.0, "locust": 10.0},
    ),
}


def measure(
    name: str,
    row: Row,
    cores: Cores,
    server: Path,
    rounds: int,
    seconds: float,
    shuffle: random.Random,
) -> dict[str, object]:
    """Play one row; gives its document and prints its ratios."""
    played: list[dict[str, float]] = []
    with harness.fixed_server(server, cores.server, ANSWER) as url:
        for number in range(rounds):
            order = shuffle.sample(list(row.tools), len(row.tools))
            played.append({tool: row.tools[tool](url, cores.client, seconds) for tool in order})
            rates = "  ".join(f"{tool} {played[-1][tool]:,.0f}" for tool in row.tools)
            print(f"  {number + 1:2}/{rounds}  {rates}", file=sys.stderr, flush=True)
    ratios: dict[str, object] = {}
    for peer, least in row.targets.items():
        spread = Spread.of([each["fastbench"] / each[peer] for each in played])
        reached = spread.median >= least
        ratios[f"rate / {peer}"] = {**spread.document(), "target": least, "reached": reached}
        word = "pass" if reached else "FAIL"
        print(f"{name:6} rate / {peer:8} {spread.median:7.3f}  >= {least:g}  {word}", flush=True)
    return {
        "title": row.title,
        "rounds": rounds,
        "seconds": seconds,
        "ratios": ratios,
        "requests_per_s": {
            tool: round(Spread.of([each[tool] for each in played]).median, 1) for tool in row.tools
        },
        "peers": [
            harness.first_line([str(PEERS / "k6"), "version"]),
            harness.first_line([str(PEERS / "locust"), "--version"]),
        ],
        "samples": [{tool: round(rate, 1) for tool, rate in each.items()} for each in played],
        "environment": harness.environment(),
    }


def measure_sleepers(cores: Cores, server: Path, seconds: float) -> dict[str, object]:
    """Run 10,000 VUs that sleep: were all at work, what did each cost, how long did they take."""
    script = SCRIPTS / "sleepers.py"
    documents: dict[int, dict[str, Any]] = {}
    with harness.fixed_server(server, cores.server, ANSWER) as url:
        for vus in (10, SLEEPERS):
            words = [f"-u{vus}", f"-d{seconds:g}s", "-t1", "-e", f"BASE_URL={url}", str(script)]
            documents[vus] = _document(words, cores.client, seconds + STARTUP_S_MAX)

    def of(vus: int, path: str) -> float:
        found: object = documents[vus]
        for key in path.split("."):
            assert isinstance(found, dict)
            found = found[key]
        assert isinstance(found, int | float)
        return float(found)

    rows = documents[SLEEPERS]["series"]
    assert isinstance(rows, list)
    all_there = [row["t_s"] + row["span_s"] for row in rows if row["connections"] == SLEEPERS]
    memory = "resources.client.rss_bytes_max"
    each_bytes = (of(SLEEPERS, memory) - of(10, memory)) / (SLEEPERS - 10)
    figures: dict[str, object] = {
        "vus": of(SLEEPERS, "metrics.vus.values.max"),
        "open_connections_at_end": rows[-2]["connections"],
        "bytes_per_vu": round(each_bytes),
        "all_connected_after_s": min(all_there, default=math.inf),
        "failed": of(SLEEPERS, "summary.failed") + of(SLEEPERS, "summary.timeouts"),
        "iterations": of(SLEEPERS, "metrics.iterations.values.count"),
    }
    reached = (
        figures["vus"] == figures["open_connections_at_end"] == SLEEPERS
        and each_bytes < SLEEPER_BYTES_MAX
        and min(all_there, default=math.inf) < STARTUP_S_MAX
        and not figures["failed"]
    )
    print(f"sleep  {figures}  {'pass' if reached else 'FAIL'}", flush=True)
    return {
        "title": "10,000 VUs that sleep between requests, one worker",
        "figures": {**figures, "reached": reached},
        "environment": harness.environment(),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default="get,five,sleep", help="any of %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    parser.add_argument("--quick", action="store_true", help="1 round of 2 s; nothing is written")
    parser.add_argument("--output", type=Path, help="default bench/results/scenario.json")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",")
    if unknown := [each for each in asked.rows if each not in (*ROWS, "sleep")]:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}, sleep")
    return asked


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset", "wrk")
    if not (PEERS / "k6").exists():
        raise BenchError("k6 and Locust are not there: `make peers` installs them")
    harness.raise_files_limit()
    cores = harness.pick_cores()
    rounds, seconds = (1, 2.0) if asked.quick else (asked.rounds, asked.seconds)
    output = asked.output or (None if asked.quick else harness.RESULTS / "scenario.json")
    shuffle = random.Random(asked.seed)
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = harness.compile_c("server", Path(folder))
        for name in asked.rows:
            print(f"{name}: {os.getloadavg()[0]:.2f} load", file=sys.stderr)
            if name == "sleep":
                rows[name] = measure_sleepers(cores, server, 20.0)
            else:
                rows[name] = measure(name, ROWS[name], cores, server, rounds, seconds, shuffle)
            if output is not None:
                harness.write_rows(output, rows)
    return '"reached": false' not in json.dumps(rows)


def main() -> int:
    """Measure the rows asked for; 0 when every target is reached, 1 when not."""
    return harness.exit_code(lambda: _measure_all(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
