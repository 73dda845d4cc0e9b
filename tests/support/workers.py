"""A worker process of a script, with a test in the parent's place."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.results import json_codec
from fastbench.run.child import Child
from fastbench.script.api.options import Declared
from fastbench.script.load import cli_overrides
from fastbench.script.load.python_host import PythonHost
from fastbench.script.run_request import RunRequest
from fastbench.script.worker import worker_process

__all__ = ["LIMIT_S", "Worker", "worker"]

LIMIT_S = 10


class Worker:
    """One worker, forked; `heard` are its messages so far."""

    def __init__(self, script: Path, index: int = 0, workers: int = 1, **asked: Any) -> None:
        self.block = _core.Block(workers)
        self.arena = _client.Arena(workers)
        self.asked = RunRequest(str(script), **asked)
        self.index = index
        self.workers = workers
        self.heard: list[tuple[str, Any]] = []
        self.status: int | None = None
        self._rest = b""
        self.stream, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stream.settimeout(LIMIT_S)
        self.dump_fd, write_fd = os.pipe()
        seat = (theirs, write_fd, self.block, self.arena, PythonHost(self.asked))
        child = Child()
        child.start(lambda: self._be(worker_process.WorkerContext(index, workers, *seat)))
        self.pid = child.pid
        theirs.close()
        os.close(write_fd)

    def _be(self, context: worker_process.WorkerContext) -> None:
        self.stream.close()
        worker_process.run(context)

    def send(self, kind: str, **said: Any) -> None:
        self.stream.sendall(json.dumps({kind: said}).encode() + b"\n")

    def hear(self, *kinds: str) -> Any:
        """Read messages up to the next of these kinds, and return what it says."""
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                ((kind, said),) = json.loads(line).items()
                self.heard.append((kind, said))
                if kind in kinds:
                    return said
                continue
            more = self.stream.recv(65536)
            assert more, f"the worker has gone; it said {self.heard}"
            self._rest += more

    def said(self, kind: str) -> list[Any]:
        """List what messages of one kind said so far."""
        return [said for each, said in self.heard if each == kind]

    def begin(self, data: Any = None, *, lead_s: float = 0.02) -> None:
        """Hear what the script declares and let its scenarios begin."""
        declared = json_codec.read(Declared, self.hear("declared"), "declared")
        applied = cli_overrides.applied(declared, self.asked)
        shares = [asdict(share) for share in applied.shares(self.workers)[self.index]]
        self.send("prepare", data=data, shares=shares)
        self.hear("prepared")
        self.send("begin", start_ns=time.monotonic_ns() + round(lead_s * 1e9), begun_ns=0)

    def run(self, data: Any = None) -> dict[str, int]:
        """Let the script run to its end."""
        self.begin(data)
        ends: dict[str, int] = self.hear("ended")["scenarios"]
        return ends

    def quit(self) -> int:
        """Let the worker go; return its exit code."""
        self.send("quit")
        return self.wait()

    def wait(self) -> int:
        end_s = time.monotonic() + LIMIT_S
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end_s, "the worker does not end"
            time.sleep(0.002)
        return self.status

    def close(self) -> None:
        """Leave nothing behind."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.stream.close()
        os.close(self.dump_fd)

    def counts(self) -> dict[str, float]:
        """Add up the counters by name, over scenarios."""
        found: dict[str, float] = {}
        for kind, name, _, value in self.arena.read(self.index):
            if kind == "counter":
                found[name] = found.get(name, 0) + value
        return found


@contextmanager
def worker(folder: Path, code: str, **more: Any) -> Iterator[Worker]:
    script = folder / "script.py"
    script.write_text(code)
    made = Worker(script, **more)
    try:
        yield made
    finally:
        made.close()
