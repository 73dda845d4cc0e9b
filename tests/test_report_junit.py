"""JUnit: counts that agree with the cases, levels that decide, text that any parser reads."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import pytest
import samples
import scenario_samples

from fastbench.report import junit
from fastbench.result import Result

EVERY = {**samples.ALL, **{f"scenario_{k}": v for k, v in scenario_samples.ALL.items()}}
# The order in which the XSD of Jenkins and Ant has what stands in a case.
INSIDE = ("error", "failure", "system-out")
SUITE = {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"}


def parsed(result: Result) -> Xml.Element:
    return Xml.fromstring(junit.render(result).encode())


def failed(root: Xml.Element, kind: str = "failure") -> list[str]:
    return [case.get("name", "") for case in root.iter("testcase") if case.find(kind) is not None]


@pytest.mark.parametrize("name", EVERY)
def test_the_file_is_what_build_servers_read(name: str) -> None:
    root = parsed(EVERY[name]())
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        cases = list(suite)
        assert int(suite.get("tests", "")) == len(cases) > 0
        for kind in ("failure", "error"):
            assert int(suite.get(f"{kind}s", "")) == sum(c.find(kind) is not None for c in cases)
        for case in cases:
            assert case.tag == "testcase"
            assert set(case.attrib) == {"name", "classname", "time"}
            assert all(part.tag in INSIDE for part in case)
    assert int(root.get("tests", "")) == sum(len(suite) for suite in root)


def test_a_threshold_fails_its_case_unless_it_only_warns() -> None:
    root = parsed(scenario_samples.messages())
    assert failed(root) == [
        "http_req_duration{scenario:email}: p(95)<150",
        "whatsapp > status is 201",
    ]
    warned = next(c for c in root.iter("testcase") if c.get("name") == "refunds: count<5")
    assert warned.findtext("system-out") == "warning, not kept: no samples"


def test_a_run_that_ended_early_is_an_error() -> None:
    assert failed(parsed(samples.good()), "error") == []
    assert failed(parsed(samples.interrupted()), "error") == ["the run came to its end"]
    assert failed(parsed(samples.refused()), "error") == ["the run came to its end"]


def test_text_from_elsewhere_stays_text() -> None:
    root = parsed(scenario_samples.hostile())
    assert not list(root.iter("script"))
    assert any("<script>alert(1)</script>" in case.get("name", "") for case in root.iter())
