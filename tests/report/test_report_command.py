"""`fastbench report`: every form of a saved result, and one sentence for what is none."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import scenario_samples
from comparisons import faster
from searches import sample

from fastbench.cli import main
from fastbench.report.export import k6
from fastbench.report.html import html_comparison, html_find
from fastbench.report.markdown import markdown_comparison as markdown_compared
from fastbench.report.markdown import markdown_report
from fastbench.report.text import comparison_text, find_text


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(scenario_samples.messages().to_document()))
    return path


def test_all_files_are_written_from_one_result(saved: Path, tmp_path: Path) -> None:
    names = {flag: tmp_path / f"out.{flag}" for flag in ("html", "md", "junit", "csv", "hdr")}
    flags = [word for flag, path in names.items() for word in (f"--{flag}", str(path))]
    assert main(["report", str(saved), *flags]) == 0
    assert names["md"].read_text() == markdown_report.render(scenario_samples.messages())
    assert Xml.parse(names["junit"]).getroot().tag == "testsuites"
    assert names["html"].read_text().startswith("<!doctype html>")
    assert names["csv"].read_text().count("\n") == 301
    assert names["hdr"].stat().st_size > 0


def test_the_json_of_another_tool_stands_alone(
    saved: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["report", str(saved), "--format", "k6"]) == 0
    assert json.loads(capsysbinary.readouterr().out) == k6.document(scenario_samples.messages())


def test_without_a_flag_it_is_the_report_for_people(
    saved: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["report", str(saved)]) == 0
    assert b"THRESHOLDS" in capsysbinary.readouterr().out


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps(faster().to_document()))
    return path


def test_a_comparison_is_a_page_and_a_comment(compared: Path, tmp_path: Path) -> None:
    page, comment = tmp_path / "out.html", tmp_path / "out.md"
    assert main(["report", str(compared), "--html", str(page), "--md", str(comment)]) == 0
    assert page.read_text("utf-8") == html_comparison.render(faster())
    assert comment.read_text("utf-8") == markdown_compared.render(faster())


@pytest.mark.parametrize("words", [[], ["--format", "text"]])
def test_a_comparison_reads_as_it_did(
    words: list[str],
    compared: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["report", str(compared), *words]) == 0
    shown = capsysbinary.readouterr().out.decode()
    assert shown == comparison_text.render(faster(), color=False, width=100)


def test_a_search_is_a_page_and_reads_as_it_did(
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    found, path, page = sample("found"), tmp_path / "search.json", tmp_path / "out.html"
    path.write_text(json.dumps(found.to_document()))
    assert main(["report", str(path), "--html", str(page), "--format", "text"]) == 0
    assert page.read_text("utf-8") == html_find.render(found)
    shown = capsysbinary.readouterr().out.decode()
    assert shown == find_text.render(found, color=False, width=100)
    assert main(["report", str(path), "--md", "x"]) == 1
    assert b"--md shows one run; a search has --html." in capsysbinary.readouterr().err


@pytest.mark.parametrize("words", [["--csv", "x"], ["--junit", "x"], ["--format", "k6"]])
def test_what_a_comparison_is_not_is_said(
    words: list[str], compared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(compared), *words]) == 1
    told = capsys.readouterr().err
    assert f"{' '.join(words).removesuffix(' x')} shows one run" in told
    assert "a comparison has --html and --md" in told


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no such file or directory."),
        ("{", "it is cut off in line 1, column 2; give a file that --json FILE wrote."),
        ("[]", "is not the result of a run: "),
        ('{"schema": "fastbench.suite/1"}', "is not the result of a run: schema: "),
        ('{"schema": "fastbench.find/1"}', "is not a whole search: objective is missing"),
        ('{"schema": "fastbench.compare/1"}', "is not a whole comparison: verdict is missing"),
    ],
)
def test_what_is_no_result_is_one_sentence(
    content: str | None,
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "result.json"
    if content is not None:
        path.write_text(content)
    assert main(["report", str(path)]) == 1
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("words", [["--md", "-", "--format", "k6"], ["--md", ""], ["--pdf", "x"]])
def test_words_that_cannot_be_are_refused(words: list[str], saved: Path) -> None:
    assert main(["report", str(saved), *words]) == 1


def test_a_file_that_cannot_be_written_is_121(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good.md"
    words = ["--junit", "/dev/full", "--md", str(good)]
    assert main(["report", str(saved), *words]) == 121
    assert "was not written" in capsys.readouterr().err
    assert good.exists()
