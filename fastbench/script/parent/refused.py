"""Why a script is not run at all, each with an exit code of its own."""

from __future__ import annotations

from fastbench.foundation.redact import printable
from fastbench.plan.plan import UsageError

__all__ = ["OptionsError", "ScriptError"]


class OptionsError(UsageError):
    """Say what is wrong with a script's options, or with the command line that changes them."""


class ScriptError(UsageError):
    """Say in one sentence why a script cannot be loaded; `traceback` is for -v."""

    def __init__(self, sentence: str, traceback: str = "") -> None:
        super().__init__(sentence)
        self.traceback = printable(traceback, lines=True)
