"""A script, imported: what it declares, and what the command line makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastbench.plan.plan import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import evaluation, grammar
from fastbench.script import remarks
from fastbench.script.api import data, declare, metrics
from fastbench.script.api.options import Declared
from fastbench.script.load import cli_overrides, loader
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.recording_context import Tags
from fastbench.script.run_request import RunRequest

Take = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Hold a script that was imported in this process; there is one at a time."""

    folder: str
    declared: Declared
    asked: RunRequest

    def applied(self) -> Applied:
        """Return what the run is to do; raises UsageError."""
        return cli_overrides.applied(self.declared, self.asked)

    def submetrics(self, applied: Applied) -> list[tuple[str, Tags]]:
        """Return the metrics with tags that thresholds name."""
        known = {**BUILT_IN, **metrics.declared()}
        read = grammar.read(applied.options.thresholds, self.asked.thresholds, known)
        return list(evaluation.submetrics(read))


def load(asked: RunRequest, take: Take) -> Loaded:
    """Import the script of a run; `take` gives numbers that no other worker gets.

    Raises script.Broken.
    """
    declare.begin(asked.env)
    data.begin(take)
    remarks.begin()
    module, place = loader.load(asked.script)
    try:
        declared = declare.collect(module)
    except UsageError as error:
        raise loader.broken("options", error, place.folder) from None
    return Loaded(place.folder, declared, asked)
