"""A request of a flow: `get`, `post`, … with what it sends, captures and expects."""

from __future__ import annotations

import mimetypes
import os
import random
from collections.abc import Callable, Mapping
from typing import Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file
from fastbench.script import remarks
from fastbench.script.api.checks import check
from fastbench.script.artillery import captures, conditions, expectations, known_keys, processor
from fastbench.script.artillery.expectations import Expectation
from fastbench.script.artillery.flow_context import (
    FlowContext,
    FlowFailed,
    ReceivedAnswer,
    failure_of,
)
from fastbench.script.artillery.templates import UNDEFINED, Template, Vars, as_text
from fastbench.script.artillery.test_config import TestConfig
from fastbench.script.artillery.yaml_tree import Map, Refusal, of_json
from fastbench.script.http import bodies

METHODS = ("delete", "get", "head", "options", "patch", "post", "put")
_KEYS = (
    *("auth", "body", "capture", "cookie", "expect", "followRedirect", "form", "formData", "gzip"),
    *("headers", "ifTrue", "json", "match", "name", "probability", "qs", "url"),
)
_BODIES = ("json", "body", "form", "formData")
_PARTS = ("contentType", "fromFile", "value")
_CODINGS = "gzip, deflate"

Words = dict[str, Any]
Fill = Callable[[Vars, Words], None]


