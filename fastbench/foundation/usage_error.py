"""The exception for what the user must mend."""

from __future__ import annotations

from fastbench.foundation import redact


class UsageError(Exception):
    """Carry one sentence for the user: what is wrong and how to mend it.

    It may quote what was typed, so it is made printable here, once for all.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(redact.printable(sentence))
