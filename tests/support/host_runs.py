"""Runs from the parent's host on the machines of a cluster, beside a server that counts by itself.

with Hosts(3) as hosts, DaskHosts(hosts, tmp_path) as cluster, Server(hosts.server) as server:
    code, document = Run(hosts, cluster, tmp_path, "-c", "6", "-n", "99", server.url).ended()
    server.told()["by"]         # {"10.77.0.1": 33, …}
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import arrivals
from dask_hosts import DaskHosts
from hosts import Host, Hosts

__all__ = ["Run", "Server", "agents"]

LIMIT_S = 60.0


class Server:
    """arrivals.py on a host."""

    def __init__(self, host: Host) -> None:
        words = (sys.executable, arrivals.__file__, "0")
        self.host = host
        self.process = host.popen(*words, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = f"http://{host.address}:{self.process.stdout.readline().strip()}"

    def told(self) -> dict[str, Any]:
        """Return what it has counted."""
        found: dict[str, Any] = json.loads(
            self.host.python(
                "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())",
                f"{self.url}/told",
            )
        )
        return found

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.kill()
        self.process.communicate()


class Run:
    """A run from the parent's host; `words` are those of the command line, without --on."""

    def __init__(
        self, hosts: Hosts, cluster: DaskHosts, folder: Path, *words: str, workers: int = 1
    ) -> None:
        self._document = folder / "run.json"
        self._document.unlink(missing_ok=True)
        named = words[:1] == ("run",)
        command, rest = words[:named], words[named:]
        flags = ("--on", cluster.address, "-t", str(workers), "--json", str(self._document))
        self.process = hosts.parent.popen(
            *(sys.executable, "-m", "fastbench", *command, *flags, *rest),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def ended(self, limit_s: float = LIMIT_S) -> tuple[int, dict[str, Any]]:
        """Wait for its end; return the exit code and the document."""
        text, _ = self.process.communicate(timeout=limit_s)
        assert self._document.exists() and "Traceback" not in text, text
        return self.process.returncode, json.loads(self._document.read_text())


def agents(hosts: Hosts) -> int:
    """Count the agents, and the workers of them, that run on any machine."""
    return sum("agent_process" in name for host in hosts for name in host.processes().values())
