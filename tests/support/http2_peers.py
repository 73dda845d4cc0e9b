"""Scripted servers of HTTP/2: a script says frame by frame what the client meets.

    def script(h: Streams) -> None:
        h.hello()                   # preface and SETTINGS, both ways
        stream = h.request()        # wait until one whole request has been read
        h.send(answer(stream))
        h.read_on()                 # until the client has gone

    with serving(script) as (server, seen):
        ...

Whatever the client writes is judged: a frame that a client must not write fails the test.
"""

from __future__ import annotations

import contextlib
import random
import ssl
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import hpack
from http2_frames import (
    ACK,
    CODES,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    answer,
    frame,
    settings,
)
from servers import Peer, Server

__all__ = ["Script", "Seen", "Streams", "serving"]

FIRST_WINDOW = 65535


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


@dataclass(slots=True)
class Seen:
    """What the connections of a server saw together."""

    requests: int = 0  # read to their end
    paths: Counter[str] = field(default_factory=Counter)  # of all that began
    bodies: list[int] = field(default_factory=list)
    resets: list[str] = field(default_factory=list)
    goaways: list[str] = field(default_factory=list)  # that say what we did wrong
    goodbyes: int = 0  # the others
    acks: int = 0
    pings: list[bytes] = field(default_factory=list)
    ended: int = 0  # connections that the client closed


Script = Callable[["Streams"], None]


class Streams:
    """One connection; `cut` sends bytes one by one, or in pieces of any length."""

    def __init__(self, peer: Peer, seen: Seen, cut: str) -> None:
        self.peer, self.seen, self.cut = peer, seen, cut
        self.number = peer.number
        self.fields: dict[int, dict[str, str]] = {}  # of each request that began
        self.bodies: dict[int, int] = {}
        self.texts: dict[int, bytes] = {}  # the bodies
        self.whole: list[int] = []  # streams whose request ended, not asked for yet
        self.last_id = 0
        self.room = FIRST_WINDOW  # that the client has left, over all streams
        self.first_room = FIRST_WINDOW
        self.rooms: dict[int, int] = {}
        self.done: set[int] = set()
        self._decoder = hpack.Decoder()
        self._random = random.Random(peer.number)

    def hello(self, *pairs: tuple[int, int]) -> None:
        """Read what a client says first, and say our settings."""
        self.read_preface()
        self.first_room = dict(pairs).get(4, FIRST_WINDOW)
        self.send(settings(*pairs))

    def read_preface(self) -> None:
        assert self.peer.read(len(PREFACE)) == PREFACE
        said = self.frame()
        assert said.kind == SETTINGS and not said.flags & ACK

    def send(self, wire: bytes) -> None:
        if self.cut == "whole" or len(wire) > 20_000:
            return self.peer.send(wire)
        at = 0
        while at < len(wire):
            step = 1 if self.cut == "bytes" else self._random.randrange(1, 40)
            self.peer.send(wire[at : at + step])
            at += step
        return None

    def frame(self) -> Frame:
        """Read the next frame of the client, a head whole; judge it and keep what it says."""
        read = self._next()
        while read.kind == HEADERS and not read.flags & END_HEADERS:
            more = self._next()
            assert (more.kind, more.stream) == (CONTINUATION, read.stream)
            read = Frame(HEADERS, read.flags | more.flags, read.stream, read.payload + more.payload)
        with self.peer.server.lock:
            self._note(read)
        return read

    def _next(self) -> Frame:
        head = self.peer.read(9)
        n_bytes = int.from_bytes(head[:3])
        assert n_bytes <= 16384
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        return Frame(kind, flags, stream, self.peer.read(n_bytes))

    def _note(self, read: Frame) -> None:
        word = int.from_bytes(read.payload[-4:])
        if read.kind == HEADERS:
            self._begin(read)
        elif read.kind == DATA:
            self._take(read)
        elif read.kind == RST_STREAM:
            assert 0 < read.stream <= self.last_id
            self.seen.resets.append(CODES[word])
        elif read.kind == GOAWAY:
            assert read.stream == 0
            if word:
                self.seen.goaways.append(CODES[word])
            self.seen.goodbyes += word == 0
        elif read.kind == SETTINGS:
            assert read.stream == 0 and len(read.payload) % 6 == 0
            self.seen.acks += read.flags & ACK
        elif read.kind == PING:
            assert read.flags & ACK
            self.seen.pings.append(read.payload)
        else:
            assert read.kind == WINDOW_UPDATE

    def _begin(self, read: Frame) -> None:
        assert read.stream % 2 and read.stream > self.last_id
        self.last_id = read.stream
        fields = self._decoder.decode(read.payload)
        self.fields[read.stream] = {str(name): str(value) for name, value in fields}
        self.seen.paths[self.fields[read.stream][":path"]] += 1
        self.bodies[read.stream] = 0
        self.texts[read.stream] = b""
        self.rooms[read.stream] = self.first_room
        if read.flags & END_STREAM:
            self._end(read.stream)

    def _take(self, read: Frame) -> None:
        assert read.stream in self.bodies and read.stream not in self.done
        self.bodies[read.stream] += len(read.payload)
        self.texts[read.stream] += read.payload
        self.rooms[read.stream] -= len(read.payload)
        self.room -= len(read.payload)
        assert self.room >= 0 and (self.rooms[read.stream] >= 0 or not read.payload)
        if read.flags & END_STREAM:
            self._end(read.stream)

    def _end(self, stream: int) -> None:
        assert stream not in self.done
        self.done.add(stream)
        self.whole.append(stream)
        self.seen.requests += 1
        self.seen.bodies.append(self.bodies[stream])

    def opened(self) -> int:
        """Read until a request began that was not asked for; its stream."""
        before = self.last_id
        while self.last_id == before:
            self.frame()
        return self.last_id

    def request(self) -> int:
        """Read until one more request is whole; its stream."""
        while not self.whole:
            self.frame()
        return self.whole.pop(0)

    def until(self, kind: int, flags: int = 0) -> Frame:
        """Read on until a frame of this kind."""
        while True:
            read = self.frame()
            if read.kind == kind and read.flags & flags == flags:
                return read

    def more(self, stream: int, n_bytes: int) -> None:
        """Open a window, of a stream or (0) of all."""
        if stream:
            self.rooms[stream] += n_bytes
        else:
            self.room += n_bytes
        self.send(frame(WINDOW_UPDATE, struct.pack(">I", n_bytes), 0, stream))

    def allow_table(self, n_bytes: int) -> None:
        """Of the client's fields, a table of this size is kept from the next head on."""
        self._decoder.max_allowed_table_size = n_bytes

    def answer_all(self) -> None:
        """Answer each request that comes, until the client has gone."""
        while True:
            self.send(answer(self.request()))

    def read_on(self) -> None:
        """Read all that comes until the client has gone."""
        while True:
            self.frame()


@contextlib.contextmanager
def serving(
    script: Script, *, cut: str = "whole", tls: ssl.SSLContext | None = None
) -> Iterator[tuple[Server, Seen]]:
    """Serve one script on every connection."""
    seen = Seen()

    def follow(peer: Peer) -> None:
        script(Streams(peer, seen, cut))

    with Server(follow, tls=tls) as server:
        yield server, seen
