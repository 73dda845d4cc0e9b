"""Who is loaded: the server of the script's base URL, found before the run like a plain run's.

A script without base URL may load anybody: its servers, and those beside that of the base URL, are
known when the first request to each is made. A worker tells their addresses then. A name without an
address is the script's business: its requests will say so.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from fastbench.machine import processes, serving
from fastbench.machine.processes import Found
from fastbench.plan import hostnames, urls
from fastbench.plan.network import connect_to, proxies, resolve
from fastbench.plan.proxy import NO_PROXIES, Proxies
from fastbench.script.run_request import RunRequest

MAX_SERVERS = 16
MAX_ADDRESSES = 4  # of one name


@dataclass(frozen=True, slots=True)
class Sought:
    """The servers' processes; `verified` is None without TLS, `public` a public address.

    `servers` are scheme and authority of each, the first one that was met first.
    """

    found: Found
    verified: bool | None = None
    public: str = ""
    servers: tuple[str, ...] = ()


NOBODY = Sought(Found(local=False))


def find(
    base_url: str | None, verify: bool, request: RunRequest, before: Proxies = NO_PROXIES
) -> Sought:
    """Look up who serves the base URL; proxies `before` it on this machine are watched.

    Raises UsageError for an idle --watch.
    """
    sought = _serving(base_url, verify, request, before)
    found = sought.found
    for each in before.all():
        with suppress(resolve.ResolveError):
            hosts = [one.host for one in resolve.lookup(each.host, each.port)[:MAX_ADDRESSES]]
            found = serving.beside(found, serving.of(hosts, each.port))
    return replace(sought, found=found)


def _serving(base_url: str | None, verify: bool, request: RunRequest, before: Proxies) -> Sought:
    if base_url is None:
        return _nobody(request)
    url = urls.parse(base_url)
    verified = verify if url.scheme == "https" else None
    servers = (f"{url.scheme}://{url.authority}",)
    if proxies.of(before, url.scheme, url.host, url.port) and not hostnames.is_local(url.host):
        return replace(_nobody(request), verified=verified, servers=servers)
    try:
        reach = _reach(url, request)
    except resolve.ResolveError:
        return replace(_nobody(request), verified=verified, servers=servers)
    hosts = [each.host for each in reach[:MAX_ADDRESSES]]
    found = processes.find_all(hosts, reach[0].port or url.port, request.unix_path, request.watch)
    public = next((each.host for each in reach if each.public), "")
    return Sought(found, verified, public, servers)


def met(
    sought: Sought,
    said: Mapping[str, Any],
    verify: bool,
    request: RunRequest,
    *,
    elsewhere: bool = False,
) -> Sought:
    """Return who is loaded once a worker has met a server; the same one if that is known.

    Where the worker is `elsewhere`, no process of this machine is what it met.
    """
    server = f"{said['scheme']}://{said['authority']}"
    if server in sought.servers or len(sought.servers) >= MAX_SERVERS:
        return sought
    found, public = sought.found, sought.public
    texts = [str(each).partition("%")[0] for each in said["addresses"][:MAX_ADDRESSES]]
    for text in texts:
        family = socket.AF_INET6 if ":" in text else socket.AF_INET
        if not public and not request.unix_path and resolve.Endpoint(family, text).public:
            public = text
        if not elsewhere:
            more = processes.find(text, said["port"], request.unix_path)
            found = processes.joined(found, more)
    verified = verify if said["scheme"] == "https" else sought.verified
    return Sought(found, verified, public, (*sought.servers, server))


def _reach(url: urls.Url, request: RunRequest) -> Sequence[resolve.Endpoint]:
    """Return where the base URL leads; which of it accepts, the workers find out."""
    if request.unix_path is not None:
        return [resolve.Endpoint(socket.AF_UNIX, request.unix_path)]
    host, port = connect_to.where(request.connect_to, url.host, url.port)
    known = connect_to.addresses(request.connect_to, host, port)
    return resolve.lookup(host, port, resolve.family_of(request.family, request.bind), known)


def _nobody(request: RunRequest) -> Sought:
    """Return those that --watch names alone."""
    found = processes.find("127.0.0.1", 0, None, request.watch)
    return Sought(replace(found, local=False, targets=()))
