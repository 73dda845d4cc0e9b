"""Where `--on` finds machines: what is typed, read and checked.

tcp://host:8786, host:8786   the scheduler of a running Dask cluster
tls://host:8786              the same, over TLS
local:3                      a cluster of three workers on this machine, for this run alone
ssh:hosts.txt                one that is started over SSH on the hosts of that file, for this run
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fastbench.foundation.usage_error import UsageError

FORMS = "tcp://HOST:PORT, tls://HOST:PORT, local:3 or ssh:hosts.txt"
DEFAULT_PORT = 8786  # of `dask scheduler`
MAX_LOCAL = 64
# An IPv6 literal has brackets; a name has no colon.
_SCHEDULER = re.compile(
    r"(?:(?P<scheme>\w+)://)?(?P<host>\[[0-9a-fA-F:.%\w]+\]|[^\s/:@]+)(?P<rest>.*)"
)
_SSH_HOST = re.compile(r"(?:(?P<user>[^\s@]+)@)?(?P<host>\[[^\s\]]+\]|[^\s:@]+)(?::(?P<port>\d+))?")


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A running cluster, by the address of its scheduler as Dask writes it."""

    address: str

    @property
    def encrypted(self) -> bool:
        """Whether all that is sent to it is."""
        return self.address.startswith("tls://")


@dataclass(frozen=True, slots=True)
class Local:
    """So many workers on this machine."""

    workers: int


@dataclass(frozen=True, slots=True)
class SshHost:
    """One line of a file of hosts; `python` is what starts there, "" for the path of ours."""

    host: str
    user: str = ""
    port: int | None = None
    python: str = ""


@dataclass(frozen=True, slots=True)
class Ssh:
    """Hosts that SSH leads to; the scheduler is on the first."""

    hosts: tuple[SshHost, ...]

    @property
    def names(self) -> list[str]:
        """The hosts, one line each; a host that is there again has a number."""
        found: list[str] = []
        for each in self.hosts:
            times = sum(name.partition("#")[0] == each.host for name in found)
            found.append(f"{each.host}#{times + 1}" if times else each.host)
        return found


ClusterAddress = Scheduler | Local | Ssh


def read(address: str) -> ClusterAddress:
    """Read what `--on` names. Raises UsageError."""
    kind, colon, rest = address.partition(":")
    if colon and kind == "local":
        return _local(address, rest)
    if colon and kind == "ssh" and not rest.startswith("//"):
        return Ssh(_hosts(address, rest))
    found = _SCHEDULER.fullmatch(address)
    if found is None or found["scheme"] not in (None, "tcp", "tls"):
        raise UsageError(f"--on {address}: it has to be {FORMS}.")
    scheme, host = found["scheme"] or "tcp", found["host"]
    if not found["rest"]:
        raise UsageError(
            f"--on {address} names no port: {scheme}://{host}:{DEFAULT_PORT} has the one "
            "that `dask scheduler` takes."
        )
    port = re.fullmatch(r":(\d{1,5})/?", found["rest"])
    if port is None or not 0 < int(port[1]) < 65536:
        raise UsageError(f"--on {address}: it has to be {FORMS}, with a port of 1 to 65535.")
    return Scheduler(f"{scheme}://{host}:{int(port[1])}")


def absolute(address: str) -> str:
    """Return an address that means the same in every folder."""
    kind, colon, rest = address.partition(":")
    is_file = colon and kind == "ssh" and not rest.startswith("//")
    return f"ssh:{os.path.abspath(rest)}" if is_file else address


def _local(address: str, count: str) -> Local:
    if not re.fullmatch(r"[0-9]{1,4}", count) or not 1 <= int(count) <= MAX_LOCAL:
        raise UsageError(
            f"--on {address}: local:3 is three workers; 1 to {MAX_LOCAL} are possible."
        )
    return Local(int(count))


def _hosts(address: str, name: str) -> tuple[SshHost, ...]:
    try:
        text = Path(name).read_text()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(
            f"--on {address}: the file {name} cannot be read ({why}); it has one host a line."
        ) from None
    hosts = []
    for number, line in enumerate(text.splitlines(), 1):
        if words := line.partition("#")[0].split():
            hosts.append(_host(f"{name}:{number}", words))
    if not hosts:
        raise UsageError(f"--on {address}: the file {name} names no host; write one a line.")
    return tuple(hosts)


def _host(place: str, words: list[str]) -> SshHost:
    found = _SSH_HOST.fullmatch(words[0])
    if found is None or len(words) > 2 or words[0].startswith("-"):
        raise UsageError(
            f"{place}: a line is HOST, USER@HOST or USER@HOST:PORT, and after it, if that is "
            "another than here, the path of Python."
        )
    port = int(found["port"]) if found["port"] else None
    python = words[1] if len(words) == 2 else ""
    return SshHost(found["host"].strip("[]"), found["user"] or "", port, python)


def natural(worker: tuple[str, str]) -> list[tuple[int, str]]:
    """Order by names, and numbers in names by their value."""
    parts = re.findall(r"\d+|\D+", worker[0])
    return [(int(each), "") if each.isdigit() else (-1, each) for each in parts]
