"""Scripts of Python and of k6 over HTTP/2, against servers that others wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from http2_frames import answer
from http2_hosts import nginx_http2, node_http2
from http2_peers import Streams, serving
from running import Run, fastbench
from servers import Server, answering

PYTHON = """
from fastbench import *
options = Options(base_url=env("URL"), insecure_skip_tls_verify=True)
"""
ONE = """
@scenario(executor="shared-iterations", vus=1, iterations=1)
async def one(vu):
    await vu.get("/")
"""
BATCH = """
@scenario(executor="shared-iterations", vus=2, iterations=6)
async def all(vu):
    found = await vu.batch([f"/{n}" for n in range(20)])
    check(found, {"spoken": lambda all: {each.protocol for each in all} == {"h2"},
                  "fine": lambda all: {each.body for each in all} == {b"fine"}})
"""
LEFT_OUT = """
@scenario(executor="shared-iterations", vus=1, iterations=1)
async def some(vu):
    for n in range(3):
        await vu.get("/", headers={"Connection": "close", "TE": "gzip"})
        await vu.get(f"/{n}", headers={"keep-alive": "5"})
    await vu.get("/last", headers={"TE": "trailers"})
"""
KINDS = """
@scenario(executor="shared-iterations", vus=1, iterations=1)
async def all(vu):
    none, same, away, head, up = await vu.batch([
        vu.get("/none"), vu.get("/same", expected=304), vu.get("/away"), vu.head("/"),
        vu.post("/up", data=b"x" * 1_000_000)])
    check(away, {"led": lambda r: r.url.endswith("/landed") and r.body == b"fine"})
    check(none, {"204": lambda r: (r.status, r.body) == (204, b"")})
    check(same, {"304": lambda r: (r.status, r.body) == (304, b"")})
    check(head, {"head": lambda r: (r.status, r.body) == (200, b"")})
