"""The page of a search: the answer first, every run where it was, and nothing that is not ours."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import browser
import pytest
from html_pages import ATTRIBUTES, ELEMENTS, EVIL, complaints, needs_browser, read
from html_shapes import OF_SVG, SVG, Shapes, boxes, percent
from searches import ALL, sample

from fastbench.experiments.find.find_document import Found
from fastbench.report.html import html_find
from fastbench.report.text import find_text
from fastbench.results.result import Warning_


def hostile(evil: str) -> Found:
    """Put one string wherever a server or a file can put one."""
    found = sample("found")
    assert found.environment is not None
    objective = tuple(replace(each, text=evil) for each in found.objective)
    steps = tuple(
        replace(step, judged={evil: next(iter(step.judged.values()))}) for step in found.steps
    )
    return replace(
        found,
        version=evil,
        objective=objective,
        steps=steps,
        reasons=(evil,),
        warnings=(Warning_(evil, evil, evil),),
        config={"method": evil, "url": evil, evil: [evil]},
        environment=replace(found.environment, cpu=evil, kernel=evil, started_at=evil),
    )


@pytest.mark.parametrize("name", ALL)
def test_the_answer_is_the_sentence_that_stands_first(name: str) -> None:
    found = sample(name)
    whole = html_find.render(found)
    page = read(whole)
    text, kind = find_text.answer(found)
    assert f'id="verdict" class="{kind}"><h2>' in whole
    assert f"\n{text[0].upper()}{text[1:]}.\n" in page.text
    assert set(page.elements) <= ELEMENTS | SVG
    assert {key for key, _ in page.attributes} <= ATTRIBUTES | OF_SVG
    assert len(page.scripts) == 1 and "script-src 'sha256-" in whole
    assert page.text.count("passed\n") >= sum(step.held for step in found.steps)


@pytest.mark.parametrize("evil", EVIL)
def test_a_hostile_string_is_text_and_nothing_else(evil: str) -> None:
    whole = html_find.render(hostile(evil))
    page, harmless = read(whole), read(html_find.render(hostile("harmless")))
    assert page.elements == harmless.elements
    assert [key for key, _ in page.attributes] == [key for key, _ in harmless.attributes]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", whole)


def test_every_run_is_drawn_where_it_was() -> None:
    found = sample("found")
    shapes = Shapes(html_find.render(found))
    held, failed = shapes.of("circle", "dot good"), shapes.of("circle", "ring bad")
    steps = {True: [], False: []}  # type: dict[bool, list[float]]
    for step in found.steps:
        steps[step.held].append(step.rate)
    for dots, rates in ((held, steps[True]), (failed, steps[False])):
        assert len(dots) == len(rates) >= 5
        places = [percent(each["cx"]) for each in dots]
        logs = [math.log(rate) for rate in rates]
        slope = (places[3] - places[0]) / (logs[3] - logs[0])
        for place, log in zip(places, logs, strict=True):
            assert place == pytest.approx(places[0] + slope * (log - logs[0]), abs=0.02)
    (line,) = shapes.of("line", "mark")
    assert max(float(each["cy"]) for each in failed) < float(line["y1"])
    assert min(float(each["cy"]) for each in held) > float(line["y1"])
    (band,) = shapes.of("rect", "band")
    right = percent(band["x"]) + percent(band["width"])
    assert max(percent(each["cx"]) for each in held) == pytest.approx(percent(band["x"]), abs=0.01)
    assert min(percent(each["cx"]) for each in failed) == pytest.approx(right, abs=0.01)


def test_the_numbers_are_those_of_the_search() -> None:
    found = sample("found")
    text = read(html_find.render(found)).text
    assert found.rate is not None and found.interval.high is not None
    for number in (found.rate, found.interval.high):
        assert f"\n{find_text.per_s(number)}\n" in text
    assert text.count("✗ p99<50ms") == sum(not step.held for step in found.steps)
    assert "python (pid 7) used all of a core" in text


def test_a_search_without_an_answer_has_no_picture() -> None:
    assert 'id="knee"' not in html_find.render(sample("nothing"))
    assert 'id="knee"' in html_find.render(sample("none"))
    bare = replace(sample("interrupted"), environment=None, config={})
    assert "a search for the highest rate" in read(html_find.render(bare)).text


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["found", "noisy", "none", "gone"])
def test_nothing_is_too_wide_and_no_number_is_cut(
    chromium: browser.Browser, tmp_path: Path, name: str, width: int
) -> None:
    chromium.look(width, dark=width == 400)
    file = tmp_path / "search.html"
    file.write_text(html_find.render(sample(name)), "utf-8")
    chromium.open(file)
    assert complaints(chromium) == []
    assert chromium.ask("document.documentElement.scrollWidth") == width
    for each in boxes(chromium, "#knee circle, #knee text"):
        assert min(each["left"], each["right"], each["top"], each["bottom"]) >= -1, each
