"""What the exit codes say, in a word or two, and which of several is the worst.

The less a run's numbers say, the worse it ended:

1. it did not come to its end: interrupted (105), a worker or the whole process lost (120), ended by
   the script (108);
2. it did not begin: the script (107), its options (104), the command line (1);
3. it has nothing to show: nothing succeeded (122);
4. it is complete and failed: the script says so (110), a threshold (99), a regression (96), not
   valid (95);
5. it is complete and passed, but a file is missing: not written (121).

What is none of these ended a process that could not say why, and counts as lost.
"""

from __future__ import annotations

from collections.abc import Iterable

PASSED = 0
REFUSED = 1
NOT_VALID = 95
REGRESSION = 96
THRESHOLDS = 99
OPTIONS = 104
INTERRUPTED = 105
SCRIPT = 107
ABORTED = 108
MARKED = 110
LOST = 120
NOT_WRITTEN = 121
NOTHING = 122

_MEANINGS = {  # worst first
    INTERRUPTED: "interrupted",
    LOST: "lost",
    ABORTED: "aborted",
    SCRIPT: "script failed",
    OPTIONS: "wrong options",
    REFUSED: "refused",
    NOTHING: "nothing succeeded",
    MARKED: "marked as failed",
    THRESHOLDS: "thresholds failed",
    REGRESSION: "regression",
    NOT_VALID: "not valid",
    NOT_WRITTEN: "not written",
    PASSED: "passed",
}
_ORDER = list(_MEANINGS)


def meaning(code: int) -> str:
    """Return an exit code as a word or two; below 0 a signal ended the process."""
    return _MEANINGS[_known(code)]


def worst(codes: Iterable[int]) -> int:
    """Return the worst of several exit codes, 0 of none."""
    return min(map(_known, codes), key=_ORDER.index, default=0)


def _known(code: int) -> int:
    return code if code in _MEANINGS else LOST
