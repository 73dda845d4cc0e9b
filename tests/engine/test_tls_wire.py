"""TLS on the wire: what the server saw, how bodies end, and bytes that add up."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from case import answer
from certificates import Authority
from commandline import measured, table_at_once
from running import Run, good, kinds
from servers import Peer, Script, Server, answering

TWICE = ("-n4", "-c2")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def trust(authority: Authority) -> tuple[str, str]:
    return "--cacert", authority.cafile


def url(server: Server, path: object = "") -> str:
    return f"https://localhost:{server.port}/{path}"


# What the server saw


@dataclass(slots=True)
class Greetings:
    """What clients said: the name asked for and the protocol agreed, connection by connection."""

    names: list[str | None]
    protocols: list[str | None]

    @classmethod
    def watching(cls, context: ssl.SSLContext) -> tuple[Greetings, Script]:
        """Note every greeting of the context; the script then answers requests."""
        seen = cls([], [])

        def named(_: object, name: str | None, __: ssl.SSLContext) -> None:
            seen.names.append(name)

        def script(peer: Peer) -> None:
            seen.protocols.append(peer.alpn)
            answering()(peer)

        context.sni_callback = named
        return seen, script


# Host in the URL and flags, and the name that the server is asked for.
GREETINGS = {
    "localhost": "localhost",
    "localhost.": "localhost",
    "LocalHost": "localhost",
    "localhost --servername other.test": "other.test",
    "localhost --servername Other.Test.": "other.test",
    "localhost --host virtual.test": "localhost",
    "127.0.0.1": None,
    "127.0.0.1 --sni other.test": "other.test",
    "[::1]": None,
}


def greet(authority: Authority, line: str) -> tuple[Run, Greetings, bytes]:
    """Run against a server that has every name; return its last request too."""
    host, *flags = line.split()
    context = authority.good("localhost", "other.test", "127.0.0.1", "::1")
    context.set_alpn_protocols(["h2", "http/1.1"])
    greetings, script = Greetings.watching(context)
    listen = "::1" if host == "[::1]" else "127.0.0.1"
    with Server(script, tls=context, host=listen) as server:
        address = f"https://{host}:{server.port}/"
        run = measured(*TWICE, "--http1", *trust(authority), *flags, address)
    return run, greetings, server.seen.last.replace(str(server.port).encode(), b"PORT")


@pytest.fixture(scope="module")
def greeted(authority: Authority) -> dict[str, tuple[Run, Greetings, bytes]]:
    return table_at_once({line: partial(greet, authority, line) for line in GREETINGS})


@pytest.mark.parametrize("line", GREETINGS)
def test_server_name_and_protocol_are_as_the_server_sees_them(
    line: str, greeted: dict[str, tuple[Run, Greetings, bytes]]
) -> None:
    run, greetings, last = greeted[line]
    good(run, 4)
    assert greetings == Greetings([GREETINGS[line]] * 2, ["http/1.1"] * 2)
    host = "virtual.test" if "--host" in line else f"{line.split()[0].lower()}:PORT"
    assert f"\r\nHost: {host}\r\n".encode() in last


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(version: ssl.TLSVersion, authority: Authority) -> None:
    context = authority.good()
    context.minimum_version = context.maximum_version = version
    with Server(answering(), tls=context) as server:
        run = measured("-n30", "-c1", "--no-keepalive", *trust(authority), url(server))
    good(run, 30)
    tls, hits = run.document["tls"], context.session_stats()["hits"]
    assert (tls["handshakes"], tls["resumed"], hits) == (server.seen.connections, 29, 29)


# Bodies and ends


def ending(response: bytes, end: Callable[[Peer], None]) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(response)
        end(peer)

    return script


UNTIL_CLOSE = answer("Content-Type: text/plain", body=b"hello")
CLOSING = answer("Connection: close", "Content-Length: 5", body=b"hello")


def leave(peer: Peer) -> None:
    """End the script: the connection is closed in order."""


# What is sent, how the server ends it, and what is wrong with that.
ENDINGS: dict[str, tuple[bytes, Callable[[Peer], None], str]] = {
    "notified": (UNTIL_CLOSE, leave, ""),
    "cut": (UNTIL_CLOSE, Peer.cut, "without close_notify in the middle of the body"),
    "length": (CLOSING, leave, ""),
    "length, cut": (CLOSING, Peer.cut, ""),
    "short": (CLOSING[:-1], leave, "the body ended before its announced length"),
    "short, cut": (CLOSING[:-1], Peer.cut, "without close_notify in the middle of the body"),
    "head, cut": (CLOSING[:20], Peer.cut, "without close_notify before the response head"),
}


def end(authority: Authority, name: str) -> Run:
    response, close, _ = ENDINGS[name]
    with Server(ending(response, close), tls=authority.good()) as server:
        return measured(*TWICE, *trust(authority), url(server))


@pytest.fixture(scope="module")
def ended(authority: Authority) -> dict[str, Run]:
    return table_at_once({name: partial(end, authority, name) for name in ENDINGS})


@pytest.mark.parametrize("name", ENDINGS)
def test_a_body_ends_with_close_notify_or_is_truncated(name: str, ended: dict[str, Run]) -> None:
    run, (response, _, error) = ended[name], ENDINGS[name]
    if not error:
        good(run, 4)
        assert run.document["latency_ms"]["service"]["count"] == 4
    else:
        assert (run.code, kinds(run)) == (122, {"truncated": 4})
        assert error in run.errors[0]["message"]
        assert run.errors[0]["phase"] == ("body" if "body" in error else "head")
    assert run.summary["bytes_in"] == 4 * len(response)


def test_bodies_are_counted_to_the_byte(authority: Authority) -> None:
    sizes = (0, 1, 16_383, 16_384, 16_385, 100_000, 3_000_000)

    def script(peer: Peer) -> None:
        while True:
            size = int(peer.request().split(b" ", 2)[1][1:])
            peer.send(answer(f"Content-Length: {size}", body=b"b" * size))

    with Server(script, tls=authority.good()) as server:
        urls = [url(server, size) for size in sizes]
        run = measured("-n70", "-c3", "-p2", "--timeout", "20s", *trust(authority), *urls)
    good(run, 70)
    assert run.summary["bytes_in"] == server.seen.bytes_out > 9 * sum(sizes)
    assert run.summary["bytes_out"] == server.seen.bytes_in


def test_a_large_upload_arrives_to_the_byte(authority: Authority, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(range(256)) * 16_000)
    with Server(answering(), tls=authority.good()) as server:
        run = measured(*TWICE, *trust(authority), "-D", str(upload), url(server))
    good(run, 4)
    assert server.seen.last.endswith(b"\r\n\r\n" + upload.read_bytes())
    assert run.summary["bytes_out"] == server.seen.bytes_in > 4 * 4_096_000


# Ports that speak something else


def after_greeting(then: Callable[[Peer], None]) -> Script:
    """Take the client's greeting, then do something that is no TLS."""

    def script(peer: Peer) -> None:
        peer.read(1)
        then(peer)

    return script


def reject(peer: Peer) -> None:
    peer.send(answer("Content-Length: 0", start="HTTP/1.1 400 Bad Request"))
    peer.finish()


@pytest.mark.parametrize(
    ("then", "kind", "message"),
    [
        (reject, "tls", "looks like a plain HTTP port"),
        (Peer.cut, "tls", "closed the connection during the TLS handshake"),
        (Peer.reset, "reset", "reset the connection during the TLS handshake"),
        (Peer.stall, "connect_timeout", "handshake did not end within the connect timeout"),
    ],
    ids=["HTTP", "end", "reset", "silence"],
)
def test_a_port_that_speaks_no_tls_is_named(
    then: Callable[[Peer], None], kind: str, message: str
) -> None:
    with Server(after_greeting(then)) as server:
        run = measured(*TWICE, "--connect-timeout", "200ms", url(server))
    assert (run.code, kinds(run)) == (122, {kind: 2})
    assert message in run.errors[0]["message"]
    assert run.elapsed_s < 5
