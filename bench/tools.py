"""How each load generator is started, and where its output says how much it did."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import harness


@dataclass(frozen=True, slots=True)
class Work:
    """One load: where to, how wide, how long, with how many threads.

    With `streams` over HTTP/2, so many a connection; 0: HTTP/1.1. `script` is one of wrk. `typed`:
    flags of fastbench for the request, and the path behind the URL.
    """

    url: str
    connections: int
    seconds: float
    threads: int = 1
    cafile: Path | None = None
    streams: int = 0
    script: Path | None = None
    typed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of one tool did; rates are the tool's own."""

    requests: int
    requests_per_s: float
    cpu_s: float

    @property
    def cpu_us_per_request(self) -> float:
        return self.cpu_s / self.requests * 1e6


def fastbench(work: Work, cores: str) -> Sample:
    """Run fastbench; requests and seconds are those of its --json document."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "result.json"
        argv = [
            *harness.fastbench_command(),
            *(f"-c{work.connections}", f"-d{work.seconds:g}s", f"-t{work.threads}"),
            *("--no-progress", "--json", str(document)),
            *(["--cacert", str(work.cafile)] if work.cafile else []),
            *(["--http2", f"-m{work.streams}"] if work.streams else []),
            *_script(work),
            *work.typed[:-1],
            work.url + "".join(work.typed[-1:]),
        ]
        done = harness.run(argv, cores, work.seconds)
        summary = json.loads(document.read_text())["summary"]
    bad = summary["failed"] + summary["timeouts"]
    if bad:
        raise harness.BenchError(f"fastbench: {bad} of {summary['requests']} were not answered")
    return _sample(summary["requests"], summary["requests_per_s"], done)


def wrk(work: Work, cores: str) -> Sample:
    """Run wrk, with as many threads as fastbench has workers."""
    threads = min(work.threads, work.connections)
    argv = ["wrk", f"-t{threads}", f"-c{work.connections}", f"-d{_whole(work.seconds)}s"]
    done = harness.run([*argv, *_script(work), work.url], cores, work.seconds)
    refuse(done, "wrk", r"Socket errors.*|Non-2xx.*")
    return _sample(
        int(find(done, "wrk", r"(\d+) requests in")),
        float(find(done, "wrk", r"Requests/sec:\s+([\d.]+)")),
        done,
    )


def ab(work: Work, cores: str) -> Sample:
    """Run ab with keep-alive; its request limit is above what one core can reach."""
    limit = str(int(work.seconds * 1_000_000))
    argv = ["ab", "-q", "-k", "-c", str(work.connections), "-t", str(_whole(work.seconds))]
    done = harness.run([*argv, "-n", limit, work.url], cores, work.seconds)
    refuse(done, "ab", r"Failed requests:\s+[1-9].*|Non-2xx.*")
    return _sample(
        int(find(done, "ab", r"Complete requests:\s+(\d+)")),
        float(find(done, "ab", r"Requests per second:\s+([\d.]+)")),
        done,
    )


def h2load(work: Work, cores: str) -> Sample:
    """Run h2load, over HTTP/1.1 or 2."""
    version = f"-m{work.streams}" if work.streams else "--h1"
    argv = ["h2load", version, f"-c{work.connections}", f"-t{work.threads}"]
    done = harness.run([*argv, f"-D{_whole(work.seconds)}", work.url], cores, work.seconds)
    refuse(done, "h2load", r"[1-9]\d* failed.*")
    return _sample(
        int(find(done, "h2load", r"requests: (\d+) total")),
        float(find(done, "h2load", r"finished in [^,]+, ([\d.]+) req/s")),
        done,
    )


def limit(program: Path, work: Work, cores: str) -> Sample:
    """Run bench/limit.c against bench/server.c, or limit_http2.c against fixed_http2.c."""
    numbers = [urlsplit(work.url).port, work.connections, work.seconds]
    if work.streams:
        numbers.insert(2, work.streams)
    done = harness.run([program, *map(str, numbers)], cores, work.seconds)
    words = done.output.split()
    return _sample(int(words[0]), float(words[2]), done)


Tool = Callable[[Work, str], Sample]


def find(done: harness.Done, tool: str, pattern: str) -> str:
    """Give the first group of the pattern in what the tool printed."""
    found = re.search(pattern, done.output)
    if found is None:
        raise harness.BenchError(f"{tool} printed no {pattern!r}: {done.output.strip()[-300:]}")
    return found.group(1)


def refuse(done: harness.Done, tool: str, pattern: str) -> None:
    """Raise when the tool itself reports failures: such a run is no measurement."""
    found = re.search(pattern, done.output)
    if found is not None:
        raise harness.BenchError(f"{tool}: {found.group(0)}")


def _script(work: Work) -> list[str]:
    return [] if work.script is None else ["-s", str(work.script)]


def _sample(requests: int, requests_per_s: float, done: harness.Done) -> Sample:
    if requests == 0:
        raise harness.BenchError(f"no requests at all: {done.output.strip()[-300:]}")
    return Sample(requests, requests_per_s, done.cpu_s)


def _whole(seconds: float) -> int:
    """Round up: these tools take whole seconds."""
    return max(1, -int(-seconds // 1))
