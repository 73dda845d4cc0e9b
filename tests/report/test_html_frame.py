"""What every page has: the state first, a command to copy, what is folded, edges, paper."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import browser
import pytest
import samples
from html_pages import complaints, needs_browser, read
from report_pages import COMMAND, FINISHED, PAGES

from fastbench.plan import plan_config
from fastbench.report.html import html_asked, html_margin, html_report, html_verdict
from fastbench.results.metric_values import Judgement

KINDS = {"pass", "done", "doubt", "fail"}
WITH_COMMAND = [name for name in FINISHED if name not in ("suite", "history")]
VISIBLE = "[...document.querySelectorAll('details > :not(summary)')].map(e => e.checkVisibility())"
SIZES = (
    "[...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n =>"
    " n.nodeType == 3 && n.data.trim()) && e.getClientRects().length)"
    ".map(e => parseFloat(getComputedStyle(e).fontSize))"
)


class Nesting(HTMLParser):
    """What stands in what: the class of what is around each table, and each opened `details`."""

    def __init__(self, whole: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.around_tables: list[str] = []
        self.folds: list[dict[str, str | None]] = []
        self.feed(whole)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "wbr"):
            return
        if tag == "table":
            self.around_tables.append(self.open[-1][1].get("class") or "")
        if tag == "details":
            self.folds.append(dict(attrs))
        self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "wbr"):
            self.open.pop()


@pytest.mark.parametrize("name", FINISHED)
def test_the_state_stands_before_figures_charts_and_tables(name: str) -> None:
    whole = PAGES[name]()
    body = whole[whole.index("<body>") :]
    found = re.search(r'<section id="verdict" class="(\w+)"><h2>([^<]+)</h2>', body)
    assert found is not None and found[1] in KINDS and found[2].strip()
    others = [body.find(each) for each in ("<dl", "<figure", "<table", "<svg")]
    assert all(found.start() < place for place in others if place >= 0)


@pytest.mark.parametrize(
    ("name", "kind"), [("refused", "fail"), ("script", "fail"), ("overloaded", "doubt")]
)
def test_a_run_that_went_wrong_says_so_and_why_in_words(name: str, kind: str) -> None:
    whole = PAGES[name]()
    assert f'id="verdict" class="{kind}"' in whole
    assert re.search(r'<p class="sentence">[A-Z][^<]{10,}\.</p>', whole)
    assert re.search(r"<title>(Failed|Nothing succeeded|Complete, with warnings): ", whole)


def test_what_went_wrong_and_its_remedy_stand_before_the_charts() -> None:
    whole = PAGES["failing"]()
    places = [whole.index(f'id="{part}"') for part in ("verdict", "figures", "errors", "charts")]
    assert places == sorted(places)


def test_figures_of_a_run_without_success_are_no_success() -> None:
    _, p50, p99, wrong = html_verdict.figures(samples.refused())[:4]
    assert (wrong.shown, wrong.kind) == ("–", "bad")  # noqa: RUF001
    assert p50.shown == p99.shown == "–" and "no ok request to measure" in p50.more  # noqa: RUF001
    good = samples.good()
    s = replace(good.summary, ok=0, failed=good.summary.requests)
    bad = replace(good, summary=s, status_codes={"503": s.requests})
    rate, p50, p99, wrong = html_verdict.figures(bad)
    assert {rate.kind, p50.kind, p99.kind, wrong.kind} == {"bad"} and "none of them ok" in rate.more
    assert wrong.more.startswith("100% of ")


def test_what_was_not_judged_did_not_pass() -> None:
    said = html_verdict.verdict(samples.good())
    assert (said.word, said.kind) == ("Complete", "done")
    assert said.text == "Nothing was judged: the run had no thresholds."
    held = {"p99<1s": Judgement(True, 1.0, 0.5, "fail", False, "1ms")}
    said = html_verdict.verdict(replace(samples.good(), thresholds=held))
    assert (said.word, said.kind, said.text) == ("Passed", "pass", "The threshold passed.")
    assert said.limit.startswith("Verdict: valid; ")


def test_a_margin_is_drawn_on_one_scale() -> None:
    def used(margin: float) -> float:
        judged = Judgement(margin >= 0, 1.0, margin, "fail", False, "")
        found = re.search(r'<rect width="([\d.]+)%"[^>]*class="used"', str(html_margin.bar(judged)))
        assert found is not None
        return float(found[1])

    assert used(0.0) == pytest.approx(html_margin.LIMIT)
    assert used(0.5) == pytest.approx(html_margin.LIMIT / 2)
    assert html_margin.LIMIT < used(-0.1) < used(-1) == 100
    assert used(40.0) > 0, "the whole limit is left, and the bar can be seen"
    assert html_margin.bar(Judgement(False, None, None, "fail", False, "no samples")) == ""


@pytest.mark.parametrize("name", PAGES)
def test_every_table_can_scroll_and_nothing_is_unfolded(name: str) -> None:
    found = Nesting(PAGES[name]())
    assert all("scroll" in each.split() for each in found.around_tables)
    assert found.around_tables or name in ("find-nothing",)
    assert all("open" not in each for each in found.folds)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_from_elsewhere(name: str) -> None:
    whole = PAGES[name]()
    for key, value in read(whole).attributes:
        assert key not in ("src", "action", "style", "srcset"), key
        if key == "href":
            assert (value or "").startswith("./")
    assert not re.search(r"@import|url\(|import\(", whole.partition("<body>")[0])


@pytest.mark.parametrize("name", WITH_COMMAND)
def test_the_command_can_be_copied_and_the_rest_is_folded(name: str) -> None:
    whole = PAGES[name]()
    told = re.search(r'<div class="command"><pre><code>(.*?)</code></pre><button ([^>]*)>', whole)
    assert told is not None
    words = re.sub(r'<span class="flag">(-[^<]+)</span>', r"\1", told[1])
    assert words.replace("&#x27;", "'") == COMMAND and "hidden" in told[2]
    assert '<span class="flag">-d</span> 30s' in told[1]
    assert "Secrets are not kept" in whole
    assert [each.get("class") for each in Nesting(whole).folds].count("fold") >= 1
    assert whole.index('class="command"') < whole.index('id="config"')


def test_the_command_line_is_the_one_of_the_shell_without_its_secrets() -> None:
    line = "http://user:hunter2@h/?token=hunter2 -H 'X-Api-Key: hunter2' -d 5s --threshold 'p99<1s'"
    config = plan_config.of_command(shlex.split(line))
    shown = html_asked.command(config["command"])
    text = " ".join(read("".join(each.text for each in shown)).text.split())
    assert "hunter2" not in text and "***" in text and "--threshold 'p99<1s'" in text
    assert html_asked.command(None) == html_asked.command("fastbench") == []


def test_a_word_that_was_cut_is_told() -> None:
    config = plan_config.of_command(["http://h/", "-b", "x" * 900])
    notes = [each.text for each in html_asked.command(config["command"])]
    assert any("was longer" in note for note in notes)


def test_the_configuration_is_written_for_people() -> None:
    config = {
        "duration_s": 90.0,
        "keepalive": True,
        "headers": [["Accept", "*/*"], ["X-A", "1"]],
        "load": {"connections": 10, "rate": None, "tls": {"verify": False}},
        "stages": [{"length_s": 5.0, "first": 0, "last": 10}],
        "command": ["fastbench"],
        "none": None,
    }
    text = read(html_asked.asked(config).text).text
    for shown in ("duration\n1m30s", "keepalive\nyes", "Accept: */*\nX-A: 1", "connections\n10"):
        assert shown in text, shown
    assert "load: tls: verify\nno" in text and "length s 5, first 0, last 10" in text
    assert "none" not in text and "rate" not in text


def test_no_type_is_smaller_than_12_pixels() -> None:
    sheets = [*resources.files("fastbench.report.html").iterdir()]
    sheets += resources.files("fastbench.outputs.dashboard").iterdir()
    texts = [each.read_text("utf-8") for each in sheets if each.name.endswith(".css")]
    assert len(texts) >= 2
    for text in texts:
        sizes = re.findall(r"font(?:-size)?:[^;}]*?([\d.]+)(px|pt|r?em|%)", text)
        assert all(unit == "px" and float(size) >= 12 for size, unit in sizes), sizes


def luminance(color: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_can_be_read_on_every_ground_in_light_dark_and_on_paper() -> None:
    sheet = resources.files("fastbench.report.html").joinpath("page.css").read_text("utf-8")
    themes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    ]
    assert len(themes) == 3
    for theme in themes:
        grounds = ["ground", "card", "good-ground", "bad-ground", "warn-ground"]
        for text in ("ink", "soft", "good", "bad", "warn"):
            for ground in grounds:
                if text in ("good", "bad", "warn") and ground not in ("card", f"{text}-ground"):
                    continue
                both = sorted((luminance(theme[text]), luminance(theme[ground])))
                assert (both[1] + 0.05) / (both[0] + 0.05) >= 4.5, (text, ground)


def test_old_documents_have_a_page() -> None:
    result = samples.good()
    assert "How it was run" in html_report.render(replace(result, config={}))
    assert 'class="command"' not in html_report.render(replace(result, config={}))


# In a browser


def shown(chromium: browser.Browser, name: str, folder: Path) -> None:
    file = folder / f"{name}.html"
    file.write_text(PAGES[name](), "utf-8")
    chromium.open(file)


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", FINISHED)
def test_no_page_scrolls_sideways_on_a_phone_and_all_can_be_read(
    chromium: browser.Browser, tmp_path: Path, name: str, dark: bool
) -> None:
    for width in (400, 1280):
        chromium.look(width, dark=dark)
        shown(chromium, name, tmp_path)
        assert complaints(chromium) == []
        root = "document.documentElement"
        assert chromium.ask(f"{root}.scrollWidth") == chromium.ask(f"{root}.clientWidth") == width
        assert min(chromium.ask(SIZES)) >= 12


@needs_browser
def test_a_wide_table_shows_that_it_goes_on_and_keeps_the_names_of_its_rows(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    chromium.look(400)
    shown(chromium, "script", tmp_path)
    table = "document.querySelector('#requests .scroll')"
    assert chromium.ask(f"{table}.scrollWidth > {table}.clientWidth + 50")
    assert "linear-gradient" in chromium.ask(f"getComputedStyle({table}).backgroundImage")
    left = f"{table}.querySelector('tbody td').getBoundingClientRect().left"
    before = chromium.ask(left)
    chromium.ask(f"{table}.scrollLeft = 200")
    assert chromium.ask(f"{table}.scrollLeft") == 200
    assert chromium.ask(left) == before


@needs_browser
@pytest.mark.parametrize("clipboard", [True, False], ids=["clipboard", "none"])
def test_the_button_copies_or_selects_the_command(
    chromium: browser.Browser, tmp_path: Path, clipboard: bool
) -> None:
    chromium.look(1280)
    shown(chromium, "plain", tmp_path)
    assert chromium.ask("document.querySelector('.copy').hidden") is False
    chromium.ask(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async text => {"
        f" if (!{str(clipboard).lower()}) throw new Error('none'); window.kept = text }} }}}})"
    )
    chromium.ask("document.execCommand = () => false")
    chromium.ask("document.querySelector('.copy').click()")
    chromium.frame()
    told = chromium.ask("document.querySelector('.copy').textContent")
    if clipboard:
        assert (told, chromium.ask("window.kept")) == ("Copied", COMMAND)
    else:
        assert told == "Selected: now Ctrl+C"
        assert chromium.ask("getSelection().toString()") == COMMAND


@needs_browser
@pytest.mark.parametrize("name", FINISHED)
def test_paper_has_everything_and_no_buttons(
    chromium: browser.Browser, tmp_path: Path, name: str
) -> None:
    chromium.look(718, dark=True)  # CSS pixels of a page of A4 without its margins
    shown(chromium, name, tmp_path)
    assert not any(chromium.ask(VISIBLE))
    chromium.call("Emulation.setEmulatedMedia", media="print")
    try:
        chromium.frame()
        assert all(chromium.ask(VISIBLE)), "without a script"
        ground = "getComputedStyle(document.body).backgroundColor"
        assert chromium.ask(ground) == "rgb(255, 255, 255)"
        buttons = "[...document.querySelectorAll('.copy, .scale')].filter(e => e.offsetHeight)"
        assert chromium.ask(f"{buttons}.length") == 0
        chromium.ask("dispatchEvent(new Event('beforeprint'))")
        chromium.frame()
        assert chromium.ask("document.documentElement.scrollWidth") == 718
        assert min(chromium.ask(SIZES)) >= 12
        chromium.ask("dispatchEvent(new Event('afterprint'))")
        assert chromium.ask("document.querySelectorAll('details[open]').length") == 0
    finally:
        chromium.call("Emulation.setEmulatedMedia", media="")
