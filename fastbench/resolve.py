"""From a target to the one address that is loaded: resolved once, before anything is forked."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from fastbench import signals
from fastbench.plan import Family, Plan

PROBE_S = 1.0


class ResolveError(Exception):
    """Carry the resolver's code, such as EAI_NONAME, for the catalogue of errors."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of the kernel's: `host` is an IP address, or the path of a Unix socket."""

    family: int
    host: str
    port: int = 0
    scope: int = 0

    @property
    def parts(self) -> tuple[int, bytes, int, int]:
        """What the engine takes."""
        return self.family, self.host.encode("utf-8", "surrogateescape"), self.port, self.scope

    @property
    def public(self) -> bool:
        """Tell whether the address is reachable from the whole Internet."""
        if self.family == socket.AF_UNIX:
            return False
        return ipaddress.ip_address(self.host).is_global


def endpoint(plan: Plan) -> Endpoint:
    """Return the address to load; raises ResolveError when the name has none.

    Of several addresses the first that accepts a connection is taken, as wrk does: `localhost` is
    often ::1 and 127.0.0.1 while the server listens on one of them. When none accepts, it is the
    first, and the run will say why.
    """
    target = plan.target
    if target.unix_path is not None:
        return Endpoint(socket.AF_UNIX, target.unix_path)
    return address(target.host, target.port, _family(plan.family, plan.bind))


def endpoint_of(
    host: str, port: int, unix_path: str | None, family: Family, bind: tuple[str, ...]
) -> Endpoint:
    """Return the address of a script's base URL; raises ResolveError when the name has none."""
    if unix_path is not None:
        return Endpoint(socket.AF_UNIX, unix_path)
    return address(host, port, _family(family, bind))


def address(host: str, port: int, family: int) -> Endpoint:
    """Return the first address of a name that accepts, or else the first."""
    found = _addresses(host, port, family)
    if len(found) == 1:
        return found[0]
    return next((each for each in found if _accepts(each)), found[0])


def sources(plan: Plan) -> list[tuple[int, bytes, int, int]]:
    """Return the source addresses of --bind as the engine takes them."""
    return [Endpoint(_family_of(address), address).parts for address in plan.bind]


def _family(family: Family, bind: tuple[str, ...]) -> int:
    if bind:
        return _family_of(bind[0])
    return {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[family]


def _family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _addresses(host: str, port: int, family: int) -> list[Endpoint]:
    try:
        rows = signals.beside(lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
    except socket.gaierror as error:
        raise ResolveError(_eai_name(error.errno)) from None
    except (OSError, UnicodeError):
        raise ResolveError("EAI_NONAME") from None
    found = []
    for kind, _, _, _, where in rows:
        literal, number, *rest = where
        scope = int(rest[1]) if len(rest) == 2 else 0
        found.append(Endpoint(int(kind), str(literal).partition("%")[0], int(number), scope))
    return list(dict.fromkeys(found))


def _eai_name(code: int | None) -> str:
    names = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}
    return names.get(code, "EAI_FAIL") if code is not None else "EAI_FAIL"


def _accepts(address: Endpoint) -> bool:
    try:
        with socket.socket(address.family, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_S)
            where: tuple[object, ...] = (address.host, address.port)
            if address.family == socket.AF_INET6:
                where = (address.host, address.port, 0, address.scope)
            probe.connect(where)
    except OSError:
        return False
    return True
