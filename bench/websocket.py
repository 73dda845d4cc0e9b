"""Measure WebSockets without a script beside k6/ws and a bare loop; see results/websocket.json.

echo    26 bytes each way, 50 sockets, one message in flight on each: fastbench, k6's module k6/ws,
        and limit.c, which sends one frame made beforehand and looks at no byte of what comes
hold    10,000 sockets held open by one worker: memory of each (PSS, less that of 100), time to open
push    10,000 messages a second to 1,000 sockets: how many are lost, and p99 of the gaps before
        them, as the server stamps them and as fastbench sees them

The tools take turns in every round, in a random order, one client core each, the server
(socket_echo.c) on another; ratios are formed within a round. k6 is installed by `make peers`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import harness
from harness import BenchError, Cores, Spread
from memory import pss_bytes, tree

SCRIPT = harness.ROOT / "bench" / "scripts" / "ws_echo.js"
K6 = harness.ROOT / "build" / "peers" / "bin" / "k6"
MESSAGE = "abcdefghijklmnopqrstuvwxyz"
SOCKETS = 50
TARGETS = {"k6": 4.0, "limit": 0.9}  # our rate over theirs, at least
MANY, FEW = 10_000, 100
BYTES_MAX = 1024.0
OPENING_S_MAX = 10.0
HOLD_S = 6.0
PUSHED_TO, PUSH_RATE = 1000, 10_000
PUSH_OFF_MS_MAX = 1.0

Play = Callable[[Path, int, str, float], float]


@contextmanager
def echo_server(program: Path, core: str) -> Iterator[int]:
    """Run bench/socket_echo.c; gives its port."""
    with harness.background([program], core) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def fastbench(folder: Path, port: int, core: str, seconds: float) -> float:
    """Messages a second of a run without a script, which must be without errors."""
    document = _document(folder, core, seconds, port, f"-c{SOCKETS}", "-b", MESSAGE)
    if document["errors"] or document["summary"]["failed"]:
        raise BenchError(f"fastbench: {document['errors']}")
    return float(document["summary"]["requests_per_s"])


def _document(folder: Path, core: str, seconds: float, port: int, *words: str) -> dict[str, Any]:
    path = folder / "result.json"
    argv = [*harness.fastbench_command(), "--no-progress", "-t1", f"-d{seconds:g}s", *words]
    harness.run([*argv, "--json", path, f"ws://127.0.0.1:{port}/"], core, seconds)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def k6(folder: Path, port: int, core: str, seconds: float) -> float:
    """Messages a second that came back to k6."""
    path = folder / "summary.json"
    argv: list[str | Path] = [K6, "run", "--quiet", "--no-usage-report", "--summary-export", path]
    argv += ["-e", f"URL=ws://127.0.0.1:{port}/", "-e", f"SECONDS={seconds:g}", SCRIPT]
    done = harness.run(argv, core, seconds)
    if not path.exists():
        raise BenchError(f"k6: {done.output.strip()[-300:]}")
    metrics = json.loads(path.read_text())["metrics"]
    if metrics["ws_sessions"]["count"] != SOCKETS:
        raise BenchError(f"k6 opened {metrics['ws_sessions']['count']} sockets")
    return float(metrics["echoed"]["count"]) / seconds


def limit(folder: Path, port: int, core: str, seconds: float) -> float:
    """Messages a second of the bare loop."""
    words = [str(port), str(SOCKETS), f"{seconds:g}", str(len(MESSAGE) + 2), "/", str(len(MESSAGE))]
    done = harness.run([folder / "limit", *words], core, seconds)
    return float(done.output.split()[2])


PLAYS: dict[str, Play] = {"fastbench": fastbench, "k6": k6, "limit": limit}


def echo(folder: Path, cores: Cores, rounds: int, seconds: float, seed: int) -> dict[str, Any]:
    """Let the tools take turns; give their rates and the ratios."""
    rng = random.Random(seed)
    taken: dict[str, list[float]] = {name: [] for name in PLAYS}
    with echo_server(folder / "socket_echo", cores.server) as port:
        for _ in range(rounds):
            for name in rng.sample(list(PLAYS), len(PLAYS)):
                taken[name].append(PLAYS[name](folder, port, cores.client, seconds))
    ratios = {}
    for peer, bound in TARGETS.items():
        pairs = zip(taken["fastbench"], taken[peer], strict=True)
        spread = Spread.of([ours / theirs for ours, theirs in pairs])
        reached = spread.median >= bound
        ratios[peer] = {**spread.document(), "target": bound, "reached": reached}
    rates = {name: Spread.of(values).document() for name, values in taken.items()}
    return {"rounds": rounds, "seconds": seconds, "ratios": ratios, "messages_per_s": rates}


def held(folder: Path, core: str, port: int, count: int) -> tuple[int, float]:
    """Hold sockets open; give the PSS of parent and worker, and how long opening took."""
    path = folder / "held.json"
    argv = [*harness.fastbench_command(), "--no-progress", "-t1", f"-c{count}", f"-d{HOLD_S:g}s"]
    argv += ["--ws-mode", "hold", "--timeout", "20s", "--json", str(path)]
    with harness.background([*argv, f"ws://127.0.0.1:{port}/"], core) as process:
        end_s = time.monotonic() + OPENING_S_MAX + HOLD_S
        looks = []
        while process.poll() is None and time.monotonic() < end_s:
            time.sleep(0.5)
            pids = tree(process.pid)
            if sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids) >= count:
                looks.append(sum(map(pss_bytes, pids)))
        process.communicate()
    document = json.loads(path.read_text())
    if document["sockets"]["open_at_end"] != count or document["errors"]:
        raise BenchError(f"hold: {document['sockets']}, {document['errors']}")
    return max(looks), float(document["sockets"]["opening_s"])


def hold(folder: Path, cores: Cores, rounds: int) -> dict[str, Any]:
    """Give bytes a socket, and the time to open all of them."""
    each, opening = [], []
    with echo_server(folder / "socket_echo", cores.server) as port:
        for _ in range(rounds):
            many, seconds = held(folder, cores.client, port, MANY)
            few, _ = held(folder, cores.client, port, FEW)
            each.append((many - few) / (MANY - FEW))
            opening.append(seconds)
    size, length = Spread.of(each), Spread.of(opening)
    return {
        "sockets": MANY,
        "bytes_per_socket": {
            **size.document(),
            "target": BYTES_MAX,
            "reached": size.median <= BYTES_MAX,
        },
        "opening_s": {
            **length.document(),
            "target": OPENING_S_MAX,
            "reached": length.median <= OPENING_S_MAX,
        },
    }


def push(folder: Path, cores: Cores, rounds: int, seconds: float) -> dict[str, Any]:
    """Give what was lost of all that was pushed, and how far the two p99 are apart."""
    each = round(PUSH_RATE / PUSHED_TO * seconds)
    lost, apart, theirs, ours = [], [], [], []
    words = [str(PUSH_RATE), str(each)]
    for _ in range(rounds):
        with harness.background([folder / "socket_echo", *words], cores.server) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            asked = (f"-c{PUSHED_TO}", "--ws-mode", "push", "-b", "go")
            document = _document(folder, cores.client, seconds + 1, port, *asked)
            process.terminate()
            told = process.stdout.readline().split()
        if document["errors"]:
            raise BenchError(f"push: {document['errors']}")
        lost.append(int(told[1]) - document["sockets"]["messages_received"])
        theirs.append(int(told[7]) / 1000)
        ours.append(float(document["latency_ms"]["service"]["p99"]))
        apart.append(abs(ours[-1] - theirs[-1]))
    off = Spread.of(apart)
    return {
        "sockets": PUSHED_TO,
        "pushed": each * PUSHED_TO,
        "lost": {"most": max(lost), "target": 0, "reached": not any(lost)},
        "p99_ms": {
            "server": Spread.of(theirs).document(),
            "fastbench": Spread.of(ours).document(),
        },
        "apart_ms": {
            **off.document(),
            "target": PUSH_OFF_MS_MAX,
            "reached": off.median <= PUSH_OFF_MS_MAX,
        },
    }


def reached(row: dict[str, Any]) -> bool:
    """Tell whether every target of a row is reached."""
    single = ("bytes_per_socket", "opening_s", "lost", "apart_ms")
    parts = [*row.get("ratios", {}).values(), *(row.get(name) for name in single)]
    return all(part["reached"] for part in parts if part)


def main() -> bool:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--seed", type=int, default=14)
    options.add_argument("--rows", default="echo,hold,push")
    options.add_argument("--output", type=Path, default=harness.RESULTS / "websocket.json")
    given = options.parse_args()
    harness.raise_files_limit()
    cores = harness.pick_cores()
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        harness.compile_c("socket_echo", folder, "crypto")
        harness.compile_c("limit", folder)
        environment = harness.environment()
        if "echo" in given.rows:
            rows["echo"] = echo(folder, cores, given.rounds, given.seconds, given.seed)
        if "hold" in given.rows:
            rows["hold"] = hold(folder, cores, max(1, given.rounds // 3))
        if "push" in given.rows:
            rows["push"] = push(folder, cores, max(1, given.rounds // 3), given.seconds)
    for title, row in rows.items():
        print(title, json.dumps(row, indent=2))
        row["environment"] = environment
    harness.write_rows(given.output, rows)
    return all(map(reached, rows.values()))


if __name__ == "__main__":
    sys.exit(harness.exit_code(main))
