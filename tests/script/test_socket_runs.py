"""Scripts with WebSockets, run as a whole: counts, ends, what is told."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke
from embedded import seen, serving
from running import Run, fastbench, start, until
from servers import Server
from websocket_peers import echoing, opened

SCRIPT = """
from fastbench import *
options = Options(thresholds={
    "ws_msg_rtt{name:talk}": ["p(95)<5000"],
    "ws_connecting{size:small}": ["max<5000"],
    "operation_failed{name:connect chat}": ["rate==0"],
    "ws_msgs_lost": ["count==0"],
    "ws_errors": ["count==0"],
    "checks": ["rate==1"],
})

@scenario(executor="constant-vus", vus=4, duration="1s", graceful_stop="0s")
async def main(vu):
    async with vu.ws("/ws/echo", name="chat", tags={"size": "small"}) as socket:
        check(socket, {"open": lambda s: s.status == 101 and s.open})
        socket.every(0.05, socket.ping)
        reply = await socket.request({"ref": vu.id}, {"ref": vu.id}, name="talk")
        check(reply, {"echo": lambda r: r == '{"ref":%d}' % vu.id})
        async for message in socket:
            check(message, {"nothing else comes": lambda m: False})
"""
REFUSED = """
from fastbench import *
options = Options(iterations=3)

@scenario
async def main(vu):
    async with vu.ws("/health") as socket:
        check(socket, {"refused": lambda s: s.status == 200 and s.response.text and not s.open})
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, address):
        yield address


def written(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text(text)
    return str(path)


def metric(run: Run, name: str) -> float:
    values = run.document["metrics"][name]["values"]
    return float(values["count"])


def test_sockets_that_are_open_at_the_end_are_closed_and_no_errors(
    tmp_path: Path, url: str
) -> None:
    before = seen(url).totals
    run = fastbench("run", written(tmp_path, SCRIPT), "--base-url", url, "-t", "2", "-q")
    there = seen(url).totals - before
    assert run.code == 0, run.document["thresholds"]
    assert metric(run, "ws_sessions") == there["ws_sessions"] == 4
    assert metric(run, "ws_session_duration") == there["ws_closed_1000"] == 4
    assert metric(run, "ws_msgs_sent") == there["ws_msgs_received"] == 4
    assert metric(run, "ws_msgs_received") == there["ws_msgs_sent"] == 4
    assert metric(run, "ws_ping") > 4
    rows = {row["name"]: row for row in run.document["requests"]}
    assert {name: (row["kind"], row["requests"]) for name, row in rows.items()} == {
        "connect chat": ("ws", 4),
        "talk": ("ws", 4),
    }
    assert run.document["scenarios"][0]["interrupted"] == 4
    assert run.summary["requests"] == 0 and run.document["exceptions"] == []


def test_an_interrupt_closes_the_sockets(tmp_path: Path, url: str) -> None:
    before = seen(url).totals["ws_sessions"]
    script = written(tmp_path, SCRIPT.replace('"1s"', '"1m"'))
    with start("run", script, "--base-url", url, "-t", "1", "-q") as running:
        until(lambda: seen(url).totals["ws_sessions"] == before + 4)
        os.kill(running.process.pid, signal.SIGINT)
        run = running.finish()
    assert run.code == 105 and "Traceback" not in run.err
    assert run.elapsed_s < 20
    assert metric(run, "ws_session_duration") == 4


def test_debug_shows_handshake_and_frames(tmp_path: Path, url: str) -> None:
    text = SCRIPT.replace("async for message in socket:", "for message in ():")
    shown = invoke("run", written(tmp_path, text), "--base-url", url, "--debug")
    lines = shown.stdout.splitlines()
    assert shown.returncode == 0, shown.stdout + shown.stderr
    wanted = [
        "> GET /ws/echo HTTP/1.1",
        "> Upgrade: websocket",
        "< HTTP/1.1 101 Switching Protocols",
    ]
    wanted += ['> text, 9B: {"ref":1}', '< text, 9B: {"ref":1}', "> close 1000", "< close 1000"]
    assert [line for line in lines if line in wanted] == wanted


def test_a_dry_run_knows_what_needs_a_socket(tmp_path: Path) -> None:
    script = written(tmp_path, SCRIPT)
    assert invoke("run", script, "--base-url", "http://localhost", "--dry-run").returncode == 0
    script = written(tmp_path, SCRIPT.replace("vu.ws(", "vu.stream("))
    shown = invoke("run", script, "--base-url", "http://localhost", "--dry-run")
    assert "ws_errors: count==0: it never gets a sample, because the script never calls ws()" in (
        shown.stdout + shown.stderr
    ).replace("\n", " ")


def test_a_refusal_is_told_once_with_its_cure(tmp_path: Path, url: str) -> None:
    run = fastbench("run", written(tmp_path, REFUSED), "--base-url", url, "-t", "1", "-q")
    (told,) = [each for each in run.document["warnings"] if each["code"] == "websocket"]
    assert "the handshake was answered with status 200: a page, no WebSocket" in told["text"]
    assert told["hint"] == "check the path of the URL"
    row = run.document["requests"][0]
    assert (row["name"], row["requests"], row["failed"]) == ("connect /health", 3, 3)
    assert list(row["reasons"].values()) == [3], json.dumps(row)
    assert metric(run, "ws_errors") == 3 and run.document["exceptions"] == []


def test_a_secure_socket_is_one(tmp_path: Path) -> None:
    text = """
from fastbench import *
options = Options(iterations=2, cacert=CA)

@scenario
async def main(vu):
    async with vu.ws(env("URL"), name="safe") as socket:
        check(await socket.request("x" * 200_000, timeout=5), {"echo": lambda r: len(r) == 200_000})
        check(await socket.ping(5), {"pong": lambda ms: ms > 0})
"""
    authority = Authority(tmp_path)
    script = written(tmp_path, text.replace("CA)", f"{authority.cafile!r})"))
    with Server(opened(echoing), tls=authority.good("localhost", "127.0.0.1")) as server:
        url = server.url("/").replace("https", "wss")
        run = fastbench("run", script, "-e", f"URL={url}", "-t", "1", "-q")
    assert [(row["passes"], row["fails"]) for row in run.document["checks"]] == [(2, 0)] * 2
    assert metric(run, "ws_sessions") == metric(run, "ws_msg_rtt") == 2
