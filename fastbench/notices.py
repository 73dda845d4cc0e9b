"""What a reader should know of a run, as far as its result shows it: warnings with their remedy."""

from __future__ import annotations

from fastbench import addresses, proxies
from fastbench.result import Result, Warning_

__all__ = ["of"]


def of(found: Result) -> list[Warning_]:
    """Return the warnings that follow from a result alone."""
    told = (
        *addresses.notices(found.addresses),
        *proxies.notices(row.kind for row in found.errors),
    )
    return [*_overflows(found), *(Warning_(*notice) for notice in told)]


def _overflows(found: Result) -> list[Warning_]:
    host = found.resources.host
    if host is None or not host.listen_overflows:
        return []
    return [
        Warning_(
            "listen_overflow",
            f"a listen queue on this machine overflowed {host.listen_overflows:,} times, and who "
            "found it full tried again after 1s, 3s, …",
            "raise the server's backlog and net.core.somaxconn",
        )
    ]
