"""What a reader should know of a run, as far as its result shows it: warnings with their remedy."""

from __future__ import annotations

from fastbench.foundation.units import plural
from fastbench.plan import hostnames
from fastbench.plan.network import proxies
from fastbench.results import addresses
from fastbench.results.assessment import listen_queue
from fastbench.results.result import Result, Warning_

MANY_REFUSED = 0.01  # of all requests
MOST = 0.5  # of all responses
REDIRECTS = ("301", "302", "303", "307", "308")


def of(found: Result, queue: listen_queue.Queue = listen_queue.NOBODYS) -> list[Warning_]:
    """Return the warnings that follow from a result, and from who could fill a listen queue."""
    told = (
        *addresses.notices(found.addresses),
        *_of_proxy(found),
    )
    first = [*_overflows(found, queue), *_unverified(found), *_protocols(found), *_refused(found)]
    first += _redirected(found) + _stale(found)
    return [*first, *(Warning_(*each) for each in told)]


def _redirected(found: Result) -> list[Warning_]:
    """Say that what was measured is redirects, unless they were asked for by their status."""
    counts = {code: found.status_codes.get(code, 0) for code in REDIRECTS}
    redirects, answers = sum(counts.values()), sum(found.status_codes.values())
    if found.scripted or redirects <= MOST * answers or found.config.get("expect_status"):
        return []
    most = max(counts, key=lambda code: counts[code])
    return [
        Warning_(
            "redirects",
            f"{redirects:,} of {plural(answers, 'response')} are redirects, most of them {most}, "
            "which are not followed",
            "add --follow to load where they lead, or --expect-status if they are what you measure",
        )
    ]


def _of_proxy(found: Result) -> list[tuple[str, str, str]]:
    """Say that a proxy was measured too, or that the environment names one that was not used."""
    proxy = found.config.get("proxy")
    if not proxy:
        return proxies.notices(row.kind for row in found.errors)
    rows = []
    if found.summary.ok or found.latency.operation:
        rows.append(
            (
                "through_proxy",
                f"measured through the proxy {proxy}, which may be what limits it",
                "compare with a run without --proxy, if the server can be reached directly",
            )
        )
    kinds = {row.kind for row in found.errors}
    if "dns" in kinds and _servers_name(str(proxy)):
        kinds.discard("dns")
        rows.append(
            (
                "looked_up_here",
                "the server's name is looked up on this machine, not by the proxy",
                "--proxy socks5h://… lets the proxy look it up",
            )
        )
    if kinds & proxies.CONNECTING:
        rows.append(
            (
                "proxy_unreachable",
                f"connections go to the proxy {proxy}: the errors of connecting are about it",
                "start the proxy, or check --proxy",
            )
        )
    if asked := found.status_codes.get("407", 0):
        rows.append(
            (
                "proxy_login",
                f"{plural(asked, 'response')} with status 407: the proxy wants name and password",
                "give them as --proxy http://user:password@host:port",
            )
        )
    return rows


def _stale(found: Result) -> list[Warning_]:
    """Say that nonces of digest authentication ended, whose requests count as failed."""
    refused = found.status_codes.get("401", 0)
    if not refused or not isinstance(found.config.get("digest"), dict):
        return []
    answers = sum(found.status_codes.values())
    return [
        Warning_(
            "digest_nonces",
            f"{refused:,} of {plural(answers, 'response')} are 401: the server ended nonces, and "
            "each worker fetches a new one at most once a second",
            "let the server keep a nonce for longer, and for any number of requests; use -c1 -t1 "
            "where it wants the counts of a nonce in order",
        )
    ]


def _servers_name(proxy: str) -> bool:
    """Tell whether a name without an address is the server's: the proxy is given by address."""
    scheme, _, rest = proxy.partition("://")
    host = rest.rpartition("@")[2].rpartition(":")[0].strip("[]")
    return scheme == "socks5" and hostnames.is_address(host)


def _refused(found: Result) -> list[Warning_]:
    use, requests = found.http2, found.summary.requests
    if use is None or use.refused <= max(1, MANY_REFUSED * requests):
        return []
    return [
        Warning_(
            "streams_refused",
            f"the server refused {plural(use.refused, 'stream')}, which were sent again",
            "use fewer streams (-m), or raise its limits",
        )
    ]


def _protocols(found: Result) -> list[Warning_]:
    """Say where connections carry fewer requests at a time than was asked, or are not alike."""
    use = found.http2
    if use is None or found.scripted:  # which has several servers, and asks for no streams
        return []
    rows = []
    if use.limited:
        rows.append(
            Warning_(
                "stream_limit",
                f"the server allows {plural(use.stream_limit, 'stream')} on a connection, "
                f"-m asks for {use.streams:,}",
                "raise its limit (http2_max_concurrent_streams of nginx), or use more connections "
                "(-c)",
            )
        )
    if use.connections and use.http1_connections:
        rows.append(
            Warning_(
                "mixed_protocols",
                f"{plural(use.connections, 'connection')} spoke HTTP/2 and "
                f"{use.http1_connections:,} HTTP/1.1",
                "different servers behind one address? --http1 or --http2 allows one alone",
            )
        )
    elif use.http1_connections and use.streams > 1:
        rows.append(
            Warning_(
                "no_streams",
                f"the server chose HTTP/1.1, which has no streams: -m {use.streams:,} did nothing",
                "switch HTTP/2 on in the server; --http2 fails without it",
            )
        )
    return rows


def _unverified(found: Result) -> list[Warning_]:
    if found.tls is None or found.tls.verified:
        return []
    return [
        Warning_(
            "tls_unverified",
            "the server's certificate was not verified (-k)",
            "name its authority with --cacert FILE instead",
        )
    ]


def _overflows(found: Result, queue: listen_queue.Queue) -> list[Warning_]:
    times = listen_queue.overflows(found, queue)
    if not times:
        return []
    return [
        Warning_(
            "listen_overflow",
            f"a listen queue on this machine overflowed {plural(times, 'time')}: connections "
            "that found it full were tried again after 1s, 3s, …",
            "raise the server's backlog and net.core.somaxconn",
        )
    ]
