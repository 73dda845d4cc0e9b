"""`fastbench compare`, whole, on small servers: what it writes, how it ends, what stays behind.

The machine of the tests may be busy, and then trials do not count: what is held here holds for
valid and for other trials alike.
"""

from __future__ import annotations

import functools
import json
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
import samples
from case import answer
from commandline import Shown, at_once, begin, invoke, table_at_once
from running import LIMIT_S, until
from servers import OK, Peer, Server, answering, refusing

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.report.html import html_comparison
from fastbench.report.markdown import markdown_comparison

SCHEMA = Path(__file__).parents[2] / "fastbench/experiments/compare/compare.schema.json"
SHORT = ("--pairs", "8", "--seed", "7", "-c1", "-t1", "-n10", "-W0")
SCRIPTED = ("--pairs", "8", "--seed", "7", "-i", "10", "-t1", "-W100ms", "--script")
NAMES = (
    *("commands", "slower", "script", "fails", "fails quietly", "nobody", "full"),
    *("does not start", "does not load"),
)
SCRIPT = """
from fastbench import scenario


@scenario
async def one(vu):
    await vu.get("/asked")
"""
PLAIN = {"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm-256color", "COLUMNS": "100"}
# Says who it is, then answers; the last word is the port.
SERVER = """
import os, socket, sys, time
print("here is", sys.argv[1], flush=True)
open(sys.argv[1] + ".pid", "a").write(f"{os.getpid()}\\n")
if sys.argv[1] == "broken":
    sys.exit("no such option: --port")
listener = socket.create_server(("127.0.0.1", int(sys.argv[-1])))
while True:
    peer, _ = listener.accept()
    try:
        while peer.recv(4096):
            peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except OSError:
        pass
"""


@functools.cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))


def read(text: str | bytes) -> Comparison:
    """Return the comparison if its document is what the schema describes."""
    document: dict[str, Any] = json.loads(text)
    schema().validate(document)
    return Comparison.from_document(document)


def compare(*words: str, cwd: Path | None = None) -> Shown:
    return invoke("compare", *words, env=PLAIN, cwd=cwd)


def slow(peer: Peer) -> None:
    """Answer after 8 ms."""
    while True:
        peer.request()
        peer.pause(0.008)
        peer.send(OK)


def command(name: str) -> str:
    return shlex.join([sys.executable, "server.py", name]) + " {port}"


