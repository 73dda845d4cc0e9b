"""Which host runs a script. Another language is one line here."""

from __future__ import annotations

from fastbench.script.load.python_host import PythonHost
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.run_request import RunRequest


def host_of(request: RunRequest) -> ScriptHost:
    """Return the host of a script; nothing of the script is read."""
    return PythonHost(request)
