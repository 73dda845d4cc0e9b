"""The WebSockets of a run for people: how many, what went over them, how they ended."""

from __future__ import annotations

from fastbench.foundation.units import format_bytes, format_ms, format_s
from fastbench.report.page import Page, Part, plural
from fastbench.results.result import Result

MAX_CODES = 8


def lines(page: Page, result: Result) -> list[str]:
    """Return the rows of WebSockets; none in a run of HTTP."""
    found = result.sockets
    if found is None:
        return []
    times = found.handshake_ms
    parts: list[Part] = [(f"{found.opened:,} opened", str)]
    parts += [(f"{found.open_at_end:,} open at the end", str)]
    if found.opened:
        parts.append((f"before the run in {format_s(round(found.opening_s, 3))}", str))
    if times.p50 is not None and times.p99 is not None:
        p50, p99 = format_ms(times.p50), format_ms(times.p99)
        parts.append((f"handshake p50 {p50}, p99 {p99}", str))
    sent = f"{plural(found.messages_sent, 'message')} sent"
    came = f"{found.messages_received:,} received"
    about: list[Part] = [
        (f"{sent} ({format_bytes(found.payload_bytes_sent)})", str),
        (f"{came} ({format_bytes(found.payload_bytes_received)})", str),
    ]
    about += [(f"{plural(found.pings_answered, 'ping')} answered", str)] * bool(
        found.pings_answered
    )
    rows = page.flowed("WebSocket", parts)
    if found.messages_sent or found.messages_received:
        rows += page.flowed("", about)
    if found.lost:
        codes = sorted(found.close_codes.items(), key=lambda each: -each[1])
        ends: list[Part] = [(f"{found.lost:,} ended early", page.yellow)]
        ends += [(f"{code}: {count:,}", str) for code, count in codes[:MAX_CODES]]
        rows += page.flowed("", ends)
    return rows
