"""What a run writes, and where: files, pipes and terminals, on good days and on bad ones."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from commandline import Shown, at_once, invoke, valid
from servers import OK, Server, answering, refusing
from terminal import in_terminal

from fastbench.cli.output import formats

FEW = ("-n20", "-c2")
# What would change the answer if it came from where the tests run.
PLAIN = {"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm-256color", "COLUMNS": "100"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def shown(*arguments: str) -> Shown:
    return invoke(*FEW, *arguments, env=PLAIN)


# Files that cannot be written


EVERY = ("--json", *(f"--{form}" for form in formats.FILES))


def test_files_that_cannot_be_written_cost_no_report(server: Server) -> None:
    run = invoke(*FEW, *(f"{flag}=/dev/full" for flag in EVERY), server.url())
    assert run.returncode == 121
    assert "20 requests in" in run.stdout and "20 ok" in run.stdout
    told = "fastbench: /dev/full was not written: no space left on device.\n"
    assert run.stderr == told * len(EVERY)


def test_one_file_that_cannot_be_written_costs_no_other(server: Server, tmp_path: Path) -> None:
    def written(bad: str) -> Shown:
        folder = tmp_path / bad.strip("-")
        folder.mkdir()
        flags = (f"{flag}={'/dev/full' if flag == bad else flag.strip('-')}" for flag in EVERY)
        return invoke(*FEW, *flags, server.url(), cwd=folder)

    for bad, run in zip(EVERY, at_once(partial(written, flag) for flag in EVERY), strict=True):
        assert (run.returncode, "20 ok" in run.stdout) == (121, True)
        assert run.stderr == "fastbench: /dev/full was not written: no space left on device.\n"
        names = {path.name for path in (tmp_path / bad.strip("-")).iterdir()}
        assert names == {flag.strip("-") for flag in EVERY if flag != bad}


def small(limit_bytes: int) -> Callable[[], None]:
    """Return what makes a file too large from so many bytes on."""
    most = resource.RLIM_INFINITY
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, most))


def test_a_disk_that_fills_up_keeps_the_old_content(server: Server, tmp_path: Path) -> None:
    names = [flag.strip("-") for flag in EVERY]
    for name in names:
        (tmp_path / name).write_text("old")
    flags = [f"{flag}={name}" for flag, name in zip(EVERY, names, strict=True)]
    run = invoke(*FEW, *flags, server.url(), cwd=tmp_path, limits=small(100))
    assert (run.returncode, "20 ok" in run.stdout) == (121, True)
    assert run.stderr == "".join(
        f"fastbench: {name} was not written: file too large.\n" for name in names
    )
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        names, "old"
    )


def test_a_live_output_ends_with_a_whole_line(server: Server, tmp_path: Path) -> None:
    """The limit leaves room for the first second of the one, and for less of the other."""
    flags = ("-o", "json=points.json", "-o", "csv=points.csv", "-c1", "-d", "2.2s")
    run = invoke(*flags, server.url(), cwd=tmp_path, limits=small(1600))
    assert run.returncode == 121 and " ok" in run.stdout
    assert run.stderr.count("was not written: file too large.\n") == 2
    assert (tmp_path / "points.json").read_text() == ""
    text = (tmp_path / "points.csv").read_text()
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert text.endswith("\n") and len(rows) > 5 and len({len(row) for row in rows}) == 1


def test_a_pipe_without_reader_still_leaves_the_report(server: Server) -> None:
    def closed(flag: str) -> Shown:
        read_end, write_end = os.pipe()
        os.close(read_end)
        with os.fdopen(write_end, "wb") as pipe:
            return invoke(*FEW, flag, "-", server.url(), stdout=pipe)

    for run in at_once(partial(closed, flag) for flag in EVERY):
        assert (run.returncode, "20 ok" in run.stderr) == (121, True)
        assert "was not written" not in run.stderr, "who closed the pipe knows it"


@pytest.mark.parametrize(
    ("flag", "line"), [("--latency", ("GET http://127", "WARNING")), ("--json", ("{",))]
)
def test_a_reader_of_one_line_gets_that_line(
    flag: str, line: tuple[str, ...], server: Server
) -> None:
    command = (sys.executable, "-m", "fastbench", *FEW, server.url(), flag)
    run = subprocess.run(
        ["bash", "-c", '"$@" | head -1; exit ${PIPESTATUS[0]}', "-", *command],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.startswith(line) and run.stdout.count("\n") == 1
    # It comes in one write, which fits into the pipe: `head` cannot leave before.
    assert (run.returncode, "Traceback" in run.stderr) == (0, False)


def test_a_report_nobody_reads_still_leaves_the_files(server: Server, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    files = ("--json", "out.json", "--csv", "out.csv")
    with os.fdopen(write_end, "wb") as closed:
        run = invoke(*FEW, *files, server.url(), stdout=closed, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (121, "")
    assert valid((tmp_path / "out.json").read_text())["summary"]["ok"] == 20
    assert (tmp_path / "out.csv").read_text().startswith("t_s,")


def test_what_went_wrong_in_the_run_comes_before_what_was_not_written() -> None:
    with refusing() as port:
        run = invoke(*FEW, "--json", "/dev/full", f"http://127.0.0.1:{port}/")
    assert run.returncode == 122
    assert "connection refused" in run.stdout
    assert run.stderr == "fastbench: /dev/full was not written: no space left on device.\n"


# Documents and tables


def test_a_document_stands_alone_on_standard_output(server: Server) -> None:
    spellings = (("--json", "-"), ("--json",), ("--format", "json"))
    for run in at_once(partial(shown, server.url(), *flags) for flags in spellings):
        assert run.returncode == 0
        assert valid(run.stdout)["summary"]["ok"] == 20
        assert "20 ok" in run.stderr and "{" not in run.stderr


def test_a_document_goes_to_standard_output_and_to_a_file(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    run = shown("--format", "json", "--json", str(path), "--quiet", server.url())
    assert (run.returncode, run.stderr) == (0, "")
    assert valid(run.stdout) == json.loads(path.read_bytes())


def test_what_is_meant_for_eyes_keeps_its_shape_beside_a_document(server: Server) -> None:
    run = shown("--json", "-", "--format", "wrk", server.url())
    valid(run.stdout)
    assert re.search(r"^Requests/sec: +[\d.]+$", run.stderr, re.M)


def test_quiet_is_silent_and_still_writes(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    run = shown("--quiet", "--json", str(path), server.url())
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert valid(path.read_text())["summary"]["ok"] == 20


def test_the_table_parses_and_adds_up(server: Server, tmp_path: Path) -> None:
    run = invoke("-c2", "-d", "1300ms", "--csv", "-", "--json", "out", server.url(), cwd=tmp_path)
    document = valid((tmp_path / "out").read_text())
    rows = list(csv.DictReader(io.StringIO(run.stdout), strict=True))
    assert len(rows) in (1, 2) and None not in rows[0]  # a late look takes the rest with it
    summary = document["summary"]
    assert sum(int(row["requests"]) for row in rows) == summary["requests"]
    assert sum(int(row["ok"]) for row in rows) == summary["ok"]
    assert sum(float(row["span_s"]) for row in rows) == pytest.approx(1.3, abs=0.05)
    assert float(rows[0]["t_s"]) == 0 and all(float(row["t_s"]) >= 1 for row in rows[1:])
    told = [row for row in rows if row["p99_ms"]]
    assert all(row in told or int(row["ok"]) < 100 for row in rows), "p99 needs 100 responses"
    assert all(0 < float(row["p50_ms"]) <= float(row["p99_ms"]) for row in told)
    assert {row["timeout_errors"] for row in rows} == {"0"}


def test_scripts_that_read_wrk_read_us(server: Server, tmp_path: Path) -> None:
    arguments = ("-t2", "-c2", "-d1s", "--latency", "--format", "wrk", "--json", "out")
    run = invoke(*arguments, server.url(), cwd=tmp_path, env=PLAIN)
    summary = valid((tmp_path / "out").read_text())["summary"]
    assert run.returncode == 0
    assert run.stdout.startswith(f"Running 1s test @ {server.url()}\n  2 threads and 2 connections")
    rate = re.search(r"^Requests/sec: +(\d+\.\d\d)$", run.stdout, re.M)
    assert rate and float(rate[1]) == pytest.approx(summary["requests_per_s"], rel=0.001)
    assert re.search(r"^Transfer/sec: +\d+\.\d\d[KMG]?B$", run.stdout, re.M)
    number = r" +\d+\.\d\d[a-zA-Z]*"
    assert re.search(rf"^    Latency(?:{number}){{3}} +\d+\.\d\d%$", run.stdout, re.M)
    assert re.search(rf"^    Req/Sec(?:{number}){{3}} +\d+\.\d\d%$", run.stdout, re.M)
    assert re.search(rf"^     99%{number}$", run.stdout, re.M)
    total = re.search(r"^  (\d+) requests in 1\.\d\ds, .+B read$", run.stdout, re.M)
    assert total and int(total[1]) == summary["requests"]
    assert "Socket errors" not in run.stdout and "Non-2xx" not in run.stdout


def test_failed_answers_are_told_as_wrk_tells_them() -> None:
    with Server(answering(OK.replace(b"200 OK", b"503 No"))) as failing:
        run = shown("--format", "wrk", failing.url())
    assert run.returncode == 122
    assert "  Non-2xx or 3xx responses: 20\n" in run.stdout


# Terminals


def test_elsewhere_than_on_a_terminal_nothing_is_coloured_or_moved(server: Server) -> None:
    modes: tuple[tuple[str, ...], ...] = ((), ("--format", "wrk"), ("--json",), ("--debug",))
    for run in at_once(partial(shown, *flags, server.url()) for flags in modes):
        assert run.returncode == 0
        assert not set("\x1b\r") & set(run.stdout + run.stderr)


def test_a_terminal_shows_the_run_while_it_goes_and_the_report_alone_at_the_end(
    server: Server,
) -> None:
    run = in_terminal("-c2", "-d", "1.6s", server.url())
    assert run.code == 0
    assert len(set(re.findall(r"([\d.]+k?) req/s", run.written))) >= 3, "redrawn as it goes"
    assert re.search(r" of 1.6s", run.written) and "━" in run.written
    assert run.written.rindex("\x1b[?25h") > run.written.rindex("\x1b[?25l"), "the cursor is back"
    assert run.colors
    assert "THROUGHPUT" not in run.screen and "━" not in run.screen
    first = run.screen.partition("\n")[0]  # on a busy machine that it was busy
    assert first == f"GET {server.url()}" or first.startswith("WARNING")
    assert f"GET {server.url()}\n" in run.screen and "200: " in run.screen
    assert max(map(len, run.screen.splitlines())) <= 100


SHORT = ("-c2", "-d", "300ms")
SEEN = ("-c2", "-d", "1.2s")  # long enough for the live view on a busy machine


def test_no_color_leaves_the_colours_out(server: Server) -> None:
    by_variable, by_flag = at_once(
        (
            partial(in_terminal, *SEEN, server.url(), env={"NO_COLOR": "1"}),
            partial(in_terminal, *SEEN, "--no-color", server.url()),
        )
    )
    for run in (by_variable, by_flag):
        assert (run.code, run.colors) == (0, [])
        assert "THROUGHPUT" in run.written, "the live view goes on"
        report = run.written[run.written.rindex("GET ") :]
        assert "200: " in report and "\x1b" not in report


def test_nothing_moves_where_nothing_may(server: Server) -> None:
    plain, dumb, quiet = at_once(
        (
            partial(in_terminal, *SHORT, "--no-progress", server.url()),
            partial(in_terminal, *SHORT, server.url(), env={"TERM": "dumb"}),
            partial(in_terminal, *SHORT, "--quiet", server.url()),
        )
    )
    for run in (plain, dumb):
        assert run.code == 0 and "200: " in run.written
        assert "THROUGHPUT" not in run.written and "\x1b[?25" not in run.written
    assert "\x1b" not in dumb.written
    assert (quiet.code, quiet.written) == (0, "")


def test_a_piped_report_is_plain_beside_a_live_view(server: Server) -> None:
    run = in_terminal(*SEEN, server.url(), stdout=False)
    assert (run.code, "THROUGHPUT" in run.written, run.screen.strip()) == (0, True, "")
    assert "200: " in run.piped and "\x1b" not in run.piped
