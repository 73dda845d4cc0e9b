"""A test of Artillery as a script: phases are executors, flows functions, weights a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from fastbench.convert.artillery.flow_code import FlowCode
from fastbench.convert.expressions import quoted, text
from fastbench.convert.script_text import Block, Converted, ScriptText
from fastbench.foundation.usage_error import UsageError
from fastbench.script.artillery import known_keys, phases, yaml_tree
from fastbench.script.artillery.phases import MAX_VUS, Phase
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

_READ = ("target", "phases", "variables", "payload", "http", "defaults", "tls", "timeout")
_WITHOUT_MEANING = ("plugins", "environments", "engines", "apdex", "processor")


def convert(content: str, shown: str, path: str) -> Converted:
    """Return the script of a test; raises UsageError with the line of what is wrong."""
    try:
        whole = yaml_tree.read(content.encode(), extra="convert")
        if not isinstance(whole, Map):
            raise Refusal(1, "a file of Artillery is a mapping with config and scenarios.")
        config = known_keys.mapping(whole, "config", "the file")
        flows = known_keys.listing(whole, "scenarios", "the file")
        if not flows:
            raise Refusal(whole.line, "the file has no scenarios.")
        return _Writer(whole, config, flows, shown, phases.read(config)).written()
    except Refusal as error:
        where = f", line {error.line}" if error.line else ""
        raise UsageError(f"{shown}{where}: {error}") from None


@dataclass(slots=True)
class _Writer:
    whole: Map
    config: Map
    flows: Seq
    shown: str
    phases: list[Phase]
    script: ScriptText = field(init=False)
    target: str = ""
    common: list[tuple[str, str]] = field(default_factory=list)  # variables and their sources
    captured: list[str] = field(default_factory=list)  # by `before`
    plain: dict[str, str] = field(default_factory=dict)  # headers of all requests
    filled: Map = field(default_factory=Map)  # those that have templates

    def written(self) -> Converted:
        self.script = script = ScriptText(f"Artillery's {self.shown} as a script.")
        self.target = str(self.config.get("target") or "http://localhost:8080").rstrip("/")
        if "{{" in self.target:
            self.target = "http://localhost:8080"
        names = []
        bodies: list[Block] = []
        options = script.constants
        self._headers()
        self._variables(options)
        for key in ("before", "after"):
            if isinstance(self.whole.get(key), Map):
                self._hook(key, self.whole[key])
        for number, (each, line) in enumerate(zip(self.flows, self.flows.lines, strict=True)):
            if not isinstance(each, Map):
                raise Refusal(line, f"a scenario is a mapping, not {known_keys.said(each)}.")
            wanted = known_keys.text(each, "name", "a scenario") or f"flow {number + 1}"
            weight = str(each.get("weight", 1))
            names.append((script.name(wanted, "flow"), int(weight) if weight.isdecimal() else 1))
            bodies.append(script.function())
            self._flow(bodies[-1], names[-1][0], each)
        self._load(options, bodies, names)
        script.run_line = "fastbench run SCRIPT.py"
        return script.converted()

    def _load(self, options: Block, bodies: list[Block], names: list[tuple[str, int]]) -> None:
        """Write what runs, by the phases, and the options of it."""
        main, data = names[0][0], ", data" if self.captured else ""
        decorated = bodies[0]
        if len(names) > 1:
            self.script.use("weighted")
            pairs = ", ".join(f"{name}: {weight}" for name, weight in names)
            self.script.function().line(f"WEIGHTS = {{{pairs}}}")
            main = self.script.name("user")
            decorated = self.script.function()
            with decorated.block(f"async def {main}(vu{data}):"):
                decorated.line("flow = weighted(WEIGHTS)")
                decorated.line(f"await flow(vu{data})")
        arguments = self._arguments(options)
        if any(each.arrivals for each in self.phases):
            scenario = ", ".join(f"{quoted(k)}: {v}" for k, v in self._executor(main).items())
            arguments.append(f'scenarios={{"arrivals": {{{scenario}}}}}')
        else:
            self.script.use("scenario")
            decorated.lines.insert(0, "@scenario")
        own = Block()
        own.line(f"options = Options({', '.join(arguments)})")
        options.lines[:0] = [*own.lines, ""]

    def _arguments(self, options: Block) -> list[str]:
        """Return the arguments of Options that config sets."""
        self.script.use("Options", "env")
        config = self.config
        found = [f'base_url=env("BASE_URL", {quoted(self.target)})']
        http = known_keys.mapping(config, "http", "config")
        timeout_s = known_keys.time_s(http, "timeout", "http")
        found.append(f"timeout={text(timeout_s or 10.0).removesuffix('.0')}")
        if self.plain:
            found.append(f"headers={text(self.plain)}")
        if known_keys.mapping(config, "tls", "config").get("rejectUnauthorized") is False:
            found.append("insecure_skip_tls_verify=True")
        for key, line in config.lines.items():
            if key not in (*_READ, *_WITHOUT_MEANING):
                self.script.left(options, f"config.{key}", line)
        if "processor" in config:
            self.script.left(
                options, f"functions of {config['processor']}", config.lines["processor"]
            )
        return found

    def _headers(self) -> None:
        """Read the headers of all requests, apart those that a flow fills in."""
        http = known_keys.mapping(self.config, "http", "config")
        defaults = [_map(self.config.get("defaults")), known_keys.mapping(http, "defaults", "http")]
        given = [headers for each in defaults if (headers := _map(each.get("headers")))]
        for name, value in given[-1].items() if given else ():
            (self.filled if "{{" in str(value) else self.plain)[name] = str(value)

    def _executor(self, function: str) -> dict[str, str]:
        """Return the executor of the phases: arrivals a second as stages."""
        arrivals = math.ceil(round(math.fsum(each.arrivals for each in self.phases), 6))
        limits = [each.max_vusers for each in self.phases if each.max_vusers]
        most = max(limits) if limits else max(1, min(MAX_VUS, arrivals))
        first = self.phases[0]
        common = {
            "time_unit": '"1s"',
            "pre_allocated_vus": str(min(most, 100)),
            "max_vus": str(most),
            "graceful_stop": '"1h"',
            "exec": quoted(function),
        }
        if len(self.phases) == 1 and first.first == first.last:
            rate = _number(first.first)
            duration = quoted(f"{_number(first.length_s)}s")
            return {
                "executor": '"constant-arrival-rate"',
                "rate": rate,
                "duration": duration,
                **common,
            }
        stages, level = [], first.first
        for each in self.phases:
            if each.first != level:
                stages.append(f'("0s", {_number(each.first)})')
            stages.append(f"({quoted(f'{_number(each.length_s)}s')}, {_number(each.last)})")
            level = each.last
        return {
            "executor": '"ramping-arrival-rate"',
            "start_rate": _number(first.first),
            "stages": f"[{', '.join(stages)}]",
            **common,
        }

    def _variables(self, block: Block) -> None:
        """Read what every user has: variables of config, and a row of each payload."""
        code = FlowCode(self.script, block, self.target)
        for name, value in known_keys.mapping(self.config, "variables", "config").items():
            if isinstance(value, Seq):
                self.script.use("random_item")
                self.common.append((name, f"random_item({code.value(value)})"))
            else:
                self.common.append((name, code.value(value)))
        for each in known_keys.one_or_more(self.config, "payload"):
            if not isinstance(each, Map) or not each.get("path"):
                continue
            table = self.script.name("rows").upper()
            self.script.use("data")
            block.line(f"{table} = data({quoted(str(each['path']))})")
            if not each.get("skipHeader"):
                self.script.left(
                    block, f"{each['path']}: its first line must name its fields", each.line
                )
            row = "sequential" if each.get("order") == "sequence" else "random"
            self.common.append(("$row", f"{table}.{row}()"))
            for name in each.get("fields") or ():
                self.common.append((str(name), f"row[{quoted(str(name))}]"))

    def _hook(self, key: str, given: Map) -> None:
        """Write before and after: setup, whose captures every flow has, and teardown."""
        decorator = "setup" if key == "before" else "teardown"
        self.script.use(decorator)
        block = self.script.function()
        block.line(f"@{decorator}")
        name = self.script.name("prepare" if key == "before" else "clean_up")
        data = ", data" if key == "after" and self.captured else ""
        with block.block(f"async def {name}(vu{data}):"):
            code = self._begin(block, given, with_data=bool(data))
            before = set(code.known)
            code.steps(known_keys.listing(given, "flow", key))
            if key == "before":
                self.captured = [n for n in code.known if n not in before and n[:1] != "$"]
                if self.captured:
                    pairs = ", ".join(f"{quoted(n)}: {code.known[n]}" for n in self.captured)
                    block.line(f"return {{{pairs}}}")

    def _begin(self, block: Block, given: Map, *, with_data: bool) -> FlowCode:
        """Write the variables that a flow begins with, those that it uses."""
        code = FlowCode(self.script, block, self.target, self.filled)
        shown = f"{given} {self.filled}"
        row = any(source.startswith("row[") and name in shown for name, source in self.common)
        for name, source in self.common:
            if name == "$row":
                if row:
                    block.line(f"row = {source}")
            elif name in shown:
                block.line(f"{code.variable(name)} = {source}")
        for name in (n for n in self.captured if with_data and n in shown):
            block.line(f"{code.variable(name)} = data[{quoted(name)}]")
        return code

    def _flow(self, block: Block, name: str, given: Map) -> None:
        data = ", data" if self.captured else ""
        with block.block(f"async def {name}(vu{data}):"):
            engine = given.get("engine", "http")
            code = self._begin(block, given, with_data=bool(data))
            if engine != "http":
                self.script.left(block, f"a flow of the engine {engine} (see vu.ws)", given.line)
                return
            for key in ("beforeScenario", "afterScenario", "beforeRequest", "afterResponse"):
                if key in given:
                    self.script.left(block, f"{key}: {given[key]}", given.lines[key])
            code.steps(known_keys.listing(given, "flow", "a scenario"))


def _map(given: Any) -> Map:
    return given if isinstance(given, Map) else Map()


def _number(value: float) -> str:
    return f"{value:g}"
