"""A cluster of Dask on hosts of namespaces: a scheduler on the first, a worker on each.

    with Hosts(3) as hosts, DaskHosts(hosts, tmp_path) as cluster:
        hosts.parent.run("fastbench", "--on", cluster.address, …)
        cluster.workers["host-1"].kill()

1. They are what `dask scheduler` and `dask worker` start, and ready when they say so. Workers have
   no nanny: who is killed is not replaced.
2. Their logs are files of the folder, and are shown when the test fails.
3. With `tls`, certificates of a CA of its own lie in the folder; `environ` names them to Dask.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

import trustme
from hosts import Host, Hosts
from running import until

__all__ = ["DaskHosts", "certificates"]

START_S = 60.0
SHOWN_BYTES = 4000


class DaskHosts:
    """A cluster that is ready; `address` is its scheduler's, `workers` are by name of host."""

    def __init__(self, hosts: Hosts, folder: Path, *, tls: bool = False) -> None:
        self._hosts, self._folder, self._tls = hosts, folder, tls
        self._ends = ExitStack()
        self.environ = dict(os.environ)
        self.workers: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> DaskHosts:
        if self._tls:
            names = [host.address for host in self._hosts.all]
            self.environ |= certificates(self._folder, *names)
        try:
            self._start()
        except BaseException:
            self._show()
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if error is not None:
            self._show()
        self.close()

    def log(self, name: str) -> str:
        """Return what a process has logged; `name` is a host's, or "scheduler"."""
        return (self._folder / f"dask-{name}.log").read_text()

    def close(self) -> None:
        """End all of them."""
        for each in (*self.workers.values(), *([self.scheduler] if self._started else [])):
            each.kill()
            each.wait()
        self._ends.close()

    @property
    def _started(self) -> bool:
        return hasattr(self, "scheduler")

    def _start(self) -> None:
        first = self._hosts[0]
        words = ("--host", first.address, "--port", "0", "--no-dashboard", "--no-show")
        protocol = ("--protocol", "tls" if self._tls else "tcp")
        self.scheduler = self._begin(first, "scheduler", "dask_scheduler", *words, *protocol)
        self.address = self._said("scheduler", self.scheduler, "Scheduler at:")
        for host in self._hosts:
            self.workers[host.name] = self.worker(host, wait=False)
        for name, worker in self.workers.items():
            self._said(name, worker, "Registered to:")

    def worker(self, host: Host, *, wait: bool = True) -> subprocess.Popen[str]:
        """Start a worker on a host."""
        words = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", host.name)
        where = ("--host", host.address, "--local-directory", str(self._folder / host.name))
        process = self._begin(host, host.name, "dask_worker", self.address, *words, *where)
        if wait:
            self._said(host.name, process, "Registered to:")
        return process

    def _begin(self, host: Host, name: str, program: str, *words: str) -> subprocess.Popen[str]:
        log: IO[bytes] = open(self._folder / f"dask-{name}.log", "wb")  # noqa: SIM115
        self._ends.callback(log.close)
        return host.popen(
            *(sys.executable, "-m", f"distributed.cli.{program}", *words),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environ,
        )

    def _said(self, name: str, process: subprocess.Popen[str], what: str) -> str:
        """Wait for a line of a log; return what follows the words in it."""
        until(lambda: what in self.log(name) or process.poll() is not None, START_S)
        assert process.poll() is None, f"{name} ended: {self.log(name)}"
        return self.log(name).partition(what)[2].split()[0]

    def _show(self) -> None:
        for path in sorted(self._folder.glob("dask-*.log")):
            sys.stdout.write(f"--- {path.name}\n{path.read_text()[-SHOWN_BYTES:]}\n")


def certificates(folder: Path, *names: str) -> dict[str, str]:
    """Make a CA, and a certificate of it for all; return the variables that name them to Dask."""
    authority = trustme.CA()
    issued = authority.issue_cert(*(names or ("127.0.0.1",)))
    ca, both = folder / "dask-ca.pem", folder / "dask-both.pem"
    authority.cert_pem.write_to_path(ca)
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    variable = "DASK_DISTRIBUTED__COMM__TLS__{}"
    roles = ("CLIENT", "SCHEDULER", "WORKER")
    found = {
        variable.format(f"{role}__{kind}"): str(both) for role in roles for kind in ("CERT", "KEY")
    }
    return {**found, variable.format("CA_FILE"): str(ca)}
