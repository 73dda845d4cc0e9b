"""One request and its answer over HTTP/2, frame by frame, on a connection that stands."""

from __future__ import annotations

import errno
import select
import socket
import time
from dataclasses import dataclass, field

from fastbench.cli.debug import http2_frames as wire
from fastbench.cli.debug.http2_frames import Frame
from fastbench.engine.bridge import _core
from fastbench.plan.plan import Plan, Request

READ_BYTES = 1 << 16
STREAM = 1
SENT, CAME = "> ", "< "


class BrokenRule(Exception):
    """Carry the name of the rule that the server broke."""


class Failed(Exception):
    """Carry kind, phase and code of what ended the exchange."""

    def __init__(self, kind: str, phase: str, code: str = "") -> None:
        super().__init__(kind)
        self.triple = kind, phase, code


@dataclass(slots=True)
class Talk:
    """What went both ways, in its order, and what it came to. Times as in `Exchange`."""

    frames: list[tuple[str, Frame]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)  # its begin
    received_bytes: int = 0
    status: int = 0
    body_bytes: int = 0
    body_found: bool = False
    reusable: bool = True
    settled_ns: int = 0
    sent_ns: int = 0
    first_byte_ns: int = 0


class Session:
    """A connection that carries one request; `talk` says what happened also where it fails."""

    def __init__(self, stream: socket.socket, plan: Plan, request: Request, kept: int) -> None:
        self.talk = Talk()
        self._stream = stream
        self._request = request
        self._needle = plan.expect.body
        self._scheme = b"http" if plan.target.tls is None else b"https"
        self._kept = kept
        self._theirs = wire.Reader(BrokenRule)
        self._ours = wire.Reader(BrokenRule)
        self._table_bytes = wire.TABLE_BYTES
        self._window = self._first_window = wire.FIRST_WINDOW
        self._stream_window = 0
        self._tail = b""
        self._settled = self._open = self._answered = self._begun = False
        self._allowed = True  # to open a stream
        self._deadline_ns = 0

    def run(self, connect_deadline_ns: int, timeout_s: float) -> None:
        """Say hello, send the request, read until its answer is whole. Raises Failed."""
        try:
            self._deadline_ns = connect_deadline_ns
            self._send(wire.greeting(), wire.PREFACE)
            while not self._settled or not self._allowed:
                self._hear()
            self._open = True
            now = time.monotonic_ns()
            self.talk.settled_ns = self.talk.sent_ns = now
            self._deadline_ns = now + round(timeout_s * 1e9)
            self._ask()
            while not self._answered:
                self._hear()
            self._check_length()
            self._send(wire.built(wire.GOAWAY, bytes(8)))
        except BrokenRule as broken:
            raise Failed("protocol", self._phase, str(broken)) from None

    @property
    def _phase(self) -> str:
        if not self._open:
            return "settings"
        if self.talk.status:
            return "body"
        return "head" if self._begun else "send"

    def _ask(self) -> None:
        """Send the head, then the body as far as the windows allow."""
        fields = (self._request.method.encode(), self._scheme, b"", self._request.target)
        blocks = _core.RequestBlocks([(*fields, self._request.fields)])
        small = self._table_bytes < wire.TABLE_BYTES
        block = b"\x20" + blocks.literal(0) if small else blocks.first(0)
        body = memoryview(self._request.body or b"")
        self._stream_window = self._first_window
        self._send(_head(block, ends=not body))
        while body and not self._answered:
            size = min(len(body), wire.MAX_PAYLOAD_BYTES, self._window, self._stream_window)
            if size <= 0 or self._readable():
                self._hear()
                continue
            part, body = bytes(body[:size]), body[size:]
            self._window -= size
            self._stream_window -= size
            self._send(wire.built(wire.DATA, part, wire.END_STREAM * (not body), STREAM))
        self._begun = True

    def _readable(self) -> bool:
        pending = getattr(self._stream, "pending", None)
        return bool(pending and pending()) or bool(select.select([self._stream], [], [], 0)[0])

    def _send(self, data: bytes, before: bytes = b"") -> None:
        for frame in self._ours.feed(data.removeprefix(before)):
            self.talk.frames.append((SENT, frame))
        try:
            self._until()
            self._stream.sendall(data)
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            if self._answered:
                return
            raise Failed("reset", self._phase, _name(error)) from None

    def _hear(self) -> None:
        """Read some bytes and take what they say."""
        import ssl

        try:
            self._until()
            data = self._stream.recv(READ_BYTES)
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            kind = "truncated" if isinstance(error, ssl.SSLEOFError) else "reset"
            raise Failed(kind, self._phase, _name(error)) from None
        if not data:
            raise Failed("truncated", self._phase)
        self.talk.received_bytes += len(data)
        if not self._settled and data[:5] == b"HTTP/":
            self.talk.body += data[: self._kept]
            raise BrokenRule("not HTTP/2")
        for frame in self._theirs.feed(data):
            self.talk.frames.append((CAME, frame))
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        if not self._settled and (frame.kind != wire.SETTINGS or frame.flags & wire.ACK):
            raise BrokenRule("SETTINGS not first")
        if frame.kind == wire.SETTINGS and not frame.flags & wire.ACK:
            self._agree(frame)
        elif frame.kind == wire.PING and not frame.flags & wire.ACK:
            self._send(wire.built(wire.PING, frame.payload, wire.ACK))
        elif frame.kind == wire.WINDOW_UPDATE:
            self._window += 0 if frame.stream else frame.word
            self._stream_window += frame.word if frame.stream == STREAM else 0
        elif frame.kind == wire.GOAWAY:
            self.talk.reusable = False
            if int.from_bytes(frame.payload[:4]) & wire.MAX_WINDOW < STREAM:
                raise Failed("goaway", self._phase, _code(frame.payload[4:8]))
        elif frame.kind == wire.PUSH_PROMISE:
            raise BrokenRule("PUSH_PROMISE")
        elif frame.stream == STREAM and not self._answered:  # then a reset says nothing more
            self._take_of_answer(frame)

    def _agree(self, frame: Frame) -> None:
        """The server's SETTINGS; the window of the open stream changes with them (6.9.2)."""
        for number, value in frame.pairs():
            if number == wire.HEADER_TABLE_SIZE:
                self._table_bytes = value
            elif number == wire.MAX_CONCURRENT_STREAMS:
                self._allowed = value > 0
            elif number == wire.INITIAL_WINDOW_SIZE:
                self._stream_window += value - self._first_window
                self._first_window = value
        self._settled = True
        self._send(wire.built(wire.SETTINGS, b"", wire.ACK))

    def _take_of_answer(self, frame: Frame) -> None:
        if frame.kind == wire.RST_STREAM:
            raise Failed("stream_reset", self._phase, _code(frame.payload))
        self.talk.first_byte_ns = self.talk.first_byte_ns or time.monotonic_ns()
        if frame.fields and self._theirs.malformed:
            raise BrokenRule(self._theirs.malformed)
        self.talk.status = self._theirs.status
        if frame.kind == wire.DATA:
            if not self.talk.status:
                raise BrokenRule("DATA before the head")
            self._keep(frame.content)
        self._answered = frame.ends

    def _keep(self, part: bytes) -> None:
        self.talk.body_bytes += len(part)
        self.talk.body += part[: max(0, self._kept - len(self.talk.body))]
        if self._needle and not self.talk.body_found:
            self.talk.body_found = self._needle in self._tail + part
            self._tail = (self._tail + part)[-len(self._needle) :]

    def _check_length(self) -> None:
        length = self._theirs.length
        if length not in (-1, self.talk.body_bytes) and not self._request.head_only:
            raise BrokenRule("length of the body")

    def _late(self) -> Failed:
        if self._settled and not self._open:
            return Failed("protocol", self._phase, "no streams allowed")
        return Failed("timeout" if self._open else "connect_timeout", self._phase)

    def _until(self) -> None:
        left_ns = self._deadline_ns - time.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError
        self._stream.settimeout(left_ns / 1e9)


def _head(block: bytes, *, ends: bool) -> bytes:
    """Return HEADERS, and CONTINUATION as far as the block needs it."""
    size = wire.MAX_PAYLOAD_BYTES
    parts = [block[at : at + size] for at in range(0, len(block), size)]
    frames = bytearray()
    for at, part in enumerate(parts):
        flags = wire.END_HEADERS if at == len(parts) - 1 else 0
        kind = wire.CONTINUATION if at else wire.HEADERS
        frames += wire.built(kind, part, flags | (wire.END_STREAM * (ends and not at)), STREAM)
    return bytes(frames)


def _code(payload: bytes) -> str:
    return wire.code(int.from_bytes(payload[:4]))


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "")
