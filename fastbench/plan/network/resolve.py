"""From a server's name to its addresses: one way for plain runs, scripts and what is around them.

1. A plain run resolves once, before anything is forked, and tries each of several addresses: one
   that does not accept a connection is skipped, and named. A script resolves a server when it meets
   it, and finds out as it connects.
2. Failures carry getaddrinfo(3)'s name, or ENODEV for a zone that is no network interface here.
3. `localhost` and names that end so are this machine, whether or not a name server knows it
   (RFC 6761 section 6.3).
"""

from __future__ import annotations

import errno
import ipaddress
import select
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

from fastbench.foundation import meanwhile, signals
from fastbench.plan.network import connect_to
from fastbench.plan.plan import ConnectTo, Family, Plan

PROBE_S = 1.0
MAX_ADDRESSES = 64  # of one server; as many as the engine has rooms for

_EAI = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}
_NUMBERS = {name: -code for code, name in _EAI.items()}
_NUMBERS |= {"ENODEV": errno.ENODEV, "EKEYREJECTED": errno.EKEYREJECTED}
_NUMBERS["EADDRNOTAVAIL"] = errno.EADDRNOTAVAIL  # these two: see blocked
_FAMILIES = {
    int(socket.AF_INET): "ipv4",
    int(socket.AF_INET6): "ipv6",
    int(socket.AF_UNIX): "unix",
}
_NONE = {"EAI_NONAME", "EAI_NODATA"}  # none of a family: some resolvers say the first
_UNKNOWN = {"EAI_NONAME", "EAI_NODATA", "EAI_AGAIN", "EAI_FAIL"}

Row = tuple[int, str, int, int]  # family, address, port, scope


class ResolveError(Exception):
    """Carry the resolver's code, such as EAI_NONAME, for the catalogue of errors."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def number(self) -> int:
        """The code as rows of errors hold it."""
        return int(_NUMBERS[self.code])


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
    def where(self) -> str | tuple[object, ...]:
        """What socket.connect takes."""
        if self.family == socket.AF_UNIX:
            return unix_address(self.host)
        return (self.host, self.port, 0, self.scope)[: 4 if self.family == socket.AF_INET6 else 2]

    @property
    def named(self) -> tuple[str, str, int]:
        """What a report takes: the family's name, address or path, port."""
        return _FAMILIES[self.family], self.host, self.port

    @property
    def public(self) -> bool:
        """Tell whether the address is reachable from the whole Internet."""
        if self.family == socket.AF_UNIX:
            return False
        return ipaddress.ip_address(self.host).is_global


def unix_address(path: str) -> str:
    """Return what socket.connect takes for --unix: @NAME is an abstract socket (unix(7))."""
    return f"\0{path[1:]}" if path.startswith("@") else path


@dataclass(frozen=True, slots=True)
class Reach:
    """The addresses of a server: those to load, and those that are not, with their errno's name.

    With a proxy they are the proxy's; `beyond` is that of the server where we look it up ourselves.
    """

    used: tuple[Endpoint, ...]
    skipped: tuple[tuple[Endpoint, str], ...] = ()
    beyond: Endpoint | None = None


def reach(plan: Plan) -> Reach:
    """Return the addresses to load; raises ResolveError when the name has none."""
    target, proxy = plan.target, plan.proxy
    family = family_of(plan.family, plan.bind)
    host, port = connect_to.where(plan.connect_to, target.host, target.port)
    known = connect_to.addresses(plan.connect_to, host, port)
    if proxy is not None:
        found = server(proxy.host, proxy.port, None, family, one=plan.one_address)
        if proxy.looks_up:
            return found
        return replace(found, beyond=lookup(known[0] if known else host, port)[0])
    return server(host, port, target.unix_path, family, one=plan.one_address, known=known)


def server(
    host: str,
    port: int,
    unix_path: str | None,
    family: int,
    *,
    one: bool = False,
    known: Sequence[str] = (),
) -> Reach:
    """Return the addresses of a server; of several those that accept, or all if none does.

    `one`: the first of them alone, as wrk does. `known` are its addresses, where somebody said so.
    Raises ResolveError.
    """
    if unix_path is not None:
        return Reach((Endpoint(socket.AF_UNIX, unix_path),))
    found = lookup(host, port, family, known)
    if len(found) == 1:
        return Reach(tuple(found))
    failed = _failing(found)
    used = [each for each in found if each not in failed]
    if not used:
        return Reach(tuple(found[:1] if one else found))
    if one:
        return Reach(tuple(used[:1]))
    return Reach(tuple(used), tuple(failed.items()))


def lookup(host: str, port: int, family: int = 0, known: Sequence[str] = ()) -> list[Endpoint]:
    """Return the addresses of a name or literal, in the system's order; raises ResolveError.

    `known` are those of a name that is not asked for.
    """
    if known:
        return _known(known, port, family)
    if found := _literal(host, port, family):
        return [found]
    try:
        with meanwhile.stage(f"looking up {host}"):
            return _read(
                signals.beside(
                    lambda: socket.getaddrinfo(host, port, **_wanted(family)), meanwhile.beat
                )
            )
    except (OSError, UnicodeError) as error:
        if local := _loopback(host, port, family, error):
            return local
        code = _code(error)
    if family and code in _NONE:
        with suppress(OSError, UnicodeError):
            signals.beside(lambda: socket.getaddrinfo(host, port, **_wanted(0)))
            code = "EAI_ADDRFAMILY"
    raise ResolveError(code)


