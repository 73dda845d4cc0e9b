"""What program serves an address: its file, its arguments, its environment; from proc(5).

Two servers run the same program when both are the same file and have the same arguments, but for
the port of each. Files that they read may differ all the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastbench.machine import processes

_PORT = "{port}"
_OF_THE_SHELL = frozenset({"_", "OLDPWD", "SHLVL"})  # differ from start to start by themselves


@dataclass(frozen=True, slots=True)
class Program:
    """A server's process. `file` is device and inode; the port is left out of all words."""

    pid: int
    file: tuple[int, int]
    arguments: tuple[bytes, ...]
    environment: dict[str, bytes] = field(repr=False)


def serving(hosts: Sequence[str], port: int, unix_path: str | None) -> Program | None:
    """Return the program that serves an address of this machine; None where it is not visible."""
    targets = processes.find_all(hosts, port, unix_path).targets
    if not targets:
        return None
    pid = min(each.pid for each in targets)
    place = str(port) if unix_path is None else unix_path
    try:
        file = os.stat(f"/proc/{pid}/exe")
        words = _words(f"/proc/{pid}/cmdline", place)
        rows = [word.partition(b"=") for word in _words(f"/proc/{pid}/environ", place)]
    except OSError:  # gone, or somebody else's
        return None
    environment = {os.fsdecode(name): value for name, _, value in rows if name}
    return Program(pid, (file.st_dev, file.st_ino), tuple(words), environment)


def same(one: Program | None, other: Program | None) -> bool:
    """Tell whether these are two processes of one program; False where one is not known."""
    if one is None or other is None or one.pid == other.pid:
        return False
    return (one.file, one.arguments) == (other.file, other.arguments)


def differing(one: Program, other: Program) -> list[str]:
    """Name the variables of the environment that differ; their values may be secret."""
    names = {*one.environment, *other.environment} - _OF_THE_SHELL
    return sorted(
        name for name in names if one.environment.get(name) != other.environment.get(name)
    )


def _words(path: str, place: str) -> list[bytes]:
    """Return the words of a file of /proc, `place` in them replaced. Raises OSError."""
    with open(path, "rb") as file:
        words = file.read().rstrip(b"\0").split(b"\0")
    whole = re.compile(rb"(?<!\d)" + re.escape(os.fsencode(place)) + rb"(?!\d)")
    return [whole.sub(_PORT.encode(), word) for word in words]
