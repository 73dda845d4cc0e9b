"""Which host runs a script. Another language is one function and its line in the table."""

from __future__ import annotations

import os
from collections.abc import Callable

from fastbench.foundation.files import JAVASCRIPT
from fastbench.script.load.python_host import PythonHost
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.run_request import RunRequest


def _k6(request: RunRequest) -> ScriptHost:
    from fastbench.script.load.k6_host import K6Host

    return K6Host(request)


def _artillery(request: RunRequest) -> ScriptHost:
    from fastbench.script.load.artillery_host import ArtilleryHost

    return ArtilleryHost(request)


# By the end of a script's name; what is not Python is imported when there is such a script.
_HOSTS: dict[str, Callable[[RunRequest], ScriptHost]] = {
    **dict.fromkeys(JAVASCRIPT, _k6),
    ".yml": _artillery,
    ".yaml": _artillery,
}


def host_of(request: RunRequest) -> ScriptHost:
    """Return the host of a script; nothing of the script is read."""
    make = _HOSTS.get(os.path.splitext(request.script)[1].lower(), PythonHost)
    return make(request)
