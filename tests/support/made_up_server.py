"""The embedded application with a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from fastbench.server.app import application

Client = TestClient[Any, Any]


@dataclass(slots=True)
class Clock:
    """Seconds that pass when a test says so."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


def using(story: Callable[[Client, Clock], Awaitable[None]]) -> None:
    """Run a story against an application of its own, in this process."""

    async def run() -> None:
        clock = Clock()
        async with TestClient(TestServer(application(clock))) as client:
            await story(client, clock)

    asyncio.run(run())
