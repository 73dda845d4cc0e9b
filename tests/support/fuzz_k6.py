"""Run scripts of k6 that nobody would write: `make fuzz` does so, too.

What must hold whatever a script does: the run ends in time, by one of its exit codes and by no
signal, in order and without a traceback, and what the script counted of itself is what the
document says.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from case import answer
from fuzzing import fuzz
from made_k6_scripts import K6Maker
from running import balance
from servers import OK, Peer, Server
from websocket_peers import CLOSE, PING, PONG, TEXT, accepted, closing, framed, received

from fastbench.foundation import exit_codes

LIMIT_S = 40
_CODES = (
    0,
    *(
        getattr(exit_codes, name)
        for name in ("THRESHOLDS", "SCRIPT", "ABORTED", "MARKED", "NOTHING")
    ),
)
_ANSWERS = {
    b"/json": answer(
        "Content-Type: application/json", "Content-Length: 15", body=b'{"a":{"b":[1]}}'
    ),
    b"/500": answer("Content-Length: 0", start="HTTP/1.1 500 Oh"),
    b"/302": answer("Location: /json", "Content-Length: 0", start="HTTP/1.1 302 Found"),
    b"/chunked": answer("Transfer-Encoding: chunked", body=b"3\r\n<a>\r\n1\r\nx\r\n0\r\n\r\n"),
    b"/junk": b"HTTP/1.1 2x0 \0\r\n\r\n",
    b"/cookie": answer("Set-Cookie: c=1; Path=/; Max-Age=1", "Content-Length: 0"),
}


def serve(peer: Peer) -> None:
    """Answer by path, well or badly; `/ws` is a socket."""
    while True:
        asked = peer.request()
        path = asked.split(b" ", 2)[1].partition(b"?")[0]
        if path == b"/ws":
            return _talk(peer, asked)
        if path == b"/cut":
            return peer.send(OK[:-3])
        if path == b"/reset":
            return peer.reset()
        if path == b"/late":
            peer.pause(0.15)
        peer.send(_ANSWERS.get(path, OK))


def _talk(peer: Peer, asked: bytes) -> None:
    peer.send(accepted(asked))
    while True:
        opcode, data = received(peer)
        if opcode == CLOSE or data == b"close":
            peer.send(closing(1000, b"bye"))
            return peer.finish()
        if data == b"reset":
            return peer.reset()
        if data == b"junk":
            return peer.send(b"\xff\xff" + framed(TEXT, b"\xff"))
        peer.send(framed(PONG, data) if opcode == PING else framed(PING) + framed(TEXT, data[:100]))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name, "lib.js").write_text("export let n = 0; export function inc() { n += 1; }\n")
        yield Path(name)


def check(rng: random.Random, seed: bytes) -> str:
    """Run the script of this seed; return how the run ended."""
    maker = K6Maker(int.from_bytes(seed))
    text = maker.whole()
    with _folder() as folder, Server(serve) as server:
        path, saved = folder / "script.js", folder / "run.json"
        path.write_text(text)
        words = ["run", str(path), "-e", f"URL={server.url('')}", "-q", "--json", str(saved)]
        with subprocess.Popen(
            [sys.executable, "-m", "fastbench", *words, *maker.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        ) as process:
            try:
                told, _ = process.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                _end(process)
                raise AssertionError(f"it does not end: {maker.words}\n{text}") from None
            finally:
                _end(process)
        said = told.decode(errors="replace")
        about = f"{maker.words}\n{text}\n{said[-6000:]}"
        assert process.returncode in _CODES, f"exit code {process.returncode}: {about}"
        for word in ("Traceback", "Sanitizer", "runtime error:", "Fatal Python", "did not add up"):
            assert word not in said, about
        if saved.exists():
            document = json.loads(saved.read_text())
            try:
                _balanced(document)
            except AssertionError as wrong:
                raise AssertionError(f"{wrong!r}: {about}") from wrong
    return str(process.returncode)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _balanced(document: dict[str, Any]) -> None:
    """Hold a run to what its script counted of itself."""
    balance(document)
    (scenario,) = document["scenarios"]
    counted = {
        name: document["metrics"].get(name, {"values": {"count": 0}})["values"]["count"]
        for name in ("begun", "asked")
    }
    ended = scenario["iterations"] + scenario["interrupted"]
    # One that has its users' time only to begin may end before its first line.
    assert counted["begun"] <= ended, (counted, scenario)
    tests = sum(row["passes"] + row["fails"] for row in document["checks"])
    assert tests <= counted["asked"], (counted, tests)
    of_load = [row for row in document["exceptions"] if row["scenario"] == "s"]
    assert sum(row["count"] for row in of_load) <= scenario["iterations"], of_load


def seeds(rng: random.Random) -> bytes:
    """Return a seed: what one script is made of."""
    return rng.randbytes(8)


if __name__ == "__main__":
    sys.exit(fuzz(__doc__, "scripts", seeds, check, "ended"))
