"""Events of Socket.IO as a script has them: one that came, and the ack of one that was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Ack(NamedTuple):
    """What the server acknowledged an event with.

    Attributes:
        ok: False where no ack came in time.
        args: Its arguments.

    Example::

        async with socketio.open(vu, "/socket.io/") as io:
            desk = await io.connect("/")
            ack = await desk.call("echo", 7)
            check(ack, {"came": lambda a: a.ok and a.data == 7})
    """

    ok: bool
    args: tuple[Any, ...] = ()

    @property
    def data(self) -> Any:
        """The first of its arguments; None without one."""
        return self.args[0] if self.args else None


class Event:
    """An event that came.

    Attributes:
        name: Its name.
        args: Its arguments, a list.

    Example::

        async with socketio.open(vu, "/socket.io/") as io:
            desk = await io.connect("/")
            desk.emit("echo", 7)
            event = await desk.receive(timeout=5)
            check(event, {"came": lambda e: e is not None and e.args == [7]})
    """

    __slots__ = ("_answer", "args", "name")

    def __init__(self, name: str, args: list[Any], answer: Callable[..., Any] | None) -> None:
        self.name: str = name
        self.args: list[Any] = args
        self._answer = answer

    @property
    def data(self) -> Any:
        """The first of its arguments; None without one."""
        return self.args[0] if self.args else None

    def ack(self, *args: Any) -> None:
        """Acknowledge it, once; nothing happens where nobody asks.

        Args:
            args: What the server gets.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                desk.emit("echo", 7)
                event = await desk.receive(timeout=5)
                if event is not None:
                    event.ack("seen")
        """
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer(*args)

    def __repr__(self) -> str:
        return f"<event {self.name} {self.args!r}>"
