"""One request and its answer over plain sockets, with the time of each step."""

from __future__ import annotations

import errno
import secrets
import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastbench.engine.bridge import _core
from fastbench.plan import opening
from fastbench.plan.network import plain_tunnel, proxies, resolve
from fastbench.plan.plan import Plan, Request, Tls, WebSocket

if TYPE_CHECKING:
    from fastbench.cli.debug.debug_http2 import Talk

KEPT_BYTES = 1 << 17  # of the answer, for the display: the largest head and some body
READ_BYTES = SEND_BYTES = 1 << 16
CUT_OFF = "unexpected eof while reading"  # as OpenSSL says it


@dataclass(slots=True)
class Exchange:
    """Collect what happened. Times are of CLOCK_MONOTONIC, 0 for a step that was not reached."""

    request: Request
    address: str = ""
    error: tuple[str, str, str] | None = None  # kind, phase, code as in fastbench.foundation.errors
    tls: str = ""
    asked: bytes = b""  # of a proxy, for a tunnel; and what it answered
    tunnelled: bytes = b""
    received: bytearray = field(default_factory=bytearray)
    received_bytes: int = 0
    status: int = 0
    body_bytes: int = 0
    body_found: bool = False
    reusable: bool = False
    begin_ns: int = 0
    resolved_ns: int = 0
    connected_ns: int = 0
    tunnelled_ns: int = 0
    secured_ns: int = 0
    sent_ns: int = 0
    first_byte_ns: int = 0
    end_ns: int = 0
    settled_ns: int = 0  # the server's SETTINGS came
    talk: Talk | None = None  # where HTTP/2 was spoken


@dataclass(frozen=True, slots=True)
class _Sent:
    """What came of sending: what the server said meanwhile, or the error that stopped it.

    An error counts only if no answer can be read: the server may have given it and closed.
    """

    early: bytes | None = None
    error: OSError | None = None


class _Failed(Exception):
    """Carry kind, phase and code of the error that ended the exchange."""

    def __init__(self, kind: str, phase: str, code: str) -> None:
        super().__init__(kind)
        self.triple = kind, phase, code


def run(plan: Plan, request: Request) -> Exchange:
    """Send a request of the plan once; errors are noted, never raised."""
    if plan.websocket is not None:
        request = opening.with_key(request, secrets.token_bytes(16))
    now = Exchange(proxies.sent(plan, (request,))[0])
    now.begin_ns = time.monotonic_ns()
    try:
        _run(plan, now)
    except _Failed as failed:
        now.error = failed.triple
    now.end_ns = time.monotonic_ns()
    return now


def _run(plan: Plan, now: Exchange) -> None:
    try:
        reach = resolve.reach(plan)
    except resolve.ResolveError as error:
        raise _Failed("dns", "resolve", error.code) from None
    endpoint = reach.used[0]
    now.resolved_ns = time.monotonic_ns()
    now.address = endpoint.host if not endpoint.port else f"{endpoint.host} port {endpoint.port}"
    deadline_ns = now.resolved_ns + round(plan.load.connect_timeout_s * 1e9)
    with _connect(plan, endpoint, deadline_ns) as plain:
        now.connected_ns = time.monotonic_ns()
        _tunnel(plain, proxies.tunnel(plan, reach), deadline_ns, now)
        stream = plain
        if plan.target.tls is not None:
            stream = _secure(plain, plan.target.tls, plan.protocols, deadline_ns, now)
            now.secured_ns = time.monotonic_ns()
        with stream:
            if _chosen(stream, plan) == "h2":
                return _over_http2(stream, plan, now, deadline_ns)
            now.sent_ns = time.monotonic_ns()
            deadline_ns = now.sent_ns + round(plan.load.timeout_s * 1e9)
            sent = _send(stream, now.request, deadline_ns)
            if plan.websocket is not None:
                _upgrade(stream, plan.websocket, now, deadline_ns, sent)
            else:
                _answer(stream, plan, now, deadline_ns, sent)


