"""JUnit: what a schema asks, counts that agree with the cases, text that any parser reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest
import samples
import scenario_samples
from junit_files import outcomes, read, wrong

from fastbench.cli.commands import compare_baseline
from fastbench.cli.output.settings import Against
from fastbench.report.export import junit
from fastbench.results.metric_values import Check, Judgement
from fastbench.results.result import Result

EVERY = {**samples.ALL, **{f"scenario_{k}": v for k, v in scenario_samples.ALL.items()}}
# What XML 1.0 does not know (section 2.2), what ends a section or an attribute, what is a formula.
EVIL = (
    "".join(map(chr, range(1, 32))) + "\x7f\x85",
    "\ufffe\uffff\ud800",
    "]]><failure/>",
    "\"'><testcase name='x'/>",
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
    "a\u2028b\u202ec",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
)


def parsed(result: Result) -> Xml.Element:
    return read(junit.render(result))


def failed(root: Xml.Element, kind: str = "failure") -> list[str]:
    return [name for name, outcome in outcomes(root).items() if outcome == kind]


@pytest.mark.parametrize("name", EVERY)
def test_the_file_is_what_build_servers_read(name: str) -> None:
    root = parsed(EVERY[name]())
    assert root[0].get("name") == "fastbench.run"


REASON = Xml.Element("failure", {"type": "x", "message": "y"})
BREAKS: dict[str, Callable[[Xml.Element], object]] = {
    "a time with a comma": lambda root: root[0].set("time", "1,000.5"),
    "a moment with a zone": lambda root: root[0].set("timestamp", "2026-03-01T12:00:00+00:00"),
    "no count": lambda root: root[0].attrib.pop("failures"),
    "a suite of nothing": lambda root: root[0].remove(root[0][0]),
    "two reasons": lambda root: root[0][0].__setitem__(slice(None), [REASON, REASON]),
    "output before the reason": lambda root: root[0][0].append(REASON),
    "a case without a name": lambda root: root[0][0].set("name", " "),
    "the same case twice": lambda root: root[0].append(root[0][0]),
    "an element of somebody": lambda root: root[0].append(Xml.Element("script")),
}


@pytest.mark.parametrize("what", BREAKS)
def test_the_schema_refuses_what_a_server_would(what: str) -> None:
    root = parsed(samples.good())
    BREAKS[what](root)
    assert wrong(root) != []


@pytest.mark.parametrize("evil", EVIL)
def test_text_from_elsewhere_adds_no_element_and_no_broken_character(evil: str) -> None:
    name = f"{evil}, is it?"
    base = scenario_samples.messages()
    result = replace(
        base,
        thresholds={name: Judgement(False, -1.0, -0.5, "fail", False, name)},
        checks=(Check(name, f"::{name}", "email", 1, 2),),
        validity=replace(base.validity, reasons=(name,)),
        summary=replace(base.summary, ended="interrupted"),
    )
    whole = junit.render(result)
    root = read(whole)
    assert [each.tag for each in root.iter() if each.tag in ("testcase", "failure", "error")] == [
        *("testcase", "error"),
        *(2 * ("testcase", "failure")),
    ]
    assert len(outcomes(root)) == 3
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff\ufffe\uffff]", whole
    )


def test_a_regression_fails_a_case_of_its_own() -> None:
    run = samples.good()
    slow = replace(
        run, summary=replace(run.summary, duration_s=run.summary.duration_s / 0.9), series=()
    )
    name = "no regression against main"
    for limit, outcome in ((0.05, "failure"), (0.2, "passed"), (None, None)):
        found = compare_baseline.compared(slow, Against("main", run, limit))
        assert outcomes(read(junit.render(slow, found))).get(name) == outcome
    found = compare_baseline.compared(slow, Against("main", run, 0.05))
    (failure,) = read(junit.render(slow, found)).iter("failure")
    assert failure.get("message", "").startswith("requests/s 10 % slower, the limit is 5 %: ")


def test_a_threshold_fails_its_case_unless_it_only_warns() -> None:
    root = parsed(scenario_samples.messages())
    assert failed(root) == [
        "http_req_duration{scenario:email}: p(95)<150",
        "whatsapp > status is 201",
    ]
    warned = next(c for c in root.iter("testcase") if c.get("name") == "refunds: count<5")
    assert warned.findtext("system-out") == "warning, failed: no samples"


def test_a_run_that_ended_early_is_an_error() -> None:
    assert failed(parsed(samples.good()), "error") == []
    assert failed(parsed(samples.interrupted()), "error") == ["the run is valid"]
    assert failed(parsed(samples.refused()), "error") == ["the run is valid"]


def test_text_from_elsewhere_stays_text() -> None:
    root = parsed(scenario_samples.hostile())
    assert not list(root.iter("script"))
    assert any("<script>alert(1)</script>" in case.get("name", "") for case in root.iter())
