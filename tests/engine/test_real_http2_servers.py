"""HTTP/2 against real servers: no errors, and counts that agree with the server's own.

Each kind of load has a path of its own, by which the server's log tells what it saw of it. It may
exceed our count by what was in flight at the end and what was sent again, and is never smaller.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from commandline import at_once, measured
from http2_servers import KINDS, LARGE_BYTES
from real_servers import RealServer, real_server
from running import SLOW, Run, kinds, start, until

pytestmark = pytest.mark.slow

QUICK = ("nginx", "nginx https", "node")
DURATION_S = 3 if SLOW else 0.3
FEW = 10 if SLOW else 1
COUNT = 30_000 if SLOW else 10_000
GET, HEAD, POST = "/echo?get", "/echo?head", "/post?short"
LOADS: dict[str, tuple[str, ...]] = {
    "/echo?one": ("-c10", "-m1", "-d", f"{DURATION_S}s"),
    "/echo?ten": ("-c4", "-m10", "-d", f"{DURATION_S}s"),
    "/echo?hundred": ("-c4", "-m100", "-n", str(600 * FEW), "--timeout", "20s"),
    "/echo?rate": ("-c4", "-m10", "-R500", "-d", f"{DURATION_S}s"),
    "/echo?closing": ("-c4", "-n", str(100 * FEW), "--no-keepalive"),
    "/large": ("-c2", "-m10", "-n", str(40 * FEW), "--timeout", "20s"),
    "/post?window": ("-c2", "-m10", "-n", str(40 * FEW), "-b", "x" * 100_000, "--timeout", "20s"),
    "/post?megabytes": ("-c2", "-m2", "-n", "8", "--timeout", "20s"),
}


@dataclass(slots=True)
class Session:
    """All runs against one server by path, and the server after its end."""

    server: RealServer
    runs: dict[str, Run] = field(default_factory=dict)


@pytest.fixture(scope="module", params=KINDS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    if request.param not in QUICK and not SLOW:
        pytest.skip("one of those that `make slow` tries")
    folder = tmp_path_factory.mktemp("http2")
    (folder / "body").write_bytes(os.urandom(5_000_000))
    with real_server(request.param, KINDS) as server:
        session = Session(server)

        def load(path: str) -> Callable[[], Run]:
            extra = ("--body-file", str(folder / "body")) if path == "/post?megabytes" else ()
            return lambda: run(server, *LOADS[path], *extra, server.url(path))

        (folder / "urls").write_text(
            f"2 GET {server.url(GET)}\n1 HEAD {server.url(HEAD)}\n1 POST {server.url(POST)}\n"
        )
        mix = ("-c2", "-m5", "-n1000", "-t1", "-b", "name=value&" * 20)
        acts = {path: load(path) for path in LOADS}
        acts["mix"] = lambda: run(server, *mix, "--urls-from-file", str(folder / "urls"))
        session.runs = dict(zip(acts, at_once(acts.values()), strict=True))
    return session


def run(server: RealServer, *arguments: str) -> Run:
    return measured("--http2", "-t1", *server.flags, *arguments)


def faultless(run: Run) -> None:
    """Every answer was a 200 and nothing else happened."""
    # The machine's own state, and what other tests do to it, is not the server's.
    ours = {"listen_overflow", "busy_machine", "other_load"}
    warned = {warning["code"] for warning in run.document["warnings"]} - ours
    assert (run.code, run.errors) == (0, [])
    assert (run.summary["failed"], run.summary["timeouts"]) == (0, 0), warned
    assert run.document["status_codes"] == {"200": run.summary["ok"]}


def agrees(session: Session, run: Run, *lines: str) -> None:
    beyond = sum(session.server.served[line] for line in lines) - run.summary["requests"]
    assert 0 <= beyond <= run.summary["in_flight_at_end"] + run.summary["retried"]


@pytest.mark.parametrize("path", LOADS)
def test_a_load_has_no_errors_and_agrees_with_the_server(session: Session, path: str) -> None:
    run = session.runs[path]
    faultless(run)
    agrees(session, run, f"{'POST' if path.startswith('/post') else 'GET'} {path}")
    assert run.summary["requests"] > 0
    if "-n" in LOADS[path]:
        assert run.summary["ok"] == int(LOADS[path][LOADS[path].index("-n") + 1])


def test_several_urls_and_methods_have_their_exact_shares(session: Session) -> None:
    run = session.runs["mix"]
    faultless(run)
    shares = {f"GET {GET}": 500, f"HEAD {HEAD}": 250, f"POST {POST}": 250}
    agrees(session, run, *shares)
    if not run.summary["retried"]:
        assert {line: session.server.served[line] for line in shares} == shares


def test_large_answers_come_whole(session: Session) -> None:
    run = session.runs["/large"]
    assert run.summary["bytes_in"] > run.summary["ok"] * LARGE_BYTES


def test_without_keepalive_every_request_has_its_connection(session: Session) -> None:
    run = session.runs["/echo?closing"]
    connects = run.document["latency_ms"]["connect"]["count"]
    assert run.summary["ok"] <= connects <= run.summary["ok"] + 4


def test_a_server_that_ends_each_connection_after_1000_requests_fails_none() -> None:
    """nginx's default: `keepalive_requests 1000`."""
    count = 20_000
    with real_server("nginx", KINDS) as server:
        ended = run(server, "-c10", "-m100", "-n", str(count), server.url("/echo?limited"))
    faultless(ended)
    assert ended.summary["ok"] == count
    beyond = server.served["GET /echo?limited"] - count
    assert 0 <= beyond <= ended.summary["retried"]
    assert ended.document["latency_ms"]["connect"]["count"] >= count / 1000


def grows(server: RealServer) -> None:
    """Wait until the server has served some hundred requests more."""
    before = server.log.stat().st_size
    until(lambda: server.log.stat().st_size > before + 10_000)


@pytest.mark.parametrize("kind", ["nginx", "nginx https"])
def test_a_graceful_reload_under_load_fails_no_request(kind: str) -> None:
    """The workers that end say GOAWAY; answers under way still come."""
    with real_server(kind, KINDS) as server:
        url = server.url("/echo?reload")
        with start(
            "--http2", "-t1", "-c4", "-m10", "-n", str(COUNT), *server.flags, url
        ) as running:
            for _ in range(3):
                grows(server)
                server.process.send_signal(signal.SIGHUP)
            ended = running.finish()
    faultless(ended)
    assert (ended.summary["ok"], ended.summary["in_flight_at_end"]) == (COUNT, 0)
    assert ended.document["latency_ms"]["connect"]["count"] > 4
    beyond = server.served["GET /echo?reload"] - ended.summary["requests"]
    assert 0 <= beyond <= ended.summary["retried"]


def test_a_restart_under_load_loses_only_what_was_in_flight() -> None:
    with real_server("nginx", KINDS) as server:
        url = server.url("/echo?restart")
        with start("--http2", "-t1", "-c4", "-m10", "-n10000", url) as running:
            grows(server)
            server.process.terminate()  # nginx: a fast shutdown
            server.process.wait()
            server.process = subprocess.Popen(
                server.process.args,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            grows(server)
            ended = running.finish()
    lost = ended.summary["failed"]
    assert ended.summary["ok"] + lost == 10_000
    assert set(kinds(ended)) <= {"connect_refused", "reset", "truncated", "goaway"}
    assert lost <= 2 * 4 * 10  # its successor may be met while it ends
    beyond = server.served["GET /echo?restart"] - ended.summary["ok"]
    assert 0 <= beyond <= lost + ended.summary["retried"]
