"""An agent that broke is a fault of ours: its traceback is kept here, where somebody can read it.

It is in the log of the machine's Dask worker, too; but one that `--on local:2` or `--on ssh:hosts`
started has no log that outlives the run.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache

from fastbench import __version__

PREFIX = "fastbench_fault_"  # no hyphen: a path is not broken into lines there


def sentence(what: str, traceback: str) -> str:
    """Say what broke, and in which file its traceback is, if it has one."""
    if not traceback:
        return f"its agent broke: {what}"
    try:
        path = _kept(traceback)
    except OSError as error:
        why = error.strerror or os.strerror(error.errno or 0)
        return f"its agent broke: {what}; its traceback could not be written here ({why})"
    return f"its agent broke: {what}; please report it, with the traceback in {path}"


@cache
def _kept(traceback: str) -> str:
    """Return the path of a file that holds it: one, on however many machines the same broke."""
    fd, path = tempfile.mkstemp(prefix=PREFIX, suffix=".txt")
    with open(fd, "w", encoding="utf-8", errors="replace") as kept:
        kept.write(f"fastbench {__version__}, the agent of a machine\n{traceback}")
    return path
