"""A neighbour on somebody's core: it works in bursts, and rests as long in between.

A burst lasts 0.1 to 1 s. Beside one other process that is always busy, the scheduler gives it half
of the core while it works.
"""

from __future__ import annotations

import argparse
import random
import time

SHORTEST_S = 0.1
LONGEST_S = 1.0


def main() -> None:
    """Work and rest until somebody ends it."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seed", type=int, required=True, help="of the lengths")
    chance = random.Random(parser.parse_args().seed)
    print("ready", flush=True)
    while True:
        until_s = time.monotonic() + chance.uniform(SHORTEST_S, LONGEST_S)
        while time.monotonic() < until_s:
            pass
        time.sleep(chance.uniform(SHORTEST_S, LONGEST_S))


if __name__ == "__main__":
    main()
