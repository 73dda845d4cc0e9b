"""__init__.py: where each command line goes, what is printed, and what it exits with."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

import pytest

import fastbench
from fastbench.cli import main
from fastbench.cli.args import flag_grammar
from fastbench.cli.commands import run_url, serve
from fastbench.cli.debug import debug_url
from fastbench.cli.output.settings import Output
from fastbench.plan.plan import Plan

URL = "http://localhost:8080/"
FASTBENCH = [sys.executable, "-m", "fastbench"]


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["-v"], ["-V", URL]])
def test_version_is_printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr() == (f"fastbench {fastbench.__version__}\n", "")


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    written = capsys.readouterr()
    assert written.out.startswith("fastbench: a benchmarker for HTTP services.")
    assert written.err == ""


@pytest.mark.parametrize("command", flag_grammar.COMMANDS)
def test_the_page_of_a_command_is_no_wider_than_a_terminal(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    for words, most in (["help", command], 40), ([command, "--help", "all"], 400):
        assert main(words) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= 80, max(lines, key=len)
        assert len(lines) <= most


@pytest.mark.parametrize("words", [[], ["-c", "x", URL], ["--nonsense", URL], ["here"]])
def test_a_slip_is_one_line_on_stderr_and_exit_1(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fastbench: ") and err.count("\n") == 1


def test_a_slip_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["-\x1b", URL], ["--\x1b[2J", URL], ["-s", "\x1b]0;x\x07", URL], ["\x9b1m"]):
        assert main(words) == 1
        assert not set(capsys.readouterr().err) & set("\x1b\x07\x9b")


def test_serve_gets_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[list[str]] = []

    def run(words: list[str]) -> int:
        taken.append(words)
        return 7

    monkeypatch.setattr(serve, "main", run)
    assert main(["serve", "--port", "0"]) == 7
    assert taken == [["--port", "0"]]


def test_a_plain_run_gets_its_plan_after_the_notices(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[tuple[Plan, Output]] = []

    def run(plan: Plan, output: Output) -> int:
        taken.append((plan, output))
        return 105

    monkeypatch.setattr(run_url, "run", run)
    assert main(["-t", "3s", URL]) == 105
    ((plan, _),) = taken
    assert plan.load.timeout_s == 3.0
    assert capsys.readouterr() == (
        "",
        "fastbench: -t 3s was read as --timeout 3s; a bare number sets the workers.\n",
    )
    assert main(["-t", "3s", "--quiet", URL]) == 105
    assert taken[1][1].quiet and capsys.readouterr() == ("", "")


def test_another_system_is_told_so_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert main([URL]) == 1
    assert capsys.readouterr().err.startswith("fastbench: Only Linux is supported")


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as closed:
        done = subprocess.run([*FASTBENCH, "--help"], stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (121, b"")


def test_a_full_disk_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*FASTBENCH, "--help"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 121
    assert done.stderr == (
        b"fastbench: standard output was not written: no space left on device.\n"
    )


def test_a_terminal_that_is_not_utf_8_gets_the_page_too() -> None:
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*FASTBENCH, "--help"], capture_output=True, env=ascii_only)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"report RESULT.json" in done.stdout


def test_ctrl_c_before_a_run_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(debug_url, "run", interrupted)
    assert main(["--debug", URL]) == 105
    assert capsys.readouterr() == ("", "")


def test_words_that_are_no_text_are_no_traceback() -> None:
    done = subprocess.run([*FASTBENCH, b"http://\xff/", b"-H\xff"], capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith(b"fastbench: ") and done.stderr.count(b"\n") == 1


def test_version_costs_at_most_three_bare_starts_of_python() -> None:
    bare = [sys.executable, "-I", "-c", "pass"]
    ratios = []
    for _ in range(11):
        base_s, own_s = cpu_s(bare), cpu_s([*FASTBENCH, "--version"])
        ratios.append(own_s / base_s)
    assert statistics.median(ratios) <= 3


def test_version_imports_nothing_heavy() -> None:
    script = (
        "import sys; from fastbench.cli import main; main(['-V']); "
        "print(*(name for name in sys.modules if name.startswith('fastbench')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    found = set(done.stdout.split("\n")[1].split())
    assert found == {
        "fastbench",
        "fastbench.cli",
        "fastbench.cli.help",
        "fastbench.cli.help.pager",
        "fastbench.foundation",
        "fastbench.foundation.exit_codes",
    }


def test_a_refusal_costs_no_heavy_import() -> None:
    script = (
        "import sys; from fastbench.cli import main; main(['-c', 'x', 'http://h/']); "
        "print(*({'ssl', 'rich', 'psutil', 'aiohttp', 'orjson', 'uvloop', 'asyncio'}"
        " & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "\n"


def cpu_s(command: list[str]) -> float:
    """Return the processor time of one child: steadier than the clock on a busy machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
