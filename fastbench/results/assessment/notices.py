"""What a reader should know of a run, as far as its result shows it: warnings with their remedy."""

from __future__ import annotations

from fastbench.foundation.units import plural
from fastbench.plan import proxies
from fastbench.results import addresses
from fastbench.results.assessment import listen_queue
from fastbench.results.result import Result, Warning_


def of(found: Result, queue: listen_queue.Queue = listen_queue.NOBODYS) -> list[Warning_]:
    """Return the warnings that follow from a result, and from who could fill a listen queue."""
    told = (
        *addresses.notices(found.addresses),
        *proxies.notices(row.kind for row in found.errors),
    )
    return [*_overflows(found, queue), *_unverified(found), *(Warning_(*each) for each in told)]


def _unverified(found: Result) -> list[Warning_]:
    if found.tls is None or found.tls.verified:
        return []
    return [
        Warning_(
            "tls_unverified",
            "the server's certificate was not verified (-k)",
            "name its authority with --cacert FILE instead",
        )
    ]


def _overflows(found: Result, queue: listen_queue.Queue) -> list[Warning_]:
    times = listen_queue.overflows(found, queue)
    if not times:
        return []
    return [
        Warning_(
            "listen_overflow",
            f"a listen queue on this machine overflowed {plural(times, 'time')}: connections "
            "that found it full were tried again after 1s, 3s, …",
            "raise the server's backlog and net.core.somaxconn",
        )
    ]
