"""A proxy: what it is, and what is said to it, which depends on what it is asked for.

1. An HTTP proxy gets requests for http:// in absolute form (RFC 9112 section 3.2.2), all others go
   through a tunnel that CONNECT opens (RFC 9110 section 9.3.6). SOCKS5 (RFC 1928) always is one.
2. Name and password: Basic for HTTP (RFC 7617), RFC 1929 for SOCKS5. No report shows them.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from fastbench import __version__
from fastbench.foundation import redact
from fastbench.plan import hostnames

ProxyScheme = Literal["http", "socks5", "socks5h"]

MAX_LOGIN_BYTES = 255  # of a name, of a password (RFC 1929 section 2)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Name a proxy; socks5h looks names up. `login` is `user:password`, a character for a byte."""

    scheme: ProxyScheme
    host: str  # ASCII name or IP literal, no brackets
    port: int
    login: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """What a report says of it: nothing secret."""
        login = "" if self.login is None else f"{redact.MASK}@"
        return f"{self.scheme}://{login}{_joined(self.host, self.port)}"

    @property
    def looks_up(self) -> bool:
        """Tell whether it finds the addresses of servers itself."""
        return self.scheme != "socks5"

    def tunnel(self, host: str, port: int) -> tuple[bytes, ...]:
        """Return what is said to get a tunnel: (CONNECT,), or (methods, login, request)."""
        if self.scheme != "http":
            return _socks5(self.login, hostnames.without_zone(host), port)
        where = _joined(hostnames.without_zone(host), port)
        agent = f"User-Agent: fastbench/{__version__}"
        lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", agent]
        lines += [f"Proxy-Authorization: {value}"] if (value := self.authorization) else []
        return ("\r\n".join((*lines, "", "")).encode("ascii"),)

    @property
    def authorization(self) -> str:
        """Return the value of Proxy-Authorization, "" without a login."""
        if self.login is None:
            return ""
        return f"Basic {b64encode(self.login.encode('latin-1')).decode('ascii')}"


def _socks5(login: str | None, host: str, port: int) -> tuple[bytes, bytes, bytes]:
    """Render the three messages of RFC 1928, sections 3 and 4, and RFC 1929, section 2."""
    said = b""
    if login is not None:
        user, _, password = login.encode("latin-1").partition(b":")
        said = b"\x01%c%b%c%b" % (len(user), user, len(password), password)
    try:
        address = ip_address(host)
        where = (b"\x01" if address.version == 4 else b"\x04") + address.packed
    except ValueError:
        name = host.encode("ascii")
        where = b"\x03%c%b" % (len(name), name)
    methods = b"\x05\x02\x00\x02" if login is not None else b"\x05\x01\x00"
    return methods, said, b"\x05\x01\x00" + where + port.to_bytes(2, "big")


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy serves whom; `exempt` are hosts that are connected to directly, see `proxies`."""

    http: Proxy | None = None
    https: Proxy | None = None
    exempt: tuple[str, ...] = ()

    def all(self) -> tuple[Proxy, ...]:
        """Return each of them once."""
        return tuple(dict.fromkeys(each for each in (self.http, self.https) if each is not None))


NO_PROXIES = Proxies()
