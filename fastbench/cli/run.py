"""`fastbench run`: a script's run from words to exit code, its dry run, its --debug.

What is heavy is imported when the words are known to be right.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fastbench import __version__, exits, redact, signals
from fastbench.cli import page, run_flags
from fastbench.cli.flags import Output
from fastbench.plan import UsageError
from fastbench.scenario import script
from fastbench.scenario.asked import Asked

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run a script as the words after `run` ask; raises UsageError for a wrong word."""
    command = run_flags.parse(words)
    if command == "version":
        return page.write(f"fastbench {__version__}")
    if command == "help":
        from fastbench.cli.run_manual import TEXT

        return page.write(TEXT)
    for sentence in command.notices:
        _tell(sentence)
    asked = command.asked
    place = script.find(asked.script)
    from fastbench import campaign
    from fastbench.scenario import source

    for sentence in source.shadowed(place.file):
        _tell(sentence)

    try:
        if asked.dry_run:
            return _dry_run(asked, place.file)
        if asked.debug:
            from fastbench.cli import rundebug

            return rundebug.run(asked)
        return _run(asked, command.output)
    except campaign.OptionsError as error:
        return _failed(command, exits.OPTIONS, str(error))
    except campaign.ScriptError as error:
        code = _failed(command, exits.SCRIPT, str(error))
        if asked.verbose and error.traceback:
            print(redact.printable(error.traceback, lines=True), file=sys.stderr)
        return code


def _failed(command: run_flags.Command, code: int, sentence: str) -> int:
    """Say why there is no result, also to the webhook of a run; return the exit code."""
    _tell(sentence)
    asked = command.asked
    if command.output.webhook is not None and not (asked.dry_run or asked.debug):
        from fastbench.cli import around

        around.tell_of_failure(command.output, asked.script, code, sentence)
    return code


def _run(asked: Asked, output: Output) -> int:
    from fastbench import campaign
    from fastbench.cli import bench, boards, destinations
    from fastbench.cli.live import LiveView

    destinations.prepare(destinations.written(output))
    if output.wait_for is not None:
        from fastbench.cli import around

        if not around.script_is_ready(asked, output):
            return exits.NOTHING
    with signals.held(), boards.of_script(output, asked) as board, bench.outlet(output) as out:
        live = LiveView(
            duration_s=None,
            requests=None,
            enabled=output.progress and not output.quiet,
            color=output.color,
            below=boards.line(board),
        )
        hears = None if out is None else out.script()
        asked = replace(asked, apart=out is not None)
        with live:
            result = campaign.run(
                *(asked, boards.beside(live.update, board), _tell, _echo, hears),
                partial(bench.write_files, output),
            )
        return bench.deliver(result, output, out, board)


def _dry_run(asked: Asked, file: str) -> int:
    """Print the plan and what is wrong with it; 104 when it cannot pass."""
    import fastbench
    from fastbench import campaign
    from fastbench.campaign.standing import limits_of
    from fastbench.scenario import lint, override, source

    declared = campaign.declared(asked, _tell)
    try:
        applied = override.applied(declared, asked)
    except UsageError as error:
        raise campaign.OptionsError(str(error)) from None
    limits = limits_of(applied, asked)
    found = lint.findings(applied, limits.found, source.read(file, fastbench.__all__))
    lines = [*lint.described(applied)]
    lines += [f"note: {sentence}" for sentence in (*applied.notices, *limits.notices)]
    lines += [f"{finding.level}: {finding.text}" for finding in found]
    errors = sum(finding.level == "error" for finding in found)
    warnings = len(found) - errors
    lines.append(f"dry run: {_several(errors, 'error')}, {_several(warnings, 'warning')}; no load.")
    written = page.write("\n".join(redact.printable(line) for line in lines))
    return exits.OPTIONS if errors else written


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("s" if count != 1 else "")


def _tell(sentence: str) -> None:
    print(f"fastbench: {redact.printable(sentence)}", file=sys.stderr)


def _echo(lines: str) -> None:
    """Print what the script printed, above a live view, which has replaced sys.stderr."""
    print(redact.printable(lines, lines=True), end="", file=sys.stderr)