def _chosen(stream: socket.socket, plan: Plan) -> str:
    """Return what is spoken, as ALPN names it. Raises _Failed where it is not what was asked."""
    protocol = plan.protocols
    if plan.target.tls is not None and protocol != "http/1.1":
        protocol = getattr(stream, "selected_alpn_protocol", str)() or "http/1.1"
        if plan.protocols == "h2" != protocol:
            raise _Failed("protocol", "tls", "no HTTP/2 offered")
    return protocol


def _over_http2(stream: socket.socket, plan: Plan, now: Exchange, deadline_ns: int) -> None:
    """Carry the exchange out frame by frame; connecting lasts until the server's SETTINGS."""
    from fastbench.cli.debug import debug_http2

    session = debug_http2.Session(stream, plan, now.request, KEPT_BYTES)
    talk = now.talk = session.talk
    try:
        session.run(deadline_ns, plan.load.timeout_s)
    except debug_http2.Failed as failed:
        raise _Failed(*failed.triple) from None
    finally:
        now.received_bytes, now.status = talk.received_bytes, talk.status
        now.body_bytes, now.body_found, now.reusable = (
            talk.body_bytes,
            talk.body_found,
            talk.reusable,
        )
        now.settled_ns, now.sent_ns = talk.settled_ns, talk.sent_ns
        now.first_byte_ns = talk.first_byte_ns


def _connect(plan: Plan, endpoint: resolve.Endpoint, deadline_ns: int) -> socket.socket:
    stream = socket.socket(endpoint.family, socket.SOCK_STREAM)
    try:
        if plan.bind:
            stream.bind((plan.bind[0], 0))
        _until(stream, deadline_ns)
        stream.connect(endpoint.where)
        if endpoint.family != socket.AF_UNIX:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        stream.close()
        raise _Failed(*_connect_error(error)) from None
    return stream


def _tunnel(
    plain: socket.socket, texts: tuple[bytes, ...] | None, deadline_ns: int, now: Exchange
) -> None:
    """Make the tunnel through the proxy, if there is to be one."""
    if texts is None:
        return
    opening = plain_tunnel.Opening(plain, texts)
    try:
        _until(plain, deadline_ns)
        opening.run()
        now.tunnelled_ns = time.monotonic_ns()
    except plain_tunnel.RefusedError as error:
        raise _Failed("proxy", "proxy", error.code) from None
    except TimeoutError:
        raise _Failed("connect_timeout", "proxy", "") from None
    except OSError as error:
        raise _Failed("connect", "proxy", _name(error)) from None
    finally:
        now.asked, now.tunnelled = bytes(opening.said), bytes(opening.heard)


def _secure(
    plain: socket.socket, tls: Tls, protocols: str, deadline_ns: int, now: Exchange
) -> socket.socket:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python up to 3.11.2 takes a stream that was cut off for one that ended.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(protocols.split(","))
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.cafile:
        context.load_verify_locations(tls.cafile)
    else:
        context.set_default_verify_paths()
    if tls.certfile:
        context.load_cert_chain(tls.certfile, tls.keyfile)
    try:
        _until(plain, deadline_ns)
        stream = context.wrap_socket(
            plain, server_hostname=tls.servername, suppress_ragged_eofs=False
        )
    except ssl.SSLCertVerificationError as error:
        raise _Failed("tls", "tls", error.verify_message) from None
    except TimeoutError:
        raise _Failed("connect_timeout", "tls", "") from None
    except ssl.SSLEOFError:
        raise _Failed("tls", "tls", CUT_OFF) from None
    except ssl.SSLError as error:
        raise _Failed("tls", "tls", _reason(error)) from None
    except OSError as error:
        raise _Failed("reset", "tls", _name(error)) from None
    cipher = stream.cipher()
    now.tls = f"{stream.version()}, {cipher[0] if cipher else 'no cipher'}"
    if (chosen := stream.selected_alpn_protocol()) and protocols != "http/1.1":
        now.tls += f", {chosen} chosen"
    return stream


