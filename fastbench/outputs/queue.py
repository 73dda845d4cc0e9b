"""One output's thread and its queue: the run puts frames in and never waits.

The thread starts with the first frame, so that no worker is forked beside it. What failed for now
is tried again with what came meanwhile; when the queue is full, the oldest frame is dropped.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fastbench.outputs.point import End, Frame, OutputError

QUEUE_FRAMES = 60
BATCH_FRAMES = 10  # one message, when some wait
AGAIN_S = 1.0
MAX_AGAIN_S = 60.0  # whatever a server asks for
LAST_AGAIN_S = 0.25
LAST_S = 4.0  # for what still waits when the run is over
HANGING_S = 0.5  # more for a thread that is in the middle of a message


class Output(Protocol):
    """Where points go; all is called by one thread, the output's own."""

    shown: str
    is_file: bool = False
    wants_buckets: bool = False
    wants_histograms: bool = False

    def write(self, frames: Sequence[Frame]) -> None:
        """Write all points of these frames, or raise OutputError."""

    def finish(self, end: End) -> None:
        """Write what belongs at the end, and close; raises OutputError."""

    def close(self) -> None:
        """Close without a message."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What an output did not get, and the last reason it gave."""

    shown: str
    is_file: bool
    points: int
    of: int
    text: str


class Feed:
    """The queue of one output."""

    def __init__(
        self, output: Output, *, frames: int = QUEUE_FRAMES, last_s: float = LAST_S
    ) -> None:
        self._output = output
        self._most = frames
        self._last_s = last_s
        self._waiting: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._end: End | None = None
        self._give_up_s = 0.0  # CLOCK_MONOTONIC, 0 while the run goes on
        self._held: list[Frame] = []  # being written
        self._put = self._lost = 0
        self._why = ""
        self._failed = False

    @property
    def started(self) -> bool:
        """Tell whether the output's thread is there, which then closes the output."""
        return self._thread is not None

    def put(self, frame: Frame) -> None:
        """Take a frame in."""
        with self._changed:
            self._put += len(frame.points)
            self._waiting.append(frame)
            if len(self._waiting) > self._most:
                self._lost += len(self._waiting.popleft().points)
            self._changed.notify()
        self._start()

    def end(self, end: End) -> None:
        """Say that nothing more will come; `loss` waits for what is still to be written."""
        with self._changed:
            self._end = end
            self._give_up_s = time.monotonic() + self._last_s
            self._changed.notify()
        self._start()

    def loss(self) -> Loss | None:
        """Wait for the thread, but no longer than agreed; return what was lost."""
        if self._thread is not None:
            # From the end on, not from now: several outputs that hang do so side by side.
            self._thread.join(max(0.0, self._give_up_s + HANGING_S - time.monotonic()))
        with self._changed:
            missing = self._lost + _points(self._held) + _points(self._waiting)
            alive = self._thread is not None and self._thread.is_alive()
            if not (missing or self._failed or alive):
                return None
            why = self._why or ("it did not answer in time" if alive else "it was too slow")
            output = self._output
            return Loss(output.shown, output.is_file, missing, self._put, why)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="output", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            while self._take():
                self._write()
            if self._end is not None and not self._late():
                self._output.finish(self._end)
        except OutputError as error:
            self._why, self._failed = self._why or str(error), True
        finally:
            self._output.close()

    def _late(self) -> bool:
        return self._end is not None and time.monotonic() >= self._give_up_s

    def _take(self) -> bool:
        """Wait for frames and hold some; false when there will be none, or no time is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._end)
            if self._late():
                return False
            while self._waiting and len(self._held) < BATCH_FRAMES:
                self._held.append(self._waiting.popleft())
            return bool(self._held)

    def _write(self) -> None:
        """Write what is held, again and again if that may help; then hold nothing."""
        while not self._late():
            try:
                self._output.write(self._held)
            except OutputError as error:
                with self._changed:
                    self._why = str(error)
                    if not error.again:
                        held = _points(self._held)
                        self._lost += held if error.points is None else min(error.points, held)
                        self._held = []
                        return
                    self._rest(min(max(AGAIN_S, error.after_s), MAX_AGAIN_S))
            else:
                with self._changed:
                    self._held = []
                return

    def _rest(self, pause_s: float) -> None:
        """Wait a while; the end of the run is a reason to try at once, and then more often."""
        if self._end is None:
            self._changed.wait_for(lambda: self._end is not None, pause_s)
        else:
            self._changed.wait(LAST_AGAIN_S)


def _points(frames: Iterable[Frame]) -> int:
    return sum(len(frame.points) for frame in frames)
