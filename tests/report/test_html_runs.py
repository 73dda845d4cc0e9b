"""`--html FILE` of a plain run and of a script's: the page stands beside the report, whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import invoke
from html_pages import read
from servers import Server, answering

from fastbench.report.html import html_report
from fastbench.results.result import Result

SCRIPT = """
from fastbench import check, scenario


@scenario(executor="shared-iterations", vus=2, iterations=6)
async def visit(vu):
    answer = await vu.get("/")
    check(answer, {"is <b>200</b>": lambda answer: answer.status == 200})
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def test_a_run_writes_the_page_of_its_document(server: Server, tmp_path: Path) -> None:
    page, document = tmp_path / "new.html", tmp_path / "new.json"
    done = invoke("-n50", "-c2", "--html", str(page), "--json", str(document), server.url())
    assert done.returncode == 0 and "50 requests" in done.stdout
    whole = page.read_text("utf-8")
    assert whole == html_report.render(Result.from_document(json.loads(document.read_bytes())))
    assert f"GET {server.url()}" in read(whole).text and "\n50\n" in read(whole).text


def test_the_page_goes_to_standard_output_and_the_report_to_eyes(server: Server) -> None:
    done = invoke("-n5", "-c1", "--html", "-", server.url())
    assert done.stdout.startswith("<!doctype html>") and done.stdout.endswith("</html>\n")
    assert "5 requests" in done.stderr and "req/s" not in done.stdout


def test_a_script_has_its_page_in_a_folder_that_is_made(server: Server, tmp_path: Path) -> None:
    script, page = tmp_path / "visits.py", tmp_path / "out" / "visits.html"
    script.write_text(SCRIPT)
    flags = ("-q", "--base-url", server.url(), "--threshold", "checks>99%", "--html", str(page))
    assert invoke("run", *flags, str(script)).returncode == 0
    text = read(page.read_text("utf-8")).text
    assert "\nPassed" in text and "is <b>200</b>" in text and "\n100% of 6 passed\n" in text


def test_a_page_that_cannot_be_written_costs_nobody_the_numbers(server: Server) -> None:
    done = invoke("-n5", "-c1", "--html", "/dev/full", server.url())
    assert done.returncode == 121 and "5 requests" in done.stdout
    assert "/dev/full was not written: no space left on device." in done.stderr
