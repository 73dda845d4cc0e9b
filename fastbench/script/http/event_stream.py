"""Server-sent events and lines out of bytes that arrive in any pieces.

Events are framed as the WHATWG says (HTML Living Standard, section 9.2.6, "Interpreting an event
stream"): UTF-8, one byte order mark is skipped, lines end in LF, CR or CRLF, a blank line ends an
event, one without data is none, and one that is not ended by a blank line is dropped.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Any

from fastbench.script.http import codings

MAX_EVENT_BYTES = 16 << 20  # of a line, and of the data of one event


class TooLarge(ValueError):
    """A line or an event is larger than any that is meant; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event.

    Attributes:
        event: Its type; "message" where the server names none.
        data: Its data, as text.
        id: The last id that the server gave, with this event or before; "" without one.

    Example::

        async with vu.stream("GET", "/stream?events=3") as response:
            async for event in response:
                check(event, {"has a type": lambda e: e.event != ""})
    """

    event: str
    data: str
    id: str = ""

    def json(self) -> Any:
        """Read the data as JSON.

        Returns:
            The value.

        Raises:
            ValueError: The data is no JSON.

        Example::

            async with vu.stream("GET", "/stream?events=3") as response:
                async for event in response:
                    check(event.json(), {"is an object": lambda value: isinstance(value, dict)})
        """
        return codings.loads(self.data.encode(), "")


class LineReader:
    """Split bytes into lines without their ends; `feed` them as they come, then `flush` once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of the line that has not ended
        self._size = 0
        self._after_cr = False  # a LF that comes next belongs to the end before it

    def split(self, data: bytes) -> list[bytes]:
        """Return the lines that end in these bytes. Raises TooLarge."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *more = data.split(b"\n")
        self._parts.append(first)
        self._size += len(first)
        if self._size > MAX_EVENT_BYTES:
            raise TooLarge(f"a line larger than {MAX_EVENT_BYTES >> 20} MiB")
        if not more:
            return []
        lines = [b"".join(self._parts), *more]
        last = lines.pop()
        self._parts, self._size = [last], len(last)
        return lines

    def feed(self, data: bytes) -> list[str]:
        """Return the same as text: what is no UTF-8 becomes U+FFFD."""
        return [line.decode("utf-8", "replace") for line in self.split(data)]

    def flush(self) -> list[str]:
        """Return the last line, where no line end follows it."""
        rest, self._parts, self._size = b"".join(self._parts), [], 0
        return [rest.decode("utf-8", "replace")] if rest else []


class EventReader:
    """Frame events; what does not fit the format is ignored, as the standard says.

    `last_id` and `retry_ms` (None: not given) are for who connects again.
    """

    def __init__(self, last_id: str = "", retry_ms: int | None = None) -> None:
        self.last_id = last_id
        self.retry_ms = retry_ms
        self._lines = LineReader()
        self._begin = b""  # of the stream: it may be the beginning of a byte order mark
        self._began = False
        self._id = last_id
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are complete with these bytes. Raises TooLarge."""
        if not self._began:
            data = self._begin + data
            if len(data) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(data):
                self._begin = data
                return []
            self._began = True
            data = data.removeprefix(codecs.BOM_UTF8)
        events = []
        for line in self._lines.feed(data):
            if line:
                self._take(line)
            elif (event := self._ended()) is not None:
                events.append(event)
        return events

    def flush(self) -> list[Event]:
        """Return nothing: an event that no blank line ends is none."""
        return []

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")  # a line that begins with a colon is a comment
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > MAX_EVENT_BYTES:
                raise TooLarge(f"an event larger than {MAX_EVENT_BYTES >> 20} MiB")
        elif name == "event":
            self._event = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry_ms = int(value[:18])

    def _ended(self) -> Event | None:
        """End an event: without data it is none, but its id counts."""
        self.last_id = self._id
        event, data = self._event or "message", self._data
        self._event, self._data, self._size = "", [], 0
        return Event(event, "\n".join(data), self.last_id) if data else None
