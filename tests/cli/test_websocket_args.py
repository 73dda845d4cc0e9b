"""The flags of a run of WebSockets, and what is wrong with them in one sentence."""

from __future__ import annotations

import pytest

from fastbench.cli.args import url_args
from fastbench.cli.args.url_args import Command
from fastbench.foundation.usage_error import UsageError

URL = "ws://127.0.0.1:1/chat?room=1"


def parsed(*words: str) -> Command:
    found = url_args.parse(words)
    assert isinstance(found, Command)
    return found


def test_the_request_is_the_handshake_and_the_body_the_message() -> None:
    plan = parsed("-b", "hi", "-H", "Host: app.test", "-H", "Origin: x", URL).plan
    assert plan.websocket is not None
    assert (plan.websocket.mode, plan.websocket.message, plan.websocket.opcode) == (
        "echo",
        b"hi",
        1,
    )
    (request,) = plan.requests
    assert request.payload.startswith(b"GET /chat?room=1 HTTP/1.1\r\nHost: app.test\r\n")
    assert b"\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" in request.payload
    assert request.payload.endswith(b"Origin: x\r\n\r\n") and request.body is None
    assert plan.target.server == "ws://127.0.0.1:1" and plan.target.url == URL
    assert plan.config["websocket"] == {
        "mode": "echo",
        "message_bytes": 2,
        "binary": False,
        "subprotocols": [],
    }


def test_ports_and_tls_are_those_of_the_scheme() -> None:
    assert (parsed("ws://h/").plan.target.port, parsed("ws://h/").plan.target.tls) == (80, None)
    target = parsed("WSS://h/").plan.target
    assert target.port == 443 and target.tls is not None and target.server == "wss://h"


def test_push_and_hold_say_nothing_unless_asked() -> None:
    for mode in ("push", "hold"):
        plan = parsed("--ws-mode", mode, URL).plan
        assert plan.websocket is not None and plan.websocket.message == b""
    plan = parsed("--ws-mode", "push", "-b", "subscribe", "--binary", URL).plan
    assert plan.websocket is not None
    assert (plan.websocket.message, plan.websocket.opcode) == (b"subscribe", 2)


def test_a_run_of_http_knows_no_websocket() -> None:
    plan = parsed("http://127.0.0.1:1/").plan
    assert plan.websocket is None and "websocket" not in plan.config


REFUSALS = [
    ((URL, "ws://127.0.0.1:1/other"), "opens WebSockets of one URL"),
    ((URL, "http://127.0.0.1:1/"), "opens WebSockets of one URL"),
    (("--http2", URL), "--http2 says nothing of a WebSocket; leave it out"),
    (("-m", "5", URL), "-m says nothing of a WebSocket; leave it out"),
    (("-m", "POST", URL), "-m says nothing of a WebSocket; leave it out"),
    (("--expect-status", "200", URL), "--expect-status says nothing"),
    (("--no-keepalive", URL), "--no-keepalive says nothing"),
    (("-F", "a=b", URL), "-F says nothing"),
    (("-T", "text/plain", URL), "-T says nothing"),
    (("--ws-mode", "x", URL), "--ws-mode takes one of echo, push, hold"),
    (("--ws-mode", "push", "-R", "10", URL), "sends nothing at a rate; leave -R out"),
    (("--ws-mode", "hold", "-p", "2", URL), "no messages in flight; leave -p out"),
    (("--ws-mode", "hold", "-n", "20", URL), "leave -n out"),
    (("--ws-mode", "hold", "-W", "1s", URL), "leave -W out"),
    (("--ws-subprotocol", "a b", URL), "takes names without spaces"),
    (("--ws-subprotocol", "a,a", URL), "each once"),
    (("-H", "Sec-WebSocket-Key: x", URL), "writes Sec-WebSocket-Key itself"),
    (("-H", "Connection: close", URL), "writes Connection itself"),
    (("-H", "Sec-WebSocket-Protocol: x", URL), "with --ws-subprotocol"),
    (("-b", "\udcff", URL), "not UTF-8, as text is; add --binary"),
    (("--ws-mode", "echo", "http://h/"), "--ws-mode is for WebSockets; give a URL such as ws://"),
    (("--binary", "http://h/"), "--binary is for WebSockets"),
    (("--wait-for", f"{URL},3s", URL), "a WebSocket takes no requests here"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSALS)
def test_what_makes_no_sense_is_refused_with_the_cure(
    words: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UsageError) as refused:
        parsed(*words)
    assert sentence in str(refused.value)
