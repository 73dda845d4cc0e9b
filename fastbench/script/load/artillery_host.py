"""Files of Artillery as a host: phases are executors, a user is an iteration, a flow its steps."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from typing import Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Tls
from fastbench.results.metric_values import Thrown
from fastbench.script import exceptions, remarks
from fastbench.script.api import data, metrics
from fastbench.script.api.checks import group
from fastbench.script.api.options import Declared, Settings
from fastbench.script.api.vu import Iteration, Vu
from fastbench.script.artillery import ensure_limits, known_keys, phases, test_file, yaml_tree
from fastbench.script.artillery.flow_context import FlowContext, FlowFailed
from fastbench.script.artillery.test_config import TestConfig
from fastbench.script.artillery.test_file import FlowPlan, Picker, TestFile
from fastbench.script.artillery.user_variables import UserVariables
from fastbench.script.artillery.yaml_tree import Map, Refusal
from fastbench.script.exceptions import Broken, Spot
from fastbench.script.load import loader
from fastbench.script.load.script_host import JavaScriptHost, Take, Warn
from fastbench.script.load.source import METHODS, Source
from fastbench.script.run_request import NO_TLS, RunRequest

ARRIVALS = "arrivals"  # the name of a load of several scenarios
_ONE_AT_A_TIME = (
    "--scenario takes one scenario of an Artillery file, whose phases have the same maxVusers."
)
BY_NAME = "vusers_"  # and the name of a scenario: how many users it had


class ArtilleryHost(JavaScriptHost):
    """A file of Artillery."""

    slow_hint = "move slow work from the body of the processor to its functions"

    _test: TestFile
    _users: UserVariables

    def __init__(self, request: RunRequest) -> None:
        super().__init__(request)
        path = os.path.abspath(request.script)
        self._file = path
        self._shown = redact.printable(os.path.basename(path))

    def source(self) -> Source:
        """Return what the file says of itself; it was loaded without an error before."""
        test = self._read()
        flows = test.chosen(self.request.scenarios)
        found = _FlowSource(flows)
        found.calls |= {*METHODS, "add", "check", "ws", "open"}
        found.texts |= {"status"} | {
            name for each in flows for step in each.steps if (name := getattr(step, "name", ""))
        }
        return found

    def load(self, take: Take) -> None:
        """Read the file."""
        data.begin(take)
        remarks.begin()
        metrics.begin()
        try:
            test = self._test = self._read(take)
            self._users = UserVariables(test.config)
            flows = self._flows = test.chosen(self.request.scenarios)
            self._picker = Picker(flows)
            self._counters = [
                metrics.Counter(metric_of(each.name)) for each in flows if len(flows) > 1
            ]
            self.declared = self._declared(test, flows)
        except Refusal as refusal:
            raise Broken("load", str(refusal), Spot(self._shown, refusal.line)) from None
        except UsageError as error:
            raise Broken("load", str(error), Spot(self._shown, 0)) from None

    def _read(self, take: Take = lambda shared, limit: -1) -> TestFile:
        script = yaml_tree.read(loader.text(self._file))
        request = self.request
        told = request.environment, request.env, request.base_url
        return test_file.read(script, self._file, *told, take)

    def _declared(self, test: TestFile, flows: tuple[FlowPlan, ...]) -> Declared:
        names = " | ".join(each.name for each in flows)
        name = flows[0].name if len(flows) == 1 else ARRIVALS
        config = test.config
        scenarios = phases.specs(config.phases, name, names)
        if self.request.scenarios and len(flows) + len(scenarios) > 2:
            raise Refusal(0, _ONE_AT_A_TIME)
        return Declared(
            options=_settings(config, ensure_limits.read(config.ensure, metrics.declared())),
            scenarios=scenarios,
            setup=test.before is not None,
            teardown=test.after is not None,
            metrics=metrics.declared(),
            warnings=remarks.texts(),
        )

    def hear(self, warn: Warn) -> None:
        """Give `warn` what was said, and what will be."""
        remarks.hear(warn)

    async def setup(self, vu: Vu) -> Any:
        """Run `before`; what it captures is every user's."""
        assert self._test.before is not None
        vars = self._users.new({})
        own = dict(vars)
        await self._follow(self._test.before, vu, vars)
        return {key: value for key, value in vars.items() if own.get(key) is not value}

    def iteration(self, scenario: str, data: Any) -> Iteration:
        """Return what one user does: a scenario by weight, from its first step to its last."""
        more = data if isinstance(data, dict) else {}
        flows, users, follow = self._flows, self._users, self._follow
        if len(flows) == 1:
            return lambda vu: follow(flows[0], vu, users.new(more))
        pick, counters = self._picker.pick, self._counters

        async def run(vu: Vu) -> None:
            number = pick()
            counters[number].add(1)
            with group(flows[number].name.replace("::", ":")):
                await follow(flows[number], vu, users.new(more))

        return run

    async def teardown(self, vu: Vu, data: Any) -> None:
        """Run `after`."""
        assert self._test.after is not None
        more = data if isinstance(data, dict) else {}
        await self._follow(self._test.after, vu, self._users.new(more))

    async def _follow(self, plan: FlowPlan, vu: Vu, vars: dict[str, Any]) -> None:
        await plan.run(FlowContext(vu, vars, plan.name))

    def spot(self, stage: str) -> Spot:
        """Return the line of before or after."""
        plan = self._test.before if stage == "setup" else self._test.after
        return Spot(self._shown, plan.line if plan else 0)

    def broken(self, stage: str, error: BaseException) -> Broken:
        """Describe what ended before or after."""
        if isinstance(error, FlowFailed):
            return Broken(stage, f"{error.code}: {error.text}", Spot(self._shown, error.line))
        text = f"{exceptions.type_name(error)}: {exceptions.text_of(error)}"
        trace = exceptions.traceback_of(error, os.path.dirname(self._file))
        return Broken(stage, text, self.spot(stage), trace)

    def sort(self, error: BaseException) -> Hashable:
        """Return what the user failed by, and in which line."""
        if isinstance(error, FlowFailed):
            return error.code, error.line
        return type(error), exceptions.text_of(error)

    def thrown(self, error: BaseException) -> Thrown:
        """Describe what ended a user."""
        if isinstance(error, FlowFailed):
            place = Spot(self._shown, error.line).place
            code, text = redact.printable(error.code), redact.printable(redact.text(error.text))
            return Thrown(code, place, text, "", 1, "")
        trace = exceptions.traceback_of(error, os.path.dirname(self._file))
        kind, text = exceptions.type_name(error), exceptions.text_of(error)
        return Thrown(kind, self._shown, text, "", 1, trace)


