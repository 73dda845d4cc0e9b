"""python -m fastbench, and the command.

Start and end are part of what a run costs the machine (some 0.2 s of processor time before this):
the garbage collector would look through what imports leave for nothing, and the interpreter would
take its modules apart for nothing.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys


def start() -> None:
    """Be the process of one command: run it, flush, and end at once."""
    gc.disable()
    from fastbench.cli import main

    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    start()
