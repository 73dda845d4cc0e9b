"""Headers that have no place in HTTP/2, told to who has written them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fastbench.plan.http_message import without_place

Warn = Callable[[str, str, str, str], None]


def tell(warn: Warn, names: Iterable[bytes]) -> None:
    """Warn once of each set of names; `warn(code, why, text, hint)`."""
    shown = sorted({name.decode("latin-1") for name in names}, key=str.lower)
    warn("headers_left_out", ", ".join(shown), without_place(shown), "--http1 sends it")
