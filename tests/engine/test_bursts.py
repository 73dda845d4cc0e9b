"""--burst: so many requests at once, so often, over all workers; and how the socket is made."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from commandline import invoke, measured
from servers import OK, Peer, Server, answering

from fastbench.cli.args import url_args


def test_each_burst_is_sent_at_its_instant_by_all_workers_together() -> None:
    seen: list[float] = []

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            seen.append(time.monotonic())
            peer.send(OK)

    with Server(script) as server:
        run = measured("--burst", "7/250ms", "-c7", "-t2", "-d", "1s", server.url())
    assert run.summary["scheduled"] == run.summary["ok"] == 28, run.err
    first = seen[0]
    groups = Counter(round((at - first) / 0.25) for at in seen)
    assert groups == {0: 7, 1: 7, 2: 7, 3: 7}
    config = run.document["config"]
    assert config["burst"] == {"requests": 7, "every_s": 0.25}
    assert (config["rate"], config["arrival"]) == (28.0, "burst")
    assert "7 requests at once every 250ms" in run.out
    assert run.document["latency_ms"]["response"]["count"] == 28


def test_what_waits_for_a_connection_counts_from_the_instant_of_its_burst() -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.pause(0.02)
            peer.send(OK)

    with Server(script) as server:
        run = measured("--burst", "5/1s", "-c1", "-t1", "-n5", "-d5s", server.url())
    latency = run.document["latency_ms"]
    assert run.summary["ok"] == 5 and "add -c 5" in run.err
    assert latency["response"]["max"] >= 100 > 2 * latency["service"]["p50"]


def test_requests_and_a_warm_up_end_as_they_do_under_a_rate() -> None:
    with Server(answering()) as server:
        run = measured("--burst", "4/50ms", "-c4", "-n10", "-W", "200ms", server.url())
        oha = measured("--burst-delay", "100ms", "--burst-rate", "3", "-c3", "-n6", server.url())
    assert run.summary["ok"] == 10 and run.document["warmup"]["requests"] == 16
    assert oha.document["config"]["burst"] == {"requests": 3, "every_s": 0.1}
    assert oha.summary["ok"] == 6


def test_a_comparison_of_bursts_is_by_visits() -> None:
    words = ["--burst", "4/50ms", "http://127.0.0.1:1/", "http://127.0.0.1:2/"]
    shown = invoke("compare", "--slice", "20ms", *words)
    assert shown.returncode == 1 and "Slices cannot have bursts" in shown.stderr


@pytest.mark.parametrize(("flag", "set_"), [((), True), (("--no-delay", "off"), False)])
def test_small_writes_wait_only_when_asked(
    flag: tuple[str, ...], set_: bool, tmp_path: Path
) -> None:
    """Seen by strace, which says what a socket is told."""
    log = tmp_path / "log"
    with Server(answering()) as server:
        words = [sys.executable, "-m", "fastbench", "-n2", "-c1", "-t1", *flag, server.url()]
        trace = ["strace", "-f", "-e", "trace=setsockopt", "-o", str(log), *words]
        done = subprocess.run(trace, capture_output=True, text=True, timeout=60)
    if done.returncode and "ptrace" in done.stderr:
        pytest.skip("no process may be traced here")
    assert done.returncode == 0, done.stderr
    assert ("TCP_NODELAY" in log.read_text()) == set_


def test_an_abstract_socket_is_loaded_debugged_and_waited_for() -> None:
    name = f"fastbench-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen(64)
        stop = threading.Event()

        def serve(stream: socket.socket) -> None:
            with stream:
                while stream.recv(65536):
                    stream.sendall(OK)

        def accept() -> None:
            while not stop.is_set():
                try:
                    stream, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(stream,)).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            flags = ("--unix", f"@{name}", "http://app.test/x")
            run = measured("-n20", "-c2", "--wait-for", "5s", *flags)
            debug = invoke("--debug", *flags)
            other = measured("-n2", "-c1", "--unix", f"@{name}x", "http://app.test/x")
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert run.summary["ok"] == 20 and run.document["config"]["unix"] == f"@{name}"
    assert debug.returncode == 0 and f"@{name}" in debug.stdout
    assert {each["code"] for each in other.errors} == {"ECONNREFUSED"}
    assert f"@{name}" in " ".join(run.document["config"]["command"])


def test_cookies_and_codings_are_sent_once_and_never_shown() -> None:
    with Server(answering()) as server:
        words = ("--cookie", "a=secret1", "--cookie", "b=2; c=3", "--compressed", "-n2", "-c1")
        run = measured(*words, server.url())
    assert b"\r\nCookie: a=secret1; b=2; c=3\r\nAccept-Encoding: gzip, deflate, br\r\n" in (
        server.seen.last
    )
    assert "secret1" not in str(run.document)
    found = url_args.parse(["--compressed", "-H", "Accept-Encoding: zstd", server.url()])
    assert not isinstance(found, str)
    assert found.plan.requests[0].payload.lower().count(b"accept-encoding") == 1
