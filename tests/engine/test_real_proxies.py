"""Real proxies from Debian before a server that counts: nothing is lost, nothing is made up."""

from __future__ import annotations

from pathlib import Path

import pytest
from certificates import Authority
from commandline import measured
from proxy_servers import KINDS
from real_servers import Recipe, real_server
from running import good, kinds
from servers import Server, answering

FEW = ("-n200", "-c4", "-t2")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("kind", ["tinyproxy", "squid"])
def test_plain_http(kind: str) -> None:
    with Server(answering()) as server, real_server(kind, KINDS) as proxy:
        run = measured(*FEW, "--proxy", f"http://127.0.0.1:{proxy.port}", server.url("/x?y"))
    retried = run.summary["retried"]  # a proxy closes connections when it likes
    assert run.summary["ok"] == 200 and server.seen.lines.total() >= 200
    assert server.seen.requests <= 200 + retried
    watched = {row["name"] for row in run.document["resources"]["targets"]}
    assert kind in watched


@pytest.mark.parametrize("kind", ["tinyproxy", "microsocks"])
def test_tls_in_a_tunnel(kind: str, authority: Authority) -> None:
    scheme = "socks5h" if kind == "microsocks" else "http"
    with (
        Server(answering(), tls=authority.good("localhost")) as server,
        real_server(kind, KINDS) as proxy,
    ):
        way = ("--proxy", f"{scheme}://127.0.0.1:{proxy.port}", "--cacert", authority.cafile)
        run = measured(*FEW, *way, f"https://localhost:{server.port}/")
    good(run, 200)
    assert server.seen.requests == 200
    assert run.document["latency_ms"]["through_proxy"]["count"] == 4


def test_what_squid_forbids() -> None:
    """Tunnels to ports that are not safe are refused in its own default configuration."""

    def careful(folder: Path, port: int) -> Recipe:
        recipe = KINDS["squid"](folder, port)
        path = folder / "squid.conf"
        rules = "acl tunnels method CONNECT\nacl safe port 443\nhttp_access deny tunnels !safe\n"
        path.write_text(rules + path.read_text())
        return recipe

    with real_server("careful", {"careful": careful}) as proxy:
        way = ("--proxy", f"http://127.0.0.1:{proxy.port}")
        run = measured("-n4", "-c2", *way, "https://[::1]:9/")
    assert run.code == 122 and set(kinds(run)) == {"proxy"}
    assert {row["code"] for row in run.errors} == {"403"}
