"""Servers that a comparison starts itself: one fresh process per trial, gone when the trial is.

1. `{port}` in command and URL is a free port. It lies outside the range from which the kernel
   gives ports to connections: there nobody takes it between two trials by chance, and nobody who
   knocks at it is connected to himself.
2. Where somebody listens already, nothing is started: we would measure that.
3. A server is ready when its address accepts a connection, or when the URL of --wait-for answers
   below 400. Then it has all the time of its warm-up.
4. What it writes is kept in a file for as long as it may be needed; on failure it stays there.
5. A keeper starts it and ends it for sure, also when we are killed: see server_keeper.py.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import tempfile
import time
from dataclasses import dataclass
from typing import Self

from fastbench.experiments.trials import server_keeper
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.foundation import meanwhile, redact, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import system_files
from fastbench.plan import urls
from fastbench.plan.network import readiness, resolve
from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor

PORT = "{port}"
ANY_PORT = 65_535  # stands for one that is not known yet
READY_S = 30.0  # for a server to become ready
LOOK_S = 0.02  # between two looks whether it is
PROBE_S = 1.0  # for one connection
TAIL_BYTES = 4096  # of a server's output in an error
_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
_MIN_PORT, _MAX_PORT = 10_000, 65_535
_TRIES = 200


class ServerError(UsageError):
    """Say why a server does not serve. `output` is the end of what it wrote, `log` all of it."""

    def __init__(self, sentence: str, output: str = "", log: str = "") -> None:
        super().__init__(sentence)
        self.output = redact.printable(output, lines=True)
        self.log = log


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server will listen: a host and a port, or a Unix socket."""

    host: str
    port: int
    unix_path: str | None = None

    def accepts(self) -> bool:
        """Tell whether somebody listens there."""
        try:
            if self.unix_path is not None:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.settimeout(PROBE_S)
                    probe.connect(resolve.unix_address(self.unix_path))
                return True
            with socket.create_connection((self.host, self.port), PROBE_S) as probe:
                # tcp(7): a port from the kernel's range may have been given to this very probe.
                return bool(probe.getsockname() != probe.getpeername())
        except OSError:
            return False

    def __str__(self) -> str:
        if self.unix_path is not None:
            return self.unix_path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def check(command: str, url: str, flag: str, unix_path: str | None = None) -> None:
    """Refuse a command and an address of which only one has a place for the port."""
    if not command.strip():
        raise UsageError(f"{flag} needs the command that starts a server.")
    address = url + (unix_path or "")
    if PORT in address and PORT not in command:
        what = "URL" if PORT in url else "path of --unix"
        raise UsageError(
            f"The {what} has {PORT} but {flag} has not: the server would not know its port. Write "
            f"for example {flag} './server --port {PORT}'."
        )
    if PORT in command and PORT not in address:
        raise UsageError(
            f"{flag} has {PORT} but the URL has not; write --url http://localhost:{PORT}/."
        )


def free_port(before: int | None = None) -> int:
    """Return a port on which nobody listens: the one before if it still is free."""
    low, high = _given_away()
    chosen = random.SystemRandom()
    ours = [*range(_MIN_PORT, low), *range(high + 1, _MAX_PORT + 1)]
    tries = [] if before is None else [before]
    tries += [chosen.choice(ours) for _ in range(_TRIES)] if ours else []
    for port in (*tries, 0):
        with contextlib.suppress(OSError):
            return _bound(port)
    raise UsageError("There is no free port; end what listens on so many.")


