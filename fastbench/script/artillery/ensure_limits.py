"""ensure as thresholds of ours: metrics by their names here, parts joined by `and` one by one.

What a condition names is one of Artillery's metrics; one that is not measured apart, an `or` and a
function are refused by the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.results.thresholds import grammar
from fastbench.script.artillery import known_keys
from fastbench.script.artillery.yaml_tree import Map, Refusal

_LEGACY = ("max", "median", "min", "p95", "p99")
_KEYS = (*_LEGACY, "conditions", "maxErrorRate", "thresholds")
_PARTS = {
    "min": "min",
    "max": "max",
    "mean": "avg",
    "median": "med",
    **{f"p{n}": f"p({n})" for n in (50, 75, 90, 95, 99)},
    "p999": "p(99.9)",
}
_TIMES = {"http.response_time": "http_req_waiting", "vusers.session_length": "iteration_duration"}
_COUNTS = {
    "http.requests": "http_reqs count",
    "http.responses": "http_reqs count",
    "http.request_rate": "http_reqs rate",
    "http.downloaded_bytes": "data_received count",
    "plugins.expect.ok": "checks count",
    "vusers.created": "iterations count",
    "vusers.completed": "(iterations count - script_exceptions count)",
    "vusers.failed": "script_exceptions count",
    "vusers.skipped": "dropped_iterations count",
    "websocket.messages_received": "ws_msgs_received count",
    "websocket.messages_sent": "ws_msgs_sent count",
}
_BY_ENDPOINT = "plugins.metrics-by-endpoint.response_time."
_METRIC = re.compile(
    rf"{re.escape(_BY_ENDPOINT)}(?P<endpoint>.+?)\.(?P<of>{'|'.join(_PARTS)})(?![\w.])"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[\w-]+)+)"
)
_COMPARISON = re.compile(r"\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*")
_NOT_HERE = re.compile(r"\b(or|not|in|abs|ceil|floor|log|max|min|random|round|sqrt)\s*\(|\bor\b|\?")


def read(given: Map | None, metrics: Mapping[str, Kind]) -> tuple[str, ...]:
    """Return the thresholds of `ensure`, as a command line has them; `metrics` are the file's."""
    if given is None:
        return ()
    known_keys.refuse_unknown(given, _KEYS, "ensure")
    known = {**BUILT_IN, **metrics}
    found: list[str] = []
    several = known_keys.listing(given, "thresholds", "ensure")
    for each, line in zip(several, several.lines, strict=True):
        if not isinstance(each, Map) or len(each) != 1:
            raise Refusal(line, "a threshold of ensure is one metric and its limit.")
        name = next(iter(each))
        limit = known_keys.number(each, name, "ensure")
        found += _limits(f"{name} < {limit:.15g}", each.lines[name], known)
    for key in _LEGACY:
        if (limit := known_keys.number(given, key, "ensure")) is not None:
            line = given.lines[key]
            found += _limits(f"http.response_time.{key} < {limit:.15g}", line, known)
    if (share := known_keys.number(given, "maxErrorRate", "ensure")) is not None:
        found.append(f"script_exceptions: rate<={share:.15g}%")
    conditions = known_keys.listing(given, "conditions", "ensure")
    for each, line in zip(conditions, conditions.lines, strict=True):
        if not isinstance(each, Map):
            raise Refusal(line, "a condition of ensure is a mapping with expression.")
        known_keys.refuse_unknown(each, ("expression", "strict"), "a condition")
        text = known_keys.text(each, "expression", "a condition")
        if not text:
            raise Refusal(line, "a condition needs its expression.")
        strict = known_keys.flag(each, "strict", "a condition", True)
        rows = _limits(text, each.lines["expression"], known)
        found += rows if strict else [f"{row} [warn]" for row in rows]
    return tuple(dict.fromkeys(found))


def _limits(expression: str, line: int, known: Mapping[str, Kind]) -> list[str]:
    """Return an expression as thresholds; raises Refusal."""
    shown = redact.printable(expression)[:100]
    bare = _METRIC.sub("m", expression)
    if found := _NOT_HERE.search(bare):
        raise Refusal(
            line,
            f"`{found[0].strip(' (')}` of the condition {shown} is not supported; join with and.",
        )
    limits = []
    for part in re.split(r"\s+and\s+", expression):
        match = _COMPARISON.fullmatch(_without_outer(part))
        if match is None:
            raise Refusal(
                line, f"{redact.printable(part)[:60]} of the condition {shown} is no limit."
            )
        left, operator, right = match.groups()
        sides = [_translated(side, line) for side in (left, right)]
        try:
            float(right)
        except ValueError:
            text = f"{sides[0]} {operator} {sides[1]}"
        else:
            text = _plain(sides[0], operator, right)
        try:
            grammar.parse(text, known)
        except UsageError as error:
            raise Refusal(line, f"the condition {shown}: {error}") from None
        limits.append(text)
    return limits


def _without_outer(text: str) -> str:
    """Return a comparison without parentheses around it."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for at, letter in enumerate(text):
            depth += (letter == "(") - (letter == ")")
            if depth == 0 and at < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text


def _plain(metric: str, operator: str, limit: str) -> str:
    """Write a limit of one metric as k6 does."""
    name, _, part = metric.rpartition(" ")
    single = name and re.fullmatch(r"\w+(\{.*\})?", name)
    return f"{name}: {part}{operator}{limit}" if single else f"{metric} {operator} {limit}"


def _translated(side: str, line: int) -> str:
    def ours(match: re.Match[str]) -> str:
        if match["endpoint"]:
            return f'http_req_waiting{{name:"{match["endpoint"]}"}} {_PARTS[match["of"]]}'
        name = match["name"]
        times, _, part = name.rpartition(".")
        if times in _TIMES and part in _PARTS:
            return f"{_TIMES[times]} {_PARTS[part]}"
        if name.startswith("http.codes.") and part.isdecimal():
            return f"http_reqs{{status:{part}}} count"
        if name in _COUNTS:
            return _COUNTS[name]
        raise Refusal(line, f"ensure: {redact.printable(name)} is not measured by itself here.")

    return _METRIC.sub(ours, side)
