"""Code in JavaScript that a file of Artillery names: functions of config.processor.

This is the one place that knows of it. `refuse` is what a file with code gets as long as there is
no engine to run it; `Processor` is what such an engine gives to flows: `call` awaits a function
with the user's context, `test` one that says whether a loop goes on.
"""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

from fastbench.script.artillery.templates import Vars
from fastbench.script.artillery.yaml_tree import Refusal

HOOKS = ("afterResponse", "afterScenario", "beforeRequest", "beforeScenario", "onError")


class Processor(Protocol):
    """Functions of a module, by their names."""

    def has(self, name: str) -> bool:
        """Tell whether the module exports a function of this name."""

    async def call(self, name: str, vars: Vars, *given: Any) -> Any:
        """Call a function with what a step gives it; changes of `vars` stay."""

    async def test(self, name: str, vars: Vars) -> bool:
        """Ask a function whether a loop goes on, or a request is sent."""


def refuse(key: str, line: int) -> NoReturn:
    """Refuse a key that names code in JavaScript."""
    raise Refusal(
        line,
        f"{key} is code in JavaScript, which fastbench does not run in files of Artillery; "
        "take it out, or write this test as a script in Python.",
    )
