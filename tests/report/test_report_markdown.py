"""The Markdown report: what decides comes first, and nothing in it is markup but ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import samples
import scenario_samples

from fastbench.report.markdown import markdown_report
from fastbench.results.result import Validity

EVERY = {**samples.ALL, **{f"scenario_{k}": v for k, v in scenario_samples.ALL.items()}}


@pytest.mark.parametrize("name", ["watched", "planned", "scenario_messages", "scenario_hostile"])
def test_a_sample_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"markdown_{name}.md", markdown_report.render(EVERY[name]()))


@pytest.mark.parametrize("name", EVERY)
def test_tables_are_whole_and_text_is_data(name: str) -> None:
    shown = markdown_report.render(EVERY[name]())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e<>@]", shown)
    for table in re.findall(r"(?:^\|.*\n)+", shown, re.MULTILINE):
        widths = {line.count("|") for line in table.splitlines()}
        assert len(widths) == 1, table


def test_boxes_are_ticked_by_what_was_found() -> None:
    shown = markdown_report.render(scenario_samples.messages())
    assert "- [x] **PASS** http\\_req\\_duration&#58; p\\(95\\)&#60;500" in shown
    assert "- [ ] **FAIL** http\\_req\\_duration\\{scenario" in shown
    assert "- [ ] **WARN** refunds" in shown
    assert "**FAIL · " in shown


def test_a_capacity_is_not_claimed_for_a_run_that_cannot_be_quoted() -> None:
    good = samples.good()
    assert "Capacity: unknown" not in markdown_report.render(good)
    late = replace(good, validity=Validity("client-limited", "client"))
    assert "Capacity: unknown" in markdown_report.render(late)
