"""Measure memory: per connection at 8,000 of them, and its growth over a long run at full rate.

Per connection: the sum of PSS (proc(5), smaps_rollup) over the process tree at 8,000 connections,
less the same at 8, over 7,992. PSS shares out what parent and workers share, so the sum counts
every page once. Growth: RSS of parent and workers every 5 s; the most that any of them gained
after the first minute. Feed: what a worker has written to of its own (Private_Dirty) with a feed of
a million rows, less the same with a constant request; the file is mapped and not in it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import harness
import varied_load
from harness import BenchError, Cores, Spread

MANY, FEW = 8000, 8
PER_CONNECTION_BYTES_MAX = 2048
GROWTH_BYTES_MAX = 1 << 20
FEED_BYTES_MAX = 1 << 20
FEED_SECONDS = 6.0
SETTLE_S = 60.0
SAMPLE_S = 5.0
CONNECT_S = 4.0


def tree(pid: int) -> list[int]:
    """List a process and its descendants; the parent comes first."""
    pids = [pid]
    for each in pids:
        for thread in Path(f"/proc/{each}/task").glob("*/children"):
            pids += map(int, thread.read_text().split())
    return pids


def pss_bytes(pid: int, name: str = "Pss") -> int:
    """Read a process's proportional share of memory, or another line of its sums."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/{pid}/smaps_rollup has no {name} line")


def rss_bytes(pid: int) -> int:
    """Read a process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/{pid}/status has no VmRSS line")


def sockets(pid: int) -> int:
    """Count a process's open sockets."""
    links = (os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir())
    return sum(link.startswith("socket:") for link in links)


def command(tool: str, connections: int, seconds: float, url: str) -> list[str]:
    """Give the command of a run that is watched from outside."""
    start = ["wrk"] if tool == "wrk" else [*harness.fastbench_command(), "--no-progress"]
    return [*start, "-t1", f"-c{connections}", f"-d{round(seconds)}s", url]


def tree_pss_bytes(tool: str, connections: int, seconds: float, url: str, core: str) -> int:
    """Sum PSS over the tree once the run is under way: the most of three looks a second apart."""
    with harness.background(command(tool, connections, seconds, url), core) as process:
        looks = []
        for wait_s in (seconds - 3.0, 1.0, 1.0):
            time.sleep(wait_s)
            pids = tree(process.pid)
            looks.append(sum(map(pss_bytes, pids)))
            if (count := sum(map(sockets, pids))) < connections:
                raise BenchError(f"{tool} has {count} sockets, {connections} connections are asked")
        process.communicate()
    return max(looks)


def per_connection(tool: str, rounds: int, seconds: float, url: str, core: str) -> Spread:
    """Give bytes per connection, many against few in turn."""

    def once() -> float:
        many = tree_pss_bytes(tool, MANY, seconds, url, core)
        return (many - tree_pss_bytes(tool, FEW, seconds, url, core)) / (MANY - FEW)

    return Spread.of([once() for _ in range(rounds)])


def soak(minutes: float, url: str, core: str) -> dict[str, object]:
    """Run at full rate; give RSS over time and the growth after the first minute, in bytes.

    A run shorter than five minutes settles in its first fifth. Sampling stops before the report.
    """
    seconds = minutes * 60
    settle_s = min(SETTLE_S, seconds / 5)
    sample_s = min(SAMPLE_S, seconds / 20)
    rows: list[tuple[float, dict[int, int]]] = []
    with harness.background(command("fastbench", 100, seconds, url), core) as process:
        start_s = time.monotonic()
        while (at_s := time.monotonic() - start_s) < seconds - sample_s:
            if at_s >= settle_s:
                rows.append((at_s, {pid: rss_bytes(pid) for pid in tree(process.pid)}))
            time.sleep(sample_s)
        process.communicate()
    first = rows[0][1]
    if any(row.keys() != first.keys() for _, row in rows):
        raise BenchError("a process came or went during the soak")
    growth = {pid: max(row[pid] for _, row in rows) - first[pid] for pid in first}
    return {
        "minutes": minutes,
        "settle_s": settle_s,
        "processes": len(first),
        "growth_bytes": max(growth.values()),
        "rss_bytes_first": list(first.values()),
        "rss_bytes_last": list(rows[-1][1].values()),
        "target": GROWTH_BYTES_MAX,
        "reached": max(growth.values()) < GROWTH_BYTES_MAX,
    }