class _FlowSource(Source):
    """What the flows do at least and at most, by what a dry run asks."""

    def __init__(self, flows: tuple[FlowPlan, ...]) -> None:
        super().__init__()
        self._flows = flows

    def sleeps_s(self, function: str) -> float:
        """Return how long a user sleeps at least."""
        return min(each.sleeps_s for each in self._flows)

    def requests(self, function: str) -> float:
        """Return how many requests a user sends at most."""
        return max(each.requests for each in self._flows)


def metric_of(name: str) -> str:
    """Return the name of the counter of a scenario's users."""
    return BY_NAME + re.sub(r"\W+", "_", name, flags=re.ASCII)[:100]


def _settings(config: TestConfig, goals: tuple[str, ...]) -> Settings:
    return Settings(
        base_url=_base_url(config.target),
        timeout_s=config.timeout_s,
        tls=_tls(config.tls, config.folder),
        batch_per_host=config.max_sockets,
        no_vu_connection_reuse=not config.pool,
        thresholds={"checks": ("rate>=1",)} if config.checks else {},
        goals=goals,
    )


def _base_url(target: str | None) -> str | None:
    """Return the server as requests know it: ws is HTTP, wss HTTPS."""
    return None if target is None else re.sub("^ws(s?):", r"http\1:", target)


def _tls(given: Map, folder: str) -> Tls:
    files = {
        key: os.path.join(folder, path)
        for key in ("ca", "cert", "key")
        if (path := known_keys.text(given, key, "tls"))
    }
    verify = known_keys.flag(given, "rejectUnauthorized", "tls", True)
    name = known_keys.text(given, "servername", "tls") or ""
    if not given:
        return NO_TLS
    return Tls(verify, files.get("ca"), files.get("cert"), files.get("key"), servername=name)
