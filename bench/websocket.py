"""Measure WebSockets beside k6's modules and a bare loop; see results/websocket.json.

echo    26 bytes each way, 50 sockets, one message in flight on each: fastbench without a script,
        k6's module k6/ws, and limit.c, which sends one frame made beforehand and looks at no byte
        of what comes
script  the same: fastbench with a script, k6's modules k6/ws and k6/websockets
hold    10,000 sockets held open by one worker: memory of each (PSS, less that of 100), time to open
users   10,000 users of a script that hold a socket each: the same
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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import harness
from harness import BenchError, Cores, Spread
from memory import pss_bytes, tree

SCRIPTS = harness.ROOT / "bench" / "scripts"
K6 = harness.ROOT / "build" / "peers" / "bin" / "k6"
MESSAGE = "abcdefghijklmnopqrstuvwxyz"
SOCKETS = 50
MANY, FEW = 10_000, 100
BYTES_MAX = 1024.0
USER_BYTES_MAX = 10 * 1024.0
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


def script(folder: Path, port: int, core: str, seconds: float) -> float:
    """Messages a second that came back to a script."""
    path = folder / "result.json"
    argv: list[str | Path] = [*harness.fastbench_command(), "run", "--no-progress", "-t1"]
    argv += ["--json", path]
    argv += ["-e", f"URL=ws://127.0.0.1:{port}/", "-e", f"SECONDS={seconds:g}"]
    done = harness.run([*argv, SCRIPTS / "ws_echo.py"], core, seconds)
    if not path.exists():
        raise BenchError(f"fastbench run: {done.output.strip()[-300:]}")
    document = json.loads(path.read_text())
    counts = {name: each["values"].get("count") for name, each in document["metrics"].items()}
    if document["errors"] or counts["ws_sessions"] != SOCKETS:
        raise BenchError(f"fastbench run: {document['errors']}, {counts['ws_sessions']} sockets")
    return float(counts["echoed"]) / seconds


def k6(name: str) -> Play:
    """Give a play of a script of k6's, in messages a second that came back."""

    def play(folder: Path, port: int, core: str, seconds: float) -> float:
        path = folder / "summary.json"
        argv: list[str | Path] = [K6, "run", "--quiet", "--no-usage-report"]
        argv += ["--summary-export", path, "-e", f"URL=ws://127.0.0.1:{port}/"]
        done = harness.run([*argv, "-e", f"SECONDS={seconds:g}", SCRIPTS / name], core, seconds)
        if not path.exists():
            raise BenchError(f"k6: {done.output.strip()[-300:]}")
        metrics = json.loads(path.read_text())["metrics"]
        if metrics["ws_sessions"]["count"] != SOCKETS:
            raise BenchError(f"k6 opened {metrics['ws_sessions']['count']} sockets")
        return float(metrics["echoed"]["count"]) / seconds

    return play


def limit(folder: Path, port: int, core: str, seconds: float) -> float:
    """Messages a second of the bare loop."""
    words = [str(port), str(SOCKETS), f"{seconds:g}", str(len(MESSAGE) + 2), "/", str(len(MESSAGE))]
    done = harness.run([folder / "limit", *words], core, seconds)
    return float(done.output.split()[2])


@dataclass(frozen=True, slots=True)
class Echoes:
    """Who takes turns, and the least ratio of the first one's rate to each other's."""

    plays: Mapping[str, Play]
    targets: Mapping[str, float]


ECHOES = {
    "echo": Echoes(
        {"fastbench": fastbench, "k6": k6("ws_echo.js"), "limit": limit}, {"k6": 4.0, "limit": 0.9}
    ),
    "script": Echoes(
        {
            "fastbench": script,
            "k6/ws": k6("ws_echo.js"),
            "k6/websockets": k6("ws_echo_events.js"),
        },
        {"k6/ws": 2.0, "k6/websockets": 3.0},
    ),
}


