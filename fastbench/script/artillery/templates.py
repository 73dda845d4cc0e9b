"""Templates of Artillery: `{{ name }}`, `{{ user.id }}`, `{{ $randomNumber(1, 9) }}`.

1. They are compiled when the file is read; what is no template there is refused by its line.
2. A text that is one template and nothing else is the value itself: a number stays one. Within a
   text values are what JavaScript makes of them: objects are JSON, no value is `undefined`.
3. A name that has no value is told once, with its line.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from fastbench.foundation import redact
from fastbench.script import remarks
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

Vars = dict[str, Any]
Render = Callable[[Vars], Any]

_HOLE = re.compile(r"\{\{\{?\s*(.*?)\s*\}\}\}?")
_NAME = re.compile(r"[\s$\w.\[\]'\"-]+")
_CALL = re.compile(r"(\$[A-Za-z0-9_]+)\s*\(\s*([A-Za-z0-9_,\s]*)\s*\)")
_PART = re.compile(r"[^.\[\]'\"]+")
_ALPHABET = string.ascii_letters + string.digits
_MAX_CHARACTERS = 1_000_000


class Undefined:
    """What a name without a value is; it leaves keys of objects out, as in JavaScript."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()


class Template:
    """A value with templates in it; `constant` tells that there are none."""

    __slots__ = ("constant", "line", "render", "value")

    def __init__(self, value: Any, line: int) -> None:
        self.value = value
        self.line = line
        found = _compiled(value, line)
        self.constant = found is None
        self.render: Render = found or (lambda vars: value)

    def text(self, vars: Vars) -> str:
        """Return it as a text."""
        return as_text(self.render(vars))


def _compiled(value: Any, line: int) -> Render | None:
    """Return what renders a value; None where there is nothing to render."""
    if isinstance(value, str):
        return _of_text(value, line) if "{{" in value else None
    if isinstance(value, Mapping):
        lines = value.lines if isinstance(value, Map) else {}
        return _of_mapping(value, lines, line)
    if isinstance(value, list):
        lines_of = value.lines if isinstance(value, Seq) else [line] * len(value)
        parts = [_compiled(each, at) for each, at in zip(value, lines_of, strict=True)]
        if not any(parts):
            return None
        pairs = list(zip(value, parts, strict=True))
        return lambda vars: [_or_none(render(vars)) if render else each for each, render in pairs]
    return None


def _of_mapping(value: Mapping[str, Any], lines: Mapping[str, int], line: int) -> Render | None:
    parts = [
        (key, each, _compiled(key, lines.get(key, line)), _compiled(each, lines.get(key, line)))
        for key, each in value.items()
    ]
    if not any(of_key or of_value for _, _, of_key, of_value in parts):
        return None

    def render(vars: Vars) -> dict[str, Any]:
        found = {}
        for key, each, of_key, of_value in parts:
            new = of_value(vars) if of_value else each
            if new is not UNDEFINED:
                found[as_text(of_key(vars)) if of_key else key] = new
        return found

    return render


def _of_text(text: str, line: int) -> Render | None:
    pieces: list[str | Render] = []
    at = 0
    for hole in _HOLE.finditer(text):
        pieces += [text[at : hole.start()], _of_hole(hole[1], hole[0], line)]
        at = hole.end()
    if not pieces:
        raise Refusal(line, f"{redact.printable(text)[:60]} has {{{{ but no }}}} behind it.")
    pieces.append(text[at:])
    if len(pieces) == 3 and not pieces[0] and not pieces[2]:
        return pieces[1]  # type: ignore[return-value]
    parts = [each for each in pieces if each != ""]
    return lambda vars: "".join(
        [each if isinstance(each, str) else as_text(each(vars)) for each in parts]
    )


def _of_hole(inner: str, whole: str, line: int) -> Render:
    call = _CALL.fullmatch(inner)
    if call is not None:
        return _of_call(call[1], [each.strip() for each in call[2].split(",")], line)
    if not inner or not _NAME.fullmatch(inner):
        raise Refusal(
            line,
            f"{redact.printable(whole)[:60]} is no template: it takes a name such as {{{{ id }}}}, "
            "$randomNumber(1, 9) or $randomString(8).",
        )
    steps = _PART.findall(inner)

    def look(vars: Vars) -> Any:
        found = vars.get(inner, UNDEFINED)
        if found is UNDEFINED:
            found = get(vars, steps)
        if found is UNDEFINED:
            remarks.tell(
                "undefined_variable",
                f"line {line}: {redact.printable(whole)} has no value",
                "capture it before, or declare it in config.variables or config.payload",
            )
        return found

    return look


def _of_call(name: str, words: list[str], line: int) -> Render:
    try:
        numbers = [int(each) for each in words if each]
    except ValueError:
        raise Refusal(line, f"{name}() takes numbers.") from None
    if name == "$randomNumber" and len(numbers) in (1, 2):
        low, high = numbers if len(numbers) == 2 else (0, *numbers)
        low, high = min(low, high), max(low, high)
        return lambda vars: str(random.randint(low, high))
    if name == "$randomString" and len(numbers) <= 1:
        length = numbers[0] if numbers else 10
        if length > _MAX_CHARACTERS:
            raise Refusal(line, f"$randomString() makes at most {_MAX_CHARACTERS:,} characters.")
        return lambda vars: "".join(random.choices(_ALPHABET, k=length))
    if name in ("$randomNumber", "$randomString"):
        form = "$randomNumber(1, 9)" if name == "$randomNumber" else "$randomString(8)"
        raise Refusal(line, f"{name}() is written {form}.")
    raise Refusal(line, f"{name}() is not known; there are $randomNumber() and $randomString().")


def get(value: Any, steps: list[str] | tuple[str, ...]) -> Any:
    """Follow a path; UNDEFINED where it does not lead."""
    for step in steps:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, list | str) and step == "length":
            value = len(value)
        else:
            return UNDEFINED
    return value


def path(text: str) -> tuple[str, ...]:
    """Return the steps of a path such as `user.items[0].id`."""
    return tuple(_PART.findall(text))


def as_text(value: Any) -> str:
    """Return a value as JavaScript writes it into a text."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, Mapping | list):
        return orjson.dumps(value, default=_or_none).decode()
    return str(value)


def _or_none(value: Any) -> Any:
    return None if value is UNDEFINED else value
