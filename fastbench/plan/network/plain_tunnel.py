"""A tunnel through a proxy over a blocking socket: for what stands around a run, and for --debug.

The load has the engine's (engine/proxy); both call what went wrong alike.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from fastbench.foundation import proxy_errors

MAX_HEAD_BYTES = 65536

_STATUS = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})[ \r\n]")
_REPLIES = (
    *("", "general failure", "not allowed", "network unreachable", "host unreachable"),
    *("connection refused", "TTL expired", "command not supported", "address type not supported"),
)


class RefusedError(OSError):
    """There is no tunnel. `code` is that of an error of kind `proxy`."""

    def __init__(self, code: str) -> None:
        super().__init__(0, proxy_errors.refused("proxy", code)[0])
        self.code = code


class Opening:
    """The steps to a tunnel; `said` and `heard` are the bytes of both sides so far."""

    def __init__(self, stream: socket.socket, texts: tuple[bytes, ...]) -> None:
        self._stream = stream
        self._texts = texts
        self.said = bytearray()
        self.heard = bytearray()

    def run(self) -> None:
        """Make the tunnel, with the stream's time limit for each step.

        Raises RefusedError where the proxy refuses, TimeoutError or OSError of the socket.
        """
        try:
            if len(self._texts) == 1:
                self._connect()
            else:
                self._socks5()
        except (ConnectionResetError, BrokenPipeError):
            raise RefusedError("closed") from None

    def _connect(self) -> None:
        self._say(self._texts[0])
        status = 100
        while status < 200:  # interim answers
            status = self._status()
        if status >= 300:
            raise RefusedError(str(status))

    def _status(self) -> int:
        """Read a head; return its status."""
        head = bytearray()
        for byte in self._bytes():
            head += byte
            if len(head) == 13 and not _STATUS.match(head):
                raise RefusedError("not HTTP")
            if head.endswith((b"\n\n", b"\n\r\n")):
                break
            if len(self.heard) >= MAX_HEAD_BYTES:
                raise RefusedError("answer too long")
        found = _STATUS.match(head)
        if found is None:
            raise RefusedError("not HTTP")
        return int(found[1])

    def _socks5(self) -> None:
        methods, login, request = self._texts
        self._say(methods)
        version, method = self._exactly(2)
        if version != 5:
            raise RefusedError("not SOCKS5")
        if method not in ((0, 2) if login else (0,)):
            raise RefusedError("no method")
        if method == 2:
            self._say(login)
            if self._exactly(2)[1]:
                raise RefusedError("login refused")
        self._say(request)
        version, reply, _, kind = self._exactly(4)
        if version != 5 or (reply == 0 and kind not in (1, 3, 4)):
            raise RefusedError("not SOCKS5")
        if reply:
            raise RefusedError(_REPLIES[reply] if reply < len(_REPLIES) else f"reply {reply}")
        self._exactly({1: 4, 4: 16}.get(kind) or self._exactly(1)[0])
        self._exactly(2)

    def _say(self, text: bytes) -> None:
        self.said += text
        self._stream.sendall(text)

    def _exactly(self, count: int) -> bytes:
        return b"".join(byte for _, byte in zip(range(count), self._bytes(), strict=False))

    def _bytes(self) -> Iterator[bytes]:
        """Read one after the other: what follows the answer is the server's."""
        while byte := self._stream.recv(1):
            self.heard += byte
            yield byte
        raise RefusedError("closed")
