"""Coroutines under @monitor: they look on while others load, in one worker, and load nothing.

1. What they ask for is counted nowhere: they have connections, counters and memory of their own.
   Metrics of the script and checks count, as they do in a scenario.
2. One begins with the load and then every so often; one that takes longer leaves instants out and
   never overlaps with itself. It ends when teardown begins, or the run.
3. One that raises goes on at its next instant; how often it did is told once, at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic_ns

from fastbench.engine.bridge._core import Block
from fastbench.engine.client import _client
from fastbench.script import recording_context
from fastbench.script.api.checks import Aborted
from fastbench.script.api.recorder import Adds, Recorder
from fastbench.script.api.vu import Vu
from fastbench.script.exceptions import Send
from fastbench.script.http.request_cache import Maker
from fastbench.script.load.script_host import MonitorCall, ScriptHost
from fastbench.script.recording_context import PLACE, VU, RecordingContext, Tags

END_S = 1.0  # for those that do not want to be cancelled


class _Watching(Recorder):
    """Count what the script itself counts, and nothing else."""

    def __init__(self, own: Recorder) -> None:
        nowhere = _client.Arena(1).writer(0)
        super().__init__(nowhere, (), lambda *told: None, slot=(Block(1), 0))
        self._own = own

    def check(self, scenario: str, group: str, name: str, tags: Tags, own: Tags = ()) -> Adds:
        return self._own.check(scenario, group, name, tags, own)

    def custom(
        self, name: str, place: RecordingContext, tags: Tags, own: Mapping[str, str] | None = None
    ) -> Adds:
        return self._own.custom(name, place, tags, own or {})

    def tagged(self, name: str, place: RecordingContext, tags: Mapping[str, object]) -> Adds:
        return self._own.tagged(name, place, tags)


@dataclass(slots=True)
class _Course:
    """How often one was called, how often that failed, and how it did so first."""

    calls: int = 0
    failed: int = 0
    text: str = ""


class Monitors:
    """The monitors of a run. `own` records the script's metrics, split by all tags they have."""

    def __init__(
        self,
        host: ScriptHost,
        own: Recorder,
        pool: Callable[[Block], _client.Pool],
        maker: Callable[[_client.Pool], Maker],
        send: Send,
    ) -> None:
        self._host = host
        self._recorder = _Watching(own)
        self._pool = pool(Block(1))
        self._maker = maker(self._pool)
        self._send = send
        self._courses: dict[str, _Course] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    def begin(
        self,
        calls: Iterable[MonitorCall],
        start_ns: int,
        tags: Mapping[str, str],
        aborted: Callable[[str], None],
    ) -> None:
        """Run them from the start line on; `aborted` hears of one that ends the run by abort()."""
        loop = asyncio.get_running_loop()
        for each in calls:
            place = recording_context.root(self._recorder, each.name, tags)
            # Not by the loop, which would take it for one of the load.
            task = asyncio.Task(self._watch(each, place, start_ns, aborted), loop=loop)
            self._tasks.add(task)

    async def end(self) -> None:
        """Cancel them, and tell of those that failed."""
        self._ending = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_S)
        self._tasks.clear()
        for name, course in self._courses.items():
            if course.failed:
                said = {"name": name, "calls": course.calls, "failed": course.failed}
                self._send({"monitor": {**said, "text": course.text}})
        self._courses.clear()
        self._pool.close()

    async def _watch(
        self,
        monitor: MonitorCall,
        place: RecordingContext,
        start_ns: int,
        aborted: Callable[[str], None],
    ) -> None:
        vu = Vu(0, monitor.name, _client.Session(self._pool), self._maker)
        PLACE.set(place)
        VU.set(vu)
        course = self._courses[monitor.name] = _Course()
        every_ns, due_ns = round(monitor.every_s * 1e9), start_ns
        try:
            while True:
                await asyncio.sleep(max(0, due_ns - monotonic_ns()) / 1e9)
                course.calls += 1
                try:
                    await monitor.call(vu)
                except Aborted as error:
                    aborted(error.text)
                except GeneratorExit:  # the loop is torn down
                    raise
                except BaseException as error:
                    if self._ending:
                        raise
                    self._failed(course, error)
                late_ns = max(0, monotonic_ns() - due_ns)
                due_ns += every_ns * (late_ns // every_ns + 1)
        finally:
            vu.session.reset()

    def _failed(self, course: _Course, error: BaseException) -> None:
        course.failed += 1
        if not course.text:
            found = self._host.thrown(error)
            course.text = f"{found.type}: {found.text}" if found.text else found.type
            course.text += f" ({found.place})"
