"""The catalogue: every error a person may meet has a cause and a cure, in one line each."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.bridge import _core
from fastbench.foundation import http2_errors
from fastbench.foundation.errors import KINDS, PHASES, describe

# kind, phase, code -> words of the cause, words of the cure
MEANINGS = [
    ("connect_refused", "connect", "ECONNREFUSED", "refused", "start the server"),
    ("connect", "connect", "EADDRNOTAVAIL", "no local port left", "--bind"),
    ("connect", "connect", "EADDRNOTAVAIL", "ephemeral", "ip_local_port_range"),
    ("connect", "connect", "EADDRNOTAVAIL", "TIME_WAIT", "keep connections alive"),
    ("connect", "connect", "EMFILE", "open more files", "ulimit -n"),
    ("connect", "connect", "ENFILE", "system", "fs.file-max"),
    ("connect", "connect", "EHOSTUNREACH", "no route to the host", "firewall"),
    ("connect", "connect", "ENETUNREACH", "network", "--ipv4"),
    ("connect", "connect", "ETIMEDOUT", "gave up", "firewall"),
    ("connect", "connect", "EACCES", "permission", "rights"),
    ("connect", "connect", "ENOENT", "no such Unix socket", "--unix"),
    ("connect_timeout", "connect", "", "connect timeout", "listen queue"),
    ("connect_timeout", "connect", "", "connect timeout", "--connect-timeout"),
    ("connect_timeout", "tls", "", "handshake", "--connect-timeout"),
    ("dns", "resolve", "EAI_NONAME", "does not resolve", "spelling"),
    ("dns", "resolve", "EAI_AGAIN", "name server", "resolv.conf"),
    ("dns", "resolve", "", "could not be resolved", "host name"),
    ("tls", "tls", "self-signed certificate", "self-signed", "--cacert FILE"),
    ("tls", "tls", "self-signed certificate in certificate chain", "not trusted", "--cacert FILE"),
    ("tls", "tls", "unable to get local issuer certificate", "not known", "--cacert FILE"),
    ("tls", "tls", "unable to verify the first certificate", "does not send", "chain"),
    ("tls", "tls", "hostname mismatch", "another name", "--servername"),
    ("tls", "tls", "IP address mismatch", "another name", "-k"),
    ("tls", "tls", "certificate has expired", "expired", "-k"),
    ("tls", "tls", "certificate is not yet valid", "not valid yet", "clocks"),
    ("tls", "tls", "wrong version number", "plain HTTP port", "http://"),
    ("tls", "tls", "tlsv1 alert protocol version", "no common TLS version", "TLS 1.2"),
    ("tls", "tls", "tlsv13 alert certificate required", "client certificate", "--cert"),
    ("tls", "tls", "tlsv1 alert no application protocol", "does not speak HTTP/2", "--http2"),
    ("tls", "tls", "ECONNRESET", "TLS handshake", "log"),
    ("timeout", "head", "", "no response", "--timeout"),
    ("timeout", "body", "", "did not end", "--timeout"),
    ("timeout", "send", "", "whole request", "--timeout"),
    ("timeout", "head", "behind a timeout", "same connection that timed out", "(-p, -m)"),
    ("reset", "head", "ECONNRESET", "before the response head", "log"),
    ("reset", "body", "ECONNRESET", "middle of the body", "log"),
    ("reset", "send", "EPIPE", "while sending", "log"),
    ("truncated", "body", "", "announced length", "log"),
    ("truncated", "head", "", "closed the connection before", "log"),
    ("truncated", "body", "unexpected eof while reading", "close_notify", "close TLS properly"),
    ("protocol", "head", "status line", "status line", "https://"),
    ("protocol", "head", "status line", "not valid HTTP/1.1", "--http2"),
    ("protocol", "settings", "no streams allowed", "MAX_CONCURRENT_STREAMS 0", "limit"),
    ("protocol", "body", "chunk size", "chunk size", "--debug"),
    ("too_large", "head", "head size", "head size", "64 KiB"),
    ("protocol", "head", "unusable Location", "no HTTP request can be sent", "redirects=0"),
    ("content_encoding", "body", "", "Content-Encoding", "--debug"),
    ("unsolicited", "idle", "", "without a request", "HEAD, 204 or 304"),
    ("expectation", "body", "", "--expect-body", "--debug"),
    ("expectation", "head", "404", "status 404", "--expect-status"),
]


@pytest.mark.parametrize(("kind", "phase", "code", "cause", "cure"), MEANINGS)
def test_an_error_names_its_cause_and_its_cure(
    kind: str, phase: str, code: str, cause: str, cure: str
) -> None:
    message, hint = describe(kind, phase, code)
    assert cause in message
    assert cure in hint


@pytest.mark.parametrize("reason", ["self-signed certificate", "hostname mismatch", "expired"])
def test_a_certificate_that_fails_the_check_names_the_switch(reason: str) -> None:
    assert "-k" in describe("tls", "tls", reason)[1]


def test_the_engine_and_the_catalogue_have_the_same_words() -> None:
    assert KINDS == _core.ERROR_KINDS
    assert PHASES == _core.ERROR_PHASES


def test_the_code_is_always_shown() -> None:
    for name in errno.errorcode.values():
        assert f"({name})" in describe("connect", "connect", name)[0]
    for rule in filter(None, _core.PROTOCOL_RULES):
        assert rule in describe("protocol", "head", rule)[0]
    for code in _core.HTTP2_ERRORS:
        assert f"({code})" in describe("stream_reset", "head", code)[0]
        assert f"({code})" in describe("goaway", "head", code)[0]


def test_every_rule_of_http2_has_its_own_sentence() -> None:
    named = {*_core.SESSION_RULES[1:-1], *_core.MALFORMED_RULES[1:]} | {
        "no HTTP/2 offered",
        "another protocol than before",
    }
    assert named == set(http2_errors.RULES)
    assert all("HTTP/1.1 (rule" not in describe("protocol", "head", rule)[0] for rule in named)


@given(st.sampled_from(KINDS), st.sampled_from((*PHASES, "")), st.text(max_size=30).map(str.strip))
def test_every_kind_phase_and_code_has_a_sentence(kind: str, phase: str, code: str) -> None:
    message, hint = describe(kind, phase, code)
    assert message.strip() == message != ""
    assert hint.strip() == hint != ""
    assert "  " not in message or "  " in code
