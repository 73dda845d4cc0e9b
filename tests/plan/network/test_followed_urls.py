"""--follow: redirects are followed once before the load, and what must not be is one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke, measured
from proxy_servers import HttpProxy
from servers import OK, Peer, Script, Server, refusing

from fastbench.cli.args import url_args
from fastbench.plan.network.followed_urls import followed

FEW = ("-n6", "-c2", "-t2")
Hops = Mapping[str, tuple[int, str]]


def leading(hops: Hops) -> Script:
    """Answer each path in `hops` with a status and a Location, HOST is its Host; others OK."""

    def script(peer: Peer) -> None:
        while True:
            head = peer.request().decode("latin-1")
            path, host = head.split(" ", 2)[1], re.search(r"\r\nHost: ([^\r]*)", head)
            assert host is not None
            if path in hops:
                status, location = hops[path]
                location = location.replace("HOST", host[1])
                start = f"HTTP/1.1 {status} x\r\nLocation: {location}\r\n"
                peer.send(f"{start}Content-Length: 0\r\n\r\n".encode())
            else:
                peer.send(OK)

    return script


HOPS = {
    "/a": (301, "/b?x=1"),
    "/b?x=1": (302, "http://HOST/deep/c"),
    "/deep/c": (307, "../d"),
    "/form": (302, "/e"),
    "/again": (308, "/e"),
    "/circle": (302, "/circle2"),
    "/circle2": (302, "/circle"),
    "/ftp": (302, "ftp://h/x"),
    "/bad": (302, "http://[::1"),
    "/none": (304, "/e"),
    **{f"/long{n}": (302, f"/long{n + 1}") for n in range(12)},
}


def test_the_final_url_is_loaded_and_each_hop_asked_once() -> None:
    with Server(leading(HOPS)) as server:
        run = measured(*FEW, "--follow", server.url("/a"))
    lines = server.seen.lines
    hops = ("/a", "/b?x=1", "/deep/c", "/d")
    assert [lines[f"GET {each} HTTP/1.1".encode()] for each in hops] == [1, 1, 1, 7]
    assert run.summary["ok"] == 6, run.err
    base = server.url("")
    row = {"from": f"{base}/a", "to": f"{base}/d", "method": "GET", "statuses": [301, 302, 307]}
    assert run.document["config"]["redirects"] == [row]
    assert f"{base}/a redirects to {base}/d (301, 302, 307)" in re.sub(r"\s+", " ", run.out)


@pytest.mark.parametrize(
    ("path", "line", "length"),
    [("/form", b"GET /e HTTP/1.1", None), ("/again", b"POST /e HTTP/1.1", b"5")],
)
def test_the_method_is_what_the_status_asks_for(
    path: str, line: bytes, length: bytes | None
) -> None:
    with Server(leading(HOPS)) as server:
        measured(*FEW, "--follow", "--data", "a=b&c", server.url(path))
    assert server.seen.lines[line] == 7
    found = re.search(rb"\r\nContent-Length: (\d+)", server.seen.last)
    assert (found and found[1]) == length
    assert (b"\r\nContent-Type:" in server.seen.last) == (length is not None)


REFUSED = {
    "/circle": "redirects in a circle",
    "/ftp": "its scheme is ftp:",
    "/bad": "leads to where no request can be sent",
    "/long0": "redirects more than 10 times; give the final URL, or allow more with --follow 20.",
}


@pytest.mark.parametrize("path", REFUSED)
def test_what_leads_nowhere_is_one_sentence(path: str) -> None:
    with Server(leading(HOPS)) as server:
        shown = invoke(*FEW, "--follow", server.url(path))
    assert shown.returncode == 1 and REFUSED[path] in shown.stderr
    assert shown.stderr.startswith("fastbench: --follow: http://") and shown.stderr.count("\n") == 1


def test_more_are_followed_when_asked_and_a_304_is_none() -> None:
    with Server(leading(HOPS)) as server:
        measured(*FEW, "--follow=12", server.url("/long0"))
        run = measured(*FEW, "--follow", "12", server.url("/none"))
    assert server.seen.lines[b"GET /long12 HTTP/1.1"] == 7
    assert server.seen.lines[b"GET /none HTTP/1.1"] == 7
    assert run.document["config"]["redirects"] == []


def test_a_hint_before_the_answer_and_a_second_location_do_not_count() -> None:
    def hinting(peer: Peer) -> None:
        while True:
            if b" /start " not in peer.request().partition(b"\r\n")[0]:
                peer.send(OK)
                continue
            peer.send(b"HTTP/1.1 102 x\r\n\r\nHTTP/1.1 103 x\r\nLink: </a>\r\n\r\n")
            to = b"Location: /end\r\nLocation: /other\r\n"
            peer.send(b"HTTP/1.1 302 x\r\n" + to + b"Content-Length: 0\r\n\r\n")

    with Server(hinting) as server:
        run = measured(*FEW, "--follow", server.url("/start"))
    assert run.document["config"]["redirects"][0]["to"] == server.url("/end")
    assert server.seen.lines[b"GET /end HTTP/1.1"] == 7


def test_who_sends_hints_for_ever_is_told() -> None:
    def hints(peer: Peer) -> None:
        while b" /start " in peer.request().partition(b"\r\n")[0]:
            peer.send(b"HTTP/1.1 302 x\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n")
        peer.send(b"HTTP/1.1 103 x\r\n\r\n" * 200)

    with Server(hints) as server:
        shown = invoke(*FEW, "--follow", server.url("/start"))
    assert shown.returncode == 1
    assert "/end does not answer: its response is not HTTP/1.1" in shown.stderr


def test_what_is_shown_by_debug_is_what_would_be_loaded() -> None:
    with Server(leading(HOPS)) as server:
        shown = invoke("--debug", "--follow", server.url("/again"))
    assert f"{server.url('/again')} redirects to {server.url('/e')} (308)\n" in shown.stdout
    assert "> GET /e HTTP/1.1" in shown.stdout and "> GET /again" not in shown.stdout


def test_from_http_to_https_with_the_flags_of_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        Server(leading({}), tls=authority.good("localhost")) as secure,
        Server(leading({"/": (301, f"https://localhost:{secure.port}/x")})) as plain,
    ):
        run = measured(*FEW, "--follow", "--cacert", authority.cafile, plain.url())
        shown = invoke(*FEW, "--follow", plain.url())
        masked = invoke(*FEW, "--follow", "-a", "u:secret", plain.url())
        dead = invoke(*FEW, "--follow", "-k", "--unix", "/nowhere/s", plain.url())
    assert run.document["tls"]["verified"] is True
    assert secure.seen.lines[b"GET /x HTTP/1.1"] == 7
    assert f"\r\nHost: localhost:{secure.port}\r\n".encode() in secure.seen.last
    assert shown.returncode == 1 and "does not answer" in shown.stderr
    assert "redirects to another server" in masked.stderr and "Authorization" in masked.stderr
    assert "secret" not in masked.stderr
    assert dead.returncode == 122, "nobody is at that socket, which the run tells best"


@pytest.mark.parametrize("first", [True, False])
def test_each_server_on_the_way_has_its_own_proxy(first: bool) -> None:
    """--proxy env may name one for the first server alone, or for the last one alone."""
    proxy = HttpProxy()
    with (
        Server(leading({})) as last,
        Server(proxy) as before,
        Server(leading({"/a": (302, last.url("/x"))})) as typed,
    ):
        direct = last if first else typed
        env = {
            "http_proxy": f"http://127.0.0.1:{before.port}",
            "no_proxy": f"127.0.0.1:{direct.port}",
        }
        run = invoke(*FEW, "--follow", "--proxy", "env", typed.url("/a"), env=env)
    assert (typed.seen.requests, last.seen.requests) == (1, 7), run.stderr
    assert proxy.asked == (1 if first else 7)
    assert (f"through the proxy {env['http_proxy']}" in run.stdout) != first


def test_urls_that_lead_to_different_servers_are_refused() -> None:
    with (
        Server(leading({})) as other,
        Server(leading({"/away": (302, other.url("/"))})) as server,
    ):
        shown = invoke(*FEW, "--follow", server.url("/"), server.url("/away"))
    assert shown.returncode == 1 and "All URLs of a run share" in shown.stderr
    assert "/away to" in shown.stderr


def test_a_server_that_is_not_there_is_told_by_the_run() -> None:
    with refusing() as port:
        shown = invoke(*FEW, "-d1s", "--follow", f"http://127.0.0.1:{port}/")
    assert shown.returncode == 122 and "refused" in shown.stdout


def test_of_a_comparison_each_side_is_followed() -> None:
    with Server(leading(HOPS)) as server:
        shown = invoke(
            "compare", "--slice", "20ms", "--time", "1s", "--follow", server.url("/a"),
            server.url("/again"),
        )  # fmt: skip
    assert server.seen.lines[b"GET /a HTTP/1.1"] == server.seen.lines[b"GET /again HTTP/1.1"] == 1
    assert "redirects to" in shown.stdout
    assert server.seen.lines[b"GET /d HTTP/1.1"] > 20 < server.seen.lines[b"GET /e HTTP/1.1"]


def test_without_it_the_flag_is_told_when_most_answers_are_redirects() -> None:
    with Server(leading(HOPS)) as server:
        told = measured(*FEW, server.url("/a"))
        asked = measured(*FEW, "--expect-status", "301", server.url("/a"))
    codes = [each["code"] for each in told.document["warnings"]]
    assert "redirects" in codes and "add --follow" in re.sub(r"\s+", " ", told.out)
    assert "redirects" not in [each["code"] for each in asked.document["warnings"]]


def test_without_the_flag_a_plan_stays_as_it_is() -> None:
    found = url_args.parse(["http://127.0.0.1:1/"])
    assert not isinstance(found, str) and followed(found.plan) is found.plan
    assert "--follow is of HTTP" in invoke("--follow", "ws://127.0.0.1:1/").stderr
