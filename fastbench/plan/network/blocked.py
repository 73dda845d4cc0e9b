"""Servers that a script must not reach: by patterns of names, and by networks of addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from fastbench.plan.network.resolve import ResolveError, Row

BLOCKED_NAME = "EKEYREJECTED"  # numbers that getaddrinfo(3) has none of
BLOCKED_ADDRESS = "EADDRNOTAVAIL"

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Blocked:
    """Hold patterns of names, which may begin with *, in small letters; and networks."""

    names: frozenset[str] = frozenset()
    networks: tuple[_Network, ...] = ()

    def check_name(self, host: str) -> None:
        """Refuse a name, not an address; raises ResolveError."""
        with suppress(ValueError):
            ipaddress.ip_address(host)
            return
        for pattern in self.names:
            tail = pattern.removeprefix("*")
            if host == pattern or (tail != pattern and host.endswith(tail)):
                raise ResolveError(BLOCKED_NAME)

    def has_address(self, host: str) -> bool:
        """Tell whether the host of a URL is an address in one of the networks."""
        try:
            found = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return False
        return any(found in network for network in self.networks)

    def check_addresses(self, rows: Iterable[Row]) -> None:
        """Refuse addresses in one of the networks; raises ResolveError."""
        for _, address, *_ in rows:
            if self.has_address(address):
                raise ResolveError(BLOCKED_ADDRESS)