async def soon(host: str, port: int, family: int = 0, rules: Sequence[ConnectTo] = ()) -> list[Row]:
    """Return what `lookup` does, from the running loop; `rules` may lead elsewhere."""
    import asyncio  # 10 ms that a run of URLs does without

    host, port = connect_to.where(rules, host, port)
    if known := connect_to.addresses(rules, host, port):
        return _rows(_known(known, port, family))
    if found := _literal(host, port, family):
        return _rows([found])
    ask = asyncio.get_running_loop().getaddrinfo
    try:
        return _rows(_read(await ask(host, port, **_wanted(family))))
    except (OSError, UnicodeError) as error:
        if local := _loopback(host, port, family, error):
            return _rows(local)
        code = _code(error)
    if family and code in _NONE:
        with suppress(OSError, UnicodeError):
            await ask(host, port, **_wanted(0))
            code = "EAI_ADDRFAMILY"
    raise ResolveError(code)


def connected(
    host: str, port: int, limit_s: float, family: int = 0, known: Sequence[str] = ()
) -> socket.socket:
    """Return a socket that is connected to the first address that accepts.

    Raises ResolveError, or OSError of the last address; each may take `limit_s`.
    """
    failure: OSError | None = None
    for each in lookup(host, port, family, known):
        stream = socket.socket(each.family, socket.SOCK_STREAM)
        try:
            stream.settimeout(limit_s)
            stream.connect(each.where)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            stream.close()
            failure = error
        else:
            return stream
    assert failure is not None  # a name without address raises
    raise failure


def sources(plan: Plan) -> list[tuple[int, bytes, int, int]]:
    """Return the source addresses of --bind as the engine takes them."""
    return [Endpoint(_kind(address), address).parts for address in plan.bind]


def family_of(family: Family, bind: tuple[str, ...]) -> int:
    """Return the family of addresses to use, as -4, -6 and --bind say."""
    if bind:
        return _kind(bind[0])
    return int({0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[family])


def _kind(address: str) -> int:
    return int(socket.AF_INET6 if ":" in address else socket.AF_INET)


def _literal(host: str, port: int, family: int) -> Endpoint | None:
    """Return an address that needs no resolver, or None for a name.

    glibc knows names of zones of link-local addresses only.
    """
    address, _, zone = host.partition("%")
    kind = _kind(address)
    try:
        socket.inet_pton(kind, address)
    except (OSError, UnicodeError, ValueError):
        return None
    if family not in (0, kind):
        raise ResolveError("EAI_ADDRFAMILY")
    return Endpoint(kind, address, port, _scope(zone))


def _known(addresses: Sequence[str], port: int, family: int) -> list[Endpoint]:
    """Return given addresses, those of the family."""
    found = [Endpoint(_kind(each), each, port) for each in addresses]
    found = [each for each in found if family in (0, each.family)]
    if not found:
        raise ResolveError("EAI_ADDRFAMILY")
    return found[:MAX_ADDRESSES]


def _wanted(family: int) -> dict[str, int]:
    return {"family": family, "type": int(socket.SOCK_STREAM)}


def _code(error: Exception) -> str:
    """Return getaddrinfo's name of an error; what cannot even be asked for is no name."""
    if isinstance(error, OSError):
        return _EAI.get(error.errno or 0, "EAI_FAIL")
    return "EAI_NONAME"


def _scope(zone: str) -> int:
    if not zone:
        return 0
    if zone.isascii() and zone.isdigit():
        return int(zone)
    try:
        return socket.if_nametoindex(zone)
    except OSError:
        raise ResolveError("ENODEV") from None


def _read(rows: Iterable[tuple[object, ...]]) -> list[Endpoint]:
    """Read what getaddrinfo returned; each address once."""
    found = []
    for kind, *_, where in rows:
        assert isinstance(kind, int) and isinstance(where, tuple)
        literal, number, *rest = where
        scope = int(rest[1]) if len(rest) == 2 else 0
        found.append(Endpoint(int(kind), str(literal).partition("%")[0], int(number), scope))
    return list(dict.fromkeys(found))[:MAX_ADDRESSES]


def _rows(found: Iterable[Endpoint]) -> list[Row]:
    return [(each.family, each.host, each.port, each.scope) for each in found]


def _loopback(host: str, port: int, family: int, error: Exception) -> list[Endpoint]:
    """Return where a name of this machine leads which the resolver did not know."""
    name = host.lower().removesuffix(".")
    if _code(error) not in _UNKNOWN or not (name == "localhost" or name.endswith(".localhost")):
        return []
    both = (
        Endpoint(int(socket.AF_INET6), "::1", port),
        Endpoint(int(socket.AF_INET), "127.0.0.1", port),
    )
    return [each for each in both if family in (0, each.family)]


def _failing(found: Sequence[Endpoint]) -> dict[Endpoint, str]:
    """Connect to all at once; return those that did not accept within a second, and why."""
    failed: dict[Endpoint, str] = {}
    waiting: dict[int, tuple[Endpoint, socket.socket]] = {}
    poll = select.poll()
    for each in found:
        try:
            probe = socket.socket(each.family, socket.SOCK_STREAM)
        except OSError as error:
            failed[each] = _name(error.errno)
            continue
        probe.setblocking(False)
        code = probe.connect_ex(each.where)
        if code == errno.EINPROGRESS:
            poll.register(probe, select.POLLOUT)
            waiting[probe.fileno()] = each, probe
        else:
            probe.close()
            if code:
                failed[each] = _name(code)
    end_s = monotonic() + PROBE_S
    while waiting and (left_s := end_s - monotonic()) > 0:
        for fd, _ in poll.poll(left_s * 1000):
            each, probe = waiting.pop(fd)
            poll.unregister(fd)
            if code := probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                failed[each] = _name(code)
            probe.close()
    for each, probe in waiting.values():
        probe.close()
        failed[each] = "ETIMEDOUT"
    return failed


def _name(code: int | None) -> str:
    return errno.errorcode.get(code or 0, "")