def _send(stream: socket.socket, request: Request, deadline_ns: int) -> _Sent:
    """Send until all is sent or the server answers, as it may before it has read a large body."""
    import ssl

    waiting = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
    stream.setblocking(False)
    rest = memoryview(request.payload)
    while rest:
        left_s = (deadline_ns - time.monotonic_ns()) / 1e9
        readable, writable, _ = select.select([stream], [stream], [], max(left_s, 0))
        if not readable and not writable:
            raise _Failed("timeout", "send", "")
        try:
            if readable:
                with suppress(*waiting):  # TLS has records that carry no data
                    return _Sent(early=stream.recv(READ_BYTES))
            if writable:
                with suppress(*waiting):
                    rest = rest[stream.send(rest[:SEND_BYTES]) :]
        except OSError as error:
            return _Sent(error=error)
    return _Sent()


def _upgrade(
    stream: socket.socket, socket_: WebSocket, now: Exchange, deadline_ns: int, sent: _Sent
) -> None:
    """Read the head that answers the handshake of a WebSocket; judge it as a run does."""
    data = sent.early
    while b"\r\n\r\n" not in now.received:
        data = _receive(stream, _core.Parser(), deadline_ns, sent) if data is None else data
        if not data:
            raise _Failed("truncated", "upgrade", "")
        now.first_byte_ns = now.first_byte_ns or time.monotonic_ns()
        now.received_bytes += len(data)
        now.received += data[: KEPT_BYTES - len(now.received)]
        data = b"" if len(now.received) == KEPT_BYTES else None
    head = bytes(now.received).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    now.status = int(head[9:12]) if head[9:12].isdigit() else 0
    now.body_bytes = now.received_bytes - len(head)
    offered = ",".join(socket_.subprotocols).encode("ascii")
    if code := _core.judge_handshake(head, opening.key_of(now.request), offered):
        raise _Failed("upgrade", "upgrade", code)
    now.reusable = True


def _answer(
    stream: socket.socket, plan: Plan, now: Exchange, deadline_ns: int, sent: _Sent
) -> None:
    parser = _core.Parser(head=now.request.head_only, expect_body=plan.expect.body)
    early = sent.early
    while not parser.outcome:
        data = _receive(stream, parser, deadline_ns, sent) if early is None else early
        early = None
        if data and not now.first_byte_ns:
            now.first_byte_ns = time.monotonic_ns()
        now.received_bytes += len(data)
        now.received += data[: KEPT_BYTES - len(now.received)]
        if data:
            parser.feed(data)
        else:
            parser.eof()
        now.status = parser.status
        now.body_bytes = parser.body_bytes
    now.body_found = parser.body_found
    now.reusable = parser.reusable
    phase = "body" if now.body_bytes else "head"
    if parser.outcome != "ok":
        raise _Failed(parser.outcome, phase, parser.rule)


def _receive(stream: socket.socket, parser: _core.Parser, deadline_ns: int, sent: _Sent) -> bytes:
    """Read some bytes; b"" at the end of the stream."""
    import ssl

    phase = "body" if parser.body_bytes else "head"
    try:
        _until(stream, deadline_ns)
        return stream.recv(READ_BYTES)
    except TimeoutError:
        raise _Failed("timeout", phase, "") from None
    except ssl.SSLError as error:
        # Python up to 3.11.2 has SSLError for it, and only its reason tells.
        cut = isinstance(error, ssl.SSLEOFError) or _reason(error) == CUT_OFF
        raise _Failed(
            "truncated" if cut else "tls", phase, CUT_OFF if cut else _reason(error)
        ) from None
    except OSError as error:
        if sent.error is not None:
            raise _Failed("reset", "send", _name(sent.error)) from None
        raise _Failed("reset", phase, _name(error)) from None


def _until(stream: socket.socket, deadline_ns: int) -> None:
    left_ns = deadline_ns - time.monotonic_ns()
    if left_ns <= 0:
        raise TimeoutError
    stream.settimeout(left_ns / 1e9)


def _connect_error(error: OSError) -> tuple[str, str, str]:
    if isinstance(error, TimeoutError):
        return "connect_timeout", "connect", ""
    refused = isinstance(error, ConnectionRefusedError)
    return "connect_refused" if refused else "connect", "connect", _name(error)


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "")


def _reason(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error).replace("_", " ").lower()
