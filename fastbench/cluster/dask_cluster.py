"""The cluster that Dask keeps: the only file that imports `distributed`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastbench.plan.plan import UsageError

CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is open; `workers` are names and addresses."""

    client: Any
    workers: list[tuple[str, str]]

    async def place(self, kind: type, address: str, *args: object) -> Any:
        """Make an actor on a machine: there and nowhere else, and never a second time."""
        where = {"workers": [address], "allow_other_workers": False}
        return await self.client.submit(kind, *args, actor=True, retries=0, pure=False, **where)


@asynccontextmanager
async def open_cluster(address: str) -> AsyncIterator[Cluster]:
    """Connect to a scheduler. Raises UsageError where there is none."""
    from distributed import Client

    try:
        made = Client(  # type: ignore[no-untyped-call]
            address, asynchronous=True, direct_to_workers=True, timeout=CONNECT_S
        )
        client = await made
    except (OSError, ValueError) as error:
        raise UsageError(f"--on {address}: there is no Dask scheduler ({error}).") from None
    async with client:
        found = (await client.scheduler.identity(n_workers=-1))["workers"]
        named = sorted((str(each["name"]), where) for where, each in found.items())
        yield Cluster(client, named)