def measure_connections(
    rounds: int, seconds: float, cores: Cores, server: Path
) -> dict[str, object]:
    """Give bytes per connection of fastbench, against its target, and of wrk."""
    figures: dict[str, object] = {}
    with harness.fixed_server(server, cores.server) as url:
        for tool in ("fastbench", "wrk"):
            spread = per_connection(tool, rounds, seconds, url, cores.client)
            target = PER_CONNECTION_BYTES_MAX if tool == "fastbench" else None
            reached = spread.median <= target if target else None
            figures[tool] = {**spread.document(), "target": target, "reached": reached}
            verdict = {True: f"<= {target}  pass", False: f"<= {target}  FAIL", None: ""}[reached]
            print(f"bytes per connection, {tool:10}{spread.median:10.0f}  {verdict}", flush=True)
    return figures


def own_bytes(typed: tuple[str, ...], url: str, core: str) -> int:
    """Give the most that a worker of two has written to of its own, near the end of a run."""
    start = [*harness.fastbench_command(), "--no-progress", "-t2", "-c100", f"-d{FEED_SECONDS:g}s"]
    with harness.background([*start, *typed[:-1], url + typed[-1]], core) as process:
        time.sleep(FEED_SECONDS - 1)
        parent, *workers = tree(process.pid)
        found = [pss_bytes(pid, "Private_Dirty") for pid in workers if sockets(pid) > 10]
        process.communicate()
    if len(found) != 2:
        raise BenchError(f"{len(found)} workers of two under process {parent}")
    return max(found)


def measure_feed(folder: Path, cores: Cores, server: Path) -> dict[str, object]:
    """Give what a feed adds to a worker, in bytes, against its target."""
    with harness.fixed_server(server, cores.server) as url:
        constant = own_bytes(varied_load.constant(), url, cores.client)
        fed = own_bytes(varied_load.fed(folder / "feed.csv"), url, cores.client)
    reached = fed - constant <= FEED_BYTES_MAX
    verdict = "pass" if reached else "FAIL"
    print(f"a worker's own bytes for a feed {fed - constant:11,}  <= 1 MiB  {verdict}", flush=True)
    figures = {"constant_bytes": constant, "feed_bytes": fed}
    return {**figures, "target": FEED_BYTES_MAX, "reached": reached}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=3, help="of 8,000 against 8 connections")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak; 0 leaves it out")
    parser.add_argument(
        "--quick", action="store_true", help="1 round, soak 0.5 min, nothing written"
    )
    parser.add_argument("--output", type=Path, help="default bench/results/memory.json")
    return parser.parse_args()


def _measure(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset", "wrk")
    harness.raise_files_limit()
    cores = harness.pick_cores()
    output = asked.output or (None if asked.quick else harness.RESULTS / "memory.json")
    rounds, minutes = (1, 0.5) if asked.quick else (max(1, asked.rounds), asked.minutes)
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = harness.compile_c("server", Path(folder))
        figures = measure_connections(rounds, 2 * CONNECT_S, cores, server)
        rows["connections"] = {"figures": figures, "environment": harness.environment()}
        passed = figures["fastbench"]["reached"]  # type: ignore[index]
        fed = measure_feed(Path(folder), cores, server)
        rows["feed"] = {"figures": fed, "environment": harness.environment()}
        passed = passed and fed["reached"]
        if minutes:
            with harness.fixed_server(server, cores.server) as url:
                grown = soak(minutes, url, cores.client)
            verdict = "pass" if grown["reached"] else "FAIL"
            print(f"growth after settling, bytes {grown['growth_bytes']}  < 1 MiB  {verdict}")
            rows["soak"] = {"figures": grown, "environment": harness.environment()}
            passed = passed and grown["reached"]
    if output is not None:
        harness.write_rows(output, rows)
    return bool(passed)


def main() -> int:
    """Measure memory; 0 when the targets are reached, 1 when not."""
    return harness.exit_code(lambda: _measure(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
