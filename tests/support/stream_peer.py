"""One connection of HTTP/2, seen from a server that a test scripts frame by frame."""

from __future__ import annotations

import ssl
import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import hpack
import trustme
from servers import Peer

__all__ = ["CANCEL", "CONTINUATION", "HEADERS", "REFUSED", "Asked", "Http2Peer", "offering"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
REFUSED, CANCEL = 7, 8
AUTHORITY = trustme.CA()

Fields = Iterable[tuple[str, str]]


@dataclass(slots=True)
class Asked:
    """A request that came, `body` as far as it has."""

    stream: int
    fields: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.fields[":path"]


def offering(*protocols: str) -> ssl.SSLContext:
    """Serve a certificate for localhost and choose among these protocols."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost", "127.0.0.1").configure_cert(found)
    found.set_alpn_protocols(list(protocols))
    return found


class Http2Peer:
    """The server's side: SETTINGS are said and heard at once, the rest is the script's."""

    def __init__(self, peer: Peer, **settings: int) -> None:
        """`settings` by their names in lower case, as max_concurrent_streams=1."""
        self.peer = peer
        self.resets: dict[int, int] = {}  # by stream: the code of the client
        self.goaways: list[int] = []
        self.windows: dict[int, int] = {}  # what the client gave back, by stream; 0: of all
        self.settings: dict[int, int] = {}  # the client's
        self._coder, self._reader = hpack.Encoder(), hpack.Decoder()
        self._begun: dict[int, Asked] = {}
        self._complete: deque[Asked] = deque()
        assert peer.read(len(PREFACE)) == PREFACE
        numbers = {"max_concurrent_streams": 3, "initial_window_size": 4, "header_table_size": 1}
        said = [struct.pack(">HI", numbers[name], value) for name, value in settings.items()]
        self.send(SETTINGS, 0, 0, b"".join(said))

    def send(self, kind: int, flags: int, stream: int, payload: bytes = b"") -> None:
        """Send one frame."""
        self.peer.send(struct.pack(">I", len(payload))[1:] + bytes((kind, flags)))
        self.peer.send(struct.pack(">I", stream) + payload)

    def limit_streams(self, count: int) -> None:
        """Say how many streams the client may have open from now on."""
        self.send(SETTINGS, 0, 0, struct.pack(">HI", 3, count))

    def frame(self) -> tuple[int, int, int, bytes]:
        """Read a frame and note what it says: (kind, flags, stream, payload)."""
        head = self.peer.read(9)
        kind, flags = head[3], head[4]
        stream: int = struct.unpack(">I", head[5:])[0]
        payload = self.peer.read(int.from_bytes(head[:3]))
        if kind == SETTINGS and not flags & ACK:
            self.settings |= dict(struct.iter_unpack(">HI", payload))
            self.send(SETTINGS, ACK, 0)
        elif kind == RESET:
            self.resets[stream] = int.from_bytes(payload)
        elif kind == GOAWAY:
            self.goaways.append(int.from_bytes(payload[4:8]))
        elif kind == WINDOW:
            self.windows[stream] = self.windows.get(stream, 0) + int.from_bytes(payload)
        elif kind == HEADERS:
            assert flags & END_HEADERS
            fields = {str(name): str(value) for name, value in self._reader.decode(payload)}
            self._begun[stream] = Asked(stream, fields)
        elif kind == DATA:
            self._begun[stream].body += payload
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self._complete.append(self._begun.pop(stream))
        return kind, flags, stream, payload

    def request(self) -> Asked:
        """Read up to the end of a request, and count it."""
        while not self._complete:
            self.frame()
        with self.peer.server.lock:
            self.peer.server.seen.requests += 1
        return self._complete.popleft()

    def waiting(self) -> int:
        """Tell how many requests have come that the script has not read, as of now."""
        self.send(PING, 0, 0, b"12345678")
        while self.frame()[0] != PING:
            pass
        return len(self._complete)

    def until_reset(self, stream: int) -> int:
        """Read until the client resets this stream; its code."""
        while stream not in self.resets:
            self.frame()
        return self.resets[stream]

    def head(self, stream: int, status: int, fields: Fields = (), *, ends: bool = False) -> None:
        """Send a head; one below 200 is an interim answer."""
        block = self._coder.encode([(":status", str(status)), *fields])
        self.send(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)

    def data(self, stream: int, body: bytes, *, ends: bool = False) -> None:
        """Send one DATA frame."""
        self.send(DATA, END_STREAM if ends else 0, stream, body)

    def answer(self, stream: int, body: bytes = b"fine", *fields: tuple[str, str]) -> None:
        """Send 200 with a body."""
        self.head(stream, 200, [("content-length", str(len(body))), *fields])
        for at in range(0, len(body), 16384):
            self.data(stream, body[at : at + 16384])
        self.data(stream, b"", ends=True)

    def trailers(self, stream: int, fields: Fields) -> None:
        """End an answer with some fields."""
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, self._coder.encode(list(fields)))

    def reset(self, stream: int, code: int) -> None:
        self.send(RESET, 0, stream, struct.pack(">I", code))

    def goaway(self, last: int, code: int = 0) -> None:
        self.send(GOAWAY, 0, 0, struct.pack(">II", last, code))

    def allow(self, stream: int, n_bytes: int) -> None:
        """Open the window of a stream, 0: of all of them."""
        self.send(WINDOW, 0, stream, struct.pack(">I", n_bytes))
