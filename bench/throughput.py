"""Measure fastbench beside wrk, ab, h2load and the physical limit; write bench/results/NAME.json.

The tools of a row run one after the other in every round, in a random order, pinned to a core apart
from the server's. The round is the sample: ratios are formed within it, and the median of the
ratios is the number, between its quartiles. A box that drifts by 15 % still gives a steady ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import harness
import tools
import varied_load
from harness import Cores, Spread
from tools import Sample, Tool, Work

RATE = "rate"
CPU = "cpu per request"


@dataclass(frozen=True, slots=True)
class Target:
    """What a row has to reach: fastbench's measure over the peer's, against a bound."""

    measure: str
    peer: str
    bound: float

    @property
    def name(self) -> str:
        return f"{self.measure} / {self.peer}"

    def ratio(self, round_: dict[str, Sample]) -> float:
        """Form the ratio within one round."""
        ours, theirs = round_["fastbench"], round_[self.peer]
        if self.measure == RATE:
            return ours.requests_per_s / theirs.requests_per_s
        return ours.cpu_us_per_request / theirs.cpu_us_per_request

    def reached(self, median: float) -> bool:
        return median >= self.bound if self.measure == RATE else median <= self.bound


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the work, the server, the peers and what is to be reached."""

    title: str
    connections: int
    server: str
    peers: tuple[str, ...]
    targets: tuple[Target, ...]
    workers: int = 1
    script: str = ""  # of wrk, in bench/scripts
    varied: str = ""  # what its requests vary by: "values", or a "feed"

    @property
    def shortest_s(self) -> float:
        """Wide loads need time to connect: wrk at 8,000 answers nothing in a first second."""
        return max(1.0, self.connections / 2000)


ROWS = {
    "small": Row(
        "127-byte answers, 100 connections",
        100,
        "fixed",
        ("wrk", "limit", "ab", "h2load"),
        (Target(RATE, "wrk", 1.25), Target(RATE, "limit", 0.95), Target(CPU, "wrk", 0.82)),
    ),
    "large": Row(
        "256 KiB answers from nginx, 32 connections",
        32,
        "nginx",
        ("wrk",),
        (Target(RATE, "wrk", 1.30), Target(CPU, "wrk", 0.50)),
    ),
    "https": Row(
        "HTTPS from nginx, 100 connections, verified",
        100,
        "nginx-tls",
        ("wrk",),
        (Target(RATE, "wrk", 0.92), Target(CPU, "wrk", 0.93)),
    ),
    "many": Row(
        "127-byte answers, 8,000 connections",
        8000,
        "fixed",
        ("wrk", "limit"),
        (Target(RATE, "wrk", 1.45), Target(CPU, "wrk", 0.72)),
    ),
    "shared": Row(
        "2 workers and the server on the same two cores, 100 connections",
        100,
        "fixed",
        ("wrk",),
        (Target(RATE, "wrk", 1.15),),
        workers=2,
    ),
    **{
        f"lua-{name}": Row(
            f"wrk's Lua: {title}, 127-byte answers, 100 connections",
            100,
            "fixed",
            ("wrk",),
            (Target(RATE, "wrk", bound),),
            script=f"{name}.lua",
        )
        for name, title, bound in (
            ("post", "a constant form", 1.0),
            ("counter", "another path and header each time", 1.0),
            ("login", "a response() that sets a token", 1.0),
            ("delay", "5 to 15 ms before each request", 1.0),
        )
    },
    "varied": Row(
        "three values in path and 200-byte JSON body, 100 connections",
        100,
        "fixed",
        ("constant", "wrk"),
        (Target(RATE, "constant", 0.95), Target(CPU, "constant", 1.06), Target(RATE, "wrk", 2.0)),
        varied="values",
    ),
    "feed": Row(
        "three columns of a feed of a million rows, 100 connections",
        100,
        "fixed",
        ("constant",),
        (Target(RATE, "constant", 0.95), Target(CPU, "constant", 1.06)),
        varied="feed",
    ),
}


