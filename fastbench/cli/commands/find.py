"""`fastbench find`: from words to the highest rate, its report and its exit code."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fastbench import __version__
from fastbench.cli.args import find_args
from fastbench.cli.args.find_args import Command
from fastbench.cli.help import pager
from fastbench.foundation import exit_codes, signals
from fastbench.foundation.units import per_s
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.network import followed_urls
from fastbench.plan.plan import Plan
from fastbench.plan.workload import Stage

if TYPE_CHECKING:
    from fastbench.cli.output.lines.trial_lines import SearchLines
    from fastbench.cli.output.live.search_frame import SearchFacts
    from fastbench.cli.output.live.search_view import SearchView
    from fastbench.cli.output.settings import OnMachines
    from fastbench.experiments.find.find_document import Found, Step
    from fastbench.experiments.find.search_loop import Measure
    from fastbench.experiments.trials.interrupts import Interrupts
    from fastbench.results.result import Result

COOL_S = 0.2  # between runs: what the last one left behind drains
REOPEN_S = 2.0  # until the scheduler knows that a machine has gone
COOLEST_S = 10.0  # after a run that left much behind
EXIT_CODES = {
    "none": exit_codes.THRESHOLDS,
    "interrupted": exit_codes.INTERRUPTED,
    "lost": exit_codes.LOST,
    "server_gone": exit_codes.NOTHING,
    "nothing_succeeded": exit_codes.NOTHING,
}


def main(words: Sequence[str]) -> int:
    """Search as the words after `find` ask; raises UsageError for a wrong word."""
    command = find_args.parse(words)
    if isinstance(command, str):
        return pager.page(command, "find")
    from fastbench.cli.output import destinations

    if not command.output.quiet:
        pager.notes(command.notices)
    destinations.prepare(destinations.written(command.output))
    from fastbench.cli.output.lines import progress_lines

    with progress_lines.begun(command.output.lines_every_s):
        command = _followed(command)
        with signals.held(), _cluster(command.output.on):
            return _deliver(_search(command), command)


def _followed(command: Command) -> Command:
    """Follow redirects once for all runs."""
    plan = followed_urls.followed(command.plan)
    names = [name for name in plan.config if name.startswith("redirect") or name == "proxy"]
    led = {name: plan.config[name] for name in names}
    return replace(command, plan=plan, config={**command.config, **led})


def _cluster(on: OnMachines | None) -> AbstractContextManager[None]:
    """Start the cluster that all runs use, where there is one to start."""
    if on is None:
        return nullcontext()
    from fastbench.cluster.links import kept_cluster

    return kept_cluster.kept([on.address])


def _search(command: Command) -> Found:
    from fastbench.cli.output.lines import trial_lines
    from fastbench.cli.output.live.search_view import SearchView
    from fastbench.experiments.find.search_loop import Course
    from fastbench.experiments.trials.interrupts import Interrupts
    from fastbench.report.text import find_text
    from fastbench.results.socket_counts import noun_of

    output = command.output
    shown = output.progress and not output.quiet
    lines = trial_lines.of_search()
    unit = per_s(noun_of(command.config))
    live = lines or SearchView(_facts(command, unit), enabled=shown, color=output.color)

    def tell(step: Step) -> None:
        live.step(step)
        if shown:
            print(find_text.step_line(step, unit), file=sys.stderr)  # above the live view

    with Interrupts() as stop, live:
        measure = _measured(command, stop, live)
        course = Course(command.request, measure, tell, time.monotonic, _notice)
        found = course.run()
    return replace(found, version=__version__, config=command.config)


def _facts(command: Command, unit: str) -> SearchFacts:
    """Return what a view says of a search."""
    from fastbench.cli.output.live.search_frame import SearchFacts
    from fastbench.report import load_heading

    request = command.request
    return SearchFacts(
        load_heading.of_config(command.plan.config).target,
        tuple(each.text for each in request.objectives),
        request.where,
        request.visit_s,
        request.warmup_s,
        request.max_time_s,
        unit,
    )


def _notice(sentence: str) -> None:
    pager.notes([sentence])


def _measured(command: Command, stop: Interrupts, live: SearchView | SearchLines) -> Measure:
    from fastbench.cli.commands import run_url
    from fastbench.experiments.find import objective
    from fastbench.experiments.find.lost_machines import Lost
    from fastbench.experiments.trials import trial
    from fastbench.experiments.trials.interrupts import Interrupted

    told: set[str] = set()  # what every run has to say is said once
    left_s = 0.0  # what the last run left unanswered takes the server
    begun = False

    def notice(sentence: str) -> None:
        if sentence not in told:
            told.add(sentence)
            pager.notes([sentence])

    observer = trial.TrialObserver(progress=live.update, notice=notice)

    def measure(rate: float) -> Result | None:
        nonlocal begun, left_s
        try:
            stop.nap(COOL_S + min(left_s, COOLEST_S))
            plan = at_rate(command.plan, rate)
            pool = partial(run_url.pool_of, plan, command.output)
            alone = command.output.on is None
            job = plan if alone else trial.PlanOnMachines(plan, pool)
            try:
                result = trial.run_trial(job, observer, stop)
            except UsageError:
                if not begun or command.request.stop_when_lost:
                    raise
                # A machine may have gone while it was asked; the next time it is not there.
                stop.nap(REOPEN_S)
                result = trial.run_trial(job, observer, stop)
            begun = True
            left_s = objective.left_s(result)
            return result
        except Interrupted:
            return None
        except UsageError as error:
            if not begun:
                raise
            raise Lost(f"at {rate:,.6g} req/s {error}") from None  # a cluster may go away
        except trial.TrialError as error:
            raise Lost(f"at {rate:,.6g} req/s {error}") from None

    return measure


def at_rate(plan: Plan, rate: float) -> Plan:
    """Return the plan at another rate."""
    assert plan.load.pace is not None
    pace = replace(plan.load.pace, stages=(Stage(math.inf, rate, rate),))
    config = {**plan.config, "rate": rate}
    return replace(plan, load=replace(plan.load, pace=pace), config=config)


def _deliver(found: Found, command: Command) -> int:
    """Report, write what was asked for; return the exit code."""
    from fastbench.cli.output import delivery, formats
    from fastbench.report.text import find_text

    output = command.output
    failed = delivery.carry_out(
        output,
        lambda how: how.drawn(find_text.render, found),
        found.to_document,
        lambda form: formats.searched(form, found),
    )
    if code := EXIT_CODES.get(found.ended, 0):
        return code
    return exit_codes.NOT_WRITTEN if failed else _strictly(found, strict=output.strict)


def _strictly(found: Found, *, strict: bool) -> int:
    """Under --strict a rate that may not be quoted is a failure."""
    noisy = any(warning.code == "noisy_host" for warning in found.warnings)
    if not strict or not (noisy or found.ended == "client_limited"):
        return 0
    from fastbench.cli.output import delivery

    delivery.tell("--strict: this is no more than a lower bound.")
    return exit_codes.NOT_VALID