"""
K6 = """
import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: 2, iterations: 6, insecureSkipTLSVerify: true };
export default function () {
  const urls = Array.from({ length: 20 }, (_, n) => ['GET', `${__ENV.URL}/${n}`]);
  check(http.batch(urls), {
    spoken: (all) => all.every((r) => r.proto === 'HTTP/2.0' && r.status_text === '200 OK'),
    fine: (all) => all.every((r) => r.body === 'fine'),
    named: (all) => all.every((r) => r.headers['Content-Type'] === 'text/plain'),
    timed: (all) => all.every((r) => r.timings.duration > 0),
  });
}
"""


def run(folder: Path, name: str, text: str, url: str, *more: str) -> Run:
    path = folder / name
    path.write_text(text)
    return fastbench("run", str(path), "-e", f"URL={url}", "-t", "1", "-q", *more)


def good(found: Run, requests: int) -> None:
    assert found.code == 0, found.err
    assert (found.summary["requests"], found.summary["failed"]) == (requests, 0)
    assert [row["fails"] for row in found.document["checks"]] == [0] * len(found.document["checks"])


@pytest.mark.parametrize(("name", "text"), [("s.py", PYTHON + BATCH), ("s.js", K6)])
def test_each_user_has_one_connection(tmp_path: Path, name: str, text: str) -> None:
    if name == "s.js":
        pytest.importorskip("fastbench.engine.javascript._quickjs", reason="no JavaScript")
    with nginx_http2(tmp_path) as host:
        found = run(tmp_path, name, text, host.url)
    good(found, 120)
    assert sum(host.connections) == 120 and len(host.connections) == 2
    assert {line.split()[0] for line in host.said} == {"HTTP/2.0"}
    use = found.document["http2"]
    assert (use["connections"], use["http1_connections"], use["goaways"]) == (2, 0, 0)


def test_headers_that_have_no_place_in_http2_are_told_once(tmp_path: Path) -> None:
    fields: list[dict[str, str]] = []

    def script(h: Streams) -> None:
        h.hello()
        while True:
            fields.append(h.fields[stream := h.request()])
            h.send(answer(stream))

    with serving(script) as (server, _):
        found = run(tmp_path, "s.py", PYTHON + LEFT_OUT, server.url(), "--http2")
    told = [each["text"] for each in found.document["warnings"]]
    assert told == [
        "over HTTP/2 this is left out of requests: Connection, TE (RFC 9113 section 8.2.2)",
        "over HTTP/2 this is left out of requests: keep-alive (RFC 9113 section 8.2.2)",
    ]
    assert len(fields) == 7 and fields[-1]["te"] == "trailers"
    assert not any({"connection", "keep-alive"} & set(each) for each in fields)
    assert not any("te" in each for each in fields[:6])
    with serving(script) as (server, _):
        found = run(tmp_path, "s.py", PYTHON + ONE, server.url(), "--http2", "--no-keepalive")
    assert not found.document["warnings"], "what we say ourselves"


def test_a_script_may_have_servers_of_both_versions(tmp_path: Path) -> None:
    text = PYTHON + ONE + '    await vu.get(env("OTHER"))\n'
    with nginx_http2(tmp_path) as host, Server(answering()) as other:
        both = (f"--threshold=http_reqs{{proto:HTTP/{n}}}==1" for n in ("2.0", "1.1"))
        found = run(tmp_path, "s.py", text, host.url, "-e", f"OTHER={other.url()}", *both)
    good(found, 2)
    assert [each["ok"] for each in found.document["thresholds"].values()] == [True, True]
    use = found.document["http2"]
    assert (use["connections"], use["http1_connections"]) == (1, 1)
    assert "mixed_protocols" not in [each["code"] for each in found.document["warnings"]]


def test_a_server_that_ends_connections_all_the_time_loses_no_request(tmp_path: Path) -> None:
    text = PYTHON + BATCH.replace("iterations=6", "iterations=60")
    with nginx_http2(tmp_path, "keepalive_requests 50;") as host:
        found = run(tmp_path, "s.py", text, host.url)
    good(found, 1200)
    assert sum(host.connections) == 1200 and max(host.connections) <= 50 + 6
    assert 24 <= len(host.connections) <= 30


def test_answers_without_bodies_and_an_upload(tmp_path: Path) -> None:
    with nginx_http2(tmp_path) as host:
        found = run(tmp_path, "s.py", PYTHON + KINDS, host.url)
    good(found, 6)
    assert host.said["HTTP/2.0 POST /up 200"] == 1 and host.said["HTTP/2.0 HEAD / 200"] == 1
    assert len(host.connections) == 1


@pytest.mark.parametrize(("flag", "spoken"), [((), "HTTP/2.0"), (("--http1",), "HTTP/1.1")])
def test_the_flag_chooses(tmp_path: Path, flag: tuple[str, ...], spoken: str) -> None:
    with nginx_http2(tmp_path) as host:
        good(run(tmp_path, "s.py", PYTHON + ONE, host.url, *flag), 1)
    assert host.said == {f"{spoken} GET / 200": 1}


def test_the_options_choose(tmp_path: Path) -> None:
    text = PYTHON.replace("insecure", 'http="1.1", insecure') + ONE
    with nginx_http2(tmp_path) as host:
        good(run(tmp_path, "s.py", text, host.url), 1)
    assert host.said == {"HTTP/1.1 GET / 200": 1}
    wrong = run(tmp_path, "s.py", text.replace('"1.1"', '"3"'), "http://127.0.0.1")
    assert wrong.code == 104 and 'http is "1.1" or "2"' in wrong.err


def test_node_gets_uploads_and_sends_large_answers(tmp_path: Path) -> None:
    text = (
        PYTHON
        + """
@scenario(executor="shared-iterations", vus=1, iterations=3)
async def up(vu):
    found = await vu.batch([vu.post("/", data=b"x" * 1_000_000) for _ in range(4)])
    check(found, {"size": lambda all: {each.headers["X-Size"] for each in all} == {"1000000"},
                  "long": lambda all: {len(each.body) for each in all} == {50003}})
    check(await vu.get("/none"), {"204": lambda r: (r.status, r.protocol) == (204, "h2")})
"""
    )
    with node_http2(tmp_path) as host:
        good(run(tmp_path, "s.py", text, host.url), 15)
    assert host.connections == [15]
