"""Whose module an import gets, in a process that also runs scripts.

1. A script's folder comes first on the search path, as with `python SCRIPT.py`. A `json.py` in it
   would be taken for the standard library's by whoever imports that late: we, aiohttp, asyncio. So
   names of the standard library are always its own, and those of our dependencies theirs.
2. After the script's folder comes the root of its project, so that `scenarios/x.py` finds `lib/`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# What we import ourselves, some of it late.
OURS = frozenset(
    (
        *("aiohttp", "idna", "orjson", "psutil", "uvloop", "zstandard"),
        *("asyncmy", "asyncpg", "jinja2", "redis", "rq"),  # extras
    )
)
ROOT_MARKS = ("lib", ".git", "pyproject.toml")
# These have a lib, too, which is no project's: hier(7).
_SYSTEMS = frozenset(("/", "/usr", "/usr/local", "/var"))

_added: list[str] = []  # folders on the search path that are a script's, or whoever's


class _OwnFirst:
    """Find the standard library's modules, and those of our dependencies, where they belong."""

    def __init__(self) -> None:
        library = os.path.dirname(os.__file__)
        own = (library, os.path.join(library, "lib-dynload"))
        self._paths = [
            path
            for path in sys.path
            if path in own or path.endswith(("/lib-dynload", ".zip"))  # of another prefix
        ]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of that name is, None to let others look."""
        if path is not None:  # a part of a package, which is known
            return None
        if name in sys.stdlib_module_names:
            return PathFinder.find_spec(name, self._paths, target)
        if name in OURS and _added:
            return PathFinder.find_spec(name, [p for p in sys.path if p not in _added], target)
        return None


def standard_first(folders: Iterable[str] = ()) -> None:
    """From now on let no file elsewhere be taken for a module of the standard library.

    Nor one of these folders for a module of our dependencies, if that is installed.
    """
    _added.extend(folders)
    if not any(isinstance(finder, _OwnFirst) for finder in sys.meta_path):
        at = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
        sys.meta_path.insert(at, _OwnFirst())


def add(folder: str) -> None:
    """Let a script find its siblings, and what is in the root of its project."""
    standard_first()
    root = project_root(folder)
    for path in filter(None, (root, folder)):
        if path not in sys.path:
            sys.path.insert(0, path)
            _added.append(path)


def is_taken(name: str) -> bool:
    """Tell whether a script's own module of that name would not be found."""
    return name in OURS or name in sys.stdlib_module_names


def project_root(folder: str) -> str | None:
    """Return the nearest folder from this one upwards that looks like a project's root."""
    path = os.path.abspath(folder)
    while path not in _SYSTEMS:
        if any(os.path.exists(os.path.join(path, mark)) for mark in ROOT_MARKS):
            return path
        path = os.path.dirname(path)
    return None
