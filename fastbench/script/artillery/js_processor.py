"""Functions of config.processor, in the JavaScript engine that runs scripts of k6.

1. The module is instantiated for each virtual user; variables go there and back as JSON at each
   call. A function is called as Artillery does: an async one is awaited, another one calls back.
2. Modules of Node.js are not there. What a function emits (counters, histograms) is not counted,
   and a warning says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.script import exceptions, remarks
from fastbench.script.artillery.flow_context import FlowContext, FlowFailed
from fastbench.script.artillery.templates import UNDEFINED
from fastbench.script.artillery.yaml_tree import Refusal

_NAMED_HERE = ("$env", "$processEnvironment")  # of the shell: there they are __ENV
_WRAPPER = """
import * as loaded from %s;
const own = Object.assign({}, loaded.default, loaded);
export const names = Object.keys(own).filter((name) => typeof own[name] === "function");
const called = (work, given, asks) => new Promise((resolve, reject) => {
  if (work.constructor.name !== "Function") {
    Promise.resolve(work(...given)).then(resolve, reject);
    return;
  }
  work(...given, (said) => (asks || !said ? resolve(said) : reject(said)));
});
export default async function (given) {
  const vars = given.vars;
  vars.$env = vars.$processEnvironment = __ENV;
  const context = { vars, scenario: { name: given.scenario }, funcs: {}, _uid: vars.$uuid };
  const told = [];
  const events = { emit: (kind, name) => { told.push(`${kind} ${name}`); } };
  const { request, response } = given;
  const words = {
    step: [context, events],
    request: [request, context, events],
    response: [request, response, context, events],
    loop: [context],
  };
  const work = own[given.name];
  let result;
  try {
    result = given.kind === "test"
      ? work(vars) : await called(work, words[given.kind], given.kind === "loop");
  } catch (error) {
    const text = error && (error.code || error.message);
    return { failed: String(text || error), told };
  }
  delete vars.$env;
  delete vars.$processEnvironment;
  return { vars, request, told, result: Boolean(result) };
}
"""


class JsProcessor:
    """The functions of one module."""

    def __init__(
        self, path: str, line: int, env: Mapping[str, str], take: Callable[[int, int], int]
    ) -> None:
        """Load the module; raises Refusal."""
        shown = redact.printable(os.path.basename(path))
        if not os.path.isfile(path):
            raise Refusal(line, f"processor: {shown} does not exist.")
        try:
            from fastbench.script.k6 import k6_user
            from fastbench.script.k6.modules import k6_prelude
        except ImportError:
            text = "processor needs JavaScript, without which this fastbench was built."
            raise Refusal(line, text) from None
        self._new_user = k6_user.K6User
        wrapper = os.path.join(os.path.dirname(path), f"{os.path.basename(path)} (processor).js")
        source = _WRAPPER % json.dumps(f"./{os.path.basename(path)}")
        try:
            self._realm = k6_prelude.begin(wrapper, source, env, take)
            user = self._new_user(self._realm)
            _finish(user.instantiate())
            found = user.js.export("names")
        except UsageError as error:
            raise Refusal(line, f"processor: {error}") from None
        except Exception as error:
            text = exceptions.text_of(error)
            raise Refusal(line, f"processor: {shown} does not load: {text}") from None
        self.names = frozenset(found.copy() if found is not None else ())

    def check(self, name: str, line: int) -> str:
        """Return the name of a function that is there; raises Refusal."""
        if name not in self.names:
            there = ", ".join(sorted(self.names)) or "none"
            shown = redact.printable(name)
            raise Refusal(line, f"the processor exports no function {shown}; it has {there}.")
        return name

    async def call(
        self, kind: str, name: str, context: FlowContext, line: int, **more: Any
    ) -> dict[str, Any]:
        """Call a function of that kind; its changes of the variables stay. Raises FlowFailed."""
        vars = context.vars
        user = context.vu.state.get("processor")
        if user is None:
            user = context.vu.state["processor"] = self._new_user(self._realm, context.vu)
            await user.instantiate()
        sent = {key: value for key, value in vars.items() if key not in _NAMED_HERE}
        sent = {key: value for key, value in sent.items() if value is not UNDEFINED}
        given = {"kind": kind, "name": name, "vars": sent, "scenario": context.scenario, **more}
        argument = self._realm.realm.parse(orjson.dumps(given, default=_plain))
        function = user.js.export("default")
        assert function is not None  # the wrapper has one
        try:
            answer = await user.js.call(function, argument)
        except Exception as error:
            text = exceptions.text_of(error)
            raise FlowFailed(text, line, f"{name}(): {text}") from None
        found: dict[str, Any] = json.loads((answer and answer.json()) or "{}")
        for said in found.get("told", ()):
            text = f"{name}() emits {redact.printable(said)}"
            remarks.tell("not_counted", text, "what functions emit is not counted")
        if (failed := found.get("failed")) is not None:
            raise FlowFailed(redact.printable(failed), line, f"{name}(): {failed}")
        new = found.get("vars") or {}
        for key in vars.keys() - new.keys() - {*_NAMED_HERE}:
            del vars[key]
        vars.update(new)
        return found


def _plain(value: Any) -> Any:
    return None if value is UNDEFINED else str(value)


def _finish(awaitable: Any) -> None:
    """Run what waits for nothing to its end."""
    steps = awaitable.__await__()
    try:
        while True:
            if next(steps) is not None:
                raise UsageError("the processor waits while it is loaded.")
    except StopIteration:
        return
