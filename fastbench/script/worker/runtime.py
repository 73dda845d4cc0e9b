"""The part of a run that one process carries out: its client, its VUs, its executors.

The same crew works in a worker, which the parent directs, and in the parent itself for --debug.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

import orjson

from fastbench.engine.bridge._core import Block
from fastbench.engine.client import _client
from fastbench.foundation import redact
from fastbench.plan import hostnames
from fastbench.plan.network import connect_to, resolve
from fastbench.results import addresses
from fastbench.script import recording_context
from fastbench.script.api.checks import Aborted
from fastbench.script.api.recorder import Recorder
from fastbench.script.api.vu import Iteration, IterationOptions, ScenarioRunner, Vu
from fastbench.script.exceptions import Broken, Send
from fastbench.script.http import client
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.recording_context import PLACE, VU
from fastbench.script.running_load import RunningLoad
from fastbench.script.schedule import Share
from fastbench.script.worker import executors, user_connections
from fastbench.script.worker.background import Background
from fastbench.script.worker.executing import Executor
from fastbench.script.worker.slice_turns import SliceTurns
from fastbench.script.worker.thrown_errors import Throws

if TYPE_CHECKING:  # runs without monitors do without them
    from fastbench.script.worker.monitoring import Monitors

MAX_SERVERS = 16  # that are told of
MAX_VUS = "vus.most"  # no name that a metric may have
BEGUN_S = 0.005  # after the start users wait for the first slice
SETTLED_S = 1.0  # after the start VUs have their tasks and connections, which stay as well


class Runtime:
    """Run setup, the shares of scenarios, and teardown; must be made in its running loop."""

    def __init__(
        self, host: ScriptHost, block: Block, arena: _client.Arena, index: int, send: Send
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.now = RunningLoad(arena, index)
        self.settings = (applied := host.applied()).options
        self.pool = user_connections.pool(self.settings, host.request, block, index, self.loop)
        self._maker = client.Maker(self.pool, user_connections.client_settings(self.settings))
        self._recorder = Recorder(
            arena.writer(index),
            host.submetrics(applied),
            self.warn,
            slot=(block, index),
            apart=host.request.apart,
        )
        self._throws = Throws(host, self._recorder, send)
        self._heart = _client.Heart(arena, block, index, self.loop)
        self._host = host
        self._arena = arena
        self._slot = block, index
        self._send = send
        self._executors: list[Executor] = []
        self._scenes: dict[str, ScenarioRunner] = {}
        self._data: Any = None  # of setup
        self._vus = self._workers = 0
        self._most = arena.writer(index).gauge(MAX_VUS, f'{{"machine":"{arena.machine}"}}')
        self._servers: set[_client.Origin] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._background = Background(self.loop)
        self._monitors: Monitors | None = None
        self._ending = False  # the script has said so
        gate = host.request.gate
        self._turns = None if gate is None else SliceTurns(gate, block, index)
        self._stopped: bool | None = None  # the grace of a stop that came before the start
        self.at = self._heart.at
        client.install()
        host.hear(self.warn)
        host.follow(self.now)
        host.connects(self.pool, self.settings.tls)
        self.loop.set_exception_handler(self._unhandled)

    async def setup(self) -> Any:
        """Run setup and return what it returned, as JSON makes it; raises script.Broken."""
        self.now.begin()
        data = await self._apart("setup", self._host.setup, self.settings.setup_timeout_s)
        try:
            return orjson.loads(orjson.dumps(data))
        except (TypeError, ValueError) as error:
            what = redact.printable(str(error))
            text = f"setup() must return a JSON value (dicts, lists, texts, numbers): {what}"
            raise Broken("setup", text, self._host.spot("setup")) from None

    async def teardown(self, data: Any) -> None:
        """Run teardown; raises script.Broken."""
        limit_s = self.settings.teardown_timeout_s
        await self._apart("teardown", lambda vu: self._host.teardown(vu, data), limit_s)

    def prepare(self, data: Any, shares: Sequence[Share]) -> None:
        """Make what the shares begin with; the start line is drawn when all workers have."""
        self._data = data
        self._scenes = {share.scenario: self.scene(share, data) for share in shares}
        self._executors = [
            executors.make(share, self._scenes[share.scenario], self)
            for share in shares
            if share.vus
        ]
        for each in self._executors:
            each.prepare()
        self._workers = shares[0].workers
        gc.freeze()  # VUs live until the end: no use in looking through them again and again

    async def run(self, start_ns: int, begun_ns: int = 0) -> dict[str, int]:
        """Run the shares; return when the last iteration of each scenario ended, 0 for none."""
        self.now.line_up(start_ns, begun_ns)
        for each in self._executors:
            each.line_up()
        if self._stopped is None:
            self._begin_monitors(self._data)
            lead_s = max(0, start_ns - monotonic_ns()) / 1e9
            timers = (
                self.loop.call_later(lead_s, self._heart.begin),
                self.loop.call_later(lead_s + SETTLED_S, gc.freeze),
            )
            running = [self.loop.create_task(each.run()) for each in self._executors]
            self._background.begin()
            if self._turns is not None:
                await asyncio.sleep(lead_s + BEGUN_S)
                await self._turns.begin(self._workers)
            await asyncio.gather(*running)
            for timer in timers:
                timer.cancel()
            self._recorder.load_ended = True
            self.pool.halt()
            await self._background.end(lambda error: self.threw(error, ""))
            self._recorder.load_ended = False  # teardown is not cut off by it
        return {name: scene.ended_ns for name, scene in self._scenes.items()}

    def _begin_monitors(self, data: Any) -> None:
        """Let what looks on begin, in the first worker only."""
        block, index = self._slot
        calls = self._host.monitors(data) if index == 0 else []
        if not calls:
            return
        from fastbench.script.worker.monitoring import Monitors

        applied, writer = self._host.applied(), self._arena.writer(index)
        submetrics = self._host.submetrics(applied)
        own = Recorder(writer, submetrics, self.warn, slot=(block, index), apart=True)
        self._monitors = Monitors(
            self._host,
            own,
            lambda block: user_connections.pool(
                self.settings, self._host.request, block, 0, self.loop
            ),
            lambda pool: client.Maker(pool, user_connections.client_settings(self.settings)),
            self._send,
        )
        self._monitors.begin(calls, self.start_ns, self.settings.tags, self.aborted)

    async def end_monitors(self) -> None:
        """End what looks on: the load is over in all workers."""
        monitors, self._monitors = self._monitors, None
        if monitors is not None:
            await monitors.end()

    def tell_servers(self) -> None:
        """Tell the parent of each server that is met beside that of base_url."""
        self._maker.met = self._met
        self._maker.warn = self.warn

    def stop(self, *, grace: bool) -> None:
        """Begin no more iterations; without grace halt those that run."""
        self._stopped = grace
        for each in self._executors:
            each.stop(grace=grace)

    def close(self) -> None:
        """Close all connections; what setup or teardown left behind was in flight at the end."""
        self._heart.stop()
        self.pool.halt()
        self.pool.close()

    def scene(self, share: Share, data: Any) -> ScenarioRunner:
        """Make what the iterations of a scenario share."""
        tags = {**self.settings.tags, **share.tags}
        settings = self.settings
        habits = IterationOptions(
            keep_cookies=settings.no_cookies_reset,
            new_connections=settings.no_vu_connection_reuse,
            least_ns=round(settings.min_iteration_duration_s * 1e9),
        )
        root = recording_context.root(self._recorder, share.scenario, tags)
        return ScenarioRunner(root, self._host.iteration(share.scenario, data), self, habits)

    # What executors ask for (executing.Ground).

    @property
    def start_ns(self) -> int:
        """The start line; 0 until it is known."""
        return self.now.start_ns

    @property
    def turns(self) -> SliceTurns | None:
        """The gate of a run in slices."""
        return self._turns

    def vu(self, scene: ScenarioRunner, share: Share, id: int) -> Vu:
        """Make a VU with connections of its own."""
        session = _client.Session(self.pool, limit_per_host=self.settings.batch_per_host)
        session.discard = self.settings.discard_response_bodies
        vu = Vu(id, scene.name, session, self._maker)
        self._host.prepare(vu)
        return vu

    def alarm(self, callback: Callable[[int], None]) -> _client.Ticker:
        """Make what calls back at planned instants."""
        return _client.Ticker(self.loop, callback)

    def take(self, shared: int, limit: int) -> int:
        """Take the next number of a counter that all workers share; -1 at the limit, -2: later."""
        return self._arena.take(shared, limit)

    def take_rest(self, shared: int, limit: int) -> int:
        """Take all numbers that are left of a counter; how many those were."""
        return self._arena.take_rest(shared, limit)

    def left(self, shared: int) -> int:
        """Tell how many numbers of a lease are left; -1 when none is and none will come."""
        left = self._arena.left(shared)
        return left if left or self._arena.grants_open(shared) else -1

    def alive(self, change: int) -> None:
        """Note how many VUs there are, here and in all workers: each comes and goes alone."""
        self._vus += change
        _client.set_active(*self._slot, self._vus)
        now = self.now.change(change)
        if change > 0:
            self._most.add(now)

    def warn(self, code: str, text: str, hint: str) -> None:
        """Tell the user, through the parent."""
        said = {"code": code, "text": redact.printable(text), "hint": redact.printable(hint)}
        self._send({"warning": said})

    # What iterations tell (vu.Listens); `at` is the heart's.

    def threw(self, error: BaseException, scenario: str) -> None:
        """Count an exception that ended an iteration."""
        self._throws.note(error, scenario)
        if self._host.request.fail_fast and not self._ending:
            self._end({"failing": {}})

    def aborted(self, text: str) -> None:
        """Tell that the script wants the run to end."""
        if not self._ending:
            self._end({"abort": {"text": redact.printable(redact.text(text))}})

    def _end(self, message: dict[str, Any]) -> None:
        """End the run: here at once, elsewhere through the parent."""
        self._ending = True
        self._send(message)
        self.stop(grace=False)

    def _met(self, origin: _client.Origin) -> None:
        if origin not in self._servers and len(self._servers) < MAX_SERVERS:
            self._servers.add(origin)
            # Not by the loop, which would take it for one of the script.
            task = asyncio.Task(self._tell_server(origin), loop=self.loop)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell_server(self, origin: _client.Origin) -> None:
        """Tell where a server is; its name was looked up just now, or is at this moment."""
        request = self._host.request
        family = resolve.family_of(request.family, request.bind)
        rows: list[resolve.Row] = []
        try:
            if origin.via is None or hostnames.is_local(origin.host):
                rows = await user_connections.addresses(request, origin.host, origin.port, family)
        except resolve.ResolveError:
            pass
        _, port = connect_to.where(request.connect_to, origin.host, origin.port)
        said = {"scheme": origin.scheme, "authority": origin.authority, "port": port}
        self._send({"server": {**said, "addresses": [host for _, host, *_ in rows]}})

    def addresses(self) -> list[dict[str, object]]:
        """Return which addresses of the servers took connections, as JSON."""
        rows = []
        for origin in self.pool.servers()[:MAX_SERVERS]:
            server = f"{origin.scheme}://{origin.authority}"
            server = server if origin.via is None else origin.via.shown
            for row, counted in origin.connections():
                where = resolve.Endpoint(*row).named
                rows.append(asdict(addresses.of(server, where, counted)))
        return rows

    async def _apart(self, stage: str, call: Iteration, limit_s: float) -> Any:
        """Run setup or teardown, as a VU without number."""
        session = _client.Session(self.pool, limit_per_host=self.settings.batch_per_host)
        vu = Vu(0, stage, session, self._maker)
        PLACE.set(recording_context.root(self._recorder, stage, self.settings.tags, f"::{stage}"))
        VU.set(vu)
        self.at(0, 0)
        try:
            async with asyncio.timeout(limit_s or None) as limit:
                return await call(vu)
        except Aborted as aborted:
            self.aborted(aborted.text)
            text = f"{stage}() called abort()"
            raise Broken(stage, text, self._host.spot(stage)) from None
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            if isinstance(error, TimeoutError) and limit.expired():
                text = f"{stage}() took longer than {limit_s:g}s ({stage}_timeout in Options)"
                raise Broken(stage, text, self._host.spot(stage)) from None
            raise self._host.broken(stage, error) from None
        finally:
            session.reset()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, said: dict[str, Any]) -> None:
        """Count what a task of the script threw when nobody awaited it."""
        error = said.get("exception")
        if isinstance(error, BaseException):
            self.threw(error, "")
        else:
            self.warn("event_loop", f"The event loop says: {said.get('message')}", "")
