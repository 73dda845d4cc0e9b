"""The cluster that Dask keeps: with `local_cluster`, which is a program, all that knows Dask.

1. `distributed` is imported when a cluster is opened, and by nobody before.
2. Everything runs in the loop of the caller. What Dask, tornado or asyncio would write to the
   terminal about a connection that broke is not written: the run says which machine is lost.
3. All machines have the same `distributed`: its protocol is made for one version.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import os
import re
import socket
import ssl
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastbench.cluster import cluster_address, ssh_hosts
from fastbench.cluster.cluster_address import Local, Scheduler, Ssh, read
from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError

CONNECT_S = 5.0  # for a scheduler, and for each worker
MAX_CONNECTIONS = 1 << 20  # Dask waits at 512 of its own accord, with two or three for each machine
VERSIONS_AT_ONCE = 50
START_LOCAL_S = 30.0
START_SSH_S = 60.0
END_S = 5.0
MISSING = f"--on needs the library distributed: {install_command('distributed')}"
_TALKATIVE = ("asyncio", "asyncssh", "bokeh", "dask", "distributed", "tornado")
_SETTINGS: dict[str, Any] = {
    "distributed.comm.timeouts.connect": f"{CONNECT_S}s",
    # After so long without an acknowledgement the kernel gives a connection up; Dask's probes of it
    # need 11 s at least. A machine is lost before that, by its silence.
    "distributed.comm.timeouts.tcp": "12s",
    "distributed.comm.retry.count": 0,
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.client.heartbeat": "2s",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is open; `workers` are names and addresses, in the order of the names.

    `encrypted`: what is sent to the machines cannot be read on its way.
    """

    client: Any
    workers: list[tuple[str, str]]
    encrypted: bool

    async def place(self, kind: type, address: str, *args: object) -> Any:
        """Make an actor on a machine: there and nowhere else, and never a second time."""
        where = {"workers": [address], "allow_other_workers": False}
        made = self.client.submit(kind, *args, actor=True, retries=0, pure=False, **where)
        return Placed(self.client, address, await made)


class Placed:
    """An actor on a machine: its methods are called as if it were here.

    They are given numbers, texts and bytes. Dask's own stand-in pickles each of them, starts two
    tasks for a call, and costs twice as much: with hundreds of machines that is what a run costs.
    """

    def __init__(self, client: Any, address: str, actor: Any) -> None:
        import distributed.actor

        proxy: Any = distributed.actor.ProxyRPC  # it has no types
        direct = client.direct_to_workers
        self._there = client.rpc(address) if direct else proxy(client.scheduler, address)
        self._actor = actor  # it lives as long as somebody has this

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        return partial(self._call, name)

    async def _call(self, name: str, *args: object) -> Any:
        called = {"actor": self._actor.key, "function": name, "args": list(args), "kwargs": {}}
        answer = await self._there.actor_execute(**called)
        if answer["status"] != "OK":
            raise answer["exception"]
        return answer["result"]


@asynccontextmanager
async def open_cluster(address: str, kept: str | None = None) -> AsyncIterator[Cluster]:
    """Connect to the cluster of an address, after starting it where that says so.

    `kept` is the address of its scheduler, where it was started already.
    Raises UsageError where there is none, it has no worker, or its versions are not ours.
    """
    target = read(address)
    async with AsyncExitStack() as stack:
        # Both import Dask, which takes most of the time: at the same time.
        starting = None
        if isinstance(target, Local) and kept is None:
            starting = await _start_local(target, stack)
        await _prepare(stack)
        if kept is not None:
            scheduler = Scheduler(kept)
        elif isinstance(target, Ssh):
            scheduler = await _start_ssh(address, target, stack)
        elif starting is not None:
            scheduler = Scheduler(await starting)
        else:
            assert isinstance(target, Scheduler)
            scheduler = target
        client = await _connect(address, scheduler, stack)
        workers = await _workers(address, client)
        yield Cluster(client, workers, scheduler.encrypted or isinstance(target, Local))


@asynccontextmanager
async def started(address: str) -> AsyncIterator[str]:
    """Start the cluster of an address that asks for one, and give that of its scheduler.

    It ends with the context. Raises UsageError where it cannot be started.
    """
    target = read(address)
    async with AsyncExitStack() as stack:
        if isinstance(target, Local):
            yield await (await _start_local(target, stack))
        else:
            assert isinstance(target, Ssh)
            await _prepare(stack)
            yield (await _start_ssh(address, target, stack)).address


