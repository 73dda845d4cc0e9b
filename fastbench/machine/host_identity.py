"""Which host this is, and which process a pid means: several machines of a cluster may be on one.

The kernel's boot names a host. A container has pids of its own, so a process is named by the pid
namespace that it is in and its pid there (pid_namespaces(7)): that is one name from wherever the
process is seen. Network devices are counted by network namespace.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from fastbench.machine import system_files

BOOT = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class Place:
    """A host, and the network namespace on it; "" is not known."""

    host: str
    network: str


def place() -> Place:
    """Return where this process is."""
    return Place(system_files.text(BOOT).strip(), _namespace("self", "net"))


class ProcessNames:
    """Names of processes that are the same for all machines on a host; remembered, as they end."""

    def __init__(self) -> None:
        self._host = place().host
        self._found: dict[int, str] = {}

    def of(self, pid: int) -> str:
        """Return that of a process, "" on a host that is not known."""
        if self._host and pid not in self._found:
            self._found[pid] = f"{self._host}/{_in_namespace(pid)}"
        return self._found.get(pid, "")


def _in_namespace(pid: int) -> str:
    """Return namespace and pid: of its own namespace, or of ours where that cannot be seen."""
    own = _namespace(str(pid), "pid")
    pids = system_files.table(f"/proc/{pid}/status").get("NSpid", [])
    return f"{own}/{pids[-1]}" if own and pids else f"{_namespace('self', 'pid')}/{pid}"


def _namespace(pid: str, kind: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""
