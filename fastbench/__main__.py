"""python -m fastbench, and the command.

Start and end are part of what a run costs the machine (some 0.2 s of processor time before this):
the garbage collector would look through what imports leave for nothing, and the interpreter would
take its modules apart for nothing.
"""

from __future__ import annotations

import gc
import os
import sys


def start() -> None:
    """Be the process of one command: run it, flush, and end at once."""
    if sys.platform != "linux":
        _refuse()
    _end_at_signals()
    gc.disable()
    from fastbench.foundation import imports, signals

    signals.take_over()
    # `python -m` looks into the working folder first.
    imports.standard_first(sys.path[:1] if __name__ == "__main__" else ())
    from fastbench.cli import main
    from fastbench.foundation import stdio

    stdio.attach()
    code = main()
    stdio.flush()
    os._exit(signals.INTERRUPTED if signals.came() else code)


def _refuse() -> None:
    """End with one sentence, before anything is asked of a system that lacks it."""
    from fastbench.foundation import exit_codes, platforms

    print(f"fastbench: {platforms.refusal(sys.platform)}", file=sys.stderr)
    raise SystemExit(exit_codes.REFUSED)


def _end_at_signals() -> None:
    """End with 105 at a signal, before anything is imported: even `signal` takes 2 ms."""
    import _signal  # type: ignore[import-not-found]  # what `signal` is made of, built in

    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, frame: os._exit(105))


if __name__ == "__main__":
    start()