async def _prepare(stack: AsyncExitStack) -> None:
    """Import Dask with the settings that hold as long as `stack`. Raises UsageError without it."""
    dask = await asyncio.get_running_loop().run_in_executor(None, _imported)
    stack.enter_context(dask.config.set(_SETTINGS))
    _be_quiet()


def _imported() -> Any:
    """Import Dask. Raises UsageError without it."""
    try:
        import dask

        # Dask would measure each message, for whether it is so large that a thread should read it.
        dask.config.set({"distributed.comm.offload": False})  # it is read at the import
        import distributed  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed"):
            raise  # it is there, and lacks something itself
        raise UsageError(MISSING) from None
    return dask


def _be_quiet() -> None:
    """Keep what libraries log off the terminal, and the table of versions, which we compare."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: None)
    warnings.filterwarnings("ignore", module=r"(distributed|tornado|asyncssh)(\.|$)")
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _TALKATIVE:
            logger = logging.getLogger(name)
            logger.handlers = [logging.NullHandler()]
            logger.setLevel(logging.CRITICAL + 1)
            logger.propagate = False


async def _start_local(target: Local, stack: AsyncExitStack) -> asyncio.Task[str]:
    """Start scheduler and workers on this machine; the task gives the scheduler's address."""
    errors = tempfile.TemporaryFile()  # noqa: SIM115
    stack.callback(errors.close)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "fastbench.cluster.local_cluster", str(target.workers)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )
    stack.push_async_callback(_end_local, process)

    async def started() -> str:
        assert process.stdout is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(START_LOCAL_S):
                if line := await process.stdout.readline():
                    return line.decode().strip()
        errors.seek(0)
        lines = errors.read().decode(errors="replace").split("\n")
        why = next((each for each in reversed(lines) if each), f"in {START_LOCAL_S:g}s")
        if re.search("ModuleNotFoundError: .*'(dask|distributed)'", why):
            raise UsageError(MISSING)
        raise UsageError(f"--on local:{target.workers}: Dask did not start on this machine: {why}")

    return asyncio.create_task(started())


async def _end_local(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()  # which ends all of it
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), END_S)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _start_ssh(address: str, target: Ssh, stack: AsyncExitStack) -> Scheduler:
    """Start a cluster over SSH; its workers have the names of their hosts."""
    try:
        import asyncssh
    except ModuleNotFoundError:
        raise UsageError(
            f"--on {address} needs the library asyncssh: pip install asyncssh"
        ) from None
    from distributed import SSHCluster

    _be_quiet()
    hosts = [target.hosts[0], *target.hosts]
    try:
        async with asyncio.timeout(START_SSH_S):
            cluster = SSHCluster(
                [host.host for host in hosts],
                connect_options=[ssh_hosts.options_of(host) for host in hosts],
                scheduler_options={"port": 0, "dashboard": False, "dashboard_address": ":0"},
                worker_class="distributed.Worker",  # no nanny: who dies is not replaced
                remote_python=[ssh_hosts.python_of(host) for host in hosts],
                asynchronous=True,
            )
            for spec, name in zip(cluster.worker_spec.values(), target.names, strict=True):
                spec["options"]["kwargs"] = {"nthreads": 1, "dashboard": False, "name": name}
            await stack.enter_async_context(cluster)
    except (OSError, RuntimeError, asyncssh.Error) as error:
        why = await ssh_hosts.fault(target.hosts) or _cause(error)
        raise UsageError(f"--on {address}: no cluster could be started: {why}.") from None
    return Scheduler(cluster.scheduler_address)


async def _connect(address: str, scheduler: Scheduler, stack: AsyncExitStack) -> Any:
    """Connect to a scheduler, within CONNECT_S or so."""
    import distributed

    dask: Any = distributed  # most of it has no types
    await _reach(address, scheduler)
    security = dask.Security()
    if scheduler.encrypted and not (security.tls_ca_file and security.tls_client_cert):
        raise UsageError(
            f"--on {address} needs certificates: name them by DASK_DISTRIBUTED__COMM__TLS__CA_FILE,"
            " …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY, or in Dask's configuration."
        )
    try:
        client = dask.Client(
            scheduler.address,
            security=security,
            asynchronous=True,
            direct_to_workers=True,
            timeout=CONNECT_S,
            connection_limit=MAX_CONNECTIONS,
        )
    except (ssl.SSLError, OSError) as error:
        raise UsageError(f"--on {address}: the certificates cannot be read: {error}") from None
    stack.push_async_callback(_leave, client)
    try:
        async with asyncio.timeout(CONNECT_S):
            await client
    except Exception as error:  # whatever a server makes of it that is none of Dask's
        raise UsageError(_unlike(address, scheduler, error)) from None
    return client


