"""A result as JUnit XML: what a build server shows as passed and failed cases.

1. The suites: the run itself (it is valid), one case per threshold, one per check, one per
   URL of several or operation that is no request, and under --fail-on-regression one for the
   baseline.
2. A broken threshold is a failure, one of level warn passes and says so in its output. A check that
   failed once is a failure. A run that ended early, or in which nothing succeeded, is an error.
   A URL of which every request failed is a failure where it fails the run; all say their figures.
3. Text from scripts and servers is data: no character that XML 1.0 does not know is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation import redact
from fastbench.foundation.units import format_ms
from fastbench.report.change import headline, regression
from fastbench.report.text.request_table import answers, asked_as, noun, of_urls
from fastbench.report.verdict_words import said
from fastbench.results.metric_values import Check, Judgement, NamedRow
from fastbench.results.resolution import told_ms
from fastbench.results.result import Result

_OF_PARTS = ("part_failed", "requests_failed", "operations_failed", "nothing_sent")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _Case:
    """One case; `outcome` is the element that tells why it did not pass, "" if it did."""

    name: str
    place: str
    outcome: str = ""
    text: str = ""


def render(result: Result, beside: Comparison | None = None) -> str:
    """Return the XML, ending in a newline; `beside` is how the run stands beside its baseline."""
    result = result.main
    timed = [row for row in result.requests if row.kind != "http"]
    reasons = result.outcome.reasons  # they say whether failures fail the run
    strict = any(each.level == "failed" and each.code in _OF_PARTS for each in reasons)
    suites = {
        "run": [_run(result)],
        "thresholds": [_threshold(name, each) for name, each in result.thresholds.items()],
        "checks": [_check(each) for each in result.checks],
        "urls": _rows(result.requests if of_urls(result.requests) else (), "urls", strict),
        "operations": _rows(timed, "operations", strict),
        "baseline": [] if beside is None else _baseline(beside),
    }
    every = [case for cases in suites.values() for case in cases]
    root = Xml.Element("testsuites", {"name": "fastbench", **_counts(every)})
    root.set("time", f"{result.summary.duration_s:.3f}")
    for name, cases in suites.items():
        if cases:
            root.append(_suite(name, cases, result))
    Xml.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(root, "unicode") + "\n"


def _suite(name: str, cases: Sequence[_Case], result: Result) -> Xml.Element:
    suite = Xml.Element("testsuite", {"name": f"fastbench.{name}", **_counts(cases)})
    suite.set("skipped", "0")
    suite.set("time", f"{result.summary.duration_s if name == 'run' else 0:.3f}")
    suite.set("timestamp", _clean(result.environment.started_at)[:19])  # ISO 8601, as XSDs ask
    for case in cases:
        suite.append(_element(case))
    return suite


def _element(case: _Case) -> Xml.Element:
    place = {"name": _clean(case.name), "classname": _clean(case.place), "time": "0"}
    element = Xml.Element("testcase", place)
    if case.outcome:
        about = {"message": _clean(case.text), "type": case.place}
        Xml.SubElement(element, case.outcome, about).text = _clean(case.text)
    elif case.text:
        Xml.SubElement(element, "system-out").text = _clean(case.text)
    return element


def _run(result: Result) -> _Case:
    s, name, place = result.summary, "the run is valid", "fastbench.run"
    own = [each for each in result.outcome.reasons if each.level == "failed"]
    own = [each for each in own if not each.code.startswith(("thresholds_", "threshold_"))]
    if s.ended == "complete" and own:  # what thresholds say fails in their own cases
        return _Case(name, place, "failure", "; ".join(each.text for each in own))
    if s.ended in ("complete", "threshold_aborted"):
        counts = f"{s.requests} {result.noun}s, {s.failed} failed, {s.timeouts} timed out"
        return _Case(name, place, "", f"{counts}; verdict: {result.validity.verdict}")
    reasons = "; ".join((s.ended.replace("_", " "), *result.validity.reasons))
    return _Case(name, place, "error", reasons)


def _threshold(name: str, found: Judgement) -> _Case:
    place = "fastbench.thresholds"
    if found.ok:
        return _Case(name, place, "", said(found))
    if found.level == "fail":
        return _Case(name, place, "failure", said(found))
    failed = "" if found.grade else "failed: "
    return _Case(name, place, "", f"warning, {failed}{said(found)}")


def _check(check: Check) -> _Case:
    path = [check.scenario, *check.group.split("::"), check.name]
    name = " > ".join(part for part in path if part)
    outcome = "failure" if check.fails else ""
    total = check.passes + check.fails
    return _Case(name, "fastbench.checks", outcome, f"{check.fails} of {total} failed")


def _rows(rows: Sequence[NamedRow], suite: str, strict: bool) -> list[_Case]:
    """Return a case for each row; `strict`: one of which all failed is a failure."""
    return [_row(row, f"fastbench.{suite}", strict) for row in rows]


def _row(row: NamedRow, place: str, strict: bool) -> _Case:
    figures = [f"{row.requests} {noun([row])}s", f"{row.failed} failed", answers(row)]
    for name in ("p50", "p95", "p99"):
        value = told_ms(row.latency, name)
        figures += [] if value is None else [f"{name} {format_ms(value)}"]
    failed = strict and row.requests and row.failed == row.requests
    name = f"{asked_as(row)} {row.name}".strip()
    text = ", ".join(part for part in figures if part)
    return _Case(name, place, "failure" if failed else "", text)


def _baseline(found: Comparison) -> list[_Case]:
    """Without a limit a comparison is not judged, so that it is no case."""
    if found.regression_limit is None:
        return []
    name, place = f"no regression against {found.base}", "fastbench.baseline"
    if not found.regressed:
        return [_Case(name, place, "", headline(found))]
    return [_Case(name, place, "failure", f"{regression(found)}: {headline(found)}")]


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    ends = [case.outcome for case in cases]
    return {
        "tests": str(len(ends)),
        "failures": str(ends.count("failure")),
        "errors": str(ends.count("error")),
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("", redact.printable(text))
