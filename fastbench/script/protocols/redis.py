"""Redis: `store = redis.open(env("REDIS_URL"))`, then `await store.incr("calls")` in any function.

1. Every command of redis-py is a method. A command is an operation of kind redis, named as Redis
   names it ("incr"); a pipeline is one operation. Each also counts in redis_duration{command}.
2. What Redis refuses raises redis-py's own exceptions, `redis.RedisError` is their base; the
   operation counts as failed. Nothing is tried again: a retry would hide what a user waits for.
3. Connections are of one worker, at most `pool` of them. A command that has to wait for one takes
   that much longer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.script import extras, values
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation
from fastbench.script.closing import PerLoop

POOL = 50
TIMEOUT_S = 30.0
_SCHEMES = ("redis://", "rediss://", "unix://")


def open(url: str | None, *, pool: int = POOL, timeout: Any = TIMEOUT_S, **options: Any) -> Store:
    """Name a Redis; no connection is made yet. Call it at the top of a script.

    Every command is an operation of kind redis, named as Redis names it, and a sample of
    redis_duration. Nothing is tried again: a retry would hide what a user waits for.

    Args:
        url: `redis://:password@host:6379/0`, `rediss://…` (TLS) or `unix:///path.sock?db=0`.
        pool: How many connections each worker has at most.
        timeout: Time limit of connecting and of an answer: seconds, or "5s"; default 30 s.
        options: Those of redis-py's `Redis`; texts come as str unless `decode_responses=False`.

    Returns:
        The Redis, a `Store`.

    Raises:
        UsageError: The URL is none of a Redis, or redis-py is not installed.

    Example::

        store = redis.open(env("REDIS_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            await store.incr("calls")
    """
    return Store(checked(url, "redis.open()"), settings(pool, timeout, "redis.open()") | options)


def checked(url: object, what: str) -> str:
    """Return the URL of a Redis; raises UsageError where it is none.

    :meta private:
    """
    if not isinstance(url, str) or not url:
        raise UsageError(
            f"{what} needs the URL of a Redis, for example redis://localhost:6379/0; give the one "
            "that env() reads with -e NAME=URL."
        )
    if not url.startswith(_SCHEMES):
        shown = redact.printable(redact.url(url))
        raise UsageError(f"{what}: {shown} is no URL of a Redis; it begins with redis://.")
    return url


def connected(url: str, options: dict[str, Any]) -> Any:
    """Return a client of redis-py whose commands nobody times; its connections come later.

    :meta private:
    """
    library = extras.load("redis.asyncio", extra="redis", what="Redis")
    retry = extras.load("redis.asyncio.retry", extra="redis", what="Redis")
    backoff = extras.load("redis.backoff", extra="redis", what="Redis")
    never = retry.Retry(backoff.NoBackoff(), 0)
    try:
        pool = library.BlockingConnectionPool.from_url(url, **{"retry": never, **options})
    except (ValueError, TypeError) as error:
        shown = redact.printable(redact.url(url))
        said = redact.printable(redact.text(str(error)))
        raise UsageError(f"redis.open(): {shown} cannot be used: {said}.") from None
    return library.Redis(connection_pool=pool)


def reason_of(error: Exception) -> str:
    """Say in a few words why a command failed.

    :meta private:
    """
    kind, text = type(error).__name__, str(error)
    if kind == "TimeoutError":
        return "timed out"
    if kind in ("AuthenticationError", "AuthorizationError"):
        return "sign-in refused"
    if kind == "ConnectionError":
        return "connection refused" if "refused" in text else "connection lost"
    code = text.partition(" ")[0]
    return code if kind == "ResponseError" and code.isupper() and len(code) > 2 else kind


async def disconnect(client: Any) -> None:
    """Close the connections of a client.

    :meta private:
    """
    await client.aclose()
    await client.connection_pool.disconnect()


class Store:
    """A Redis, as `redis.open()` returns it. Each command of redis-py is a method of it.

    What Redis refuses raises redis-py's exceptions, `redis.RedisError` is their base; the operation
    counts as failed.

    Example::

        store = redis.open(env("REDIS_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            await store.set("greeting", "hello", ex=60)
            try:
                await store.lpush("greeting", "x")
            except redis.RedisError:
                pass  # it is a text, not a list
    """

    def __init__(self, url: str, options: dict[str, Any], *, plain: bool = False) -> None:
        """`plain` answers are what Redis sent, and not what redis-py makes of them."""
        self._plain = plain
        self._url = url
        self._options = options
        self._clients = PerLoop(self._timed_client, disconnect)
        connected(url, options)  # says what is missing or wrong while the script loads

    def pipeline(self, transaction: bool = True, name: str = "pipeline") -> Any:
        """Collect commands, to be sent together; `execute()` is one operation.

        Args:
            transaction: Let Redis run them as one (MULTI, EXEC).
            name: Name of the operation.

        Returns:
            redis-py's pipeline.

        Example::

            store = redis.open(env("REDIS_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                async with store.pipeline(name="two at once") as pipe:
                    pipe.incr("calls").incr("calls")
                    await pipe.execute()
        """
        pipe = self._clients.get().pipeline(transaction=transaction)
        pipe.execute = partial(_timed, name, pipe.execute)
        at_once = pipe.immediate_execute_command

        async def immediate_execute_command(*args: Any, **more: Any) -> Any:
            return await _timed(_name(args), at_once, *args, **more)

        pipe.immediate_execute_command = immediate_execute_command  # under WATCH
        return pipe

    async def close(self) -> None:
        """Close the connections of this worker; the next command makes new ones.

        Example::

            store = redis.open(env("REDIS_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                await store.incr("calls")
                await store.close()
        """
        await self._clients.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._clients.get(), name)

    def _timed_client(self) -> Any:
        client = connected(self._url, self._options)
        if self._plain:
            client.response_callbacks.clear()
        execute = client.execute_command

        async def execute_command(*args: Any, **more: Any) -> Any:
            return await _timed(_name(args), execute, *args, **more)

        client.execute_command = execute_command
        return client

    def __repr__(self) -> str:
        return f"<redis {redact.printable(redact.url(self._url))}>"


@cache
def _errors() -> type[Exception]:
    found: type[Exception] = extras.load("redis.exceptions", extra="redis", what="Redis").RedisError
    return found


async def _timed(name: str, call: Callable[..., Awaitable[Any]], /, *args: Any, **more: Any) -> Any:
    """Call it, as an operation of this name."""
    errors = _errors()
    op = operation(name, "redis")
    try:
        with op:
            try:
                found = await call(*args, **more)
            except errors as error:
                op.fail(reason_of(error))
                raise
            if isinstance(found, list):  # of a pipeline, errors may be values
                failed = next((each for each in found if isinstance(each, errors)), None)
                if failed is not None:
                    op.fail(reason_of(failed))
            return found
    finally:
        if op.ended:
            measured("redis_duration", (("command", name),)).add(op.duration_ns)


def _name(args: tuple[Any, ...]) -> str:
    """Name a command as Redis does; redis-py writes `incr` as INCRBY 1."""
    first = args[0]
    name = (first.decode() if isinstance(first, bytes) else str(first)).lower()
    return name.removesuffix("by") if name in ("incrby", "decrby") and args[2:] == (1,) else name


def settings(pool: int, timeout: Any, what: str) -> dict[str, Any]:
    """Return what a client of redis-py is made with.

    :meta private:
    """
    limit_s = values.duration_s(timeout, f"timeout of {what}") or None
    return {
        "max_connections": values.count(pool, f"pool of {what}", most=100_000),
        "timeout": limit_s,
        "socket_timeout": limit_s,
        "socket_connect_timeout": limit_s,
        "decode_responses": True,
    }


def __getattr__(name: str) -> Any:
    """Return an exception of redis-py, as `redis.RedisError`."""
    if not name.startswith("_"):
        found = getattr(extras.load("redis.exceptions", extra="redis", what="Redis"), name, None)
        if found is not None:
            return found
    raise AttributeError(
        f"fastbench's redis has no {name}: it has open(url); for the library itself write "
        "`import redis` below `from fastbench import …`"
    )
