"""The WebSockets of a run as rows of a table: what it is, and how much."""

from __future__ import annotations

from fastbench.foundation.units import format_bytes, format_ms, format_s
from fastbench.results.socket_counts import Sockets


def rows(found: Sockets) -> list[tuple[str, str]]:
    """Return names and values; what did not happen has no row."""
    times = found.handshake_ms
    told = [("opened", f"{found.opened:,}"), ("open at the end", f"{found.open_at_end:,}")]
    if found.opened:
        told.append(("opened before the run in", format_s(round(found.opening_s, 3))))
    each = {"p50": times.p50, "p99": times.p99, "max": times.max}
    told += [(f"handshake {of}", format_ms(ms)) for of, ms in each.items() if ms is not None]
    ways = {
        "sent": (found.messages_sent, found.payload_bytes_sent),
        "received": (found.messages_received, found.payload_bytes_received),
    }
    told += [
        (f"messages {way}", f"{count:,} ({format_bytes(size)})")
        for way, (count, size) in ways.items()
    ]
    told += [("pings answered", f"{found.pings_answered:,}")] * bool(found.pings_answered)
    told += [("ended early", f"{found.lost:,}")] * bool(found.lost)
    told += [(f"close code {code}", f"{count:,}") for code, count in found.close_codes.items()]
    return told
