"""Searches as they come in life."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from searching import Knee, answered, clock_of, searching

from fastbench.experiments.find.find_document import Found
from fastbench.experiments.find.search import Range
from fastbench.results.result import Validity

CONFIG = {"method": "GET", "url": "http://127.0.0.1:8080/api/health", "connections": 100}


NOISY = Validity("noisy-host", "none", ("other programs took 50% of the processors",))


def _bending(rate: float) -> float:
    """Return the p99 of a server of 1,000 a second, in ms."""
    return 0.8 / (1 - rate / 1000) if rate < 995 else 400 * rate / 1000


def _answering(rate: float) -> object:
    limit = Validity("ok", "server", ("python (pid 7) used all of a core it can use (99%)",))
    return answered(rate, _bending(rate), validity=limit if rate > 980 else Validity("ok", "none"))


def _out_of_time() -> Found:
    slow = Knee(1000)
    return searching(slow, max_time_s=6.1, clock=clock_of(slow))


ALL: dict[str, Callable[[], Found]] = {
    "found": lambda: searching(_answering),  # type: ignore[arg-type]
    "errors": lambda: searching(lambda rate: answered(rate, 2, failed=int(max(0, rate - 500)))),
    "only_errors": lambda: searching(
        lambda rate: answered(rate, 2, queued=int(max(0, rate - 500))), "errors<5%"
    ),
    "most": lambda: searching(Knee(1000), where=Range(100, 10, 400, 0.02)),
    "none": lambda: searching(Knee(1)),
    "client": lambda: searching(Knee(1e5, client=5000)),
    "unsteady": lambda: searching(Knee(1000, spoilt={2: answered(400, 1000)})),
    "noisy": lambda: searching(
        lambda rate: answered(rate, 900 if rate > 900 else 2, validity=NOISY)
    ),
    "gone": lambda: searching(Knee(1000, gone_at=400)),
    "nothing": lambda: searching(Knee(1000, gone_at=0)),
    "interrupted": lambda: searching(lambda rate: None),
    "out_of_time": _out_of_time,
}


@functools.cache
def sample(name: str) -> Found:
    return replace(ALL[name](), config=CONFIG, elapsed_s=61.53)
