"""Scripts, bodies and results that come from standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import typed_lines
from commandline import invoke
from servers import Server, answering
from typed_lines import URL

from fastbench.cli import main
from fastbench.cli.args import url_args


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with what the lines name."""
    return typed_lines.folder(tmp_path, monkeypatch)


SCRIPT = """
from fastbench import scenario


@scenario(executor="shared-iterations", vus=2, iterations=6)
async def visit(vu):
    await vu.get("/")
    assert __file__.endswith("<stdin>")
"""


def test_a_script_is_read_from_standard_input(here: Path) -> None:
    (here / "beside.py").write_text("PATH = '/beside'\n")
    script = "from beside import PATH\n" + SCRIPT.replace('"/"', "PATH")
    with Server(answering()) as server:
        words = ("run", "-", "-t2", "--json", "out.json", "--base-url", server.url())
        done = invoke(*words, stdin=script, cwd=here)
    assert (done.returncode, server.seen.requests) == (0, 6), done.stderr
    assert set(server.seen.lines) == {b"GET /beside HTTP/1.1"}
    assert "<stdin>" in done.stdout
    assert json.loads((here / "out.json").read_text())["config"]["script"] == "<stdin>"
    assert not list(here.rglob("*stdin*"))


def test_its_dry_run_and_one_iteration_too(here: Path) -> None:
    with Server(answering()) as server:
        plan = invoke("run", "-", "--dry-run", stdin=SCRIPT, cwd=here)
        once = invoke("run", "-", "--debug", "--base-url", server.url(), stdin=SCRIPT, cwd=here)
    assert (plan.returncode, "0 errors" in plan.stdout) == (0, True), plan.stderr
    assert (once.returncode, server.seen.requests) == (0, 1), once.stderr


def test_what_is_wrong_in_it_has_its_line(here: Path) -> None:
    broken = invoke("run", "-", stdin="import os\nos.nothing()\n", cwd=here)
    assert broken.returncode == 107 and "<stdin>, line 2: " in broken.stderr
    syntax = invoke("run", "-", stdin="def f(:\n", cwd=here)
    assert syntax.returncode == 107 and "<stdin>, line 1: " in syntax.stderr
    empty = invoke("run", "-", stdin="\n", cwd=here)
    assert empty.returncode == 1 and "Standard input has no script" in empty.stderr


def test_standard_input_is_read_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-D", "-", "--urls-from-file", "-"]) == 1
    said = "fastbench: -D and --urls-from-file both read standard input; put one in a file.\n"
    assert capsys.readouterr().err == said
    assert main(["run", "-", "-H", "@-"]) == 1
    assert "both read standard input" in capsys.readouterr().err


def test_a_report_behind_a_pipe_reads_it(here: Path) -> None:
    done = invoke("report", "--md", "out.md", stdin=(here / "x.json").read_text(), cwd=here)
    assert (done.returncode, (here / "out.md").exists()) == (0, True), done.stderr


def test_a_report_of_nothing_says_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Mock(isatty=lambda: True))
    assert main(["report"]) == 1
    assert "fastbench --json - URL | fastbench report" in capsys.readouterr().err


def test_a_body_keeps_its_line_breaks_as_with_curl(here: Path) -> None:
    (here / "data").write_bytes(b"a\r\nb\0c")
    sent = {}
    for flag in ("--data", "--data-ascii", "--data-binary", "--data-raw"):
        parsed = url_args.parse([flag, "@data", URL])
        assert isinstance(parsed, url_args.Command)
        sent[flag] = parsed.plan.requests[0].payload.partition(b"\r\n\r\n")[2]
    assert sent == {
        "--data": b"abc",
        "--data-ascii": b"abc",
        "--data-binary": b"a\r\nb\0c",
        "--data-raw": b"@data",
    }
