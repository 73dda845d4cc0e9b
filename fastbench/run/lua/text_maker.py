"""The thread of a worker that runs the script: it makes requests ahead, and is told of answers.

The engine takes texts from a ring (`engine/texts/text_ring.pxd`) and never waits for Lua: only a
connection does, where no text is ready. A script with response() is called for each answer first,
and a request is made only when a connection waits for one.
"""

from __future__ import annotations

import time

from fastbench.engine.bridge import _core
from fastbench.run.lua.lua_state import LuaState, ScriptError

MAX_BATCH = 256
MAX_BATCH_BYTES = 1 << 23
LONG_NS, SHORT_NS = 2_000_000, 500_000  # of a batch, which connections may wait for


class TextMaker:
    """Makes what is due, a batch in each call of Lua."""

    def __init__(self, state: LuaState, texts: _core.TextRing, name: str) -> None:
        self._state = state
        self._texts = texts
        self._name = name
        self._batch = 16
        self._making = False
        self._last = False  # no text is made any more

    def work(self, limit_s: float) -> None:
        """Do what there is to do, or wait for it; raises ScriptError, and lets the engine stop."""
        try:
            self._work(limit_s)
        except BaseException:
            self._texts.stop()
            raise

    def finish(self) -> None:
        """Tell the script of the last answers, when the engine has ended; raises ScriptError."""
        while answers := self._texts.answers():
            self._state.call("answers", answers)

    def stop(self) -> None:
        """End the load, as the script asks: what it made before in request() is sent first."""
        if self._making:
            self._last = True
            self._texts.make_no_more()
        else:
            self._texts.stop()

    def wake(self) -> None:
        """Let `work` return; any thread may call this."""
        self._texts.wake()

    def _work(self, limit_s: float) -> None:
        answers = self._texts.answers()
        if answers:
            self._state.call("answers", answers)
        count = self._texts.due(self._batch)
        if self._last and not self._texts.unanswered:
            self._texts.stop()
        if count:
            self._make(count)
        elif not answers:
            self._state.call("flush")
            self._texts.wait(round(limit_s * 1000))

    def _make(self, count: int) -> None:
        begun_ns = time.perf_counter_ns()
        self._making = True
        batch = self._state.call("texts", count, MAX_BATCH_BYTES)
        self._making = False
        try:
            self._texts.put(batch)
        except ValueError as error:
            raise not_a_request(self._name, str(error)) from None
        took_ns = time.perf_counter_ns() - begun_ns
        if took_ns > LONG_NS:
            self._batch = max(1, self._batch // 2)
        elif took_ns < SHORT_NS:
            self._batch = min(MAX_BATCH, self._batch * 2)


def not_a_request(name: str, why: str) -> ScriptError:
    """Say what is wrong with what request() returned."""
    return ScriptError(f"{name}: what request() returned is no request of HTTP/1.1: {why}.")
