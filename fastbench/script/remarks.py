"""What a worker has to say once in a run: about a data file, about a body it could not unpack.

What is said before the worker has somebody to tell is kept until then.
"""

from __future__ import annotations

from collections.abc import Callable

Hear = Callable[[str, str, str], None]

MARKED_FAILED = "marked_failed"  # the code of what fails a run that goes on
_MOST = 100  # texts may hold what a server sends

_told: dict[tuple[str, str, str], None] = {}
_hear: Hear | None = None


def begin() -> None:
    """Forget what was said: another script is loaded."""
    global _hear
    _hear = None
    _told.clear()


def tell(code: str, text: str, hint: str) -> None:
    """Warn of something, unless the same was said before; at most 100 different warnings."""
    said = (code, text, hint)
    if said in _told or len(_told) >= _MOST:
        return
    _told[said] = None
    if _hear is not None:
        _hear(*said)


def texts() -> tuple[str, ...]:
    """Return what was said so far."""
    return tuple(text for _, text, _ in _told)


def hear(warn: Hear) -> None:
    """Give warnings to `warn` from now on, first of all those that were told already."""
    global _hear
    _hear = warn
    for said in _told:
        warn(*said)
