"""Runs answer for their thresholds: in the document, in the report, by the exit code."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from case import answer
from commandline import at_once, invoke, measured, valid
from samples import HOSTILE, good
from servers import OK, Peer, Server, answering

from fastbench.plan.workload import Pace, Stage
from fastbench.report.text import text_report
from fastbench.results.metric_values import Judgement
from fastbench.run import run_thresholds

ERROR = answer("Content-Length: 0", start="HTTP/1.1 500 Broken")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def test_stages_of_a_plan_follow_each_other() -> None:
    pace = Pace(rates=True, stages=(Stage(2, 0, 5), Stage(math.inf, 5, 5)))
    assert run_thresholds.spans(pace) == {"1": (0, 2), "2": (2, math.inf)}
    assert run_thresholds.spans(None) == {}


def test_a_run_answers_for_its_thresholds(server: Server) -> None:
    written = (
        *("errors<1%", "requests>=50", "p99<1ns", "max<1ns [warn]", "timeouts<1"),
        *("http_req_failed: rate==0", "data_received: count>1MiB", "lag: p(99)<1s"),
    )
    flags = [part for each in written for part in ("--threshold", each)]
    run = measured("-n50", "-c2", *flags, server.url())
    assert run.code == 99
    found = run.document["thresholds"]
    assert [name for name in written if found[name]["ok"]] == [
        *("errors<1%", "requests>=50", "timeouts<1", "http_req_failed: rate==0"),
    ]
    assert run.document["thresholdsFailed"] is True
    assert found["requests>=50"]["observed"] == 50
    assert found["requests>=50"]["near"] is True
    assert found["p99<1ns"]["text"].split(" (")[1].startswith("service time)")
    assert found["lag: p(99)<1s"]["text"] == "no samples", "nothing was planned"
    lines = run.out.splitlines()
    top = next(at for at, line in enumerate(lines) if line.startswith("THRESHOLDS"))
    assert lines[top] == "THRESHOLDS  4 of 8 failed"
    assert top < next(at for at, line in enumerate(lines) if "50 requests in" in line)
    assert [line[2] for line in lines[top + 1 :] if line[2:3].strip()][:8] == list("✗✗✗⚠⚠✓✓✓")


def test_exit_codes_tell_broken_thresholds_from_kept_ones(server: Server) -> None:
    few = ("-n20", "-c2", "--no-progress", server.url())
    cases = {
        ("--threshold", "errors<1%"): 0,
        ("--threshold", "errors>1%"): 99,
        ("--threshold", "errors>1% [warn]"): 0,
        ("--threshold", "errors<1%", "--threshold", "p99<1ns", "--quiet"): 99,
        ("--threshold", "nonsense<1%"): 1,
        ("--threshold", "errors<1% [stage=2]"): 1,
    }
    done = at_once([lambda flags=flags: invoke(*few, *flags) for flags in cases])  # type: ignore[misc]
    assert [each.returncode for each in done] == list(cases.values())
    assert "there is no metric nonsense" in done[4].stderr


def half_failing(peer: Peer) -> None:
    """Answer every second request with 500, and the tenth not at all."""
    for number in itertools.count(1):
        peer.request()
        if number == 10:
            peer.stall()
        peer.send(ERROR if number % 2 else OK)


def test_failed_and_late_answers_are_errors() -> None:
    limits = ("--threshold", "errors<50%", "--threshold", "timeouts<1", "--threshold", "errors<90%")
    with Server(half_failing) as server:
        run = measured("-n10", "-c1", "--timeout", "300ms", *limits, server.url())
    found = {name: row["observed"] for name, row in run.document["thresholds"].items()}
    assert found == {"errors<50%": 0.6, "timeouts<1": 1, "errors<90%": 0.6}
    assert run.code == 99


def test_planned_requests_are_held_by_their_response_time(server: Server) -> None:
    run = measured("-R100", "-d1s", "-c1", "--threshold", "p50<1ns", server.url())
    assert run.code == 99
    assert "(response time)" in run.document["thresholds"]["p50<1ns"]["text"]


def test_a_broken_threshold_may_end_the_run(server: Server) -> None:
    written = "p99<1ns [abort]"
    run = measured("-c1", "-d60s", "--threshold", written, server.url())
    assert run.code == 99
    assert run.elapsed_s < 20
    assert run.summary["ended"] == "threshold_aborted"
    assert run.document["validity"]["verdict"] == "incomplete"
    assert "ABORTED" in run.out
    assert f"`{written}` failed" in run.out


def test_stages_and_last_seconds_of_a_plain_run_are_parts_of_it(server: Server) -> None:
    """A busy machine may look late at the end of a stage: what one stage gains, the next loses."""
    limits = [f"requests>0 [{part}]" for part in ("stage=1", "stage=2", "last=1500ms")]
    flags = [word for limit in limits for word in ("--threshold", limit)]
    run = measured("-R200", "--stages", "1s:200,1s:50", *flags, "-w", "-c2", server.url())
    first, second, last = (run.document["thresholds"][limit]["observed"] for limit in limits)
    assert run.code == 0
    assert run.summary["requests"] == 325, "200, then from 200 to 50 per second"
    late = 2 + 200 * run.document["latency_ms"]["response"]["max"] / 1000  # ended in no stage
    assert 325 - late <= first + second <= 325
    assert second < last < 325, "half a second more, and not all"


def test_nothing_listening_fails_a_threshold_without_samples() -> None:
    run = measured("-c1", "-d1s", "--threshold", "p99<1s", "http://127.0.0.1:1/")
    assert run.code == 99
    assert run.document["thresholds"]["p99<1s"]["text"] == "no samples"


# Runs of scripts.

SCRIPT = """
from fastbench import Counter, Options, Trend, check, env, scenario

