"""What the kernel shows of itself in files, and psutil on top: never an exception.

In a container, a sandbox or behind a mask (proc(5): hidepid, subset=pid; lxcfs) any of these files
may be missing, empty, unreadable or other than documented. A run must not be lost for that: what
is not there reads as nothing, and whoever asks says "not visible".
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

_MAX = 1 << 63  # a JSON number, and any counter of the kernel's, is less
_DIGITS = 19

T = TypeVar("T")


def text(path: str) -> str:
    """Return a file, "" if it cannot be read; what is no UTF-8 is kept as surrogates."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def rows(path: str, most: int = -1) -> Iterator[list[str]]:
    """Give the lines of a file in words, at most `most` + 1; those it has until it cannot be read.

    It is read as far as the rows are taken: a table of sockets may be long.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                yield line.rstrip("\n").split(None, most)
    except (OSError, ValueError):
        return


def table(path: str) -> dict[str, list[str]]:
    """Return a file of lines `name word …`, with or without a colon; the first of each name."""
    found: dict[str, list[str]] = {}
    for name, *words in filter(None, rows(path)):
        found.setdefault(name.rstrip(":"), words)
    return found


def names(folder: str) -> list[str]:
    """List a folder, nothing if it cannot be read."""
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return []


def links(folder: str) -> Iterator[str]:
    """Give what the links in a folder point to; some may go meanwhile."""
    for name in names(folder):
        try:
            yield os.readlink(f"{folder}/{name}")
        except (OSError, ValueError):
            continue


def whole(word: str) -> int | None:
    """Return a count, None for what is none."""
    if not (word.isascii() and word.isdecimal() and len(word) <= _DIGITS):
        return None
    number = int(word)
    return number if number < _MAX else None


def real(word: str) -> float | None:
    """Return a finite number from 0 on, None for what is none."""
    try:
        number = float(word)
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None


def or_default(call: Callable[[], T], default: T) -> T:
    """Return what psutil says, or the default.

    It raises its own errors for processes that are gone or somebody else's, and whatever its
    parsing meets (IndexError, ValueError, KeyError, FileNotFoundError …) in a damaged /proc.
    """
    try:
        return call()
    except Exception:
        return default
