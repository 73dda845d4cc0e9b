"""Who is shown how a run goes: the eyes, a log, who started it with others, or nobody."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from fastbench.cli.output.lines import progress_lines
from fastbench.foundation import stdio
from fastbench.run import live_figures

if TYPE_CHECKING:
    from fastbench.cli.output.lines.progress_lines import RunLines
    from fastbench.cli.output.live.run_figures import RunFacts
    from fastbench.cli.output.live.run_follower import RunFollower
    from fastbench.cli.output.live.run_view import RunView
    from fastbench.cli.output.settings import Output
    from fastbench.outputs.hub import Outlet
    from fastbench.plan.plan import Plan
    from fastbench.run.live_figures import FiguresPipe
    from fastbench.run.sampling import Progress
    from fastbench.run.snapshot import Snapshot


class Nobody:
    """Nobody who is shown how a run goes: there is no terminal, or none is to be drawn on."""

    follower: RunFollower | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End."""

    def update(self, now: Progress) -> None:
        """Hear nothing."""


if TYPE_CHECKING:
    Eyes = RunView | FiguresPipe | RunLines | Nobody


def of_plan(output: Output, plan: Plan, below: str) -> Eyes:
    """Return who is shown how a run of URLs goes; `below` is a line that stays."""
    load = plan.load
    if (other := _elsewhere(output, load.duration_s, load.requests)) is not None:
        return other
    from fastbench.cli.output.live.run_figures import RunFacts
    from fastbench.report import load_heading

    heading = load_heading.of_config(plan.config)
    facts = RunFacts(
        target=heading.target,
        connections=load.connections,
        pace=load.pace,
        duration_s=load.duration_s,
        requests=load.requests,
        sockets=bool(heading.websocket),
        below=below,
    )
    return _view(output, facts)


def of_script(output: Output, script: str, below: str) -> Eyes:
    """Return who is shown how the run of a script goes."""
    if (other := _elsewhere(output, None, None)) is not None:
        return other
    from fastbench.cli.output.live.run_figures import RunFacts

    return _view(output, RunFacts(target=script, below=below))


class _Both:
    """Two who follow the run of a script; snapshots come as often as the first one needs them."""

    def __init__(self, out: Outlet, view: RunFollower) -> None:
        self._each: tuple[Outlet | RunFollower, ...] = (out, view)

    def begin(self, tags: Mapping[str, str], of_scenarios: Mapping[str, Mapping[str, str]]) -> None:
        """Tell both of the tags."""
        for each in self._each:
            each.begin(tags, of_scenarios)

    def take(self, now: Snapshot) -> None:
        """Give both a snapshot."""
        for each in self._each:
            each.take(now)


def together(out: Outlet | None, view: RunFollower | None) -> Outlet | RunFollower | _Both | None:
    """Return who follows the run of a script for its outputs and for its view."""
    return _Both(out, view) if out is not None and view is not None else out or view


def _elsewhere(
    output: Output, duration_s: float | None, requests: int | None
) -> FiguresPipe | RunLines | Nobody | None:
    """Return who is shown it where that is no screen: who started it with others, a log, nobody."""
    told = live_figures.pipe(duration_s, requests) or progress_lines.of_run(duration_s, requests)
    if told is not None:
        return told
    drawn = output.progress and not output.quiet and stdio.draws(sys.stderr)
    return None if drawn else Nobody()


def _view(output: Output, facts: RunFacts) -> RunView:
    from fastbench.cli.output.live.run_view import RunView

    return RunView(facts, color=output.color)
