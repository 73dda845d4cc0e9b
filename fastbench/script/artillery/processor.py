"""Code in JavaScript that a file of Artillery names: functions of config.processor.

This is the one place where keys become functions; `js_processor` runs them. Without a processor a
key that names code is refused by its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from fastbench.script.artillery import known_keys
from fastbench.script.artillery.flow_context import FlowContext
from fastbench.script.artillery.test_config import Hooks, TestConfig
from fastbench.script.artillery.yaml_tree import Map, Refusal

if TYPE_CHECKING:
    from fastbench.script.artillery.js_processor import JsProcessor

OF_REQUESTS = ("afterResponse", "beforeRequest")
OF_SCENARIOS = ("afterScenario", "beforeScenario")
NOT_HERE = ("onError",)
HOOKS = (*OF_REQUESTS, *OF_SCENARIOS, *NOT_HERE)


def refuse(key: str, line: int) -> NoReturn:
    """Refuse a key that names code where there is none."""
    if key in NOT_HERE:
        raise Refusal(line, f"{key} is not supported.")
    raise Refusal(line, f"{key} is code in JavaScript; config.processor must name its module.")


def named(given: Map, key: str, config: TestConfig) -> Hooks:
    """Return the functions that a key names; raises Refusal for one that is not there."""
    found = []
    several = known_keys.one_or_more(given, key)
    for each, line in zip(several, several.lines, strict=True):
        if config.processor is None or key in NOT_HERE:
            refuse(key, line)
        if not isinstance(each, str):
            raise Refusal(line, f"{key} takes the name of a function.")
        found.append((config.processor.check(each, line), line))
    return tuple(found)


class FunctionStep:
    """A function as a step."""

    requests = sleeps_s = 0.0

    def __init__(self, processor: JsProcessor, name: str, line: int) -> None:
        self._processor = processor
        self._name = name
        self.line = line

    async def run(self, context: FlowContext) -> None:
        """Call it; raises FlowFailed."""
        await self._processor.call("step", self._name, context, self.line)


def steps(given: Map, key: str, config: TestConfig) -> tuple[FunctionStep, ...]:
    """Return the functions that a key names as steps."""
    return tuple(
        FunctionStep(config.processor, name, line)
        for name, line in named(given, key, config)
        if config.processor is not None
    )
