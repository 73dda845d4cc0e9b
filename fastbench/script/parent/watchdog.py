"""Workers that hold everything up: who, since when, in which line of the script.

1. A worker stamps a beat 50 times a second. No beat for STUCK_S means that code of the script holds
   the loop: all its VUs wait, and what they measure is not the server's.
2. The worker's faulthandler writes the stack when it gets SIGUSR1; the line that is told is the
   innermost one of the script's folder, or else the innermost one. Which VU runs is written beside
   it, unless the code never comes back to Python: then it is the one that began last.
3. Before there is a loop a worker imports the script. That may take long, and is told of the same
   way, but never ended.
"""

from __future__ import annotations

import re
import signal
import time
from dataclasses import dataclass

from fastbench.engine.client import _client
from fastbench.foundation.redact import printable
from fastbench.results.result import Warning_
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.parent.worker_channel import ScriptWorker

STUCK_S = 5.0
IMPORT_S = 3.0  # of an import, until it is told of for the first time
IMPORT_AGAIN_S = 30.0
ANSWER_NS = 300_000_000  # for a stack to be written
NS_PER_S = 1e9
_VU = re.compile(rb"^VU (\d+)$", re.MULTILINE)


@dataclass(slots=True)
class _Case:
    """One worker that does not answer. `since_ns` is its last beat."""

    since_ns: int
    vu: int
    place: str = ""
    over_ns: int = 0  # when it came back

    def length_s(self, now_ns: int) -> float:
        return ((self.over_ns or now_ns) - self.since_ns) / NS_PER_S


class Watchdog:
    """Look at the beats now and then; remember who was stuck, and where."""

    def __init__(self, arena: _client.Arena, host: ScriptHost) -> None:
        self._arena = arena
        self._host = host
        self._open: dict[int, _Case] = {}
        self._closed: list[tuple[int, int, _Case]] = []  # index, pid

    def look(self, children: list[ScriptWorker], now_ns: int) -> None:
        """Note who has been silent for too long, and ask where it is."""
        for child in children:
            beat_ns = self._arena.beat_ns(child.index)
            case = self._open.get(child.index)
            if case is not None and (child.gone or beat_ns != case.since_ns):
                self._close(child, beat_ns if beat_ns != case.since_ns else now_ns)
            elif case is not None:
                self._read(child, case)
            elif self.stuck(child, now_ns, STUCK_S):
                self.ask(child)

    def ask(self, child: ScriptWorker) -> None:
        """Let a worker that is silent say where it is, if it was not asked yet."""
        if child.gone or child.index in self._open:
            return
        beat_ns = self._arena.beat_ns(child.index)
        self._open[child.index] = _Case(beat_ns, self._arena.place(child.index)[0])
        child.dump = b""
        child.kill(signal.SIGUSR1)

    def stuck(self, child: ScriptWorker, now_ns: int, limit_s: float) -> bool:
        """Tell whether a worker has been silent for `limit_s`."""
        beat_ns = self._arena.beat_ns(child.index)
        return not child.gone and beat_ns > 0 and now_ns - beat_ns > limit_s * NS_PER_S

    def sentences(self, children: list[ScriptWorker], now_ns: int) -> list[str]:
        """Say who is stuck now."""
        pids = {child.index: child.pid for child in children}
        return [self._sentence(at, pids[at], case, now_ns) for at, case in self._open.items()]

    def warnings(self, children: list[ScriptWorker], now_ns: int) -> list[Warning_]:
        """Return a warning for each time a worker was stuck, at the end of the run."""
        for child in children:
            if child.index in self._open:
                self._close(child, now_ns)
        return [
            Warning_("stuck", self._sentence(index, pid, case, now_ns), self._host.stuck_hint)
            for index, pid, case in self._closed
        ]

    def _close(self, child: ScriptWorker, over_ns: int) -> None:
        case = self._open.pop(child.index)
        self._read(child, case)
        case.over_ns = over_ns
        self._closed.append((child.index, child.pid, case))

    def _sentence(self, index: int, pid: int, case: _Case, now_ns: int) -> str:
        where = f" at {case.place}" if case.place else ""
        done = "was" if case.over_ns else "has been"
        return (
            f"worker {index} (pid {pid}) {done} in {self._host.language} code for "
            f"{case.length_s(now_ns):.1f}s: VU {case.vu}{where}; "
            "no other VU of this worker could run"
        )

    def _read(self, child: ScriptWorker, case: _Case) -> None:
        """Read file, line and VU out of what the worker wrote."""
        if where := self._host.line_of(child.dump):
            case.place = ":".join(where)
        if named := _VU.search(child.dump):
            case.vu = int(named[1])


class SlowImport:
    """Tell of a script that is still being imported: once, then now and then.

    `preparing`: it is, and its users are being made, for whom the bodies of its modules may run.
    """

    def __init__(self, host: ScriptHost, *, preparing: bool = False) -> None:
        self._host = host
        self.preparing = preparing
        self._script = printable(host.request.script)
        self._begun_ns = time.monotonic_ns()
        self._next_s = IMPORT_S
        self._request: ScriptWorker | None = None
        self._asked_ns = 0

    def look(self, children: list[ScriptWorker], now_ns: int) -> str:
        """Ask a worker that takes too long where it is; return its answer once it is there."""
        past_s = (now_ns - self._begun_ns) / NS_PER_S
        if self._request is not None and now_ns - self._asked_ns < ANSWER_NS:
            return ""
        child, self._request = self._request, None
        if child is not None and not self._is_done(child):
            where = self._host.line_of(child.dump)
            what = "being run for its VUs" if self.preparing else "being imported"
            return slow_import(self._script, past_s, where, self._host.slow_hint, what)
        late = next((each for each in children if not self._is_done(each)), None)
        if late is not None and past_s >= self._next_s:
            self._next_s = past_s + IMPORT_AGAIN_S
            self._request, self._asked_ns, late.dump = late, now_ns, b""
            late.kill(signal.SIGUSR1)
        return ""

    def _is_done(self, child: ScriptWorker) -> bool:
        return child.gone or (child.prepared if self.preparing else child.loaded)


def slow_import(
    script: str,
    past_s: float,
    where: tuple[str, str] | None,
    hint: str,
    what: str = "being imported",
) -> str:
    """Say which script is still being imported, and in which file and line."""
    place = f", at {where[0]}, line {where[1]}" if where else ""
    return f"{script} is still {what} after {past_s:.0f}s{place}; {hint}; Ctrl-C ends it."
