"""Servers of HTTP/2 that the library `h2` speaks for: what it sends is what the RFC allows.

    with Server(speaking(streams=2)) as server: …

It counts a request when it ends; `server.seen.requests` is how many were answered.
"""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings
from servers import Peer, Script

__all__ = ["BODY", "speaking"]

BODY = b"hello, streams"
PREFACE_BYTES = 24


def speaking(
    *, streams: int = 100, refused: int = 0, reset: int = 0, goaway: int = 0, ping: bytes = b""
) -> Script:
    """Answer every request; `refused` of each connection's first ones are sent back, and as many
    after them are `reset`. After `goaway` of them the connection is ended in order."""

    def script(peer: Peer) -> None:
        spoken = H2Connection(H2Configuration(client_side=False))
        limit = {SettingCodes.MAX_CONCURRENT_STREAMS: streams}
        spoken.local_settings = Settings(client=False, initial_values=limit)
        spoken.initiate_connection()
        if ping:
            spoken.ping(ping)
        taken = 0
        piece = peer.read(PREFACE_BYTES)
        while True:
            for event in spoken.receive_data(piece):
                if isinstance(event, RequestReceived):
                    taken += 1
                    if taken <= refused:
                        spoken.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
                    elif taken <= refused + reset:
                        spoken.reset_stream(event.stream_id, ErrorCodes.INTERNAL_ERROR)
                elif isinstance(event, DataReceived):
                    spoken.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded) and taken > refused + reset:
                    answer(spoken, event.stream_id, peer)
                    if taken == goaway:
                        peer.send(spoken.data_to_send())
                        spoken.close_connection(last_stream_id=event.stream_id)
                        peer.send(spoken.data_to_send())
                        peer.finish()
            peer.send(spoken.data_to_send())
            head = peer.read(9)
            piece = head + peer.read(int.from_bytes(head[:3]))

    return script


def answer(spoken: H2Connection, stream: int, peer: Peer) -> None:
    peer.requests += 1
    with peer.server.lock:
        peer.server.seen.requests += 1
    size = str(len(BODY))
    spoken.send_headers(stream, [(":status", "200"), ("content-length", size)])
    spoken.send_data(stream, BODY, end_stream=True)