class Server:
    """A server at work, as a context manager: started when entered, gone when left.

    `flag` names the command in sentences, `side` its file of output. `cores` are the processors
    that it may use, nothing for all.
    """

    def __init__(
        self, command: str, address: Address, flag: str, side: str, cores: tuple[int, ...] = ()
    ) -> None:
        self._command = command
        self._cores = cores
        self._address = address
        self._flag = flag
        self._side = side
        self._keeper = Child(leads=os.setsid)
        self._processes: Supervisor[Child] | None = None  # while it is at work
        self._ended = ""
        self.log = ""

    def __enter__(self) -> Self:
        if self._address.accepts():
            raise UsageError(
                f"Something already listens on {self._address}, before {self._flag} has started "
                f"anything there; end it, or write {PORT} in command and URL."
            )
        output_fd, self.log = tempfile.mkstemp(prefix=f"fastbench-{self._side}-", suffix=".log")
        try:
            self._processes = Supervisor()
            self._processes.start(
                self._keeper,
                lambda channel: server_keeper.keep(self._command, channel, output_fd, self._cores),
            )
        finally:
            os.close(output_fd)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()
        kept = isinstance(error, ServerError) and error.log == self.log
        if not kept:
            with contextlib.suppress(OSError):
                os.unlink(self.log)

    def stop(self) -> None:
        """End it and all it has started; returns when they are gone."""
        if self._processes is not None:
            self._keeper.stream.close()
            self._keeper.bury(wait=True)
            self._processes.close()
            self._processes = None

    def wait_ready(self, stop: Interrupts, wait_for: str | None, limit_s: float = READY_S) -> None:
        """Wait until it serves; raises ServerError if it will not, Interrupted at a signal."""
        until_s = time.monotonic() + limit_s
        with meanwhile.stage(f"starting the server of {self._flag}", limit_s):
            while not self._ready(wait_for):
                if how := self.ended():
                    raise self._error(f"{how} before it was ready")
                if time.monotonic() > until_s:
                    what = f"no status below 400 from {wait_for}" if wait_for else self._silence()
                    raise self._error(f"was not ready after {limit_s:g}s: {what}")
                stop.check()
                self._listen(LOOK_S)
        stop.check()
        if how := self.ended():  # somebody else answers there
            raise self._error(f"{how}, yet something answers at {wait_for or self._address}")

    def ended(self) -> str:
        """Say how it ended, "" while it runs."""
        self._listen(0.0)
        return self._ended

    def _listen(self, wait_s: float) -> None:
        """Hear how it ended; its keeper may have been killed."""
        assert self._processes is not None  # it was entered
        for _, (kind, body) in self._processes.listen(wait_s):
            how = f"could not be run ({body if kind == 'failed' else 'its keeper is gone'})"
            if kind == "exit":
                how = f"ended with status {body}"
                if body < 0:
                    how = f"was ended by {signals.name_of(-body)}"
            self._ended = self._ended or how

    def tail(self) -> str:
        """Return the end of what it wrote."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
                return file.read().decode("utf-8", "replace").strip("\n")
        except OSError:
            return ""

    def _ready(self, wait_for: str | None) -> bool:
        return _answers(wait_for) if wait_for else self._address.accepts()

    def _silence(self) -> str:
        return f"nothing listens on {self._address}"

    def _error(self, what: str) -> ServerError:
        tail = self.tail()
        if not tail:
            return ServerError(f"The server of {self._flag} {what}; it wrote nothing.")
        sentence = f"The server of {self._flag} {what}; all it wrote is in {self.log}."
        return ServerError(sentence, tail, self.log)


def _answers(address: str) -> bool:
    """Tell whether a URL answers below 400."""
    status, _ = readiness.look(urls.parse(address))
    return 0 < status < 400


def _given_away() -> tuple[int, int]:
    """Return the first and last port that the kernel gives to connections: ip(7)."""
    ends = [system_files.whole(word) for word in system_files.text(_RANGE).split()]
    low, high, *_ = *ends, None, None
    if low is None or high is None or not 0 < low <= high <= _MAX_PORT:
        return 32_768, 60_999
    return low, high


def _bound(port: int) -> int:
    """Return the port, of 0 any, if it can be had on all addresses. Raises OSError."""
    with socket.socket() as probe:
        # As servers do: connections of the trial before may still be in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("", port))
        probe.listen(1)
        return int(probe.getsockname()[1])
