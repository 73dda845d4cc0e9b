"""The exception for what the user must mend."""

from __future__ import annotations

from fastbench.foundation import redact


class UsageError(Exception):
    """Raised where something is asked for wrongly: one sentence with what is wrong and the cure.

    Example::

        try:
            await vu.get("nowhere://localhost/")
        except UsageError as error:
            check(error, {"says why": lambda e: "http" in str(e)})
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(redact.printable(sentence))
