"""Runs whose requests a script of wrk makes: what the server sees, and what the script is told."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from case import answer
from running import Run, balance, fastbench
from servers import OK, Peer, Server, c_server

COUNTER = (
    "local n = 0\nfunction setup(t) id = (id or 0) + 1 t:set('id', id) end\n"
    "function request()\n n = n + 1\n return wrk.format(nil, '/' .. id .. '/' .. n)\nend\n"
)


@pytest.fixture
def ran(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Run a script against a URL."""

    def run(source: str, *words: str) -> Run:
        path = tmp_path / "load.lua"
        path.write_text(source)
        return fastbench("-s", str(path), *words)

    return run


def answering(peer: Peer) -> None:
    while True:
        peer.request()
        peer.send(OK)


def numbers(lines: Counter[bytes]) -> dict[int, list[int]]:
    """Give the numbers that each thread counted, in order."""
    found: dict[int, list[int]] = {}
    for line, count in lines.items():
        assert count == 1, line
        _, thread, number = line.split()[1].split(b"/")
        found.setdefault(int(thread), []).append(int(number))
    return {thread: sorted(each) for thread, each in found.items()}


@pytest.mark.parametrize("words", [(), ("-p", "4"), ("-R", "3000")])
def test_every_text_is_sent_once_and_in_order(ran, words: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    with Server(answering) as server:
        run = ran(COUNTER, "-n", "600", "-c", "6", "-t", "2", *words, server.url())
    assert run.summary["ok"] == server.seen.requests == 600
    balance(run.document)
    found = numbers(server.seen.lines)
    # The first text of the first thread is verified before the run, and not sent: as in wrk.
    assert found == {1: list(range(2, 302)), 2: list(range(1, 301))}


def test_what_is_sent_again_is_the_same(ran) -> None:  # type: ignore[no-untyped-def]
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        for _ in range(3):
            peer.request()
            peer.send(OK)
        seen.append(peer.head())
        peer.finish()

    with Server(script) as server:
        run = ran(COUNTER, "-n", "40", "-c", "2", "-t", "1", server.url())
    lines = server.seen.lines
    assert run.summary["retried"] > 5
    assert run.summary["ok"] == 40
    assert set(numbers(lines)[1]) == set(range(2, 42))
    assert {each.partition(b"\r\n")[0] for each in seen[:-2]} <= set(lines)


def test_large_texts_arrive_whole(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "local n = 0\nfunction request()\n n = n + 1\n"
        " return wrk.format('POST', '/', nil, string.rep(string.char(65 + n % 26), n * 20000))\nend"
    )
    wrong = []

    def script(peer: Peer) -> None:
        while True:
            body = peer.request().partition(b"\r\n\r\n")[2]
            if not body or body != body[:1] * len(body) or len(body) % 20000:
                wrong.append(len(body))
            peer.send(OK)

    with Server(script) as server:
        run = ran(source, "-n", "30", "-c", "3", "-t", "1", server.url())
    assert run.summary["ok"] == 30
    assert wrong == []


def test_several_requests_in_one_text_are_counted_one_by_one(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "function request()\n"
        " local post = wrk.format('POST', '/b', nil, 'x')\n"
        " return wrk.format(nil, '/a') .. post .. wrk.format('HEAD')\nend"
    )
    at_once: list[int] = []

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.request()
            peer.request()
            peer.pause(0.001)
            at_once.append(len(peer._buffer))  # nothing more before these are answered
            peer.send(OK + OK + answer("Content-Length: 12", body=b""))

    with Server(script) as server:
        run = ran(source, "-n", "300", "-c", "4", "-t", "1", server.url())
    assert run.summary["ok"] == server.seen.requests == 300
    assert set(at_once) == {0}
    assert {line.split()[0] for line in server.seen.lines} == {b"GET", b"POST", b"HEAD"}


def test_a_delay_is_kept_before_each_request(ran) -> None:  # type: ignore[no-untyped-def]
    gaps: list[float] = []

    def script(peer: Peer) -> None:
        ended_s = time.monotonic()
        while True:
            peer.request()
            gaps.append(time.monotonic() - ended_s)
            ended_s = time.monotonic()
            peer.send(OK)

    source = "local n = 0\nfunction delay() n = n + 1 return n % 2 == 0 and 40 or 20 end"
    with Server(script) as server:
        run = ran(source, "-d", "1s", "-c", "4", "-t", "1", server.url())
    assert run.summary["ok"] > 40
    assert 0.019 < min(gaps[8:]) < 0.040
    assert run.document["latency_ms"]["service"]["p50"] < 20  # the delay is no latency


def test_a_rate_is_kept_though_each_answer_is_told(ran) -> None:  # type: ignore[no-untyped-def]
    source = "function response() end\nfunction request() return wrk.format() end"
    with Server(answering) as server:
        run = ran(source, "-R", "200", "-d", "1s", "-c", "4", "-t", "1", server.url())
    assert run.summary["scheduled"] == 200
    assert run.document["latency_ms"]["lag"]["p90"] < 20  # not until the engine looks up anyway


AUTH = """
local token, path = nil, "/login"
function request() return wrk.format("GET", path) end
function response(status, headers, body)
   if not token and status == 200 then
      token, path = headers["X-Token"] .. body, "/in"
      wrk.headers["X-Token"] = token
   end
end
"""


def test_a_response_decides_about_the_next_request(ran) -> None:  # type: ignore[no-untyped-def]
    heads: list[bytes] = []

    def script(peer: Peer) -> None:
        while True:
            heads.append(peer.request())
            peer.send(answer("X-Token: abc", "Content-Length: 3", body=b"def"))

    with Server(script) as server:
        run = ran(AUTH, "-n", "50", "-c", "1", "-t", "1", server.url())
    assert run.summary["ok"] == 50
    assert heads[0].startswith(b"GET /login ")
    assert all(each.startswith(b"GET /in ") for each in heads[1:])
    assert all(b"\r\nX-Token: abcdef\r\n" in each for each in heads[1:])
    codes = [row["code"] for row in run.document["warnings"]]
    assert "script_responds" in codes


ANSWERS = [
    answer("A: 1", "A: 2", "Empty:", "Content-Length: 5", body=b"a\0\r\n\xff"),
    b"HTTP/1.1 100 Continue\r\nX: early\r\n\r\n" + answer("Late:  x  ", "Content-Length: 0"),
    answer("Transfer-Encoding: chunked", body=b"5\r\nhello\r\n6\r\n world\r\n0\r\nT: t\r\n\r\n"),
    answer("Content-Length: 100000", body=b"z" * 100_000),
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
]


def test_a_script_is_told_answers_as_they_were(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "local n = 0\nfunction response(status, headers, body)\n n = n + 1\n"
        " local names = {}\n for k, v in pairs(headers) do names[#names + 1] = k .. '=' .. v end\n"
        " table.sort(names)\n"
        " local text = #body < 20 and body:gsub('[%c\\255]', '.') or ''\n"
        " print(status, table.concat(names, ','), #body, text)\n"
        "end"
    )

    def script(peer: Peer) -> None:
        for each in ANSWERS:
            peer.request()
            for at in range(0, len(each), 7919 if len(each) > 1000 else 11):
                peer.send(each[at : at + (7919 if len(each) > 1000 else 11)])
        peer.stall()

    with Server(script) as server:
        run = ran(
            source, "-n", "5", "-c", "1", "-t", "1", "--expect-status", "200,404", server.url()
        )
    told = [line for line in run.out.splitlines() if re.match(r"\d+\t", line)]
    assert told == [
        "200\tA=2,Content-Length=5,Empty=\t5\ta....",
        "200\tContent-Length=0,Late=x\t0\t",
        "200\tTransfer-Encoding=chunked\t11\thello world",
        "200\tContent-Length=100000\t100000\t",
        "404\tContent-Length=2\t2\tno",
    ]


def test_threads_say_what_they_counted_and_done_what_was_measured(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "local all = {}\nfunction setup(t) all[#all + 1] = t end\n"
        "function init(args) answers, word = 0, args[1] end\n"
        "function response() answers = answers + 1 end\n"
        "function done(summary, latency, requests)\n"
        " local sum = 0\n for _, t in ipairs(all) do sum = sum + t:get('answers') end\n"
        " print('done', sum, summary.requests, summary.errors.status, all[2]:get('word'))\n"
        " print('latency', latency.min <= latency:percentile(50), latency.max, summary.bytes)\n"
        "end"
    )
    with Server(answering) as server:
        run = ran(source, "-n", "500", "-c", "4", "-t", "2", server.url(), "--", "one")
    lines = [line.split("\t") for line in run.out.splitlines() if "\t" in line]
    assert lines[0] == ["done", "500", "500", "0", "one"]
    assert lines[1][1] == "true"
    longest_ms = run.document["latency_ms"]["service"]["max"]
    assert float(lines[1][2]) == pytest.approx(longest_ms * 1000, rel=1e-3)
    assert int(lines[1][3]) == run.summary["bytes_in"]
    assert run.out.index("Status") < run.out.index("done\t")  # behind the report


def test_a_thread_that_stops_leaves_the_others(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "local n = 0\nfunction setup(t) id = (id or 0) + 1 t:set('id', id) end\n"
        "function response()\n n = n + 1\n"
        " if n == 20 and id == 1 then wrk.thread:stop() end\n"
        " if n == 90 then wrk.thread:stop() end\n"
        "end\nfunction request() return wrk.format(nil, '/' .. id) end"
    )
    with Server(answering) as server:
        run = ran(source, "-d", "20s", "-c", "2", "-t", "2", server.url())
    lines = server.seen.lines
    assert run.code == 0
    assert 20 <= lines[b"GET /1 HTTP/1.1"] < 60
    assert lines[b"GET /2 HTTP/1.1"] >= 90
    assert run.elapsed_s < 15


@pytest.mark.parametrize("more", ["", "function response() end"])
def test_what_was_made_before_a_thread_stops_is_sent(ran, more: str) -> None:  # type: ignore[no-untyped-def]
    source = (
        "local n = 0\nfunction request()\n n = n + 1\n"
        " if n == 31 then wrk.thread:stop() end\n return wrk.format(nil, '/' .. n)\nend\n"
    )
    with Server(answering) as server:
        run = ran(source + more, "-d", "20s", "-c", "2", "-t", "1", server.url())
    # The first one is verified before the run, and not sent.
    assert set(server.seen.lines) == {b"GET /%d HTTP/1.1" % n for n in range(2, 32)}
    assert (run.code, run.summary["ok"]) == (0, 30)
    assert run.elapsed_s < 15


def test_a_batch_of_large_texts_is_short(ran) -> None:  # type: ignore[no-untyped-def]
    """All that are made ahead were in memory three times: in Lua, joined, and in the ring."""
    source = (
        "function request() return wrk.format('POST', '/', nil, string.rep('x', 1e7)) end\n"
        "function delay() n = (n or 0) + 1 return n > 1 and 1e8 or 0 end\n"
        "local all = {}\nfunction setup(t) all[#all + 1] = t end\n"
        "function done() print('made', all[1]:get('n')) end"
    )
    with Server(answering) as server:
        run = ran(source, "-d", "1s", "-c", "1", "-t", "1", server.url())
    found = re.search(r"made\t(\d+)", run.out)
    assert found is not None and int(found[1]) <= 12, run.out


def test_what_a_script_prints_leaves_the_document_alone(ran) -> None:  # type: ignore[no-untyped-def]
    source = "function init() print('hello') end\nfunction request() return wrk.format() end"
    with Server(answering) as server:
        run = ran(source, "-n", "10", "-c", "1", "-t", "1", "--json", "-", "--quiet", server.url())
    assert json.loads(run.out)["summary"]["ok"] == 10
    assert "hello" in run.err


def test_an_error_in_the_load_ends_the_run_with_its_line(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "local n = 0\nfunction request()\n n = n + 1\n if n > 100 then return n.x.y end\n"
        " return wrk.format()\nend"
    )
    with Server(answering) as server:
        run = ran(source, "-d", "30s", "-c", "2", "-t", "1", server.url())
    assert run.code == 107
    assert run.elapsed_s < 20
    assert "load.lua, line 4: attempt to index" in run.out
    assert ".;" not in run.out
    assert run.summary["ended"] == "script_failed"


def test_a_slow_script_is_named_as_the_limit(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "function request()\n local x = 0\n for i = 1, 3000000 do x = x + math.sin(i) end\n"
        " return wrk.format()\nend"
    )
    with c_server() as server:
        run = ran(source, "-d", "4s", "-c", "8", "-t", "1", server.url)
    assert "the Lua script was the limit" in " ".join(run.document["validity"]["reasons"])
    assert run.document["validity"]["limit"] == "client"


REFUSED = {
    "wrk = nil": ((), "load.lua: attempt to index global 'wrk' (a nil value); was a name of wrk's"),
    "function request() os.exit(3) end": ((), "os.exit() ends no worker; wrk.thread:stop() does"),
    "function delay() return 1 end": (("-R", "10"), "-R and the script's delay() both say when"),
    "function request() return wrk.format() .. wrk.format() end": (
        ("-R", "10"),
        "request() returns 2 at a time",
    ),
    "function request() return 'x' end": ((), "what request() returned is no request of HTTP/1.1"),
    "function init() nothing.x = 1 end": (
        (),
        "load.lua, line 1: attempt to index global 'nothing'",
    ),
}


@pytest.mark.parametrize("source", REFUSED)
def test_what_cannot_run_is_refused_before_the_load(ran, source: str) -> None:  # type: ignore[no-untyped-def]
    words, told = REFUSED[source]
    with Server(answering) as server:
        run = ran(source, "-d", "1s", "-c", "1", *words, server.url())
    assert run.code == 1
    assert told in run.err
    assert "Traceback" not in run.err
    assert server.seen.requests == 0


def test_scripts_load_what_setup_says(ran) -> None:  # type: ignore[no-untyped-def]
    source = (
        "function setup(t) t.addr = wrk.lookup('127.0.0.1', OTHER)[1] end\n"
        "function request() return wrk.format() end"
    )
    with Server(answering) as named, Server(answering) as other:
        run = ran(source.replace("OTHER", str(other.port)), "-n", "9", "-c", "2", named.url())
    assert run.summary["ok"] == other.seen.requests == 9
    assert named.seen.requests == 0
