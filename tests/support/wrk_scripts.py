"""Scripts of wrk for tests: the states of one, as a run makes them."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

from fastbench.plan.network.resolve import Endpoint
from fastbench.plan.wrk_script import WrkScript
from fastbench.run.lua.lua_threads import LuaThreads

__all__ = ["LOCAL", "script", "threads"]

LOCAL = Endpoint(socket.AF_INET, "127.0.0.1", 8080)


def script(source: str, path: str | Path = "some/where/load.lua", **more: object) -> WrkScript:
    """Return a script that loads http://localhost:8080/."""
    of: dict[str, object] = {
        **{"scheme": "http", "host": "localhost", "port": 8080, "target": b"/", "method": "GET"},
        **{"headers": (), "body": None, "arguments": (b"http://localhost:8080/",)},
        **more,
    }
    return WrkScript(str(path), source.encode(), **of)  # type: ignore[arg-type]


def threads(
    source: str, workers: int = 1, path: str | Path = "load.lua", **more: object
) -> LuaThreads:
    """Return the states of a script, set up for so many workers."""
    found = script(source, path, **more)
    return LuaThreads(found, (replace(LOCAL, port=found.port or 80),), workers, 1.0)
