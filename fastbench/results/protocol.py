"""Which version of HTTP a run was measured over."""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.results.result import Result


def spoken(counters: Mapping[str, int], *, chosen: bool) -> str:
    """Return what connections spoke so far, "" without one.

    Where nothing was `chosen`, by servers or by who gave --http2, HTTP/1.1 goes without saying.
    """
    sessions, connects = counters["sessions"], counters["connects"]
    found = (("HTTP/2", sessions > 0), ("HTTP/1.1", connects > sessions))
    return " and ".join(name for name, is_so in found if is_so) if sessions or chosen else ""


def protocol_of(result: Result) -> str:
    """Return "HTTP/2", "HTTP/1.1" or both, "" without a connection, or without requests.

    What a document does not tell, as before 0.7.0, is HTTP/1.1.
    """
    if result.http2 is not None:
        return result.http2.protocol
    return "HTTP/1.1" if result.noun == "request" and result.summary.started else ""
