"""What is known of a WebSocket: how its handshake ended, what came, why it closed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fastbench.foundation import redact
from fastbench.foundation.redact import printable
from fastbench.script.api import socket_errors
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation
from fastbench.script.api.socket_replies import Message
from fastbench.script.api.socket_timers import Timer
from fastbench.script.recording_context import MAX_INSIDE

if TYPE_CHECKING:
    from fastbench.engine.client._client import Response, WebSocket

Warn = Callable[[str, str, str, str], None]
Watch = Callable[[str, str, int, Message], None]


class SocketState:
    """What is known of a WebSocket, and how it is counted."""

    __slots__ = (
        *("_closed", "_pings", "_problem", "_raw", "_timers", "_warn", "cells", "failure", "name"),
        *("response", "subprotocol"),
    )

    watch: Watch | None = None  # called with name, "<" or ">", opcode and payload, for --debug

    def __init__(
        self,
        name: str,
        response: Response,
        raw: WebSocket | None,
        cells: dict[Any, Any],
        subprotocol: str | None,
        warn: Warn,
    ) -> None:
        """`warn(code, why, text, hint)` tells the user, once for each `why`."""
        self.name = name
        self.response = response
        self.subprotocol = subprotocol  # that the server chose
        self.cells = cells
        self.failure: BaseException | None = None
        self._raw = raw
        self._warn = warn
        self._problem = socket_errors.NONE
        self._timers: set[Timer] | None = None
        self._pings = 0
        self._closed = False  # by the script
        if raw is not None:
            raw.on_end = self._ended
            if self.watch is not None:
                raw.watch = partial(self.watch, name)

    @property
    def status(self) -> int:
        """The status of the handshake: 101, or that of the refusal; 0 without a response."""
        return self.response.status

    @property
    def open(self) -> bool:
        """Tell whether messages can be sent and received."""
        return self._raw is not None and not self._raw.ended

    @property
    def close_code(self) -> int | None:
        """The close code (RFC 6455 section 7.4): 1005 if the server gave none, 1006 without a close
        frame, None while the socket is open.
        """
        return 1006 if self._raw is None else self._raw.close_code

    @property
    def close_reason(self) -> str:
        """The text of the server's close frame."""
        return "" if self._raw is None else printable(self._raw.close_reason)

    @property
    def error(self) -> str:
        """Why it did not open, or broke; "" if it is open or was closed in order."""
        return self._problem.cause

    @property
    def sent(self) -> int:
        """How many messages were sent so far."""
        return 0 if self._raw is None else self._raw.sent

    @property
    def received(self) -> int:
        """How many messages came so far, read or not yet read."""
        return 0 if self._raw is None else self._raw.received

    @property
    def raw(self) -> WebSocket | None:
        """The connection itself, for helpers of protocols; None without one.

        :meta private:
        """
        return self._raw

    def round_trip(self, op: operation) -> None:
        """Count an operation that has ended in ws_msg_rtt, by its name.

        :meta private:
        """
        if op.duration_ns is None:
            return
        cell = self.cells.get(("ws_msg_rtt", op.name))
        if cell is None:
            own = {**dict(self.cells["own"]), "name": op.name}
            cell = measured("ws_msg_rtt", tuple(sorted(own.items())))
            if len(self.cells) < MAX_INSIDE:
                self.cells["ws_msg_rtt", op.name] = cell
        cell.add(op.duration_ns)

    def broke(self, problem: socket_errors.Problem, expected: bool = False) -> None:
        """Note and count why it did not open, or broke; what the script expected counts nowhere.

        :meta private:
        """
        self._problem = problem
        if expected:
            return
        self.cells["ws_errors"].add(1)
        said = f"WebSocket {redact.url(self.name)}: {problem.cause}"
        self._warn("websocket", problem.cause, said, problem.remedy)

    def _why(self) -> str:
        return self.error or f"closed: {self.close_code}"

    def fail(self, error: BaseException) -> None:
        """End with an exception of the script's, which ends its iteration.

        :meta private:
        """
        if self.failure is None:
            self.failure = error
        if self._raw is not None:
            self._raw.abandon("the script failed")

    def _stop(self) -> None:
        for timer in list(self._timers or ()):
            timer.cancel()

    def _ended(self, raw: WebSocket) -> None:
        self._stop()
        if raw.failure is not None and self.failure is None:
            self.failure = raw.failure
        if raw.rule:
            self.broke(socket_errors.broken(raw.rule))
        elif raw.error and self.failure is None:
            self.broke(socket_errors.lost(raw.error))
        self._record(raw)

    def _record(self, raw: WebSocket) -> None:
        self.cells["ws_session_duration"].add(time.monotonic_ns() - raw.opened_ns)

    def __repr__(self) -> str:
        return f"<Socket {self.name}, {'open' if self.open else self._why()}>"
