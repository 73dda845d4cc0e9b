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
    """Time what is inside and count it by name; also as `with`, and from within other operations.

    `kind` is one of ws, sql, redis, job and custom. `tags` join those of scenario and group.
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
        self.ended = False  # False also where the end of the run cut it off
        self._bytes = [0, 0]
        self._begun_ns = 0
        self._route: Any = None

    @property
    def duration_ms(self) -> float | None:
        """How long it took, once it has ended."""
        return None if self.duration_ns is None else self.duration_ns / 1e6

    @property
    def failed(self) -> bool:
        """Tell whether it counts as failed, so far."""
        return self.reason is not None

    def fail(self, reason: object = "failed") -> None:
        """Count it as failed when it ends, and say why; the first reason counts."""
        if self.reason is None:
            self.reason = printable(str(reason))[:MAX_REASON] or "failed"

    @property
    def bytes_in(self) -> int:
        """How many bytes came; what is set is added to data_received."""
        return self._bytes[0]

    @bytes_in.setter
    def bytes_in(self, n_bytes: int) -> None:
        self._bytes[0] = _size("bytes_in", n_bytes)

    @property
    def bytes_out(self) -> int:
        """How many bytes were sent; what is set is added to data_sent."""
        return self._bytes[1]

    @bytes_out.setter
    def bytes_out(self, n_bytes: int) -> None:
        self._bytes[1] = _size("bytes_out", n_bytes)

    def restart(self) -> int:
        """Take its time from here: it waited for its turn until now. Return how long, ns."""
        now_ns = monotonic_ns()
        waited_ns, self._begun_ns = now_ns - self._begun_ns, now_ns
        return max(0, waited_ns)

    def took(self, duration_ns: int) -> None:
        """Say how long it took, where another clock knows; call it right before its end."""
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
