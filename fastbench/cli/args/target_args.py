"""From flags to where it is sent: target, TLS, source addresses and address family."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames, urls
from fastbench.plan.network import connect_to, source_addresses, tls_files
from fastbench.plan.plan import ConnectTo, Family, Target, Tls

_TLS_FLAGS = ("insecure", "cacert", "cert", "key", "servername")


def target(flags: SimpleNamespace, first: urls.Url, notices: list[str]) -> Target:
    """Build the target; TLS files are loaded once to find out what is wrong with them."""
    return Target(
        scheme=first.scheme,
        host=first.host,
        port=first.port,
        unix_path=flags.unix,
        tls=_tls(flags, first, notices),
        url=first.shown,
        server=f"unix:{flags.unix}" if flags.unix else f"{_scheme(first)}://{first.authority}",
    )


def _scheme(url: urls.Url) -> str:
    if url.websocket:
        return "wss" if url.scheme == "https" else "ws"
    return url.scheme


def sockets(given: Sequence[str], sides: int) -> Sequence[str | None]:
    """Return the Unix socket of each of several sides: one for all, or one each, in their order."""
    if len(given) < 2:
        return [given[0] if given else None] * sides
    if len(given) != sides:
        raise UsageError(
            f"--unix is given {len(given)} times for {sides} sides; give one socket for all of "
            "them, or one for each, in the order of the sides."
        )
    return given


def connected_to(flags: SimpleNamespace) -> tuple[ConnectTo, ...]:
    """Read --connect-to."""
    found = connect_to.parse(flags.connect_to)
    if found and flags.unix is not None:
        raise UsageError("--unix and --connect-to both say where to connect; give one of them.")
    return found


def send_from(
    flags: SimpleNamespace, first: urls.Url, rules: tuple[ConnectTo, ...]
) -> tuple[tuple[str, ...], Family]:
    """Return the addresses to send from and the family that flags, host and they agree on."""
    bind = source_addresses.parse(flags.bind)
    host, _ = connect_to.where(rules, first.host, first.port)
    if flags.ipv4 and flags.ipv6:
        raise UsageError("-4 and -6 exclude each other; give one of them.")
    literal = _literal_family(host)
    named: Family = 4 if flags.ipv4 else 6 if flags.ipv6 else 0
    if literal and named and literal != named:
        raise UsageError(
            f"-{named} does not fit {host}, which is an IPv{literal} address; leave -{named} out."
        )
    if flags.unix is not None:
        if bind:
            raise UsageError("A Unix socket has no source address; leave --bind or --unix out.")
        return (), 0
    wanted = named or literal
    bound = source_addresses.family(bind)
    if bound and wanted and bound != wanted:
        raise UsageError(
            f"--bind has IPv{bound} addresses, but the target is IPv{wanted}; "
            f"give addresses of IPv{wanted}."
        )
    if flags.on is None:  # else each machine takes those that it has
        source_addresses.check(bind)
    return bind, wanted or bound


def _literal_family(host: str) -> Family:
    if ":" in host:
        return 6
    return 4 if hostnames.is_ipv4(host) else 0


def _tls(flags: SimpleNamespace, first: urls.Url, notices: list[str]) -> Tls | None:
    if first.scheme == "http":
        if any(getattr(flags, name) for name in _TLS_FLAGS):
            notices.append(f"The URL is {_scheme(first)}://; the TLS flags have no effect.")
        return None
    return tls(flags, hostnames.certificate_name(first.host), notices)


def tls(flags: SimpleNamespace, name: str, notices: list[str]) -> Tls:
    """Return what TLS needs; the server's certificate is for `name` unless --servername says."""
    if flags.insecure and flags.cacert:
        notices.append("-k turns verification off; --cacert has no effect.")
    if flags.servername is not None:
        name = hostnames.servername(flags.servername)
    found = Tls(
        verify=not flags.insecure,
        cafile=flags.cacert,
        certfile=flags.cert,
        keyfile=flags.key or flags.cert,
        servername=name,
    )
    if found.cafile or found.certfile:
        tls_files.check(found)
    return found
