"""The server of one side, as its command starts it on a port."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.experiments.trials import trial_servers
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.experiments.trials.trial import Job, Side
from fastbench.experiments.trials.trial_servers import Address, Server
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class SideServer:
    """A server that is not started yet, and what a trial of it runs; the port is filled in."""

    job: Job
    server: Server
    wait_for: str | None

    def wait_ready(self, stop: Interrupts) -> None:
        """Wait as `Server.wait_ready` does, and raise the same."""
        self.server.wait_ready(stop, self.wait_for)

    def death(self) -> str:
        """Say how the server ended, and the last it wrote; "" while it runs."""
        died = self.server.ended()
        if not died:
            return ""
        last = self.server.tail().rpartition("\n")[2]
        return f"its server {died}" + (f" ({last})" if last else "")


def of(side: Side, port: int, name: str) -> SideServer:
    """Return the server of a side that has a command; `name` is of the file of its output."""
    assert side.command is not None  # others run already
    job = side.make(port)
    wait_for = side.wait_for and side.wait_for.replace(trial_servers.PORT, str(port))
    command = side.command.replace(trial_servers.PORT, str(port))
    address = _address(job, wait_for, side.flag)
    server = Server(command, address, side.flag, name, side.cores)
    return SideServer(job, server, wait_for)


def _address(job: Job, wait_for: str | None, flag: str) -> Address:
    """Return where a server will listen."""
    if isinstance(job, Plan):
        return Address(job.target.host, job.target.port, job.target.unix_path)
    known = job.base_url or wait_for
    if job.unix_path is None and known is None:
        raise UsageError(f"{flag} needs --url, or --wait-for: else nobody knows when it is ready.")
    url = urls.parse(known or "http://localhost/")
    return Address(url.host, url.port, job.unix_path)
