"""What Python keeps for one virtual user of a script of k6."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Token
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from fastbench.engine.javascript import _quickjs
from fastbench.script.k6.loading import k6_commonjs
from fastbench.script.recording_context import PLACE, RecordingContext, Tags

if TYPE_CHECKING:
    from fastbench.engine.javascript._quickjs import JsUser, JsValue
    from fastbench.script.api.vu import Vu
    from fastbench.script.expected import Expected
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.spec import Spec

_CONTAINERS: dict[str, Callable[[], Any]] = {
    **{"databases": list, "events": list, "groups": list, "readers": list, "due": set},
    **{"metadata": dict, "sockets": dict, "tags": dict, "tasks": dict, "timers": dict},
}
Group = tuple[Token[RecordingContext], RecordingContext, int]


class K6User:
    """One user: its JavaScript side, its VU, and what an iteration leaves behind."""

    databases: list[Any]  # of k6/x/sql, by number; None is closed
    due: set[int]  # timers that the script has not heard of yet
    events: list[list[Any]]
    groups: list[Group]
    metadata: dict[str, str]  # of exec.vu.metrics
    readers: list[Any]  # of k6/experimental/csv, by number
    sockets: dict[int, Any]  # of k6/ws, by number
    tags: dict[str, str | None]  # None: taken away
    tasks: dict[int, asyncio.Task[None]]
    timers: dict[int, asyncio.TimerHandle]

    __slots__ = (
        *(
            "callback",
            "context",
            "data",
            "due",
            "databases",
            "events",
            "function",
            "groups",
            "initializing",
            "js",
            "left",
        ),
        *(
            "metadata",
            "own_tags",
            "readers",
            "realm",
            "scenario_iteration",
            "sockets",
            "tags",
            "tasks",
            "timers",
        ),
        *("vu", "waiter"),
    )

    def __init__(self, realm: K6Realm, vu: Vu | None = None) -> None:
        self.realm = realm
        self.vu = vu
        self.context = realm.context()
        self.js: JsUser = _quickjs.JsUser(self.context.realm, self)
        self.initializing = True
        self.function: JsValue | None = None
        self.data: JsValue | None = None
        self.callback: Expected | None = None
        self.left = False  # are any of _CONTAINERS there?
        self.own_tags: Tags | None = None  # of its scenario, before any of `tags`
        self.waiter: asyncio.Future[None] | None = None
        self.scenario_iteration: tuple[int, int] = (-1, 0)

    def __getattr__(self, name: str) -> Any:
        """Make what holds things when it is first asked for: most users need none of them."""
        if name not in _CONTAINERS:
            raise AttributeError(name)
        made = _CONTAINERS[name]()
        setattr(self, name, made)
        self.left = True
        return made

    async def instantiate(self) -> None:
        """Run the bodies of the script's modules for this user; raises JsError."""
        self.js.number(self.vu.id if self.vu is not None else 0, 0)
        try:
            await self.js.instantiate(self.realm.main)
        finally:
            self.initializing = False
        if self.vu is not None:
            self.realm.join(self.vu)
        if self.vu is not None and self.realm.pace is None:  # the short way waits for no turn
            self.js.client(self.vu._send, self.vu._stored)

    def environment(self) -> dict[str, str] | None:
        """Return the environment of the user's scenario; None while modules are run."""
        if self.initializing:
            return None
        return dict(self.scenario.env) if self.scenario is not None else {}

    @property
    def scenario(self) -> Spec | None:
        """The scenario whose iterations it runs; None in setup, teardown and handleSummary()."""
        if self.vu is None or not self.vu.id:
            return None
        return self.realm.scenarios.get(self.vu.scenario)

    @property
    def stage(self) -> str:
        """What it runs instead: "setup" or "teardown"."""
        return self.vu.scenario if self.vu is not None and not self.vu.id else ""

    def export(self, name: str) -> JsValue | None:
        """Return what the script exports, as an ES module or one of CommonJS; None if nothing."""
        found = self.js.export(name)
        if found is None and (whole := self.js.export(k6_commonjs.EXPORTS)) is not None:
            return self.context.realm.member(whole, name) if name in whole.names() else None
        return found

    def happened(self, id: int, succeeded: bool, value: Any) -> None:
        """Let the script hear of something that it waits for."""
        self.events.append([id, succeeded, value])
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def next_event(self) -> list[Any]:
        """Wait for what happens next: [id, succeeded, value]."""
        while not self.events:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
            self.waiter = None
        event = self.events.pop(0)
        self.due.discard(event[0])
        if event[0] not in self.timers:
            self.js.pending -= 1
        return event

    def enter_group(self, name: str) -> None:
        """Record what follows inside a group."""
        place = PLACE.get().inside(name)
        self.groups.append((PLACE.set(place), place, monotonic_ns()))

    def leave_group(self) -> None:
        """Record how long the group took."""
        token, place, begun_ns = self.groups.pop()
        place.duration().add(monotonic_ns() - begun_ns)
        PLACE.reset(token)

    def holds(self) -> bool:
        """Tell whether an iteration that was cut short has left something behind."""
        held = self.groups or self.timers or self.tasks or self.sockets
        return bool(held or self.js.pending)

    def tidy(self) -> None:
        """Forget what an iteration that was cut short has left behind."""
        while self.groups:
            self.leave_group()
        lost = self.context.lost
        lost += (*self.timers, *self.tasks, *self.due, *(event[0] for event in self.events))
        lost += (number for number in self.sockets if number > 0)  # those of k6/ws are below 0
        for timer in self.timers.values():
            timer.cancel()
        for task in self.tasks.values():
            task.cancel()
        for socket in self.sockets.values():
            socket.drop()
        self.sockets.clear()
        self.timers.clear()
        self.tasks.clear()
        self.events.clear()
        self.due.clear()
        self.js.pending = 0

    def start_timer(self, id: int, ms: float, repeats: bool) -> None:
        """Tell the script when the time is over."""
        loop = asyncio.get_running_loop()
        self.js.pending += 1

        def over() -> None:
            if repeats:
                self.timers[id] = loop.call_later(ms / 1e3, over)
            else:
                del self.timers[id]
            if id not in self.due:  # the script is busy: one tick waits for it, not thousands
                self.due.add(id)
                self.happened(id, True, None)

        self.timers[id] = loop.call_later(ms / 1e3, over)

    def clear_timer(self, id: int) -> None:
        """Forget a timer."""
        if (timer := self.timers.pop(id, None)) is not None:
            timer.cancel()
            self.js.pending -= 1
            self.due.discard(id)
            self.events = [event for event in self.events if event[0] != id]

    def aside(self, id: int, work: Awaitable[Any]) -> None:
        """Do something while the script goes on; it hears of the result."""
        self.js.pending += 1

        async def run() -> None:
            try:
                self.happened(id, True, await work)
            except Exception as error:
                self.happened(id, False, self.context.realm.error(error))
            finally:
                self.tasks.pop(id, None)

        self.tasks[id] = asyncio.get_running_loop().create_task(run())

    def set_tag(self, name: str, value: str | None) -> None:
        """Let all that is recorded from here on carry a tag; None takes it away."""
        self.tags[name] = value
        place = PLACE.get()
        if self.own_tags is None:
            self.own_tags = place.tags
        joined = {**dict(self.own_tags), **self.tags}
        kept = ((each, text) for each, text in joined.items() if text is not None)
        PLACE.set(self.realm.place(place, tuple(sorted(kept))))
