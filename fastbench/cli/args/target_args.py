"""From flags to where it is sent: target, TLS, source addresses and address family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames, urls
from fastbench.plan.network import connect_to, proxies, source_addresses, tls_files
from fastbench.plan.plan import ConnectTo, Family, Follow, Plan, Target, Tls
from fastbench.plan.proxy import Proxies, Proxy

MAX_REDIRECTS = 1000

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
    """Read --connect-to and --resolve."""
    found = connect_to.parse(flags.connect_to)
    known = connect_to.parse_resolve(flags.resolve)
    for flag, rules in (("--connect-to", found), ("--resolve", known)):
        if rules and flags.unix is not None:
            raise UsageError(f"--unix and {flag} both say where to connect; give one of them.")
    return (*found, *known)


def follow(flags: SimpleNamespace) -> Follow | None:
    """Read --follow, the most redirects; 0 follows none."""
    most = values.count("--follow", flags.follow, 0, MAX_REDIRECTS)
    return Follow(most, tls(flags, "", []), proxies_of(flags)) if most else None


def config(
    flags: SimpleNamespace, rules: tuple[ConnectTo, ...], proxy: Proxy | None
) -> dict[str, object]:
    """Return how the server is reached, as it goes into the document."""
    return {
        "connect_to": [each.text for each in rules if not each.addresses],
        "resolve": [each.text for each in rules if each.addresses],
        "proxy": None if proxy is None else proxy.shown,
        "no_delay": no_delay(flags),
    }


def completed(asked: Plan, flags: SimpleNamespace) -> Plan:
    """Return the plan with --no-delay and --follow; refuse what is too much to sign."""
    if asked.signing is not None:
        from fastbench.plan import aws_signature

        aws_signature.periods_of(asked)
    return replace(asked, no_delay=no_delay(flags), follow=follow(flags))


def no_delay(flags: SimpleNamespace) -> bool:
    """Read --no-delay: whether small writes leave at once."""
    given = flags.no_delay or "on"
    if given not in ("on", "off"):
        raise UsageError("--no-delay takes on or off; off lets the kernel hold small writes back.")
    return bool(given == "on")


def proxies_of(flags: SimpleNamespace) -> Proxies:
    """Read --proxy; without it nothing has a proxy."""
    if flags.proxy is None:
        return Proxies()
    if flags.unix is not None:
        raise UsageError("A Unix socket is not behind a proxy; leave --proxy or --unix out.")
    return proxies.read(flags.proxy)


def proxy_of(flags: SimpleNamespace, first: urls.Url, notices: list[str]) -> Proxy | None:
    """Return the proxy of a run of URLs; --proxy env may have none for its server."""
    found = proxies.of(proxies_of(flags), first.scheme, first.host, first.port)
    if flags.proxy is not None and found is None:
        notices.append(
            f"--proxy env: no variable names a proxy for {first.authority}; it is connected to "
            "directly."
        )
    return found


def send_from(
    flags: SimpleNamespace,
    first: urls.Url,
    rules: tuple[ConnectTo, ...],
    proxy: Proxy | None = None,
) -> tuple[tuple[str, ...], Family]:
    """Return the addresses to send from and the family that flags, host and they agree on."""
    bind = source_addresses.parse(flags.bind)
    host, port = connect_to.where(rules, first.host, first.port)
    host = next(iter(connect_to.addresses(rules, host, port)), host)
    host = host if proxy is None else proxy.host
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
        if not getattr(flags, "follow", None) and any(getattr(flags, name) for name in _TLS_FLAGS):
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
