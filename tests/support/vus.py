"""One virtual user in this process: the real client and recorder, no worker around them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop

from fastbench.engine.bridge._core import Block
from fastbench.engine.client import _client
from fastbench.plan.network import resolve
from fastbench.script.api.handshakes import Opening
from fastbench.script.api.recorder import Recorder
from fastbench.script.http import client
from fastbench.script.http.request_cache import Maker, Settings
from fastbench.script.recording_context import PLACE, VU, RecordingContext, root

T = TypeVar("T")


class User(client.Client):
    """A client with a number."""

    __slots__ = ("id",)
    halted = False

    def __init__(self, number: int, session: _client.Session, maker: Maker) -> None:
        super().__init__(session, maker)
        self.id = number

    def ws(self, url: str, **more: Any) -> Opening:
        """Open a WebSocket, as a script's user does."""
        return Opening(self, url, **more)


@dataclass(slots=True)
class Run:
    """What one run of a function with users left behind."""

    arena: _client.Arena
    place: RecordingContext
    maker: Maker
    users: list[User]
    warnings: list[tuple[str, str, str]] = field(default_factory=list)

    def rows(self, kind: str, name: str) -> dict[str, Any]:
        """Return the values recorded under a name, by their tags."""
        return {tags: value for k, n, tags, value in self.arena.read(0) if (k, n) == (kind, name)}


def run(
    function: Callable[..., Awaitable[T]],
    *,
    users: int = 1,
    block: Block | None = None,
    limit_per_host: int = 6,
    tags: tuple[tuple[str, str], ...] = (),
    connecting: Mapping[str, Any] | None = None,
    **settings: Any,
) -> tuple[T, Run]:
    """Call `function(*users)` on a loop of its own, within a scenario called `s`.

    Requests are counted in slot 0 of the block; `connecting` is for the Pool.
    """
    arena = _client.Arena(1)
    warnings: list[tuple[str, str, str]] = []
    shared = block or Block(1)
    note: Callable[..., None] = lambda *told: warnings.append(told)  # noqa: E731
    recorder = Recorder(arena.writer(0), [], note, slot=(shared, 0))
    place = root(recorder, "s", tags)
    client.install()

    async def begin() -> tuple[T, Run]:
        how = connecting or {}
        pool = _client.Pool(shared, 0, asyncio.get_running_loop(), resolve=resolve.soon, **how)
        maker = Maker(pool, Settings(**settings))
        maker.warn = note
        sessions = [_client.Session(pool, limit_per_host=limit_per_host) for _ in range(users)]
        made = [User(n, session, maker) for n, session in enumerate(sessions, 1)]
        PLACE.set(place)
        VU.set(made[0])
        try:
            return await function(*made), Run(arena, place, maker, made, warnings)
        finally:
            for user in made:
                user.session.reset()
            pool.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(begin())
