"""JSONPath, as captures say it: `$.items[*].id`, `$..name`, `$[-1:]`, `$.users[?(@.age>30)].name`.

It is compiled when the file is read; what it cannot do is refused by the line. A selection gives
its values in the order of the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastbench.foundation import redact
from fastbench.script.artillery.yaml_tree import Refusal

Select = Callable[[Any], Iterator[Any]]

_STEP = re.compile(
    r"""(?P<deep>\.\.)?\.?(?:(?P<name>[^.\[\]()*?@'"\s,]+)|(?P<all>\*)"""
    r"""|\[\s*(?P<inner>\?\((?:[^'"()]|\([^()]*\)|'[^']*'|"[^"]*")*\)|'(?:[^'])*'(?:\s*,\s*'[^']*')*"""
    r"""|"(?:[^"])*"(?:\s*,\s*"[^"]*")*|[^\]]*?)\s*\])"""
)
_SLICE = re.compile(r"(-?[0-9]*)\s*:\s*(-?[0-9]*)(?:\s*:\s*([0-9]+))?")
_FROM_END = re.compile(r"\(\s*@\.length\s*-\s*([0-9]+)\s*\)")
_NAMES = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_TEST = re.compile(
    r"""\s*(!?)\s*@((?:\.[\w$-]+|\[\s*(?:[0-9]+|'[^']*'|"[^"]*")\s*\])*)\s*"""
    r"""(?:(===|!==|==|!=|<=|>=|<|>)\s*('[^']*'|"[^"]*"|-?[0-9.]+(?:[eE][-+]?[0-9]+)?|true|false|null))?\s*"""
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def compiled(text: str, line: int) -> Callable[[Any], list[Any]]:
    """Return what selects from a document; raises Refusal for what is not understood."""
    rest = text.strip()
    rest = rest.removeprefix("$") if rest.startswith("$") else f".{rest}"
    steps: list[Select] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None or match.end() == at:
            raise Refusal(line, f"the JSONPath {redact.printable(text)} is not understood.")
        at = match.end()
        step = _step(match, text, line)
        steps.append(_deep(step) if match["deep"] else step)

    def select(document: Any) -> list[Any]:
        found = [document]
        for step in steps:
            found = [each for value in found for each in step(value)]
        return found

    return select


def _step(match: re.Match[str], text: str, line: int) -> Select:
    if match["name"] is not None:
        return _members((match["name"],))
    inner = match["inner"]
    if match["all"] or inner == "*":
        return _all
    if inner.startswith("?"):
        return _filtered(inner[2:-1], text, line)
    if inner[:1] in ("'", '"'):
        return _members(tuple(a or b for a, b in _NAMES.findall(inner)))
    if cut := _SLICE.fullmatch(inner):
        ends = [int(each) if each else None for each in cut.groups()]
        return lambda value: iter(value[slice(*ends)] if isinstance(value, list) else ())
    if end := _FROM_END.fullmatch(inner):
        return _members((f"-{end[1]}",))
    if re.fullmatch(r"-?[0-9]+(\s*,\s*-?[0-9]+)*", inner):
        return _members(tuple(re.findall(r"-?[0-9]+", inner)))
    if re.fullmatch(r"[\w$-]+", inner):
        return _members((inner,))
    raise Refusal(line, f"[{redact.printable(inner)}] of the JSONPath {text} is not understood.")


def _members(names: tuple[str, ...]) -> Select:
    def select(value: Any) -> Iterator[Any]:
        for name in names:
            if isinstance(value, Mapping):
                if name in value:
                    yield value[name]
            elif isinstance(value, list):
                if re.fullmatch("-?[0-9]+", name):
                    yield from value[int(name) :][:1] if int(name) >= -len(value) else ()
                elif name == "length":
                    yield len(value)

    return select


def _all(value: Any) -> Iterator[Any]:
    yield from (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    )


def _deep(step: Select) -> Select:
    def select(value: Any) -> Iterator[Any]:
        waiting = [value]
        while waiting:
            each = waiting.pop()
            yield from step(each)
            waiting += reversed(list(_all(each)))

    return select


def _filtered(inner: str, text: str, line: int) -> Select:
    tests = [
        [_test(part, text, line) for part in either.split("&&")] for either in inner.split("||")
    ]

    def select(value: Any) -> Iterator[Any]:
        for each in _all(value):
            if any(all(test(each) for test in several) for several in tests):
                yield each

    return select


def _test(part: str, text: str, line: int) -> Callable[[Any], bool]:
    match = _TEST.fullmatch(part)
    if match is None:
        shown = redact.printable(part.strip())
        raise Refusal(line, f"{shown} of the JSONPath {redact.printable(text)} is not understood.")
    negated, path, operator, literal = match.groups()
    steps = [name or a or b for name, a, b in re.findall(r"([\w$-]+)|'([^']*)'|\"([^\"]*)\"", path)]
    if operator is None:
        return lambda value: bool(_at(value, steps)) != bool(negated)
    holds = _OPERATORS[operator.replace("===", "==").replace("!==", "!=")]
    limit = literal[1:-1] if literal[0] in "'\"" else json.loads(literal)

    def test(value: Any) -> bool:
        found = _at(value, steps)
        try:
            return holds(found, limit) != bool(negated)
        except TypeError:
            return False

    return test


def _at(value: Any, steps: list[str]) -> Any:
    for step in steps:
        value = next(_members((step,))(value), None)
    return value
