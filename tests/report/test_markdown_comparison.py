"""A comparison as Markdown: the same words as always, and text from elsewhere is only text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from comparing import LATENCIES
from comparisons import ALL, MORE
from html_pages import EVIL
from html_shapes import hostile

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.report import change
from fastbench.report.markdown import markdown_comparison
from fastbench.report.markdown.markdown_markup import escaped


def with_latencies(name: str) -> Comparison:
    return replace((ALL | MORE)[name](), latency=LATENCIES)


@pytest.mark.parametrize("name", ["slower", "unsettled", "stored", "hostile"])
def test_a_sample_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"markdown_compare_{name}.md", markdown_comparison.render(with_latencies(name)))


@pytest.mark.parametrize("name", ALL | MORE)
def test_the_verdict_is_one_bold_sentence(name: str) -> None:
    found = (ALL | MORE)[name]()
    lines = markdown_comparison.render(found).splitlines()
    assert lines[0].startswith("## fastbench: ")
    assert lines[2] == f"**{found.verdict.upper()} · {escaped(change.headline(found))}**"
    assert ("### Latency (service time)" in lines) is (found.latency is not None)


@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("faster", "- [x] **PASS** no regression beyond 5 %"),
        ("slower", "- [ ] **FAIL** requests/s 8.5 % slower, the limit is 5 %"),
        (
            "broken",
            "- [ ] **FAIL** the candidate fails requests that the base did not fail, "
            "the limit is 5 %",
        ),
        ("stored", "- [ ] **INCONCLUSIVE** a regression beyond 5 % is neither shown nor excluded"),
        ("same", ""),
    ],
)
def test_a_box_is_for_a_limit_that_was_asked_for(name: str, box: str) -> None:
    shown = markdown_comparison.render(ALL[name]())
    boxes = [line for line in shown.splitlines() if line.startswith("- [")]
    assert boxes == ([box] if box else [])


@pytest.mark.parametrize("evil", EVIL)
def test_a_hostile_string_adds_no_line_no_cell_and_no_html(evil: str) -> None:
    shown = markdown_comparison.render(hostile(evil))
    harmless = markdown_comparison.render(hostile("harmless"))
    assert shown.count("\n") == harmless.count("\n")
    cells = [re.sub(r"\\.", "", line).count("|") for line in shown.splitlines()]
    assert cells == [line.count("|") for line in harmless.splitlines()]
    assert not re.search(r"[<>]|(?<!\\)[`\[!]", shown.replace("- [", "").replace("[x]", ""))
