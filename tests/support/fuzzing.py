"""The loop of every fuzzer: make an input, check it, count the outcomes; a seed repeats it."""

from __future__ import annotations

import argparse
import faulthandler
import random
import sys
import time
from collections import Counter
from collections.abc import Callable

HANG_S = 30


def fuzz(
    about: str | None,
    noun: str,
    make: Callable[[random.Random], bytes],
    check: Callable[[random.Random, bytes], str],
    otherwise: str,
) -> int:
    """Run until --seconds are over; an AssertionError of `check` ends it with exit code 1.

    `otherwise` names the outcome that `check` returns as "".
    """
    options = argparse.ArgumentParser(description=about)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=time.monotonic_ns())
    given = options.parse_args()
    rng = random.Random(given.seed)
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + given.seconds
    while time.monotonic() < end:
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        wire = make(rng)
        try:
            outcomes[check(rng, wire) or otherwise] += 1
        except AssertionError as wrong:
            print(f"seed {given.seed}: {wrong!r}\n{wire!r}", file=sys.stderr)
            return 1
    faulthandler.cancel_dump_traceback_later()
    shown = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"seed {given.seed}: {outcomes.total():,} {noun}, no offence: {shown}")
    return 0
