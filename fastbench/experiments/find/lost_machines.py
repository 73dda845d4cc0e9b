"""Machines that are lost during a search: which runs say nothing for that, and what is told of it.

A run that lost a part sent less than was planned: that its answers were quick shows nothing, and
that they were slow may be the network's doing. It never counts, neither for a rate nor against it.
"""

from __future__ import annotations

from collections.abc import Callable

from fastbench.results.result import Result, Warning_

RUNS_MAX = 3  # at one rate, all of which lost a part


class Lost(Exception):
    """A rate could not be measured to its end; the message says which, and why."""


class LostMachines:
    """What the runs of a search lost. `machines` are the names of those of its first run.

    `notice` gets a sentence for each loss; with `stop` the first one ends the search.
    """

    def __init__(self, notice: Callable[[str], None], *, stop: bool) -> None:
        self.machines: tuple[str, ...] = ()
        self.runs = 0  # that said nothing
        self._notice = notice
        self._stop = stop
        self._there: list[str] = []
        self._at_this_rate = 0
        self._told: list[str] = []

    def spoilt(self, rate: float, result: Result) -> bool:
        """Tell whether a run says nothing, as a part of it was lost.

        Raises Lost where the search ends with it.
        """
        at = f"at {rate:,.6g} req/s"
        names = [row.name for row in result.machines]
        self.machines = self.machines or tuple(names)
        gone = [name for name in self._there if name not in names]
        lost = {row.name: row.loss for row in result.machines if row.lost}
        self._there = [name for name in names if name not in lost]
        told = [f"{at} {name} was gone before the run" for name in gone]
        told += [f"{at} {name} was {how}" for name, how in lost.items()]
        spoilt = bool(lost) or result.summary.ended == "worker_lost"
        if spoilt and not lost:
            told.append(f"{at} a worker was lost")
        self._at_this_rate = self._at_this_rate + 1 if spoilt else 0
        self.runs += spoilt
        self._told += told
        none_left = bool(lost) and not self._there
        if told and (self._stop or none_left or self._at_this_rate >= RUNS_MAX):
            raise Lost("; ".join(told))
        for each in told:
            self._notice(f"{each}; {self._next(spoilt)}")
        return spoilt

    def warnings(self) -> list[Warning_]:
        """Return what the reader of the whole search should know."""
        hint = "no run that lost a part counts; its rate was measured again"
        return [Warning_("machine_lost", each, hint) for each in self._told]

    def _next(self, spoilt: bool) -> str:
        """Say how the search goes on."""
        left = f" on {', '.join(self._there)}" if self._there else ""
        return f"this rate is measured again{left}" if spoilt else f"the search goes on{left}"
