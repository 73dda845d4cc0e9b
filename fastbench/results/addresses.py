"""Which addresses of a server took connections: rows of the document, and what is said of them.

Of `localhost` an address that nobody listens on is usual, ::1 or 127.0.0.1: it is no warning.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastbench.foundation.errors import describe

FAMILIES = ("ipv4", "ipv6", "unix")
MAX_SHOWN = 6


@dataclass(frozen=True, slots=True)
class AddressRow:
    """One address of one server; `connections` were opened to it, in the warm-up too.

    `failures` are attempts to connect that came to nothing; `error` is the last one's cause. A
    `skipped` address did not accept before the run, and got no load.
    """

    server: str
    address: str
    family: Annotated[str, FAMILIES]
    connections: int
    failures: int = 0
    error: str = ""
    skipped: bool = False


Counted = tuple[int, int, str, str, str]  # connections, failures; kind, phase, code of the last one


Where = tuple[str, str, int]  # family, IP address or path, port

_KINDS = {"ECONNREFUSED": "connect_refused", "ETIMEDOUT": "connect_timeout"}


def of(server: str, where: Where, counted: Counted, *, skipped: bool = False) -> AddressRow:
    """Return a row of one address of a server."""
    family, host, port = where
    host = f"[{host}]" if family == "ipv6" else host
    connections, failures, *last = counted
    return AddressRow(
        server,
        host if family == "unix" else f"{host}:{port}",
        family,
        connections,
        failures,
        describe(*last)[0] if failures else "",
        skipped,
    )


def of_one(
    server: str,
    used: Sequence[Where],
    counted: Iterable[Sequence[Counted]],
    skipped: Mapping[Where, str],
) -> tuple[AddressRow, ...]:
    """Return the rows of one server, counted by each worker; `skipped` has errno's names."""
    rows = [of(server, *pair) for each in counted for pair in zip(used, each, strict=False)]
    for where, code in skipped.items():
        last = (0, 1, _KINDS.get(code, "connect"), "connect", code)
        rows.append(of(server, where, last, skipped=True))
    return merged(rows)


def merged(rows: Iterable[AddressRow]) -> tuple[AddressRow, ...]:
    """Add up the rows of all workers, in the order in which addresses were met."""
    found: dict[tuple[str, str], AddressRow] = {}
    for row in rows:
        key = row.server, row.address
        before = found.get(key)
        if before is not None:
            row = replace(
                row,
                connections=before.connections + row.connections,
                failures=before.failures + row.failures,
                error=row.error or before.error,
            )
        found[key] = row
    return tuple(found.values())


def summary(rows: Iterable[AddressRow]) -> str:
    """Say in one line how connections were spread, "" where no server has several addresses."""
    several = list(_several(rows))
    shown = [
        f"{row.address} skipped" if row.skipped else f"{row.address} {row.connections:,}"
        for row in several[:MAX_SHOWN]
    ]
    more = len(several) - MAX_SHOWN
    return ", ".join(shown) + (f", and {more} more" if more > 0 else "")


def notices(rows: Iterable[AddressRow]) -> Iterator[tuple[str, str, str]]:
    """Give the warnings (code, text, hint) about addresses that did not take their part."""
    for row in _several(rows):
        if not row.failures or (row.connections == 0 and _usual(row)):
            continue
        hint = "start what should listen there, or take the address out of the name's records"
        if row.connections == 0:
            code, text = (
                "address_skipped",
                f"{row.address} of {row.server} got no load: {row.error}",
            )
        else:
            code = "address_failed"
            times = "once" if row.failures == 1 else f"{row.failures:,} times"
            text = (
                f"{row.address} of {row.server} did not accept a connection {times} ({row.error}); "
                "those went to the other addresses"
            )
            hint = "see the log of the server there"
        yield code, text, hint


def _several(rows: Iterable[AddressRow]) -> Iterator[AddressRow]:
    """Give the rows of servers with several addresses of which one at least was loaded."""
    servers: dict[str, list[AddressRow]] = {}
    for row in rows:
        servers.setdefault(row.server, []).append(row)
    for each in servers.values():
        if len(each) > 1 and any(row.connections for row in each):
            yield from each


def _usual(row: AddressRow) -> bool:
    name = row.server.partition("://")[2].rpartition(":")[0] or row.server.partition("://")[2]
    name = name.removesuffix(".")
    local = name == "localhost" or name.endswith(".localhost")
    return local and ipaddress.ip_address(row.address.rpartition(":")[0].strip("[]")).is_loopback
