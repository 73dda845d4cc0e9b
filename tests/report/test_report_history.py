"""A history as text and as a page: its figures, its trend, its width, and hostile names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import browser
import pytest
import samples
from histories import groups, mixed
from html_pages import ELEMENTS, Page, needs_browser, read
from html_shapes import SVG, Shapes, percent

from fastbench.foundation.redact import printable
from fastbench.report.html import html_history
from fastbench.report.html.html_plot import FLOOR, round_values
from fastbench.report.text import history_text
from fastbench.results.history.history_entry import Entry, Group

SGR = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80, 93, 94, 120, 200)


def hostile() -> list[Group]:
    """Put text from elsewhere wherever a file may hold text."""
    evil = samples.HOSTILE
    words = {"name": evil, "started_at": evil, "build": evil, "cpu": evil, "kernel": evil}
    runs = tuple(replace(run, **words) for run in mixed())  # type: ignore[arg-type]
    return [Group(evil, 8, runs), Group("x" * 200, 1, runs[:1])]


def long() -> list[Group]:
    first = mixed()[0]
    runs = [replace(first, id=at + 10**6, requests_per_s=9e5 + at) for at in range(500)]
    most = replace(first, requests_per_s=1e12, p50_ms=1e12, p95_ms=1e12, p99_ms=1e12)
    return [Group("huge", 2, (most, most)), Group("POST /users/{id}", 100_000, tuple(runs))]


ALL: dict[str, Callable[[], list[Group]]] = {
    "mixed": groups,
    "hostile": hostile,
    "long": long,
    "empty": list,
}


def test_a_history_reads_as_it_always_did(golden: Callable[[str, str], None]) -> None:
    golden("history.txt", history_text.render(groups(), color=False, width=100))


def test_on_a_small_screen_too(golden: Callable[[str, str], None]) -> None:
    shown = history_text.render(groups(), color=False, width=60, unicode=False)
    golden("history_narrow_ascii.txt", shown)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_screen(name: str, width: int) -> None:
    found = ALL[name]()
    colored = history_text.render(found, color=True, width=width)
    shown = SGR.sub("", colored)
    assert max(map(len, shown.splitlines())) <= width
    assert shown == history_text.render(found, color=False, width=width)
    assert history_text.render(found, color=False, width=width, unicode=False).isascii()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_the_trend_is_of_complete_runs_and_fits() -> None:
    lines = history_text.render(long(), color=False, width=80).splitlines()
    rate, p95 = lines[-2:]
    assert rate.startswith("  rate    █") and rate.endswith("900,000 to 900,499 req/s, last 0.0 %")
    assert len(rate) <= 80 and p95.startswith("  p95     ")
    shown = history_text.render(groups(), color=False, width=100)
    assert "850 to 1,100 req/s" in shown, "neither the interrupted run nor the one without success"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0, 1, "rate +4.0 %, p95 -0.5 %"),
        (1, 5, "rate -18 %, p95 +44 %"),
        (0, 6, "nothing to compare"),
        (0, 7, "rate +10 %"),
    ],
)
def test_how_a_run_moved(before: int, after: int, said: str) -> None:
    runs = mixed()
    moved = history_text.moved(runs[before], runs[after])
    assert moved == said, "times of responses and of service are not compared"


def test_below_a_run_stands_how_it_moved() -> None:
    runs = mixed()

    def line(now: int, before: int | None, *changes: str, width: int = 100) -> str:
        last = None if before is None else runs[before]
        return history_text.beside_run(runs[now], last, changes, color=False, width=width)

    assert line(1, 0) == (
        "History   GET /api/health: rate +4.0 %, p95 -0.5 % since run 1 of 2026-03-01 12:00 "
        "(not interleaved)\n"
    )
    assert line(0, None) == "History   GET /api/health: the first complete run of this name\n"
    assert "not complete, so not compared with another run" in line(3, 0)
    told = line(4, 0, "other load: connections", "other machine: cores 2 and 8", width=140)
    assert "(not interleaved; other load: connections; other machine:" in told
    assert all(len(each) <= 70 for each in line(4, 0, "x " * 90, width=70).splitlines())


# The page


def parsed(found: list[Group], source: str = "runs.db") -> Page:
    return read(html_history.render(found, source))


@pytest.mark.parametrize("name", ALL)
def test_a_page_holds_our_elements_and_our_script(name: str) -> None:
    whole = html_history.render(ALL[name](), "runs.db")
    page = parsed(ALL[name]())
    assert set(page.elements) <= ELEMENTS | SVG
    assert not [key for key, _ in page.attributes if key.startswith("on") or key == "style"]
    assert not re.search(r"https?:|url\(|@import|<(a|img|link)\b", whole)
    policy = next(value for _, value in page.attributes if value and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'sha256-" in policy and "unsafe" not in policy
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", whole)


def test_a_hostile_name_is_text() -> None:
    evil = printable(samples.HOSTILE, lines=True)
    page = parsed(hostile(), samples.HOSTILE)
    assert f"History: {evil}" in page.texts and evil in page.texts
    harmless = [replace(each, name="x") for each in hostile()]
    assert page.elements == parsed(harmless).elements


def test_every_run_with_figures_has_a_dot_and_the_line_goes_through_complete_ones() -> None:
    page = parsed(groups()[:1])
    titles = [text for text in page.texts if text.startswith("run ")]
    assert page.elements.count("circle") == len(titles) == 8 + 7
    assert titles[2] == "run 3, 2026-03-03 12:00: 1.01k, threshold failed"
    assert [text for text in page.texts if text.startswith("other machine: ")] == [
        "other machine: Example CPU @ 2.40GHz, 8 cores, Linux 6.9.1",
        "other machine: Example CPU @ 2.40GHz, 2 cores, Linux 6.1.0-18-amd64",
    ] * 2
    shapes = Shapes(html_history.render(groups()[:1], "runs.db"))
    assert len(shapes.of("line", "curve")) == 2 * 5, "of 8, one cut short, one without success"
    dots = shapes.of("circle", "dot")
    across = [percent(each["cx"]) for each in dots[:8]]
    assert across == sorted(across) and across[0] > 5 and across[-1] < 95
    heights = [float(each["cy"]) for each in dots[:8]]
    assert heights[7] == min(heights), "the fastest stands highest"
    assert heights[6] == FLOOR, "nothing stands on the axis"


def test_the_table_has_what_the_picture_shows() -> None:
    text = "\n".join(parsed(groups()).texts)
    told = ("1,040", "2.31ms", "1.20%", "✗ regression", "3f2c1a9", "8 of 57 runs", "1 run")
    for figure in told:
        assert f"\n{figure}\n" in text, figure
    assert "58 runs of 2 names, the newest last" in text
    assert "no runs yet" in "\n".join(parsed([]).texts)


@pytest.mark.parametrize(
    ("runs", "word", "kind"),
    [
        (mixed()[:1], "The last run ended well", "pass"),
        (mixed()[:3], "The last run failed", "fail"),
        (mixed()[:5], "The last run has warnings", "doubt"),
    ],
)
def test_how_the_last_runs_ended_stands_first(runs: list[Entry], word: str, kind: str) -> None:
    whole = html_history.render([Group("x", len(runs), tuple(runs))], "runs.db")
    assert f'<section id="verdict" class="{kind}"><h2>{word}</h2>' in whole
    assert whole.index('id="verdict"') < whole.index("<figure")
    both = [Group("x", len(runs), tuple(runs)), Group("y", 1, (mixed()[2],))]
    failed = 2 if kind == "fail" else 1
    assert f"<h2>{failed} of 2 last runs failed</h2>" in html_history.render(both, "runs.db")
    assert "y: threshold failed (run 3)" in html_history.render(both, "runs.db")


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (1100.0, [0, 500, 1000]),
        (100.0, [0, 50, 100]),
        (0.3, [0, 0.1, 0.2, 0.3]),
        (1.0, [0, 0.5, 1.0]),
        (900_499.0, [0, 500_000]),
        (0.0, [0]),
    ],
)
def test_the_axis_has_round_numbers(most: float, ticks: list[float]) -> None:
    assert round_values(0.0, most, 4) == pytest.approx(ticks)


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["mixed", "hostile"])
def test_a_page_is_drawn_without_a_word_and_is_not_too_wide(
    chromium: browser.Browser, tmp_path: Path, width: int, name: str
) -> None:
    file = tmp_path / "history.html"
    file.write_text(html_history.render(ALL[name](), "runs.db"), "utf-8")
    chromium.look(width, dark=width == 400)
    chromium.open(file)
    kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Page.javascriptDialogOpening")
    assert [each for each in chromium.events if each["method"] in kinds] == []
    assert chromium.ask("document.documentElement.scrollWidth") == width
    dots = "[...document.querySelectorAll('circle')].map(c => c.getBoundingClientRect().width)"
    assert min(chromium.ask(dots)) > 3
    color = "getComputedStyle(document.querySelector('g.bad circle')).fill"
    assert chromium.ask(color) == ("rgb(255, 138, 128)" if width == 400 else "rgb(179, 38, 30)")
    chromium.picture(tmp_path / "history.png")
