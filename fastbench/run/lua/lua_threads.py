"""The states of a script: the main one, where setup() and done() run, and one for each worker.

1. As in wrk they are made one after the other before the load: the script is loaded, setup() is
   called in the main state, then init() in the thread's. Each worker is forked with all of them,
   goes on with its own, and sends its globals home when it ends, for thread:get() in done().
2. A signal ends the process at once meanwhile: nothing has to be cleaned up, and a script that
   never returns could not be ended otherwise.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from _thread import get_native_id
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastbench.foundation import signals
from fastbench.plan.network import resolve
from fastbench.plan.network.resolve import Endpoint, ResolveError
from fastbench.plan.wrk_script import WrkScript
from fastbench.run.lua.lua_state import LuaState, dumped

MAX_GLOBALS_BYTES = 1 << 26
_PORTS = {"http": 80, "https": 443}
_RUNS = b"thread:stop() can only be called while the thread is running"
_STARTED = b"a thread's address is set in setup() or init(), before it connects"


class LuaThreads:
    """All states of a script. Raises ScriptError, in everything, for what the script does wrong.

    `endpoints`: the addresses of the server.
    """

    def __init__(
        self,
        script: WrkScript,
        endpoints: tuple[Endpoint, ...],
        workers: int,
        connect_timeout_s: float,
    ) -> None:
        self.script = script
        self._timeout_s = connect_timeout_s
        self._known = {_named(each): each for each in endpoints}
        self._endpoints = [endpoints] * workers
        self._stop: Callable[[], None] | None = None
        self._begun = False
        self._percentiles: tuple[Callable[[float], float], ...] = ()
        self._states: list[LuaState] = []
        self._texts: dict[int, bytes] = {}
        with _ended_by_signals():
            self._make(workers)
        first = self._states[0]
        self.requests = first.defines("request")
        self.delays = first.defines("delay")
        self.responds = first.defines("response")

    @property
    def reports(self) -> bool:
        """Whether the script has a done()."""
        return self._main.defines("done")

    @property
    def constant(self) -> bool:
        """Whether each thread sends one request again and again."""
        return not (self.requests or self.delays or self.responds)

    def endpoints(self, number: int) -> tuple[Endpoint, ...]:
        """Return the addresses that a worker loads."""
        return self._endpoints[number]

    def state(self, number: int) -> LuaState:
        """Return the state of a worker."""
        return self._states[number]

    def verified(self, number: int = 0) -> bytes:
        """Return what the thread's request() returns, called once more: wrk verifies the first."""
        if number not in self._texts:
            with _ended_by_signals():
                self._texts[number] = self._states[number].call("text")
        return self._texts[number]

    def begin(self, stop: Callable[[], None]) -> None:
        """Be a worker: its script may `stop` it."""
        self._begun, self._stop = True, stop

    def globals(self, number: int) -> bytes:
        """Return what the main state may ask for, in the worker at its end."""
        found = self._states[number].call("globals", MAX_GLOBALS_BYTES)
        assert isinstance(found, bytes)
        return found

    def keep(self, number: int, found: bytes) -> None:
        """Take what a worker's `globals` returned."""
        self._main.call("keep", number, found)

    def done(
        self,
        summary: dict[str, object],
        latency: tuple[dict[str, object], Callable[[float], float]],
        rates: tuple[dict[str, object], Callable[[float], float]],
    ) -> None:
        """Call done(); latencies and rates are min, max, mean, stdev, values and their counts."""
        self._percentiles = latency[1], rates[1]
        sys.stdout.flush()
        with _ended_by_signals():
            try:
                self._main.call("done", dumped(summary), dumped(latency[0]), dumped(rates[0]))
            finally:
                self._main.call("flush")

    def _make(self, workers: int) -> None:
        sys.stdout.flush()
        self._main = LuaState(self.script, self)
        arguments = dumped(dict(enumerate(self.script.arguments)))
        try:
            for number in range(workers):
                self._states.append(LuaState(self.script, self))
                self._main.call("setup", number)
                self._states[number].call("init", number, arguments)
        finally:
            for each in (self._main, *self._states):
                each.call("flush")

    # What scripts ask for

    def lookup(self, host: bytes, service: bytes) -> tuple[bytes | None, bytes | None]:
        name, port = (each.decode("utf-8", "replace") for each in (host, service))
        try:
            found = resolve.lookup(name, _port(port))
        except (ResolveError, OSError, UnicodeError) as error:
            return None, f"unable to resolve {name}:{port}: {error}".encode()
        self._known |= {_named(each): each for each in found}
        return b"\n".join(map(_named, found)), None

    def connect(self, address: bytes) -> bool:
        to = self._known[address]
        with socket.socket(to.family, socket.SOCK_STREAM) as stream:
            stream.settimeout(self._timeout_s)
            return stream.connect_ex(to.where) == 0

    def address(self, number: int) -> bytes:
        return _named(self._endpoints[int(number)][0])

    def move(self, number: int, address: bytes) -> bytes | None:
        if self._begun:
            return _STARTED
        self._endpoints[int(number)] = (self._known[address],)
        return None

    def get(self, number: int, name: bytes) -> tuple[bytes | None, bytes | None]:
        found: tuple[bytes | None, bytes | None] = self._states[int(number)].call("get", name)
        return found if isinstance(found, tuple) else (found, None)

    def set(self, number: int, name: bytes, text: bytes) -> bytes | None:
        if self._begun:
            return b"thread:set() is for setup(), before the thread runs"
        self._states[int(number)].call("set", name, text)
        return None

    def stop(self, number: int) -> bytes | None:
        if self._stop is None:
            return _RUNS
        self._stop()
        return None

    def percentile(self, number: int, percent: float) -> float:
        return self._percentiles[int(number) - 1](percent)


def _named(endpoint: Endpoint) -> bytes:
    if endpoint.family == socket.AF_UNIX:
        return endpoint.host.encode("utf-8", "surrogateescape")
    return f"{endpoint.host}:{endpoint.port}".encode()


def _port(service: str) -> int:
    if service.isascii() and service.isdecimal():
        return int(service)
    return _PORTS.get(service) or socket.getservbyname(service, "tcp")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    if get_native_id() != os.getpid():  # only the main thread may say who hears signals
        yield
        return
    before = {each: signal.getsignal(each) for each in signals.SIGNALS}
    heard = {each: handler for each, handler in before.items() if handler != signal.SIG_IGN}
    for each in heard:
        signal.signal(each, signal.SIG_DFL)
    try:
        yield
    finally:
        for each, handler in heard.items():
            signal.signal(each, handler)
