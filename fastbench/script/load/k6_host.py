"""Scripts in JavaScript, as k6 runs them: modules instantiated for each user, in one realm."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import limits
from fastbench.plan.network import connect_to
from fastbench.plan.plan import Tls
from fastbench.results.metric_values import Thrown
from fastbench.results.thresholds.submetric import Tags
from fastbench.script import exceptions, remarks
from fastbench.script.api import data, declare, metrics
from fastbench.script.api.options import Declared, Options
from fastbench.script.api.vu import Iteration, Vu
from fastbench.script.exceptions import Broken, Spot
from fastbench.script.load import loader
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.load.script_host import JavaScriptHost, Take, Warn
from fastbench.script.load.source import Source
from fastbench.script.run_request import K6Words, RunRequest
from fastbench.script.running_load import RunningLoad
from fastbench.script.spec import ARRIVAL, Spec

if TYPE_CHECKING:
    from fastbench.engine.client._client import Pool
    from fastbench.engine.javascript._quickjs import Json
    from fastbench.script.k6.k6_network import Network
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User

_EXPECTED: tuple[str, Tags] = ("http_req_duration", (("expected_response", "true"),))
_PLACE = re.compile(r"^\s*at (?:(.*?) \()?(/[^()\n]*?):(\d+)(?::(\d+))?\)?$", re.MULTILINE)
_IN_PROMISE = "Uncaught (in promise) "


class K6Host(JavaScriptHost):
    """One script of k6; there is one at a time in a process."""

    slow_hint = "move slow work from the body of the module to setup()"

    def __init__(self, request: RunRequest) -> None:
        super().__init__(request)
        path = os.path.abspath(request.script)
        self._folder, self._name = os.path.split(path)
        self._realm: K6Realm = None  # type: ignore[assignment]  # until it is loaded
        self._specs: dict[str, Spec] = {}
        self._network: Network
        self._planned: dict[str, range] = {}  # the numbers of VUs that are there without need
        self._limit_s = request.k6.iteration_limit_s if request.k6 else 0.0

    def source(self) -> Source:
        """Claim nothing: the text of JavaScript is not read."""
        return Source(unread=True)

    def load(self, take: Take) -> None:
        """Run the script's modules once, for its options and exports."""
        declare.begin(self.request.env)
        metrics.give_way()
        data.begin(take)
        remarks.begin()
        try:
            place = loader.find(self.request.script)
            text = loader.text(place.file).decode("utf-8")
        except UsageError as error:
            raise Broken(
                "load", str(error), Spot(redact.printable(self.request.script), 0)
            ) from None
        except UnicodeDecodeError:
            raise Broken(
                "load",
                "the file is not UTF-8 text; save it as UTF-8",
                Spot(self._name, 0),
            ) from None
        self._folder = place.folder
        begin = _begin(self.request.script)
        user = None
        try:
            said = self.request.k6 or K6Words()
            workers = self.request.workers or limits.usable_cores()
            self._realm = begin(place.file, text, self.request.env, take, said, workers)
            user = self._user()
            _finish(user.instantiate())
        except Exception as error:
            raise self.broken("load", error) from None
        try:
            self.declared = self._declared(user)
        except UsageError as error:
            raise self.broken("options", error) from None

    @property
    def options(self) -> dict[str, Any]:
        """The script's options, with those of the command line."""
        return self._realm.options

    def submetrics(self, applied: Applied) -> list[tuple[str, Tags]]:
        """Return those of thresholds, and what k6 always has in its summary."""
        found = super().submetrics(applied)
        return found if _EXPECTED in found else [*found, _EXPECTED]

    def _declared(self, user: K6User) -> Declared:
        from fastbench.script.k6 import k6_option_names, k6_settings

        found = user.export("options")
        try:
            given = found.copy() if found is not None else {}
        except Exception as error:  # a getter, or a number without end
            said = exceptions.text_of(error)
            raise UsageError(f"options cannot be read: {redact.printable(said)}.") from None
        if not isinstance(given, dict):
            raise UsageError("options is an object such as { vus: 10, duration: '30s' }.")
        if place := self._realm.function_in(given):
            raise UsageError(f"options.{place} is a function; an option is a value, as in JSON.")
        given, told = k6_settings.joined(given, self.request.k6 or K6Words())
        options: Options = k6_settings.options_of(given)
        self._realm.options = given
        self._realm.throws = bool(given.get("throw"))
        if given.get("discardResponseBodies"):
            self._realm.response_type = "none"
        self._limits(given)
        self._realm.settled = self._settled(given)
        hosts = given.get("hosts") or {}
        self._hosts(k6_settings.object_of("hosts", hosts, "{ 'example.com': '127.0.0.1:8080' }"))
        specs = tuple(spec for spec, _ in options.scenarios.values()) or (
            Spec("default", "default"),
        )
        for spec in specs:
            what = user.export(spec.function)
            if what is None or not what.callable:
                raise UsageError(
                    f"Scenario {spec.name}: the script exports no function "
                    f"{redact.printable(spec.function)}"
                    + (
                        "; write `export default function () { … }`."
                        if spec.function == "default"
                        else "."
                    )
                )
        self._specs = self._realm.scenarios = {spec.name: spec for spec in specs}
        metrics.close()
        has = {
            name: (each := user.export(name)) is not None and each.callable
            for name in ("setup", "teardown", "handleSummary")
        }
        return Declared(
            options=options.settings,
            scenarios=specs,
            setup=has["setup"] and not given.get("noSetup"),
            teardown=has["teardown"] and not given.get("noTeardown"),
            metrics=metrics.declared(),
            warnings=remarks.texts(),
            lost=(*told, *self._realm.isolate_if_changed(), *k6_option_names.unused(given)),
            summary=has["handleSummary"],
            looks=self._looks(),
        )

    def _looks(self) -> bool:
        from fastbench.script.k6.modules import k6_execution

        return self._realm.modules.mention(*k6_execution.COUNTED)

    def _settled(self, given: Mapping[str, Any]) -> Json:
        """Return what exec.test.options is: also with what our own flags say."""
        from fastbench.engine.javascript._quickjs import Json
        from fastbench.script.k6 import k6_options

        said = k6_options.said(given, self.request)
        return Json(json.dumps(k6_options.settled({**given, **said})).encode())

    def _limits(self, given: dict[str, Any]) -> None:
        """Take what is for all requests: connections, a rate, and servers that are blocked."""
        from fastbench.script.k6 import k6_network, k6_settings
        from fastbench.script.k6.k6_pace import Pace

        found = self._network = k6_network.read(given)
        blocked = self._realm.blocked = k6_settings.blocked(given)
        self.request = replace(
            self.request,
            blocked=blocked or self.request.blocked,
            family=self.request.family or found.family,
            one_address=self.request.one_address or found.one_address,
        )
        if rps := k6_settings.rate_of(given.get("rps")):
            begun_ns = (self.request.k6 or K6Words()).made_ns
            self._realm.pace = Pace(rps, begun_ns, self._realm.take)

    def _hosts(self, hosts: Mapping[str, Any]) -> None:
        """Let names lead where `options.hosts` says, as --connect-to does, which comes first."""
        from fastbench.script.k6 import k6_settings

        rules = (*self.request.connect_to, *connect_to.parse(k6_settings.leading(hosts)))
        self.request = replace(self.request, connect_to=rules)

    def connects(self, pool: Pool, tls: Tls) -> None:
        """Let connections be as options want them."""
        self._network.connect(pool, tls, self._realm.console)

    def hear(self, warn: Warn) -> None:
        """Give `warn` what was said, and what will be."""
        remarks.hear(warn)

    def follow(self, now: RunningLoad) -> None:
        """Let k6/execution look at the run, whose scenarios are those that the words ask for."""
        self._realm.now = now
        specs = self.applied().scenarios
        self._realm.scenarios = {spec.name: spec for spec in specs}
        first = 1
        for spec in specs:
            planned = spec.pre_allocated_vus if spec.executor in ARRIVAL else spec.most_vus
            self._planned[spec.name] = range(first, first + (planned or 0))
            self._realm.first_vus[spec.name] = first
            first += spec.most_vus

    def prepare(self, vu: Vu) -> None:
        """Run the script's modules for a user; what they throw, its first iteration throws."""
        if self._realm.now is not None and vu.id not in self._planned[vu.scenario]:
            self._realm.now.add_extra()
        with contextlib.suppress(Exception):
            user = self._user(vu)
            _finish(user.instantiate())
            vu._user = user

    async def setup(self, vu: Vu) -> Any:
        """Call the exported setup(); its result goes through JSON."""
        user = await self._instance(vu)
        function = user.export("setup")
        assert function is not None
        result = await user.js.call(function)
        text = None if result is None else result.json()
        if text is None:
            return None
        found = json.loads(text)
        if "\\ud" in text:  # halves of pairs are no text elsewhere
            whole = json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")
            found = json.loads(whole)
        return found

    def iteration(self, scenario: str, data: Any) -> Iteration:
        """Return what calls the function of a scenario."""
        function = self._specs[scenario].function
        raw = None if data is None else json.dumps(data).encode()

        numbered = self._numbers()

        def first(vu: Vu) -> Any:
            return self._first(vu, function, raw, numbered)

        def iterate(vu: Vu) -> Any:
            user = vu._user
            if user is None or user.function is None:
                return first(vu)
            if user.left and user.holds():
                user.tidy()
            if numbered is not None and user.scenario is not None:
                numbered(user, user.scenario)
            return user.js.again(vu.iteration)

        return iterate

    def _numbers(self) -> Callable[[K6User, Spec], int] | None:
        """Return what gives an iteration its number as it begins; None for who never asks."""
        from fastbench.script.k6.modules import k6_execution

        wanted = self._realm.modules.mention(*k6_execution.NUMBERS)
        return k6_execution.number if wanted else None

    async def _first(
        self,
        vu: Vu,
        function: str,
        raw: bytes | None,
        numbered: Callable[[K6User, Spec], int] | None,
    ) -> None:
        """Run the first iteration of a virtual user."""
        user = vu._user
        if user is None:
            user = await self._instance(vu)
            vu._user = user
        user.function = user.export(function)
        assert user.function is not None  # looked at while it was loaded
        argument = None if raw is None else user.js.realm.parse(raw)
        user.js.number(vu.id, vu.iteration)
        if numbered is not None and user.scenario is not None:
            numbered(user, user.scenario)
        user.js.limit(self._limit_s)
        await user.js.call(user.function, argument)

    def _user(self, vu: Vu | None = None) -> K6User:
        from fastbench.script.k6.k6_user import K6User

        return K6User(self._realm, vu)

    def instance(self) -> K6User:
        """Return a user that belongs to no scenario, with its modules run."""
        user = self._user()
        _finish(user.instantiate())
        return user

    async def _instance(self, vu: Vu) -> K6User:
        user = self._user(vu)
        await user.instantiate()
        return user

    async def teardown(self, vu: Vu, data: Any) -> None:
        """Call the exported teardown()."""
        user = await self._instance(vu)
        function = user.export("teardown")
        assert function is not None
        argument = None if data is None else user.js.realm.parse(json.dumps(data).encode())
        await user.js.call(function, argument)

    def spot(self, stage: str) -> Spot:
        """Return the script: no line is known of a function that was not called."""
        return Spot(self._name, 0)

    def broken(self, stage: str, error: BaseException) -> Broken:
        """Describe what ended loading, setup or teardown."""
        if isinstance(error, UsageError):
            return Broken(stage, exceptions.text_of(error), Spot(self._name, 0))
        found = self.thrown(error)
        file, _, line = found.place.rpartition(":")
        spot = Spot(file, int(line)) if file and line.isdigit() else Spot(found.place, 0)
        return Broken(
            stage,
            f"{found.type}: {found.text}" if found.text else found.type,
            spot,
            found.traceback,
        )

    def sort(self, error: BaseException) -> Hashable:
        """Return its class, and its place."""
        return type(error), getattr(error, "name", ""), self._place(error)

    def thrown(self, error: BaseException) -> Thrown:
        """Describe an error with the script's own lines."""
        name = getattr(error, "name", "") or _kind(error)
        text = exceptions.text_of(error).removeprefix(f"{name}: ")
        if self._realm is not None:
            text = self._realm.with_cure(name, text)
        text = text.replace(f"{_IN_PROMISE}{name}: ", _IN_PROMISE, 1)
        for secret in self._realm.hidden if self._realm is not None else ():
            text = text.replace(secret, "***SECRET_REDACTED***")
        stack = "\n".join(
            f"    at {match[1] or '(top)'} ({self._shown(match[2])}:{match[3]}:{match[4] or 1})"
            for match in _PLACE.finditer(self._stack(error))
        )
        return Thrown(name, self._place(error), text, "", 1, stack)

    def _place(self, error: BaseException) -> str:
        found = _PLACE.search(self._stack(error))
        return f"{self._shown(found[2])}:{found[3]}" if found else self._name

    def _stack(self, error: BaseException) -> str:
        """Return an error's stack with the author's lines and columns."""
        stack = getattr(error, "stack", "") or ""
        return self._realm.modules.mapped(stack) if self._realm is not None else stack

    def _shown(self, path: str) -> str:
        return exceptions.relative(path, self._folder)


def _begin(script: str) -> Callable[..., K6Realm]:
    try:
        from fastbench.script.k6.modules.k6_prelude import begin
    except ImportError:
        raise Broken(
            "load",
            "this fastbench was built without JavaScript: quickjs-ng could not be fetched; "
            "run `make build` again where PyPI is in reach",
            Spot(os.path.basename(script), 0),
        ) from None
    return begin


def _kind(error: BaseException) -> str:
    """Name what was thrown; a value of a script that is no Error has no name of its own."""
    return "Uncaught" if hasattr(error, "stack") else type(error).__name__


def _finish(awaitable: Awaitable[Any]) -> Any:
    """Run what waits for nothing to its end."""
    steps = awaitable.__await__()
    try:
        while True:
            if next(steps) is not None:
                raise UsageError(
                    "The script waits while it is loaded; only its functions may send requests."
                )
    except StopIteration as end:
        return end.value
