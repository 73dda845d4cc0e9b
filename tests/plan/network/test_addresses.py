"""A name with several addresses: all of them are loaded, and one that is dead is named."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from servers import Peer, Script, Server, answering
from wires import Wires, on_wires

from fastbench.foundation import errors
from fastbench.plan.network import resolve
from fastbench.plan.network.resolve import Endpoint, ResolveError
from fastbench.plan.plan import Expect, Plan, Request, Target
from fastbench.plan.workload import Load
from fastbench.results import addresses
from fastbench.results.addresses import AddressRow
from fastbench.results.result import Result
from fastbench.run import runner

NAMED = "multi.example"


@contextmanager
def several(*scripts: Script | None) -> Iterator[tuple[list[Server], int]]:
    """Servers on one port of 127.0.0.2, .3 and so on; where None stands, nobody listens."""
    with ExitStack() as open_:
        made: list[Server] = []
        port = 0
        for at, script in enumerate(scripts):
            if script is not None:
                made.append(
                    open_.enter_context(Server(script, host=f"127.0.0.{at + 2}", port=port))
                )
                port = made[-1].port
        yield made, port


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of NAMED, to be filled; the system's resolver knows the rest.

    The runner stays as quick as it was: it would make the tests after these slow.
    """
    monkeypatch.setattr(os, "nice", lambda by: 0)
    found: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *more: Any, **named: Any) -> Any:
        if host != NAMED:
            return real(host, port, *more, **named)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return found


def load(port: int, host: str = NAMED, *, connections: int = 4, **more: Any) -> Result:
    one_address = more.pop("one_address", False)
    asked = {"requests": 40, "duration_s": None, "workers": 2, "keepalive": True, **more}
    plan = Plan(
        Target("http", host, port, None, None, "", f"http://{host}:{port}"),
        (Request("GET", b"/", ((b"Host", b"multi.example"),), None, "/", 1),),
        Load(connections, pipeline=1, retry=True, timeout_s=2, connect_timeout_s=2, **asked),
        Expect(None, b""),
        (),
        0,
        {},
        one_address=one_address,
    )
    return runner.run(plan, lambda progress: None, thread_rates=False)


def spread(result: Result) -> dict[str, int]:
    return {row.address.partition(":")[0]: row.connections for row in result.addresses}


def codes(result: Result) -> list[str]:
    return [warning.code for warning in result.warnings if warning.code.startswith("address")]


def test_connections_are_spread_over_all_addresses(known: list[str]) -> None:
    known += ["127.0.0.2", "127.0.0.3"]
    with several(answering(), answering()) as (_, port):
        result = load(port)
    assert spread(result) == {"127.0.0.2": 2, "127.0.0.3": 2}
    assert result.summary.ok == 40 and not codes(result)


def test_one_address_is_the_first_that_accepts(known: list[str]) -> None:
    known += ["127.0.0.4", "127.0.0.3", "127.0.0.2"]
    with several(answering(), answering()) as (_, port):
        result = load(port, one_address=True)
    assert spread(result) == {"127.0.0.3": 4}
    assert result.summary.ok == 40 and not codes(result)


def test_an_address_that_does_not_accept_is_skipped_and_named(known: list[str]) -> None:
    known += ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    with several(answering(), None, answering()) as (_, port):
        result = load(port)
    assert spread(result) == {"127.0.0.2": 2, "127.0.0.4": 2, "127.0.0.3": 0}
    assert codes(result) == ["address_skipped"] and not result.errors
    (warning,) = (each for each in result.warnings if each.code == "address_skipped")
    assert "127.0.0.3" in warning.text and "ECONNREFUSED" in warning.text
    assert "127.0.0.3" in addresses.summary(result.addresses)


def test_where_no_address_accepts_the_errors_say_so(known: list[str]) -> None:
    known += ["127.0.0.2", "127.0.0.3"]
    with several(answering()) as (_, port):
        pass
    result = load(port)
    assert result.summary.ended == "nothing_succeeded" and not result.summary.ok
    assert {(row.kind, row.code) for row in result.errors} == {("connect_refused", "ECONNREFUSED")}
    assert not codes(result)


