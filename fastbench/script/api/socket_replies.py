"""What a script waits for on a WebSocket: the message that matches, and for how long."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson

from fastbench.foundation.usage_error import UsageError

Message = str | bytes
Match = Callable[[Message], object] | Mapping[str, object]


class _Ready:
    """There is room to send: who awaits it need not wait."""

    def __await__(self) -> Any:
        return iter(())


READY = _Ready()


async def nothing() -> None:
    """Give None, as a socket that never opened does."""
    return None


async def no_messages() -> AsyncIterator[Message]:
    """Give the messages of a socket that never opened."""
    return
    yield ""


def limit_s(timeout: float | None) -> float:
    """Return a timeout as the connection takes it: 0 is none."""
    if timeout is None or timeout == math.inf:
        return 0.0
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or math.isnan(timeout):
        raise UsageError(f"timeout is a number of seconds, not {timeout!r}.")
    return max(float(timeout), 1e-6)


def matching(match: Match | None) -> Callable[[Message], object] | None:
    """Return the function that tells which message is meant; raises UsageError."""
    if match is None or callable(match):
        return match
    if not isinstance(match, Mapping):
        raise UsageError(f"match= is a function or a dict, not {type(match).__name__}.")
    wanted = dict(match)

    def takes(message: Message) -> bool:
        try:
            found = orjson.loads(message)
        except ValueError:
            return False
        return isinstance(found, dict) and all(
            key in found and found[key] == value for key, value in wanted.items()
        )

    return takes
