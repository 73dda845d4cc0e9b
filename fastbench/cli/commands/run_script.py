"""`fastbench run`: a script's run from words to exit code, its dry run, its --debug.

What is heavy is imported when the words are known to be right.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fastbench.cli.args import script_args
from fastbench.cli.help import pager
from fastbench.cli.output.settings import Output
from fastbench.foundation import exit_codes, redact, signals
from fastbench.foundation.units import plural
from fastbench.foundation.usage_error import UsageError
from fastbench.script import start_line
from fastbench.script.load import loader
from fastbench.script.run_request import RunRequest

if TYPE_CHECKING:
    from fastbench.script.parent.group import Group


def main(words: Sequence[str]) -> int:
    """Run a script as the words after `run` ask; raises UsageError for a wrong word."""
    if script_args.several(words):
        from fastbench.cli.commands import run_scripts

        return run_scripts.main(words, main)
    command = script_args.parse(words)
    if isinstance(command, str):
        return pager.page(command, "run")
    if not command.output.quiet:
        pager.notes(command.notices)
    request = command.request
    place = loader.find(request.script)
    from fastbench.script import parent
    from fastbench.script.load import source

    for sentence in source.shadowed(place.file):
        _tell(sentence)

    try:
        if request.dry_run:
            return _dry_run(request)
        if request.debug:
            from fastbench.cli.debug import debug_script

            return debug_script.run(request)
        return _run(request, command.output)
    except parent.OptionsError as error:
        return _failed(command, exit_codes.OPTIONS, str(error))
    except parent.ScriptError as error:
        code = _failed(command, exit_codes.SCRIPT, str(error))
        if request.verbose and error.traceback:
            print(redact.printable(error.traceback, lines=True), file=sys.stderr)
        return code


def _failed(command: script_args.Command, code: int, sentence: str) -> int:
    """Say why there is no result, also to the webhook of a run; return the exit code."""
    _tell(sentence)
    request = command.request
    if command.output.webhook is not None and not (request.dry_run or request.debug):
        from fastbench.cli.output import hooks

        hooks.tell_of_failure(command.output, request.script, code, sentence)
    return code


def _run(request: RunRequest, output: Output) -> int:
    from fastbench.cli.output import destinations
    from fastbench.cli.output.lines import progress_lines

    destinations.prepare(destinations.written(output))
    with progress_lines.begun(output.lines_every_s):
        return _begun(request, output)


def _begun(request: RunRequest, output: Output) -> int:
    if output.wait_for is not None:
        from fastbench.cli.output import hooks

        if not hooks.script_is_ready(request, output):
            return exit_codes.NOTHING
    line = os.environ.pop(start_line.VARIABLE, None)
    request = replace(request, apart=bool(output.outs), start_line=line)
    with signals.held(), _group(request, output) as group:
        return _reported(request, output, group)


@contextmanager
def _group(request: RunRequest, output: Output) -> Iterator[Group]:
    """Start the first worker, here or on the machines of a cluster."""
    from fastbench.script import parent

    if output.on is None:
        with parent.WorkerGroup(request, _echo) as group:
            yield group
        return
    from fastbench.cli.output import machine_flags
    from fastbench.cluster import sent_files

    manifest = sent_files.gather(request.script, output.on.send, request.env)
    stop = output.on.stop_when_lost
    with machine_flags.reached(output.on, output) as cluster:
        from fastbench.cluster.parent.remote_group import RemoteGroup

        told = (manifest, _echo, _tell)
        with RemoteGroup(cluster, request, *told, stop_when_lost=stop) as remote:
            yield remote


def _reported(request: RunRequest, output: Output, group: Group) -> int:
    """Run it and report, with what the first worker was not to carry."""
    from fastbench.cli.commands import run_url
    from fastbench.cli.output import dashboards, k6_summary, live_view
    from fastbench.script import parent

    with dashboards.of_script(output, request) as board, run_url.outlet(output) as out:
        live = live_view.of_script(output, request.script, dashboards.line(board))
        observer = live_view.together(out, live.follower)
        with live:
            show = dashboards.beside(live.update, board)
            written = partial(run_url.write_files, output)
            result = parent.run(request, show, _tell, None, observer, written, group)
        output, problems = k6_summary.deliver(request, result, output, group.declared)
        return run_url.deliver(result, output, out, board, problems)


def _dry_run(request: RunRequest) -> int:
    """Print the plan and what is wrong with it; 104 when it cannot pass."""
    from fastbench.script import parent
    from fastbench.script.load import cli_overrides, dry_run, hosts
    from fastbench.script.parent.run_state import limits_of

    declared = parent.declared(request, _tell)
    try:
        applied = cli_overrides.applied(declared, request)
    except UsageError as error:
        raise parent.OptionsError(str(error)) from None
    limits = limits_of(applied, request)
    source = hosts.host_of(request).source()
    found = dry_run.findings(applied, limits.found, source, limits.derived.formulas)
    lines = [*dry_run.described(applied)]
    lines += [f"note: {sentence}" for sentence in (*applied.notices, *limits.notices)]
    lines += [f"{finding.level}: {finding.text}" for finding in found]
    errors = sum(finding.level == "error" for finding in found)
    warnings = len(found) - errors
    lines.append(f"dry run: {plural(errors, 'error')}, {plural(warnings, 'warning')}; no load.")
    written = pager.write("\n".join(redact.printable(line) for line in lines))
    return exit_codes.OPTIONS if errors else written


def _tell(sentence: str) -> None:
    pager.notes([sentence])


def _echo(lines: str) -> None:
    """Print what the script printed, above a live view, which has replaced sys.stderr."""
    print(redact.printable(lines, lines=True), end="", file=sys.stderr)