@pytest.mark.parametrize("keepalive", [True, False])
def test_connections_of_an_address_that_dies_go_to_the_others(
    known: list[str], keepalive: bool
) -> None:
    known += ["127.0.0.2", "127.0.0.3"]

    def dying(peer: Peer) -> None:
        peer.request()
        if peer.server.seen.requests >= 10:
            peer.server.refuse()
            peer.reset()
        else:
            answer(peer)

    def answer(peer: Peer) -> None:
        close = b"" if keepalive else b"Connection: close\r\n"
        peer.send(b"HTTP/1.1 200 OK\r\n" + close + b"Content-Length: 0\r\n\r\n")

    def serving(script: Script) -> Script:
        def each(peer: Peer) -> None:
            while True:
                script(peer)
                if not keepalive:
                    return peer.finish()

        return each

    def well(peer: Peer) -> None:
        peer.request()
        answer(peer)

    with several(serving(dying), serving(well)) as (_, port):
        result = load(port, requests=400, keepalive=keepalive)
    s = result.summary
    assert s.ok + s.failed == 400 and s.ok >= 390, "what was in flight there may fail, no more"
    assert {row.kind for row in result.errors} <= {"reset", "truncated"}
    assert codes(result) == ["address_failed"]


# Scripts


def reach_of(wires: Wires) -> dict[str, tuple[int, int]]:
    (origin,) = wires.pool.servers()
    return {row[1]: (counted[0], counted[1]) for row, counted in origin.connections()}


def rows(port: int, *hosts: str) -> Any:
    async def resolve(host: str, number: int, family: int) -> list[tuple[int, str, int, int]]:
        assert (host, number) == (NAMED, port)
        return [(int(socket.AF_INET), each, port, 0) for each in hosts]

    return resolve


def test_the_users_of_a_script_are_spread_over_all_addresses() -> None:
    with several(answering(), None, answering()) as (_, port):

        async def act(wires: Wires) -> None:
            for _ in range(6):
                response = await wires.get(wires.session(), port, host=NAMED)
                assert response.status == 200
            counted = reach_of(wires)
            assert counted["127.0.0.2"][0] + counted["127.0.0.4"][0] == 6
            assert min(counted["127.0.0.2"][0], counted["127.0.0.4"][0]) >= 2
            assert counted["127.0.0.3"] == (0, 1), "left alone after the first attempt"

        wires = on_wires(act, resolve=rows(port, "127.0.0.2", "127.0.0.3", "127.0.0.4"))
    assert not wires.errors()


def test_a_script_fails_only_where_no_address_accepts() -> None:
    with several(answering()) as (_, port):
        pass

    async def act(wires: Wires) -> None:
        response = await wires.get(wires.session(), port, host=NAMED)
        assert (response.error_kind, response.error_code) == ("connect_refused", "ECONNREFUSED")
        assert reach_of(wires) == {"127.0.0.2": (0, 1), "127.0.0.3": (0, 1)}

    on_wires(act, resolve=rows(port, "127.0.0.2", "127.0.0.3"))


def test_a_failed_lookup_has_the_resolvers_name() -> None:
    async def nowhere(host: str, port: int, family: int) -> Any:
        raise ResolveError(host.partition(".")[0].upper().replace("-", "_"))

    async def act(wires: Wires) -> None:
        for code in ("EAI_NONAME", "EAI_AGAIN", "EAI_NODATA", "EAI_FAIL", "ENODEV"):
            name = code.lower().replace("_", "-")
            response = await wires.get(wires.session(), 80, host=f"{name}.example")
            assert (response.error_kind, response.error_code) == ("dns", code)

    on_wires(act, resolve=nowhere)


# The resolver


