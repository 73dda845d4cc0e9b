"""What runs on hosts of namespaces uses: memory and processor time, by host and kind of process.

    with HostUsage([*hosts, hosts.parent]) as usage:
        run.ended()
    usage.peak_bytes["host-0", "agent"]     # PSS (proc(5)) of all such processes, at its highest
    usage.cpu_s["host-0", "dask"]

PSS shares out pages that several processes have, so that sums count each page once. Kinds are
`agent` (and its workers), `dask` and `other`: on the parent's host that is the parent. Looking
costs some processor time itself, so it looks every two seconds.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterable

import psutil
from hosts import Host

__all__ = ["HostUsage"]

EVERY_S = 2.0
Place = tuple[str, str]


class HostUsage:
    """Looks at hosts until the block ends."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._hosts = list(hosts)
        self.peak_bytes: dict[Place, int] = {}
        self._cpu_s: dict[tuple[str, str, int], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    @property
    def cpu_s(self) -> Counter[Place]:
        """Processor time until the last look, by host and kind."""
        found: Counter[Place] = Counter()
        for (host, kind, _), used_s in self._cpu_s.items():
            found[host, kind] += used_s  # type: ignore[assignment]
        return found

    def __enter__(self) -> HostUsage:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(EVERY_S):
            for host in self._hosts:
                self._look(host)

    def _look(self, host: Host) -> None:
        now: Counter[Place] = Counter()
        for pid, name in host.processes().items():
            kind = _kind(name)
            with contextlib.suppress(psutil.Error, OSError):  # it has ended
                used = psutil.Process(pid).cpu_times()
                self._cpu_s[host.name, kind, pid] = used.user + used.system
                now[host.name, kind] += _pss_bytes(pid)
        for place, found_bytes in now.items():
            self.peak_bytes[place] = max(found_bytes, self.peak_bytes.get(place, 0))


def _kind(name: str) -> str:
    if "agent_process" in name:
        return "agent"
    return "dask" if "distributed" in name else "other"


def _pss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup") as rows:
        return sum(int(row.split()[1]) << 10 for row in rows if row.startswith("Pss:"))
