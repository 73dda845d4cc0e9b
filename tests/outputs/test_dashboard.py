"""The page that follows a run: who may ask for it, what it is told; that the run never waits."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import samples
from following import WAIT_S, Stream, ask, board, look, name_of, rows
from html_pages import EVIL, read
from running import until

from fastbench.outputs.dashboard import story
from fastbench.outputs.dashboard.dashboard_page import page
from fastbench.outputs.dashboard.dashboard_server import LAST_S, MAX_STREAMS, Board
from fastbench.outputs.dashboard.story import Ends, Story
from fastbench.results.machine_row import Machines
from fastbench.results.metric_values import Judgement
from fastbench.run.sampling import Users

# Who may ask.


@pytest.fixture(scope="module")
def served() -> Iterator[Board]:
    with board() as made:
        yield made


def test_the_page_is_for_this_machine_by_its_own_name(served: Board) -> None:
    port = urlsplit(served.url).port
    for name in ("127.0.0.1", "localhost", "[::1]", "LocalHost"):
        status, headers, body = ask(served.url, ("Host", f"{name}:{port}"))
        assert status == 200 and "GET http://127.0.0.1:8080/api/health" in body
    assert ask(served.url, ("Origin", f"http://localhost:{port}"))[0] == 200
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    policy = next(value for _, value in read(body).attributes if value and "default-src" in value)
    assert policy.startswith("default-src 'none'; connect-src 'self'; style-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert urlsplit(served.url).path not in body


@pytest.mark.parametrize(
    "header",
    [
        *(("Host", name) for name in ("evil.test", "evil.test:{port}", "127.0.0.1", "127.0.0.1:1")),
        *(("Host", name) for name in ("127.0.0.1.evil.test:{port}", "127.0.0.2:{port}")),
        *(("Origin", name) for name in ("http://evil.test", "null", "https://127.0.0.1:{port}")),
        *(("Origin", name) for name in ("http://127.0.0.1:1", "http://evil.test:{port}")),
    ],
)
@pytest.mark.parametrize("path", ["", "events"])
def test_a_foreign_host_or_origin_is_refused(
    served: Board, header: tuple[str, str], path: str
) -> None:
    parts = urlsplit(served.url)
    name, value = header
    status, headers, body = ask(
        served.url, (name, value.format(port=parts.port)), path=parts.path + path
    )
    assert status == 403 and "api/health" not in body
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_a_wrong_token_another_method_and_a_second_host_get_nothing(served: Board) -> None:
    path = urlsplit(served.url).path
    near = (path[:-2] + "/", path + "x", path.swapcase(), path[:-1])
    for wrong in ("/", "/favicon.ico", "/events", "/%ff", *near):
        assert ask(served.url, path=wrong)[0] == 404, wrong
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        assert ask(served.url, method=method)[0] == 405, method
    host = urlsplit(served.url).netloc
    assert ask(served.url, ("Host", host), ("Host", "evil.test"))[0] in (400, 403)
    assert len(path.strip("/")) >= 22, "128 bits"
    with board() as other:
        assert urlsplit(other.url).path != path


def test_so_many_pages_and_no_more(served: Board) -> None:
    streams = [Stream(served.url) for _ in range(MAX_STREAMS)]
    try:
        assert all(each.next() for each in streams)
        assert ask(served.url, path=urlsplit(served.url).path + "events")[0] == 503
    finally:
        for each in streams:
            each.close()


SMALL_BYTES = 4096
USERS = Users(vus=7, vus_max=9, iterations=120, dropped=3, iterations_of=None, length_s=60.0)
JUDGED = {
    "p99<5ms": Judgement(False, 9.0, -0.8, "fail", False, "9ms, 80% above the limit"),
    "checks>99%": Judgement(False, None, None, "fail", False, "no samples"),
}


# What a page is told.


def test_steps_lead_where_a_late_page_begins() -> None:
    with board(1) as made:
        early = Stream(made.url)
        early.next()
        for row in rows(6)[1:]:
            made.update(look(row))
            early.next()
        late = Stream(made.url)
        late.next()
        assert early.data["charts"] == late.data["charts"]
        assert early.data["start"] == late.data["start"] == [0, 1, 2, 3, 4, 5]
        assert early.data["figures"] == late.data["figures"]
        assert late.data["counts"] == {"requests": sum(range(100, 106)), "not_ok": 12}
        names = [line["name"] for line in late.data["charts"]["cpu"]["lines"]]
        assert names[2:] == ["nginx-321 (321)", "nginx-322 (322)"]
        early.close()
        late.close()


def test_a_process_that_comes_later_gets_its_line() -> None:
    told = Story(Ends(), name_of)
    first, second = rows(2)
    assert first.use is not None
    told.take(look(replace(first, use=replace(first.use, targets=()))))
    told.take(look(second))
    assert told.news is None, "a step has no place for it"
    lines = json.loads(told.whole().split(b"data: ")[1])["charts"]["cpu"]["lines"]
    assert [line["values"][0] for line in lines[2:]] == [None, None]
    assert lines[2]["values"][1] == 94


def test_a_row_counts_once_and_many_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "MAX_ROWS", 8)
    told = Story(Ends(), name_of)
    for row in (replace(each, vus=7) for each in rows(21)):
        told.take(look(row, users=USERS))
        told.take(look(row, users=USERS))
    seen = json.loads(told.whole().split(b"data: ")[1])
    assert len(seen["start"]) < 8 and sum(seen["span"]) == 21
    rates = seen["charts"]["rate"]["lines"][0]["values"]
    counted = sum(rate * span for rate, span in zip(rates, seen["span"], strict=True))
    assert counted == pytest.approx(sum(range(100, 121)), rel=1e-3)
    assert seen["counts"]["requests"] == sum(range(100, 121))
    assert seen["charts"]["vus"]["lines"][0]["values"] == [7] * len(seen["start"])


def test_a_new_cause_of_errors_is_a_line_of_its_own_from_then_on() -> None:
    told = Story(Ends(), name_of)
    first, second, third = (replace(each, failed=0, timeouts=0, errors={}) for each in rows(3))
    told.take(look(first))
    told.take(look(second))
    assert told.news is not None, "a row more"
    told.take(look(replace(third, failed=4, statuses={"200": 98, "503": 4})))
    assert told.news is None, "a line more, so who follows gets the whole"
    seen = json.loads(told.whole().split(b"data: ")[1])
    lines = {each["name"]: each["values"] for each in seen["charts"]["errors"]["lines"]}
    assert lines == {"status 503": [0, 0, 4]}
    lines = {each["name"]: each["values"] for each in seen["charts"]["statuses"]["lines"]}
    assert lines == {"200": [0, 0, 98], "503": [0, 0, 4]}


def test_how_far_the_run_is_and_what_is_broken_is_said_at_once() -> None:
    told = Story(Ends(), name_of)
    told.take(look(None, warming=True, elapsed_s=3.4))
    seen = json.loads(told.whole().split(b"data: ")[1])
    assert (seen["verdict"]["word"], seen["verdict"]["text"]) == ("Warming up", "3s, not measured")
    stuck = "worker 1 has been \x1bin Python code"
    told.take(
        look(
            rows(13)[12],
            users=USERS,
            judgements=JUDGED,
            notices=(stuck,),
            derived={"tail": (7.5, "time")},
            connections=12,
            protocol="HTTP/2",
        )
    )
    seen = json.loads(told.whole().split(b"data: ")[1])
    verdict = seen["verdict"]
    assert (verdict["word"], verdict["kind"]) == ("Running", "doubt")
    assert verdict["text"] == "13s of 1m; 1 threshold failed"
    assert verdict["reasons"] == ["worker 1 has been in Python code"]
    assert seen["share"] == pytest.approx(13 / 60)
    assert [each["word"] for each in seen["thresholds"]] == ["✗ failed", "… waiting"]
    figures = {each["name"]: (each["shown"], each["more"]) for each in seen["figures"]}
    assert figures["tail"] == ("7.50ms", "so far")
    assert figures["connections"] == ("12", "HTTP/2")
    assert figures["VUs"] == ("7", "of 9") and figures["iterations"] == ("120", "3 dropped")
    told.end(replace(samples.good(), thresholds=JUDGED), None)
    seen = json.loads(told.whole().split(b"data: ")[1])
    assert [each["word"] for each in seen["thresholds"]] == ["✗ failed", "✗ failed"]
    assert seen["verdict"]["word"] == "Failed" and seen["limit"] == "host"
    assert {"distribution", "spectrum"} <= set(seen["charts"])


def test_the_page_tells_of_machines_and_why_one_is_lost() -> None:
    told = Story(Ends(30.0), name_of)

    def verdict(*lost: str) -> dict[str, Any]:
        told.take(look(rows(13)[12], machines=Machines("tcp://10.0.0.5:8786", 3, lost)))
        found: dict[str, Any] = json.loads(told.whole().split(b"data: ")[1])["verdict"]
        return found

    assert verdict()["text"] == "13s of 30s; 3 machines on tcp://10.0.0.5:8786"
    assert verdict()["kind"] == "" and not verdict()["reasons"]
    found = verdict("load2 was lost at 9s: its agent ended")
    assert found["kind"] == "doubt" and "; 2 of 3 machines on " in found["text"]
    assert found["reasons"] == ["load2 was lost at 9s: its agent ended"]


@pytest.mark.parametrize("evil", EVIL)
def test_what_is_told_stays_on_one_line_and_is_text(evil: str) -> None:
    told = Story(Ends(), lambda pid: evil)
    told.take(look(rows(1)[0], judgements={evil: replace(JUDGED["p99<5ms"], text=evil)}))
    for data in (told.whole(), page({"url": evil, "script": evil}).encode()):
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data)
    assert told.whole().count(b"\n") == 3
    harmless = read(page({"url": "harmless", "script": "harmless"}))
    assert read(page({"url": evil, "script": evil})).elements == harmless.elements


# The run never waits.


@contextlib.contextmanager
def unread(made: Board) -> Iterator[socket.socket]:
    """Ask for a stream over buffers that hold little of it, and do not read."""
    made._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BYTES)
    parts = urlsplit(made.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        client.connect(("127.0.0.1", parts.port or 0))
        head = f"GET {parts.path}events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        client.sendall(head.encode())
        until(lambda: made._streams)
        yield client


def test_a_slow_page_hears_the_end_all_the_same() -> None:
    with board(1000) as made, unread(made) as slow:
        made.end(replace(samples.watched(), series=tuple(rows(1000))))
        closing = threading.Thread(target=made.close)
        closing.start()
        told = b"".join(iter(lambda: slow.recv(65536), b""))
        closing.join(WAIT_S)
    assert len(told) > 100 * SMALL_BYTES / 8
    assert b"event: end\n" in told and told.endswith(b"\r\n0\r\n\r\n")


def test_a_page_that_reads_nothing_holds_nobody_up() -> None:
    with board(1000) as made, unread(made):
        good = Stream(made.url)
        assert good.next()
        (first,) = rows(1)
        begun_s = time.thread_time()
        for at in range(200):
            made.update(look(replace(first, t_s=4000.0 + at)))
        assert (time.thread_time() - begun_s) / 200 < 0.001
        # The good page reads: its buffers are as small, and who is behind at the end is cut off.
        heard: list[str] = []
        reading = threading.Thread(target=lambda: heard.extend(kind for kind, _ in good))
        reading.start()
        made.end(samples.watched())
        begun_s = time.monotonic()
        made.close()
        assert time.monotonic() - begun_s < LAST_S + 0.5
        reading.join(WAIT_S)
        assert heard[-1] == "end"
        good.close()


def test_a_page_that_was_closed_is_forgotten_without_a_word(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with board() as made:
        for _ in range(3):
            gone = Stream(made.url)
            gone.next()
            gone.close()
            for row in rows(9):
                made.update(look(row))
        stays = Stream(made.url)
        made.end(samples.good())
        assert [kind for kind, _ in stays][-1] == "end"
        stays.close()
    assert capfd.readouterr().err == ""
