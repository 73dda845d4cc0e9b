"""Let a server answer WebSockets of the engine with damaged frames: `make fuzz` does so, too.

What must hold whatever comes: the run ends in time and in order, its counts add up, and what it
names is one of our errors. Handshakes are damaged too; pieces of any size reach the sockets.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz_frames import conversation
from fuzzing import fuzz
from running import balance
from servers import Peer, Server
from websocket_peers import Script, accepted

SOCKETS = 8
_LIMIT_S = 60
_MODES = ("echo", "push", "hold")


def answers(rng: random.Random) -> bytes:
    """Return a seed: the sockets of one run each get conversations of their own."""
    return rng.randbytes(8)


def check(rng: random.Random, seed: bytes) -> str:
    """Run against a server that answers so; return how the run ended."""
    mode, pipeline = rng.choice(_MODES), rng.choice((1, 3))
    with tempfile.TemporaryDirectory() as name, Server(_script(seed)) as server:
        path = Path(name) / "run.json"
        argv = [
            sys.executable,
            "-m",
            "fastbench",
            "--no-progress",
            "-t1",
            f"-c{SOCKETS}",
            "-d300ms",
        ]
        argv += ["--ws-mode", mode, "-b", "hello", "--json", str(path), "--timeout", "100ms"]
        argv += [f"-p{pipeline}"] if mode == "echo" else []
        done = subprocess.run(
            [*argv, server.url("/").replace("http", "ws", 1)],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
        )
        said = done.stdout[-2000:] + done.stderr[-4000:]
        assert done.returncode in (0, 122) and "Sanitizer" not in said, said
        assert "Traceback" not in said and "runtime error" not in said, said
        document = json.loads(path.read_text())
    balance(document)
    assert all(row["message"] for row in document["errors"]), document["errors"]
    return "some succeeded" if done.returncode == 0 else ""


def _script(seed: bytes) -> Script:
    """Return what the server does with each connection."""
    rng = random.Random(seed)

    def serve(peer: Peer) -> None:
        head = accepted(peer.request())
        if rng.random() < 0.2:
            hurt = bytearray(head)
            hurt[rng.randrange(len(hurt))] = rng.randrange(256)
            head = bytes(hurt)
        wire = head + b"".join(conversation(rng) for _ in range(rng.randrange(4)))
        while wire:
            n = rng.choice((1, 2, 7, 100, 4096))
            peer.send(wire[:n])
            wire = wire[n:]

    return serve


if __name__ == "__main__":
    sys.exit(fuzz(__doc__, "runs", answers, check, "nothing succeeded"))
