"""A warning where secrets of a run would travel without TLS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

MAX_NAMED = 4


def warning(addresses: Iterable[str], secrets: Sequence[str]) -> str:
    """Return a sentence, "" where nothing can be read on its way.

    `addresses` are those of Dask's workers, as `tcp://10.0.0.7:4321`; `secrets` name what is sent.
    """
    if not secrets or not any(map(_readable, addresses)):
        return ""
    named = ", ".join(secrets[:MAX_NAMED]) + (" and more" if len(secrets) > MAX_NAMED else "")
    return (
        f"The cluster has no TLS: whoever listens on the way to the machines can read {named}; "
        "give scheduler and workers certificates, and use --on tls://… (docs/guides/scale.md)."
    )


def _readable(address: str) -> bool:
    """Tell whether what is sent to an address passes a network unencrypted."""
    scheme, _, rest = address.partition("://")
    host = rest.rpartition(":")[0].strip("[]")
    if scheme != "tcp":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
