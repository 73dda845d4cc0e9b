"""What proxies answer until there is a tunnel: by the engine, and by the client around runs."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from fastbench.engine.bridge import _core
from fastbench.plan.network import plain_tunnel
from fastbench.plan.network.proxies import parse

HTTP = parse("http://u:p@proxy.test:3128", "--proxy").tunnel("server.test", 443)
SOCKS = parse("socks5h://proxy.test", "--proxy").tunnel("server.test", 443)
LOGIN = parse("socks5h://u:p@proxy.test", "--proxy").tunnel("server.test", 443)
BOUND = b"\x01\x7f\x00\x00\x01\x04\x38"
REST = b"what the server says"

ANSWERS = {
    "200": (HTTP, b"HTTP/1.1 200 OK\r\n\r\n", "through"),
    "2xx, with fields that mean nothing": (
        HTTP,
        b"HTTP/1.0 204 Fine\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
        "through",
    ),
    "line feeds alone": (HTTP, b"HTTP/1.1 200 OK\nA: b\n\n", "through"),
    "no reason": (HTTP, b"HTTP/1.1 200\r\n\r\n", "through"),
    "interim answers first": (
        HTTP,
        b"HTTP/1.1 100 Wait\r\nA: b\r\n\r\nHTTP/1.1 103 Hint\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "through",
    ),
    "407": (HTTP, b"HTTP/1.1 407 Who are you\r\n\r\n", "407"),
    "502": (HTTP, b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502"),
    "a redirect": (HTTP, b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "302"),
    "another protocol": (HTTP, b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
    "a status of two digits": (HTTP, b"HTTP/1.1 20 OK\r\n\r\n", "not HTTP"),
    "a status of four digits": (HTTP, b"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP"),
    "HTTP/2": (HTTP, b"HTTP/2 200 OK\r\n\r\n", "not HTTP"),
    "a status below 100": (HTTP, b"HTTP/1.1 099 OK\r\n\r\n", "not HTTP"),
    "a head without end": (HTTP, b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 11000, "answer too long"),
    "SOCKS5": (SOCKS, b"\x05\x00\x05\x00\x00" + BOUND, "through"),
    "SOCKS5 bound to IPv6": (SOCKS, b"\x05\x00\x05\x00\x00\x04" + bytes(18), "through"),
    "SOCKS5 bound to a name": (SOCKS, b"\x05\x00\x05\x00\x00\x03\x04here\x00\x50", "through"),
    "SOCKS5 bound to no name": (SOCKS, b"\x05\x00\x05\x00\x00\x03\x00\x00\x50", "through"),
    "SOCKS5 wants a password": (SOCKS, b"\x05\x02", "no method"),
    "SOCKS5 has no method": (LOGIN, b"\x05\xff", "no method"),
    "SOCKS5 wants GSSAPI": (LOGIN, b"\x05\x01", "no method"),
    "SOCKS5 with a login": (LOGIN, b"\x05\x02\x01\x00\x05\x00\x00" + BOUND, "through"),
    "SOCKS5 without, though offered": (LOGIN, b"\x05\x00\x05\x00\x00" + BOUND, "through"),
    "SOCKS5 refuses the login": (LOGIN, b"\x05\x02\x01\x01", "login refused"),
    "SOCKS5 refuses": (SOCKS, b"\x05\x00\x05\x05\x00" + BOUND, "connection refused"),
    "SOCKS5 forbids": (SOCKS, b"\x05\x00\x05\x02\x00" + BOUND, "not allowed"),
    "SOCKS5 has no such type": (
        SOCKS,
        b"\x05\x00\x05\x08\x00" + BOUND,
        "address type not supported",
    ),
    "SOCKS5 says something new": (SOCKS, b"\x05\x00\x05\x63\x00" + BOUND, "reply 99"),
    "SOCKS4": (SOCKS, b"\x00\x5a" + bytes(6), "not SOCKS5"),
    "SOCKS5, then not": (SOCKS, b"\x05\x00\x04\x00\x00" + BOUND, "not SOCKS5"),
    "SOCKS5 bound to nothing known": (SOCKS, b"\x05\x00\x05\x00\x00\x09" + bytes(18), "not SOCKS5"),
}


def heard(texts: tuple[bytes, ...], pieces: list[bytes]) -> tuple[str, int]:
    """Feed pieces as they come from a socket; the outcome, and bytes that are not the proxy's."""
    steps = _core.TunnelSteps(texts)
    steps.say()
    left = 0
    for piece in pieces:
        while piece and not steps.outcome:
            piece = piece[steps.hear(piece) :]
            steps.say()
        left += len(piece)
    return steps.outcome, left


@pytest.mark.parametrize("name", ANSWERS)
def test_any_split_of_the_answer_has_the_same_outcome(name: str) -> None:
    texts, answer, outcome = ANSWERS[name]
    data = answer + REST if outcome == "through" else answer
    rest = len(REST) if outcome == "through" else 0
    whole = heard(texts, [data])
    assert whole[0] == outcome and (outcome != "through" or whole[1] == rest)
    assert heard(texts, [data[at : at + 1] for at in range(len(data))]) == whole
    for at in range(1, min(len(data), 200)):
        assert heard(texts, [data[:at], data[at:]]) == whole


@pytest.mark.parametrize("name", [name for name in ANSWERS if ANSWERS[name][2] == "through"])
def test_while_bytes_are_missing_there_is_no_tunnel(name: str) -> None:
    texts, answer, _ = ANSWERS[name]
    for at in range(len(answer)):
        assert heard(texts, [answer[:at]]) == ("", 0)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_client_around_runs_finds_the_same(name: str) -> None:
    texts, answer, outcome = ANSWERS[name]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        sender = threading.Thread(target=_say, args=(theirs, answer + REST))
        sender.start()
        try:
            plain_tunnel.Opening(ours, texts).run()
            assert outcome == "through"
            assert ours.recv(len(REST), socket.MSG_WAITALL) == REST
        except plain_tunnel.RefusedError as error:
            assert error.code == outcome
        ours.shutdown(socket.SHUT_RDWR)
        sender.join()


def _say(sock: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.sendall(data)


@pytest.mark.parametrize("texts", [HTTP, SOCKS])
def test_a_proxy_that_closes_is_told_from_one_that_refuses(texts: tuple[bytes, ...]) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        with pytest.raises(plain_tunnel.RefusedError) as refused:
            plain_tunnel.Opening(ours, texts).run()
    assert refused.value.code == "closed"


def test_what_is_said() -> None:
    assert HTTP[0].startswith(b"CONNECT server.test:443 HTTP/1.1\r\nHost: server.test:443\r\n")
    assert b"\r\nProxy-Authorization: Basic dTpw\r\n\r\n" in HTTP[0]
    steps = _core.TunnelSteps(LOGIN)
    assert (steps.say(), steps.say()) == (b"\x05\x02\x00\x02", b"")
    steps.hear(b"\x05\x02")
    assert steps.say() == b"\x01\x01u\x01p"
    steps.hear(b"\x01\x00")
    assert steps.say() == b"\x05\x01\x00\x03\x0bserver.test\x01\xbb"
    literal = parse("socks5://[::1]:9", "--proxy").tunnel("fe80::1%eth0", 80)
    assert literal[0] == b"\x05\x01\x00" and literal[2].startswith(b"\x05\x01\x00\x04\xfe\x80")
    assert parse("http://h:1", "--proxy").tunnel("::1", 80)[0].startswith(b"CONNECT [::1]:80 ")
