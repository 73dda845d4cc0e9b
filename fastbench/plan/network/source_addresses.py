"""Source addresses of `--bind`: lists, ranges, networks, and whether this machine has them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import NoReturn

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Family

MAX_ADDRESSES = 4096


def parse(texts: Iterable[str]) -> tuple[str, ...]:
    """Read `A[,B,…]`: addresses, ranges as 127.0.0.2-9 or A-B, networks as 127.0.0.0/28.

    As in k6's --local-ips, the first and the last address of an IPv4 network of more than two are
    not its hosts.
    """
    found: list[str] = []
    for text in texts:
        for piece in text.split(","):
            found += _several(piece.strip())
            if len(found) > MAX_ADDRESSES:
                _refuse_more(len(found))
    return tuple(dict.fromkeys(found))


def family(addresses: Iterable[str]) -> Family:
    """Return 4 or 6 when all addresses are of that family, 0 for none; refuse a mixture."""
    kinds = {6 if ":" in address else 4 for address in addresses}
    if len(kinds) > 1:
        raise UsageError("--bind mixes IPv4 and IPv6; give addresses of one family.")
    if not kinds:
        return 0
    return 6 if 6 in kinds else 4


def check(addresses: Iterable[str]) -> None:
    """Refuse an address that this machine cannot send from, by binding to it once."""
    for address in addresses:
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(kind, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(
                f"--bind {address}: {reason}; `ip address` lists the addresses of this machine."
            ) from None


def _refuse_more(count: int) -> NoReturn:
    raise UsageError(f"--bind takes at most {MAX_ADDRESSES} addresses, not {count}.")


def _several(piece: str) -> list[str]:
    if "/" in piece:
        try:
            network = ipaddress.ip_network(piece, strict=False)
        except ValueError:
            raise UsageError("--bind takes a network as 127.0.0.0/28, or fd00::/120.") from None
        first, count = int(network[0]), network.num_addresses
        if network.version == 4 and count > 2:
            first, count = first + 1, count - 2
        return _from(first, count, type(network[0]))
    start, _, last = piece.partition("-")
    if "." not in last and ":" not in last:
        return _octets(piece)
    ends = [ipaddress.ip_address(_address(each.strip())) for each in (start, last)]
    count = int(ends[1]) - int(ends[0]) + 1
    if ends[0].version != ends[1].version or count < 1:
        raise UsageError("--bind takes a range of one family, the lower address first.")
    return _from(int(ends[0]), count, type(ends[0]))


def _from(first: int, count: int, kind: Callable[[int], object]) -> list[str]:
    if count > MAX_ADDRESSES:
        _refuse_more(count)
    return [str(kind(each)) for each in range(first, first + count)]


def _octets(piece: str) -> list[str]:
    start, dash, last = piece.partition("-")
    if not dash:
        return [_address(piece)]
    prefix, _, first = _address(start).rpartition(".")
    if not prefix or not (last.isascii() and last.isdigit() and int(first) <= int(last) <= 255):
        raise UsageError(
            "--bind takes a range of the last number of an IPv4 address, as in 127.0.0.2-9."
        )
    return [f"{prefix}.{octet}" for octet in range(int(first), int(last) + 1)]


def _address(text: str) -> str:
    kind = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(kind, socket.inet_pton(kind, text))
    except (OSError, UnicodeError, ValueError):
        raise UsageError(
            "--bind takes IP addresses of this machine, for example 127.0.0.2,127.0.0.3."
        ) from None
