"""The page of a comparison: what is in it, that nothing else can be, and what a browser draws."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import browser
import pytest
from comparing import LATENCIES, scattered
from comparisons import ALL, MORE, faster, many, stored, unsettled
from html_pages import ATTRIBUTES, ELEMENTS, EVIL, Page, complaints, needs_browser, read
from html_shapes import OF_SVG, SVG, Shapes, boxes, hostile, percent, with_latencies

from fastbench.cli.args import compare_args
from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.interval_history import looks
from fastbench.report import change
from fastbench.report.html import html_comparison

MEASURED = {"faster", "slower", "same", "unsettled", "many"}


def parsed(found: Comparison) -> Page:
    return read(html_comparison.render(found))


@pytest.mark.parametrize("name", ALL | MORE)
def test_only_our_elements_and_attributes_appear(name: str) -> None:
    for found in ((ALL | MORE)[name](), with_latencies((ALL | MORE)[name]())):
        page = parsed(found)
        assert set(page.elements) <= ELEMENTS | SVG
        assert {key for key, _ in page.attributes} <= ATTRIBUTES | OF_SVG
        assert page.comments == 0
        assert page.elements.count("script") == (1 if found.latency is None else 2)


@pytest.mark.parametrize("evil", EVIL)
def test_a_hostile_string_is_text_and_nothing_else(evil: str) -> None:
    whole = html_comparison.render(hostile(evil))
    page, harmless = read(whole), parsed(hostile("harmless"))
    assert page.elements == harmless.elements
    assert [key for key, _ in page.attributes] == [key for key, _ in harmless.attributes]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", whole)
    assert "<script>alert(1)" not in whole


def test_the_page_is_under_the_policy_of_all_pages() -> None:
    for found in (faster(), with_latencies(faster())):
        whole = html_comparison.render(found)
        policy = re.search('Content-Security-Policy" content="([^"]*)"', whole)
        assert policy is not None
        assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
        assert "script-src 'sha256-" in policy[1]
        assert "unsafe" not in policy[1] and "http" not in policy[1]
        assert not re.search(
            r'<(link|img|iframe|object|embed|base|form|a)\b| style="| on\w+="', whole
        )


@pytest.mark.parametrize(
    ("name", "word", "kind"),
    [
        ("faster", "Passed: different, better", "pass"),
        ("slower", "Failed: a regression (different, worse)", "fail"),
        ("same", "Equivalent", "pass"),
        ("unsettled", "Inconclusive", "doubt"),
        ("interrupted", "Inconclusive", "doubt"),
        ("broken", "Failed: a regression (inconclusive)", "fail"),
        ("in_vain", "Inconclusive", "doubt"),
        ("stored", "Inconclusive", "doubt"),
    ],
)
def test_the_verdict_is_the_sentence_that_stands_first(name: str, word: str, kind: str) -> None:
    found = ALL[name]()
    whole = html_comparison.render(found)
    assert f'id="verdict" class="{kind}"><h2>{word}</h2><p class="sentence">' in whole
    text = read(whole).text
    sentence = change.headline(found)
    assert f"<title>{word}: " in whole
    assert f"\n{word}\n{sentence[0].upper()}{sentence[1:]}.\n" in text
    parts = re.findall(r'<(?:section|dl) (?:class="\w*" )?id="(\w+)"', whole)
    assert parts[:2] == ["verdict", "figures"]


def test_what_would_settle_it_and_the_regression_are_told() -> None:
    assert f"About {unsettled().pairs_needed} more pairs needed" in parsed(unsettled()).text
    assert "No regression beyond 5 %." in parsed(faster()).text
    assert "neither shown nor excluded" in parsed(stored()).text
    assert "Regression: requests/s 8.5 % slower, the limit is 5 %." in parsed(ALL["slower"]()).text
    assert "Partial: interrupted after 5 of 12 pairs." in parsed(ALL["interrupted"]()).text


def test_the_numbers_are_those_of_the_comparison() -> None:
    found = with_latencies(faster())
    page = parsed(found)
    metric = found.metrics["requests_per_s"]
    assert metric.interval is not None and metric.p is not None
    assert metric.noise_floor is not None and metric.smallest_difference is not None
    figures = (
        change.change(metric.ratio),
        change.signed_interval(metric.interval),
        f"{metric.p:.2g}",
        change.share(metric.noise_floor),
        change.share(metric.smallest_difference),
        "12",
    )
    for figure in figures:
        assert f"\n{figure}\n" in page.text, figure
    for each in found.metrics.values():
        assert each.p_holm is not None
        assert f"\n{each.p_holm:.2g}\n" in page.text
    assert page.text.count("\nbetter\n") + page.text.count("\nsame\n") >= 1
    assert page.text.count("\n10,000\n") == 13, "the median, and every visit to the base"


def test_the_interval_is_drawn_where_it_is() -> None:
    found = faster()
    shapes = Shapes(html_comparison.render(found))
    bands, whiskers = shapes.of("rect", "band"), shapes.of("line", "whisker")
    assert found.interval is not None and found.ratio is not None
    left = percent(bands[0]["x"])
    wide = percent(bands[0]["width"])
    scale = wide / (1.02 - 1 / 1.02)

    def place(ratio: float) -> float:
        return left + (ratio - 1 / 1.02) * scale

    assert percent(whiskers[0]["x1"]) == pytest.approx(place(found.interval[0]), abs=0.01)
    assert percent(whiskers[0]["x2"]) == pytest.approx(place(found.interval[1]), abs=0.01)
    assert percent(shapes.of("circle", "dot")[0]["cx"]) == pytest.approx(
        place(found.ratio), abs=0.01
    )
    assert percent(shapes.of("line", "zero")[0]["x1"]) == pytest.approx(place(1.0), abs=0.01)


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_every_pair_and_every_look_is_drawn_inside(name: str) -> None:
    found = (ALL | MORE)[name]()
    shapes = Shapes(html_comparison.render(found))
    dots = [*shapes.of("circle", "dot s0"), *shapes.of("circle", "ring s0")]
    counted = [pair for pair in found.pairs if pair.valid]
    assert len(dots) == len(counted)
    assert len(shapes.of("text", "warn")) == len(found.pairs) - len(counted)
    first = sum(pair.order == "base first" for pair in counted)
    assert len(shapes.of("circle", "dot s0")) == first
    seen = looks(found)
    assert len(shapes.of("circle", "dot")) == len(seen) + len(found.metrics)
    drawn = sum(look.interval is not None for look in seen)
    drawn += sum(each.interval is not None for each in found.metrics.values())
    assert len(shapes.of("line", "whisker")) == drawn
    for dot in dots:
        assert 0 < percent(dot["cx"]) < 100 and 10 <= float(dot["cy"]) <= 194


def test_the_interval_is_seen_to_shrink() -> None:
    shapes = Shapes(html_comparison.render(faster()))
    upright = [each for each in shapes.of("line", "whisker") if each["x1"] == each["x2"]]
    heights = [abs(float(each["y1"]) - float(each["y2"])) for each in upright]
    assert len(heights) == 5 and heights[-1] < heights[0]
    places = [percent(each["x1"]) for each in upright]
    assert places == sorted(places)


def test_latencies_of_both_sides_are_shares_of_one_scale() -> None:
    charts = parsed(with_latencies(faster())).data["charts"]
    base, candidate = charts["distribution"]["lines"]
    assert (base["name"], candidate["name"]) == ("base", "candidate")
    assert sum(base["values"]) == pytest.approx(100, abs=0.1)
    assert sum(y for _, y in candidate["points"]) == pytest.approx(100, abs=0.1)
    assert len(candidate["points"]) == len(base["values"])
    for at, (x, _) in enumerate(candidate["points"]):
        assert base["edges"][at] < x < base["edges"][at + 1]
    points = dict(charts["spectrum"]["lines"][1]["points"])
    p99_ms = LATENCIES.candidate.percentile(99) / 1e6
    assert points[100] == pytest.approx(p99_ms, rel=1e-4)


def test_without_latencies_there_are_no_charts_and_no_script_of_theirs() -> None:
    page = parsed(faster())
    assert len(page.scripts) == 1 and "chart" not in page.scripts[0].replace("its charts", "")
    assert "Percentile spectrum" not in page.text
    assert "Every pair" in page.text


def test_that_nothing_was_judged_is_told() -> None:
    text = "Nothing was judged: no limit for a regression was given"
    assert text in parsed(replace(faster(), regression_limit=None)).text
    assert all("Nothing was judged" not in parsed(make()).text for make in (faster, ALL["slower"]))


def test_what_does_not_count_is_told_with_its_reason() -> None:
    text = parsed(unsettled()).text
    assert "Not counted" in text and "1 pair of 12" in text
    assert text.count("the load generator was saturated") >= 2
    assert "Not counted" not in parsed(faster()).text


def test_machines_that_differ_are_both_shown() -> None:
    whole = html_comparison.render(stored())
    assert '<td class="warn">6.1.0-18-amd64</td><td>6.9.1</td>' in whole
    assert '<td class="warn">2</td><td>8</td>' in whole
    assert "not interleaved: drift cannot be excluded" in whole
    assert "pair by pair" not in whole


def test_what_was_asked_holds_no_secret() -> None:
    line = (
        "--run-base 'TOKEN=hunter2 ./a {port}' --run-candidate './b --password=hunter2 {port}' "
        "--url http://user:hunter2@127.0.0.1:{port}/?token=hunter2 -H 'Authorization: hunter2'"
    )
    command = compare_args.parse(shlex.split(line))
    assert isinstance(command, compare_args.Command)
    what = command.what
    assert isinstance(what, compare_args.Live)
    asked = replace(
        faster(), base=what.base.label, candidate=what.candidate.label, config=what.config
    )
    whole = html_comparison.render(asked)
    assert "hunter2" not in whole
    assert "connections" in whole and "***" in whole


def test_a_thousand_pairs_are_a_page_that_opens() -> None:
    found = replace(with_latencies(many()), pairs=tuple(scattered(1000, 0.01, 0.03)))
    assert len(html_comparison.render(found)) < 1_000_000


# In a browser


def shown(chromium: browser.Browser, found: Comparison, folder: Path) -> None:
    file = folder / "comparison.html"
    file.write_text(html_comparison.render(found), "utf-8")
    chromium.open(file)


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_picture_is_drawn_and_nothing_is_too_wide(
    chromium: browser.Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    found = with_latencies(unsettled())
    chromium.look(width, dark=dark)
    shown(chromium, found, tmp_path)
    assert complaints(chromium) == []
    assert chromium.ask("document.documentElement.scrollWidth") == width
    assert chromium.ask("document.querySelector('#verdict h2').textContent") == "Inconclusive"
    assert chromium.ask("document.querySelectorAll('figure[data-chart] path').length") == 3
    assert chromium.ask("document.querySelectorAll('figure[data-chart] .bar').length") > 10
    row = chromium.ask("document.querySelector('#changes tbody tr').textContent")
    assert found.ratio is not None
    assert row.startswith("requests/s *10,000") and change.change(found.ratio) in row
    for each in boxes(chromium, "#pictures circle, #changes circle"):
        assert min(each["left"], each["right"], each["top"], each["bottom"]) >= 0, each
    dots = boxes(chromium, "#pictures figure:first-of-type circle")
    assert len(dots) == 11
    assert [each["x"] for each in dots] == sorted(each["x"] for each in dots)
    assert dots[-1]["x"] - dots[0]["x"] > 0.7 * dots[0]["wide"], "over the whole width"
    for text in boxes(chromium, "#pictures .field text, #changes .strip text"):
        assert min(text["left"], text["right"]) >= -1, "no number is cut off"


@needs_browser
def test_on_paper_nothing_is_too_wide(chromium: browser.Browser, tmp_path: Path) -> None:
    chromium.look(720)  # CSS pixels of a page of A4 or Letter
    shown(chromium, with_latencies(unsettled()), tmp_path)
    chromium.call("Emulation.setEmulatedMedia", media="print")
    chromium.ask("dispatchEvent(new Event('beforeprint'))")
    chromium.frame()
    assert chromium.ask("document.documentElement.scrollWidth") == 720
    chromium.call("Emulation.setEmulatedMedia", media="")


@needs_browser
def test_pointing_at_the_latencies_reads_both_sides(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    chromium.look(1280, height=3000)
    shown(chromium, with_latencies(faster()), tmp_path)
    place = (
        "(() => { const b = document.querySelector('[data-chart=distribution] svg')"
        ".getBoundingClientRect(); return [b.x + b.width / 2, b.y + 60] })()"
    )
    chromium.mouse("mouseMoved", *chromium.ask(place))
    values = chromium.ask(
        "[...document.querySelectorAll('[data-chart=distribution] b')].map(b => b.textContent)"
    )
    assert len(values) == 2 and all(re.fullmatch(r"[\d.]+%", each) for each in values)
    assert complaints(chromium) == []


@needs_browser
@pytest.mark.parametrize("found", [many(), *(make() for make in ALL.values())])
def test_a_sample_is_drawn_without_a_word(
    chromium: browser.Browser, tmp_path: Path, found: Comparison
) -> None:
    chromium.look(400)
    shown(chromium, with_latencies(found), tmp_path)
    assert complaints(chromium) == []
    assert chromium.ask("document.documentElement.scrollWidth") == 400
