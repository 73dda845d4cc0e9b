"""`--debug` over HTTP/2: every frame of both sides, in words, and how it would be counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from certificates import Authority
from commandline import invoke, measured
from http2_library import BODY, speaking
from running import ONE
from servers import OK, Peer, Script, Server, answering

from fastbench.cli.debug import http2_frames as wire
from fastbench.cli.debug.debug_http2 import BrokenRule


def shown(script: Script, *flags: str, target: str = "/", code: int = 0) -> str:
    with Server(script) as server:
        run = invoke("--debug", "--http2", *flags, server.url(target))
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout


def test_frames_of_both_sides_are_shown_with_their_fields() -> None:
    out = shown(speaking(streams=7, ping=b"12345678"), target="/a?b=c")
    assert "over HTTP/2\n> SETTINGS  ENABLE_PUSH 0, INITIAL_WINDOW_SIZE 2,147,483,647" in out
    assert "MAX_CONCURRENT_STREAMS 7" in out
    assert "< PING\n" in out
    assert "> PING  ack\n" in out
    assert ">   :method: GET\n>   :scheme: http\n>   :authority: 127.0.0.1:" in out
    assert ">   :path: /a?b=c\n" in out
    assert "< HEADERS  stream 1\n<   :status: 200\n<   content-length: 14\n" in out
    assert f"< DATA  stream 1, 14B, ends the stream\n<\n< {BODY.decode()}\n" in out
    assert "> GOAWAY  last stream 0, NO_ERROR\n" in out
    assert "SETTINGS  " in out
    assert out.endswith("Counted as ok.\n")


def test_a_body_goes_as_far_as_the_window_allows_and_then_on(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"x" * 200_000)
    out = shown(speaking(), "-D", str(path))
    assert out.count("> DATA  stream 1, ") == out.count("> DATA  stream 1, 16.0KiB") + 1 >= 13
    assert "(195KiB in all)" in out
    assert out.endswith("Counted as ok.\n")


def test_secrets_are_masked_in_frames_too() -> None:
    out = shown(speaking(), "-H", "Authorization: Bearer sekret", target="/?token=abcdefgh")
    assert "sekret" not in out
    assert "abcdefgh" not in out
    assert ">   authorization: ***\n" in out


def goes_away(peer: Peer) -> None:
    peer.read(len(wire.greeting()))
    text = b"maintenance\x1b[2J"
    peer.send(wire.built(wire.SETTINGS) + wire.built(wire.GOAWAY, bytes(7) + b"\x0b" + text))
    peer.finish()


def says_data_first(peer: Peer) -> None:
    peer.read(len(wire.greeting()))
    peer.send(wire.built(wire.SETTINGS) + wire.built(wire.DATA, b"x", 0, 1))
    peer.finish()


def says_nothing_of_settings(peer: Peer) -> None:
    peer.read(len(wire.greeting()))
    peer.send(wire.built(wire.PING, bytes(8)))
    peer.finish()


def hangs_up(peer: Peer) -> None:
    peer.read(len(wire.greeting()))


def answers_http1(peer: Peer) -> None:
    peer.read(24)
    peer.send(OK)
    peer.finish()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (speaking(reset=1), "stream_reset: the server reset the stream"),
        (speaking(refused=1), "(REFUSED_STREAM)"),
        (goes_away, "(ENHANCE_YOUR_CALM)"),
        (says_data_first, "a body came before its head"),
        (says_nothing_of_settings, "the server did not begin with SETTINGS"),
        (hangs_up, "the server closed the connection"),
        (answers_http1, "the response is not HTTP/2 but HTTP/1"),
    ],
)
def test_what_goes_wrong_is_named(script: Script, words: str) -> None:
    out = shown(script, code=122)
    assert words in out.rpartition("Counted as ")[2]
    assert "\x1b" not in out


def test_a_server_that_allows_no_stream_is_waited_for() -> None:
    def script(peer: Peer) -> None:
        peer.read(len(wire.greeting()))
        peer.send(wire.built(wire.SETTINGS, b"\0\3\0\0\0\0"))
        assert peer.read(9) == wire.built(wire.SETTINGS, b"", wire.ACK)
        peer.send(wire.built(wire.SETTINGS, b"\0\3\0\0\0\1"))
        peer.read(10)
        peer.send(wire.built(wire.HEADERS, b"\x88", wire.END_HEADERS | wire.END_STREAM, 1))
        peer.finish()

    assert "Counted as ok" in shown(script)


def test_a_server_that_never_allows_a_stream_is_named() -> None:
    def script(peer: Peer) -> None:
        peer.read(len(wire.greeting()))
        peer.send(wire.built(wire.SETTINGS, b"\0\3\0\0\0\0"))
        peer.stall()

    out = shown(script, "--connect-timeout", "200ms", code=122)
    assert "Counted as protocol: " in out and "the server allows no requests" in out
    assert "HEADERS" not in out


def test_a_silent_server_is_a_connect_timeout() -> None:
    out = shown(lambda peer: peer.stall(), "--connect-timeout", "200ms", code=122)
    assert "Counted as connect_timeout: " in out


def test_the_server_of_https_chooses(tmp_path: Path) -> None:
    context = Authority(tmp_path).good("127.0.0.1")
    context.set_alpn_protocols(["h2"])
    with Server(speaking(), tls=context) as server:
        both = invoke("--debug", "-k", server.url()).stdout
    context = Authority(tmp_path).good("127.0.0.1")
    with Server(answering(), tls=context) as server:
        none = invoke("--debug", "-k", server.url()).stdout
        asked = invoke("--debug", "--http2", "-k", server.url()).stdout
    assert "h2 chosen" in both
    assert ">   :scheme: https\n" in both
    assert "> GET / HTTP/1.1\n" in none
    assert "the server did not choose HTTP/2 in the TLS handshake" in asked


def test_a_run_says_the_same_first() -> None:
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        said.append(peer.read(len(wire.greeting())))
        peer.finish()

    with Server(script) as server:
        measured("--http2", "-n", "1", *ONE, "--no-retry", server.url())
    assert said[0] == wire.greeting()


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (
            wire.built(wire.HEADERS, b"\x88", wire.END_HEADERS, 1)[:-1] + b"\xff",
            "header compression",
        ),
        (b"\x00\x40\x01" + bytes(6), "frame larger than allowed"),
    ],
)
def test_frames_that_cannot_be_read(data: bytes, rule: str) -> None:
    with pytest.raises(BrokenRule, match=rule):
        list(wire.Reader(BrokenRule).feed(data))
