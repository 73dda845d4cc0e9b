"""A script of k6 after its run: what its handleSummary() returns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from fastbench.foundation import redact, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.script.load.k6_host import K6Host
from fastbench.script.run_request import RunRequest


class Ended:
    """A script of k6 after its run, loaded once more in this process: for its summary."""

    def __init__(self, request: RunRequest) -> None:
        """Raises what the script throws."""
        self._host = K6Host(request)
        self._host.load(lambda shared, limit: 0)
        self.options = self._host.options
        self.metrics = frozenset(self._host.declared.metrics)

    def handled(self, data: object, limit_s: float | None = None) -> dict[str, str | bytes]:
        """Call handleSummary(data), if it has one; return its texts by their place.

        It may wait and have timers. Raises what it throws, and UsageError: it returns something
        else, takes longer than `limit_s` (handleSummaryTimeout, else 120), or a signal came.
        """
        from fastbench.script.k6 import k6_settings

        limit_s = limit_s or k6_settings.summary_limit_s(self.options)
        user = self._host.instance()
        function = user.export("handleSummary")
        if function is None or not function.callable:
            return {}
        argument = user.js.realm.parse(json.dumps(data).encode())
        result = asyncio.run(_bounded(user.js.call(function, argument), limit_s))
        made = None if result is None else result.copy()
        if made is None:
            return {}
        if not isinstance(made, dict):
            raise UsageError("handleSummary() must return an object of places and texts.")
        for place, content in made.items():
            if not isinstance(content, str | bytes):
                raise UsageError(
                    f"What handleSummary() returns for {redact.printable(place) or 'an empty name'}"
                    " is neither a text nor an ArrayBuffer; use JSON.stringify()."
                )
        return made


async def _bounded(call: Awaitable[Any], limit_s: float) -> Any:
    """Return what a call returns; the first signal ends it. Raises UsageError."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(_awaited(call))
    # After a signal that ended the run the summary is still wanted; then the second one ends all.
    heard = (
        signals.held()
        if signals.came()
        else signals.heard(lambda: loop.call_soon_threadsafe(task.cancel))
    )
    with heard:
        ended, _ = await asyncio.wait({task}, timeout=limit_s)
    if not ended:
        task.cancel()
        await asyncio.wait({task})
        raise UsageError(f"it took longer than {limit_s:g} s.")
    if task.cancelled():
        raise UsageError("it was interrupted.")
    return task.result()


async def _awaited(call: Awaitable[Any]) -> Any:
    return await call
