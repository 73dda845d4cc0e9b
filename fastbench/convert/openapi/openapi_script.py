"""A description of an interface as a script: a function an operation, and a mix of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from fastbench.convert.expressions import quoted, text
from fastbench.convert.openapi import openapi_file
from fastbench.convert.openapi.openapi_file import ApiOperation, Description, RequestBody
from fastbench.convert.script_text import (
    Block,
    Converted,
    ScriptText,
    constant_name,
    f_string,
    identifier,
)

_WEIGHTS = {"GET": 10, "HEAD": 5, "OPTIONS": 1, "DELETE": 1, "TRACE": 1}
_OTHER_WEIGHT = 3
_BY_METHOD = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def convert(content: str, shown: str, path: str) -> Converted:
    """Return the script of a description; raises UsageError."""
    return _Writer(openapi_file.read(content, shown), shown).written()


@dataclass(slots=True)
class _Writer:
    description: Description
    shown: str
    script: ScriptText = field(init=False)
    prefix: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    weights: list[tuple[str, int]] = field(default_factory=list)

    def written(self) -> Converted:
        title = " ".join(self.description.title.split())
        self.script = script = ScriptText(f"{title}: every operation of {self.shown}.")
        script.use("Options", "check", "env", "scenario", "weighted")
        try:
            server = urlsplit(self.description.server)
        except ValueError:
            script.left(script.constants, f"the server {self.description.server} is no URL")
            server = urlsplit("http://localhost:8080")
        self.prefix = server.path
        script.constants.line(
            f'options = Options(base_url=env("BASE_URL", '
            f"{quoted(f'{server.scheme}://{server.netloc}')}), thresholds="
            '{"http_req_failed": ["rate<0.01"], "checks": ["rate>0.99"]})'
        )
        script.constants.empty()
        for lost in self.description.lost:
            script.left(script.constants, lost)
        last = ScriptText("").function()
        for operation in self.description.operations:
            self._operation(script.function(), operation)
        mix = script.function()
        mix.comment("How often each operation is called, beside the others.")
        pairs = ", ".join(f"{name}: {weight}" for name, weight in self.weights)
        mix.line(f"WEIGHTS = {{{pairs}}}")
        script.functions.append(last)
        last.line("@scenario")
        with last.block("async def mix(vu):"):
            last.line("operation = weighted(WEIGHTS)")
            last.line("await operation(vu)")
        flags = "".join(f" -e {name}=…" for name in sorted(set(self.secrets.values())))
        script.run_line = f"fastbench run SCRIPT.py -u 10 -d 1m{flags}"
        return script.converted()

    def _operation(self, body: Block, operation: ApiOperation) -> None:
        name = self.script.name(identifier(operation.id), operation.method.lower())
        weight = 0 if operation.deprecated else _WEIGHTS.get(operation.method, _OTHER_WEIGHT)
        self.weights.append((name, weight))
        in_path = {p.name: p.value for p in operation.parameters if p.place == "path"}
        for each in re.findall(r"\{([^}]+)\}", operation.path):
            in_path.setdefault(each, "1")
        names = _parameters(in_path)
        defaults = "".join(f", {names[key]}={text(in_path[key])}" for key in in_path)
        with body.block(f"async def {name}(vu{defaults}):"):
            if operation.summary:
                body.docstring(f"{operation.summary.rstrip('.')[:90]}.")
            if operation.deprecated:
                body.comment("Deprecated: its weight is 0.")
            for lost in operation.lost:
                self.script.left(body, lost)
            if operation.tag:
                self.script.use("group")
                tag = operation.tag.replace("::", ":")
                with body.block(f"async with group({quoted(tag)}):"):
                    self._call(body, operation, names)
            else:
                self._call(body, operation, names)

    def _call(self, body: Block, operation: ApiOperation, names: dict[str, str]) -> None:
        pieces: list[str | tuple[str]] = [self.prefix]
        for at, piece in enumerate(re.split(r"\{([^}]+)\}", operation.path)):
            pieces.append((names[piece],) if at % 2 else quote(piece, safe="/:@!$&'()*+,;=~%-._"))
        arguments = [f_string(pieces)]
        cookies, headers, query = self._placed(operation)
        arguments += self._body(body, operation.body, headers) if operation.body else []
        more = self._security(body, operation, headers, query)
        arguments += [f"params={{{', '.join(query)}}}"] if query else []
        arguments += [f"headers={{{', '.join(headers)}}}"] if headers else []
        arguments += [f"cookies={{{', '.join(cookies)}}}"] if cookies else []
        arguments += more
        label = f"{operation.method} {operation.path}"
        arguments.append(f"name={quoted(label)}")
        if operation.method in _BY_METHOD:
            call = f"vu.{operation.method.lower()}({', '.join(arguments)})"
        else:
            call = f"vu.request({quoted(operation.method)}, {', '.join(arguments)})"
        body.line(f"response = await {call}")
        test, said = _expected(operation.statuses)
        body.line(f"check(response, {{{quoted(f'{label} is {said}')}: lambda r: {test}}})")
        body.line("return response")

    @staticmethod
    def _placed(operation: ApiOperation) -> tuple[list[str], list[str], list[str]]:
        """Return cookies, headers and query as members of a dict."""
        found: dict[str, list[str]] = {"cookie": [], "header": [], "query": [], "path": []}
        for each in operation.parameters:
            value = each.value
            if isinstance(value, list) and (each.joined is not None or each.place != "query"):
                value = (each.joined or ",").join(map(str, value))
            if each.place in ("header", "cookie"):
                value = _as_text(value)
            found[each.place].append(f"{quoted(each.name)}: {text(value)}")
        return found["cookie"], found["header"], found["query"]

    def _body(self, body: Block, given: RequestBody, headers: list[str]) -> list[str]:
        if "json" in given.type:
            if given.type != "application/json":
                headers.append(f'"Content-Type": {quoted(given.type)}')
            if given.value is None:
                return ['data="null"']
            return [f"json={text(given.value)}"]
        if given.type == "application/x-www-form-urlencoded" and isinstance(given.value, dict):
            return [f"data={text(given.value)}"]
        if given.type == "multipart/form-data" and isinstance(given.value, dict):
            if not given.files:
                self.script.left(body, "a multipart form without a file is sent URL-encoded")
                return [f"data={text(given.value)}"]
            self.script.use("file")
            fields = {**given.value, **dict.fromkeys(given.files)}
            inner = ", ".join(
                f'{quoted(name)}: file(b"x" * 1024, {quoted(f"{name}.bin")})'
                if name in given.files
                else f"{quoted(name)}: {text(value)}"
                for name, value in fields.items()
            )
            return [f"data={{{inner}}}"]
        if not isinstance(given.value, str):
            self.script.left(body, f"write a body of {given.type}: only its schema is known")
        headers.append(f'"Content-Type": {quoted(given.type)}')
        return [f"data={quoted(given.value if isinstance(given.value, str) else '')}"]

    def _security(
        self, body: Block, operation: ApiOperation, headers: list[str], query: list[str]
    ) -> list[str]:
        """Return the arguments of the security of an operation; its secrets come from env."""
        found = []
        for name in operation.security:
            scheme = self.description.schemes.get(name) or {}
            kind, place = str(scheme.get("type")), str(scheme.get("in"))
            how = str(scheme.get("scheme") or "").lower()
            if kind == "basic" or (kind == "http" and how == "basic"):
                found.append(f"auth=({self._env('USERNAME')}, {self._env('PASSWORD')})")
            elif kind in ("oauth2", "openIdConnect") or (kind == "http" and how == "bearer"):
                found.append(f"bearer={self._env('TOKEN')}")
            elif kind == "apiKey" and place in ("header", "query"):
                key = f"{quoted(str(scheme.get('name')))}: {self._env(name)}"
                (headers if place == "header" else query).append(key)
            elif kind == "apiKey" and place == "cookie":
                found.append(f"cookies={{{quoted(str(scheme.get('name')))}: {self._env(name)}}}")
            else:
                self.script.left(body, f"the security scheme {name} ({kind} {how})".rstrip())
        return found

    def _env(self, name: str) -> str:
        wanted = constant_name(name, "SECRET")
        if wanted not in self.secrets:
            self.secrets[wanted] = self.script.name(wanted.lower()).upper()
            made = self.secrets[wanted]
            self.script.constants.line(f'{made} = env({quoted(made)}, "")')
        return self.secrets[wanted]


def _parameters(wanted: Iterable[str]) -> dict[str, str]:
    """Return the parameters of a function for those of a path: no two have one name."""
    found: dict[str, str] = {}
    for each in wanted:
        name = base = identifier(each)
        number = 2
        while name in (*found.values(), "vu", "response"):
            name, number = f"{base}_{number}", number + 1
        found[each] = name
    return found


def _as_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _expected(statuses: tuple[str, ...]) -> tuple[str, str]:
    """Return what a status is checked for, and how that is called."""
    good = sorted(int(each) for each in statuses if re.fullmatch("[23][0-9][0-9]", each))
    if len(good) == 1:
        return f"r.status == {good[0]}", str(good[0])
    if good:
        return f"r.status in {tuple(good)!r}", " or ".join(map(str, good))
    return "200 <= r.status < 400", "2xx or 3xx"
