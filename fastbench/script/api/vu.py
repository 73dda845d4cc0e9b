"""A virtual user, and the one function that runs its iterations.

1. A VU is one asyncio task that loops; an iteration costs no task, no future and no turn of the
   event loop of its own.
2. An iteration without a request gives way to the others once, when it ends.
3. An exception ends its iteration: it is counted, and the iteration counts as run. An iteration
   that was halted counts as interrupted and nowhere else, as in k6.
"""

from __future__ import annotations

from asyncio import CancelledError, Task, sleep
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic_ns
from types import coroutine
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from fastbench.engine.client._client import Session
from fastbench.script.api.checks import Aborted
from fastbench.script.api.operations import operation
from fastbench.script.exceptions import Adds
from fastbench.script.http.client import Client, Maker
from fastbench.script.http.request_arguments import Fields, SocketMore
from fastbench.script.recording_context import PLACE, VU, RecordingContext, Times
from fastbench.script.signatures import spelled_out

if TYPE_CHECKING:
    from fastbench.script.api.handshakes import Opening

Iteration = Callable[["Vu"], Coroutine[Any, Any, Any]]


class Listens(Protocol):
    """Hear what iterations have to tell."""

    def at(self, vu: int, iteration: int, /) -> None:
        """Iteration `iteration` of this VU begins."""

    def threw(self, error: BaseException, scenario: str, /) -> None:
        """An exception ended an iteration."""

    def aborted(self, text: str, /) -> None:
        """The script wants the run to end."""


class Vu(Client):
    """One virtual user: what a scenario's function gets as its argument.

    A user runs one iteration after another. Its connections and `state` last for the whole run,
    its cookies for one iteration (`no_cookies_reset=True` in Options keeps them).

    Attributes:
        id: Number of this user in the run, from 1.
        scenario: Name of the scenario that it runs.
        iteration: How many iterations it has ended, from 0.
        state: A dict for whatever the script wants to keep between iterations.
        cookies: Its cookies, a `Cookies`.

    Example::

        if "token" not in vu.state:
            answer = await vu.post("/login", json={"email": "ada@shop.example", "password": "x"})
            vu.state["token"] = answer.json("accessToken")
        await vu.get("/api/v1/user/me", bearer=vu.state["token"])
    """

    __slots__ = ("_user", "halted", "id", "iteration", "number", "scenario", "state", "task")

    def __init__(self, id: int, scenario: str, session: Session, maker: Maker) -> None:
        super().__init__(session, maker)
        self.id: int = id
        self.scenario: str = scenario
        self.iteration: int = 0
        self.number: int = 0  # of its iteration, where users share iterations
        self.state: dict[Any, Any] = {}
        self.task: Task[None] | None = None
        self._user: Any = None  # what a host of another language keeps for it
        self.halted: bool = False  # its iteration must end now

    def __repr__(self) -> str:
        return f"<VU {self.id} of {self.scenario}, iteration {self.iteration}>"

    def operation(
        self, name: str, kind: str = "custom", tags: Mapping[str, object] | None = None
    ) -> operation:
        """Time what is inside, as an operation of its own in all reports; see `operation`.

        Args:
            name: Name of its row.
            kind: One of "ws", "sql", "redis", "job" and "custom".
            tags: Tags of its samples, beside those of its scenario and group.

        Returns:
            The `operation`, entered by `async with` or `with`.

        Raises:
            UsageError: The name is empty, or the kind unknown.

        Example::

            async with vu.operation("open dashboard"):
                await vu.get("/echo", params={"page": "dashboard"})
                await vu.get("/api/health")
        """
        return operation(name, kind, tags)

    @spelled_out(SocketMore, compression=False, max_message_bytes=16 << 20)
    def ws(
        self,
        url: str,
        headers: Fields | None = None,
        subprotocols: Iterable[str] = (),
        name: str | None = None,
        **more: Unpack[SocketMore],
    ) -> Opening:
        """Open a WebSocket (RFC 6455): `async with vu.ws("wss://host/chat") as socket:`.

        A handshake that is refused raises nothing: `socket.status` and `socket.error` say it.

        Args:
            url: Absolute with ws or wss, or a path under `base_url` of Options.
            headers: Names and values of the handshake, for example an Origin.
            subprotocols: Names to offer; the server's choice is `socket.subprotocol`.
            name: Name of its rows in reports; default: its URL, with ids as `{id}`.
            compression: Offer permessage-deflate (RFC 7692).
            max_message_bytes: A longer message ends the socket; bytes, default 16 MiB.
            ping_interval: Time between two pings, s; default: no pings.
            ping_timeout: A socket that is silent for so long after a ping is given up, s.
            params: Pairs for the query of the URL, or the query as text.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this handshake alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the handshake, in seconds or as "5s"; default 60 s.
            expected: Statuses of the handshake that are no failure, for example [101, 429].

        Returns:
            A `Socket`, opened by `async with` and closed at the end of its block.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            async with vu.ws("/ws/echo", ping_interval=20) as socket:
                reply = await socket.request("hello", timeout=5)
                check(reply, {"came back": lambda text: text == "hello"})
        """
        from fastbench.script.api.handshakes import Opening

        return Opening(self, url, headers, subprotocols, name, **more)

    def halt(self) -> None:
        """Interrupt the iteration that runs.

        :meta private:
        """
        if self.task is not None and not self.task.done():
            self.halted = self.session.halted = True
            self.task.cancel()


