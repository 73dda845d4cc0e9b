"""Commands without a terminal, on real servers: lines on stderr while they go, and no more."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from commandline import Shown, at_once, invoke, table_at_once
from servers import Server, answering
from terminal import in_terminal

FAST = ("--progress-every", "200ms")
LOAD = ("-c2", "-t1", "-d", "1500ms")
# On a busy machine no request may have ended before a line.
RUN = re.compile(
    r"fastbench: \S+ of 1\.5s  \S+ req/s  (p50 \S+  p95 \S+  p99 \S+  )?(0 failed  )?2 connect"
)
SCRIPT = """
from fastbench import scenario, setup, sleep, teardown

@setup
async def before(vu):
    await sleep(0.7)
    return {}

@scenario(executor="constant-vus", vus=2, duration="1.2s")
async def load(vu):
    await vu.get("/")

@teardown
async def after(vu, data):
    await sleep(0.7)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lines") / "load.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture(scope="module")
def runs(server: Server, script: Path) -> dict[str, Shown]:
    url, base = server.url(), ("--base-url", server.url())
    lines = {
        "url": (*LOAD, *FAST, url),
        "quiet": (*LOAD, *FAST, "--quiet", url),
        "no progress": (*LOAD, *FAST, "--no-progress", url),
        "off": (*LOAD, "--progress-every", "off", url),
        "zero": (*LOAD, "--progress-every", "0", url),
        "usual": (*LOAD, url),
        "warm": ("-c2", "-t1", "-d1", "-W", "1s", *FAST, url),
        "fails": (*LOAD, *FAST, "--threshold", "p99<1us", url),
        "json": (*LOAD, *FAST, "--json", "-", url),
        "script": ("run", "-t1", *FAST, *base, str(script)),
        "two": ("run", "-t1", *FAST, *base, str(script), str(script)),
        "slices": ("compare", "-c2", "-t1", "--time", "2s", *FAST, url, url),
        "three": ("compare", "-c2", "-t1", "--time", "2s", *FAST, url, url, url),
        "find": ("find", "-c2", "-t1", "-d1", "--to", "200", "--slo", "p99<1s", *FAST, url),
        "waits": ("-n1", "--wait-for", "http://127.0.0.1:1/,1s", *FAST, url),
    }
    return table_at_once({name: partial(invoke, *words) for name, words in lines.items()})


def lines_of(run: Shown, pattern: str | re.Pattern[str]) -> list[str]:
    return [line for line in run.stderr.splitlines() if re.match(pattern, line)]


def test_every_line_fits_a_log(runs: dict[str, Shown]) -> None:
    every = [line for run in runs.values() for line in run.stderr.splitlines()]
    told = [line for line in every if "  " in line]
    assert len(told) > 20 and max(map(len, told)) <= 100
    assert all(line.isascii() for line in told if line.startswith("fastbench: "))


def test_a_run_of_urls_tells_how_it_goes_and_its_report_stays_as_it_is(
    runs: dict[str, Shown],
) -> None:
    found = runs["url"]
    assert found.returncode == 0 and len(lines_of(found, RUN)) >= 4
    assert any("p95" in line for line in lines_of(found, RUN))
    assert "200: " in found.stdout and "fastbench:" not in found.stdout
    assert runs["json"].stdout.startswith("{") and len(lines_of(runs["json"], RUN)) >= 4


@pytest.mark.parametrize("name", ["quiet", "no progress", "off", "zero", "usual"])
def test_nothing_is_told_where_nothing_is_wanted_or_the_run_is_short(
    runs: dict[str, Shown], name: str
) -> None:
    assert (runs[name].returncode, runs[name].stderr) == (0, "")


def test_a_warm_up_and_a_threshold_that_fails_are_in_the_line(runs: dict[str, Shown]) -> None:
    assert len(lines_of(runs["warm"], r"fastbench: warming up \S+  ")) >= 2
    assert len(lines_of(runs["warm"], r"fastbench: \S+ of 1s  ")) >= 2
    assert lines_of(runs["fails"], r".*  fails: p99<1us(  |$)")


