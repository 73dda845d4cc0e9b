"""`fastbench find` as it is typed: against a server of a known capacity, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
from commandline import begin, invoke
from embedded import DEADLINE_S, serving
from running import until
from servers import refusing

from fastbench.cli import main
from fastbench.cli.args import find_args
from fastbench.cli.commands.find import at_rate
from fastbench.experiments.find.find_document import Found
from fastbench.foundation.usage_error import UsageError
from fastbench.report.html import html_find

URL = "http://127.0.0.1:9/"
SCHEMA = Path(__file__).parents[2] / "fastbench/experiments/find/find.schema.json"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, address):
        yield address


def command(*words: str) -> find_args.Command:
    found = find_args.parse(["--slo", "p99<50ms", *words, URL])
    assert isinstance(found, find_args.Command)
    return found


def searched(*words: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Search, the document on standard output."""
    done = invoke("find", "--json", *words)
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_bytes()), jsonschema.Draft202012Validator)
    return done, document


@pytest.mark.alone
def test_a_known_capacity_is_found(url: str) -> None:
    # An excess of 10 % makes half of the requests wait for more than 25 ms after 0.25 s. The median
    # does not move when a busy machine holds a few requests up, as the 99th percentile does.
    done, found = searched(
        *("--slo", "p50<15ms", "--from", "300", "--to", "2k", "--precision", "20%", "-d0.3s"),
        *("-W0.1s", "-c50", f"{url}/limited/400"),
    )
    assert done.returncode == 0, done.stderr
    assert found["ended"] == "found"
    assert 320 <= found["rate"] <= 460
    low, high = found["interval"]
    assert low is None or low <= found["rate"] < high
    assert found["config"]["url"] == f"{url}/limited/400"
    assert found["config"]["command"][:2] == ["fastbench", "find"]
    lines = done.stderr.splitlines()
    assert "300 req/s" in lines[0] and "passed" in lines[0]
    steps = [line for line in lines if "req/s   p99" in line or "req/s   max" in line]
    assert len(steps) == len(found["steps"])
    # On a busy machine it goes on: "seen to hold …".
    assert any(line.startswith("Result") and "is the highest rate" in line for line in lines)


def test_errors_are_a_limit_too(url: str, tmp_path: Path) -> None:
    page = tmp_path / "search.html"
    done, found = searched(
        *("--slo", "errors<20%", "--from", "60", "--to", "60", "-d0.2s", "-W0"),
        *("--html", str(page), f"{url}/limited/10?over=reject"),
    )
    assert page.read_text("utf-8") == html_find.render(Found.from_document(found))
    assert (done.returncode, found["ended"], found["rate"]) == (99, "none", None)
    assert "responses were 429" in " ".join(found["reasons"])


def test_the_most_that_may_be_asked_is_enough(url: str) -> None:
    done = invoke(
        *(
            "find",
            "--slo",
            "p50<1s",
            "--from",
            "50",
            "--to",
            "50",
            "-d0.2s",
            "-W0",
            "--no-progress",
        ),
        f"{url}/health",
    )
    assert done.returncode == 0
    assert "50 req/s, the highest rate to try, meets p50<1s" in done.stdout
    assert done.stderr == ""


def test_nobody_there_is_exit_122() -> None:
    with refusing() as port:
        done, found = searched("--slo", "p99<1s", "-d0.2s", "-W0", f"http://127.0.0.1:{port}/")
    assert (done.returncode, found["ended"], found["rate"]) == (122, "nothing_succeeded", None)
    assert "refused" in " ".join(found["reasons"])
    assert len(found["steps"]) == 1


@pytest.mark.parametrize(("ended", "code"), [("interrupted", 105), ("lost", 120)])
def test_what_ends_it_early_leaves_a_document(url: str, ended: str, code: int) -> None:
    words = ("--slo", "p99<1s", "--json", "-d0.2s", "-W0", "--from", "10", f"{url}/health")
    with begin("find", *words) as process:
        assert process.stderr is not None and process.stdout is not None
        first = process.stderr.readline()  # one step is done
        if ended == "lost":
            until(lambda: _killed_child(process.pid))
        else:
            process.send_signal(signal.SIGINT)
        document = json.loads(process.stdout.read())
        assert process.wait(DEADLINE_S) == code
    assert "passed" in first
    assert (document["ended"], document["rate"]) == (ended, document["steps"][-1]["rate"])
    assert document["interval"][1] is None
    why = " ".join(document["reasons"])
    assert ("req/s the process that measured ended by SIGKILL" in why) == (ended == "lost")


def _killed_child(pid: int) -> bool:
    """Kill the process that measures; false while there is none."""
    children = psutil.Process(pid).children()
    for each in children:
        each.kill()
    return bool(children)


def test_the_words_of_a_plain_run_are_those_of_each_step() -> None:
    found = command("-H", "X-A: 1", "-c", "7", "-t", "2", "-d", "3s", "-W", "2s", "--to", "5k")
    load = at_rate(found.plan, 321).load
    assert (load.connections, load.workers, load.duration_s, load.warmup_s) == (7, 2, 3.0, 2.0)
    assert load.pace is not None and load.pace.rates and load.pace.peak == 321
    assert b"X-A: 1" in found.plan.requests[0].payload
    assert (found.request.visit_s, found.request.where.most) == (3.0, 5000)
    assert found.config["slo"] == ["p99<50ms", "errors<1%"]
    assert "rate" not in found.config


def test_without_words_there_are_sane_ones() -> None:
    found = command()
    load = found.plan.load
    assert (load.connections, load.duration_s, load.warmup_s) == (100, 5.0, 1.0)
    where = found.request.where
    assert (where.first, where.least, where.precision) == (100, 2, 0.02)
    assert command("--to", "30").request.where.first == 30
    assert command("--arrival", "poisson").plan.load.pace.arrival == "poisson"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-R", "5"], "--from and --to"),
        (["--stages", "1s:5"], "--from and --to"),
        (["-n", "5"], "measured time per rate"),
        (["--threshold", "p99<5ms"], "--slo"),
        (["--baseline", "x"], "fastbench compare"),
        (["--format", "wrk"], "text or json"),
        (["--debug"], "fastbench --debug URL"),
        (["--slo", "rps>5"], "the rate is the result of the search"),
        (["--slo", "p99>5ms"], "stay below"),
        (["--precision", "x"], "--precision"),
        (["--precision", "0.01%"], "--precision"),
        (["--from", "0"], "--from"),
        (["--from", "x"], "--from"),
        (["--to", "10", "--from", "20"], "--from 20"),
        (["--max-time", "1s"], "one run"),
        (["--max-time", "x"], "--max-time"),
        (["--from"], "There is no URL"),
        (["--slow", "5"], "--slo"),
    ],
)
def test_a_slip_is_one_sentence(words: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        command(*words)


def test_without_an_objective_it_says_how_to_write_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", URL]) == 1
    assert "--slo 'p99<50ms'" in capsys.readouterr().err


def test_its_page_fits_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("fastbench find: ")
    assert max(map(len, lines)) <= 100
    for flag in find_args.FLAGS.own:
        assert any(flag in line for line in lines), flag


@pytest.mark.parametrize(
    "slo", ["service: drift<10%", "p99 - p50 < 9ms", "p99 <50 target, <90 critical"]
)
def test_an_objective_is_an_aggregate_with_one_limit(
    slo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["find", "--slo", slo, "http://127.0.0.1:1/"]) != 0
    assert "is an aggregate of one metric with one limit" in capsys.readouterr().err