async def _leave(client: Any) -> None:
    with suppress(Exception):
        async with asyncio.timeout(END_S):
            await client.close(timeout=1)


async def _reach(address: str, scheduler: Scheduler) -> None:
    """See whether somebody listens: Dask itself would try for as long as it may."""
    place = scheduler.address.partition("://")[2]
    host, _, port = place.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except TimeoutError:
        raise UsageError(
            f"--on {address}: nobody answered within {CONNECT_S:g}s; is the address right, and "
            f"does a firewall let port {port} through?"
        ) from None
    except OSError as error:
        raise UsageError(
            f"--on {address}: nobody can be reached there ({_plain(error)}); `dask scheduler` "
            "starts a scheduler, and says its address."
        ) from None
    writer.close()


def _plain(error: OSError) -> str:
    """Return what the kernel or the resolver says, without what asyncio adds."""
    known = isinstance(error, socket.gaierror) or error.errno is None
    return str(error.strerror if known else os.strerror(error.errno or 0)).lower()


def _unlike(address: str, scheduler: Scheduler, error: BaseException) -> str:
    """Say in one sentence why what listens there is no scheduler for us."""
    cause = _cause(error)
    if scheduler.encrypted and "WRONG_VERSION" not in cause:
        return f"--on {address}: TLS failed ({cause}); both sides need certificates of one CA."
    if scheduler.encrypted:
        return f"--on {address}: what answers there has no TLS; is it one of tcp://?"
    return (
        f"--on {address}: what answers there is no Dask scheduler, or one that wants "
        f"tls://{scheduler.address.removeprefix('tcp://')}."
    )


def _cause(error: BaseException) -> str:
    """Return what lies below an error of Dask's: its own sentences speak of Dask."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    text = re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
    return text or type(error).__name__


async def _workers(address: str, client: Any) -> list[tuple[str, str]]:
    """Return names and addresses of all workers, once each has answered with our version."""
    try:
        async with asyncio.timeout(CONNECT_S):
            _same_version(address, "the scheduler", await client.scheduler.versions())
            found = (await client.scheduler.identity(n_workers=-1))["workers"]
    except (OSError, TimeoutError) as error:
        raise UsageError(f"--on {address}: the scheduler went away ({_cause(error)}).") from None
    if not found:
        raise UsageError(
            f"--on {address}: the cluster has no workers; start one on each machine: "
            f"dask worker {client.scheduler.address} --nthreads 1"
        )
    of_cluster = ((_name(each["name"]), where) for where, each in found.items())
    named = sorted(of_cluster, key=cluster_address.natural)
    some = asyncio.Semaphore(VERSIONS_AT_ONCE)

    async def asked(where: str) -> dict[str, Any] | None:
        async with some:
            return await _versions(client.rpc(where))

    direct = await asyncio.gather(*(asked(where) for _, where in named))
    # Where only the scheduler can be reached from here, as with a cluster in Kubernetes, it passes
    # on what is said: slower, but it works.
    client.direct_to_workers = None not in direct
    for (name, where), versions in zip(named, direct, strict=True):
        if versions is None:
            versions = await _versions(_Through(client.scheduler, where))
        if versions is None:
            raise UsageError(
                f"--on {address}: worker {name} does not answer; end it, or wait until the "
                "scheduler has given it up."
            )
        _same_version(address, f"worker {name}", versions)
    return named


class _Through:
    """A worker as the scheduler reaches it."""

    def __init__(self, scheduler: Any, where: str) -> None:
        self._scheduler, self._where = scheduler, where

    async def versions(self) -> Any:
        found = await self._scheduler.broadcast(msg={"op": "versions"}, workers=[self._where])
        return found[self._where]


async def _versions(there: Any) -> dict[str, Any] | None:
    """Ask a worker for the versions of its packages; None if it does not answer."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_S):
            found: dict[str, Any] = await there.versions()
            return found
    return None


def _same_version(address: str, whose: str, versions: Mapping[str, Any]) -> None:
    theirs, ours = versions["packages"]["distributed"], importlib.metadata.version("distributed")
    if theirs != ours:
        raise UsageError(
            f"--on {address}: {whose} has distributed {theirs}, and this machine {ours}; "
            f"install the same everywhere: pip install distributed=={theirs}"
        )


def _name(name: object) -> str:
    """Return a worker's name; one that was given none has its address for it."""
    return re.sub(r"^(tcp|tls)://", "", str(name))