@dataclass(frozen=True, slots=True)
class Programs:
    """What is compiled for a run, and the folder it lives in."""

    folder: Path
    server: Path
    limit: Path

    def tool(self, name: str) -> Tool:
        if name == "limit":
            return functools.partial(tools.limit, self.limit)
        by_name: dict[str, Tool] = {
            "fastbench": tools.fastbench,
            "constant": tools.fastbench,
            "wrk": tools.wrk,
            "ab": tools.ab,
            "h2load": tools.h2load,
        }
        return by_name[name]


@contextlib.contextmanager
def serving(row: Row, programs: Programs, cores: str) -> Iterator[tuple[str, Path | None]]:
    """Run the row's server; gives its URL and, for TLS, the file of the CA that signed it."""
    if row.server == "fixed":
        with harness.fixed_server(programs.server, cores) as url:
            yield url, None
        return
    cafile = programs.folder / "ca.pem" if row.server == "nginx-tls" else None
    with harness.nginx(programs.folder, cores, cafile) as url:
        yield url, cafile


def varying(work: Work, row: Row, name: str, folder: Path) -> Work:
    """Let a tool send what varies, where the row asks for it."""
    if not row.varied:
        return work
    if name == "wrk":
        script = folder / "varied.lua"
        script.write_text(varied_load.LUA)
        return replace(work, script=script)
    if name == "constant":
        return replace(work, typed=varied_load.constant())
    if row.varied == "feed":
        return replace(work, typed=varied_load.fed(folder / "feed.csv"))
    return replace(work, typed=varied_load.typed())


def play_rounds(
    row: Row, programs: Programs, cores: Cores, rounds: int, seconds: float, shuffle: random.Random
) -> list[dict[str, Sample]]:
    """Run every tool of the row once per round; the order inside a round is random."""
    names = ["fastbench", *row.peers]
    together = row.workers > 1
    played: list[dict[str, Sample]] = []
    with serving(row, programs, cores.both if together else cores.server) as (url, cafile):
        client = cores.both if together else cores.client

        def play(name: str, seconds: float) -> Sample:
            script = harness.ROOT / "bench" / "scripts" / row.script if row.script else None
            work = Work(url, row.connections, seconds, row.workers, cafile, script=script)
            return programs.tool(name)(varying(work, row, name, programs.folder), client)

        for name in names:
            play(name, row.shortest_s)
        for number in range(rounds):
            order = shuffle.sample(names, len(names))
            played.append({name: play(name, seconds) for name in order})
            rates = "  ".join(f"{name} {played[-1][name].requests_per_s:,.0f}" for name in names)
            print(f"  {number + 1:2}/{rounds}  {rates}", file=sys.stderr, flush=True)
    return played


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ratio over all rounds; bound and reached are None where nothing is asked of it."""

    name: str
    spread: Spread
    bound: float | None
    reached: bool | None

    def document(self) -> dict[str, float | bool | None]:
        return {**self.spread.document(), "target": self.bound, "reached": self.reached}

    def line(self, row: str) -> str:
        sign = ">=" if self.name.startswith(RATE) else "<="
        target = "-" if self.bound is None else f"{sign} {self.bound:g}"
        numbers = f"{self.spread.median:8.3f}{self.spread.low:8.3f}{self.spread.high:8.3f}"
        word = {True: "pass", False: "FAIL", None: ""}[self.reached]
        return f"{row:14}{self.name:26}{numbers}  {target:8}{word}".rstrip()


def judge(row: Row, played: list[dict[str, Sample]]) -> list[Verdict]:
    """Give each ratio that has a target, then the plain rate against every other peer."""
    verdicts = []
    for target in row.targets:
        spread = Spread.of([target.ratio(each) for each in played])
        reached = target.reached(spread.median)
        verdicts.append(Verdict(target.name, spread, target.bound, reached))
    asked = {target.name for target in row.targets}
    for peer in row.peers:
        plain = Target(RATE, peer, 0.0)
        if plain.name not in asked:
            spread = Spread.of([plain.ratio(each) for each in played])
            verdicts.append(Verdict(plain.name, spread, None, None))
    return verdicts


def medians(played: list[dict[str, Sample]]) -> dict[str, dict[str, float]]:
    """Give each tool's own medians, for the eye: quote the ratios."""

    def median(name: str, of: Callable[[Sample], float]) -> float:
        return round(Spread.of([of(each[name]) for each in played]).median, 3)

    return {
        name: {
            "requests_per_s": median(name, lambda sample: sample.requests_per_s),
            "cpu_us_per_request": median(name, lambda sample: sample.cpu_us_per_request),
        }
        for name in sorted(played[0])
    }


