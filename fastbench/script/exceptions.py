"""Exceptions of a script: where they come from, in a form that may be shown and sent.

The place of an exception is the innermost line of the script's own folder: an error deep in a
library is the business of the line that called it. What we raise ourselves, to say how something
is used, ends there, too. Text and traceback are stripped of control characters and of what looks
like a secret.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import fastbench
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.script.name_hints import hint

MAX_TEXT = 500
MAX_FRAMES = 20  # of a traceback: those next to the exception
_OUR_MODULES = __name__.partition(".")[0] + "."
_OURS = os.path.dirname(os.path.abspath(fastbench.__file__)) + os.sep
# The standard library and what is installed; `sysconfig`, which knows, costs 2 ms.
_PYTHONS = tuple(
    os.path.abspath(folder) + os.sep
    for folder in (
        os.path.dirname(os.__file__),
        *(each for each in sys.path if each.endswith(("site-packages", "dist-packages"))),
    )
)

Send = Callable[[dict[str, Any]], None]


class Adds(Protocol):
    """Count something."""

    def add(self, value: float, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of the script; `file` is relative to the script's folder, line 0 is no line."""

    file: str
    line: int

    @property
    def place(self) -> str:
        """The spot in one word, as editors read it."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Broken(Exception):
    """Say what in a script broke; `stage` is load, options, setup or teardown."""

    def __init__(self, stage: str, text: str, spot: Spot, traceback: str = "") -> None:
        super().__init__(text)
        self.stage = stage
        self.text = text
        self.spot = spot
        self.traceback = traceback

    @property
    def sentence(self) -> str:
        """Say what broke, and in which file and line."""
        line = f", line {self.spot.line}" if self.spot.line else ""
        return f"{self.spot.file}{line}: {self.text}"

    def refusal(self, machine: str = "") -> OptionsError | ScriptError:
        """Return why the script is not run at all; `machine` is the one of several that said it."""
        where = f"{machine}: " if machine else ""
        if self.stage == "options":
            return OptionsError(where + (self.sentence if self.spot.line else self.text))
        return ScriptError(where + self.sentence, self.traceback)

    def to_json(self) -> dict[str, Any]:
        """Return what goes over the control channel."""
        where = {"file": self.spot.file, "line": self.spot.line}
        return {"stage": self.stage, "text": self.text, **where, "traceback": self.traceback}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Broken:
        """Return what came over the control channel."""
        return cls(body["stage"], body["text"], Spot(body["file"], body["line"]), body["traceback"])


class OptionsError(UsageError):
    """Say what is wrong with a script's options, or with the command line that changes them."""


class ScriptError(UsageError):
    """Say in one sentence why a script cannot be loaded; `traceback` is for -v."""

    def __init__(self, sentence: str, traceback: str = "") -> None:
        super().__init__(sentence)
        self.traceback = redact.printable(traceback, lines=True)


def spot(error: BaseException, folder: str) -> Spot:
    """Return the line of the script that an exception is the business of."""
    if isinstance(error, SyntaxError) and error.filename:
        return Spot(relative(error.filename, folder), error.lineno or 0)
    trace = user_trace(error.__traceback__, folder)
    if trace is None:
        return Spot("(no line)", 0)
    return Spot(relative(trace.tb_frame.f_code.co_filename, folder), trace.tb_lineno)


def type_name(error: BaseException) -> str:
    """Name an exception as Python does: builtin ones, and ours, without their module."""
    kind = type(error)
    module = getattr(kind, "__module__", "builtins")  # one that exec() made may have none
    hidden = module in ("builtins", "__main__") or module.startswith(_OUR_MODULES)
    return kind.__qualname__ if hidden else f"{module}.{kind.__qualname__}"


def text_of(error: BaseException) -> str:
    """Return the message of an exception in one line that may be shown."""
    try:
        text = str(error)
    except Exception:  # the script's own __str__
        text = "(its message cannot be converted to text)"
    text += hint(error)
    return redact.printable(redact.text(" ".join(text[: 4 * MAX_TEXT].split())))[:MAX_TEXT]


def traceback_of(error: BaseException, folder: str) -> str:
    """Return the traceback from the script's first line on, as it may be shown."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    try:
        told = traceback.TracebackException(type(error), error, trace, limit=-MAX_FRAMES)
        if getattr(type(error), "__module__", "").startswith(_OUR_MODULES):
            while len(told.stack) > 1 and (told.stack[-1].filename or "").startswith(_OURS):
                told.stack.pop()
        lines = "".join(told.format()).rstrip("\n").split("\n")
    except Exception:  # a class that Python itself cannot name
        return ""
    return "\n".join(redact.printable(redact.text(line), lines=True) for line in lines)


def user_trace(trace: TracebackType | None, folder: str) -> TracebackType | None:
    """Find the innermost step within the folder, else the innermost that is not ours."""
    own = other = None
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith(_OURS):
            other = trace
            if name.startswith(folder + os.sep) and not name.startswith(_PYTHONS):
                own = trace
        trace = trace.tb_next
    return own or other


def relative(name: str, folder: str) -> str:
    """Return the path of a file as it is shown: relative within the script's folder."""
    path = os.path.abspath(name)
    return redact.printable(os.path.relpath(path, folder) if path.startswith(folder) else name)
