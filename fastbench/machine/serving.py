"""Who serves what a run reaches: the server's processes, and those of a proxy before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fastbench.machine import processes
from fastbench.machine.processes import Found
from fastbench.plan import hostnames
from fastbench.plan.network import connect_to, resolve
from fastbench.plan.network.resolve import Reach
from fastbench.plan.plan import Plan, Watch


def server(plan: Plan, reach: Reach) -> tuple[list[str], int]:
    """Return addresses and port of the server itself; none where only its proxy knows them."""
    target, used = plan.target, reach.used
    if plan.proxy is None:
        return [each.host for each in used], used[0].port or target.port
    host, port = connect_to.where(plan.connect_to, target.host, target.port)
    if reach.beyond is not None:
        return [reach.beyond.host], port
    try:
        found = resolve.lookup(host, port) if hostnames.is_local(host) else []
    except resolve.ResolveError:
        found = []
    return [each.host for each in found], port


def found(plan: Plan, reach: Reach, watches: tuple[Watch, ...] = ()) -> Found:
    """Look up who serves, and watch a proxy here. Raises UsageError for an idle watch."""
    hosts, port = server(plan, reach)
    serving = of(hosts, port, plan.target.unix_path, watches)
    if plan.proxy is None:
        return serving
    return beside(serving, of([each.host for each in reach.used], plan.proxy.port))


def of(
    hosts: Iterable[str], port: int, unix_path: str | None = None, watches: tuple[Watch, ...] = ()
) -> Found:
    """Look up who serves any of these addresses, of which there may be none."""
    several = list(hosts)
    if several:
        return processes.find_all(several, port, unix_path, watches)
    return replace(processes.find("127.0.0.1", 0, None, watches), local=False, targets=())


def beside(serving: Found, proxy: Found) -> Found:
    """Watch the processes of a proxy beside those of the servers, each process once."""
    known = {each.pid for each in (*serving.targets, *serving.watched)}
    more = [each for each in proxy.targets if each.pid not in known]
    return replace(serving, watched=(*serving.watched, *more))
