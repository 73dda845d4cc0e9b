"""When a line is due, and where it goes: stderr, from the main thread, whole lines.

Nothing runs beside the command: every wait of its process comes by (foundation.meanwhile), so that
lines and reports keep their order in a pipe that both go to. A line never keeps the command from
its work: where nobody reads, and a pipe is full, it is left out.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Self, TextIO

from fastbench.cli.output.lines import progress_line
from fastbench.cli.output.lines.progress_line import Before, Part
from fastbench.foundation import meanwhile, redact, stdio
from fastbench.run import live_figures

if TYPE_CHECKING:
    from fastbench.run.sampling import Progress

EVERY_S = 10.0
Say = Callable[[], Sequence[Part]]


class ProgressLines:
    """Write how it goes every `every_s`, as a context manager; `label` is the run's name."""

    current: ClassVar[ProgressLines | None] = None  # of this command

    def __init__(self, every_s: float, label: str = "", stream: TextIO | None = None) -> None:
        self._every_s = every_s
        self._label = label
        self._stream = stream or sys.stderr
        self._say: Say | None = None
        self._begun_s = time.monotonic()
        self._next_s = self._begun_s + every_s
        self._told = 0  # lines
        self.lines = 0  # how many there are

    def show(self, say: Say) -> None:
        """Let `say` give the parts of the next line, if it is due before there are newer ones."""
        self._say = say

    def beat(self) -> None:
        """Write a line if one is due."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        missed = math.floor((now_s - self._next_s) / self._every_s)
        self._next_s += self._every_s * (missed + 1)
        try:
            if parts := self._parts(now_s):
                self._write(progress_line.fitted(parts, self._label))
        except Exception as error:  # of a line: the run goes on
            self._next_s = math.inf
            fault = redact.fault(error)
            self._write(f"fastbench: no more lines of progress: {fault}. The run goes on.")

    def elapsed_s(self) -> float:
        """Return for how long the command runs."""
        return time.monotonic() - self._begun_s

    def _parts(self, now_s: float) -> Sequence[Part]:
        if (stage := meanwhile.now()) is not None:
            return progress_line.of_stage(stage, now_s)
        return self._say() if self._say is not None else ()

    def _write(self, line: str) -> None:
        if not stdio.takes_more(self._stream):
            return
        plain = stdio.readable(line, self._stream)
        try:
            self._stream.write(f"{progress_line.cut(plain, progress_line.COLUMNS)}\n")
            self._stream.flush()
        except OSError:  # nobody reads it, which is no reason to end
            self._next_s = math.inf


class RunLines:
    """Take how a run goes, in the place of a live view."""

    follower = None  # of snapshots: what is told stands in Progress

    def __init__(
        self, lines: ProgressLines, duration_s: float | None, requests: int | None
    ) -> None:
        self._lines = lines
        self._plan = duration_s, requests
        self._before = Before()
        self._told: Progress | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End."""

    def update(self, now: Progress) -> None:
        """Take what a line would tell now."""
        self._lines.show(lambda: self._parts(now))

    def _parts(self, now: Progress) -> list[Part]:
        if now is self._told:  # the load is over: connections are drained, workers end
            head = progress_line.of_run(now, self._before, *self._plan)[0]
            return [head, Part("the load is over, waiting for what is under way")]
        found = progress_line.of_run(now, self._before, *self._plan)
        self._told = now
        self._before = Before(now.elapsed_s, now.requests, now.warming)
        return found


def _told() -> tuple[float, str]:
    """Return how often, and under which name, as the suite says that runs this."""
    every, _, label = os.environ.pop(live_figures.LINES_VARIABLE, "").partition(" ")
    try:
        return float(every or EVERY_S), label
    except ValueError:
        return EVERY_S, ""


@contextmanager
def begun(asked_s: float | None) -> Iterator[None]:
    """Write lines as long as the context lasts, unless there is a live view.

    `asked_s` is how often, 0 never, None as usual: as the suite says that runs this.
    """
    usual_s, label = _told()
    every_s = usual_s if asked_s is None else asked_s
    if not every_s or stdio.draws(sys.stderr) or live_figures.VARIABLE in os.environ:
        yield
        return
    lines = ProgressLines(every_s, label)
    ProgressLines.current = lines
    try:
        with meanwhile.called(lines.beat):
            yield
    finally:
        ProgressLines.current = None


def of_run(duration_s: float | None, requests: int | None) -> RunLines | None:
    """Return who takes how a run goes, None where no lines are written."""
    lines = ProgressLines.current
    return None if lines is None else RunLines(lines, duration_s, requests)
