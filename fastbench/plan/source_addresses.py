"""Source addresses of `--bind`: lists, last-octet ranges, and whether this machine has them."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from fastbench.plan.plan import Family, UsageError

MAX_ADDRESSES = 4096


def parse(texts: Iterable[str]) -> tuple[str, ...]:
    """Read `A[,B,…]` where an IPv4 address may end in a range of its last octet: 127.0.0.2-9."""
    found: list[str] = []
    for text in texts:
        for piece in text.split(","):
            found += _range(piece.strip())
    if len(found) > MAX_ADDRESSES:
        raise UsageError(f"--bind takes at most {MAX_ADDRESSES} addresses, not {len(found)}.")
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


def _range(piece: str) -> list[str]:
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
