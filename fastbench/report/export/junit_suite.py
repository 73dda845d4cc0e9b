"""A suite as one JUnit file: the cases of every run, under the name of the run.

A run without a result is one case: an error, or skipped where it was not run.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.foundation import redact
from fastbench.report.export import junit
from fastbench.report.suite_rows import reasons

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(suite_result: SuiteResult) -> str:
    """Return the XML, ending in a newline."""
    suites = [suite for row in suite_result.rows for suite in _of(row, suite_result)]
    root = Xml.Element("testsuites", {"name": _clean(suite_result.name)})
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.set("time", f"{suite_result.elapsed_s:.3f}")
    root.extend(suites)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(root, "unicode") + "\n"


def _of(row: Row, suite_result: SuiteResult) -> list[Xml.Element]:
    """Return the suites of one run; what decides nothing in them decides in its exit code."""
    if row.result is None:
        return [_alone(row, suite_result)]
    name = _clean(row.name)
    suites = list(Xml.fromstring(junit.render(row.result)))
    for suite in suites:
        suite.set("name", suite.get("name", "").replace("fastbench", name, 1))
        for case in suite:
            case.set("classname", case.get("classname", "").replace("fastbench", name, 1))
    if row.code and not any(int(each.get(kind, "0")) for each in suites for kind in _KINDS):
        suites.append(_alone(row, suite_result))
    return suites


_KINDS = ("failures", "errors")


def _alone(row: Row, suite_result: SuiteResult) -> Xml.Element:
    """Return a suite of one case that stands for how the run ended."""
    name = f"{_clean(row.name)}.exit"
    idle, failed = row.code is None, bool(row.code)
    suite = Xml.Element("testsuite", {"name": name, "tests": "1", "failures": "0"})
    suite.set("errors", "1" if failed else "0")
    suite.set("skipped", "1" if idle else "0")
    suite.set("time", f"{row.elapsed_s:.3f}")
    suite.set("timestamp", _clean(suite_result.started_at)[:19])
    case = Xml.SubElement(suite, "testcase", {"name": "the run ended well", "classname": name})
    case.set("time", f"{row.elapsed_s:.3f}")
    said = _clean("; ".join([row.outcome, *reasons(row)]))
    if idle:
        Xml.SubElement(case, "skipped")
    elif failed:
        Xml.SubElement(case, "error", {"message": said, "type": f"exit {row.code}"}).text = said
    else:
        Xml.SubElement(case, "system-out").text = said
    return suite


def _clean(text: str) -> str:
    return _NOT_XML.sub("", redact.printable(text))
