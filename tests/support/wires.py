"""The scenario client on an event loop of its own, counting into a block that tests can read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import uvloop

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.plan import http_message
from fastbench.plan.network import resolve

__all__ = ["Wires", "on_wires"]


class Wires:
    """One worker's pool and a route; `get` sends what a client would send."""

    def __init__(self, loop: asyncio.AbstractEventLoop, **pool: Any) -> None:
        self.block = _core.Block(1)
        self.arena = _client.Arena(1)
        self.book = self.arena.writer(0)
        self.pool = _client.Pool(self.block, 0, loop, **{"resolve": resolve.soon, **pool})
        self.sinks = self.book.requests("requests")
        self.route = _client.Route(self._resolve)
        self.asked: list[tuple[int, str]] = []

    def _resolve(self, status: int, kind: str, version: str) -> _client.Sinks:
        self.asked.append((status, kind))
        return _client.Sinks(self.sinks, None, [], not 200 <= status < 400)

    def session(self, **limits: int) -> _client.Session:
        return _client.Session(self.pool, **limits)

    def get(
        self,
        session: _client.Session,
        port: int,
        target: str = "/",
        *,
        method: str = "GET",
        host: str = "127.0.0.1",
        scheme: str = "http",
        body: bytes | None = None,
        **more: Any,
    ) -> _client.Exchange:
        origin = self.pool.origin(scheme, host, port)
        return session.send(self.ready(origin, method, target, **more), body)

    def ready(self, origin: _client.Origin, method: str, target: str, **more: Any) -> _client.Ready:
        sent = target.encode()
        return _client.Ready(
            _client.Heading(origin, method, fields=((b"Host", b"x"),), lines=b"Host: x\r\n"),
            sent,
            http_message.start(method, sent),
            f"{origin.scheme}://{origin.host}:{origin.port}{target}",
            self.route,
            **more,
        )

    def counters(self) -> dict[str, int]:
        """Give the plain counters that are not 0; the law of design section 4 is checked."""
        found = self.block.counters(0)
        ended = found["ok"] + found["failed"] + found["timeouts"]
        assert found["started"] == ended + found["in_flight"]
        assert self.requests()["reqs"] == ended
        assert self.block.histogram("service").count == sum(
            found[name] for name in ("ok", "timeouts", "cancelled")
        )
        return {name: count for name, count in found.items() if count}

    def requests(self) -> dict[str, Any]:
        """Give what the arena holds of all requests."""
        [(_, _, _, value)] = self.arena.read(0, ("requests",))
        assert isinstance(value, dict)
        return value

    def errors(self) -> list[tuple[str, str, str, int]]:
        return [row[:4] for row in self.block.errors(0)]


def on_wires(act: Callable[[Wires], Awaitable[Any]], **pool: Any) -> Wires:
    """Run `act` to its end and give the wires, whose counts are final then."""
    _client.use(
        headers=lambda head: {"head": head.decode()},
        decode=lambda headers, body: (body[::-1], ""),
        select=lambda value, path: value[path],
        json=lambda body, why: orjson.loads(body),
        text=lambda headers, body: body.decode("latin-1"),
    )
    made: list[Wires] = []

    async def main() -> None:
        made.append(Wires(asyncio.get_running_loop(), **pool))
        try:
            await asyncio.wait_for(act(made[0]), 20)
        finally:
            made[0].pool.close()

    uvloop.run(main())
    return made[0]
