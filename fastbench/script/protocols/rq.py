"""Queues of RQ: `jobs = rq.queue("high", env("REDIS_URL"))`, then `await jobs.enqueue(…)`.

1. Jobs are stored by RQ's own code, so that RQ's own workers run them. To enqueue is an operation
   of kind job ("enqueue high"); the job itself is another, named after its function, from the
   moment it was enqueued until it ended.
2. job_queue_wait, job_run_time, jobs_finished and jobs_failed come from what the worker wrote into
   the job, also where nobody waits for `finished()`. A job that has not ended when the run does is
   under way.
3. Identifiers of our jobs begin with a mark of the run, so that `clear()` removes no others.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable
from typing import Any

from fastbench.foundation.usage_error import UsageError
from fastbench.script import extras, remarks, values
from fastbench.script.api.operations import operation
from fastbench.script.closing import PerLoop
from fastbench.script.protocols import redis
from fastbench.script.protocols.job_watch import JobWatch, Outcome
from fastbench.script.recording_context import PLACE

__all__ = ["Job", "JobQueue", "Outcome", "queue"]

_REGISTRIES = ("finished", "failed", "canceled", "deferred", "scheduled")
_VERSION = (7, 0, 0)  # of Redis; RQ asks for it, and what we call does not depend on it
# Keeps what others enqueued, in its order. KEYS: the queue, its registries; ARGV: the mark of our
# jobs ("" takes all), RQ's prefix of jobs.
_CLEAR = """
local mark, removed = ARGV[1], 0
local function ours(id) return string.sub(id, 1, #mark) == mark end
local function forget(id)
    redis.call('del', ARGV[2] .. id, ARGV[2] .. id .. ':dependents', 'rq:results:' .. id)
    removed = removed + 1
end
local ids = redis.call('lrange', KEYS[1], 0, -1)
redis.call('del', KEYS[1])
for _, id in ipairs(ids) do
    if ours(id) then forget(id) else redis.call('rpush', KEYS[1], id) end
end
for at = 2, #KEYS do
    for _, id in ipairs(redis.call('zrange', KEYS[at], 0, -1)) do
        if ours(id) then redis.call('zrem', KEYS[at], id); forget(id) end
    end
end
return removed
"""


def queue(name: str, url: str | None, *, pool: int = 50, timeout: Any = 30.0) -> JobQueue:
    """Name a queue of RQ; no connection is made yet. Call it at the top of a script.

    Jobs are stored by RQ's own code, and its own workers run them. To enqueue is an operation of
    kind job; the job is another one, from the moment it was enqueued until it ended.

    Args:
        name: Name of the queue.
        url: URL of its Redis.
        pool: How many connections each worker of the run has at most.
        timeout: Time limit of an answer of Redis: seconds, or a text such as "5s"; default 30 s.

    Returns:
        The queue, a `JobQueue`.

    Raises:
        UsageError: The name is empty, the URL none of a Redis, or RQ is not installed.

    Example::

        jobs = rq.queue("high", env("REDIS_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            await jobs.enqueue("time.time")
    """
    if not isinstance(name, str) or not name:
        raise UsageError('A queue needs a name, for example rq.queue("high", env("REDIS_URL")).')
    settings = redis.settings(pool, timeout, "rq.queue()") | {"decode_responses": False}
    return JobQueue(name, redis.checked(url, "rq.queue()"), settings)


class Job:
    """A job that was enqueued.

    Attributes:
        id: RQ's identifier of it.

    Example::

        jobs = rq.queue("high", env("REDIS_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            job = await jobs.enqueue("time.time")
            outcome = await job.finished("10s")
            check(outcome, {"finished": lambda o: o.ok})
    """

    __slots__ = ("_ended", "id")

    def __init__(self, id: str, ended: asyncio.Future[Outcome] | None) -> None:
        self.id: str = id
        self._ended = ended

    async def finished(self, timeout: Any = 60.0) -> Outcome:
        """Wait until a worker has run it. A job that failed raises nothing.

        Args:
            timeout: For how long to wait: seconds, or a text such as "30s"; default 60 s.

        Returns:
            What became of it, an `Outcome`; its status is "waiting" when the time is over.

        Raises:
            UsageError: The timeout is no time.

        Example::

            jobs = rq.queue("high", env("REDIS_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                job = await jobs.enqueue("time.time")
                outcome = await job.finished(timeout=10)
                check(outcome, {"in time": lambda o: o.status != "waiting"})
        """
        limit_s = values.duration_s(timeout, "timeout of finished()")
        if self._ended is None:
            return Outcome("waiting")
        done, _ = await asyncio.wait([self._ended], timeout=limit_s)
        return self._ended.result() if done else Outcome("waiting")

    def __repr__(self) -> str:
        return f"<job {self.id}>"


class JobQueue:
    """A queue of RQ, as `rq.queue()` returns it.

    Attributes:
        name: Its name.

    Example::

        jobs = rq.queue("high", env("REDIS_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            await jobs.enqueue("time.sleep", 0.01)
            check(await jobs.depth(), {"short": lambda waiting: waiting < 100})
    """

    def __init__(self, name: str, url: str, settings: dict[str, Any]) -> None:
        self.name = name
        self._url = url
        self._settings = settings
        self._mark = f"fastbench-{os.getppid():x}-"  # of all workers of a run
        self._homes = PerLoop(self._connected, self._disconnect)
        self._library = _library()
        self._queue = self._library.Queue(name, connection=_never_connected(url))
        self._queue.redis_server_version = _VERSION
        redis.connected(url, settings)  # says what is wrong while the script loads

    async def enqueue(self, function: str | Callable[..., Any], *args: Any, **more: Any) -> Job:
        """Put a job into the queue.

        Args:
            function: A path that the workers can import ("module.function"), or the function.
            args: Its arguments.
            more: Its arguments by name, and RQ's own: `job_timeout`, `result_ttl`, `at_front`…

        Returns:
            The job.

        Raises:
            UsageError: `result_ttl` is 0: its times could not be read.
            redis.RedisError: Redis cannot be reached, or refuses it.

        Example::

            jobs = rq.queue("high", env("REDIS_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                job = await jobs.enqueue("time.sleep", 0.01, job_timeout=5)
                await job.finished(timeout=10)
        """
        if more.get("result_ttl") == 0:
            raise UsageError(
                "result_ttl=0 removes a job before its times can be read; let it live for a second "
                "or more (result_ttl=1)."
            )
        client, watch = self._homes.get()
        with operation(f"enqueue {self.name}", "job") as op:
            id = more.pop("job_id", None) or self._mark + uuid.uuid4().hex
            recorded = _recorder(self._queue.connection)
            self._queue.enqueue(function, *args, job_id=id, pipeline=recorded, **more)
            op.bytes_out = sum(map(_size, recorded.commands))
            try:
                async with client.pipeline(transaction=True) as pipe:
                    for command in recorded.commands:
                        pipe.execute_command(*command)
                    await pipe.execute()
            except redis.RedisError as error:
                op.fail(redis.reason_of(error))
                raise
        ended = watch.add(id, _name(function), PLACE.get())
        if ended is None:
            remarks.tell(
                "jobs_unwatched",
                f"queue {self.name}: more than 100,000 jobs had not ended; what became of further "
                "ones is not counted",
                "start more RQ workers, or enqueue fewer jobs",
            )
        return Job(id, ended)

    async def depth(self) -> int:
        """Ask how many jobs wait in the queue, whoever enqueued them.

        Returns:
            Their number.

        Raises:
            redis.RedisError: Redis cannot be reached.

        Example::

            jobs = rq.queue("high", env("REDIS_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                check(await jobs.depth(), {"short": lambda waiting: waiting < 100})
        """
        client, _ = self._homes.get()
        return int(await client.llen(self._queue.key))

    async def clear(self, everything: bool = False) -> int:
        """Remove the jobs of this run that wait or have ended; those that run are left alone.

        Args:
            everything: Remove also those that others enqueued.

        Returns:
            How many were removed.

        Raises:
            redis.RedisError: Redis cannot be reached.

        Example::

            jobs = rq.queue("high", env("REDIS_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                await jobs.enqueue("time.time")
                await jobs.clear()
        """
        client, _ = self._homes.get()
        keys = [self._queue.key, *(f"rq:{each}:{self.name}" for each in _REGISTRIES)]
        mark = "" if everything else self._mark
        return int(await client.eval(_CLEAR, len(keys), *keys, mark, self._prefix))

    async def close(self) -> None:
        """Close the connections of this worker; its jobs are watched no longer.

        Example::

            jobs = rq.queue("high", env("REDIS_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                await jobs.enqueue("time.time")
                await jobs.close()
        """
        await self._homes.close()

    @property
    def _prefix(self) -> str:
        return str(self._library.job.Job.redis_job_namespace_prefix)

    def _connected(self) -> tuple[Any, JobWatch]:
        client = redis.connected(self._url, self._settings)
        return client, JobWatch(client, self.name, self._prefix)

    async def _disconnect(self, held: tuple[Any, JobWatch]) -> None:
        client, watch = held
        watch.close()
        await redis.disconnect(client)

    def __repr__(self) -> str:
        return f"<queue {self.name}>"


def _library() -> Any:
    return extras.load("rq", extra="rq", what="rq.queue()")


def _never_connected(url: str) -> Any:
    """Return a synchronous client for RQ, which is to write its commands down only."""
    return extras.load("redis", extra="rq", what="rq.queue()").Redis.from_url(url)


def _recorder(connection: Any) -> Any:
    """Return a pipeline that keeps the commands it is given."""
    recorded = connection.pipeline()
    recorded.commands = []

    def execute_command(*args: Any, **more: Any) -> Any:
        recorded.commands.append(args)
        return recorded

    recorded.execute_command = execute_command
    return recorded


def _size(command: tuple[Any, ...]) -> int:
    return sum(len(each if isinstance(each, str | bytes) else str(each)) for each in command)


def _name(function: str | Callable[..., Any]) -> str:
    if isinstance(function, str):
        return function
    return f"{function.__module__}.{function.__qualname__}"
