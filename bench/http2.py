"""Measure fastbench over HTTP/2 beside h2load and the physical limit; write results/http2.json.

fixed-N     bench/fixed_http2.c, whose answers of 72 bytes cost it next to nothing: the client's
            core is full, or nearly
nghttpd-N   nghttp2's own server, without TLS; its core is full
tls-N       nginx over TLS; its core is full
large-*     256 KiB answers
script      one GET and one check in a script of k6's, over TLS, in fastbench and in k6

N is the number of streams a connection. The tools take turns in every round, as in throughput.py.
CPU per request is that of the load: what a run of one request takes in the same round, which is
Python's start above all, is left out. "with start" is the whole, as in throughput.py: it weighs as
much as a run is short.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import harness
import scenario
import tools
from harness import BenchError, Cores, Spread
from throughput import CPU, RATE, Target, Verdict, judge, medians, table
from throughput import Row as PlainRow
from tools import Sample, Tool, Work

ROUNDS = 7
WHOLE = "cpu with start"
SCRIPT = "script"
SCRIPT_BOUND = 4.0


@dataclass(frozen=True, slots=True)
class Row(PlainRow):
    """One line of the table, with so many streams a connection."""

    streams: int = 1


def row(
    server: str, connections: int, streams: int, rate: float, cpu: float, limit: float | None = None
) -> Row:
    """Say what is asked of a row: rate and CPU per request against h2load's, rate against limit."""
    targets = [Target(RATE, "h2load", rate), Target(CPU, "h2load", cpu)]
    peers = ["h2load"]
    if server == "fixed":
        peers.append("limit")
    if limit is not None:
        targets.insert(1, Target(RATE, "limit", limit))
    title = f"{server}, {connections} connections of {streams} stream{'s' * (streams > 1)}"
    return Row(title, connections, server, tuple(peers), tuple(targets), streams=streams)


ROWS = {
    "fixed-1": row("fixed", 100, 1, 1.5, 0.60, 0.9),
    "fixed-10": row("fixed", 100, 10, 2.5, 0.40, 0.85),
    "fixed-100": row("fixed", 10, 100, 5.0, 0.20),
    "nghttpd-1": row("nghttpd", 100, 1, 0.95, 0.80),
    "nghttpd-10": row("nghttpd", 100, 10, 0.90, 0.65),
    "nghttpd-100": row("nghttpd", 10, 100, 0.95, 0.30),
    "tls-1": row("nginx TLS", 100, 1, 1.15, 0.75),
    "tls-10": row("nginx TLS", 100, 10, 0.90, 1.00),
    "large-nghttpd": row("nghttpd with 256 KiB", 32, 1, 0.90, 0.70),
    "large-tls": row("nginx TLS with 256 KiB", 32, 1, 0.90, 0.90),
}


