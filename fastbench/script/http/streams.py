"""An answer that is read while it arrives: `async with vu.stream("GET", url) as response:`.

1. It is one request, in all counts; its duration lasts until its end, or until the block is left,
   which closes the connection and is no failure. `timeout` is for the head, `gap_timeout` for each
   silence after it.
2. What the network does never raises: iteration ends, and `error` says why. `status` stays what the
   server said.
3. Times are those of arrival, however late the script looks: the first event (or chunk, or line)
   counts from when the request was sent, each other one from the one before it.
4. With `reconnect`, events go on over a new request after one has ended, as the WHATWG says (HTML
   Living Standard, section 9.2.3): with Last-Event-ID, after `retry`. Each is a request of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from fastbench.foundation.usage_error import UsageError
from fastbench.script.http import codings
from fastbench.script.http.event_stream import Event, EventReader, LineReader, TooLarge
from fastbench.script.http.headers import Headers
from fastbench.script.http.request_cache import RequestSource
from fastbench.script.recording_context import RecordingContext

if TYPE_CHECKING:
    from fastbench.engine.client._client import Response, Stream, Timings

T = TypeVar("T")

RETRY_MS = 3000  # where the server says none; the standard wants some seconds
METRICS = ("http_stream_first_event", "http_stream_gap", "http_stream_events")
_NO_CONTENT = 204  # tells who would connect again not to


class _Reads(Protocol[T]):
    """Make items of bytes."""

    def feed(self, data: bytes) -> list[T]: ...
    def flush(self) -> list[T]: ...


class _Chunks:
    """Hand bytes out as they came."""

    def feed(self, data: bytes) -> list[bytes]:
        return [data] if data else []

    def flush(self) -> list[bytes]:
        return []


class Items(Generic[T]):
    """Events, lines or chunks of a streamed answer, for `async for`; each counts when it is given.

    Example::

        async with vu.stream("GET", "/stream?events=3") as response:
            async for line in response.lines():
                check(line, {"is text": lambda text: isinstance(text, str)})
    """

    __slots__ = ("_at_ns", "_items", "_reader", "_response")

    def __init__(self, response: StreamedResponse, reader: _Reads[T]) -> None:
        self._response = response
        self._reader = reader
        self._items: deque[T] = deque()
        self._at_ns = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        response = self._response
        while not self._items:
            part = await response.part()
            try:
                if part is not None:
                    self._at_ns, data = part
                    self._items.extend(self._reader.feed(data))
                    continue
                self._items.extend(self._reader.flush())
            except TooLarge as error:
                response.give_up(str(error))
            if not self._items and not await self._again():
                raise StopAsyncIteration
        response.count(self._at_ns)
        return self._items.popleft()

    async def _again(self) -> bool:
        """Connect again, where that is wanted; the id that the server gave last goes along."""
        reader = self._reader
        if not isinstance(reader, EventReader) or not self._response.goes_on:
            return False
        delay_ms = RETRY_MS if reader.retry_ms is None else reader.retry_ms
        await asyncio.sleep(delay_ms / 1e3)
        self._reader = EventReader(reader.last_id, reader.retry_ms)
        await self._response.connect(reader.last_id)
        return True


class StreamedResponse:
    """An answer that is read while it arrives: what `async with vu.stream(…) as response:` gives.

    `async for event in response:` gives its server-sent events (`Event`); `chunks()`, `lines()` and
    `read()` give its body in other forms. What the network does raises nothing: iteration ends, and
    `error` says why. Leaving the block before the end closes the connection, and is no failure.

    Attributes:
        events: How many events, chunks or lines were given so far.
        reconnects: How often the request was sent again (`reconnect=True`).

    Example::

        async with vu.stream("GET", "/stream?events=3") as response:
            async for event in response:
                check(event, {"has data": lambda e: e.data != ""})
            check(response, {"whole": lambda r: r.ok and r.ended})
    """

    def __init__(self, begin: Callable[[str], Stream], *, reconnect: bool) -> None:
        """`begin(last_event_id)` sends the request."""
        self.events: int = 0
        self.reconnects: int = 0
        self._begin = begin
        self._reconnect = reconnect
        self._stream: Stream | None = None
        self._unpack: codings.Unpacker | None = None
        self._broken = ""  # what cannot be read
        self._last_ns = 0  # when the last item came
        self._cells: tuple[Any, Any, Any] = (None, None, None)
        self._events: Items[Event] | None = None
        self._left = False

    async def __aenter__(self) -> Self:
        if self._stream is not None:
            raise RuntimeError("this answer was streamed already; call vu.stream() each time")
        await self.connect("")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left = True
        self._under_way.leave()

    def __await__(self) -> Any:
        raise UsageError('vu.stream() is used as `async with vu.stream("GET", url) as response:`.')

    def __repr__(self) -> str:
        if self._stream is None:
            return "<StreamedResponse>"
        return f"<StreamedResponse {self.status or self.error} {self.events} events>"

    # What the server said.

    @property
    def status(self) -> int:
        """The status; 0 without an answer."""
        return self._head.status

    @property
    def headers(self) -> Headers:
        """The headers; their names are found in any case."""
        return self._head.headers

    @property
    def cookies(self) -> Any:
        """The cookies that this very answer sets, name to value."""
        return self._head.cookies

    @property
    def url(self) -> str:
        """The URL that it came from, after redirects."""
        return self._head.url

    @property
    def method(self) -> str:
        """The method of the request."""
        return self._head.method

    @property
    def expected(self) -> bool:
        """Tell whether it counts as a success so far; see `expected=` of requests."""
        return self._final.expected

    @property
    def ok(self) -> bool:
        """Tell whether the status is below 400 and nothing went wrong so far."""
        return 0 < self.status < 400 and not self.error

    @property
    def error(self) -> str:
        """Why there is no answer, or no more of it; "" while nothing went wrong."""
        return self._broken or self._final.error

    @property
    def error_kind(self) -> str:
        """The kind of error, as in reports; "" without one."""
        return self._final.error_kind

    @property
    def error_code(self) -> str:
        """What the system or TLS calls the error, ECONNREFUSED for example; "" without one."""
        return self._final.error_code

    @property
    def timings(self) -> Timings:
        """How long the parts of the request took, ms; complete when it has ended."""
        return self._final.timings

    @property
    def ended(self) -> bool:
        """Tell whether the server has sent all, or nothing more will come."""
        return self._under_way.answer is not None

    # Its body.

    def __aiter__(self) -> Items[Event]:
        if self._events is None:
            self._events = Items(self, EventReader())
        return self._events

    def chunks(self) -> Items[bytes]:
        """Give its bytes as they arrive.

        Returns:
            The pieces, bytes each, for `async for`.

        Example::

            async with vu.stream("GET", "/stream?events=3") as response:
                async for chunk in response.chunks():
                    check(chunk, {"bytes": lambda c: len(c) > 0})
        """
        return Items(self, _Chunks())

    def lines(self) -> Items[str]:
        """Give its lines, as text in UTF-8 without line ends.

        Returns:
            The lines, str each, for `async for`.

        Example::

            async with vu.stream("GET", "/stream?events=3") as response:
                async for line in response.lines():
                    check(line, {"one line": lambda text: "\\n" not in text})
        """
        return Items(self, LineReader())

    async def read(self) -> bytes:
        """Read all that is left of it; that counts as no event.

        Returns:
            The bytes.

        Example::

            async with vu.stream("GET", "/stream?events=3") as response:
                body = await response.read()
                check(body, {"all of it": lambda b: len(b) > 0})
        """
        parts = []
        while (part := await self.part()) is not None:
            parts.append(part[1])
        return b"".join(parts)

    async def part(self) -> tuple[int, bytes] | None:
        """Return the next bytes and when they arrived (ns, CLOCK_MONOTONIC); None: no more.

        :meta private:
        """
        stream = self._under_way
        while not (self._left or self._broken):
            part = stream.take()
            if part is not None:
                return part if self._unpack is None else self._unpacked(part)
            if stream.answer is not None:
                break
            await stream.wait()
        return None

    def count(self, at_ns: int) -> None:
        """Count an event that arrived at this instant, and the time since the one before.

        :meta private:
        """
        first, gap, events = self._cells
        self.events += 1
        events.add(1)
        if self._last_ns:
            gap.add(max(0, at_ns - self._last_ns))
        else:
            first.add(max(0, at_ns - self._under_way.sent_ns))
        self._last_ns = at_ns

    def give_up(self, why: str) -> None:
        """Read no more of what cannot be read.

        :meta private:
        """
        self._broken = self._broken or why
        self._under_way.leave()

    # Connections.

    async def connect(self, last_id: str) -> None:
        """Send the request, the first one or one more, and wait for the head of its answer.

        :meta private:
        """
        self.reconnects += self._stream is not None
        stream = self._stream = self._begin(last_id)
        self._last_ns = 0
        try:
            while stream.head is None:
                await stream.wait()
        except asyncio.CancelledError:
            stream.leave()
            raise
        self._cells = _cells(stream.head.keep, stream.head.method)
        self._unpack = codings.unpacker(stream.head.headers)

    @property
    def goes_on(self) -> bool:
        """Tell whether events may go on over a new request.

        :meta private:
        """
        if not self._reconnect or self._left or self._broken:
            return False
        if self.status == 0:  # nobody answered this time
            return self.reconnects > 0
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return self.status == 200 and kind == "text/event-stream"

    @property
    def _under_way(self) -> Stream:
        if self._stream is None:
            raise UsageError(
                'An answer is streamed in a block: `async with vu.stream("GET", url) as response:`.'
            )
        return self._stream

    @property
    def _head(self) -> Response:
        head = self._under_way.head
        assert head is not None  # `connect` waits for it
        return head

    @property
    def _final(self) -> Response:
        return self._under_way.answer or self._head

    def _unpacked(self, part: tuple[int, bytes]) -> tuple[int, bytes]:
        at_ns, data = part
        try:
            assert self._unpack is not None
            return at_ns, self._unpack.feed(data)
        except codings.BodyError as error:
            self.give_up(str(error))
            return at_ns, b""


def _cells(source: RequestSource, method: str) -> tuple[Any, Any, Any]:
    """Return where first events, gaps and events of a request are recorded, by its name."""
    place: RecordingContext = source.place
    key = (METRICS, source.name, method, source.options.tags)
    found: tuple[Any, Any, Any] | None = place.cells.get(key)
    if found is None:
        recorder: Any = place.recorder
        about = (place, source.name, method, source.options.tags)
        first, gap, events = (recorder.by_request(metric, *about) for metric in METRICS)
        found = place.cells[key] = (first, gap, events)
    return found
