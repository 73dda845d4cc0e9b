"""Where fastbench runs, and from where; `setup.py` asks as well, without importing the package."""

from __future__ import annotations

import os
import shlex
import sys

_CURES = {
    "darwin": "on macOS use a container (Docker, Podman) or a virtual machine with Linux",
    "win32": "on Windows use WSL 2",
    "cygwin": "on Windows use WSL 2",
}
_ELSEWHERE = "use a machine or a container with Linux"


def refusal(platform: str) -> str:
    """Return one sentence for a `sys.platform` that is not supported, "" for Linux."""
    if platform == "linux":
        return ""
    cure = _CURES.get(platform, _ELSEWHERE)
    return f"Only Linux is supported (epoll): {cure} (docs/install.md)."


def install_command(extra: str) -> str:
    """Return what installs an extra here: in a clone make does, as no index need have the package.

    >>> install_command("lua")
    "pip install 'fastbench-http[lua]'"
    """
    clone = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    made = os.path.realpath(sys.prefix) == os.path.join(clone, ".venv")
    if not (made and os.path.isfile(os.path.join(clone, "Makefile"))):
        return f"pip install 'fastbench-http[{extra}]'"
    place = "" if os.path.realpath(os.curdir) == clone else f"-C {shlex.quote(clone)} "
    return f"make {place}extra NAMES={extra}"
