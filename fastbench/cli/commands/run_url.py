"""A plain run, from Plan to exit code: the live view, the report, the files.

A run of a script is delivered by the same hands. What ended a run early decides its exit code,
then a broken threshold, then a regression against the baseline, then that nothing succeeded.

What only some runs need is imported where they need it: the start counts in CPU per request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from fastbench.cli.output import dashboards, delivery, destinations, formats, live_view, peer_forms
from fastbench.cli.output.lines import progress_lines
from fastbench.cli.output.settings import Output
from fastbench.foundation import exit_codes, files, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan
from fastbench.results.result import Result
from fastbench.run import runner

if TYPE_CHECKING:
    from fastbench.cli.commands.recorded import Recorded
    from fastbench.experiments.compare.compare_document import Comparison
    from fastbench.outputs.dashboard.dashboard_server import Board
    from fastbench.outputs.hub import Outlet
    from fastbench.run.lua.lua_run import LuaRun
    from fastbench.run.worker_pool import WorkerPool

EXIT_CODES = {
    "complete": exit_codes.PASSED,
    "interrupted": exit_codes.INTERRUPTED,
    "worker_lost": exit_codes.LOST,
    "script_failed": exit_codes.SCRIPT,
    "aborted": exit_codes.ABORTED,
    "marked_failed": exit_codes.MARKED,
    "threshold_aborted": exit_codes.THRESHOLDS,
    "nothing_succeeded": exit_codes.NOTHING,
}


def run(plan: Plan, output: Output) -> int:
    """Run, report, write what was asked for; return the exit code."""
    destinations.prepare(destinations.written(output))
    with progress_lines.begun(output.lines_every_s):
        return _run(plan, output)


def _run(plan: Plan, output: Output) -> int:
    if output.wait_for is not None:
        from fastbench.cli.output import hooks

        if not hooks.plain_is_ready(plan, output):
            return exit_codes.NOTHING
    with (
        signals.held(),
        pool_of(plan, output) as pool,
        dashboards.of_plan(output, plan) as board,
        outlet(output) as out,
    ):
        live = live_view.of_plan(output, plan, dashboards.line(board))
        urls = None if board is None else dashboards.ByUrl()
        script = lua_run(plan)
        with live:
            result = runner.run(
                plan,
                dashboards.beside(live.update, board, urls),
                thread_rates=output.format == "wrk" or script is not None,
                thresholds=output.thresholds,
                followers=[each for each in (urls, out, live.follower) if each is not None],
                pool=pool,
                script=script,
            )
        code = deliver(result, output, out, board)
        ended = exit_codes.PASSED if script is None or script.failed else _done(script, result)
        return code or ended


def lua_run(plan: Plan) -> LuaRun | None:
    """Return the run of the plan's Lua script, if it has one."""
    if plan.lua is None:
        return None
    from fastbench.run.lua.lua_run import LuaRun

    return LuaRun(plan)


def _done(script: LuaRun, result: Result) -> int:
    """Call the script's done(), behind the report as in wrk."""
    try:
        script.done(result)
    except UsageError as error:
        delivery.tell(str(error))
        return exit_codes.SCRIPT
    return exit_codes.PASSED


@contextmanager
def pool_of(
    plan: Plan, output: Output, notice: Callable[[str], None] | None = None
) -> Iterator[WorkerPool | None]:
    """Open the machines that carry a run, None for this one alone; raises UsageError."""
    if output.on is None:
        yield None
        return
    from fastbench.cli.help import pager
    from fastbench.cli.output import machine_flags
    from fastbench.cluster import plan_message, sent_in_clear

    notice = notice or (lambda told: pager.notes([told]))
    with machine_flags.reached(output.on, output) as cluster:
        from fastbench.cluster.parent.remote_pool import RemotePool

        addresses = [each.address for each in cluster.machines]
        if told := sent_in_clear.warning(addresses, plan_message.secrets(plan)):
            notice(told)
        yield RemotePool(cluster, notice, stop_when_lost=output.on.stop_when_lost)


@contextmanager
def outlet(output: Output) -> Iterator[Outlet | None]:
    """Open the live outputs, None without any; raises UsageError for one that cannot be."""
    if not output.outs:
        yield None
        return
    from fastbench.outputs.hub import Outlet

    opened = Outlet(output.outs)
    try:
        yield opened
    finally:
        opened.close()


