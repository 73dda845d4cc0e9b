"""The typed face of the scenario client: shared metrics, HTTP connections on an event loop."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Container, Generator, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, final

from typing_extensions import Buffer, disjoint_base

from fastbench.engine.bridge._core import Block
from fastbench.script.http.headers import Headers

# Shared metrics. The parent makes the arena before the fork; worker n writes through writer(n).

@disjoint_base
class MetricSlot: ...

KINDS: tuple[str, ...]
TIMES: tuple[str, ...]
CELLS: tuple[type[MetricSlot], ...]
ERROR_KINDS: tuple[str, ...]
ERROR_PHASES: tuple[str, ...]
WORKER_STATES: tuple[str, ...]
REDIRECTS: frozenset[int]
REGION_BYTES: int
LAYOUT: str
TIMEOUT_NS: int
CONNECT_TIMEOUT_NS: int
PASS_ON_S: float
__test__: dict[str, str]

@final
class CounterSlot(MetricSlot):
    def add(self, value: float) -> None: ...

@final
class GaugeSlot(MetricSlot):
    def add(self, value: float) -> None: ...

@final
class RateSlot(MetricSlot):
    def add(self, passed: bool) -> None: ...
    @property
    def address(self) -> int: ...

@final
class TimesSlot(MetricSlot):
    def add(self, value_ns: int) -> None: ...

@final
class TrendSlot(MetricSlot):
    def add(self, value: float) -> None: ...

@final
class RequestsSlot(MetricSlot): ...

@final
class NamedSlot(MetricSlot): ...

@final
class Distribution:
    @staticmethod
    def of(counts: Mapping[int, int], least: float, most: float, added: float) -> Distribution: ...
    def counts(self) -> dict[int, int]: ...
    def record(self, value: float) -> None: ...
    def add(self, other: Distribution) -> None: ...
    def since(self, earlier: Distribution) -> Distribution: ...
    def percentile(self, percent: float) -> float: ...
    @property
    def count(self) -> int: ...
    @property
    def min(self) -> float: ...
    @property
    def max(self) -> float: ...
    @property
    def sum(self) -> float: ...

@final
class MetricRegistry:
    def counter(self, name: str, tags: str = "") -> CounterSlot: ...
    def gauge(self, name: str, tags: str = "") -> GaugeSlot: ...
    def rate(self, name: str, tags: str = "") -> RateSlot: ...
    def times(self, name: str, tags: str = "") -> TimesSlot: ...
    def trend(self, name: str, tags: str = "") -> TrendSlot: ...
    def requests(self, name: str, tags: str = "") -> RequestsSlot: ...
    def named(self, name: str, tags: str = "") -> NamedSlot: ...

@final
class Arena:
    region_bytes: int
    workers: int
    first: int
    total: int
    machine: int
    machines: int
    def __new__(
        cls,
        workers: int,
        *,
        first: int = 0,
        total: int | None = None,
        machine: int = 0,
        machines: int = 1,
        bytes_per_worker: int = ...,
    ) -> Self: ...
    @property
    def indices(self) -> range: ...
    def part(self, worker: int) -> memoryview: ...
    def used_bytes(self, worker: int) -> int: ...
    def instants(self, worker: int) -> tuple[int, ...]: ...
    def writer(self, worker: int) -> MetricRegistry: ...
    def read(
        self, worker: int, only: Container[str] | None = None
    ) -> list[tuple[str, str, str, Any]]: ...
    def sums(self, only: Container[str] | None = None) -> dict[tuple[str, str, str], Any]: ...
    def beat_ns(self, worker: int) -> int: ...
    def place(self, worker: int) -> tuple[int, int]: ...
    def take(self, shared: int, limit: int) -> int: ...
    def take_rest(self, shared: int, limit: int) -> int: ...
    def taken(self, shared: int, limit: int) -> int: ...
    def count(self, shared: int) -> int: ...
    def counted(self, shared: int) -> int: ...
    def grant(self, shared: int, first: int, count: int) -> None: ...
    def close_grants(self, shared: int) -> None: ...
    def grants_open(self, shared: int) -> bool: ...
    def left(self, shared: int) -> int: ...

# Where one kind of answer is recorded.

@final
class Sinks:
    failed: bool
    def __new__(
        cls,
        scenario: RequestsSlot,
        named: NamedSlot | None,
        extra: Sequence[tuple[str, MetricSlot]],
        failed: bool,
    ) -> Self: ...

@final
class OperationSinks:
    def __new__(
        cls, shared: Block, index: int, whole: NamedSlot, named: NamedSlot | None
    ) -> Self: ...
    def begin(self) -> int: ...
    def end(self, begun_ns: int, failed: bool, bytes_in: int, bytes_out: int) -> int: ...
    def moved(self, bytes_in: int, bytes_out: int) -> None: ...
    def leave(self, begun_ns: int) -> int: ...

@final
class Route:
    def __new__(cls, resolve: Callable[[int, str, str], Sinks]) -> Self: ...

# Connections.

_Row = tuple[int, str, int, int]  # of an address: family, IP or path, port, scope

class _Way(Protocol):
    shown: str
    prefix: bytes
    login: bytes
    def find(self, family: int) -> Awaitable[tuple[list[_Row], tuple[bytes, ...]]]: ...

@final
class Origin:
    scheme: str
    host: str
    port: int
    authority: str
    via: _Way | None
    prefix: bytes
    def connections(self) -> list[tuple[_Row, tuple[int, int, str, str, str]]]: ...

@final
class Pool:
    trace: Callable[[Exchange, Response], None] | None
    left_out: Callable[[list[bytes]], None] | None
    tls_of: Callable[[str], tuple[bytes, bool, bytes, bytes, bytes, int, int, bytes, bytes]] | None
    def __new__(
        cls,
        shared: Block,
        index: int,
        loop: asyncio.AbstractEventLoop,
        *,
        tls: tuple[bytes, bool, bytes, bytes, bytes] = ...,
        connect_timeout_ns: int = ...,
        sources: list[tuple[int, str, int, int]] = ...,
        family: int = 0,
        keepalive: bool = True,
        unix_path: str = "",
        resolve: Callable[[str, int, int], Awaitable[list[_Row]]] = ...,
        one_address: bool = False,
        protocols: str = "h2,http/1.1",
        way: Callable[[str, str, int], _Way | None] | None = None,
    ) -> Self: ...
    def servers(self) -> list[Origin]: ...
    def halt(self) -> None: ...
    def origin(self, scheme: str, host: str, port: int) -> Origin: ...
    def close(self) -> None: ...

@final
class Deadlines: ...

@final
class OriginPool: ...

@final
class Connection: ...

@final
class Lingering: ...

@final
class Multiplexer:
    def leave(self) -> None: ...

@final
class Heading:
    origin: Origin
    method: str
    fields: tuple[tuple[bytes, bytes], ...]
    lines: bytes
    empty: bytes
    cookie: str
    def __new__(
        cls,
        origin: Origin,
        method: str,
        *,
        fields: tuple[tuple[bytes, bytes], ...] = (),
        lines: bytes = b"",
        empty: bytes = b"\r\n",
        cookie: str = "",
        upgrade: bool = False,
    ) -> Self: ...

@final
class Ready:
    heading: Heading
    target: bytes
    payload: bytes
    url: str
    keep: Any
    def __new__(
        cls,
        heading: Heading,
        target: bytes,
        start: bytes,
        url: str,
        route: Route,
        *,
        timeout_ns: int = ...,
        redirects: int = 0,
        keep: Any = None,
    ) -> Self: ...

@final
class Session:
    cookies: Callable[[Response], None] | None
    redirect: Callable[[Exchange, Response], tuple[Ready, bytes | None, str] | str | None] | None
    decode: Callable[[Response], tuple[bytes, str, bool]] | None
    bound_to: int
    planned_ns: int
    paced: bool
    discard: bool
    halted: bool
    answers: int
    def __new__(cls, pool: Pool, *, limit_per_host: int = 6) -> Self: ...
    def send(self, ready: Ready, body: bytes | None = None, jar: str = "") -> Exchange: ...
    def stream(
        self, ready: Ready, body: bytes | None = None, jar: str = "", *, gap_ns: int = 0
    ) -> Stream: ...
    def upgrade(self, ready: Ready, key: str, jar: str = "") -> Exchange: ...
    def reset(self) -> None: ...

@final
class Stream:
    exchange: Exchange
    head: Response | None
    answer: Response | None
    @property
    def sent_ns(self) -> int: ...
    def take(self) -> tuple[int, bytes] | None: ...
    def wait(self) -> asyncio.Future[None]: ...
    def leave(self) -> None: ...

@final
class Exchange:
    """A request under way, as `vu.get(url)` returns it: `await` it for its `Response`.

    It is a future to asyncio: `asyncio.gather` and `asyncio.wait` take it, and so does `vu.batch`.

    Attributes:
        url: Where it is sent.
        method: Its method.

    Example::

        first, second = vu.get("/api/health"), vu.get("/echo")
        check(await first, {"healthy": lambda r: r.ok})
        check(await second, {"echoed": lambda r: r.ok})
    """

    socket: WebSocket | None
    upgrade: bool
    keep: Any
    url: str
    """Where it is sent."""
    method: str
    """Its method."""
    payload: bytes
    @property
    def sent_head(self) -> bytes: ...
    body_sent: bytes | None
    redirects: int
    origin: Origin
    def __await__(self) -> Generator[Any, None, Response]: ...
    def cancel(self, msg: Any = None) -> bool:
        """Give the request up: its connection is closed, in HTTP/2 its stream alone.

        Given up by the script it failed, at its age. Halted with its iteration, or at the end of
        the run, it stays in flight.

        Args:
            msg: Not used; asyncio gives it.

        Returns:
            False if it had ended already.

        Example::

            request = vu.get("/delay/200")
            await sleep(0.05)
            check(request.cancel(), {"was under way": lambda was: was})
        """
    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop, for asyncio."""
    def add_done_callback(
        self, callback: Callable[[Any], object], *, context: contextvars.Context | None = None
    ) -> None:
        """Call back with this request when it has ended, for asyncio."""
    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        """Forget a callback, for asyncio; return how often it was there."""
    def exception(self) -> BaseException | None:
        """Return None, for asyncio: what the network does raises nothing."""
    def __iter__(self) -> Generator[Any, None, Response]: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any:
        """Go on, as a generator does, for `await`."""
    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any:
        """Raise, as a generator does, for `await`."""
    def done(self) -> bool:
        """Tell whether it has ended."""
    def cancelled(self) -> bool:
        """Tell whether it was given up."""
    def result(self) -> Response:
        """Return the Response; raises CancelledError when it was given up."""