options = Options(
    base_url=env("BASE_URL"),
    thresholds={
        "calls{kind:even}": [{"threshold": "count==20", "level": "warn"}, "count<20"],
        "size{kind:odd,scenario:browse}": "max<=39",
        "http_reqs{endpoint:x}": "count===40",
        "checks{check:fine}": "rate>99%",
        "calls{kind:neither}": "count<1",
    },
)
calls, size = Counter("calls"), Trend("size")


@scenario(executor="shared-iterations", vus=4, iterations=40)
async def browse(vu):
    response = await vu.get("/", tags={"endpoint": "x"})
    check(response, {"fine": response.status == 200})
    for kind in ("even", "odd"):
        calls.add(0.5, {"kind": kind})
        size.add(39 if kind == "odd" else 40, {"kind": kind, "vu": vu.id})
"""


def test_a_script_counts_the_same_on_one_worker_and_on_two(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    values = []
    for workers in ("1", "2"):
        to = tmp_path / f"{workers}.json"
        flags = (
            "-t",
            workers,
            "-e",
            f"BASE_URL={server.url()}",
            "--json",
            str(to),
            "--no-progress",
        )
        done = invoke("run", str(script), *flags)
        assert done.returncode == 99, done.stderr
        document = valid(to.read_text())
        values.append({name: row["observed"] for name, row in document["thresholds"].items()})
        counts = {name: row["values"].get("count") for name, row in document["metrics"].items()}
        assert (counts["calls"], counts["size"], counts["http_reqs"]) == (40, 80, 40)
        assert "✗ calls{kind:neither}: count<1" in done.stdout
    assert values[0] == values[1]
    assert list(values[0].values()) == [20, 20, 39, 40, 1, None]


# The report.

HELD = {
    "p99<500ms": Judgement(True, 1.2, 0.99, "fail", False, "1.20ms, 99% below the limit"),
    "http_req_duration{scenario:whatsapp}: p(95)<500 [stage=spike]": Judgement(
        False, 612.0, -0.22, "fail", False, "612ms, 22% above the limit"
    ),
    "errors<1%": Judgement(True, 0.0095, 0.05, "fail", True, "0.95%, 0.05 points below the limit"),
    "rps>=1000": Judgement(False, 900, -0.1, "warn", False, "900/s, 10% below the limit"),
    "checks>99%": Judgement(False, None, None, "fail", False, "no samples"),
}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_thresholds_stand_first_and_the_broken_ones_before_the_others(width: int) -> None:
    shown = text_report.render(replace(good(), thresholds=HELD), color=False, width=width)
    assert all(len(line) <= width for line in shown.splitlines())
    assert shown.startswith("FAILED  2 of 5 thresholds failed")
    block = shown.split("\n\n")[2]
    assert block.startswith("THRESHOLDS  3 of 5 failed")
    marks = [line[2] for line in block.splitlines()[1:] if line[2] != " "]
    assert marks == ["✗", "✗", "⚠", "⚠", "✓"]
    assert "near the limit" in " ".join(block.split())
    assert "(warning only)" in " ".join(block.split())


def test_thresholds_are_safe_for_the_terminal_and_for_ascii() -> None:
    held = {HOSTILE: Judgement(False, 1.0, -1.0, "fail", False, HOSTILE)}
    shown = text_report.render(replace(good(), thresholds=held), color=False, width=80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    shown = text_report.render(
        replace(good(), thresholds=HELD), color=False, width=80, unicode=False
    )
    assert shown.isascii()
    assert "?" not in shown
