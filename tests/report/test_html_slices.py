"""The pictures of a comparison in slices: every pair, bursts at the edge, nothing that overlaps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import browser
import pytest
from comparing import sliced as pairs_in_slices
from comparisons import restarted, sliced, sliced_interrupted
from html_pages import complaints, needs_browser, read
from html_shapes import Shapes, percent, with_latencies

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.interval_history import looks
from fastbench.report import slice_course
from fastbench.report.html import html_comparison

BURSTS = 12  # of the 183 pairs that count


def shapes(found: Comparison) -> Shapes:
    return Shapes(html_comparison.render(found))


def test_every_pair_is_drawn_when_it_began_and_bursts_are_arrows_at_the_edge() -> None:
    drawn = shapes(sliced())
    dots, far = drawn.of("circle", "pair s0"), drawn.of("text", "far")
    assert len(far) == BURSTS and len(dots) == 183 - BURSTS
    assert len(drawn.of("text", "warn")) == 4, "a cross for each pair that does not count"
    assert all(0 < percent(each["cx"]) < 100 for each in dots)
    assert all(10 <= float(each["cy"]) <= 194 for each in dots)
    assert all(185 < float(each["y"]) < 196 for each in far), "all of them are far below"
    places = [percent(each["cx"]) for each in dots]
    assert places == sorted(places)
    heights = [float(each["cy"]) for each in dots]
    assert max(heights) - min(heights) > 60, "the others fill the picture"


def test_a_dot_stands_at_its_change() -> None:
    found = replace(sliced(), pairs=tuple(pairs_in_slices(24, -0.03, 0.008)))
    drawn = shapes(found)
    zero = float(drawn.of("line", "zero")[-3]["y1"])
    band = drawn.of("rect", "band")[-3]
    scale = float(band["height"]) / (1.02 - 1 / 1.02)
    for pair, dot in zip(found.pairs, drawn.of("circle", "pair s0"), strict=True):
        assert pair.candidate is not None
        ratio = pair.candidate.requests_per_s / 10_000
        assert float(dot["cy"]) == pytest.approx(zero - (ratio - 1) * scale, abs=0.2)


def test_the_running_median_is_not_moved_by_bursts() -> None:
    found = sliced()
    ratios = [
        pair.candidate.requests_per_s / 10_000 if pair.valid and pair.candidate else None
        for pair in found.pairs
    ]
    through = slice_course.running_median(slice_course.begun_s(found), ratios)
    assert all(0.95 < ratio < 0.98 for _, ratio in through)
    assert len(shapes(found).of("line", "median")) == len(through) - 1


def test_the_interval_narrows_inside_the_picture() -> None:
    found = sliced()
    drawn = shapes(found)
    upright = [each for each in drawn.of("line", "whisker") if each["x1"] == each["x2"]]
    assert len(upright) == sum(each.interval is not None for each in looks(found))
    heights = [abs(float(each["y1"]) - float(each["y2"])) for each in upright]
    assert heights[-1] < heights[0] / 3
    assert all(10 <= float(each[end]) <= 194 for each in upright for end in ("y1", "y2"))


def test_each_start_has_a_level_line_and_the_interval_narrows_by_starts() -> None:
    found = restarted()
    whole = html_comparison.render(found)
    drawn = Shapes(whole)
    levels = drawn.of("line", "median")
    assert len(levels) == 8 and all(each["y1"] == each["y2"] for each in levels)
    heights = [float(each["y1"]) for each in levels]
    assert heights.index(max(heights)) == 6, "the slowest one is the lowest"
    ends = [(percent(each["x1"]), percent(each["x2"])) for each in levels]
    assert all(end == pytest.approx(begin) for (_, end), (begin, _) in pairwise(ends))
    assert "<title>8 starts: " in whole and "requests/s, all starts so far" in whole
    text = read(whole).text
    assert "\nStarts" in text and "\nstart 8\n" in text


def test_the_bars_hold_every_pair_once() -> None:
    whole = html_comparison.render(sliced())
    bars = re.findall(r'<rect[^>]*class="bar s0"[^>]*><title>(\d+) pairs?</title>', whole)
    assert sum(map(int, bars)) == 183 and len(bars) > 8
    assert int(bars[0]) == BURSTS, "the outer bar has those beyond"


def test_the_table_has_a_row_for_a_part_of_the_time_not_for_a_pair() -> None:
    page = read(html_comparison.render(with_latencies(sliced())))
    assert page.elements.count("tr") < 40
    assert "Every pair" not in page.text.splitlines() and "0-2 s" in page.text
    assert "4 pairs of 187" in page.text and "trials" not in page.text
    assert "187 pairs in slices of 20ms" in page.text
    assert [each["name"] for each in page.data["charts"]["distribution"]["lines"]] == [
        "base",
        "candidate",
    ]


def test_an_hour_of_pairs_is_a_page_that_opens() -> None:
    pairs = pairs_in_slices(5000, 0.01, 0.03)
    whole = html_comparison.render(replace(sliced(), pairs=tuple(pairs)))
    assert len(whole) < 1_000_000
    assert whole.count('class="pair s0"') < 1500 and "median of 4 pairs" in whole


@needs_browser
@pytest.mark.parametrize("make", [sliced, sliced_interrupted], ids=["whole", "interrupted"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_two_labels_overlap_and_all_can_be_read(
    chromium: browser.Browser,
    tmp_path: Path,
    make: Callable[[], Comparison],
    width: int,
    dark: bool,
) -> None:
    file = tmp_path / "slices.html"
    file.write_text(html_comparison.render(with_latencies(make())), "utf-8")
    chromium.look(width, dark=dark)
    chromium.open(file)
    assert complaints(chromium) == []
    assert chromium.ask("document.documentElement.scrollWidth") == width
    sizes = chromium.ask(
        "[...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n =>"
        " n.nodeType == 3 && n.data.trim()) && e.getClientRects().length)"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
    labels = chromium.ask(
        "[...document.querySelectorAll('#pictures figure')].map(f => [...f.querySelectorAll("
        "'text:not(.far):not(.warn)')].map(t => { const r = t.getBoundingClientRect();"
        " return [r.left, r.right, r.top + 2, r.bottom - 2] }))"
    )
    assert len(labels) == 3 and all(len(each) >= 5 for each in labels)
    for one, other in (pair for figure in labels for pair in combinations(figure, 2)):
        apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
        assert apart, (one, other)