# WebSockets.

@final
class Arrival:
    def __await__(self) -> Generator[Any, None, Any]: ...
    def get_loop(self) -> asyncio.AbstractEventLoop: ...
    def add_done_callback(
        self, callback: Callable[[Any], object], *, context: contextvars.Context | None = None
    ) -> None: ...
    def remove_done_callback(self, callback: Callable[[Any], object]) -> int: ...
    def exception(self) -> BaseException | None: ...
    def __iter__(self) -> Generator[Any, None, Any]: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any: ...
    def done(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def result(self) -> Any: ...
    def cancel(self, msg: Any = None) -> bool: ...

@disjoint_base
class Mailbox:
    ended: bool
    def receive(self, timeout_s: float = 0.0) -> Awaitable[str | bytes | None]: ...
    def expect(
        self, match: Callable[[str | bytes], object] | None, timeout_s: float = 0.0
    ) -> Awaitable[str | bytes | None]: ...
    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[str | bytes]: ...

@final
class WebSocket(Mailbox):
    sent: int
    received: int
    bytes_sent: int
    bytes_received: int
    close_code: int | None
    close_reason: str
    error: str
    rule: str
    failure: BaseException | None
    opened_ns: int
    heard_ns: int
    on_end: Callable[[WebSocket], object] | None
    watch: Callable[[str, int, str | bytes], object] | None
    hook: Callable[[str | bytes], bool] | None
    @property
    def unsent(self) -> int: ...
    def send(self, message: str | bytes) -> Awaitable[None] | None: ...
    def ping(self, data: bytes, timeout_s: float = 0.0) -> Awaitable[int | None]: ...
    def close(
        self, code: int = 1000, reason: bytes = b"", timeout_s: float = 0.0
    ) -> Awaitable[None]: ...
    def abandon(self, error: str) -> None: ...
    def record(self, sent: Any, received: Any, sinks: OperationSinks) -> None: ...
    def start(
        self,
        max_message_bytes: int,
        *,
        deflate: bool = False,
        inflate_anew: bool = False,
        deflate_anew: bool = False,
    ) -> None: ...
    def __await__(self) -> Generator[Any]: ...

@final
class Timings:
    """How long the parts of a request took, each in ms.

    Attributes:
        blocked: Waiting for a connection.
        connecting: Connecting by TCP; 0 on a connection that was open.
        tls_handshaking: The handshake of TLS.
        sending: Writing the request.
        waiting: From its last byte to the first one of the answer.
        receiving: From the first byte of the answer to its last.
        duration: From the first byte that was sent to the last that came.

    Example::

        response = await vu.get("/api/health")
        check(response.timings, {"quick": lambda t: t.duration < 2000})
    """

    blocked: float
    """Waiting for a connection."""
    connecting: float
    """Connecting by TCP; 0 on a connection that was open."""
    tls_handshaking: float
    """The handshake of TLS."""
    sending: float
    """Writing the request."""
    waiting: float
    """From its last byte to the first one of the answer."""
    receiving: float
    """From the first byte of the answer to its last."""
    duration: float
    """From the first byte that was sent to the last that came."""

@final
class Response:
    """One answer: what `await vu.get(url)` gives.

    What the network does raises nothing: without a complete answer `status` is 0, and `error` says
    why. `headers`, `body`, `text` and `json()` are read when they are asked for.

    Attributes:
        status: The status, 100 to 599; 0 without an answer.
        url: The URL that it came from, after redirects.
        method: The method of the request.
        raw_head: The head as it came, from the status line on.
        raw_body: The body as it came, packed as Content-Encoding says.
        error: Why there is no answer; "" if there is one.
        error_kind: The kind of error, as in reports: "timeout", "connect_refused"; "" without one.
        error_code: What the system or TLS calls it, ECONNREFUSED for example; "" without one.
        expected: True if it counts as a success; see `expected=` of requests.
        keep: Not for scripts.

    Example::

        response = await vu.get("/api/health")
        check(response, {
            "status is 200": lambda r: r.status == 200,
            "healthy": lambda r: r.json("status") == "ok",
        })
    """

    status: int
    """The status, 100 to 599; 0 without an answer."""
    url: str
    """The URL that it came from, after redirects."""
    method: str
    """The method of the request."""
    raw_head: bytes
    """The head as it came, from the status line on."""
    raw_body: bytes
    """The body as it came, packed as Content-Encoding says."""
    error: str
    """Why there is no answer; "" if there is one."""
    error_kind: str
    """The kind of error, as in reports: "timeout", "connect_refused"; "" without one."""
    error_code: str
    """What the system or TLS calls it, ECONNREFUSED for example; "" without one."""
    expected: bool
    """True if it counts as a success; see `expected=` of requests."""
    keep: Any
    """Not for scripts."""
    @property
    def ok(self) -> bool:
        """Tell whether there is an answer with a status below 400; `expected` may differ."""
    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that this very answer sets, name to value."""
    @property
    def headers(self) -> Headers:
        """The headers; their names are found in any case, one that came more often is `a, b`."""
    @property
    def body(self) -> bytes:
        """The body as bytes, unpacked as Content-Encoding says; see `body_error`."""
    @property
    def body_error(self) -> str:
        """Why `body` is not unpacked; "" if it is, or had no need."""
    @property
    def text(self) -> str:
        """The body as text, in the charset that its Content-Type names, else in UTF-8."""
    def json(self, path: str | None = None) -> Any:
        """Read the body as JSON, whole or a part of it.

        Args:
            path: What to select: keys and indexes, as in "user.name" or "items.0.id"; None for all.

        Returns:
            The value; None where the path leads nowhere.

        Raises:
            ValueError: The body is no JSON.

        Example::

            response = await vu.get("/api/health")
            check(response.json("status"), {"healthy": lambda status: status == "ok"})
        """
    @property
    def protocol(self) -> str:
        """What was spoken: "HTTP/1.1", "HTTP/1.0" or "h2"; "" where no answer came."""
    @property
    def remote(self) -> tuple[str, int]:
        """IP (or path) and port of the server that answered; ("", 0) where nothing was sent."""
    @property
    def tls_parameters(self) -> tuple[int, str]:
        """Version (0x0304 is TLS 1.3) and IANA's name of the cipher suite; (0, "") without TLS."""
    @property
    def timings(self) -> Timings:
        """How long the parts of the request took, ms."""

def use(
    *,
    headers: Callable[[bytes], Mapping[str, str]],
    decode: Callable[[Mapping[str, str], bytes], tuple[bytes, str]],
    select: Callable[[Any, str], Any],
    json: Callable[[bytes, str], Any],
    text: Callable[[Mapping[str, str], bytes], str],
    cookies: Callable[[Response], Mapping[str, str]] | None = None,
) -> None: ...
def tally(
    value: Any,
    sets: Mapping[str, Callable[[Any], object] | object],
    known: dict[str, Any],
    place: Any,
    find: Callable[[Any, str], Any],
    truth: Callable[[str, object], bool],
) -> bool: ...

# Time.

@final
class Heart:
    def __new__(
        cls, metrics: Arena, shared: Block, index: int, loop: asyncio.AbstractEventLoop
    ) -> Self: ...
    def begin(self) -> None: ...
    def at(self, vu: int, iteration: int) -> None: ...
    def stop(self) -> None: ...

@final
class Ticker:
    def __new__(
        cls, loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]
    ) -> Self: ...
    def follow(
        self, levels: list[tuple[float, float, float]], start_ns: int, *, worker: int, workers: int
    ) -> None: ...
    def at(self, instants_ns: Iterable[int]) -> None: ...
    def stop(self) -> None: ...

