"""What k6 leaves at the end of a script of its own: its text, its file of JSON, handleSummary()."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from functools import partial
from typing import Any

from fastbench.cli.output import delivery
from fastbench.cli.output.settings import Output
from fastbench.foundation import redact
from fastbench.foundation.files import JAVASCRIPT, write_atomic
from fastbench.report.export import k6
from fastbench.results import k6_text
from fastbench.results.result import Result
from fastbench.script.api.options import Declared
from fastbench.script.run_request import RunRequest

_COLOR = re.compile(r"\x1b\[[0-9;]*m")  # what textSummary() colours its text with


def deliver(
    request: RunRequest, result: Result, output: Output, declared: Declared | None
) -> tuple[Output, list[str]]:
    """Write all that; return what is still to be written in our own forms, and what went wrong.

    The script is loaded once more, in some 50 ms, where it has to do with its summary. What
    handleSummary() throws is told in one sentence, and the summary is shown then, as in k6.
    """
    silent = declared is not None and not declared.summary
    plain = output.format != "k6-text" and output.k6.export is None
    if not request.script.endswith(JAVASCRIPT) or (silent and plain):
        return output, []
    from fastbench.script.load.k6_ended import Ended

    asked = k6.SummaryForm()
    made: dict[str, str | bytes] = {}
    try:
        ended = Ended(request)
        asked = replace(
            _asked(ended.options),
            own=ended.metrics,
            no_color=output.color is False,
            terminals=(sys.stdout.isatty(), sys.stderr.isatty()),
        )
        made = ended.handled(k6.data(result, asked))
    except Exception as error:
        said = redact.printable(redact.text(str(error)))
        delivery.tell(f"handleSummary() failed: {said}")
    problems = [_place(name, content) for name, content in made.items()]
    if output.k6.export is not None:
        render = partial(k6.exported, k6.data(result, asked))
        problems.append(delivery.to_path(output.k6.export, render))
    printed = "stdout" in made
    if output.format != "k6-text":
        return replace(output, quiet=output.quiet or printed), problems
    if not printed and not output.quiet:
        text = k6.text(result, asked, output.k6.mode)
        problems.append(delivery.to_path("-", lambda: _shown(text)))
    return replace(output, format="text", quiet=True), problems


def _shown(text: str) -> bytes:
    return redact.printable(text, lines=True).encode("utf-8", "replace")


def _asked(options: dict[str, Any]) -> k6.SummaryForm:
    """Return how the script wants its summary."""
    sources = {}
    for several in (options.get("thresholds") or {}).values():
        for each in several if isinstance(several, list) else [several]:
            source = each.get("threshold") if isinstance(each, dict) else each
            sources["".join(str(source).split())] = str(source)
    stats = options.get("summaryTrendStats") or k6_text.DEFAULT_STATS
    return k6.SummaryForm(tuple(stats), options.get("summaryTimeUnit") or "", sources)


def _place(name: str, content: str | bytes) -> str:
    """Write what handleSummary() returns for one place; return what went wrong, "" if nothing."""
    data = content if isinstance(content, bytes) else content.encode()
    if name in ("stdout", "stderr"):
        return delivery.to_stream(lambda: _colored(data), getattr(sys, name))
    try:
        write_atomic(name, data)
    except OSError as error:
        return f"{_named(name)} cannot be written: {error.strerror}"
    except ValueError:
        return f"{_named(name)} cannot be written: the name has a NUL"
    return ""


def _colored(data: bytes) -> bytes:
    """Return a text and a line feed as a terminal may see them: colours are all that is left."""
    text = data.decode("utf-8", "replace")
    pieces = (redact.printable(each, lines=True) for each in _COLOR.split(text))
    colors = (*_COLOR.findall(text), "\n")
    shown = "".join(each for pair in zip(pieces, colors, strict=True) for each in pair)
    return shown.encode("utf-8", "replace")


def _named(place: str) -> str:
    return redact.printable(place) or "the empty name"
