"""A plain run, from Plan to exit code: the live view, the report, the files.

A run of a script is delivered by the same hands. What ended a run early decides its exit code,
then a broken threshold, then that nothing succeeded.

What only some runs need is imported where they need it: the start counts in CPU per request.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from fastbench import redact, runner
from fastbench.cli import page
from fastbench.cli.flags import Output
from fastbench.cli.live import LiveView
from fastbench.plan import Plan
from fastbench.report import files
from fastbench.result import Result

EXIT_CODES = {
    "complete": 0,
    "interrupted": 105,
    "worker_lost": 120,
    "script_failed": 107,
    "aborted": 108,
    "threshold_aborted": 99,
    "nothing_succeeded": 122,
}
EXIT_THRESHOLDS = 99
EXIT_NOT_WRITTEN = 121
EXIT_NOT_VALID = 95


def run(plan: Plan, output: Output) -> int:
    """Run, report, write what was asked for; return the exit code."""
    live = LiveView(
        duration_s=plan.load.duration_s,
        requests=plan.load.requests,
        enabled=output.progress and not output.quiet,
        color=output.color,
    )

    wrk = output.format == "wrk"
    if not output.thresholds:
        with live:
            result = runner.run(plan, live.update, thread_rates=wrk)
        return deliver(result, output)
    from fastbench.baseline import PlainJudge

    judge = PlainJudge(output.thresholds, plan.load.pace)
    with live:
        result = runner.run(plan, live.update, thread_rates=wrk, watcher=judge)
    return deliver(replace(result, thresholds=judge.judgements), output)


def deliver(result: Result, output: Output) -> int:
    """Report, write what was asked for; return the exit code.

    The report comes first: a full disk must not cost the reader the numbers.
    """
    problems = [_to_stream(lambda: _report(result, output), _stream(output))]
    problems += [_to_path(path, lambda: document(result)) for path in _documents(output)]
    if output.csv_path is not None:
        problems.append(_to_path(output.csv_path, lambda: _seconds(result)))
    if output.hdr_path is not None:
        problems.append(_to_path(output.hdr_path, lambda: _histograms(result)))
    failed = [problem for problem in problems if problem]
    for problem in failed:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"fastbench: {problem}\n")
    ended = result.summary.ended
    if result.thresholds_failed and ended in ("complete", "nothing_succeeded"):
        return EXIT_THRESHOLDS
    return EXIT_CODES[ended] or (EXIT_NOT_WRITTEN if failed else _strictly(result, output))


def _strictly(result: Result, output: Output) -> int:
    """Under --strict a number that may not be quoted is a failure."""
    if not output.strict or result.validity.verdict == "ok":
        return 0
    with contextlib.suppress(OSError):
        sys.stderr.write(f"fastbench: --strict: the verdict is {result.validity.verdict}.\n")
    return EXIT_NOT_VALID


def _documents(output: Output) -> list[str]:
    """Return where the document goes: standard output under --format json, and --json's FILE."""
    asked = ("-" if output.format == "json" else None, output.json_path)
    return [path for path in dict.fromkeys(asked) if path]


def document(result: Result) -> bytes:
    """Return the result document as JSON, indented, ending in a newline."""
    import orjson

    return orjson.dumps(
        result.to_document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def _seconds(result: Result) -> bytes:
    from fastbench.report import series

    return series.render(result).encode()


def _histograms(result: Result) -> bytes:
    from fastbench.report import hlog

    return hlog.render(result).encode()


def _stream(output: Output) -> TextIO:
    """What is meant for eyes goes to stderr when stdout carries a document."""
    files = (*_documents(output), output.csv_path, output.hdr_path)
    return sys.stderr if "-" in files else sys.stdout


def _report(result: Result, output: Output) -> bytes:
    stream = _stream(output)
    encoding = stream.encoding or "utf-8"
    if output.quiet:
        return b""
    if output.format == "wrk":
        from fastbench.report import wrk

        return wrk.render(result, latency=output.latency).encode(encoding, "replace")
    from fastbench.report import text

    width = shutil.get_terminal_size((100, 24)).columns
    unicode = encoding.lower().replace("-", "") == "utf8"
    page_of_text = text.render(result, color=_color(stream, output), width=width, unicode=unicode)
    if output.latency:
        from fastbench.report import spectrum

        page_of_text += "\n" + spectrum.render(result)
    return page_of_text.encode(encoding, "replace")


def _color(stream: TextIO, output: Output) -> bool:
    if output.color is not None:
        return output.color
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _to_path(path: str, render: Callable[[], bytes]) -> str:
    """Write a file, or standard output for "-"; return what went wrong, "" if nothing."""
    if path == "-":
        return _to_stream(render, sys.stdout)
    try:
        files.write_atomic(path, render())
    except OSError as error:
        return f"{redact.printable(path)} was not written: {_reason(error)}."
    return ""


def _to_stream(render: Callable[[], bytes], stream: TextIO) -> str:
    try:
        stream.buffer.write(render())
        stream.buffer.flush()
    except OSError as error:
        if stream is sys.stdout:
            page.mute()
        return f"{stream.name.strip('<>')} was not written: {_reason(error)}."
    return ""


def _reason(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return "its reader closed the pipe"
    return (error.strerror or str(error)).lower()
