"""debug_url.py: one request, both sides, and the verdict a run would give."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from pathlib import Path

import pytest
import trustme
from case import answer
from servers import OK, Peer, Server, answering, never_accepting, refusing

from fastbench.cli import main

SECRET = "s3cr3tHunter22"


def debug(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["--debug", *words])
    written = capsys.readouterr()
    assert written.err == ""
    return code, written.out


def verdict(out: str) -> str:
    return out.splitlines()[-1]


def test_both_sides_and_the_times_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(answering()) as server:
        code, out = debug(capsys, "-b", "ping", server.url("/a?b=c"))
    assert (code, verdict(out)) == (0, "Counted as ok.")
    assert f"Request to {server.url('/a?b=c')} (127.0.0.1 port {server.port})" in out
    assert "> POST /a?b=c HTTP/1.1\n> Host: 127.0.0.1" in out
    assert ">\n> ping\n" in out
    assert "< HTTP/1.1 200 OK\n< Content-Length: 12\n<\n< hello, world\n" in out
    for step in ("resolve", "connect", "first byte", "service time", "total"):
        assert re.search(rf"^{step} +[0-9.]+(ns|us|ms|s)$", out, re.MULTILINE)
    assert not re.search(r"^tls", out, re.MULTILINE)
    assert server.seen.requests == server.seen.connections == 1
    assert server.seen.last.endswith(b"\r\n\r\nping")


@pytest.mark.parametrize(
    ("words", "response", "counted"),
    [
        (
            [],
            answer("Content-Length: 0", start="HTTP/1.1 404 Not Found"),
            "failed: status 404 is not below 400",
        ),
        ([], answer("Content-Length: 0", start="HTTP/1.1 302 Found"), "ok."),
        (
            ["--expect-status", "404"],
            answer("Content-Length: 0", start="HTTP/1.1 404 Not Found"),
            "ok.",
        ),
        (
            ["--expect-status", "2xx"],
            answer("Content-Length: 0", start="HTTP/1.1 302 Found"),
            "expectation: the status 302",
        ),
        (["--expect-body", "world"], OK, "ok."),
        (["--expect-body", "moon"], OK, "expectation: the body does not contain"),
        (["-m", "HEAD"], answer("Content-Length: 12"), "ok."),
        ([], b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "ok."),
        ([], b"SSH-2.0-OpenSSH\r\n", "protocol: the response is not valid HTTP/1.1"),
        ([], answer("X: " + "y" * 70_000), "too_large: "),
    ],
)
def test_an_answer_is_counted_as_in_a_run(
    words: list[str], response: bytes, counted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(answering(response)) as server:
        code, out = debug(capsys, *words, server.url())
    assert verdict(out).startswith(f"Counted as {counted}")
    assert code == (0 if counted == "ok." else 122)
    assert "--debug" not in verdict(out)


def slow_head(peer: Peer) -> None:
    peer.request()
    peer.stall()


def slow_body(peer: Peer) -> None:
    peer.request()
    peer.send(OK[:-3])
    peer.stall()


def cut_body(peer: Peer) -> None:
    peer.request()
    peer.send(OK[:-3])


def reset(peer: Peer) -> None:
    peer.request()
    peer.reset()


def silent(peer: Peer) -> None:
    peer.request()


def early(peer: Peer) -> None:
    peer.head()
    peer.send(answer("Content-Length: 0", start="HTTP/1.1 413 Content Too Large"))
    peer.finish()


def unread(peer: Peer) -> None:
    peer.head()
    peer.pause(5)


@pytest.mark.parametrize(
    ("script", "counted"),
    [
        (slow_head, "timeout: no response within the timeout"),
        (slow_body, "timeout: the response began but did not end"),
        (cut_body, "truncated: the body ended before its announced length"),
        (reset, "reset: "),
        (silent, "truncated: the server closed the connection"),
    ],
)
def test_an_exchange_that_breaks_is_named(
    script: object, counted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(script) as server:  # type: ignore[arg-type]
        code, out = debug(capsys, "--timeout", "200ms", server.url())
    assert code == 122
    assert verdict(out).startswith(f"Counted as {counted}")


def test_an_early_answer_to_a_large_body_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(early) as server:
        code, out = debug(capsys, "--timeout", "1s", "-b", "x" * 1_000_000, server.url())
    assert (code, verdict(out)) == (
        122,
        "Counted as failed: status 413 is not below 400; see --expect-status.",
    )
    assert "> … (977KiB in all)" in out


def test_a_server_that_takes_no_body_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(unread) as server:
        code, out = debug(capsys, "--timeout", "200ms", "-b", "x" * 10_000_000, server.url())
    assert code == 122
    assert verdict(out).startswith("Counted as timeout: the server did not take the whole request")


def test_a_large_body_goes_out_whole(
    secure: ssl.SSLContext, capsys: pytest.CaptureFixture[str]
) -> None:
    for context, words in ((None, []), (secure, ["-k"])):
        with Server(answering(), tls=context) as server:
            code, _ = debug(capsys, *words, "-b", "x" * 10_000_000, server.url())
        assert code == 0 and len(server.seen.last) > 10_000_000


def test_a_refused_connection_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with refusing() as port:
        code, out = debug(capsys, f"http://127.0.0.1:{port}/")
    assert code == 122
    assert "connect_refused: connection refused" in verdict(out) and "ECONNREFUSED" in out


def test_a_server_that_never_accepts_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with never_accepting() as port:
        code, out = debug(capsys, "--connect-timeout", "100ms", f"http://127.0.0.1:{port}/")
    assert code == 122
    assert "connect_timeout: no connection within the connect timeout" in verdict(out)


def test_a_name_that_does_not_resolve_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = debug(capsys, "http://name.invalid/")  # RFC 6761 section 6.4
    assert code == 122
    assert verdict(out).startswith("Counted as dns: ")


def test_a_unix_socket_and_a_source_address_are_used(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(tmp_path / "s")
    with Server(answering(), path=path) as server:
        code, out = debug(capsys, "--unix", path, "http://app.test/x")
    assert code == 0 and f"({path})" in out and "> Host: app.test" in out
    assert server.seen.requests == 1
    with Server(answering()) as server:
        code, _ = debug(capsys, "--bind", "127.0.0.9", server.url())
    assert code == 0 and server.seen.sources == {"127.0.0.9": 1}


def test_ipv6_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(answering(), host="::1") as server:
        code, out = debug(capsys, server.url())
    assert code == 0 and f"> Host: [::1]:{server.port}" in out


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "app.test").configure_cert(context)
    return context


def test_tls_is_verified_and_shown(
    authority: trustme.CA, secure: ssl.SSLContext, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(answering(), tls=secure) as server, authority.cert_pem.tempfile() as ca:
        for words in ([], ["--servername", "app.test"]):
            code, out = debug(capsys, "--cacert", ca, *words, server.url())
            assert (code, verdict(out)) == (0, "Counted as ok.")
            assert re.search(r"^tls +[0-9.]+ms  TLSv1\.3, TLS_", out, re.MULTILINE)
        code, out = debug(capsys, "--cacert", ca, "--servername", "other.test", server.url())
    assert code == 122 and "the server's certificate is for another name" in verdict(out)


def test_an_unknown_authority_is_refused_unless_k_is_given(
    secure: ssl.SSLContext, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(answering(), tls=secure) as server:
        code, out = debug(capsys, server.url())
        assert code == 122
        assert verdict(out).startswith("Counted as tls: ") and "--cacert FILE" in verdict(out)
        assert debug(capsys, "-k", server.url())[0] == 0


def test_a_client_certificate_is_shown_to_the_server(
    authority: trustme.CA,
    secure: ssl.SSLContext,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    secure.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(secure)
    pem = tmp_path / "client.pem"
    authority.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(str(pem))
    with Server(answering(), tls=secure) as server:
        assert debug(capsys, "-k", "--cert", str(pem), server.url())[0] == 0
        code, out = debug(capsys, "-k", server.url())
    assert code == 122 and verdict(out).startswith("Counted as ")


def test_a_tls_stream_without_close_notify_is_truncated(
    secure: ssl.SSLContext, capsys: pytest.CaptureFixture[str]
) -> None:
    def to_the_end(peer: Peer) -> None:
        peer.request()
        peer.send(answer(body=b"some of it"))
        if peer.number == 1:
            peer.cut()

    with Server(to_the_end, tls=secure) as server:
        assert debug(capsys, "-k", server.url())[0] == 0
        code, out = debug(capsys, "-k", server.url())
    assert code == 122
    assert verdict(out).startswith(
        "Counted as truncated: the TLS stream ended without close_notify"
    )


def test_tls_to_a_plain_port_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def plain(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.stall()

    with Server(plain) as server:
        code, out = debug(capsys, f"https://127.0.0.1:{server.port}/")
    assert code == 122 and "the response is not TLS" in verdict(out)


# What is shown


def test_no_secret_is_shown_even_when_the_server_echoes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def echo(peer: Peer) -> None:
        asked = peer.request()
        pair = b64encode(f"u:{SECRET}".encode())
        body = asked + pair + SECRET.encode() + b'{"token": "%b"}' % SECRET.encode()
        peer.send(answer(f"Content-Length: {len(body)}", "Set-Cookie: s=x1y2z3w4", body=body))

    with Server(echo) as server:
        url = server.url(f"/?api_key={SECRET}").replace("//", f"//u:{SECRET}@")
        code, out = debug(
            capsys, "-H", f"Cookie: sid={SECRET}", "-b", f'{{"password": "{SECRET}"}}', url
        )
    assert code == 0 and server.seen.last.count(SECRET.encode()) == 3
    assert SECRET not in out and "x1y2z3w4" not in out
    assert b64encode(f"u:{SECRET}".encode()).decode() not in out
    assert "> Authorization: ***" in out and "< Set-Cookie: ***" in out


def test_a_hostile_answer_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp\x00".encode()
    response = answer(
        f"Content-Length: {len(hostile)}", start="HTTP/1.1 200 \x9b1mOK", body=hostile
    )
    with Server(answering(response)) as server:
        _, out = debug(capsys, server.url())
    assert not set(out) & set("\x1b\x07\x9b\x00\u202e")
    out.encode("utf-8")


def test_a_large_body_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    response = answer("Content-Length: 5000000", body=b"z" * 5_000_000)
    with Server(answering(response)) as server:
        code, out = debug(capsys, server.url())
    assert code == 0 and len(out) < 6000
    assert "< … (4.8MiB in all)" in out


def test_quiet_says_nothing_but_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(answering()) as server:
        assert main(["--debug", "--quiet", server.url()]) == 0
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "Counted as ok.\n")
