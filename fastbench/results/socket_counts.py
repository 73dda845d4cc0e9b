"""What a run of WebSockets found beside the figures that every run has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fastbench.results.histogram import Histogram
from fastbench.results.json_codec import SPARSE
from fastbench.results.latencies import packed

NO_CLOSE = 1006  # a connection that ended without a close frame (RFC 6455 section 7.1.5)


def noun_of(config: Mapping[str, object]) -> str:
    """Return what a run of URLs counts, as its configuration says."""
    mode = mode_of(config)
    return "request" if not mode else "connection" if mode == "hold" else "message"


def mode_of(config: Mapping[str, object]) -> str:
    """Return what the WebSockets of a run do: echo, push, hold; "" in a run of HTTP."""
    asked = config.get("websocket")
    return str(asked.get("mode") or "") if isinstance(asked, Mapping) else ""


@dataclass(frozen=True, slots=True)
class HandshakeTimes:
    """From the request of the handshake to its answer, ms; None without any. `hdr` is packed."""

    p50: float | None
    p99: float | None
    max: float | None
    hdr: str = field(default="", metadata=SPARSE)

    @classmethod
    def of(cls, times: Histogram) -> HandshakeTimes:
        """Return the figures of a histogram."""
        if not times.count:
            return cls(None, None, None)
        found = (times.percentile(50), times.percentile(99), times.max_ns)
        p50, p99, most = (round(each / 1e6, 6) for each in found)
        return cls(p50, p99, most, packed(times))


@dataclass(frozen=True, slots=True)
class Sockets:
    """WebSockets of a run: how many opened, what went over them, how they ended.

    `opening_s` is from the first attempt to the last handshake before the start line. Messages are
    whole ones; bytes are of their payloads. `lost` ended before the run did, `close_codes` says
    how: 1006 is a connection that ended without a close frame.
    """

    opened: int
    open_at_end: int
    lost: int
    opening_s: float
    messages_sent: int
    messages_received: int
    payload_bytes_sent: int
    payload_bytes_received: int
    pings_answered: int
    handshake_ms: HandshakeTimes
    close_codes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        slots: Sequence[Mapping[str, int]],
        codes: Iterable[Mapping[int, int]],
        handshakes: Histogram,
    ) -> Sockets:
        """Add up the counters of workers."""
        total = sum((Counter(slot) for slot in slots), Counter[str]())
        begun = [slot["sockets_begun_ns"] for slot in slots if slot["sockets_begun_ns"]]
        opened = max((slot["sockets_opened_ns"] for slot in slots), default=0)
        closes = sum((Counter(each) for each in codes), Counter[int]())
        return cls(
            opened=total["sockets_opened"],
            open_at_end=total["connected"],
            lost=total["sockets_lost"],
            opening_s=max(0.0, (opened - min(begun, default=opened)) / 1e9),
            messages_sent=total["messages_out"],
            messages_received=total["messages_in"],
            payload_bytes_sent=total["payload_out"],
            payload_bytes_received=total["payload_in"],
            pings_answered=total["pings"],
            handshake_ms=HandshakeTimes.of(handshakes),
            close_codes={str(code): count for code, count in sorted(closes.items())},
        )
