"""Measure what following a run costs it: rate with outputs, and with a dashboard, over without.

plain    127-byte answers, 100 connections, one worker
script   one GET and one check per iteration, 50 users, one worker

outputs    json, csv, influxdb, prometheus and otlp at once; the servers are bench/receiver.py
dashboard  --dashboard, and one browser's stream of events read by curl

Parent, its output threads and the worker share one core, so that what the parent does is taken from
the load; the server and all receivers have the other. The three runs of a round follow each other
in a random order and ratios are formed within it. Every output must have got every point, and the
stream a step for nearly every second, else the round is refused.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
from harness import BenchError, Cores, Spread

LEAST = 0.99
ALONE = "alone"
WAYS = ("outputs", "dashboard")
ANSWER = '{"id":17,"token":"t0k3n","status":"open"}'
_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+/")


@dataclass(frozen=True, slots=True)
class Row:
    """One load: a title, and the words of its command but for the URL."""

    title: str
    command: tuple[str, ...]

    def words(self, url: str, seconds: float) -> list[str]:
        """Return the command for a server and a length."""
        return [word.format(url=url, seconds=f"{seconds:g}s") for word in self.command]


ROWS = {
    "plain": Row(
        "127-byte answers, 100 connections, one worker",
        ("-c100", "-t1", "-d{seconds}", "{url}"),
    ),
    "script": Row(
        "one GET and one check per iteration, 50 users, one worker",
        (
            *("run", str(harness.ROOT / "bench" / "scripts" / "get_check.py")),
            *("-u50", "-t1", "-d{seconds}", "-e", "BASE_URL={url}"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs are made: their files, the server, the receiver."""

    folder: Path
    url: str
    receiver: str
    cores: Cores

    def words(self, way: str) -> list[str]:
        """Return what is added to a command for this way of following it."""
        if way == ALONE:
            return []
        if way == "dashboard":
            return ["--dashboard"]
        outs = (
            f"json={self.folder / 'points.json'}",
            f"csv={self.folder / 'points.csv'}",
            f"influxdb={self.receiver}/k6",
            f"prometheus={self.receiver}/api/v1/write",
            f"otlp={self.receiver}",
        )
        return [word for out in outs for word in ("-o", out)]


def play(row: Row, way: str, place: Place, seconds: float) -> float:
    """Make one run; give its rate."""
    path = place.folder / "result.json"
    path.unlink(missing_ok=True)
    words = [*row.words(place.url, seconds), "--no-progress", "--json", str(path)]
    argv = [*harness.fastbench_command(), *words, *place.words(way)]
    # What is told of the dashboard goes to stderr, before the load.
    shell = ["sh", "-c", 'exec "$@" 2>&1', "sh", *argv]
    with contextlib.ExitStack() as around:
        process = around.enter_context(harness.background(shell, place.cores.client))
        watchdog = threading.Timer(seconds + harness.GRACE_S, process.kill)
        watchdog.start()
        around.callback(watchdog.cancel)
        output = _read(process, way, place, around)
        code = process.wait()
    if code or not path.exists():
        raise BenchError(f"{way} ended with {code}: {output.strip()[-500:]}")
    return _rate(json.loads(path.read_text()), way, place, seconds)