def echo(
    row: Echoes, folder: Path, cores: Cores, rounds: int, seconds: float, seed: int
) -> dict[str, Any]:
    """Let the tools take turns; give their rates and the ratios."""
    rng = random.Random(seed)
    taken: dict[str, list[float]] = {name: [] for name in row.plays}
    with echo_server(folder / "socket_echo", cores.server) as port:
        for _ in range(rounds):
            for name in rng.sample(list(row.plays), len(row.plays)):
                taken[name].append(row.plays[name](folder, port, cores.client, seconds))
    ratios = {}
    for peer, bound in row.targets.items():
        pairs = zip(taken["fastbench"], taken[peer], strict=True)
        spread = Spread.of([ours / theirs for ours, theirs in pairs])
        reached = spread.median >= bound
        ratios[peer] = {**spread.document(), "target": bound, "reached": reached}
    rates = {name: Spread.of(values).document() for name, values in taken.items()}
    return {"rounds": rounds, "seconds": seconds, "ratios": ratios, "messages_per_s": rates}


def held_by_run(port: int, count: int) -> list[str]:
    """Give the words of a run without a script that holds sockets."""
    return [f"-c{count}", "--ws-mode", "hold", "--timeout", "20s", f"ws://127.0.0.1:{port}/"]


def held_by_users(port: int, count: int) -> list[str]:
    """Give the words of a script's run whose users hold a socket each."""
    script = SCRIPTS / "ws_held.py"
    return ["run", f"-u{count}", "-e", f"URL=ws://127.0.0.1:{port}/", str(script)]


def held(words: list[str], folder: Path, core: str, count: int) -> tuple[int, float]:
    """Hold sockets open; give the PSS of parent and worker, and how long opening took."""
    path = folder / "held.json"
    argv = [*harness.fastbench_command(), *words, "--no-progress", "-t1", f"-d{HOLD_S:g}s"]
    began_s = time.monotonic()
    with harness.background([*argv, "--json", str(path)], core) as process:
        opened_s = 0.0
        looks: list[int] = []
        while process.poll() is None and time.monotonic() < began_s + 2 * OPENING_S_MAX + HOLD_S:
            time.sleep(0.1 if not looks else 0.5)
            pids = tree(process.pid)
            if sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids) >= count:
                opened_s = opened_s or time.monotonic() - began_s
                looks.append(sum(map(pss_bytes, pids)))
        process.communicate()
    document = json.loads(path.read_text())
    if document["errors"] or not looks:
        raise BenchError(f"hold: {document['errors']}, {len(looks)} looks at {count} sockets")
    if "sockets" in document:
        opened_s = float(document["sockets"]["opening_s"])
    return max(looks), opened_s


def hold(
    words: Callable[[int, int], list[str]],
    bytes_max: float,
    folder: Path,
    cores: Cores,
    rounds: int,
) -> dict[str, Any]:
    """Give bytes a socket, and the time to open all of them."""
    each, opening = [], []
    with echo_server(folder / "socket_echo", cores.server) as port:
        for _ in range(rounds):
            many, seconds = held(words(port, MANY), folder, cores.client, MANY)
            few, _ = held(words(port, FEW), folder, cores.client, FEW)
            each.append((many - few) / (MANY - FEW))
            opening.append(seconds)
    size, length = Spread.of(each), Spread.of(opening)
    return {
        "sockets": MANY,
        "bytes_per_socket": {
            **size.document(),
            "target": bytes_max,
            "reached": size.median <= bytes_max,
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
    options.add_argument("--rows", default="echo,script,hold,users,push")
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
        few = max(1, given.rounds // 3)
        plays: dict[str, Callable[[], dict[str, Any]]] = {
            **{
                name: partial(echo, row, folder, cores, given.rounds, given.seconds, given.seed)
                for name, row in ECHOES.items()
            },
            "hold": partial(hold, held_by_run, BYTES_MAX, folder, cores, few),
            "users": partial(hold, held_by_users, USER_BYTES_MAX, folder, cores, few),
            "push": partial(push, folder, cores, few, given.seconds),
        }
        for name in given.rows.split(","):
            rows[name] = plays[name]()
    for title, row in rows.items():
        print(title, json.dumps(row, indent=2))
        row["environment"] = environment
    harness.write_rows(given.output, rows)
    return all(map(reached, rows.values()))


if __name__ == "__main__":
    sys.exit(harness.exit_code(main))
