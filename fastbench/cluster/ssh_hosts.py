"""Hosts that SSH leads to: how they are connected to, and why one of them cannot be a machine.

Dask says little of why its SSHCluster did not start, and not on which host. Where it did not, each
host is asked again for what a machine needs: a connection, a key that is let in, Python, fastbench.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import socket
import sys
from collections.abc import Sequence
from typing import Any

from fastbench.cluster.cluster_address import SshHost
from fastbench.foundation.redact import printable

CONNECT_S = 5.0
ANSWER_S = 20.0  # an import of Dask from a slow disk
HOSTS_AT_ONCE = 20
NEEDED = "import distributed, fastbench.cluster"


def options_of(host: SshHost) -> dict[str, Any]:
    """Return how asyncssh connects to a host; everything else is as in ~/.ssh."""
    known = {"username": host.user or None, "port": host.port}
    given = {name: value for name, value in known.items() if value is not None}
    return {"connect_timeout": CONNECT_S, "login_timeout": 2 * CONNECT_S, **given}


def python_of(host: SshHost) -> str:
    """Return the path of Python on a host."""
    return host.python or sys.executable


async def fault(hosts: Sequence[SshHost]) -> str:
    """Say of the first host that cannot be a machine why, and the cure; "" if all can."""
    some = asyncio.Semaphore(HOSTS_AT_ONCE)

    async def asked(host: SshHost) -> str:
        async with some:
            return await _fault(host)

    return next(filter(None, await asyncio.gather(*map(asked, hosts))), "")


async def _fault(host: SshHost) -> str:
    import asyncssh

    python, by_hand = python_of(host), _by_hand(host)
    try:
        async with (
            asyncio.timeout(ANSWER_S),
            asyncssh.connect(host.host, **options_of(host)) as ssh,
        ):
            done = await ssh.run(f"{shlex.quote(python)} -c {shlex.quote(NEEDED)}")
    except asyncssh.HostKeyNotVerifiable:
        return f"{host.host}: its key is not known here; connect once by hand: {by_hand}"
    except asyncssh.PermissionDenied:
        return f"{host.host}: it lets nobody in with the keys of ~/.ssh; try by hand: {by_hand}"
    except (OSError, asyncssh.Error) as error:
        return f"{host.host}: it cannot be reached ({_plain(error)}); try by hand: {by_hand}"
    if done.exit_status == 0:
        return ""
    said = [*str(done.stdout or "").split("\n"), *str(done.stderr or "").split("\n")]
    last = next((line.strip() for line in reversed(said) if line.strip()), "it says nothing")
    return (
        f"{host.host}: {python} there is no Python with fastbench and Dask ({printable(last)}); "
        "install fastbench-http[distributed], or name the path of Python after the host"
    )


def _by_hand(host: SshHost) -> str:
    port = [] if host.port is None else ["-p", f"{host.port}"]
    place = f"{host.user}@{host.host}" if host.user else host.host
    return f"`{shlex.join(['ssh', *port, place])}`"


def _plain(error: Exception) -> str:
    """Return what the kernel, the resolver or asyncssh says."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno).lower()
    text = getattr(error, "strerror", None) or str(error)
    return re.sub(r"\s+", " ", text).strip().rstrip(".").lower()