def measure(
    row: Row, programs: Programs, cores: Cores, rounds: int, seconds: float, seed: int
) -> tuple[list[Verdict], dict[str, object]]:
    """Measure one row; give its verdicts and its document."""
    before = harness.cpu_ticks()
    surroundings = harness.environment()
    played = play_rounds(row, programs, cores, rounds, seconds, random.Random(seed))
    surroundings["steal"] = round(harness.steal_share(before, harness.cpu_ticks()), 4)
    surroundings["load_average_after"] = [round(each, 2) for each in os.getloadavg()]
    verdicts = judge(row, played)
    return verdicts, {
        "title": row.title,
        "connections": row.connections,
        "workers": row.workers,
        "rounds": rounds,
        "seconds": seconds,
        "seed": seed,
        "pinned": "together" if row.workers > 1 else "apart",
        "ratios": {each.name: each.document() for each in verdicts},
        "tools": medians(played),
        "samples": [
            {
                name: [round(sample.requests_per_s, 1), round(sample.cpu_us_per_request, 4)]
                for name, sample in each.items()
            }
            for each in played
        ],
        "environment": surroundings,
    }


def table(rows: dict[str, list[Verdict]]) -> str:
    """Render one line per ratio: median, quartiles, target, pass or fail."""
    head = f"{'row':14}{'measure':26}{'median':>8}{'q1':>8}{'q3':>8}  target"
    return "\n".join([head, *(each.line(name) for name, row in rows.items() for each in row)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default=",".join(ROWS), help="any of %(default)s")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (%(default)g)")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the rounds")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s; nothing is written")
    parser.add_argument("--output", type=Path, help="default bench/results/throughput.json")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",")
    unknown = [each for each in asked.rows if each not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}: there are {', '.join(ROWS)}")
    if asked.rounds < 1 or asked.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    return asked


def _measure_all(asked: argparse.Namespace) -> bool:
    harness.need("gcc", "setpriv", "taskset", "wrk", "ab", "h2load", "nginx")
    harness.raise_files_limit()
    cores = harness.pick_cores()
    rounds, seconds = (2, 1.0) if asked.quick else (asked.rounds, asked.seconds)
    output = asked.output or (None if asked.quick else harness.RESULTS / "throughput.json")
    verdicts: dict[str, list[Verdict]] = {}
    for name in asked.rows:
        row = ROWS[name]
        print(f"{name}: {row.title}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            programs = Programs(
                home, harness.compile_c("server", home), harness.compile_c("limit", home)
            )
            length_s = max(seconds, row.shortest_s)
            verdicts[name], document = measure(row, programs, cores, rounds, length_s, asked.seed)
        if output is not None:
            harness.write_rows(output, {name: document})
    print(table(verdicts))
    return all(each.reached is not False for row in verdicts.values() for each in row)


def main() -> int:
    """Measure the rows asked for; 0 when every target is reached, 1 when not."""
    return harness.exit_code(lambda: _measure_all(_arguments()))


if __name__ == "__main__":
    sys.exit(main())