@contextlib.contextmanager
def nghttpd(folder: Path, cores: str) -> Iterator[str]:
    """Run nghttpd without TLS, with the files that nginx has; gives its URL."""
    port = harness.free_port()
    (folder / "index.html").write_bytes(b"x" * 38)
    (folder / "large").write_bytes(os.urandom(1024) * (harness.LARGE_BYTES // 1024))
    words: list[str | Path] = [
        "nghttpd",
        "--no-tls",
        "-n1",
        "--address=127.0.0.1",
        "-d",
        folder,
        str(port),
    ]
    with harness.background(words, cores) as process:
        harness.wait_until_listening(port, process)
        yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def serving(row: Row, folder: Path, cores: str) -> Iterator[tuple[str, Path | None]]:
    """Run the row's server; gives its URL and, for TLS, the file of the CA that signed it."""
    name, _, large = row.server.partition(" with ")
    path = "large" if large else ""
    cafile = folder / "ca.pem" if name == "nginx TLS" else None
    if row.server == "fixed":
        with harness.fixed_server(harness.compile_c("fixed_http2", folder), cores) as url:
            yield url, None
    elif cafile is not None:
        with harness.nginx(folder, cores, cafile, http2=True) as url:
            yield url + path, cafile
    else:
        with nghttpd(folder, cores) as url:
            yield url + path, None


@dataclass(frozen=True, slots=True)
class Round:
    """What each tool did, without its start and with it."""

    net: dict[str, Sample]
    whole: dict[str, Sample]


def without_start(name: str, sample: Sample, work: Work, core: str) -> Sample:
    """Leave out what a run of one request takes."""
    if name == "limit":  # it has none to speak of
        return sample
    if name == "h2load":
        argv = ["h2load", "-n1", "-c1", work.url]
    else:
        trust = ["--cacert", str(work.cafile)] if work.cafile else []
        argv = [*harness.fastbench_command(), "--http2", "-n1", "-c1", "-t1", "--no-progress"]
        argv += [*trust, work.url]
    start_s = harness.run(argv, core, 5.0).cpu_s
    return Sample(sample.requests, sample.requests_per_s, max(sample.cpu_s - start_s, 0.0))


def play_rounds(
    row: Row, folder: Path, cores: Cores, rounds: int, seconds: float, shuffle: random.Random
) -> list[Round]:
    """Run every tool of the row once per round; the order inside a round is random."""
    by_name: dict[str, Tool] = {"fastbench": tools.fastbench, "h2load": tools.h2load}
    if "limit" in row.peers:
        program = harness.compile_c("limit_http2", folder)
        by_name["limit"] = functools.partial(tools.limit, program)
    played: list[Round] = []
    with serving(row, folder, cores.server) as (url, cafile):
        work = Work(url, row.connections, seconds, 1, cafile, row.streams)
        for name in by_name:
            by_name[name](dataclasses.replace(work, seconds=1.0), cores.client)
        for number in range(rounds):
            order = shuffle.sample([*by_name], len(by_name))
            whole = {name: by_name[name](work, cores.client) for name in order}
            net = {
                name: without_start(name, sample, work, cores.client)
                for name, sample in whole.items()
            }
            played.append(Round(net, whole))
            rates = "  ".join(f"{name} {whole[name].requests_per_s:,.0f}" for name in by_name)
            print(f"  {number + 1:2}/{rounds}  {rates}", file=sys.stderr, flush=True)
    return played


def judged(row: Row, played: list[Round]) -> list[Verdict]:
    """Give each ratio that has a target, the other rates, and CPU with the start."""
    of_cpu = Target(CPU, "h2load", 0.0)
    whole = Spread.of([of_cpu.ratio(each.whole) for each in played])
    verdicts = judge(row, [each.net for each in played])
    return [*verdicts, Verdict(f"{WHOLE} / h2load", whole, None, None)]


def document(row: Row, played: list[Round], seconds: float) -> dict[str, object]:
    """Give a row as it stands in the results file; samples are [rate, CPU µs, with start]."""
    return {
        "title": row.title,
        "connections": row.connections,
        "streams": row.streams,
        "rounds": len(played),
        "seconds": seconds,
        "ratios": {each.name: each.document() for each in judged(row, played)},
        "tools": medians([each.net for each in played]),
        "samples": [
            {
                name: [
                    round(sample.requests_per_s, 1),
                    round(sample.cpu_us_per_request, 4),
                    round(each.whole[name].cpu_us_per_request, 4),
                ]
                for name, sample in each.net.items()
            }
            for each in played
        ],
    }


def play_script(cores: Cores, rounds: int, seconds: float) -> tuple[Verdict, dict[str, object]]:
    """Run get_check.js in both tools; give the ratio of the rates, and the document."""
    peers = {"fastbench": scenario.fastbench("get_check.js"), "k6": scenario.k6("get_check.js")}
    played: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        cafile = Path(folder) / "ca.pem"
        os.environ["SSL_CERT_FILE"] = str(cafile)  # both read it
        with harness.nginx(Path(folder), cores.server, cafile, http2=True) as url:
            _speaks_http2(url, cores.client)
            for number in range(rounds):
                order = [*peers][:: 1 if number % 2 else -1]
                played.append({name: peers[name](url, cores.client, seconds) for name in order})
                print(f"  {number + 1:2}/{rounds}  {played[-1]}", file=sys.stderr, flush=True)
        del os.environ["SSL_CERT_FILE"]
    spread = Spread.of([each["fastbench"] / each["k6"] for each in played])
    verdict = Verdict(f"{RATE} / k6", spread, SCRIPT_BOUND, spread.median >= SCRIPT_BOUND)
    return verdict, {
        "title": f"one GET and one check, {scenario.VUS} VUs, nginx TLS",
        "rounds": rounds,
        "seconds": seconds,
        "ratios": {verdict.name: verdict.document()},
        "samples": [{name: round(rate, 1) for name, rate in each.items()} for each in played],
    }


def _speaks_http2(url: str, core: str) -> None:
    """Refuse to compare what speaks HTTP/1.1."""
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "result.json", scenario.SCRIPTS / "get_check.js"
        words: list[str | Path] = [
            "-u1",
            "-i1",
            "-t1",
            "-e",
            f"BASE_URL={url}",
            "--no-progress",
            "--json",
            path,
        ]
        harness.run([*harness.fastbench_command(), "run", *words, script], core, 5.0)
        if not (json.loads(path.read_text()).get("http2") or {}).get("connections"):
            raise BenchError("the script did not speak HTTP/2")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default=",".join([*ROWS, SCRIPT]), help="any of %(default)s")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s; nothing is written")
    parser.add_argument("--output", type=Path, help="default bench/results/http2.json")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",")
    unknown = [each for each in asked.rows if each not in (*ROWS, SCRIPT)]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}, {SCRIPT}")
    if asked.rounds < 1 or asked.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    return asked


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset", "h2load", "nghttpd", "nginx")
    harness.raise_files_limit()
    cores = harness.pick_cores()
    rounds, seconds = (2, 1.0) if asked.quick else (asked.rounds, asked.seconds)
    output = asked.output or (None if asked.quick else harness.RESULTS / "http2.json")
    verdicts: dict[str, list[Verdict]] = {}
    for name in asked.rows:
        title = name if name == SCRIPT else ROWS[name].title
        print(f"{name}: {title}", file=sys.stderr, flush=True)
        before, surroundings = harness.cpu_ticks(), harness.environment()
        if name == SCRIPT:
            verdict, found = play_script(cores, rounds, max(seconds, 2.0))
            verdicts[name] = [verdict]
        else:
            with tempfile.TemporaryDirectory() as folder:
                shuffle = random.Random(asked.seed)
                played = play_rounds(ROWS[name], Path(folder), cores, rounds, seconds, shuffle)
            verdicts[name] = judged(ROWS[name], played)
            found = document(ROWS[name], played, seconds)
        surroundings["steal"] = round(harness.steal_share(before, harness.cpu_ticks()), 4)
        surroundings["load_average_after"] = [round(each, 2) for each in os.getloadavg()]
        if output is not None:
            harness.write_rows(output, {name: {**found, "environment": surroundings}})
    print(table(verdicts))
    return all(each.reached is not False for row in verdicts.values() for each in row)


def main() -> int:
    """Measure the rows asked for; 0 when every target is reached, 1 when not."""
    return harness.exit_code(lambda: _measure_all(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