def set_active(shared: Block, index: int, vus: int) -> None: ...
def set_state(shared: Block, index: int, state: str) -> None: ...

# WebSocket frames (RFC 6455 section 5), on the client's side; no I/O.

FRAME_RULES: tuple[str, ...]
CONNECTION_PROTOCOLS: tuple[str, ...]
MAX_MESSAGE_BYTES: int

@final
class FrameReader:
    """Reads what a server sends after its 101, cut anywhere.

    `feed(data)` takes all of `data` and returns in order what became complete: (opcode, payload).

    * text (1): str; binary (2): bytes; fragments are joined, compression is undone;
    * ping (9), pong (10): bytes; the caller answers a ping with `frame(10, payload)`;
    * close (8): (code, reason), code 1005 when the frame had none. Nothing counts after it.

    When a rule is broken, the list holds what came before it, `rule` is one of FRAME_RULES, and
    `close_code` is what to close with (1002, 1007 or 1009). The connection ends then.

    `max_frame_bytes` and `max_message_bytes` are of payloads, the latter also after decompression.
    `deflate`: permessage-deflate was agreed on (RFC 7692), and without `context_takeover` each
    message begins anew (server_no_context_takeover). `check_text=False` does not look at UTF-8:
    bytes that are none are replaced. `keep=False` drops payloads: a message is its length then.
    """

    def __new__(
        cls,
        *,
        max_frame_bytes: int = ...,
        max_message_bytes: int = ...,
        deflate: bool = False,
        context_takeover: bool = True,
        check_text: bool = True,
        keep: bool = True,
    ) -> Self: ...
    def feed(self, data: Buffer) -> list[tuple[int, Any]]: ...
    @property
    def rule(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def close_code(self) -> int: ...
    @property
    def in_message(self) -> bool: ...

def frame(opcode: int, payload: str | Buffer, *, fin: bool = True, rsv1: bool = False) -> bytes:
    """One masked frame with a fresh key. ValueError: a control frame of more than 125 bytes.

    Opcodes: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. `rsv1`: the payload is
    compressed, without its last four bytes 00 00 ff ff (RFC 7692 section 7.2.1).
    """

def close_frame(code: int = 1000, reason: str = "") -> bytes:
    """A close frame; 1005: one without a code. ValueError: a code that may not be sent, or more
    than 123 bytes of reason."""

def handshake_key() -> str:
    """A fresh Sec-WebSocket-Key: 24 characters."""

def accept_of(key: str) -> str:
    """The Sec-WebSocket-Accept that a server must answer `key` with (section 4.2.2)."""