def _read(
    process: subprocess.Popen[str], way: str, place: Place, around: contextlib.ExitStack
) -> str:
    """Read to the end; a page that is told of is followed as a browser does."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        page = _PAGE.search(line) if way == "dashboard" and len(lines) < 10 else None
        if page is not None:
            curl = ["curl", "-sN", "-o", str(place.folder / "events"), f"{page.group()}events"]
            around.enter_context(harness.background(curl, place.cores.server))
    return "".join(lines)


def _rate(document: Mapping[str, Any], way: str, place: Place, seconds: float) -> float:
    """Return the rate of a run that was followed as it should be."""
    summary = document["summary"]
    if summary["failed"] or summary["timeouts"]:
        raise BenchError(f"{way}: {summary['failed']} requests failed")
    lost = [row["text"] for row in document["warnings"] if row["code"] == "output_lost"]
    if lost:
        raise BenchError(f"{way}: {lost[0]}")
    if way == "dashboard":
        events = place.folder / "events"
        told = events.read_text().count("\ndata:") if events.exists() else 0
        events.unlink(missing_ok=True)
        if told < seconds - 2:
            raise BenchError(f"the dashboard told {told} steps in {seconds:g} s")
    return float(summary["requests_per_s"])


@contextlib.contextmanager
def placed(folder: Path, cores: Cores) -> Iterator[Place]:
    """Run the server and the receiver."""
    server = harness.compile_c("server", folder)
    receiver = [sys.executable, str(harness.ROOT / "bench" / "receiver.py")]
    with (
        harness.fixed_server(server, cores.server, ANSWER) as url,
        harness.background(receiver, cores.server) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Place(folder, url, f"http://127.0.0.1:{port}", cores)


def measure(
    name: str, place: Place, rounds: int, seconds: float, shuffle: random.Random
) -> dict[str, object]:
    """Play one row; gives its document and prints its ratios."""
    row = ROWS[name]
    before = harness.cpu_ticks()
    ways = (ALONE, *WAYS)
    played: list[dict[str, float]] = []
    for way in ways:
        play(row, way, place, min(seconds, 2.0))
    for number in range(rounds):
        order = shuffle.sample(ways, len(ways))
        played.append({way: play(row, way, place, seconds) for way in order})
        rates = "  ".join(f"{way} {played[-1][way]:,.0f}" for way in ways)
        print(f"  {number + 1:2}/{rounds}  {rates}", file=sys.stderr, flush=True)
    ratios: dict[str, object] = {}
    for way in WAYS:
        spread = Spread.of([each[way] / each[ALONE] for each in played])
        reached = spread.median >= LEAST
        ratios[f"rate, {way} / {ALONE}"] = {
            **spread.document(),
            "target": LEAST,
            "reached": reached,
        }
        word = "pass" if reached else "FAIL"
        numbers = f"{spread.median:8.4f}{spread.low:8.4f}{spread.high:8.4f}"
        print(f"{name:8}{way:10} / {ALONE}{numbers}  >= {LEAST:g}  {word}", flush=True)
    return {
        "title": row.title,
        "rounds": rounds,
        "seconds": seconds,
        "ratios": ratios,
        "requests_per_s": {
            way: round(Spread.of([each[way] for each in played]).median, 1) for way in ways
        },
        "samples": [{way: round(rate, 1) for way, rate in each.items()} for each in played],
        "environment": {
            **harness.environment(),
            "steal": round(harness.steal_share(before, harness.cpu_ticks()), 4),
        },
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default=",".join(ROWS), help="any of %(default)s")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    parser.add_argument("--quick", action="store_true", help="1 round of 3 s; nothing is written")
    parser.add_argument("--output", type=Path, help="default bench/results/sinks.json")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",")
    if unknown := [each for each in asked.rows if each not in ROWS]:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}")
    if asked.rounds < 1 or asked.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    return asked


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset", "curl")
    harness.raise_files_limit()
    cores = harness.pick_cores()
    rounds, seconds = (1, 3.0) if asked.quick else (asked.rounds, asked.seconds)
    output = asked.output or (None if asked.quick else harness.RESULTS / "sinks.json")
    shuffle = random.Random(asked.seed)
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder, placed(Path(folder), cores) as place:
        for name in asked.rows:
            print(f"{name}: {os.getloadavg()[0]:.2f} load", file=sys.stderr, flush=True)
            rows[name] = measure(name, place, rounds, seconds, shuffle)
            if output is not None:
                harness.write_rows(output, rows)
    return '"reached": false' not in json.dumps(rows)


def main() -> int:
    """Measure the rows asked for; 0 when every target is reached, 1 when not."""
    return harness.exit_code(lambda: _measure_all(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
