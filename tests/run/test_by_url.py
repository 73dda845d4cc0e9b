"""A run of several URLs counts by URL, and its rows are the whole, whatever becomes of requests.

That rows add up to the summary is checked after every run, in `running.balance`.
"""

from __future__ import annotations

import csv
import json
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from case import answer
from running import fastbench, start, until
from samples import good
from servers import OK, Peer, Server, answering

from fastbench.engine.bridge import _core
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.replay import point_file
from fastbench.plan.plan import Request
from fastbench.report.page import Page
from fastbench.report.text import request_table as table
from fastbench.report.text import text_report
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result
from fastbench.results.thresholds.grammar import parse
from fastbench.run import run_thresholds, url_counts

Key = tuple[str, str]


def rows_of(document: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    return {(row["method"], row["name"]): row for row in document["requests"]}


def by_path(peer: Peer) -> None:
    """Answer /bad with 500, reset /reset, leave /slow without an answer, and all else with 200."""
    while True:
        request = peer.request()
        target = request.split(b" ")[1]
        if target == b"/slow":
            peer.stall()
        if target == b"/reset":
            peer.reset()
        bad = target == b"/bad"
        length = 0 if request.startswith(b"HEAD") else 4
        start = "HTTP/1.1 500 Oops" if bad else "HTTP/1.1 200 OK"
        peer.send(answer("Content-Length: 4", start=start, body=b"gone"[:length]))


def listed(folder: Path, server: Server, *targets: str) -> tuple[str, str]:
    """Write a list of `[WEIGHT] [METHOD] PATH`; return the words that name it."""
    path = folder / "urls.txt"
    lines = [" ".join((*words[:-1], server.url(words[-1]))) for words in map(str.split, targets)]
    path.write_text("\n".join(lines) + "\n")
    return "--urls-from-file", str(path)


@pytest.mark.parametrize(
    "flags",
    [
        ("-t1", "-n90"),
        ("-t2", "-n90"),
        ("-t2", "-n90", "-R", "900"),
        ("-t1", "-n40", "-p", "3"),
        ("-t2", "-d200ms", "-W", "100ms"),
        ("-t1", "-n20", "--no-keepalive"),
    ],
)
def test_rows_are_the_whole_whatever_becomes_of_requests(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    with Server(by_path) as server:
        words = listed(tmp_path, server, "/ok", "/bad", "HEAD /ok", "/slow", "2 /reset")
        run = fastbench(*words, "-c4", "--timeout", "60ms", *flags)
    rows = rows_of(run.document)
    assert list(rows) == [
        *(("GET", "/reset"), ("GET", "/ok"), ("GET", "/bad"), ("HEAD", "/ok"), ("GET", "/slow"))
    ]
    assert sum(row["requests"] for row in rows.values()) == run.summary["requests"] > 0
    slow, reset = rows["GET", "/slow"], rows["GET", "/reset"]
    assert slow["status_codes"] == reset["status_codes"] == {}
    # A machine that looks away for 60 ms makes a timeout of any request: it is counted as one.
    assert reset["failed"] == reset["requests"] > reset["timeouts"]
    if "-p" not in flags:  # there what waits behind a timeout fails with it
        assert slow["timeouts"] == slow["requests"]
        assert slow["latency"]["count"] == slow["requests"]
        bad = rows["GET", "/bad"]
        assert bad["status_codes"] == {"500": bad["requests"] - bad["timeouts"]}
        assert rows["HEAD", "/ok"]["failed"] == rows["HEAD", "/ok"]["timeouts"]
    assert (slow["response"] is not None) == ("-R" in flags)


def test_the_server_counts_the_same_by_url(tmp_path: Path) -> None:
    with Server(answering(OK)) as server:
        run = fastbench(*listed(tmp_path, server, "/a", "3 /b", "POST /a"), "-n100", "-c4", "-t2")
    assert run.code == 0
    rows = rows_of(run.document)
    counted = {f"{method} {name} HTTP/1.1": row["requests"] for (method, name), row in rows.items()}
    assert counted == {line.decode(): count for line, count in server.seen.lines.items()}
    assert rows["GET", "/b"]["requests"] == pytest.approx(60, abs=3)
    assert sum(row["bytes_in"] for row in rows.values()) == run.summary["bytes_in"] == 100 * len(OK)


def test_what_a_killed_worker_counted_by_url_stays(tmp_path: Path) -> None:
    with Server(answering(OK)) as server:
        words = listed(tmp_path, server, "/a", "/b")
        with start(*words, "-d", "20s", "-c", "2", "-t", "2") as running:
            until(lambda: server.seen.requests > 500)
            children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
            os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
            until(lambda: len(children.read_text().split()) == 1)
            running.process.send_signal(signal.SIGINT)
            run = running.finish()
    lost = next(row for row in run.document["workers"] if row["lost"])
    assert lost["requests"] > 0
    assert len(run.document["requests"]) == 2


def request(url: str, method: str = "GET", weight: int = 1) -> Request:
    return Request(method, b"/", (), None, url, weight)


def test_a_row_is_a_method_and_a_url_as_it_is_shown() -> None:
    rows, of = url_counts.of_requests(
        [
            request("http://h/a?token=***"),
            request("http://h"),
            request("http://h/a?token=***", weight=3),
            request("http://h/a?token=***", "POST"),
            request("http://h?q=1#part"),
        ]
    )
    assert rows == (
        url_counts.Row("/a?token=***", "GET"),
        url_counts.Row("/", "GET"),
        url_counts.Row("/a?token=***", "POST"),
        url_counts.Row("/?q=1", "GET"),
    )
    assert of == [0, 1, 0, 2, 3]


def test_one_url_counts_nothing_apart() -> None:
    assert url_counts.of_requests([request("http://h/a")] * 3) == ((), [])
    with Server(answering(OK)) as server:
        run = fastbench("-n", "4", "-c", "1", server.url("/a"), server.url("/a"))
    assert run.document["requests"] == [] and "URLS" not in run.out


def test_the_heaviest_have_rows_of_their_own_and_the_rest_share_one() -> None:
    many = [request(f"http://h/{n}", weight=1 + (n == 119)) for n in range(120)]
    rows, of = url_counts.of_requests(many)
    assert len(rows) == url_counts.MAX_ROWS + 1
    assert rows[0].name == "/119" and rows[-1] == url_counts.Row("20 other URLs", "")
    assert Counter(of)[url_counts.MAX_ROWS] == 20 and of[119] == 0


def test_the_rest_is_counted_in_its_row(tmp_path: Path) -> None:
    with Server(answering(OK)) as server:
        words = listed(tmp_path, server, *(f"/{n}" for n in range(103)))
        run = fastbench(*words, "-n", "206", "-c", "2")
    rest = run.document["requests"][-1]
    assert (rest["name"], rest["requests"]) == ("3 other URLs", 6)
    assert "81 more, with 166 requests" in run.out


def test_rows_cost_no_memory_before_they_are_used() -> None:
    before = shared_bytes()
    block = _core.Block(2, urls=101)
    taken = shared_bytes() - before - 2 * 1_700_000
    assert block.url_counters(100) == {"ok": 0, "failed": 0, "timeouts": 0, "bytes_in": 0}
    assert taken < 3 << 20, "the histograms were touched"
    with pytest.raises(IndexError):
        block.url_counters(101)


def shared_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssShmem"))
    return int(line.split()[1]) * 1024


def test_the_report_has_a_table_with_shares_statuses_and_failures(tmp_path: Path) -> None:
    with Server(by_path) as server:
        words = listed(tmp_path, server, "3 /ok", "/bad")
        run = fastbench(*words, "-n", "40", "-c", "1")
    shown = text_report.render(Result.from_document(run.document), color=False, width=100)
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    head = lines.index("URLS requests share failed p50 p95 p99")
    assert lines[head + 1].startswith("/ok GET 30 75.00% 0 ")
    assert lines[head + 2] == "/bad GET 10 25.00% 10 – – –"  # noqa: RUF001
    assert lines[head + 3] == "500: 10"


def test_rows_with_failures_are_never_left_out() -> None:
    latency = dict.fromkeys(("p50", "p95", "p99"), 1.0)
    rows = tuple(
        NamedRow(f"/{n}", "GET", "", 10, int(n == 42), 1.0, latency, 0, 1, {"200": 9}, None)
        for n in range(50)
    )
    shown = table.lines(Page(False, 100, True), replace(good(), requests=rows))
    assert any(line.startswith("  /42 ") for line in shown)
    assert len(shown) == 23 and shown[-1] == "  … 30 more, with 300 requests; --json has each"
    assert "    200: 9, 1 without a response" in shown


@pytest.mark.parametrize("paths", [("/bad",), ("/ok", "/bad", "/reset")])
def test_a_threshold_judges_answers_by_status(tmp_path: Path, paths: tuple[str, ...]) -> None:
    limits = [
        "http_reqs{status:500} - http_reqs{name:/bad,status:500} == 0",
        "http_reqs{status:500,method:GET}>=3",
        "http_reqs{status:503}==0",
        "http_reqs{expected_response:true} + http_reqs{expected_response:false} - http_reqs == 0",
        "http_reqs{status:200} - http_reqs{expected_response:true} == 0",
        "http_reqs{status:0} + http_reqs{status:200} + http_reqs{status:500} - http_reqs == 0",
        "http_req_duration{name:/bad}: count==0",
    ]
    with Server(by_path) as server:
        said = [word for limit in limits for word in ("--threshold", limit)]
        run = fastbench(*said, *listed(tmp_path, server, *paths), "-n9", "-c1")
    judged = {text: each["observed"] for text, each in run.document["thresholds"].items()}
    assert judged == dict(zip(limits, (0, 9 / len(paths), 0, 0, 0, 0, None), strict=True))


def test_a_threshold_judges_one_url(tmp_path: Path) -> None:
    with Server(by_path) as server:
        words = listed(tmp_path, server, "/ok", "/bad", "HEAD /ok", "/in?token=not-to-be-told")
        limits = {
            "http_req_failed{name:/bad}: rate<0.01": False,
            "http_req_failed{name:/ok}: rate<0.01": True,
            "http_req_failed{method:HEAD}: rate<0.01": True,
            "http_reqs{name:/ok}: count==20": True,
            "http_reqs{name:/ok,method:HEAD}: count==10": True,
            f"http_req_duration{{url:{server.url('/in?token=not-to-be-told')}}}: p(95)<2s": True,
            "http_req_duration{name:/bad}: p(95)<2s": False,  # no ok answer: no samples
            "p99{name:/ok}<2s": True,
            "p99{name:/ok}<1ns": False,
            "http_req_failed: rate<0.26": True,
        }
        said = [word for limit in limits for word in ("--threshold", limit)]
        run = fastbench(*words, "-n", "40", "-c", "1", *said)
    assert "not-to-be-told" not in run.out + json.dumps(run.document)
    judged = {name: each["ok"] for name, each in run.document["thresholds"].items()}
    assert list(judged.values()) == list(limits.values()), judged
    assert run.code == 99


def test_points_are_told_by_url_and_their_sum_is_the_whole(tmp_path: Path) -> None:
    with Server(by_path) as server:
        words = listed(tmp_path, server, "3 /ok", "/bad", "POST /ok", "/in?token=not-to-be-told")
        outs = [f"{form}={tmp_path}/points.{form}" for form in ("json", "csv")]
        run = fastbench(*words, "-n", "60", "-c", "2", "-t2", "-o", outs[0], "-o", outs[1])
    text = (tmp_path / "points.json").read_text()
    points = [each for each in map(json.loads, text.splitlines()) if each["type"] == "Point"]
    of_requests = [each for each in points if each["metric"] in ("http_reqs", "http_req_failed")]
    assert "not-to-be-told" not in text and of_requests
    assert all(each["data"]["tags"].keys() == {"name", "method"} for each in of_requests)
    counts: Counter[Key] = Counter()
    failed: Counter[Key] = Counter()
    times: Counter[Key] = Counter()
    for each in points:
        data, tags = each["data"], each["data"]["tags"]
        key = tags.get("method", ""), tags.get("name", "")
        if each["metric"] == "http_reqs":
            counts[key] += data["value"]
        elif each["metric"] == "http_req_failed":
            failed[key] += round(data["value"] * data["count"])
        elif each["metric"] == "http_req_duration":
            times[key] += data["count"]
        else:
            assert key == ("", ""), each
    rows = rows_of(run.document)
    assert counts == {key: row["requests"] for key, row in rows.items()}
    assert +failed == {key: row["failed"] for key, row in rows.items() if row["failed"]}
    assert times == {key: n for key, row in rows.items() if (n := row["latency"]["count"])}
    with (tmp_path / "points.csv").open(newline="") as file:
        told = [each for each in csv.DictReader(file) if each["metric_name"] == "http_reqs"]
    assert sum(float(each["metric_value"]) for each in told) == 60
    assert {(each["method"], each["name"]) for each in told} == rows.keys()
    again = point_file.read(text.encode(), "points.json")
    assert {(row.method, row.name): row.requests for row in again.requests} == counts


@pytest.mark.parametrize(
    ("limit", "cure"),
    [
        ("http_req_failed{name:/bd}<1%", "no URL of this run is that; there is /bad."),
        ("http_reqs{group:a}>1", "http_reqs also status and expected_response, not group; a scri"),
        ("http_req_failed{status:200}<1%", "http_req_failed has no tag status: of URLs only http_"),
        ("http_reqs{status:ok}>1", "a status is a number such as 200"),
        ("http_reqs{status:200,expected_response:true}>1", "not by both"),
        ("lag{name:/bad}: p(95)<5", "lag is counted for the whole run; leave the tags out"),
    ],
)
def test_a_threshold_on_what_is_not_counted_is_refused(limit: str, cure: str) -> None:
    rows, _ = url_counts.of_requests([request("http://h/bad"), request("http://h/ok")])
    with pytest.raises(UsageError) as refused:
        run_thresholds.check_tags([parse(limit, run_thresholds.METRICS)], rows)
    assert cure in str(refused.value)
