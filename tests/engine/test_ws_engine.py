"""Runs of WebSockets: counts to the unit, hostile servers, refused handshakes, how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from case import answer
from certificates import Authority
from running import ONE, Run, fastbench, kinds, start, until
from server_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, server_frame
from servers import Peer, Server
from socket_scripts import (
    Counts,
    closing_with,
    echoing,
    offending,
    open_socket,
    pushing,
    read_frame,
    refusing_with,
    socket_url,
    upgrade,
)

TEN = (*ONE, "-n", "10")


def sockets(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.document["sockets"]
    return found


def rows(run: Run) -> list[tuple[str, str, str]]:
    return [(row["kind"], row["phase"], row["code"]) for row in run.errors]


def test_counts_are_the_servers_and_every_frame_has_a_key_of_its_own() -> None:
    counts = Counts()
    with Server(echoing(counts)) as server:
        run = fastbench("-n", "2000", "-c", "5", "-t", "2", "-p", "3", socket_url(server, "/a?b"))
    assert (run.code, run.summary["ok"], run.errors) == (0, 2000, [])
    assert counts.messages == 2000 and counts.payloads == {b"hello": 2000}
    assert counts.closes == {1000: 5}, "every WebSocket is closed in order"
    assert len(counts.keys) == 5 and len(counts.masks) > 1990
    found = sockets(run)
    assert found["opened"] == found["open_at_end"] == 5 and found["lost"] == 0
    assert found["messages_sent"] == found["messages_received"] == 2000
    assert found["payload_bytes_sent"] == found["payload_bytes_received"] == 10_000
    assert run.document["latency_ms"]["service"]["count"] == 2000
    assert counts.head.startswith(b"GET /a?b HTTP/1.1\r\n")
    assert "2,000 messages in" in run.out


def test_the_handshake_carries_what_was_asked_for(tmp_path: Path) -> None:
    counts = Counts()
    message = tmp_path / "message"
    message.write_bytes(b"\xff\x00binary")
    asked = ("-H", "Origin: https://app.test", "--bearer", "t", "--ws-subprotocol", "a,b")
    with Server(echoing(counts)) as server:
        run = fastbench(*TEN, *asked, "--binary", "-b", f"@{message}", socket_url(server))
    assert run.summary["ok"] == 10 and counts.payloads == {b"\xff\x00binary": 10}
    for line in (
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Protocol: a, b",
        b"Origin: https://app.test",
        b"Authorization: Bearer t",
    ):
        assert b"\r\n" + line + b"\r\n" in counts.head
    assert b"Accept:" not in counts.head


def test_what_a_server_may_do_is_taken() -> None:
    """Fragments, control frames between them, a greeting behind the 101, byte by byte."""
    counts = Counts()
    said = (
        server_frame(TEXT, b"\xc3", fin=False)
        + server_frame(PING, b"p" * 125)
        + server_frame(CONTINUATION, fin=False)
        + server_frame(PONG)
        + server_frame(CONTINUATION, b"\xa9")
        + server_frame(BINARY, b"x" * 70_000)
    )
    with Server(echoing(counts, before=said)) as server:
        run = fastbench(*TEN, socket_url(server))
    assert run.summary["ok"] == 10 and run.errors == [] and counts.messages == 10
    assert sockets(run)["pings_answered"] == counts.pongs == 1

    def dripping(peer: Peer) -> None:
        peer.drip(answer(start="HTTP/1.1 103 Early Hints") + upgrade(peer, counts), 0.0001)
        while True:
            _, payload = read_frame(peer)
            peer.drip(server_frame(TEXT, payload), 0)

    with Server(dripping) as server:
        run = fastbench(*ONE, "-n", "3", "--expect-body", "ell", socket_url(server))
    assert (run.summary["ok"], run.errors) == (3, [])


def test_large_messages_go_through_small_buffers(tmp_path: Path) -> None:
    counts = Counts()
    message = tmp_path / "message"
    message.write_text("é" * 100_000, encoding="utf-8")
    with Server(echoing(counts)) as server:
        run = fastbench("-c", "2", "-n", "6", "-p", "2", "-b", f"@{message}", socket_url(server))
    assert run.summary["ok"] == 6 and run.errors == []
    assert counts.payloads == {message.read_bytes(): 6}


OFFENCES = [
    (server_frame(TEXT, b"x", rsv=4), "protocol", "reserved bit", 1002),
    (b"\x81\x85\0\0\0\0hello", "protocol", "masked frame", 1002),
    (b"\x89\x7e\x00\x7e" + bytes(126), "protocol", "long control frame", 1002),
    (server_frame(CONTINUATION, b"x"), "protocol", "stray continuation", 1002),
    (server_frame(TEXT, b"\xff"), "protocol", "text not UTF-8", 1007),
    (b"\x82\x7f\x7f" + b"\xff" * 7, "too_large", "frame size", 1009),
    (server_frame(CLOSE, close_payload(1005)), "protocol", "close code", 1002),
]


@pytest.mark.parametrize(("wire", "kind", "code", "said"), OFFENCES)
def test_a_server_that_breaks_a_rule_is_told_and_named(
    wire: bytes, kind: str, code: str, said: int
) -> None:
    counts = Counts()
    with Server(offending(wire, counts)) as server:
        run = fastbench(*ONE, "-n", "1", socket_url(server))
    assert rows(run) == [(kind, "body", code)] and run.code == 122
    assert run.summary["failed"] == 1 and counts.closes == {said: 1}
    assert code in " ".join(run.out.split()) and "→" in run.out


ACCEPTED = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
REFUSALS = [
    *[(answer(start=f"HTTP/1.1 {code} x"), str(code)) for code in (200, 302, 401, 403, 429, 503)],
    (ACCEPTED + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", "wrong accept key"),
    (ACCEPTED + b"\r\n", "wrong accept key"),
    (b"HTTP/1.1 101 x\r\nConnection: Upgrade\r\n\r\n", "no Upgrade"),
    (b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n", "no Connection"),
    (ACCEPTED + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "extension"),
    (ACCEPTED + b"Sec-WebSocket-Protocol: other\r\n\r\n", "other subprotocol"),
    (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP/1.1"),
    (b"HTTP/1.1 200 x\r\nX: " + b"x" * 70_000, "head size"),
]


@pytest.mark.parametrize(("response", "code"), REFUSALS[:2] + REFUSALS[6:7] + REFUSALS[-1:])
def test_a_refused_handshake_is_named_with_its_cure(response: bytes, code: str) -> None:
    with Server(refusing_with(response)) as server:
        run = fastbench(*ONE, "-d", "200ms", socket_url(server))
    assert set(rows(run)) == {("upgrade", "upgrade", code)} and run.code == 122
    assert run.summary["started"] == 0 and "no message could be sent (upgrade)" in run.out
    assert sockets(run)["opened"] == 0


def test_every_refusal_is_told_apart() -> None:
    """Connections get one refusal each, so that one run shows all of them."""

    def script(peer: Peer) -> None:
        refusing_with(REFUSALS[peer.number % len(REFUSALS)][0])(peer)

    with Server(script) as server:
        run = fastbench("-c", str(len(REFUSALS)), "-t", "1", "-d", "200ms", socket_url(server))
    assert {code for _, _, code in rows(run)} == {code for _, code in REFUSALS}
    assert all(row["hint"] for row in run.errors)


CODES = [(1000, []), (1001, []), (1011, ["1011"]), (4321, ["4321"])]


@pytest.mark.parametrize(("code", "told"), CODES)
def test_a_server_that_closes_is_counted_and_a_new_one_opened(code: int, told: list[str]) -> None:
    counts = Counts()
    with Server(closing_with(code, counts, after=2)) as server:
        # A pace leaves the connection idle, so that no message is under way when it closes.
        run = fastbench(*ONE, "-n", "6", "-R", "40", socket_url(server))
    assert run.summary["ok"] == 6
    assert sockets(run)["opened"] in (3, 4)
    assert set(sockets(run)["close_codes"]) == {str(code)}
    assert sorted({row["code"] for row in run.errors}) == told
    assert counts.closes[code] >= 2, "a close frame is answered with its code"


def test_messages_that_a_close_leaves_unanswered_fail() -> None:
    counts = Counts()
    with Server(closing_with(1013, counts, after=1)) as server:
        run = fastbench(*ONE, "-n", "8", "-p", "4", socket_url(server))
    assert kinds(run) == {"closed": run.summary["failed"]} and run.summary["failed"] > 0
    assert {row["code"] for row in run.errors} == {"1013"} and "overloaded" in run.out


def test_a_connection_that_ends_without_a_close_frame_is_1006() -> None:
    def script(peer: Peer) -> None:
        open_socket(peer)
        peer.read(11)
        peer.reset() if peer.number % 2 else peer.finish()

    with Server(script) as server:
        run = fastbench(*ONE, "-n", "4", socket_url(server))
    assert kinds(run) == {"closed": 2, "reset": 2} and run.summary["failed"] == 4
    assert sockets(run)["close_codes"] == {"1006": 4}


def test_silence_times_out_before_and_after_the_handshake() -> None:
    def silent(peer: Peer) -> None:
        if peer.number % 2 == 0:
            open_socket(peer)
        peer.stall()

    with Server(silent) as server:
        run = fastbench(*ONE, "-n", "1", "--timeout", "150ms", socket_url(server))
        assert run.summary["timeouts"] == 1 and rows(run) == [("timeout", "head", "")]
        assert "no message came back within the timeout" in run.out
        until(lambda: server.seen.connections >= 1)
    with Server(lambda peer: peer.stall()) as server:
        run = fastbench(*ONE, "-d", "300ms", "--timeout", "100ms", socket_url(server))
    assert set(rows(run)) == {("connect_timeout", "upgrade", "")}
    assert "no answer to the WebSocket handshake" in run.out


def test_push_counts_what_comes_and_sends_its_message_once() -> None:
    counts = Counts()
    with Server(pushing(50, counts, lambda peer: None)) as server:
        run = fastbench("-c", "4", "-n", "200", "--ws-mode", "push", "-b", "go", socket_url(server))
    assert (run.code, run.summary["ok"], run.errors) == (0, 200, [])
    assert counts.payloads == {b"go": 4}
    assert sockets(run)["messages_received"] == 200 and sockets(run)["messages_sent"] == 4
    assert sockets(run)["pings_answered"] == 4 == counts.pongs


def test_hold_opens_and_keeps_open_and_says_how_many() -> None:
    counts = Counts()
    wire = server_frame(PING, b"there?")
    arguments = ("-c", "200", "-d", "400ms", "--ws-mode", "hold")
    with Server(echoing(counts, before=wire)) as server:
        run = fastbench(*arguments, socket_url(server))
    assert (run.code, run.summary["ok"], run.errors) == (0, 200, [])
    assert sockets(run)["opened"] == sockets(run)["open_at_end"] == 200
    assert "200 of 200 connections open" in run.out
    assert counts.pongs == 200 and counts.closes == {1000: 200} and counts.messages == 0

    def some(peer: Peer) -> None:
        if peer.number % 4 == 0:
            refusing_with(answer(start="HTTP/1.1 429 x"))(peer)
        echoing(counts)(peer)

    with Server(some) as server:
        run = fastbench("-c", "8", "-t", "1", *arguments[2:], socket_url(server))
    assert run.summary["failed"] == kinds(run)["upgrade"] >= 2 and run.summary["ok"] >= 6


def test_a_rate_is_kept_and_has_both_latencies() -> None:
    counts = Counts()
    with Server(echoing(counts)) as server:
        run = fastbench("-c", "2", "-t", "1", "-R", "200", "-n", "60", socket_url(server))
    assert run.summary["scheduled"] == run.summary["ok"] == counts.messages == 60
    assert run.document["latency_ms"]["response"]["count"] == 60 and "msg/s planned" in run.out


def test_tls_and_unix_sockets(tmp_path: Path) -> None:
    counts = Counts()
    authority = Authority(tmp_path)
    with Server(echoing(counts), tls=authority.good()) as server:
        url = f"wss://localhost:{server.port}/"
        run = fastbench(*TEN, "--cacert", authority.cafile, "-b", "x" * 40_000, url)
    assert run.summary["ok"] == 10 and run.errors == [] and run.document["tls"]["handshakes"] == 1
    path = str(tmp_path / "socket")
    with Server(echoing(counts), path=path):
        run = fastbench(*TEN, "--unix", path, "ws://localhost/chat")
    assert run.summary["ok"] == 10 and counts.head.startswith(b"GET /chat HTTP/1.1")


def test_an_interrupt_ends_the_run_in_order() -> None:
    counts = Counts()
    with (
        Server(echoing(counts)) as server,
        start("-c", "3", "-d", "20s", socket_url(server)) as running,
    ):
        until(lambda: counts.messages > 100)
        running.signal_group(2)
        run = running.finish()
    assert run.code == 105 and counts.closes == {1000: 3}
    assert run.summary["ok"] <= counts.messages <= run.summary["started"]
