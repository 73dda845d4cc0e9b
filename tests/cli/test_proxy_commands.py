"""What stands around runs goes through the proxy, too: --debug, --wait-for, find, suites, curl."""

from __future__ import annotations

from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke
from proxy_servers import LOGIN, HttpProxy, Socks5Proxy
from servers import Server, answering, refusing

SECRET = "user:p%3Aw%40d@"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def test_debug_shows_the_tunnel(authority: Authority) -> None:
    proxy = HttpProxy(login=LOGIN)
    with Server(answering(), tls=authority.good("localhost")) as server, Server(proxy) as before:
        way = ("--proxy", f"http://{SECRET}127.0.0.1:{before.port}", "--cacert", authority.cafile)
        run = invoke("--debug", *way, f"https://localhost:{server.port}/")
    assert run.returncode == 0 and server.seen.requests == 1
    lines = run.stdout.splitlines()
    assert lines[0].startswith(f"Tunnel through http://***@127.0.0.1:{before.port}")
    assert lines[1] == f"> CONNECT localhost:{server.port} HTTP/1.1"
    assert "> Proxy-Authorization: ***" in lines
    assert "< HTTP/1.1 200 Connection established" in lines
    assert any(line.startswith("tunnel ") for line in lines)
    assert "dXNlcj" not in run.stdout


def test_debug_shows_the_refusal() -> None:
    with Server(HttpProxy(login=LOGIN)) as before:
        run = invoke("--debug", "--proxy", f"http://127.0.0.1:{before.port}", "https://x.test/")
    assert run.returncode != 0 and "< HTTP/1.1 407 No" in run.stdout
    assert "Counted as proxy: the proxy wants name and password" in run.stdout


def test_debug_through_socks5() -> None:
    with Server(answering()) as server, Server(Socks5Proxy(login=LOGIN)) as before:
        way = ("--proxy", f"socks5h://{SECRET}127.0.0.1:{before.port}")
        run = invoke("--debug", *way, server.url())
    assert run.returncode == 0 and "of SOCKS5" in run.stdout and "Counted as ok" in run.stdout


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_the_server_is_waited_for_behind_the_proxy(authority: Authority, scheme: str) -> None:
    proxy = HttpProxy() if scheme == "http" else Socks5Proxy()
    with Server(answering(), tls=authority.good("localhost")) as server, Server(proxy) as before:
        way = ("--proxy", f"{scheme}://127.0.0.1:{before.port}", "--cacert", authority.cafile)
        flags = ("--wait-for", "5s", "-n2", "-c1", *way)
        run = invoke(*flags, f"https://localhost:{server.port}/")
    assert run.returncode == 0 and server.seen.requests == 3
    seen = proxy.tunnels if isinstance(proxy, HttpProxy) else proxy.names
    assert len(seen) == 2


def test_who_refuses_while_it_is_waited_for_is_told() -> None:
    with Server(HttpProxy(login=LOGIN)) as before, refusing() as port:
        way = ("--proxy", f"http://127.0.0.1:{before.port}")
        run = invoke("--wait-for", "100ms", "-n1", *way, f"https://127.0.0.1:{port}/")
    assert run.returncode != 0 and "the proxy wants name and password" in run.stderr


def test_a_search_goes_through_the_proxy() -> None:
    proxy = HttpProxy()
    with Server(answering()) as server, Server(proxy) as before:
        way = ("--proxy", f"http://127.0.0.1:{before.port}")
        flags = ("--slo", "p99<5s", "-c2", "-d", "1s", "-W", "100ms", "--from", "5", "--to", "10")
        run = invoke("find", *flags, *way, server.url())
    assert proxy.asked == server.seen.requests > 5, run.stderr
    assert f"127.0.0.1:{before.port}" in run.stdout


def test_a_suite_has_a_key_for_it(tmp_path: Path) -> None:
    proxy = HttpProxy()
    with Server(answering()) as server, Server(proxy) as before:
        (tmp_path / "suite.toml").write_text(
            f'[[run]]\nname = "one"\nurl = "{server.url()}"\nrequests = 10\nconnections = 1\n'
            f'proxy = "http://127.0.0.1:{before.port}"\n'
        )
        run = invoke("suite", "suite.toml", cwd=tmp_path)
    assert proxy.asked == server.seen.requests == 10, run.stderr + run.stdout


def test_curls_proxies_are_ours() -> None:
    proxy, socks = HttpProxy(), Socks5Proxy()
    with Server(answering()) as server, Server(proxy) as before, Server(socks) as other:
        run = invoke("-n4", "-c1", "curl", "-x", f"127.0.0.1:{before.port}", server.url())
        assert proxy.asked == 4, run.stderr
        words = ("curl", "--socks5-hostname", f"127.0.0.1:{other.port}", server.url())
        run = invoke("-n4", "-c1", *words)
    assert len(socks.names) + len(socks.addresses) == 1 and server.seen.requests == 8, run.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--proxy", "http://x:1", "--unix", "/a"), "leave --proxy or --unix out"),
        (("--proxy", "https://x:1"), "TLS to a proxy is not supported"),
        (("--proxy", "x"), "needs a port"),
    ],
)
def test_what_cannot_be_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    run = invoke("-n1", *words, "http://127.0.0.1:1/")
    assert run.returncode == 1 and said in run.stderr


def test_an_environment_without_a_proxy_for_the_server_is_told() -> None:
    with Server(answering()) as server:
        env = {"http_proxy": "", "HTTP_PROXY": "", "ALL_PROXY": "", "all_proxy": ""}
        run = invoke("-n1", "--proxy", "env", server.url(), env=env)
    assert run.returncode == 0 and "it is connected to directly" in run.stderr


def test_a_name_that_is_looked_up_here_is_not_the_proxys_fault() -> None:
    with Server(Socks5Proxy()) as before:
        way = ("--proxy", f"socks5://127.0.0.1:{before.port}")
        text = " ".join(invoke("-n1", *way, "http://no.such.invalid/").stdout.split())
    assert "--proxy socks5h://… lets the proxy look it up" in text
    assert "start the proxy" not in text and before.seen.connections == 0
