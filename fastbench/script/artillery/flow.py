"""The steps of a flow: requests, think, loop, log, parallel; read once, run by every user.

A step has `requests` and `sleeps_s`: how many requests one run of it sends at most, and how long it
sleeps at least; a dry run asks for them.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fastbench.foundation import redact
from fastbench.script.api.checks import group
from fastbench.script.artillery import known_keys, processor
from fastbench.script.artillery.flow_context import FlowContext, FlowFailed
from fastbench.script.artillery.http_requests import METHODS, HttpRequest
from fastbench.script.artillery.templates import UNDEFINED, Template, get, path
from fastbench.script.artillery.test_config import TestConfig
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

_LOOP = ("count", "loop", "loopElement", "loopValue", "over", "whileTrue")
_THINK = ("jitter", "think")
_PARALLEL = ("limit", "parallel")
_OWN = ("function", "group", "log", "loop", "parallel", "think")
_RANGE = re.compile(r"\s*([0-9]+)\s*-\s*([0-9]+)\s*")
_MAX_AT_ONCE = 100


class Step(Protocol):
    """What a user does."""

    @property
    def requests(self) -> float: ...

    @property
    def sleeps_s(self) -> float: ...

    async def run(self, context: FlowContext) -> None:
        """Do it; raises FlowFailed when the user has failed."""


Reads = Callable[[Map, TestConfig], Step | None]


def read(steps: Seq, config: TestConfig, own: Reads) -> tuple[Step, ...]:
    """Read a flow; `own` reads the steps of its engine first. Lists within it are flattened."""
    found: list[Step] = []
    for each, line in zip(steps, steps.lines, strict=True):
        if isinstance(each, Seq):
            found += read(each, config, own)
        elif isinstance(each, Map):
            found.append(own(each, config) or _step(each, config, own))
        else:
            raise Refusal(line, f"a step is a mapping such as get:, not {known_keys.said(each)}.")
    return tuple(found)


def of_http(given: Map, config: TestConfig) -> Step | None:
    """Read a request; None for another step."""
    names = [key for key in given if key.lower() in METHODS]
    if not names:
        return None
    name, line = names[0], given.lines[names[0]]
    if len(given) > 1:
        other = next(key for key in given if key != name)
        raise Refusal(
            given.lines[other], f"{redact.printable(other)} stands beside {name}, not in it."
        )
    if not isinstance(given[name], Map):
        raise Refusal(line, f"{name} takes a mapping with url, not {known_keys.said(given[name])}.")
    return HttpRequest(name.lower(), given[name], config)


def _step(given: Map, config: TestConfig, own: Reads) -> Step:
    for name, make in (("loop", Loop), ("think", Think), ("parallel", Parallel), ("group", Group)):
        if name in given:
            return make(given, config, own)
    if "log" in given:
        known_keys.refuse_unknown(given, ("log",), "a log")
        return Log(given)
    if "function" in given:
        known_keys.refuse_unknown(given, ("function",), "a function")
        return processor.steps(given, "function", config)[0]
    name = next(iter(given), "")
    known_keys.refuse_unknown(given, (*METHODS, *_OWN), "a flow", {})
    raise Refusal(given.line, f"the step {redact.printable(name)} is not known.")


class Log:
    """Write a text to the terminal."""

    requests = sleeps_s = 0.0

    def __init__(self, given: Map) -> None:
        self._text = Template(given["log"], given.lines["log"])

    async def run(self, context: FlowContext) -> None:
        """Write it."""
        sys.stdout.write(f"{self._text.text(context.vars)}\n")


class Think:
    """Wait: seconds, or a text with its unit; `jitter` makes it longer or shorter by chance."""

    requests = 0.0

    def __init__(self, given: Map, config: TestConfig, own: Reads) -> None:
        known_keys.refuse_unknown(given, _THINK, "a think")
        self._line = given.lines["think"]
        self._time = Template(given["think"], self._line)
        jitter = given.get("jitter", config.jitter)
        self._share, self._spread_s = 0.0, 0.0
        if jitter is not None:
            self._read_jitter(jitter, given.lines.get("jitter", self._line))
        fixed = self._seconds(self._time.value) if self._time.constant else 0.0
        self.sleeps_s = max(0.0, fixed * (1 - self._share) - self._spread_s)

    def _read_jitter(self, jitter: Any, line: int) -> None:
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(%?)\s*", str(jitter))
        if match is None:
            raise Refusal(line, f'jitter is ms or "20%", not {known_keys.said(jitter)}.')
        if match[2]:
            self._share = float(match[1]) / 100
        else:
            self._spread_s = float(match[1]) / 1000

    def _seconds(self, value: Any) -> float:
        found = known_keys.parse_time_s(value)
        if found is None:
            said = known_keys.said(None if value is UNDEFINED else value)
            raise Refusal(self._line, f'think is a time such as 2, "500ms" or "1m", not {said}.')
        return found

    async def run(self, context: FlowContext) -> None:
        """Wait."""
        try:
            seconds = self._seconds(self._time.render(context.vars))
        except Refusal as refusal:
            raise FlowFailed("Invalid think time", self._line, str(refusal)) from None
        spread = seconds * self._share + self._spread_s
        await asyncio.sleep(max(0.0, seconds + random.uniform(-spread, spread)))


class Loop:
    """Do steps again: so many times, for each member of a list, or without end."""

    def __init__(self, given: Map, config: TestConfig, own: Reads) -> None:
        known_keys.refuse_unknown(given, _LOOP, "a loop")
        self._processor = config.processor
        self._while = processor.named(given, "whileTrue", config)
        self._steps = read(known_keys.listing(given, "loop", "a flow"), config, own)
        self._line = given.lines["loop"]
        if not self._steps:
            raise Refusal(self._line, "a loop needs steps.")
        self._index = known_keys.text(given, "loopValue", "a loop") or "$loopCount"
        self._element = known_keys.text(given, "loopElement", "a loop") or "$loopElement"
        if ("over" in given) + ("count" in given) != (not self._while):
            alone = "whileTrue stands without count and over."
            raise Refusal(self._line, alone if self._while else "a loop needs count or over.")
        self._over = given.get("over")
        if "over" in given and not isinstance(self._over, str | Seq):
            raise Refusal(given.lines["over"], "over is a list, or the name of a variable.")
        line = given.lines.get("over", self._line)
        self._members = [Template(each, line) for each in self._over or ()]
        self._count = Template(given.get("count", -1), given.lines.get("count", self._line))
        times = self._times()
        self.requests = _product(times[1], sum(each.requests for each in self._steps))
        self.sleeps_s = times[0] * sum(each.sleeps_s for each in self._steps)

    def _times(self) -> tuple[float, float]:
        """Return how often it runs at least and at most; refuses a count that is none."""
        if isinstance(self._over, Seq):
            return len(self._over), len(self._over)
        if isinstance(self._over, str) or not self._count.constant:
            return 0.0, math.inf
        first, last = self._ends(self._count.value)
        return (0.0, math.inf) if math.isinf(last) else (last - first, last - first)

    def _ends(self, value: Any) -> tuple[int, float]:
        if isinstance(value, str) and (match := _RANGE.fullmatch(value)):
            return int(match[1]), float(match[2])
        try:
            count = float(value) if isinstance(value, str | int | float) else math.nan
        except ValueError:
            count = math.nan
        if count == -1:
            return 0, math.inf
        if not (count >= 1 and count == int(count)):
            raise Refusal(
                self._count.line,
                f'count is a number from 1, a range such as "1-10", or -1 for without end, '
                f"not {known_keys.said(None if value is UNDEFINED else value)}.",
            )
        return 0, count

    async def run(self, context: FlowContext) -> None:
        """Run the steps as often as the file says."""
        vars = context.vars
        if self._over is None:
            await self._counted(context)
            return
        members: Sequence[Any]
        if isinstance(self._over, str):
            found = get(vars, path(self._over))
            members = found if isinstance(found, list) else ()
        else:
            members = self._members
        for index, each in enumerate(members):
            vars[self._index] = index
            vars[self._element] = each.render(vars) if isinstance(each, Template) else each
            for step in self._steps:
                await step.run(context)
        vars[self._index], vars[self._element] = len(members), UNDEFINED

    async def _counted(self, context: FlowContext) -> None:
        vars = context.vars
        try:
            index, last = self._ends(self._count.render(vars))
        except Refusal as refusal:
            raise FlowFailed("Invalid loop count", self._line, str(refusal)) from None
        vars[self._element] = index
        while index < last:
            vars[self._index] = index
            for step in self._steps:
                await step.run(context)
            index += 1
            if self._while and not await self._goes_on(context):
                break
            if math.isinf(last):
                await asyncio.sleep(0)  # steps that wait for nothing let others live
        vars[self._index] = index

    async def _goes_on(self, context: FlowContext) -> bool:
        """Ask the function of whileTrue."""
        ((name, line),) = self._while
        assert self._processor is not None  # it was looked at
        return bool((await self._processor.call("loop", name, context, line)).get("result"))


class Group:
    """Do steps under a name, which reports tell apart; files have it, though Artillery has not."""

    def __init__(self, given: Map, config: TestConfig, own: Reads) -> None:
        known_keys.refuse_unknown(given, ("group",), "a group")
        what = known_keys.mapping(given, "group", "a flow")
        known_keys.refuse_unknown(what, ("name", "steps"), "a group")
        name = known_keys.text(what, "name", "a group") or "group"
        self._name = redact.printable(name.replace("::", ":"))
        self._steps = read(known_keys.listing(what, "steps", "a group"), config, own)
        self.requests = sum(each.requests for each in self._steps)
        self.sleeps_s = sum(each.sleeps_s for each in self._steps)

    async def run(self, context: FlowContext) -> None:
        """Do them in their order."""
        with group(self._name):
            for step in self._steps:
                await step.run(context)


class Parallel:
    """Do steps at the same time, at most `limit` of them."""

    def __init__(self, given: Map, config: TestConfig, own: Reads) -> None:
        known_keys.refuse_unknown(given, _PARALLEL, "a parallel")
        self._steps = read(known_keys.listing(given, "parallel", "a flow"), config, own)
        self._limit = int(known_keys.number(given, "limit", "a parallel") or _MAX_AT_ONCE)
        if self._limit < 1:
            raise Refusal(given.lines["limit"], "limit is a number from 1.")
        self.requests = sum(each.requests for each in self._steps)
        self.sleeps_s = max((each.sleeps_s for each in self._steps), default=0.0)

    async def run(self, context: FlowContext) -> None:
        """Begin them in their order; the first that fails ends the others."""
        room = asyncio.Semaphore(self._limit)

        async def one(step: Step) -> None:
            async with room:
                await step.run(context)

        try:
            async with asyncio.TaskGroup() as tasks:
                for step in self._steps:
                    tasks.create_task(one(step))
        except* FlowFailed as failed:
            raise failed.exceptions[0] from None


def _product(times: float, each: float) -> float:
    return times * each if times and each else 0.0
