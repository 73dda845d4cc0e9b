"""Example data of a schema: its example, default or enum, else what its type and format allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Resolve = Callable[[Any], dict[str, Any]]

_MAX_DEPTH = 6
_MAX_TEXT = 1000
_NUMBERS = {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems"),
}
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "anna@example.com",
    "idn-email": "anna@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "byte": "aGVsbG8=",
    "password": "password",
}


@dataclass(slots=True)
class _Budget:
    """What one example may still take: a schema may contain itself many times over."""

    values: int = 2000
    nested: int = 40


def example(schema: Any, resolve: Resolve, depth: int = 0, budget: _Budget | None = None) -> Any:
    """Return a value that fits the schema; {} where it would be endless or very large."""
    left = budget or _Budget()
    if left.values <= 0 or left.nested <= 0:
        return {}
    left.values -= 1
    left.nested -= 1
    try:
        return _example(_sound(resolve(schema)), resolve, depth, left)
    finally:
        left.nested += 1


def _sound(given: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without the keys whose values have another type than they must have."""

    def fits(key: str, value: Any) -> bool:
        if key in _NUMBERS:
            whole = isinstance(value, int | float) and math.isfinite(value)
            return whole and (key.startswith("exclusive") or not isinstance(value, bool))
        if key in ("allOf", "oneOf", "anyOf", "required"):
            return isinstance(value, list)
        return isinstance(value, dict) if key == "properties" else True

    return {key: value for key, value in given.items() if fits(key, value)}


def _example(given: dict[str, Any], resolve: Resolve, depth: int, left: _Budget) -> Any:
    for key in ("example", "default", "const"):
        if key in given:
            return plain(given[key])
    if isinstance(several := given.get("examples"), list) and several:
        return plain(several[0])
    if isinstance(several := given.get("enum"), list) and several:
        return plain(several[0])
    if parts := given.get("allOf"):
        return _all_of(given, parts, resolve, depth, left)
    for key in ("oneOf", "anyOf"):
        if choices := given.get(key):
            return example(_not_null(choices, resolve), resolve, depth, left)
    return _of_type(given, resolve, depth, left)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: dates of YAML are texts."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else 0.0
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _not_null(choices: list[Any], resolve: Resolve) -> Any:
    return next((each for each in choices if resolve(each).get("type") != "null"), choices[0])


def _all_of(
    given: dict[str, Any], parts: list[Any], resolve: Resolve, depth: int, left: _Budget
) -> Any:
    whole: dict[str, Any] = {}
    for part in [*parts, {key: each for key, each in given.items() if key != "allOf"}]:
        found = resolve(part)
        if not any(key in found for key in ("type", "properties", "allOf", "oneOf", "anyOf")):
            continue
        made = example(found, resolve, depth + 1, left)
        if not isinstance(made, dict):
            return made
        whole.update(made)
    return whole


def _of_type(given: dict[str, Any], resolve: Resolve, depth: int, left: _Budget) -> Any:
    kind = given.get("type")
    if isinstance(kind, list):  # 3.1: ["string", "null"]
        kind = next((each for each in kind if each != "null"), "null")
    if kind == "object" or "properties" in given or (kind is None and "required" in given):
        return _object(given, resolve, depth, left)
    if kind == "array" or "items" in given:
        if depth >= _MAX_DEPTH or given.get("maxItems") == 0:
            return []
        made = example(given.get("items") or {}, resolve, depth + 1, left)
        return [made] * max(1, min(int(given.get("minItems") or 1), 10))
    if kind == "integer":
        return int(_number({**given, "type": kind}, 1))
    if kind == "number":
        return _number(given, 1.5)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return _text(given)


def _object(given: dict[str, Any], resolve: Resolve, depth: int, left: _Budget) -> dict[str, Any]:
    if depth >= _MAX_DEPTH:
        return {}
    required = given.get("required") or []
    found = {}
    for name, each in (given.get("properties") or {}).items():
        schema = resolve(each)
        if schema.get("readOnly") or (depth >= 3 and name not in required):
            continue
        found[str(name)] = example(schema, resolve, depth + 1, left)
    return found


def _number(given: dict[str, Any], wanted: float) -> float:
    """Return a number within the bounds, a multiple of what is asked for."""
    least, most = given.get("minimum"), given.get("maximum")
    above, below = given.get("exclusiveMinimum"), given.get("exclusiveMaximum")
    step = given.get("multipleOf") or (1 if given.get("type") == "integer" else 0)
    small = step or 0.5
    if above is True and least is not None:
        least += small
    elif above is not None and not isinstance(above, bool):
        least = above + small
    if below is True and most is not None:
        most -= small
    elif below is not None and not isinstance(below, bool):
        most = below - small
    value: float = step if step and step > 1 else wanted
    if least is not None and value < least:
        value = math.ceil(least / step) * step if step else least
    if most is not None and value > most:
        value = math.floor(most / step) * step if step else most
    return value


def _text(given: dict[str, Any]) -> str:
    if (form := str(given.get("format") or "")) in _FORMATS:
        return _FORMATS[form]
    least, most = int(given.get("minLength") or 0), given.get("maxLength")
    text = "text"
    while len(text) < min(least, _MAX_TEXT):
        text += "text"
    if most is not None and int(most) < len(text):
        text = text[: max(int(most), 0)]
    return text[: max(least, 4)]
