"""One run in slices, in a process of its own: see trials/trial.py."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from fastbench.experiments.trials import trial
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.results import json_codec
from fastbench.results.counts import Http2
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import packed, unpacked
from fastbench.results.usage import HostUse
from fastbench.run.turns import SlicePart, Turns, TurnsRun


def apart(
    turns: Turns,
    told: Callable[[Sequence[SlicePart]], Sequence[Any]],
    heard: Callable[[Sequence[Any]], None],
    stop: Interrupts,
    times: str = "service",
    enough: Callable[[], bool] = lambda: False,
    host: Callable[[HostUse], None] = lambda use: None,
    lost: Callable[[], None] = lambda: None,
    spoke: Callable[[list[Http2]], None] = lambda sides: None,
) -> list[Histogram]:
    """Load in turns in a process of its own; return the times of each side.

    `heard` gets, here, what `told` makes there of the slices, and `host` what the machine did
    meanwhile. It ends early, in order, once `enough` is true there. `lost` is called where it ended
    because a worker died, `spoke` with what each side's connections agreed on. Raises as
    `trial.run_apart`.
    """
    found: list[Histogram] = []

    def work(channel: socket.socket) -> None:
        def tell(parts: Sequence[SlicePart]) -> bool:
            trial.say(channel, "slices", list(told(parts)))
            return enough()

        run = TurnsRun(turns)
        run.carry_out(tell)
        if any(child.lost for child in run.workers.children):
            trial.say(channel, "lost", None)
        trial.say(channel, "host", json_codec.plain(run.host))
        trial.say(channel, "spoke", [json_codec.plain(each) for each in agreed(run)])
        sums = [block.histogram(times) for block in run.blocks]
        sides = [Histogram(each.counts(), each.min_ns, each.max_ns, each.sum_ns) for each in sums]
        trial.say(channel, "times", [packed(each) for each in sides])

    def hear(kind: str, body: Any) -> None:
        if kind == "slices":
            heard(body)
        elif kind == "host":
            if body is not None:
                host(json_codec.read(HostUse, body, kind))
        elif kind == "lost":
            lost()
        elif kind == "spoke":
            spoke([json_codec.read(Http2, each, kind) for each in body])
        else:
            found.extend(unpacked(each) for each in body)

    trial.run_apart(work, hear, stop)
    return found


def agreed(run: TurnsRun) -> list[Http2]:
    """Return what the connections of each side agreed on."""
    sides = zip(run.blocks, run.plan.sides, strict=True)
    counted = (([block.counters(i) for i in block.indices], plan) for block, plan in sides)
    return [Http2.of(slots, (), plan.load.streams) for slots, plan in counted]
