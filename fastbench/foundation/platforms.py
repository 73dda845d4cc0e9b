"""Where fastbench runs; `setup.py` asks as well, without importing the package."""

from __future__ import annotations

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
