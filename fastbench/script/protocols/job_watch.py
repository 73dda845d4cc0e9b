"""What becomes of jobs in a queue of RQ: their own stamps, read from Redis again and again.

1. Times are those that whoever enqueued a job and its worker wrote into it, by the clocks of their
   machines; how often we look is no part of them.
2. One look asks for all jobs that have not ended, and the pause between looks grows up to LONGEST_S
   while none ends.
"""

from __future__ import annotations

import asyncio
import zlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fastbench.foundation.redact import printable
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation
from fastbench.script.recording_context import RecordingContext

SHORTEST_S, LONGEST_S = 0.01, 0.2
MAX_LOOK = 1000  # jobs in one look
MAX_WATCHED = 100_000  # that have not ended; further ones are enqueued, and not watched
MAX_TEXT = 300
_FIELDS = ("status", "enqueued_at", "started_at", "ended_at")
_ENDED = ("finished", "failed", "stopped", "canceled")

Status = Literal["finished", "failed", "stopped", "canceled", "gone", "waiting"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job; `job.finished()` returns it.

    Attributes:
        status: RQ's "finished", "failed", "stopped" or "canceled"; "gone" where Redis has no
            such job any more, "waiting" where the time to wait was over before it ended.
        queue_wait: How long it waited in the queue, ms; None if it did not start.
        run_time: How long it ran, ms; None if it did not end.
        error: What it threw, in a line; None if it did not fail.

    Example::

        jobs = rq.queue("high", env("REDIS_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            outcome = await (await jobs.enqueue("time.time")).finished(timeout=10)
            check(outcome.queue_wait, {"soon": lambda ms: ms is not None and ms < 10_000})
    """

    status: Status
    queue_wait: float | None = None
    run_time: float | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Tell whether it has finished."""
        return self.status == "finished"


@dataclass(slots=True)
class Watched:
    """A job that has not ended."""

    op: operation
    place: RecordingContext
    ended: asyncio.Future[Outcome]


class JobWatch:
    """Watch the jobs of one queue, in one process and loop; `client` is redis-py's, and untimed."""

    def __init__(self, client: Any, queue: str, prefix: str) -> None:
        self._client = client
        self._tags = (("queue", queue),)
        self._prefix = prefix
        self._jobs: dict[str, Watched] = {}
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def add(self, id: str, name: str, place: RecordingContext) -> asyncio.Future[Outcome] | None:
        """Watch a job from now on; its operation begins. None where there are too many."""
        if len(self._jobs) >= MAX_WATCHED:
            return None
        op = operation(name, "job")
        op.__enter__()
        job = self._jobs[id] = Watched(op, place, self._loop.create_future())
        if self._task is None or self._task.done():
            # Not by the loop's factory: the end of the load cancels tasks of the script.
            self._task = asyncio.Task(self._look_on(), loop=self._loop)
        self._wake.set()
        return job.ended

    def close(self) -> None:
        """Look no more; what has not ended stays under way."""
        if self._task is not None:
            self._task.cancel()

    async def _look_on(self) -> None:
        pause_s = SHORTEST_S
        while True:
            if not self._jobs:
                self._wake.clear()
                await self._wake.wait()
                pause_s = SHORTEST_S
            await asyncio.sleep(pause_s)
            try:
                ended = await self._look()
            except Exception:  # Redis is away: the script's own commands tell of it
                ended = 0
            pause_s = SHORTEST_S if ended else min(pause_s * 1.5, LONGEST_S)

    async def _look(self) -> int:
        """Read the jobs once, and count how many have ended."""
        left, ended = list(self._jobs), 0
        for at in range(0, len(left), MAX_LOOK):
            some = left[at : at + MAX_LOOK]
            async with self._client.pipeline(transaction=False) as pipe:
                for id in some:
                    pipe.hmget(self._prefix + id, _FIELDS)
                found = await pipe.execute()
            for id, row in zip(some, found, strict=True):
                said = dict(zip(_FIELDS, map(_text, row), strict=True))
                if not said["status"] or said["status"] in _ENDED:
                    failed = said["status"] == "failed"
                    error = await last_line(self._client, self._prefix, id) if failed else None
                    self._end(self._jobs.pop(id), outcome(said, error))
                    ended += 1
        return ended

    def _end(self, job: Watched, found: Outcome) -> None:
        """Count a job by its own stamps; of one that is gone nobody knows how it ended."""
        if not job.ended.done():
            job.ended.set_result(found)
        if found.status == "gone":
            return
        for name, took_ms in (
            ("job_queue_wait", found.queue_wait),
            ("job_run_time", found.run_time),
        ):
            if took_ms is not None:
                measured(name, self._tags, job.place).add(round(took_ms * 1e6))
        measured("jobs_finished" if found.ok else "jobs_failed", self._tags, job.place).add(1)
        if not found.ok:
            job.op.fail((found.error or found.status).partition(":")[0])
        if found.queue_wait is not None and found.run_time is not None:
            job.op.took(round((found.queue_wait + found.run_time) * 1e6))
        job.op.__exit__(None, None, None)


def outcome(said: Mapping[str, str], error: str | None) -> Outcome:
    """Read what a job says of itself, when it has ended."""
    enqueued, started, ended = (
        _instant(said[name]) for name in ("enqueued_at", "started_at", "ended_at")
    )
    status: Any = said["status"] or "gone"
    return Outcome(status, _ms(enqueued, started), _ms(started, ended), error)


async def last_line(client: Any, prefix: str, id: str) -> str | None:
    """Return the last line of what a failed job threw; the result has it, in old RQs the job."""
    results = await client.xrevrange(f"rq:results:{id}", count=1)
    packed = results[0][1].get(b"exc_string") if results else None
    try:
        if packed is not None:
            text = zlib.decompress(b64decode(packed)).decode("utf-8", "replace")
        elif (stored := await client.hget(prefix + id, "exc_info")) is not None:
            text = zlib.decompress(stored).decode("utf-8", "replace")
        else:
            return None
    except (ValueError, zlib.error):
        return None
    lines = text.strip().splitlines()
    return printable(lines[-1])[:MAX_TEXT] if lines else None


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "replace")


def _instant(text: str) -> datetime | None:
    """Read a stamp of RQ: UTC in ISO 8601."""
    try:
        return datetime.fromisoformat(text.removesuffix("Z")) if text else None
    except ValueError:
        return None


def _ms(first: datetime | None, last: datetime | None) -> float | None:
    """Return what lies between two stamps; clocks of two machines may be apart, but not go back."""
    if first is None or last is None:
        return None
    return max(0.0, (last - first).total_seconds() * 1e3)