def test_literals_need_no_resolver_and_know_zones() -> None:
    assert resolve.lookup("127.0.0.1", 80) == [Endpoint(socket.AF_INET, "127.0.0.1", 80)]
    index = socket.if_nametoindex("lo")
    for zone in ("lo", str(index)):
        found = resolve.lookup(f"::1%{zone}", 80)
        assert found == [Endpoint(socket.AF_INET6, "::1", 80, index)]
    for host, family, code in (
        ("fe80::1%nosuch0", 0, "ENODEV"),
        ("127.0.0.1", int(socket.AF_INET6), "EAI_ADDRFAMILY"),
    ):
        with pytest.raises(ResolveError) as caught:
            resolve.lookup(host, 80, family)
        assert caught.value.code == code
        assert code in errors.describe("dns", "resolve", code)[0]


@pytest.mark.parametrize("code", ["EAI_NONAME", "EAI_AGAIN", "EAI_FAIL"])
def test_both_ways_to_resolve_agree(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(getattr(socket, code), "no")

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    for host in ("nowhere.example", "localhost.example"):
        with pytest.raises(ResolveError) as caught:
            resolve.lookup(host, 80)
        with pytest.raises(ResolveError) as again:
            asyncio.run(resolve.soon(host, 80))
        assert caught.value.code == again.value.code == code
        assert caught.value.number == abs(getattr(socket, code))
    for host in ("localhost", "LOCALHOST.", "a.b.localhost"):  # RFC 6761 section 6.3
        found = resolve.lookup(host, 80)
        assert [each.host for each in found] == ["::1", "127.0.0.1"]
        assert asyncio.run(resolve.soon(host, 80)) == [
            (each.family, each.host, 80, 0) for each in found
        ]
        (six,) = resolve.lookup(host, 80, socket.AF_INET6)
        assert six.host == "::1"


def test_a_name_without_an_address_of_the_family_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def four_only(host: str, port: int, family: int = 0, type: int = 0, *_: Any) -> Any:
        if family == socket.AF_INET6:
            raise socket.gaierror(socket.EAI_NONAME, "no")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", four_only)
    with pytest.raises(ResolveError) as caught:
        resolve.lookup(NAMED, 80, socket.AF_INET6)
    with pytest.raises(ResolveError) as again:
        asyncio.run(resolve.soon(NAMED, 80, socket.AF_INET6))
    assert caught.value.code == again.value.code == "EAI_ADDRFAMILY"
    assert "--ipv6" in errors.describe("dns", "resolve", "EAI_ADDRFAMILY")[1]


# What is said


def row(server: str, address: str, connections: int, failures: int = 0) -> AddressRow:
    family = "ipv6" if "[" in address else "ipv4"
    counted = (connections, failures, "connect_refused", "connect", "ECONNREFUSED")
    host, _, port = address.rpartition(":")
    return addresses.of(server, (family, host.strip("[]"), int(port)), counted)


def test_a_loopback_address_of_localhost_that_nobody_listens_on_is_no_warning() -> None:
    for name in ("localhost", "localhost.", "api.localhost"):
        server = f"http://{name}:80"
        rows = (row(server, "[::1]:80", 0, 1), row(server, "127.0.0.1:80", 5))
        assert not list(addresses.notices(rows))
    rows = (row("http://h:80", "[::1]:80", 0, 1), row("http://h:80", "127.0.0.1:80", 5))
    assert [code for code, *_ in addresses.notices(rows)] == ["address_skipped"]


def test_one_address_alone_is_nothing_to_speak_of() -> None:
    rows = (row("http://h", "127.0.0.1:80", 0, 3), row("http://g", "127.0.0.1:80", 1))
    assert not list(addresses.notices(rows)) and not addresses.summary(rows)


def test_older_documents_have_no_addresses(known: list[str]) -> None:
    with Server(answering()) as server:
        document = json.loads(json.dumps(load(server.port, "127.0.0.1").to_document()))
    assert document["addresses"][0]["connections"] == 4
    del document["addresses"]
    assert Result.from_document(document).addresses == ()
