"""Names and addresses of hosts in the one form in which they are compared, looked up and sent.

1. Names are lower case and ASCII. What is not ASCII becomes its A-label: UTS #46 without
   transitional processing, then IDNA 2008 (RFC 5891), by `idna`, which is imported only then.
   `%XX` in a name is decoded first (RFC 3986 section 3.2.2).
2. A name whose last label is a number is an IPv4 address in one of inet_aton(3)'s forms, as for
   getaddrinfo and browsers (WHATWG URL, "ends in a number"): 127.1, 2130706433 and 0x7f.1 are
   127.0.0.1.
3. IPv6 addresses are written as RFC 5952 says; a zone follows a bare `%`. It is this machine's
   business (RFC 6874): it says where to connect, and is never sent.
4. A dot at the end stays in the name that is looked up and in Host, as browsers have it. It is no
   part of a certificate's name or of SNI (RFC 6066 section 3): see `certificate_name`.
"""

from __future__ import annotations

import re
import socket
from urllib.parse import unquote_to_bytes

from fastbench.foundation.usage_error import UsageError

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,15}")  # netdevice(7): IFNAMSIZ is 16


def canonical(text: str, shown: str) -> str:
    """Return a host in its one form, IPv6 without brackets; raises UsageError about `shown`."""
    if ":" in text:
        return ipv6(text.removeprefix("[").removesuffix("]"), shown)
    if not text:
        raise UsageError(f"`{shown}` has no host; write one, for example http://localhost:8080/.")
    host = _ascii(text, shown)
    name = host.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name, shown)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UsageError(
            f"The host in `{shown}` is not a valid name: each part has 1 to 63 letters, digits "
            "or -."
        )
    return host


def is_ipv4(host: str) -> bool:
    """Tell whether a host is an IPv4 address in dotted form."""
    return _packed(socket.AF_INET, host) is not None


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address, maybe with a zone, and no name."""
    return is_ipv4(host) or _packed(socket.AF_INET6, without_zone(host)) is not None


def is_local(host: str) -> bool:
    """Tell whether a host is an address or this machine's own name, which nobody is asked for."""
    name = host.lower().removesuffix(".")
    return is_address(host) or name == "localhost" or name.endswith(".localhost")


def without_zone(host: str) -> str:
    """Return the host without the zone of an IPv6 address."""
    return host.partition("%")[0]


def certificate_name(host: str) -> str:
    """Return what a certificate calls the host: no zone, no dot at the end."""
    return without_zone(host).removesuffix(".")


def servername(text: str) -> str:
    """Read --servername: the name that is sent as SNI and has to stand in the certificate."""
    return certificate_name(canonical(text, f"--servername {text}"))


def _ascii(text: str, shown: str) -> str:
    if "%" in text:
        decoded = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
        text = decoded.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text.lower()
    import idna  # few names need it

    try:
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
        labels = [
            label if label.isascii() else idna.alabel(label).decode("ascii")
            for label in mapped.split(".")
        ]
    except (idna.IDNAError, UnicodeError):
        raise UsageError(
            f"The host in `{shown}` is not a valid domain name (IDNA 2008); if it has an ASCII "
            "form, "
            "which begins with xn--, write that."
        ) from None
    return ".".join(labels).lower()


def _ipv4(name: str, shown: str) -> str:
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        raise UsageError(
            f"The host in `{shown}` ends in a number but is not a valid IPv4 address; "
            "write four numbers from 0 to 255, for example http://127.0.0.1/."
        ) from None


def ipv6(literal: str, shown: str) -> str:
    """Return an IPv6 address in its one form, maybe with a zone, which `%25` or `%` begins."""
    address, _, zone = literal.partition("%")
    zone = zone.removeprefix("25")  # RFC 6874: % is written %25 before a zone
    packed = _packed(socket.AF_INET6, address)
    if packed is None:
        raise UsageError(
            f"`{shown}` has no valid IPv6 address between its brackets; write http://[::1]:8080/."
        )
    text = socket.inet_ntop(socket.AF_INET6, packed)
    if not zone:
        return text
    if not _ZONE.fullmatch(zone):
        raise UsageError(f"`{shown}` has a zone that is not a network interface.")
    return f"{text}%{zone}"


def _packed(family: int, text: str) -> bytes | None:
    try:
        return socket.inet_pton(family, text)
    except (OSError, UnicodeError, ValueError):
        return None
