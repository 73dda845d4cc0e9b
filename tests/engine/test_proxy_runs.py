"""Runs through proxies: what the server gets, what is counted, and what a proxy does wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke, measured
from embedded import serving
from http2_servers import KINDS as HTTP2_SERVERS
from proxy_servers import LOGIN, HttpProxy, Socks5Proxy, in_pieces
from real_servers import real_server
from running import Run, good, kinds
from scripts import replying
from servers import OK, Peer, Script, Server, answering, never_accepting, refusing

FEW = ("-n40", "-c4", "-t2")
SECRET = "p%3Aw%40d"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def through(proxy: Server, scheme: str = "http", login: str = "") -> tuple[str, str]:
    return "--proxy", f"{scheme}://{login}127.0.0.1:{proxy.port}"


def one_error(run: Run, kind: str, phase: str, code: str) -> None:
    """Nothing was sent, and every error is this one, with a cause and a cure."""
    assert (run.code, run.summary["ok"], run.document["status_codes"]) == (122, 0, {})
    rows = {(row["kind"], row["phase"], row["code"]) for row in run.errors}
    assert rows == {(kind, phase, code)}
    shown = " ".join(run.out.split())
    assert run.errors[0]["message"] in shown and run.errors[0]["hint"] in shown


@pytest.mark.parametrize("send", [Peer.send, in_pieces])
@pytest.mark.parametrize("login", [None, LOGIN])
def test_plain_http_is_asked_of_the_proxy(
    send: Callable[[Peer, bytes], None], login: tuple[str, str] | None
) -> None:
    proxy = HttpProxy(login=login, send=send)
    user = f"user:{SECRET}@" if login else ""
    with Server(answering()) as server, Server(proxy) as before:
        url = server.url("/a?b=c")
        run = measured(*FEW, "-b", "body", *through(before, login=user), url)
    good(run, 40)
    assert server.seen.lines == {b"POST /a?b=c HTTP/1.1": 40} and proxy.asked == 40
    assert f"\r\nHost: 127.0.0.1:{server.port}\r\n".encode() in server.seen.last
    assert b"roxy" not in server.seen.last
    assert before.seen.connections == 4 and (proxy.tunnels, proxy.refused) == ([], 0)
    assert "to_proxy" not in run.document["latency_ms"]
    assert SECRET not in run.out + str(run.document) and "p:w@d" not in run.out


@pytest.mark.parametrize("send", [Peer.send, in_pieces])
@pytest.mark.parametrize("version", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("login", [None, LOGIN])
def test_tls_goes_through_a_tunnel(
    authority: Authority,
    send: Callable[[Peer, bytes], None],
    version: str,
    login: tuple[str, str] | None,
) -> None:
    proxy: HttpProxy | Socks5Proxy = HttpProxy(login=login, send=send)
    if version != "http":
        proxy = Socks5Proxy(login=login, send=send)
    user = f"user:{SECRET}@" if login else ""
    with Server(answering(), tls=authority.good("localhost")) as server, Server(proxy) as before:
        way = through(before, version, user)
        run = measured(
            *FEW, "--cacert", authority.cafile, *way, f"https://localhost:{server.port}/"
        )
    good(run, 40)
    assert server.seen.requests == 40 and server.seen.connections == 4
    if isinstance(proxy, HttpProxy):
        assert proxy.tunnels == [f"localhost:{server.port}"] * 4 and not proxy.refused
    elif version == "socks5h":
        assert proxy.names == [f"localhost:{server.port}"] * 4 and not proxy.addresses
    else:
        assert not proxy.names and len(proxy.addresses) == 4
    rows = run.document["latency_ms"]
    assert [rows[name]["count"] for name in ("connect", "to_proxy", "through_proxy")] == [4] * 3
    parts = rows["to_proxy"]["sum_ns"] + rows["through_proxy"]["sum_ns"]
    assert parts == rows["connect"]["sum_ns"]
    assert "of it to the proxy p50" in run.out and "through it p50" in run.out
    assert run.document["tls"]["handshakes"] == 4 and run.document["tls"]["verified"]


def test_the_report_says_through_which_proxy_without_its_password(tmp_path: Path) -> None:
    page, notes = tmp_path / "run.html", tmp_path / "run.md"
    with Server(answering()) as server, Server(HttpProxy(login=LOGIN)) as before:
        way = through(before, login=f"user:{SECRET}@")
        run = measured(*FEW, *way, "--html", str(page), "--md", str(notes), server.url())
    shown = f"http://***@127.0.0.1:{before.port}"
    assert run.document["config"]["proxy"] == shown
    assert f"through the proxy {shown}" in " ".join(run.out.split())
    codes = {each["code"]: each["text"] for each in run.document["warnings"]}
    assert "may be what limits it" in codes["through_proxy"]
    for text in (page.read_text(), notes.read_text().replace("&#58;", ":")):
        assert f"127.0.0.1:{before.port}" in text and SECRET not in text and "p:w@d" not in text
    assert SECRET not in str(run.document["config"]["command"])
    (row,) = run.document["addresses"]
    assert row["server"] == shown and row["connections"] == 4


def test_http2_by_alpn_and_without_tls_goes_through_a_tunnel() -> None:
    for kind in ("nginx", "nginx https"):
        proxy = HttpProxy()
        with real_server(kind, HTTP2_SERVERS) as server, Server(proxy) as before:
            run = measured(
                *FEW, "-m2", "--http2", *server.flags, *through(before), server.url("/x")
            )
        good(run, 40)
        assert run.document["http2"]["connections"] == len(proxy.tunnels) == 4
        assert server.served == {"GET /x": 40}


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 No\r\n\r\n", b"HTTP/1.1 403 No\r\n\r\n", b"?" * 99]
)
def test_a_tunnel_that_is_refused_is_an_error_by_name(answer: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.head()
        in_pieces(peer, answer)
        peer.finish()

    with Server(answering()) as server, Server(script) as before:
        run = measured("-n4", "-c2", *through(before), f"https://127.0.0.1:{server.port}/")
    code = found[0].decode() if (found := re.findall(rb"40[0-9]", answer)) else "not HTTP"
    one_error(run, "proxy", "proxy", code)
    assert server.seen.connections == 0
    assert "through_proxy" not in {each["code"] for each in run.document["warnings"]}


def test_what_socks5_refuses_is_an_error_by_name() -> None:
    for proxy, code in (
        (Socks5Proxy(reply=5), "connection refused"),
        (Socks5Proxy(login=LOGIN), "no method"),
        (Socks5Proxy(login=("user", "another")), "login refused"),
    ):
        user = "user:wrong@" if code == "login refused" else ""
        with Server(answering()) as server, Server(proxy) as before:
            run = measured("-n4", "-c2", *through(before, "socks5", user), server.url())
        one_error(run, "proxy", "proxy", code)


def test_a_407_to_plain_http_is_its_answer_and_is_explained() -> None:
    with Server(answering()) as server, Server(HttpProxy(login=LOGIN)) as before:
        run = measured(*FEW, *through(before), server.url())
    assert run.document["status_codes"] == {"407": 40} and server.seen.requests == 0
    assert "proxy_login" in {each["code"] for each in run.document["warnings"]}


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
def test_a_proxy_that_closes_early_is_told(said: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.head()
        peer.send(said)

    with Server(script) as before:
        run = measured("-n4", "-c2", *through(before), "https://127.0.0.1:1/")
    one_error(run, "proxy", "proxy", "closed")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
def test_a_proxy_that_says_no_more_is_a_connect_timeout(said: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.head()
        peer.send(said)
        peer.stall()

    with Server(script) as before:
        flags = ("-n4", "-c2", "--connect-timeout", "200ms")
        run = measured(*flags, *through(before), "https://127.0.0.1:1/")
    one_error(run, "connect_timeout", "proxy", "ETIMEDOUT")


def test_a_proxy_that_nobody_reaches_is_named() -> None:
    with refusing() as port:
        run = measured("-n2", "-c2", "--proxy", f"http://127.0.0.1:{port}", "http://server.test/")
        one_error(run, "connect_refused", "connect", "ECONNREFUSED")
    assert "proxy_unreachable" in {each["code"] for each in run.document["warnings"]}
    with never_accepting() as port:
        flags = ("-n2", "-c2", "--connect-timeout", "200ms", "--proxy")
        run = measured(*flags, f"socks5h://127.0.0.1:{port}", "http://server.test/")
    assert kinds(run) == {"connect_timeout": 2}


def test_requests_lost_in_a_tunnel_are_sent_again_once() -> None:
    """A connection that served before and closes: as without a proxy (RFC 9112 section 9.3.1)."""
    proxy = HttpProxy()
    with Server(answering(per_connection=5)) as server, Server(proxy) as before:
        tunnelled = ("--connect-to", f"::localhost:{server.port}")
        run = measured("-n40", "-c2", *through(before), *tunnelled, server.url())
    assert run.summary["ok"] == 40 == server.seen.requests and not run.summary["failed"]
    assert len(proxy.tunnels) >= 8


def test_connect_to_says_where_the_tunnel_leads() -> None:
    proxy = HttpProxy()
    with Server(answering()) as server, Server(proxy) as before:
        rule = ("--connect-to", f"server.test:80:127.0.0.1:{server.port}")
        run = measured(*FEW, *rule, *through(before), "http://server.test/")
    good(run, 40)
    assert proxy.tunnels == [f"127.0.0.1:{server.port}"] * 4
    assert b"\r\nHost: server.test\r\n" in server.seen.last and server.seen.requests == 40


def test_what_follows_the_answer_of_the_proxy_is_the_servers() -> None:
    """It comes in one piece with it here, so that taking it for the proxy's would hide it."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + OK)
        replying(OK)(peer)

    with Server(script) as before:
        rule = ("--connect-to", "server.test:80:other.test:80")
        run = measured("-n1", "-c1", *rule, *through(before), "http://server.test/")
    assert "unsolicited" in kinds(run)


def test_websockets_go_through_a_tunnel() -> None:
    proxy = HttpProxy()
    with serving("--port", "0") as (_, url), Server(proxy) as before:
        address = f"{url.replace('http', 'ws')}/ws/echo"
        run = measured("-n40", "-c2", "-b", "hello", *through(before), address)
    assert run.summary["ok"] == 40 and len(proxy.tunnels) == 2


def test_slices_of_two_servers_have_a_proxy_each_way() -> None:
    proxy = HttpProxy()
    scripts: list[Script] = [answering(), answering()]
    with Server(scripts[0]) as one, Server(scripts[1]) as other, Server(proxy) as before:
        words = ("--time", "1s", "-c2", *through(before), one.url(), other.url())
        run = invoke("compare", *words)
    assert one.seen.requests + other.seen.requests == proxy.asked > 0, run.stderr
    assert f"127.0.0.1:{before.port}" in run.stdout