def deliver(
    result: Result,
    output: Output,
    out: Outlet | None = None,
    board: Board | None = None,
    before: Sequence[str] = (),
) -> int:
    """Report, write what was asked for; return the exit code.

    `before` are sentences about what could not be written already.

    The report comes first: a full disk must not cost the reader the numbers. Before it stands only
    what the live outputs lost, for it is in the report.
    """
    lost = list(before)
    if out is not None:
        result, more = out.end(result)
        lost += more
    found = _compared(result, output)
    if board is not None:
        board.end(result, found)
    recorded = _recorded(result, output)
    problems = [
        delivery.to_stream(lambda: _report(result, output, found, recorded), delivery.eyes(output))
    ]
    writes = _writes(output, result, found)
    problems += [delivery.to_path(path, render) for path, render in writes]
    if output.format in formats.PEERS:
        problems.append(
            delivery.to_path("-", partial(peer_forms.rendered_as, output.format, result))
        )
    regressed = found is not None and found.regressed
    if output.save_baseline is not None:
        from fastbench.cli.commands import compare_baseline

        problems.append(
            compare_baseline.keep(result, document(result), output, regressed=regressed)
        )
    if recorded is not None:
        code = _exit_code(result, output, any((*lost, *problems)), regressed=regressed)
        problems.append(recorded.keep(document(result, found), code))
    failed = delivery.tell_all((*lost, *problems))
    code = _exit_code(result, output, failed, regressed=regressed)
    if code == exit_codes.NOT_VALID:
        delivery.tell(f"--strict: {result.outcome.text or result.validity.verdict}.")
    if code and output.webhook is not None:
        from fastbench.cli.output import hooks

        hooks.tell_of_result(output, result, code)
    return code


def write_files(output: Output, result: Result) -> None:
    """Write the files before a script's teardown: whatever becomes of that, they are there.

    What goes wrong is told when they are written for good.
    """
    for path, render in _writes(output, result):
        if path != "-" and not files.is_stream(path):
            delivery.to_path(path, render)


def _writes(
    output: Output, result: Result, found: Comparison | None = None
) -> list[tuple[str, Callable[[], bytes]]]:
    """Return each file that was asked for with what makes its content."""
    writes: list[tuple[str, Callable[[], bytes]]] = [
        (path, lambda: document(result, found)) for path in delivery.documents(output)
    ]
    for form, path in output.forms.items():
        render = partial(formats.rendered, form, result, found)
        if form in formats.PEERS:
            render = partial(_as_peer, form, result)
        elif output.template is not None:
            render = partial(formats.filled, output.template, form, result, found)
        writes.append((path, render))
    return writes


def _as_peer(form: str, result: Result) -> bytes:
    """Return a file in the form of another tool, with the whole result for `report`."""
    return delivery.as_json({**formats.as_peer(form, result), "fastbench": result.to_document()})


def _exit_code(result: Result, output: Output, failed: bool, *, regressed: bool) -> int:
    ended = result.summary.ended
    if signals.came():  # also one that came when the load was over
        return exit_codes.INTERRUPTED
    if result.thresholds_failed and ended in ("complete", "nothing_succeeded"):
        return exit_codes.THRESHOLDS
    if regressed and ended == "complete":
        return exit_codes.REGRESSION
    return EXIT_CODES[ended] or (exit_codes.NOT_WRITTEN if failed else _strictly(result, output))


def _compared(result: Result, output: Output) -> Comparison | None:
    """Judge the run against its baseline, and say a regression where no report does."""
    if output.against is None:
        return None
    from fastbench.cli.commands import compare_baseline

    found = compare_baseline.compared(result, output.against)
    if found.regressed and (output.quiet or output.format == "wrk"):
        delivery.tell(compare_baseline.told(found))
    return found


def _recorded(result: Result, output: Output) -> Recorded | None:
    """Find the run that this one follows in its history."""
    if output.record is None:
        return None
    from fastbench.cli.commands import recorded

    return recorded.looked_up(result, output.record)


def _strictly(result: Result, output: Output) -> int:
    """Under --strict a number that may not be quoted is a failure, and so is a run that failed."""
    wrong = result.validity.verdict != "ok" or result.outcome.level == "failed"
    return exit_codes.NOT_VALID if output.strict and wrong else 0


def document(result: Result, found: Comparison | None = None) -> bytes:
    """Return the result document as JSON, indented, ending in a newline.

    What it was compared with stands in it as a document of its own.
    """
    whole = result.to_document()
    return delivery.as_json(
        whole if found is None else {**whole, "comparison": found.to_document()}
    )


def _report(
    result: Result, output: Output, found: Comparison | None, recorded: Recorded | None
) -> bytes:
    how = delivery.look(delivery.eyes(output), output.color)
    if output.quiet or output.format == "k6-text":
        return b""
    if output.format == "wrk":
        from fastbench.report.export import wrk

        return how.encoded(wrk.render(result, latency=output.latency))
    from fastbench.report.text import text_report

    shown = how.drawn(text_report.render, result)
    if output.latency:
        from fastbench.report.text import spectrum

        shown += "\n" + spectrum.render(result)
    if found is not None and output.against is not None:
        from fastbench.report.text import compared_requests, comparison_text

        shown += "\n" + how.drawn(comparison_text.beside_run, found)
        shown += how.drawn(compared_requests.below, output.against.baseline, result)
    if recorded is not None:
        shown += recorded.line(how)
    return how.encoded(shown)
