"""A suite as text, page, Markdown, JUnit and JSON: every run is a row, every name is data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import browser
import comparing
import comparisons
import machine_samples
import pytest
import samples
import scenario_samples
from html_pages import EVIL, read

from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.report import suite_rows
from fastbench.report.export import junit_suite
from fastbench.report.html import html_suite
from fastbench.report.markdown import markdown_suite
from fastbench.report.text import suite_text

FILES = {"text": "a.txt", "html": "a.html", "json": "a.json", "md": "a.md", "junit": "a.junit.xml"}


def told(*rows: Row, code: int = 99, note: str = "") -> SuiteResult:
    return SuiteResult("nightly", "0.5.0", "2026-03-01T12:00:00+00:00", 95.2, rows, code, note)


def every() -> SuiteResult:
    """A row of each kind."""
    return told(
        Row("health", "fastbench http://h/", 0, "", 30.1, FILES, samples.good()),
        Row("messages", "fastbench run m.py", 99, "", 61.0, FILES, scenario_samples.messages()),
        Row("a or b", "fastbench compare http://a/ http://b/", 0, "", 80.0, {"json": "c.json"}),
        Row("gone", "fastbench http://g/", 122, "", 1.0, FILES, samples.refused()),
        Row("typo", "fastbench run t.py", 107, "t.py, line 3: no module x", 0.3),
        Row("killed", "fastbench run k.py", -9, "its process was ended by SIGKILL", 0.5),
        Row("last", "fastbench http://l/", None),
        code=120,
        note="a signal ended the suite",
    )


def hostile(evil: str) -> SuiteResult:
    row = Row(evil, evil, 1, evil, 0.1, {"html": evil})
    broken = Row(evil + "2", evil, 99, "", 0.1, FILES, scenario_samples.hostile())
    return replace(told(row, broken, note=evil), name=evil, started_at=evil, version=evil)


# For a terminal.


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_the_table_has_a_line_for_each_run_at_any_width(width: int) -> None:
    shown = suite_text.render(every(), color=False, width=width)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= width
    table = lines[1 : 1 + len(every().rows)]
    assert [line.split()[0] for line in table] == ["✓", "✗", "✓", "✗", "✗", "✗", "–"]  # noqa: RUF001
    for line, row in zip(table, every().rows, strict=True):
        assert row.outcome in line


def test_the_figures_are_those_of_the_result() -> None:
    result = samples.good()
    shown = suite_text.render(every(), color=False, width=100)
    row = next(line for line in shown.splitlines() if "health" in line)
    assert suite_rows.shown(every().rows[0]) == tuple(row.split()[3:])
    found = suite_rows.figures(every().rows[0])
    assert found is not None and found.requests == result.summary.requests
    assert found.p99_ms == result.latency.service.percentile(99.0) / 1e6


def test_what_is_wrong_is_said_below_with_the_whole() -> None:
    shown = suite_text.render(every(), color=False, width=100)
    assert "no module x" in shown and "its process was ended by SIGKILL" in shown
    assert "http_req_duration{scenario:email}: p(95)<150: " in shown
    assert "FAILED  2 of 7 passed, 4 failed, 1 not run, in 95.20s; exit 120" in shown
    assert shown.rstrip().endswith("a signal ended the suite")
    good = suite_text.render(told(every().rows[0], code=0), color=False, width=100)
    assert "PASSED  1 of 1 passed, in 95.20s\n" in good


def test_a_terminal_without_unicode_gets_ascii() -> None:
    suite_text.render(every(), color=True, width=100, unicode=False).encode("ascii")


def test_a_comparison_is_its_sentence() -> None:
    found = comparing.judged(comparing.scattered(12, 1.1))
    row = Row("a or b", "fastbench compare", 0, "", 80.0, {}, None, found)
    assert suite_rows.reasons(row)[0] in suite_text.render(told(row), color=False, width=300)


@pytest.mark.parametrize("evil", EVIL)
def test_text_from_elsewhere_is_text_in_every_form(evil: str) -> None:
    found = hostile(evil)
    text = suite_text.render(found, color=False, width=100) + suite_text.line(found.rows[0])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    page = read(html_suite.render(found))
    assert len(page.scripts) == 1 and page.comments == 0
    assert not {"img", "iframe", "b", "svg"} & set(page.elements)
    markdown = markdown_suite.render(found)
    assert "<script" not in markdown and "<img" not in markdown
    assert all(line.count(" | ") == 9 for line in markdown.splitlines() if line.startswith("| &"))
    root = Xml.fromstring(junit_suite.render(found).encode())
    assert not list(root.iter("script"))
    json.dumps(suite_rows.document(found), allow_nan=False)


# The page.


def test_the_page_needs_nothing_and_links_only_to_what_lies_beside_it() -> None:
    whole = html_suite.render(every())
    page = read(whole)
    links = re.findall(r'href="([^"]*)"', whole)
    assert set(links) == {*(f"./{name}" for name in FILES.values()), "./c.json"}
    assert len(page.scripts) == 1 and "http-equiv" in whole
    assert "default-src 'none'" in whole and "script-src 'sha256-" in whole
    for row in every().rows:
        assert row.name in page.text and row.what in page.text
    assert "\nFailed\n" in page.text and "no module x" in page.text


@pytest.mark.parametrize(
    "name", ["javascript:alert(1)", "//evil.test/x", "../../x", 'a" onclick="']
)
def test_the_name_of_a_file_never_leads_elsewhere(name: str) -> None:
    whole = html_suite.render(told(replace(every().rows[0], files={"html": name})))
    links = re.findall(r'href="([^"]*)"', whole)
    assert links and all(re.fullmatch(r"\./[A-Za-z0-9%._~-]+", link) for link in links)
    assert "onclick=" not in whole.replace("onclick%3D", "")


needs_browser = pytest.mark.skipif(browser.chromium() is None, reason="no Chromium here")


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_it_without_a_complaint(
    chromium: browser.Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    file = tmp_path / "index.html"
    file.write_text(html_suite.render(every()), "utf-8")
    (tmp_path / "a.html").write_text("<title>a run</title>")
    chromium.look(width, dark=dark)
    chromium.open(file)
    kinds = ("Log.entryAdded", "Runtime.exceptionThrown")
    assert [each for each in chromium.events if each["method"] in kinds] == []
    assert chromium.ask("document.documentElement.scrollWidth") == width
    rows = "[...document.querySelectorAll('#runs tbody tr')].map(r => r.cells[4].textContent)"
    assert chromium.ask(rows)[0] == suite_rows.shown(every().rows[0])[1]
    href = chromium.ask("document.querySelector('#runs a').href")
    assert href == (tmp_path / "a.html").as_uri()


# For programs.


def test_the_markdown_has_a_line_for_each_run() -> None:
    shown = markdown_suite.render(every())
    assert shown.startswith("## fastbench suite: nightly\n\n**FAIL · 2 of 7 passed")
    table = [line for line in shown.splitlines() if line.startswith("| ")]
    assert len(table) == 2 + len(every().rows)
    assert len({line.count("|") for line in table}) == 1
    assert "- typo: t.py, line 3&#58; no module x" in shown


def test_junit_has_every_case_under_the_name_of_its_run() -> None:
    root = Xml.fromstring(junit_suite.render(every()).encode())
    suites = list(root)
    names = [suite.get("name") for suite in suites]
    assert names[:1] == ["health.run"] and "messages.thresholds" in names
    assert {"gone.run", "typo.exit", "killed.exit", "last.exit"} <= set(names)
    for suite in suites:
        cases = list(suite)
        assert int(suite.get("tests", "")) == len(cases)
        for kind in ("failure", "error"):
            assert int(suite.get(f"{kind}s", "")) == sum(c.find(kind) is not None for c in cases)
        assert all(c.get("classname", "").startswith(str(suite.get("name"))) for c in cases)
    for count in ("tests", "failures", "errors"):
        assert int(root.get(count, "")) == sum(int(s.get(count, "")) for s in suites)
    skipped = [c.get("classname") for c in root.iter("testcase") if c.find("skipped") is not None]
    assert skipped == ["last.exit"]


def test_a_run_that_only_its_exit_code_fails_is_a_case_too() -> None:
    regressed = Row("slow", "x", 96, "a regression", 1.0, {}, samples.good())
    root = Xml.fromstring(junit_suite.render(told(regressed)).encode())
    assert [c.get("classname") for c in root.iter("testcase") if c.find("error") is not None] == [
        "slow.exit"
    ]


def test_the_document_says_what_the_table_says() -> None:
    document = json.loads(json.dumps(suite_rows.document(every())))
    assert document["schema"] == "fastbench.suite/1" and document["exit_code"] == 120
    outcomes = [run["outcome"] for run in document["runs"]]
    assert outcomes == [row.outcome for row in every().rows]
    first, second = document["runs"][:2]
    assert first["requests"] == samples.good().summary.requests
    assert first["files"] == FILES and first["verdict"] == "ok"
    assert second["thresholds"]["http_req_duration{scenario:email}: p(95)<150"]["ok"] is False
    assert document["runs"][-1]["exit_code"] is None


def test_every_form_says_which_runs_machines_carried() -> None:
    carried = machine_samples.carried(samples.good())
    carried = replace(carried, config={**carried.config, "on": "tcp://a:8786"})
    fewer = replace(carried, machines=carried.machines[:1])
    count = len(carried.machines)
    rows = [Row(name, "x", 0, "", 1.0, {}, each) for name, each in (("a", carried), ("b", fewer))]
    alone = Row("c", "x", 0, "", 1.0, {}, samples.good())
    suite = told(*rows, alone, code=0)
    words = f"2 runs on 1 to {count} machines of tcp://a:8786"
    assert words in suite_text.render(suite, color=False, width=100)
    assert words in html_suite.render(suite)
    assert f"2 runs on 1 to {count} machines of tcp" in markdown_suite.render(suite)
    runs = suite_rows.document(suite)["runs"]
    assert isinstance(runs, list)
    assert [(each["on"], each["machines"]) for each in runs] == [
        *(("tcp://a:8786", count), ("tcp://a:8786", 1), (None, 0)),
    ]
    assert suite_rows.machines(told(alone)) == []


@pytest.mark.parametrize("limit", [None, 0.05])
def test_a_comparison_without_a_valid_pair_is_not_told_as_judged(limit: float | None) -> None:
    found = replace(comparisons.in_vain(), ended="complete", regression_limit=limit)
    row = Row("sizes", "fastbench compare http://a/ http://b/", 0, "", 9.0, FILES, None, found)
    page = html_suite.render(told(row, code=0))
    assert "⚠ passed" in page and "no valid pair, so no result" in page
    assert "Nothing was judged in sizes." in page
