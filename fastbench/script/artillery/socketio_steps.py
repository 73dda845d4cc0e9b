"""The engine socketio: `emit` with an event that answers it or its acknowledgement, and requests.

1. The connection is a WebSocket from its first byte; polling is not spoken. Namespaces are
   connected to when a step first names them.
2. An answer is the next event of its channel that fits `data`; without `data` the next one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastbench.script.api import metrics
from fastbench.script.artillery import captures, flow, known_keys
from fastbench.script.artillery.flow import Step
from fastbench.script.artillery.flow_context import FlowContext, FlowFailed, failure_of
from fastbench.script.artillery.templates import UNDEFINED, Template, as_text
from fastbench.script.artillery.test_config import TestConfig
from fastbench.script.artillery.ws_steps import HeardMessage
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

_CONFIG = ("auth", "extraHeaders", "path", "query", "transports")
_STEP = ("acknowledge", "emit", "namespace", "response")
_EMIT = ("channel", "data")
_ANSWER = ("args", "capture", "data", "match")
_RESPONSE = (*_ANSWER, "channel", "concat", "on")
EMITTED = "socketio_emit"  # the counter of events
NOT_VALID = "data is not valid"


class SocketIoSession:
    """The connection of a scenario."""

    def __init__(self, steps: Seq, config: TestConfig) -> None:
        given = config.socketio
        known_keys.refuse_unknown(
            given, _CONFIG, "socketio", {"upgrade": "is not supported: it is a WebSocket at once"}
        )
        transports = known_keys.one_or_more(given, "transports")
        if transports and "websocket" not in transports:
            raise Refusal(
                given.lines["transports"], "transports need websocket; polling is not there."
            )
        if not config.target:
            raise Refusal(steps.line, "socketio needs config.target.")
        self.line = steps.line
        self._path = known_keys.text(given, "path", "socketio") or "/socket.io/"
        self._words = {
            ours: Template(given[key], given.lines[key])
            for key, ours in (("query", "params"), ("extraHeaders", "headers"))
            if given.get(key) is not None
        }
        auth = given.get("auth")
        self.auth = None if auth is None else Template(auth, given.lines["auth"])
        self._timeout_s = config.timeout_s

    async def run(self, context: FlowContext, steps: Sequence[Step]) -> None:
        """Connect, do the steps, disconnect; raises FlowFailed."""
        from fastbench.script.protocols import socketio

        vars = context.vars
        words = {name: _texts(each.render(vars)) for name, each in self._words.items()}
        opening = socketio.open(context.vu, self._path, timeout=self._timeout_s, **words)
        async with opening as io:
            response = io.socket.response
            if response.error_kind:
                raise failure_of(response, self.line)
            context.sockets = spaces = Namespaces(self, io)
            await spaces.of("", context, self.line)
            for step in steps:
                await step.run(context)


class Namespaces:
    """The namespaces of one user, connected to when they are first used."""

    def __init__(self, session: SocketIoSession, io: Any) -> None:
        self._session = session
        self._io = io
        self._known: dict[str, Any] = {}

    async def of(self, name: str, context: FlowContext, line: int) -> Any:
        """Return a namespace; raises FlowFailed when it refuses."""
        whole = name if name.startswith("/") else f"/{name}"
        if whole not in self._known:
            auth = self._session.auth
            said = None if auth is None else auth.render(context.vars)
            found = await self._io.connect(whole, said)
            if not found.connected:
                raise FlowFailed(found.error, line, f"namespace {whole}: {found.error}")
            self._known[whole] = found
        return self._known[whole]


class Emit:
    """An event, and what is awaited for it."""

    requests = sleeps_s = 0.0

    def __init__(self, given: Map, config: TestConfig) -> None:
        known_keys.refuse_unknown(given, _STEP, "an emit")
        self.line = given.lines["emit"]
        self._event = Template(_event(given, self.line), self.line)
        namespace = known_keys.text(given, "namespace", "an emit") or ""
        self._namespace = Template(namespace, given.line)
        self._timeout_s = config.timeout_s
        self._emitted = metrics.Counter(EMITTED)
        self._response = _Answer(given, "response", _RESPONSE, config)
        self._ack = _Answer(given, "acknowledge", _ANSWER, config)
        self._channel: Template | None = None
        if self._response.there:
            answer = given["response"]
            channel = answer.get("channel", answer.get("on"))
            if channel is None:
                raise Refusal(given.lines["response"], "a response needs its channel.")
            self._channel = Template(channel, given.lines["response"])
        if self._response.there and self._ack.there:
            raise Refusal(given.lines["acknowledge"], "an emit awaits a response or acknowledge.")

    async def run(self, context: FlowContext) -> None:
        """Emit it, and await its answer; raises FlowFailed."""
        vars = context.vars
        space = await context.sockets.of(self._namespace.text(vars), context, self.line)
        self._emitted.add(1)
        channel, *args = self._event.render(vars)
        args = [each for each in args if each is not UNDEFINED]
        if self._ack.there:
            ack = await space.call(as_text(channel), *args, timeout=self._timeout_s)
            if not ack.ok:
                raise FlowFailed("response timeout", self.line, "no acknowledgement came")
            self._ack.judge(list(ack.args), context, self.line)
        elif self._channel is not None:
            wanted = self._channel.text(vars)
            await self._answered(space, wanted, as_text(channel), args, context)
        else:
            await space.emit(as_text(channel), *args)

    async def _answered(
        self, space: Any, wanted: str, channel: str, args: list[Any], context: FlowContext
    ) -> None:
        """Emit, and await the event that answers it."""
        found: list[Any] = []
        done = asyncio.Event()

        def take(*more: Any) -> None:
            if not done.is_set():
                found.extend(more)
                if self._response.fits(found, context):
                    done.set()

        space.on(wanted, take)
        space.emit(channel, *args)
        try:
            async with asyncio.timeout(self._timeout_s):
                await done.wait()
        except TimeoutError:
            if not found:
                text = f"no event {wanted} came"
                raise FlowFailed("response timeout", self.line, text) from None
        self._response.judge(found, context, self.line)


class _Answer:
    """What an answer must be, and what is captured of it."""

    def __init__(self, given: Map, key: str, known: Sequence[str], config: TestConfig) -> None:
        self.there = given.get(key) is not None
        self._takes: tuple[captures.Take, ...] = ()
        self._data: Template | None = None
        self._joined = False
        if not self.there:
            return
        what = known_keys.mapping(given, key, "an emit")
        known_keys.refuse_unknown(what, known, f"a {key}")
        self._joined = known_keys.flag(what, "concat", f"a {key}")
        for name in ("data", "args"):
            if what.get(name) is not None:
                self._data = Template(what[name], what.lines[name])
        self._takes = captures.read(_with_path(what), config.strict_capture)

    def fits(self, args: list[Any], context: FlowContext) -> bool:
        """Tell whether the arguments that came are those wanted."""
        if self._data is None:
            return True
        wanted = self._data.render(context.vars)
        if isinstance(wanted, list):
            return bool(args == wanted)
        last = args[-1] if args else UNDEFINED
        if isinstance(wanted, Mapping):
            return bool(last == wanted)
        text = "".join(map(as_text, args)) if self._joined else as_text(last)
        return as_text(wanted) in text

    def judge(self, args: list[Any], context: FlowContext, line: int) -> None:
        """Compare and capture; raises FlowFailed."""
        if not self.fits(args, context):
            raise FlowFailed(NOT_VALID, line, "the answer has other data")
        message = HeardMessage(json.dumps(args, default=repr))
        failed = captures.taken(self._takes, message, context.vars)
        if failed is not None:
            raise FlowFailed("Failed match", failed.line, f"{failed.shown} of an answer")


def of_socketio(given: Map, config: TestConfig) -> Step | None:
    """Read a step of the engine socketio, or a request; None for another one."""
    return Emit(given, config) if "emit" in given else flow.of_http(given, config)


def _event(given: Map, line: int) -> list[Any]:
    """Return channel and arguments of an emit."""
    emit = given["emit"]
    if isinstance(emit, Seq) and emit:
        return list(emit)
    if not isinstance(emit, Map):
        raise Refusal(line, f"emit takes a mapping or a list, not {known_keys.said(emit)}.")
    known_keys.refuse_unknown(emit, _EMIT, "emit")
    if not emit.get("channel"):
        raise Refusal(emit.line, "emit needs its channel.")
    return [emit["channel"], *([emit["data"]] if "data" in emit else [])]


def _with_path(given: Map) -> Map:
    """Return captures and matches with the first argument as default path."""
    found = Map(given.line)
    for key in ("capture", "match"):
        several = Seq(given.line)
        for each in known_keys.one_or_more(given, key):
            if isinstance(each, Map) and not {"json", "regexp", "header"} & each.keys():
                whole = Map(each.line)
                for name, value in each.items():
                    whole.put(name, value, each.lines[name])
                whole.put("json", "$[0]", each.line)
                several.put(whole, each.line)
            else:
                several.put(each, given.line)
        if several:
            found.put(key, several, given.lines[key])
    return found


def _texts(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: as_text(each) for name, each in value.items() if each is not UNDEFINED}
