"""What a script times itself: `async with vu.operation("sign pdf", kind="job") as op:`.

1. An operation is anything that has a name and takes its time, of any protocol. Requests of HTTP
   are the first kind, and time themselves; all others count in `operations`, `operation_duration`
   (ms) and `operation_failed`, never among the requests, and are rows of the same table.
2. It fails by `op.fail("why")`, or by an exception, which goes on up. One that the script gives up
   (asyncio.timeout around it) failed, at its age.
3. One that the end of the run cuts off has not ended: it was under way at the end, as a request.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from time import monotonic_ns
from types import TracebackType
from typing import Any, Self

from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import OPERATION_KINDS
from fastbench.script.api.checks import Aborted
from fastbench.script.recording_context import MAX_INSIDE, PLACE, VU, RecordingContext, own_tags

KINDS = tuple(kind for kind in OPERATION_KINDS if kind != "http")
MAX_REASON = 120  # characters of why one failed
MAX_BYTES = 1 << 62
CANCELLED = "cancelled"
_ENDS = (Aborted, GeneratorExit)  # what ends the run, and not the operation

Watch = Callable[["operation"], None]


class operation:
    """Time what is inside, and count it by name: `async with operation("sign pdf") as op:`.

    A plain `with` does as well, and operations may stand in operations. Each is a row of the same
    table as requests, and counts in the metrics `operations`, `operation_duration` (ms) and
    `operation_failed`. An exception inside fails it, and goes on up.

    Args:
        name: Name of its row.
        kind: One of "ws", "sql", "redis", "job" and "custom".
        tags: Tags of its samples, beside those of scenario and group.

    Attributes:
        name: Its name.
        kind: Its kind.
        tags: Its own tags, or None.
        reason: Why it failed, or None.
        duration_ns: How long it took, ns; None until it has ended.
        ended: True once it was counted; False where the end of the run cut it off.

    Raises:
        UsageError: The name is empty, or the kind unknown.

    Example::

        async with operation("open dashboard", tags={"page": "first"}) as op:
            response = await vu.get("/echo", params={"page": "dashboard"})
            if not response.ok:
                op.fail("no dashboard")
    """

    __slots__ = (
        *("_begun_ns", "_bytes", "_route", "duration_ns", "ended", "kind", "name", "reason"),
        "tags",
    )

    watch: Watch | None = None  # called with each that ended, for --debug

    def __init__(
        self, name: str, kind: str = "custom", tags: Mapping[str, object] | None = None
    ) -> None:
        """Raises UsageError for a name that is empty, and for an unknown kind."""
        if not isinstance(name, str) or not name.strip():
            raise UsageError("An operation needs a name, for example operation('sign pdf').")
        if kind == "http":
            raise UsageError("Requests time themselves: an operation of kind http is vu.get(url).")
        if kind not in KINDS:
            raise UsageError(
                f"There is no kind of operation {kind!r}; there are {', '.join(KINDS)}."
            )
        self.name = name
        self.kind = kind
        self.tags = tags
        self.reason: str | None = None  # why it failed
        self.duration_ns: int | None = None  # once it was left
        self.ended: bool = False  # False also where the end of the run cut it off
        self._bytes = [0, 0]
        self._begun_ns = 0
        self._route: Any = None

    @property
    def duration_ms(self) -> float | None:
        """How long it took, ms; None until it has ended."""
        return None if self.duration_ns is None else self.duration_ns / 1e6

    @property
    def failed(self) -> bool:
        """Tell whether it counts as failed, so far."""
        return self.reason is not None

    def fail(self, reason: object = "failed") -> None:
        """Count it as failed when it ends; the first reason counts.

        Args:
            reason: Why, in at most 120 characters; failures are counted by it.

        Example::

            with operation("pick a slot") as op:
                response = await vu.get("/api/health")
                if response.json("status") is None:
                    op.fail("no status")
        """
        if self.reason is None:
            self.reason = printable(str(reason))[:MAX_REASON] or "failed"

    @property
    def bytes_in(self) -> int:
        """How many bytes came in it, for the metric data_received; set it before it ends."""
        return self._bytes[0]

    @bytes_in.setter
    def bytes_in(self, n_bytes: int) -> None:
        self._bytes[0] = _size("bytes_in", n_bytes)

    @property
    def bytes_out(self) -> int:
        """How many bytes were sent in it, for the metric data_sent; set it before it ends."""
        return self._bytes[1]

    @bytes_out.setter
    def bytes_out(self, n_bytes: int) -> None:
        self._bytes[1] = _size("bytes_out", n_bytes)

    def restart(self) -> int:
        """Count its time from here on: until now it has waited for its turn.

        Returns:
            How long it has waited, ns.

        Example::

            with operation("with a turn") as op:
                await sleep(0.01)  # until it is our turn
                waited_ns = op.restart()
                await vu.get("/api/health")
            check(waited_ns, {"has waited": lambda ns: ns > 0})
        """
        now_ns = monotonic_ns()
        waited_ns, self._begun_ns = now_ns - self._begun_ns, now_ns
        return max(0, waited_ns)

    def took(self, duration_ns: int) -> None:
        """Say how long it took, where another clock knows better; call it right before it ends.

        Args:
            duration_ns: The time, ns.

        Example::

            with operation("job on the server") as op:
                response = await vu.get("/api/health")
                op.took(round(response.timings.waiting * 1e6))  # ms to ns
        """
        self._begun_ns = monotonic_ns() - max(0, duration_ns)

    def __enter__(self) -> Self:
        if self._route is not None:
            raise RuntimeError(f"the operation {self.name} has begun already; make one each time")
        place = PLACE.get(None)
        if place is None:
            raise RuntimeError(
                "operation() works only during the run: use it in a scenario, in setup or in "
                "teardown"
            )
        self._route = route_of(place, self.name, self.kind, self.tags)
        self._begun_ns = self._route.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            if isinstance(error, _ENDS) or (isinstance(error, CancelledError) and _over()):
                self.duration_ns = self._route.leave(self._begun_ns)
                return
            self.fail(CANCELLED if isinstance(error, CancelledError) else type(error).__name__)
        self.duration_ns = self._route.end(self._begun_ns, self.failed, *self._bytes)
        self.ended = True
        if self.reason is not None:
            self._route.failure(self.reason).add(1)
        if operation.watch is not None:
            operation.watch(self)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *raised: Any) -> None:
        self.__exit__(*raised)

    def __repr__(self) -> str:
        return f"<operation {self.name} ({self.kind})>"


def route_of(
    place: RecordingContext, name: str, kind: str, tags: Mapping[str, object] | None
) -> Any:
    """Find where it is recorded, and keep that with the place."""
    own = own_tags(tags) if tags else ()
    found = place.operations.get((name, kind, own))
    if found is None:
        if len(place.operations) >= MAX_INSIDE:
            place.operations.clear()
        recorder: Any = place.recorder
        found = place.operations[name, kind, own] = recorder.operation(place, name, kind, own)
    return found


def _over() -> bool:
    """Tell whether the run cancels, and not the script."""
    vu, place = VU.get(None), PLACE.get()
    recorder: Any = place.recorder
    return recorder.load_ended or (vu is not None and vu.halted)


def _size(name: str, n_bytes: object) -> int:
    if not isinstance(n_bytes, int) or not 0 <= n_bytes < MAX_BYTES:
        raise ValueError(f"{name} is a number of bytes, not {n_bytes!r}")
    return int(n_bytes)
