"""One page of each kind that the project writes, made from samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import samples
import scenario_samples
from comparisons import faster, slower, unsettled
from comparisons import sliced as in_slices
from histories import groups
from html_shapes import with_latencies
from searches import sample as search

from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.outputs.dashboard import dashboard_page
from fastbench.report.html import (
    html_comparison,
    html_comparisons,
    html_find,
    html_history,
    html_report,
    html_suite,
)
from fastbench.results.result import Result

__all__ = ["COMMAND", "FINISHED", "PAGES", "asked"]

SECRET = "hunter2"
WORDS = ["fastbench", "http://127.0.0.1:8080/api/health", "-H", "Authorization: ***", "-d", "30s"]
COMMAND = "fastbench http://127.0.0.1:8080/api/health -H 'Authorization: ***' -d 30s"
FILES = {"text": "a.txt", "html": "a.html", "json": "a.json"}


def asked(found: Any) -> Any:
    """Return the same with the command line that it was made by."""
    return replace(found, config={**found.config, "command": WORDS})


def _run(made: Callable[[], Result]) -> Callable[[], str]:
    return lambda: html_report.render(asked(made()))


def _comparisons() -> str:
    both = (with_latencies(slower()), with_latencies(in_slices()))
    return html_comparisons.render(Comparisons(tuple(map(asked, both))))


def _suite() -> str:
    rows = (
        Row("health", COMMAND, 0, "", 30.1, FILES, samples.good()),
        Row("messages", COMMAND, 99, "", 61.0, FILES, scenario_samples.messages()),
        Row("a name that is long " * 4, COMMAND, 0, "", 80.0, FILES, None, faster()),
    )
    return html_suite.render(
        SuiteResult("nightly", "0.7.0", "2026-03-01T12:00:00+00:00", 95.2, rows, 99)
    )


def _history() -> str:
    return html_history.render(groups(), "runs.db")


PAGES: dict[str, Callable[[], str]] = {
    "plain": _run(samples.good),
    "failing": _run(samples.failing),
    "refused": _run(samples.refused),
    "overloaded": _run(samples.planned),
    "watched": _run(samples.watched),
    "hostile": _run(samples.hostile),
    "script": _run(scenario_samples.messages),
    "timed": _run(scenario_samples.timed),
    "compare": lambda: html_comparison.render(asked(with_latencies(unsettled()))),
    "compare-slices": lambda: html_comparison.render(asked(with_latencies(in_slices()))),
    "comparisons": _comparisons,
    "find": lambda: html_find.render(asked(search("found"))),
    "find-nothing": lambda: html_find.render(asked(search("nothing"))),
    "suite": _suite,
    "history": _history,
    "dashboard": lambda: dashboard_page.page({"url": "http://127.0.0.1:8080/api/health"}),
}
FINISHED = [name for name in PAGES if name != "dashboard"]
