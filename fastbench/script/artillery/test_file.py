"""An Artillery file as a whole: config, scenarios with their weights, before and after."""

from __future__ import annotations

import random
import re
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from fastbench.foundation import redact
from fastbench.script.artillery import (
    flow,
    known_keys,
    processor,
    socketio_steps,
    test_config,
    ws_steps,
)
from fastbench.script.artillery.flow import Step
from fastbench.script.artillery.flow_context import FlowContext
from fastbench.script.artillery.socketio_steps import SocketIoSession
from fastbench.script.artillery.templates import Template, as_text
from fastbench.script.artillery.test_config import Take, TestConfig
from fastbench.script.artillery.ws_steps import WsSession
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

_FILE = ("after", "before", "config", "processor", "scenarios")
_SCENARIO = ("engine", "flow", "name", "weight")
_ENGINES = {
    "http": flow.of_http,
    "socketio": socketio_steps.of_socketio,
    "ws": ws_steps.of_ws,
}


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """One scenario of the file."""

    name: str
    weight: int
    engine: str
    steps: tuple[Step, ...]
    line: int
    session: WsSession | SocketIoSession | None = None

    async def run(self, context: FlowContext) -> None:
        """Do what one user does; raises FlowFailed."""
        if self.session is not None:
            await self.session.run(context, self.steps)
            return
        for step in self.steps:
            await step.run(context)

    @property
    def requests(self) -> float:
        """How many requests one user sends at most."""
        return sum(each.requests for each in self.steps)

    @property
    def sleeps_s(self) -> float:
        """How long one user sleeps at least."""
        return sum(each.sleeps_s for each in self.steps)


@dataclass(frozen=True, slots=True)
class TestFile:
    """Hold the file. `before` and `after` run once."""

    __test__ = False  # it is no test of pytest's

    config: TestConfig
    flows: tuple[FlowPlan, ...]
    before: FlowPlan | None
    after: FlowPlan | None

    def chosen(self, names: Sequence[str]) -> tuple[FlowPlan, ...]:
        """Return the scenarios of these names, all of them without names."""
        if not names:
            return self.flows
        found = tuple(each for each in self.flows if each.name in names)
        for name in names:
            if name not in {each.name for each in self.flows}:
                there = ", ".join(each.name for each in self.flows)
                raise Refusal(0, f"--scenario {name}: the file has scenarios {there}.")
        return found


class Picker:
    """Choose a scenario for each user, by weight."""

    def __init__(self, flows: Sequence[FlowPlan]) -> None:
        self._flows = flows
        self._ends = list(accumulate(each.weight for each in flows))

    def pick(self) -> int:
        """Return the place of one of them."""
        if len(self._flows) == 1:
            return 0
        return bisect(self._ends, random.random() * self._ends[-1])


def read(
    script: object,
    file: str,
    environment: str | None,
    env: Mapping[str, str],
    base_url: str | None = None,
    take: Take = lambda shared, limit: -1,
) -> TestFile:
    """Read the file; `base_url` is the command line's target. Raises Refusal."""
    if not isinstance(script, Map):
        raise Refusal(1, "a file of Artillery is a mapping with config and scenarios.")
    known_keys.refuse_unknown(script, _FILE, "the file")
    if "processor" in script and isinstance(config_of := script.get("config"), Map):
        # It belongs into config; Artillery leaves it out there.
        config_of.put("processor", script["processor"], script.lines["processor"])
    config = test_config.read(script, file, environment, env, take)
    if base_url is not None:
        config.target = config.fixed["target"] = base_url
    given = known_keys.listing(script, "scenarios", "the file")
    if not given:
        raise Refusal(script.lines.get("scenarios", script.line), "the file has no scenarios.")
    flows, known = [], set[str]()
    for number, (each, line) in enumerate(zip(given, given.lines, strict=True)):
        if not isinstance(each, Map):
            raise Refusal(line, f"a scenario is a mapping, not {known_keys.said(each)}.")
        found = _flow(each, str(number), config)
        if found.name in known:
            raise Refusal(line, f"two scenarios are named {found.name}; rename one of them.")
        known.add(found.name)
        flows.append(found)
    if not any(each.weight for each in flows):
        raise Refusal(given.line, "every scenario has the weight 0.")
    hooks = [
        _flow(known_keys.mapping(script, key, "the file"), key, config) if key in script else None
        for key in ("before", "after")
    ]
    return TestFile(config, tuple(flows), *hooks)


def _flow(given: Map, default: str, config: TestConfig) -> FlowPlan:
    name = known_keys.text(given, "name", "a scenario")
    what = f"the scenario {name}" if name else "a scenario"
    for key in processor.NOT_HERE:
        if key in given:
            processor.refuse(key, given.lines[key])
    known_keys.refuse_unknown(
        given, (*_SCENARIO, *processor.HOOKS), what, {"socketio": "is not supported here"}
    )
    engine = test_config.engine(given, what, config.engine)
    steps = known_keys.listing(given, "flow", what)
    if not steps:
        raise Refusal(given.lines.get("flow", given.line), f"{what} has no flow.")
    session: WsSession | SocketIoSession | None = None
    if engine == "ws":
        session = WsSession(steps, config)
        if isinstance(steps[0], Map) and "connect" in steps[0]:
            steps = _rest(steps)
    elif engine == "socketio":
        session = SocketIoSession(steps, config)
    config.hooks = {key: processor.named(given, key, config) for key in processor.OF_REQUESTS}
    read: tuple[Step, ...] = (
        *processor.steps(given, "beforeScenario", config),
        *flow.read(steps, config, _ENGINES[engine]),
        *processor.steps(given, "afterScenario", config),
    )
    config.hooks = {}
    shown = redact.printable(name or default)
    return FlowPlan(shown, _weight(given, config), engine, read, given.line, session)


def _rest(steps: Seq) -> Seq:
    """Return the steps behind the first one."""
    found = Seq(steps.line)
    for each, line in zip(steps[1:], steps.lines[1:], strict=True):
        found.put(each, line)
    return found


def _weight(given: Map, config: TestConfig) -> int:
    """Return the weight: a whole number, also from a template."""
    value = given.get("weight")
    if value is None:
        return 1
    line = given.lines["weight"]
    variables = {
        name: each[0] if isinstance(each, Seq) and each else each
        for name, each in config.variables.items()
    }
    text = as_text(Template(value, line).render({**config.fixed, **variables}))
    match = re.match(r"\s*([0-9]+)", text)
    if match is None:
        raise Refusal(line, f"a weight is a whole number from 0, not {redact.printable(text)}.")
    return int(match[1])
