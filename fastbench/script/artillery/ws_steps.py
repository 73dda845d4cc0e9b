"""The engine ws: a WebSocket for each user, open from before the first step to the last one.

1. Messages that come while no step awaits one are left out, as in Artillery; a `wait` takes those
   that came since the last message was sent.
2. `send` with capture or match awaits the next message: its round trip is an operation.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from fastbench.foundation import redact
from fastbench.script.artillery import captures, known_keys
from fastbench.script.artillery.captures import NO_JSON
from fastbench.script.artillery.flow import Step
from fastbench.script.artillery.flow_context import FlowContext, FlowFailed, failure_of
from fastbench.script.artillery.http_requests import METHODS
from fastbench.script.artillery.templates import Template, Vars, as_text
from fastbench.script.artillery.test_config import TestConfig
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

TIMEOUT_S = 10.0  # of an answer
_CONFIG = ("headers", "subprotocols", "timeout")
_CONNECT = ("headers", "subprotocols", "target")
_REFUSED = {
    "proxy": "is not supported; give the server's own address",
    "function": "is code in JavaScript, which is not supported",
}
_STEPS = ("send", "wait")
_WITH = ("capture", "match", "payload")


class HeardMessage:
    """A message, as captures look at an answer."""

    def __init__(self, message: str | bytes) -> None:
        self.text = message if isinstance(message, str) else message.decode("utf-8", "replace")
        self.headers: Mapping[str, str] = {}
        self.status = 0

    @property
    def document(self) -> Any:
        """The message as JSON; NO_JSON where it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return NO_JSON


class WsSession:
    """The WebSocket of a scenario."""

    def __init__(self, steps: Seq, config: TestConfig) -> None:
        known_keys.refuse_unknown(config.ws, _CONFIG, "ws", _REFUSED)
        self.line = steps.line
        own, line = Map(steps.line), config.ws.line
        if steps and isinstance(steps[0], Map) and "connect" in steps[0]:
            connect, line = steps[0]["connect"], steps[0].lines["connect"]
            if isinstance(connect, Map):
                known_keys.refuse_unknown(connect, _CONNECT, "connect", _REFUSED)
                own = connect
            else:
                own.put("target", connect, line)
            self.line = line
        given = {**config.ws, **own}
        target = given.get("target", config.target)
        if not target:
            raise Refusal(self.line, "a WebSocket needs connect, or config.target.")
        self._target = Template(target, self.line)
        self._headers = Template(given.get("headers") or {}, line)
        protocols = given.get("subprotocols") or []
        self._protocols = [as_text(each) for each in protocols if isinstance(protocols, list)]
        self._timeout_s = config.timeout_s

    async def run(self, context: FlowContext, steps: Sequence[Step]) -> None:
        """Open it, do the steps, close it; raises FlowFailed."""
        vars = context.vars
        opening = context.vu.ws(
            self._target.text(vars),
            headers={name: as_text(each) for name, each in self._headers.render(vars).items()},
            subprotocols=self._protocols,
            timeout=self._timeout_s,
        )
        async with opening as socket:
            if socket.raw is None:
                raise self._refused(socket)
            context.socket = heard = HeardSocket(socket)
            socket.raw.hook = heard.take
            for step in steps:
                await step.run(context)

    def _refused(self, socket: Any) -> FlowFailed:
        response = socket.response
        if response.error_kind:
            return failure_of(response, self.line)
        text = f"Unexpected server response: {response.status}"
        return FlowFailed(text, self.line, redact.printable(socket.error))


class HeardSocket:
    """A socket whose messages go to the step that awaits one."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self._awaited = False
        self._early: deque[str | bytes] = deque(maxlen=100)

    def take(self, message: str | bytes) -> bool:
        """Take a message nobody awaits; False lets the one who awaits it have it."""
        if not self._awaited:
            self._early.append(message)
        return not self._awaited

    def send(self, message: str) -> None:
        """Send a message; what came before it is forgotten."""
        self._early.clear()
        self.socket.send(message)

    async def reply(self, message: str | None, timeout_s: float) -> str | bytes | None:
        """Send a message if there is one, and return the next that comes; None without one."""
        if message is None and self._early:
            return self._early.popleft()
        self._awaited = True
        try:
            if message is None:
                found: str | bytes | None = await self.socket.receive(timeout_s)
            else:
                self._early.clear()
                found = await self.socket.request(message, name="send", timeout=timeout_s)
            return found
        finally:
            self._awaited = False


class WsStep:
    """`send` and `wait`."""

    requests = sleeps_s = 0.0

    def __init__(self, given: Map, config: TestConfig) -> None:
        name = next(key for key in _STEPS if key in given)
        known_keys.refuse_unknown(given, (name,), f"a {name}")
        self.line, params = given.lines[name], given[name]
        self.name = name
        self._takes: tuple[captures.Take, ...] = ()
        payload = params if name == "send" else None
        awaits = isinstance(params, Map) and ("capture" in params or "match" in params)
        if isinstance(params, Map) and awaits:
            known_keys.refuse_unknown(params, _WITH, f"a {name}")
            self._takes = captures.read(params, config.strict_capture)
            payload = params.get("payload")
        elif name == "wait":
            raise Refusal(self.line, "a wait needs capture or match.")
        self._awaits = awaits
        self._payload = None if payload is None else Template(payload, self.line)
        timeout_s = known_keys.time_s(config.ws, "timeout", "ws")
        self._timeout_s = timeout_s or config.timeout_s or TIMEOUT_S

    async def run(self, context: FlowContext) -> None:
        """Send it, and await what is to be captured; raises FlowFailed."""
        heard: HeardSocket = context.socket
        if not heard.socket.open:
            raise FlowFailed("WebSocket is not open", self.line, heard.socket.error or "closed")
        message = None if self._payload is None else _payload(self._payload, context.vars)
        if not self._awaits:
            heard.send(message or "")
            return
        reply = await heard.reply(message, self._timeout_s)
        if reply is None:
            why = "response timeout" if heard.socket.open else "WebSocket is not open"
            raise FlowFailed(why, self.line, f"no message came for {self.name}")
        failed = captures.taken(self._takes, HeardMessage(reply), context.vars)
        if failed is not None:
            raise FlowFailed(captures.FAILED, failed.line, f"{failed.shown} of a message")


def of_ws(given: Map, config: TestConfig) -> Step | None:
    """Read a step of the engine ws; None for another one."""
    if "connect" in given:
        raise Refusal(given.lines["connect"], "connect is the first step of a flow, or none.")
    for method in METHODS:
        if method in given:
            raise Refusal(given.lines[method], f"{method} is no step of the engine ws.")
    return WsStep(given, config) if any(key in given for key in _STEPS) else None


def _payload(template: Template, vars: Vars) -> str:
    """Return a message: objects as JSON, everything else as a text."""
    return as_text(template.render(vars))