@dataclass(frozen=True, slots=True)
class IterationOptions:
    """What happens around every iteration; the defaults are k6's."""

    keep_cookies: bool = False
    new_connections: bool = False
    least_ns: int = 0  # a VU whose iteration was shorter waits for the rest


K6_HABITS = IterationOptions()


class ScenarioRunner:
    """One scenario in one worker: what its iterations run, and where they are counted."""

    __slots__ = (
        *("_aborted", "_at", "_fresh_cookies", "_habits", "_iteration", "_threw"),
        *("dropped", "durations", "ended_ns", "interrupted", "iterations", "name", "place"),
    )

    def __init__(
        self,
        place: RecordingContext,
        iteration: Iteration,
        listener: Listens,
        habits: IterationOptions = K6_HABITS,
    ) -> None:
        recorder: Any = place.recorder
        name, tags = place.scenario, place.tags
        self.name = name
        self.place = place
        self.iterations: Adds = recorder.counter("iterations", name, tags)
        self.durations: Times = recorder.times("iteration_duration", name, tags)
        self.dropped: Adds = recorder.counter("dropped_iterations", name, tags)
        self.interrupted: Adds = recorder.counter("iterations.interrupted", name, tags)
        self.ended_ns = 0  # the end of the last iteration
        self._iteration = iteration
        self._fresh_cookies = not habits.keep_cookies
        self._habits = habits if habits.new_connections or habits.least_ns else None
        self._at = listener.at
        self._threw = listener.threw
        self._aborted = listener.aborted

    def enter(self, vu: Vu) -> None:
        """Make this task the VU's: what runs in it is recorded here."""
        PLACE.set(self.place)
        VU.set(vu)

    async def iterate(self, vu: Vu) -> int:
        """Run one iteration and return when it ended, CLOCK_MONOTONIC; raises nothing."""
        if self._fresh_cookies and vu._stored:
            vu.cookies.clear()
        self._at(vu.id, vu.iteration)
        answers = vu.session.answers
        begun_ns = monotonic_ns()
        try:
            await self._iteration(vu)
        except Aborted as aborted:
            self._aborted(aborted.text)
        except GeneratorExit:  # the loop is torn down
            raise
        except BaseException as error:
            if not vu.halted:
                self._threw(error, self.name)
        self.ended_ns = ended_ns = monotonic_ns()
        vu.iteration += 1
        if vu.halted:
            self.interrupted.add(1)
            _forget_halt(vu)
            return ended_ns
        self.durations.add(ended_ns - begun_ns)
        self.iterations.add(1)
        if self._habits is not None:
            return await self._after(vu, self._habits, begun_ns)
        if vu.session.answers == answers:  # who sent nothing may have waited for nothing
            await _unless_halted(vu, _turn())
        return ended_ns

    async def _after(self, vu: Vu, habits: IterationOptions, begun_ns: int) -> int:
        """Do what is asked for between two iterations."""
        if habits.new_connections:
            vu.session.reset()
        rest_s = max(0.0, (begun_ns + habits.least_ns - monotonic_ns()) / 1e9)
        await _unless_halted(vu, sleep(rest_s))
        return monotonic_ns()


def _forget_halt(vu: Vu) -> None:
    """Make the VU fit for more: it may be asked for again."""
    vu.halted = vu.session.halted = False
    while vu.task is not None and vu.task.cancelling():
        vu.task.uncancel()


async def _unless_halted(vu: Vu, pause: Awaitable[None]) -> None:
    """Wait between two iterations, where there is nothing to interrupt."""
    try:
        await pause
    except CancelledError:
        if not vu.halted:
            raise
        _forget_halt(vu)


@coroutine
def _turn() -> Generator[None, None, None]:
    """Wait for one turn of the loop."""
    yield
