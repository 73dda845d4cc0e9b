"""A script, imported: what it declares, and what the command line makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastbench import judging, thresholds
from fastbench.measured import BUILT_IN
from fastbench.plan import UsageError
from fastbench.scenario import declare, feeders, metrics, override, remarks, script
from fastbench.scenario.asked import Asked
from fastbench.scenario.options import Declared
from fastbench.scenario.override import Applied
from fastbench.scenario.place import Tags

Take = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Hold a script that was imported in this process; there is one at a time."""

    folder: str
    declared: Declared
    asked: Asked

    def applied(self) -> Applied:
        """Return what the run is to do; raises UsageError."""
        return override.applied(self.declared, self.asked)

    def submetrics(self, applied: Applied) -> list[tuple[str, Tags]]:
        """Return the metrics with tags that thresholds name."""
        known = {**BUILT_IN, **metrics.declared()}
        read = thresholds.read(applied.options.thresholds, self.asked.thresholds, known)
        return list(judging.submetrics(read))


def load(asked: Asked, take: Take) -> Loaded:
    """Import the script of a run; `take` gives numbers that no other worker gets.

    Raises script.Broken.
    """
    declare.begin(asked.env)
    feeders.begin(take)
    remarks.begin()
    module, place = script.load(asked.script)
    try:
        declared = declare.collect(module)
    except UsageError as error:
        raise script.broken("options", error, place.folder) from None
    return Loaded(place.folder, declared, asked)
