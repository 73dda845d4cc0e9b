"""A plain run, from Plan to exit code: the live view, the report, the files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from typing import TextIO

import orjson

from fastbench import runner
from fastbench.cli.flags import Output
from fastbench.cli.live import LiveView
from fastbench.plan import Plan
from fastbench.report import files, series, text, wrk
from fastbench.result import Result

EXIT_CODES = {"complete": 0, "interrupted": 105, "worker_lost": 120, "nothing_succeeded": 122}
EXIT_NOT_WRITTEN = 121


def run(plan: Plan, output: Output) -> int:
    """Run, report, write what was asked for; return the exit code.

    The report comes first: a full disk must not cost the reader the numbers.
    """
    live = LiveView(
        duration_s=plan.load.duration_s,
        requests=plan.load.requests,
        enabled=output.progress and not output.quiet,
        color=output.color,
    )

    def tell(now: runner.Progress) -> None:
        live.update(
            now.elapsed_s, now.requests, now.rate, now.p50_ms, now.p99_ms, now.errors, now.rates
        )

    with live:
        result = runner.run(plan, tell, thread_rates=output.format == "wrk")
    problems = [_try("the report", lambda: _show(result, output))]
    if output.json_path is not None:
        problems.append(_write(output.json_path, lambda: document(result)))
    if output.csv_path is not None:
        problems.append(_write(output.csv_path, lambda: series.render(result).encode()))
    failed = [problem for problem in problems if problem]
    for problem in failed:
        _complain(problem)
    return EXIT_CODES[result.summary.ended] or (EXIT_NOT_WRITTEN if failed else 0)


def document(result: Result) -> bytes:
    """Return the result document as JSON, indented, ending in a newline."""
    return orjson.dumps(
        result.to_document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def _show(result: Result, output: Output) -> None:
    """Print the report, on stderr when stdout carries a document."""
    if output.quiet:
        return
    taken = "-" in (output.json_path, output.csv_path)
    stream = sys.stderr if taken else sys.stdout
    if output.format == "wrk":
        shown = wrk.render(result, latency=output.latency)
    else:
        width = shutil.get_terminal_size((100, 24)).columns
        unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
        shown = text.render(result, color=_color(stream, output), width=width, unicode=unicode)
    stream.write(shown)
    stream.flush()


def _color(stream: TextIO, output: Output) -> bool:
    """--no-color, then NO_COLOR (no-color.org), then whether anybody is looking."""
    if output.color is not None:
        return output.color
    return not os.environ.get("NO_COLOR") and stream.isatty() and os.environ.get("TERM") != "dumb"


def _write(path: str, render: Callable[[], bytes]) -> str:
    """Write a file, or standard output for "-"; return what went wrong, "" if nothing."""
    if path != "-":
        return _try(path, lambda: files.write_atomic(path, render()))

    def to_stdout() -> None:
        sys.stdout.buffer.write(render())
        sys.stdout.flush()

    return _try("standard output", to_stdout)


def _try(what: str, act: Callable[[], None]) -> str:
    try:
        act()
    except BrokenPipeError:
        # Python would flush again at exit, and complain then (library docs, signal, SIGPIPE).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return f"{what} was not written: the reader closed the pipe."
    except OSError as error:
        return f"{what} was not written: {(error.strerror or str(error)).lower()}."
    return ""


def _complain(sentence: str) -> None:
    try:
        sys.stderr.write(f"fastbench: {sentence}\n")
    except OSError:
        return
