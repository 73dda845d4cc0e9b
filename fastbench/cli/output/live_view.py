"""The live view: one small picture of the run, on a terminal only, gone when the report prints."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self, TextIO

from fastbench.cli.output.canvas import Canvas
from fastbench.cli.output.lines import progress_lines
from fastbench.foundation import stdio
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms, format_s
from fastbench.report.picture import sparkline
from fastbench.results import resolution
from fastbench.run import live_figures

if TYPE_CHECKING:
    from rich.text import Text

    from fastbench.cli.output.lines.progress_lines import RunLines
    from fastbench.cli.output.live.run_figures import RunFacts
    from fastbench.cli.output.live.run_follower import RunFollower
    from fastbench.cli.output.live.run_view import RunView
    from fastbench.cli.output.settings import Output
    from fastbench.outputs.hub import Outlet
    from fastbench.plan.plan import Plan
    from fastbench.results.machine_row import Machines
    from fastbench.run.live_figures import FiguresPipe
    from fastbench.run.sampling import Progress, Users
    from fastbench.run.snapshot import Snapshot


class LiveView(Canvas):
    """Show a run's progress while it goes.

    `duration_s` and `requests` say where the end is; either may be None. `below` is a line that
    stays.
    """

    def __init__(
        self,
        *,
        duration_s: float | None,
        requests: int | None,
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
        below: str = "",
    ) -> None:
        super().__init__(enabled=enabled, color=color, stream=stream)
        self._below = below
        self._duration_s = duration_s
        self._requests = requests

    def update(self, now: Progress) -> None:
        """Redraw, but not more than four times a second."""
        if columns := self._due():
            self._draw(self._lines(now, columns))

    def _lines(self, now: Progress, columns: int) -> list[Text]:
        """Return three lines: how far, how fast, errors and plan.

        What has to be told at once follows them.
        """
        from rich.text import Text

        lines = [self._progress(now, columns), self._speed(now, columns), _state(now)]
        lines += [] if now.machines is None else [_machines(now.machines)]
        lines += [Text(f"  {printable(each)}", style="bold red") for each in now.notices]
        return [*lines, Text(f"  {self._below}", style="dim")] if self._below else lines

    def _progress(self, now: Progress, columns: int) -> Text:
        from rich.text import Text

        if now.warming:
            return Text(f"  warming up, {_whole_s(now.elapsed_s)}", style="yellow")
        left = f"  {_whole_s(now.elapsed_s)}"
        length_s = now.length_s(self._duration_s)
        left += f" of {format_s(length_s)}" if length_s else ""
        right = f"{now.requests:,} requests" if self._requests else ""
        right += f" of {self._requests:,}" if self._requests else ""
        if now.users is not None:
            right = _iterations(now.users)
        line = Text(f"{left:<16}")
        free = columns - 16 - len(right) - 2
        share = now.share(self._duration_s, self._requests)
        if share is not None and free > 0:
            done = round(share * free)
            full, empty = ("━", "─") if self._unicode else ("=", "-")
            line.append(full * done, style="green")
            line.append(empty * (free - done), style="dim")
        return line.append(f"  {right}")

    def _speed(self, now: Progress, columns: int) -> Text:
        from rich.text import Text

        line = Text("  ").append(f"{f'{format_count(now.rate)} {now.per_s}':<14}", style="bold")
        right = ""
        if now.p50_ms:  # not in the first second, nor in a warm-up
            high = resolution.tail(None if now.row is None else now.row.ok + now.row.timeouts)
            right = f"   p50 {format_ms(now.p50_ms):>6}   {high} {format_ms(now.p99_ms):>6}"
        free = max(0, columns - len(line) - len(right))
        recent = now.rates[-free:] if free else ()
        picture = sparkline(recent, free, unicode=self._unicode)
        return line.append(f"{picture:<{free}}", style="cyan").append(right)


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


def _whole_s(elapsed_s: float) -> str:
    return format_s(float(int(elapsed_s))) if elapsed_s >= 1 else "0s"


def _iterations(users: Users) -> str:
    most = f" of {users.iterations_of:,}" if users.iterations_of else ""
    return f"{users.iterations:,}{most} iterations"


def _state(now: Progress) -> Text:
    """Return what goes wrong, then what is asked for and what waits."""
    from rich.text import Text

    line = Text("  ")
    if now.errors:
        line.append(f"{now.errors:,} error{'' if now.errors == 1 else 's'}", style="red")
    else:
        line.append("no errors", style="dim")
    if (per_s := now.operations_per_s) is not None:
        line.append(f"   {format_count(per_s)} op/s")
        line.append(f", {now.operations_failed:,} failed" if now.operations_failed else "", "red")
    if now.users is not None:
        _add_users(line, now.users)
    _add_thresholds(line, now)
    if now.asked_rate is not None:
        line.append(f"   {format_count(now.asked_rate)} req/s planned")
        line.append(f", {now.queued:,} queued", style="yellow" if now.queued else "dim")
    if now.connections:
        over = f", {now.protocol}" if now.protocol else ""
        line.append(f"   {now.connections:,} open{over}", style="dim")
    return line


def _machines(found: Machines) -> Text:
    """Return how many machines work; what became of the others stands above the view."""
    from rich.text import Text

    style = "bold red" if found.lost else "dim"
    return Text(f"  {found.working} on {found.cluster}", style=style)


def _add_users(line: Text, users: Users) -> None:
    """Add VUs, and what was dropped."""
    line.append(f"   {users.vus:,} of {users.vus_max:,} VUs")
    if users.dropped:
        line.append(f"   {users.dropped:,} dropped", style="bold red")


def _add_thresholds(line: Text, now: Progress) -> None:
    failing = now.failing
    if failing:
        text = f"   {len(failing)} of {len(now.judgements)} thresholds failed: {failing[0]}"
        line.append(printable(text), style="red")
    elif now.judgements:
        line.append("   thresholds pass", style="dim")
