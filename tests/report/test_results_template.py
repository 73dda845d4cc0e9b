"""Results filled into templates: our own page of a plan, and those of users."""

from __future__ import annotations

import html as html_of
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import samples
import scenario_samples
from commandline import invoke
from searches import sample
from servers import Server, answering

from fastbench.cli import main
from fastbench.report.markdown import results_template, template_sandbox
from fastbench.report.markdown.results_template import Unfillable, render
from fastbench.results.metric_values import Judgement
from fastbench.results.result import Result

MISSED = Judgement(False, 312, -0.56, "warn", False, "312ms", "missed")
KEPT = Judgement(True, 0.0, 1.0, "fail", False, "0%")
GOALS = {"p95 <200 target, <500 critical": MISSED, "errors<1%": KEPT}


def filled(folder: Path, text: str) -> str:
    path = folder / "page.j2"
    path.write_text(text)
    return render(scenario_samples.messages(), str(path))


def test_the_page_of_a_plan(golden: Callable[[str, str], None]) -> None:
    run = replace(scenario_samples.messages(), thresholds=GOALS)
    golden("results_plan.md", render(run, "plan", sample("found")))


@pytest.mark.parametrize(
    "run", [samples.good, samples.failing, samples.refused, samples.worker_lost, samples.hostile]
)
def test_every_run_fills_the_page(run: Callable[[], Result]) -> None:
    page = render(run(), "plan")
    assert page.startswith("# Load test results - ")
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        *("## Test configuration", "## Performance metrics", "## Resource utilization"),
        *("## Issues found", "## Bottlenecks identified", "## Capacity limits"),
        *("## Recommendations", "## PASS/FAIL"),
    ]
    assert "\x1b" not in page and "<script" not in page


@pytest.mark.parametrize("run", [samples.good, samples.refused, samples.hostile])
def test_every_run_fills_the_page_in_html(run: Callable[[], Result]) -> None:
    page = render(replace(run(), thresholds=GOALS), "plan", form="html")
    assert page.startswith("<!doctype html>") and page.count("<h2>") == 8
    assert "p95 &lt;200 target, &lt;500 critical: " in page and page.count("☑") == 1
    assert "\x1b" not in page and "<script" not in page


def test_a_template_of_html_escapes_what_is_filled_in(tmp_path: Path) -> None:
    for name, title in (("page.html.j2", "&lt;b&gt;"), ("PAGE.HTM", "&lt;b&gt;"), ("p.j2", "<b>")):
        (tmp_path / name).write_text("{{ title }}")
        run = scenario_samples.messages()
        run = replace(run, config={**run.config, "script": "<b>"})
        assert render(run, str(tmp_path / name)) == title


def test_a_run_fills_its_files(tmp_path: Path) -> None:
    md, html, json_ = (str(tmp_path / name) for name in ("r.md", "r.html", "r.json"))
    with Server(answering()) as server:
        words = ("-n50", "-c1", "-t1", "--threshold", "p95 <1s target", server.url("/"))
        every = ("--template", "plan", "--md", md, "--html", html, "--json", json_)
        run = invoke(*every, *words)
        assert (run.returncode, run.stderr) == (0, "")
        (tmp_path / "bad.j2").write_text("{{ nothing }}")
        bad = invoke("--template", str(tmp_path / "bad.j2"), "--md", md, "--json", json_, *words)
    assert bad.returncode == 121 and bad.stderr.endswith("bad.j2`: 'nothing' is undefined.\n")
    saved = Result.from_document(json.loads(Path(json_).read_text()))
    assert saved.summary.requests == 50
    page = Path(md).read_text()  # the one of the first run: what cannot be filled replaces nothing
    assert page.startswith("# Load test results")
    assert "- [x] p95 <1s target: met: " in html_of.unescape(page)
    assert Path(html).read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--template", "plan"), "--template fills the file of --md; add --md FILE."),
        (("--template", "x.html", "--md", "x.md"), "fills the file of --html; add --html FILE."),
        (("--template", "none.j2", "--md", "x.md"), "No such file or directory; fastbench's own"),
    ],
)
def test_a_template_is_checked_before_the_load(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "http://localhost:9/"]) == 1
    assert said in capsys.readouterr().err


def test_a_template_of_ones_own_gets_numbers_and_text(tmp_path: Path) -> None:
    run = scenario_samples.messages()
    text = "{{ requests }} {{ operations[-1].p95 }} {{ operations[-1].p95_ms | ms }} "
    text += "{{ document.summary.ok }} {{ duration_s | seconds }}"
    ok, p95 = run.summary.ok, results_template.context(run)["operations"][-1]["p95"]
    assert filled(tmp_path, text).split()[:4] == [str(run.summary.requests), p95, p95, str(ok)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ nosuch }}", "'nosuch' is undefined."),
        ("a\n{% if %}", "line 2: Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", "is unsafe"),
        ("{% include '/etc/passwd' %}", "page.j2`"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 'x' * 3 | ms }}", "page.j2`"),
        ("{{ 'x' * 10**10 }}", "* makes something too long"),
        ("{{ [1, 2] * 10**8 }}", "* makes something too long"),
        ("{{ 9**99999 }}", "** makes something too long"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "it never ends"),
        ("{% for a in range(999) %}{{ 'x' * 100000 }}{% endfor %}", "more than 10,000,000 char"),
    ],
)
def test_a_template_that_cannot_be_filled_is_one_sentence(
    tmp_path: Path, text: str, why: str
) -> None:
    with pytest.raises(Unfillable) as told:
        filled(tmp_path, text)
    assert why in str(told.value) and "\n" not in str(told.value)


def test_a_template_that_loops_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_sandbox, "LIMIT_S", 0.05)
    loop = "{% for a in range(90000) %}" * 3 + "{% endfor %}" * 3
    with pytest.raises(Unfillable, match="it was not filled within"):
        filled(tmp_path, loop)
    assert filled(tmp_path, "{{ 2**10 }} {{ 3 * 4.5 }} {{ 2 * 'ab' }}") == "1024 13.5 abab"


def test_a_file_that_is_no_template_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    (tmp_path / "large").write_bytes(b"x" * (results_template.MAX_BYTES + 1))
    for name, why in (("binary", "no text"), ("large", "larger"), ("none", "--template plan")):
        with pytest.raises(Unfillable, match=why):
            render(samples.good(), str(tmp_path / name))


def test_without_jinja_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, template_sandbox.__name__)
    with pytest.raises(Unfillable, match=r"jinja2: .*template"):
        render(samples.good(), "plan")


def test_report_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, search = tmp_path / "run.json", tmp_path / "find.json"
    run.write_text(json.dumps(scenario_samples.messages().to_document()))
    search.write_text(json.dumps(sample("found").to_document()))
    assert main(["report", str(run), "--template", "plan", "--search", str(search)]) == 0
    assert "Highest rate that met its objective" in capsys.readouterr().out
    assert main(["report", str(run), "--template", "plan", "--search", str(run)]) != 0
    assert "is no search" in capsys.readouterr().err
    assert main(["report", str(search), "--template", "plan"]) != 0
    assert "--template shows one run" in capsys.readouterr().err
    assert main(["report", str(run), "--template", "plan", "--md", "-"]) == 0
    assert capsys.readouterr().out.startswith("# Load test results")
    assert main(["report", str(run), "--template", "plan", "--csv", "-"]) != 0
    assert "only one form" in capsys.readouterr().err
