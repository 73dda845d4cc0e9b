"""Signatures that help() shows whole, where a function has its keyword arguments as `**more`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def spelled_out(words: type, **defaults: object) -> Callable[[F], F]:
    """Give a function whose `**more` are the keys of a TypedDict its whole signature in help().

    A key without a value in `defaults` has None.
    """

    def changed(function: F) -> F:
        signature = inspect.signature(function)
        *own, _ = signature.parameters.values()
        own += (
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(name),
                annotation=getattr(kind, "__forward_arg__", kind),
            )
            for name, kind in words.__annotations__.items()
        )
        setattr(function, "__signature__", signature.replace(parameters=own))  # noqa: B010
        return function

    return changed
