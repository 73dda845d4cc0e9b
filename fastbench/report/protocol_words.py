"""Which version of HTTP the connections of a run spoke, in words."""

from __future__ import annotations

from fastbench.foundation.units import plural
from fastbench.results.counts import Http2
from fastbench.results.result import Result


def told(result: Result) -> list[str]:
    """Return what there is to say; nothing of a run in which nobody may speak HTTP/2."""
    found = result.http2
    if found is None or not found.protocol:
        return []
    most = "up to " if result.scenarios else ""  # a script's users have as many as they ask for
    parts = [_spoken(found), _streams(found, most), _chosen(result, found)]
    parts += [f"{plural(found.goaways, 'GOAWAY')}"] if found.goaways else []
    parts += [f"{plural(found.refused, 'stream')} refused"] if found.refused else []
    return [part for part in parts if part]


def _spoken(found: Http2) -> str:
    spoken = (("HTTP/2", found.connections), ("HTTP/1.1", found.http1_connections))
    return ", ".join(f"{name} on {plural(n, 'connection')}" for name, n in spoken if n)


def _streams(found: Http2, most: str) -> str:
    if not found.connections or found.streams == 1:
        return ""
    few = f" of {found.streams:,} asked" if found.limited else ""
    return f"{most}{plural(found.stream_limit, 'stream')}{few} on each"


def _chosen(result: Result, found: Http2) -> str:
    """Say how it came to HTTP/2 where nobody asked for it: numbers of before may be of HTTP/1.1."""
    asked = result.config.get("http")
    if asked != "" or not found.connections:
        return ""
    return "as the server chose (--http1 for HTTP/1.1)"