def test_what_is_around_the_load_of_a_script_is_told(runs: dict[str, Shown]) -> None:
    for what in ("setup", "teardown"):
        assert len(lines_of(runs["script"], rf"fastbench: \d+ms  {what}$")) >= 2
    assert lines_of(runs["script"], r"fastbench: \S+ of 1\.2s  .*2 VUs$")
    for number in (1, 2):
        assert lines_of(runs["two"], rf"fastbench: ~\S*load \({number}\): \S+ of 1\.2s  .*2 VUs$")


def test_a_comparison_tells_its_pairs(runs: dict[str, Shown]) -> None:
    assert lines_of(runs["slices"], r"fastbench: \S+  pilot: looking for a length of slices$")
    last = lines_of(
        runs["slices"], r"fastbench: \S+ of 2s  (\d+ pairs?  )?requests/s .*base .*cand"
    )
    assert last and re.search(r"  requests/s [-+]?[0-9.]+ %", last[-1])
    assert lines_of(runs["three"], r"fastbench: \S+ of 2s  (\d+ pairs?  )?requests/s  http")


def test_a_search_tells_where_it_is(runs: dict[str, Shown]) -> None:
    found = lines_of(runs["find"], r"fastbench: \S+, run 2(, warming up)?  \S+ of 200 req/s  holds")
    assert found and runs["find"].returncode == 0


def test_a_server_that_is_waited_for_is_named(runs: dict[str, Shown]) -> None:
    assert runs["waits"].returncode == 122
    assert len(lines_of(runs["waits"], r"fastbench: \d+ms of 1s  waiting for http://127")) >= 2


def test_a_terminal_has_a_view_and_no_lines(server: Server) -> None:
    view, dumb = at_once(
        (
            partial(in_terminal, *LOAD, *FAST, server.url()),
            partial(in_terminal, *LOAD, *FAST, server.url(), env={"TERM": "dumb"}),
        )
    )
    assert not re.search(RUN, view.written) and "THROUGHPUT" in view.written
    assert len(re.findall(RUN, dumb.written)) >= 4, "what cannot be drawn on is a log"


def test_one_pipe_for_both_keeps_their_order(server: Server) -> None:
    words = (*LOAD, *FAST, "--json", "-", server.url())
    both = subprocess.run(
        [sys.executable, "-m", "fastbench", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    report = both.index("GET http")
    assert both.rindex("fastbench: ", 0, report) < report
    assert "fastbench: " not in both[report:].partition("{")[0], "no line after the report"


def test_a_suite_names_each_run_in_its_lines(server: Server, tmp_path: Path) -> None:
    suite = tmp_path / "two.toml"
    rows = "".join(
        f'[[run]]\nname = "{name}"\nurl = "{server.url()}"\nduration = "1.5s"\nconnections = 2\n'
        for name in ("home", "list")
    )
    suite.write_text(f'[suite]\nname = "s"\n{rows}')
    loud, without = at_once(
        partial(invoke, "suite", str(suite), "-o", str(tmp_path / flags[0]), *flags)
        for flags in (FAST, ("--no-progress",))
    )
    for at, name in enumerate(("home", "list"), 1):
        pattern = rf"fastbench: {name} \({at} of 2\): \S+ of 1\.5s  \S+ req/s  "
        assert len(lines_of(loud, pattern)) >= 3
        assert lines_of(loud, rf"fastbench: {at} of 2, {name}: ") == lines_of(
            without, rf"fastbench: {at} of 2, {name}: "
        )
    assert lines_of(without, r".* of 1\.5s  ") == []


@pytest.mark.parametrize("value", ["soon", "-1s", "50ms", "2d", ""])
@pytest.mark.parametrize("command", ["", "run", "compare", "find", "suite"])
def test_a_wrong_interval_is_one_sentence(command: str, value: str) -> None:
    words = ("FILE.py",) if command == "run" else ("http://127.0.0.1:1/",) * 2
    flags = ("--slo", "p99<1s") if command == "find" else ()
    words = words[:1] if command in ("", "find", "suite") else words
    run = invoke(*filter(None, (command,)), *flags, f"--progress-every={value}", *words)
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr.splitlines() == [
        "fastbench: --progress-every takes a time from 100ms to 24h, as in --progress-every 30s, "
        "or off."
    ]
