"""What a script may have meant by a name that there is not: `vu.sleep`, `response.status_code`."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import fastbench
from fastbench.engine.client._client import Exchange
from fastbench.foundation.nearest import nearest

_IMPORTED = re.compile(r"cannot import name '(\w+)' from 'fastbench'")
# What other clients of HTTP call it.
_ELSEWHERE = {
    "content": "body",
    "elapsed": "timings.duration",  # ms
    "status_code": "status",
    "websocket": "ws",
}


def hint(error: BaseException) -> str:
    """Return what to write instead, to be put behind the message; "" where nobody knows."""
    if isinstance(error, ImportError):
        wanted = _IMPORTED.match(str(error))
        near = nearest(wanted[1], fastbench.__all__) if wanted is not None else []
        return f"; did you mean `{near[0]}`?" if near else ""
    if not isinstance(error, AttributeError) or not error.name:
        return ""
    if isinstance(error.obj, Exchange):
        return "; await the request first: response = await vu.get(...)"
    return _of_attribute(error.obj, error.name)


def _of_attribute(holder: object, name: str) -> str:
    module = holder.__name__ if isinstance(holder, ModuleType) else type(holder).__module__
    if module.partition(".")[0] != "fastbench":
        return ""
    there = [each for each in dir(holder) if not each.startswith("_")]
    if (other := _ELSEWHERE.get(name)) is not None and other.partition(".")[0] in there:
        return f"; it is called `{other}` here"
    if name in fastbench.__all__ and holder is not fastbench:
        wait = "await " if inspect.iscoroutinefunction(getattr(fastbench, name)) else ""
        return f"; write `from fastbench import {name}`, then `{wait}{name}(…)`"
    near = nearest(name, there)
    return f"; did you mean `{near[0]}`?" if near else ""
