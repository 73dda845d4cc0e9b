"""How a run goes, told to who started it together with others: a line of JSON in a pipe.

A pipe that nobody reads fast enough loses figures, and costs the run nothing.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from fastbench.results import resolution
from fastbench.run.sampling import Progress

VARIABLE = "FASTBENCH_FIGURES"  # the descriptor that they are written to
LINES_VARIABLE = "FASTBENCH_LINES"  # how often a run of a suite writes a line, and its name there
EVERY_S = 0.25
KIND = "figures"
NAME_COLUMNS = 40
_MAX_NOTICES = 3
_MAX_NOTICE = 200  # so that a line is written whole: PIPE_BUF, pipe(7)


def line_name(name: str) -> str:
    """Return a run's name as its lines begin with it: of a long one the end, which tells most."""
    return name if len(name) <= NAME_COLUMNS else "~" + name[1 - NAME_COLUMNS :]


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What of a Progress is shown in one line; `tail` names the percentile `tail_ms`."""

    elapsed_s: float
    length_s: float | None
    share: float | None
    rate: float
    per_s: str
    p50_ms: float
    tail: str
    tail_ms: float
    errors: int
    vus: int | None
    failing: int
    warming: bool
    notices: tuple[str, ...]

    @classmethod
    def of(cls, now: Progress, duration_s: float | None, requests: int | None) -> LiveFigures:
        """Return those of a run with this plan; either may be None."""
        users = now.users
        return cls(
            elapsed_s=now.elapsed_s,
            length_s=now.length_s(duration_s),
            share=now.share(duration_s, requests),
            rate=now.rate,
            per_s=now.per_s,
            p50_ms=now.p50_ms,
            tail=resolution.tail(None if now.row is None else now.row.ok + now.row.timeouts),
            tail_ms=now.p99_ms,
            errors=now.errors,
            vus=None if users is None else users.vus,
            failing=len(now.failing),
            warming=now.warming,
            notices=tuple(each[:_MAX_NOTICE] for each in now.notices[:_MAX_NOTICES]),
        )

    @classmethod
    def read(cls, body: Any) -> LiveFigures | None:
        """Return what a line holds, None where it is of another version."""
        names = {part.name for part in fields(cls)}
        return cls(**body) if isinstance(body, dict) and body.keys() == names else None


class FiguresPipe:
    """Tell them, in the place of a live view."""

    follower = None  # of snapshots: what is told stands in Progress

    def __init__(self, fd: int, duration_s: float | None, requests: int | None) -> None:
        self._fd = fd
        self._plan = duration_s, requests
        self._next_s = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End; the pipe stays open until the process ends."""

    def update(self, now: Progress) -> None:
        """Tell the figures, but not more than four times a second."""
        if (now_s := time.monotonic()) < self._next_s or self._fd < 0:
            return
        self._next_s = now_s + EVERY_S
        from fastbench.run.child import encoded

        try:
            os.write(self._fd, encoded(KIND, asdict(LiveFigures.of(now, *self._plan))))
        except BlockingIOError:
            return
        except OSError:
            self._fd = -1  # nobody reads any more


def pipe(duration_s: float | None, requests: int | None) -> FiguresPipe | None:
    """Return who tells them, None where nobody asked; what this run starts is not asked."""
    word = os.environ.pop(VARIABLE, "")
    if not word.isdecimal():
        return None
    fd = int(word)
    try:
        os.set_inheritable(fd, False)
        os.set_blocking(fd, False)
    except OSError:
        return None
    return FiguresPipe(fd, duration_s, requests)
