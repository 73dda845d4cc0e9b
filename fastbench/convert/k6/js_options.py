"""k6's options as those of a script here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastbench.convert.expressions import quoted
from fastbench.convert.k6 import js_tree
from fastbench.convert.k6.js_tree import Node, Untranslated

OPTIONS = {
    "vus": "vus",
    "duration": "duration",
    "iterations": "iterations",
    "stages": "stages",
    "scenarios": "scenarios",
    "thresholds": "thresholds",
    "tags": "tags",
    "userAgent": "user_agent",
    "maxRedirects": "max_redirects",
    "insecureSkipTLSVerify": "insecure_skip_tls_verify",
    "batch": "batch",
    "batchPerHost": "batch_per_host",
    "noConnectionReuse": "no_connection_reuse",
    "noVUConnectionReuse": "no_vu_connection_reuse",
    "noCookiesReset": "no_cookies_reset",
    "discardResponseBodies": "discard_response_bodies",
    "setupTimeout": "setup_timeout",
    "teardownTimeout": "teardown_timeout",
    "minIterationDuration": "min_iteration_duration",
}
SCENARIO = {
    **{name: name for name in ("executor", "vus", "iterations", "duration", "stages", "rate")},
    **{name: name for name in ("env", "tags", "exec")},
    "maxDuration": "max_duration",
    "startVUs": "start_vus",
    "gracefulRampDown": "graceful_ramp_down",
    "gracefulStop": "graceful_stop",
    "startRate": "start_rate",
    "timeUnit": "time_unit",
    "preAllocatedVUs": "pre_allocated_vus",
    "maxVUs": "max_vus",
    "startTime": "start_time",
}
_WITHOUT_MEANING = {
    "summaryTrendStats",
    "summaryTimeUnit",
    "systemTags",
    "cloud",
    "ext",
    "httpDebug",
}


class OptionsReader:
    """Read the object; what it has and Options have not is told."""

    def __init__(
        self,
        expression: Callable[[Node], str],
        left: Callable[[str, Node], None],
        function: Callable[[str], str],
    ) -> None:
        self._expression = expression
        self._left = left
        self._function = function
        self.names: list[str] = []  # functions of scenarios

    def arguments(self, node: Node) -> list[str]:
        """Return the arguments of Options."""
        found = []
        for name, value in js_tree.pairs(node):
            if name in _WITHOUT_MEANING:
                continue
            if name not in OPTIONS:
                self._left(
                    f"the option {name}: {' '.join(js_tree.text(value).split())[:80]}", value
                )
                continue
            try:
                found.append(f"{OPTIONS[name]}={self._value(name, value)}")
            except Untranslated as error:
                self._left(f"the option {name}: {error.text}", value)
        return found

    def _value(self, name: str, value: Node) -> str:
        special: dict[str, Any] = {
            "stages": self._stages,
            "scenarios": self._scenarios,
            "thresholds": self._thresholds,
        }
        if name in special and value.type in ("object", "array"):
            return str(special[name](value))
        return self._expression(value)

    def _stages(self, node: Node) -> str:
        found = []
        for each in js_tree.named(node):
            if each.type != "object":
                raise Untranslated(each)
            parts = dict(js_tree.pairs(each))
            if not {"duration", "target"} <= set(parts):
                raise Untranslated(each)
            pair = self._expression(parts["duration"]), self._expression(parts["target"])
            found.append(f"({pair[0]}, {pair[1]})")
        return f"[{', '.join(found)}]"

    def _scenarios(self, node: Node) -> str:
        found = []
        for name, value in js_tree.pairs(node):
            if value.type != "object":
                raise Untranslated(value)
            inner, function = [], "default"
            for key, each in js_tree.pairs(value):
                if key not in SCENARIO:
                    self._left(f"{key} of the scenario {name}", each)
                elif key == "exec":
                    function = js_tree.string(each)
                else:
                    inner.append(f"{quoted(SCENARIO[key])}: {self._value(key, each)}")
            self.names.append(function)
            inner.append(f'"exec": {quoted(self._function(function))}')
            found.append(f"{quoted(name)}: {{{', '.join(inner)}}}")
        return f"{{{', '.join(found)}}}"

    def _thresholds(self, node: Node) -> str:
        found = []
        for name, value in js_tree.pairs(node):
            several = js_tree.named(value) if value.type == "array" else [value]
            limits = ", ".join(map(self._threshold, several))
            found.append(f"{quoted(name)}: [{limits}]")
        return f"{{{', '.join(found)}}}"

    def _threshold(self, node: Node) -> str:
        if node.type != "object":
            return self._expression(node)
        names = {"abortOnFail": "abort_on_fail", "delayAbortEval": "delay"}
        inner = (
            f"{quoted(names.get(key, key))}: {self._expression(value)}"
            for key, value in js_tree.pairs(node)
        )
        return f"{{{', '.join(inner)}}}"
