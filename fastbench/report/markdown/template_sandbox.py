"""Where templates are filled: what would never end, or take all memory, is refused.

1. A template has LIMIT_S seconds, looked at with each of its calls and each of its pieces.
2. It makes no text or list by a multiplication that is longer than MOST, and no such power.
"""

from __future__ import annotations

import time
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

LIMIT_S = 10.0
MOST = 10_000_000


class TemplateSandbox(SandboxedEnvironment):
    """An environment of Jinja2 that gives up. `escapes`: what is filled in is escaped for HTML."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, *, escapes: bool) -> None:
        super().__init__(
            autoescape=escapes,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=StrictUndefined,
        )
        self._end_s = float("inf")

    def filled(self, template: Template, values: dict[str, Any]) -> str:
        """Fill a template of this environment; raises what Jinja2 raises."""
        self._end_s = time.monotonic() + LIMIT_S
        pieces, length = [], 0
        for piece in template.generate(values):
            self._look()
            pieces.append(piece)
            length += len(piece)
            if length > MOST:
                raise SecurityError(f"it fills more than {MOST:,} characters")
        return "".join(pieces)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        __self._look()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            too_long = abs(left) > 1 and abs(right) > 1000
        else:
            sizes = [len(each) if hasattr(each, "__len__") else each for each in (left, right)]
            too_long = sizes != [left, right] and sizes[0] * sizes[1] > MOST
        if too_long:
            raise SecurityError(f"{operator} makes something too long")
        return super().call_binop(context, operator, left, right)

    def _look(self) -> None:
        if time.monotonic() > self._end_s:
            raise SecurityError(f"it was not filled within {LIMIT_S:g}s; does it loop?")
