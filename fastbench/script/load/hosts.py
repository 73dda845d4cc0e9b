"""Which host runs a script. Another language is one line here."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import cast

from fastbench.foundation.files import JAVASCRIPT
from fastbench.script.load.python_host import PythonHost
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.run_request import RunRequest

# By the end of a script's name; what is not Python is imported when there is such a script.
_HOSTS = {
    **dict.fromkeys(JAVASCRIPT, ("load.k6_host", "K6Host")),
    ".yml": ("artillery.artillery_host", "ArtilleryHost"),
    ".yaml": ("artillery.artillery_host", "ArtilleryHost"),
}


def host_of(request: RunRequest) -> ScriptHost:
    """Return the host of a script; nothing of the script is read."""
    found = _HOSTS.get(os.path.splitext(request.script)[1].lower())
    if found is None:
        return PythonHost(request)
    module, name = found
    host = getattr(import_module(f"fastbench.script.{module}"), name)
    return cast(Callable[[RunRequest], ScriptHost], host)(request)
