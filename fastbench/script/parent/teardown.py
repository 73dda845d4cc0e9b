"""The end of a script's run: teardown in the first worker, for as long as there is time for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastbench.results.result import Warning_
from fastbench.script.parent.worker_channel import ScriptWorker

AFTER_SIGNAL_S = 7.0  # whoever sent it often kills after 10 s, as `docker stop` does
CUT_S = 1.0  # to end once cancelled
NS_PER_S = 1e9

_HINT = "data that setup created may still exist: check it"
# In the result that is written before teardown begins; it stays if nobody writes another.
RUNNING = Warning_("no_teardown", "teardown was still running when this was written", _HINT)

Pump = Callable[[Callable[[], bool], int], None]


class Teardown:
    """What is known of it. `ended` and `cut` are what the worker says: by itself, or cancelled."""

    def __init__(self) -> None:
        self.ended = False
        self.cut = False

    def run(
        self,
        first: ScriptWorker,
        data: Any,
        limit_s: float,
        pump: Pump,
        signal_ns: Callable[[], int],
    ) -> Warning_ | None:
        """Let the first worker clean up; return what is to be said if it did not.

        `pump` listens until something holds, or an instant; `signal_ns` is when a signal came, 0
        if none did.
        """
        begun_ns = time.monotonic_ns()
        if not first.gone:
            first.send("teardown", {"data": data})
            pump(
                lambda: self._over(first) or _late(signal_ns()),
                begun_ns + round(limit_s * NS_PER_S),
            )
        if not self._over(first):
            first.send("cut", {})
            pump(lambda: self._over(first), time.monotonic_ns() + round(CUT_S * NS_PER_S))
        if self.ended:
            return None
        past_s = (time.monotonic_ns() - begun_ns) / NS_PER_S
        text = f"it took over {limit_s:g}s"
        if first.gone:
            text = "the first worker was lost"
        elif _late(signal_ns()):
            text = f"a signal came, and it had not ended {past_s:.1f}s after it began"
        return Warning_("no_teardown", f"teardown did not finish: {text}", _HINT)

    def _over(self, first: ScriptWorker) -> bool:
        return self.ended or self.cut or first.gone


def _late(signal_ns: int) -> bool:
    after_ns = signal_ns + round(AFTER_SIGNAL_S * NS_PER_S)
    return bool(signal_ns) and time.monotonic_ns() >= after_ns