class HttpRequest:
    """One request; `run` sends it and awaits the answer."""

    requests = 1.0
    sleeps_s = 0.0

    def __init__(self, method: str, given: Map, config: TestConfig) -> None:
        what = f"the request {method}"
        known_keys.refuse_unknown(given, (*_KEYS, *processor.OF_REQUESTS), what, _REFUSED)
        self._given, self._hooks = (
            given,
            {
                key: (*config.hooks.get(key, ()), *processor.named(given, key, config))
                for key in processor.OF_REQUESTS
            },
        )
        url = known_keys.text(given, "url", what)
        if not url:
            raise Refusal(given.line, f"{what} needs a url.")
        self.line = given.line
        self._method = method.upper()
        self._url = Template(url, given.lines["url"])
        self._config = config
        self._name = _name(given, url, config)
        self.name = f"{self._method} {self._name.value}"
        self._chance = known_keys.number(given, "probability", what)
        condition = known_keys.text(given, "ifTrue", what)
        self._holds = condition and conditions.compiled(condition, given.lines["ifTrue"])
        self._takes = captures.read(given, config.strict_capture)
        self._expected = self._expectations(given)
        self._fixed: Words = {}
        self._fills: list[Fill] = []
        self._read(given, what)
        self._check_url(url, given)

    def _check_url(self, url: str, given: Map) -> None:
        if not url.startswith(("/", "http:", "https:", "{{")):
            shown = redact.printable(redact.url(url))
            raise Refusal(
                given.lines["url"], f"the url {shown} begins with /, http:// or https://."
            )

    def _expectations(self, given: Map) -> tuple[Expectation, ...]:
        found = expectations.read(given, self.name)
        plugin = self._config.expect
        if plugin is None:
            if found:
                remarks.tell(
                    "expect_unused",
                    f"line {given.lines['expect']}: expect has no effect",
                    "add `plugins: {expect: {}}` to config",
                )
            return ()
        found = found or (expectations.default(self.name) if plugin.default_200 else ())
        self._config.checks |= bool(found)
        return found

    def _read(self, given: Map, what: str) -> None:
        """Read what it sends: what never changes apart from what is filled in each time."""
        if not known_keys.flag(given, "followRedirect", what, True):
            self._fixed["redirects"] = 0
        self._headers(given, what)
        for key in ("qs", "cookie", "auth"):
            if key in given:
                known_keys.mapping(given, key, what)
        if (qs := given.get("qs")) is not None:
            self._put("params", Template(qs, given.lines["qs"]), _without_undefined)
        cookies = {**self._config.cookies, **(given.get("cookie") or {})}
        if cookies:
            line = given.lines.get("cookie", self.line)
            self._put("cookies", Template(cookies, line), _texts)
        if (auth := given.get("auth")) is not None:
            known_keys.refuse_unknown(auth, ("user", "pass"), "auth")
            pair = [auth.get("user", ""), auth.get("pass", "")]
            template = Template(pair, given.lines["auth"])
            self._put("auth", template, lambda value: tuple(map(as_text, value)))
        there = [key for key in _BODIES if given.get(key) is not None]
        if len(there) > 1:
            raise Refusal(
                given.lines[there[1]], f"{what} has {there[0]} and {there[1]}; keep one of them."
            )
        for key in there:
            getattr(self, f"_read_{key.lower()}")(given, given[key], given.lines[key], what)

    def _headers(self, given: Map, what: str) -> None:
        own = known_keys.mapping(given, "headers", what)
        known_keys.flag(given, "gzip", what, True)
        headers = {name.lower(): (name, value) for name, value in self._config.headers.items()}
        if given.get("gzip") is not False:
            headers = {"accept-encoding": ("Accept-Encoding", _CODINGS), **headers}
        headers |= {name.lower(): (name, value) for name, value in own.items()}
        if headers:
            line = given.lines.get("headers", self.line)
            self._put("headers", Template(dict(headers.values()), line), _texts)

    def _read_json(self, given: Map, value: Any, line: int, what: str) -> None:
        self._put("json", Template(value, line), lambda found: found)

    def _read_body(self, given: Map, value: Any, line: int, what: str) -> None:
        self._put("data", Template(known_keys.text(given, "body", what), line), as_text)

    def _read_form(self, given: Map, value: Any, line: int, what: str) -> None:
        known_keys.mapping(given, "form", what)
        self._put("data", Template(value, line), _without_undefined)

    def _read_formdata(self, given: Map, value: Any, line: int, what: str) -> None:
        parts = known_keys.mapping(given, "formData", what)
        for name, each in parts.items():
            if isinstance(each, Map):
                known_keys.refuse_unknown(each, _PARTS, f"{name} of formData")
                if ("fromFile" in each) == ("value" in each):
                    raise Refusal(each.line, f"{name} of formData needs fromFile or value.")
        template = Template(value, line)

        def fill(vars: Vars, words: Words) -> None:
            rendered = template.render(vars)
            words["files"] = {key: self._part(key, rendered[key], line) for key in rendered}

        self._fills.append(fill)

    def _part(self, name: str, value: Any, line: int) -> Any:
        if not isinstance(value, Mapping):
            return as_text(value)
        kind = as_text(value.get("contentType") or "")
        if "fromFile" not in value:
            return (
                bodies.file(as_text(value["value"]), "", kind) if kind else as_text(value["value"])
            )
        path = os.path.join(self._config.folder, as_text(value["fromFile"]))
        try:
            data = self._config.file_bytes(path, text_file.read_bytes)
        except UsageError as error:
            raise FlowFailed("ENOENT", line, str(error)) from None
        guessed = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return bodies.file(data, os.path.basename(path), kind or guessed)

    def _put(self, word: str, template: Template, convert: Callable[[Any], Any]) -> None:
        if template.constant:
            self._fixed[word] = convert(template.value)
            return

        def fill(vars: Vars, words: Words) -> None:
            words[word] = convert(template.render(vars))

        self._fills.append(fill)

    async def run(self, context: FlowContext) -> None:
        """Send it, unless its condition or its probability says no; raises FlowFailed."""
        vars = context.vars
        if self._hooks["beforeRequest"]:
            await self._changed(context)
            return
        if self._chance is not None and random.randint(0, 100) >= self._chance:
            return
        if self._holds and not self._holds(vars):
            return
        url = self._url.text(vars)
        words = self._fixed
        if self._fills:
            words = dict(words)
            for fill in self._fills:
                fill(vars, words)
        if not url.startswith("/"):
            if not url.startswith("http"):
                shown = redact.printable(redact.url(url))
                raise FlowFailed(f"Invalid URL - {shown}", self.line, f"Invalid URL - {shown}")
        elif "params" in words:
            url = url.partition("?")[0]
        name = self._name.text(vars)
        response = await context.vu.request(self._method, url, name=name, **words)
        if response.error_kind:
            raise failure_of(response, self.line)
        answer = ReceivedAnswer(response, captures.NO_JSON)
        failed = captures.taken(self._takes, answer, vars) if self._takes else None
        if self._hooks["afterResponse"]:
            await self._tell(answer, context)
        if failed is not None or self._expected:
            self._judge(answer, vars, failed)

    async def _changed(self, context: FlowContext) -> None:
        """Let functions change the request, and send what became of it."""
        request: Any = {**self._given, "method": self._method}
        for name, line in self._hooks["beforeRequest"]:
            assert self._config.processor is not None  # it was looked at
            found = await self._config.processor.call(
                "request", name, context, line, request=request
            )
            request = found["request"]
        given = Map(self.line)
        for key, value in request.items():
            if key in _KEYS:
                line = self._given.lines.get(key, self.line)
                same = value == self._given.get(key)
                given.put(key, self._given[key] if same else of_json(value, line), line)
        try:
            changed = HttpRequest(self._method.lower(), given, self._config)
        except Refusal as refusal:
            raise FlowFailed(str(refusal), self.line, str(refusal)) from None
        changed._hooks = {**self._hooks, "beforeRequest": ()}
        changed._name = self._name
        await changed.run(context)

    async def _tell(self, answer: ReceivedAnswer, context: FlowContext) -> None:
        """Show the answer to functions."""
        request = {**self._given, "method": self._method, "url": answer.response.url}
        headers = {name.lower(): value for name, value in answer.headers.items()}
        response = {"statusCode": answer.status, "headers": headers, "body": answer.text}
        for name, line in self._hooks["afterResponse"]:
            assert self._config.processor is not None  # it was looked at
            await self._config.processor.call(
                "response", name, context, line, request=request, response=response
            )

    def _judge(self, answer: ReceivedAnswer, vars: Vars, failed: captures.Take | None) -> None:
        """Check what came; raises FlowFailed, also for what could not be captured."""
        if self._expected:
            held = {each.name: each.holds(answer, vars) for each in self._expected}
            plugin = self._config.expect
            if not check(None, held) and plugin is not None and plugin.failures_are_errors:
                text = f"Failed expectations for request {self._name.text(vars)}"
                raise FlowFailed(text, self.line, text)
        if failed is not None:
            raise FlowFailed(captures.FAILED, failed.line, f"{failed.shown} of {self.name}")


def _name(given: Map, url: str, config: TestConfig) -> Template:
    """Return what a request is called in the report: its name, else its url as it is written."""
    name = known_keys.text(given, "name", "the request")
    if name:
        return Template(name, given.lines["name"])
    path = url.removeprefix("{{ target }}").removeprefix("{{target}}")
    path = path.removeprefix(config.target or "") or "/"
    if config.strips_query:
        path = path.partition("?")[0]
    if config.groups_urls:  # the text as it stands, templates and all
        found = Template("", given.line)
        found.value, found.render = path, lambda vars: path
        return found
    return Template(path, given.lines["url"])


_REFUSED = {
    "setContentLengthHeader": "is not needed: the length is always sent",
    "uri": "is not supported; write url",
}


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: as_text(each) for name, each in value.items() if each is not UNDEFINED}


def _without_undefined(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _field(each) for name, each in value.items() if each is not UNDEFINED}


def _field(value: Any) -> Any:
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return as_text(value)