def commands(base: str, candidate: str) -> tuple[str, ...]:
    sides = ("--run-base", command(base), "--run-candidate", command(candidate))
    return (*SHORT, *sides, "--url", "http://127.0.0.1:{port}/")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each comparison, with a server and scripts."""
    found = {name: tmp_path_factory.mktemp(name) for name in NAMES}
    for folder in found.values():
        (folder / "server.py").write_text(SERVER)
        (folder / "load.py").write_text(SCRIPT)
        (folder / "broken.py").write_text("1 / 0\n")
    return found


@pytest.fixture(scope="module")
def runs(folders: dict[str, Path]) -> Iterator[dict[str, Shown]]:
    """Make all comparisons, several at once: most of their time is waiting."""
    failing = answer("Content-Length: 0", start="HTTP/1.1 500 Broken")
    with (
        Server(answering()) as fast,
        Server(slow) as other,
        Server(answering(failing)) as broken,
        refusing() as port,
    ):
        nobody = f"http://127.0.0.1:{port}/"
        limit = (*SHORT, "--fail-on-regression", "5%")
        words = {
            "commands": commands("old", "new"),
            "slower": (*SHORT, "--json", "-", "--html", "out.html", fast.url(), other.url()),
            "script": (*SCRIPTED, "load.py", fast.url(""), other.url("")),
            "fails": (*limit, fast.url(), broken.url()),
            "fails quietly": (*limit, "--quiet", fast.url(), broken.url()),
            "nobody": (*SHORT, nobody, nobody),
            "full": (*SHORT, "--json", "/dev/full", nobody, nobody),
            "does not start": commands("broken", "broken"),
            "does not load": (*SCRIPTED, "broken.py", fast.url(), fast.url()),
        }
        assert words.keys() == folders.keys()
        own = {
            name: each if "--json" in each else ("--json", "out.json", *each)
            for name, each in words.items()
        }
        yield table_at_once(
            {name: partial(compare, *own[name], cwd=folders[name]) for name in words}
        )


def written(folder: Path) -> Comparison:
    return read((folder / "out.json").read_bytes())


# Two URLs


def test_a_document_on_standard_output_stands_alone(runs: dict[str, Shown]) -> None:
    run = runs["slower"]
    assert run.returncode == 0
    found = read(run.stdout)
    assert found.interleaved and found.seed == 7 and found.pairs_planned == 8
    assert found.primary == "requests_per_s"
    assert found.config["connections"] == 1
    assert len(found.pairs) == 8 or "invalid_visits" in [each.code for each in found.warnings]
    assert {pair.order for pair in found.pairs} <= {"base first", "candidate first"}


def test_what_is_for_eyes_goes_to_stderr_then(runs: dict[str, Shown]) -> None:
    shown = runs["slower"].stderr
    assert "Candidate http://127.0.0.1:" in shown
    assert re.search("^(DIFFERENT|EQUIVALENT|INCONCLUSIVE)  ", shown, re.M)
    assert "\x1b" not in shown


def test_each_side_is_measured_at_its_own_server(runs: dict[str, Shown]) -> None:
    found = read(runs["slower"].stdout)
    both = [(each.base, each.candidate) for each in found.pairs if each.base and each.candidate]
    assert both
    for base, candidate in both:
        assert base.p50_ms and candidate.p50_ms
        assert candidate.p50_ms > 8
    assert any(base.p50_ms and base.p50_ms < 8 for base, _ in both)
    if found.verdict == "different":
        assert found.ratio and found.ratio < 1


def test_the_page_is_that_of_the_document(runs: dict[str, Shown], folders: dict[str, Path]) -> None:
    found = read(runs["slower"].stdout)
    page = (folders["slower"] / "out.html").read_text("utf-8")
    assert page == html_comparison.render(found)
    if any(pair.valid for pair in found.pairs):
        assert found.latency is not None
        assert found.latency.base.percentile(50) < 8_000_000 < found.latency.candidate.min_ns


def test_requests_that_fail_now_are_a_regression(
    runs: dict[str, Shown], folders: dict[str, Path]
) -> None:
    loud, quiet = runs["fails"], runs["fails quietly"]
    assert (loud.returncode, quiet.returncode) == (96, 96)
    assert "REGRESSION  the candidate fails requests that the base did not fail" in loud.stdout
    assert quiet.stdout == ""
    assert quiet.stderr.startswith("fastbench: --fail-on-regression 5%: ")
    found = written(folders["fails"])
    assert found.regressed and found.verdict == "inconclusive"


def test_a_server_that_is_not_there_is_exit_122_with_a_document(
    runs: dict[str, Shown], folders: dict[str, Path]
) -> None:
    run = runs["nobody"]
    assert run.returncode == 122
    assert "NOTHING SUCCEEDED" in run.stdout
    found = written(folders["nobody"])
    assert (found.ended, found.verdict, found.ratio) == ("nothing_succeeded", "inconclusive", None)


def test_a_document_that_cannot_be_written_costs_no_report(runs: dict[str, Shown]) -> None:
    run = runs["full"]
    assert run.returncode == 122, "what went wrong first"
    assert "fastbench: /dev/full was not written: no space left on device.\n" in run.stderr
    assert "NOTHING SUCCEEDED" in run.stdout


def test_ctrl_c_ends_it_with_what_there_is(tmp_path: Path) -> None:
    with Server(slow) as server:
        words = ("compare", "--pairs", "8", "--visit", "30s", "-c2", "-t1", "--json", "out.json")
        with begin(*words, server.url(), server.url(), cwd=tmp_path) as process:
            try:
                until(lambda: server.open_connections > 0)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=LIMIT_S)
            finally:
                process.kill()
        assert process.returncode == 105, err
        until(lambda: server.open_connections == 0)
    assert "PARTIAL  interrupted after 0 of 8 pairs" in out
    assert "Traceback" not in err
    assert written(tmp_path).ended == "interrupted"


# Commands


def test_servers_are_started_for_each_visit_and_none_is_left(
    runs: dict[str, Shown], folders: dict[str, Path]
) -> None:
    run, folder = runs["commands"], folders["commands"]
    assert run.returncode == 0, run.stderr
    found = written(folder)
    assert found.base == command("old")
    lists = [(folder / f"{name}.pid").read_text().split() for name in ("old", "new")]
    pids = [int(line) for each in lists for line in each]
    assert len(set(pids)) == len(pids) >= 2 * len(found.pairs) >= 4, "a fresh one for each visit"
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert "here is" not in run.stdout + run.stderr, "its output is for failures"


def test_what_a_server_wrote_is_shown_when_it_does_not_start(
    runs: dict[str, Shown], folders: dict[str, Path]
) -> None:
    run = runs["does not start"]
    for log in re.findall(r"(?:its whole output|all it wrote) is in (\S+)\.$", run.stderr, re.M):
        Path(log).unlink(missing_ok=True)
    assert run.returncode == 122
    assert "ended with status 1 before it was ready" in run.stderr
    assert "here is broken\nno such option: --port\n" in run.stderr
    found = written(folders["does not start"])
    assert (found.ended, found.pairs) == ("nothing_succeeded", ())


# Scripts


def test_a_script_visits_both_sides(runs: dict[str, Shown], folders: dict[str, Path]) -> None:
    assert runs["script"].returncode == 0, runs["script"].stderr
    found = written(folders["script"])
    assert (found.primary, found.config["script"]) == ("requests_per_s", "load.py")
    assert found.config["warmup_s"] == 0.1
    both = [(each.base, each.candidate) for each in found.pairs if each.base and each.candidate]
    assert both
    assert all(candidate.p50_ms and candidate.p50_ms > 8 for _, candidate in both)
    assert any(base.p50_ms and base.p50_ms < 8 for base, _ in both)


def test_a_script_that_does_not_load_is_exit_107(runs: dict[str, Shown]) -> None:
    run = runs["does not load"]
    assert run.returncode == 107
    assert "broken.py" in run.stderr and "division by zero" in run.stderr


# Saved results


def test_two_saved_results_are_compared_with_a_caution(tmp_path: Path) -> None:
    good = samples.good()
    half = replace(good, summary=replace(good.summary, duration_s=60.0), series=())
    for name, result in (("old.json", good), ("new.json", half)):
        (tmp_path / name).write_text(json.dumps(result.to_document()))
    limit = ("--fail-on-regression", "5%")
    runs = at_once(
        partial(compare, *words, cwd=tmp_path)
        for words in (
            ("old.json", "new.json", "--json", "out.json", "--md", "out.md"),
            ("old.json", "new.json", *limit, "--save-baseline", "next"),
            ("new.json", "old.json", *limit, "--save-baseline", "main"),
        )
    )
    assert [run.returncode for run in runs] == [0, 96, 0]
    assert "not interleaved: drift cannot be excluded" in runs[0].stdout
    assert "candidate is 50 % slower, one run each" in runs[0].stdout
    found = read((tmp_path / "out.json").read_bytes())
    assert (found.base, found.candidate, found.interleaved) == ("old.json", "new.json", False)
    assert (tmp_path / "out.md").read_text() == markdown_comparison.render(found)
    assert "the baseline next was not saved: this run is a regression." in runs[1].stderr
    kept = sorted(path.name for path in (tmp_path / ".fastbench" / "baselines").iterdir())
    assert kept == ["main.json"]


# The live view
