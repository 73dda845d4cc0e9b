"""Scripts of Python and of k6 through proxies: requests, sockets, HTTP/2, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import invoke, valid
from embedded import serving
from http2_hosts import nginx_http2
from proxy_servers import LOGIN, HttpProxy, Socks5Proxy, in_pieces
from running import Run, fastbench
from servers import Server, answering, refusing

SECRET = "user:p%3Aw%40d@"
PYTHON = """
from fastbench import *
options = Options(base_url=env("URL"), insecure_skip_tls_verify=True, {more})

@scenario(executor="shared-iterations", vus=2, iterations=20)
async def load(vu):
    answer = await vu.post("/a?b=c", data="body")
    check(answer, {{"fine": lambda r: r.status == 200}})
"""
SOCKET = """
from fastbench import *
options = Options(base_url=env("URL"))

@scenario(executor="shared-iterations", vus=2, iterations=10)
async def load(vu):
    await vu.get("/api/health")
    async with vu.ws("/ws/echo") as socket:
        await socket.send("x")
        check(await socket.receive(), {"echoed": lambda text: text == "x"})
"""
K6 = """
import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: 2, iterations: 20, insecureSkipTLSVerify: true };
export default () => {
  const r = http.post(`${__ENV.URL}/a?b=c`, 'body');
  check(r, { fine: (r) => r.status === 200 });
};
"""


def run(folder: Path, text: str, url: str, *more: str, name: str = "load.py") -> Run:
    path = folder / name
    path.write_text(text)
    found = fastbench("run", str(path), "-e", f"URL={url}", "-t2", *more)
    if found.document:
        valid(found.document)
    return found


def fine(run: Run, count: int = 20) -> None:
    assert (run.code, run.summary["ok"], run.errors) == (0, count, []), run.out + run.err


@pytest.mark.parametrize("where", ["flag", "options"])
def test_plain_http_is_asked_of_the_proxy(tmp_path: Path, where: str) -> None:
    proxy = HttpProxy(login=LOGIN, send=in_pieces)
    with Server(answering()) as server, Server(proxy) as before:
        way = f"http://{SECRET}127.0.0.1:{before.port}"
        more, flags = ("", ("--proxy", way)) if where == "flag" else (f"proxy={way!r}", ())
        found = run(tmp_path, PYTHON.format(more=more), server.url(""), *flags)
    fine(found)
    assert server.seen.lines == {b"POST /a?b=c HTTP/1.1": 20}
    assert proxy.asked == 20 and not proxy.tunnels and not proxy.refused
    assert b"roxy" not in server.seen.last
    shown = f"http://***@127.0.0.1:{before.port}"
    assert found.document["config"]["proxy"] == shown
    assert f"through the proxy {shown}" in " ".join(found.out.split())
    assert "p:w@d" not in found.out and "p%3Aw" not in str(found.document)
    assert {row["server"] for row in found.document["addresses"]} == {shown}


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("language", ["python", "k6"])
def test_https_goes_through_a_tunnel_and_speaks_http2(
    tmp_path: Path, scheme: str, language: str
) -> None:
    proxy = HttpProxy(send=in_pieces) if scheme == "http" else Socks5Proxy(send=in_pieces)
    with nginx_http2(tmp_path) as server, Server(proxy) as before:
        way = ("--proxy", f"{scheme}://127.0.0.1:{before.port}")
        if language == "k6":
            pytest.importorskip("fastbench.engine.javascript._quickjs")
            found = run(tmp_path, K6, server.url, *way, name="load.js")
        else:
            found = run(tmp_path, PYTHON.format(more=""), server.url, *way)
    assert found.summary["started"] == 20 and not found.errors, found.out
    assert found.document["http2"]["connections"] == before.seen.connections > 0
    rows = found.document["latency_ms"]
    counts = [rows[name]["count"] for name in ("connect", "to_proxy", "through_proxy")]
    assert counts == [before.seen.connections] * 3


def test_websockets_beside_requests(tmp_path: Path) -> None:
    proxy = HttpProxy(login=LOGIN)
    with serving("--port", "0") as (_, url), Server(proxy) as before:
        way = ("--proxy", f"http://{SECRET}127.0.0.1:{before.port}")
        found = run(tmp_path, SOCKET, url, *way)
    assert found.code == 0 and not found.errors, found.out
    assert (proxy.asked, len(proxy.tunnels), proxy.refused) == (10, 10, 0)
    assert "echoed" not in found.out or "100%" in found.out


def test_a_tunnel_that_is_refused_fails_requests_by_name(tmp_path: Path) -> None:
    with Server(HttpProxy(login=LOGIN)) as before:
        way = ("--proxy", f"http://user:wrong@127.0.0.1:{before.port}")
        found = run(tmp_path, PYTHON.format(more=""), "https://server.test", *way)
    rows = {(row["kind"], row["phase"], row["code"]): row["count"] for row in found.errors}
    assert rows == {("proxy", "proxy", "407"): 20}
    assert found.document["status_codes"] == {} and "wrong" not in found.out


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_silent_proxy_is_a_connect_timeout(tmp_path: Path, scheme: str) -> None:
    with Server(lambda peer: peer.stall()) as before:
        way = ("--proxy", f"{scheme}://127.0.0.1:{before.port}", "--connect-timeout", "100ms")
        found = run(tmp_path, PYTHON.format(more=""), "https://server.test", *way)
    rows = {(row["kind"], row["phase"]): row["count"] for row in found.errors}
    assert rows == {("connect_timeout", "proxy"): 20}


def test_a_script_of_k6_reads_the_environment_when_it_is_told(tmp_path: Path) -> None:
    pytest.importorskip("fastbench.engine.javascript._quickjs")
    path, proxy = tmp_path / "load.js", HttpProxy()
    path.write_text(K6)
    with Server(answering()) as server, Server(proxy) as before:
        words = ("run", str(path), "-e", f"URL={server.url('')}", "-t2")
        env = {"HTTP_PROXY": f"http://127.0.0.1:{before.port}", "NO_PROXY": "10.0.0.0/8"}
        assert invoke(*words, env=env).returncode == 0
        assert proxy.asked == 0
        assert invoke(*words, "--proxy", "env", env=env).returncode == 0
        assert proxy.asked == 20
        exempt = {**env, "NO_PROXY": "127.0.0.0/8"}
        assert invoke(*words, "--proxy", "env", env=exempt).returncode == 0
    assert proxy.asked == 20 and server.seen.requests == 60


def test_a_wrong_proxy_is_one_sentence(tmp_path: Path) -> None:
    with refusing() as port:
        text = PYTHON.format(more="proxy='https://u:hunter22@x:1'")
        found = run(tmp_path, text, f"http://127.0.0.1:{port}")
    assert found.code == 104 and "3: proxy: TLS to a proxy is not supported" in found.err
    assert "hunter22" not in found.err.replace(text, "")
