"""Measure what following a run costs it: with outputs, and with a dashboard, beside without.

plain    127-byte answers, 100 connections, one worker
script   one GET and one check per iteration, 50 users, one worker

outputs    json, csv, influxdb, prometheus and otlp at once; the servers are bench/receiver.py
dashboard  --dashboard, and one browser's stream of events read by curl

Parent, its output threads and the worker share one core, so that what the parent does is taken from
the load; the server and all receivers have the other. The three runs of a round follow each other
in a random order, and they are compared within it. Every output must have got every point, and the
stream a step for nearly every second, else the round is refused.

cost  what the parent used of the core, less what it used when nothing followed: the share of its
      time that the load lost. This is what is judged.
rate  with, over without. It holds what caches and switches cost too, and the noise of the machine,
      whose quartiles lie several percent apart where the cost is a thousandth.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import harness
from harness import BenchError, Cores, Spread

MOST = 0.01
WATCHED = (0.8, 0.2)  # of its length before the end: the load runs, and neither starts nor ends
SAMPLE_S = 0.05
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
class Played:
    """What one run came to: its rate, and the share of a core that its parent used meanwhile."""

    requests_per_s: float
    parent_cores: float


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


class Watch(threading.Thread):
    """Reads the CPU time of one process, its threads and not its children, until it has ended."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.tasks = Path(f"/proc/{pid}/task")
        self.seen: list[tuple[float, int]] = []
        self.ended = threading.Event()

    def run(self) -> None:
        """Read until told to stop; what cannot be read any more is the end of the process."""
        while not self.ended.wait(SAMPLE_S):
            with contextlib.suppress(OSError):  # a thread may end between listing and reading
                used = [(task / "schedstat").read_text() for task in self.tasks.iterdir()]
                self.seen.append((time.monotonic(), sum(int(each.split()[0]) for each in used)))

    def cores(self, seconds: float) -> float:
        """Return the share of a core used in the middle of a run of this length that just ended."""
        self.ended.set()
        self.join()
        last_s = self.seen[-1][0] if self.seen else 0.0
        low_s, high_s = (last_s - share * seconds for share in WATCHED)
        watched = [each for each in self.seen if low_s <= each[0] <= high_s]
        if len(watched) < 2:
            raise BenchError("the CPU time of a run could not be read")
        (begin_s, before_ns), (end_s, after_ns) = watched[0], watched[-1]
        return (after_ns - before_ns) / 1e9 / (end_s - begin_s)


def play(row: Row, way: str, place: Place, seconds: float) -> Played:
    """Make one run."""
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
        watch = Watch(process.pid)
        watch.start()
        around.callback(watch.ended.set)
        output = _read(process, way, place, around)
        code = process.wait()
    if code or not path.exists():
        raise BenchError(f"{way} ended with {code}: {output.strip()[-500:]}")
    rate = _rate(json.loads(path.read_text()), way, place, seconds)
    return Played(rate, watch.cores(seconds))


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
    played: list[dict[str, Played]] = []
    for way in ways:
        play(row, way, place, min(seconds, 2.0))
    for number in range(rounds):
        order = shuffle.sample(ways, len(ways))
        played.append({way: play(row, way, place, seconds) for way in order})
        told = (
            f"{way} {each.requests_per_s:,.0f} {each.parent_cores:.3%}"
            for way, each in sorted(played[-1].items())
        )
        print(f"  {number + 1:2}/{rounds}  {'  '.join(told)}", file=sys.stderr, flush=True)
    figures = [_figures(name, way, played) for way in WAYS]
    return {
        "title": row.title,
        "rounds": rounds,
        "seconds": seconds,
        "costs": dict(zip(WAYS, figures, strict=True)),
        "medians": {
            each.name: {
                way: round(statistics.median(getattr(all_[way], each.name) for all_ in played), 5)
                for way in ways
            }
            for each in fields(Played)
        },
        "samples": [{way: asdict(each) for way, each in all_.items()} for all_ in played],
        "environment": {
            **harness.environment(),
            "steal": round(harness.steal_share(before, harness.cpu_ticks()), 4),
        },
    }


def _figures(name: str, way: str, played: list[dict[str, Played]]) -> dict[str, object]:
    """Compare one way with none, round by round; say what came of it."""
    cost = Spread.of([each[way].parent_cores - each[ALONE].parent_cores for each in played])
    rate = Spread.of([each[way].requests_per_s / each[ALONE].requests_per_s for each in played])
    reached = cost.median < MOST
    for what, spread, end in (
        ("cost", cost, f"  < {MOST:g}  {'pass' if reached else 'FAIL'}"),
        ("rate", rate, ""),
    ):
        numbers = f"{spread.median:9.4f}{spread.low:9.4f}{spread.high:9.4f}"
        print(f"{name:8}{way:10} {what}{numbers}{end}", flush=True)
    return {
        "cost": {**cost.document(), "target": MOST, "reached": reached},
        "rate": rate.document(),
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
