"""Conditions of ifTrue: `token`, `count > 3 and not done`, `status == "open"`.

Names are variables, texts stand in double quotes; and, or, not, in, arithmetic, a ? b : c. It is
compiled when the file is read. A condition that cannot be worked out holds, as in Artillery.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from typing import Any

from fastbench.foundation import redact
from fastbench.script.artillery.templates import UNDEFINED, Vars
from fastbench.script.artillery.yaml_tree import Refusal

Evaluate = Callable[[Vars], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)|"(?P<text>(?:\\.|[^"\\])*)"|'(?P<quoted>(?:\\.|[^'\\])*)'"""
    r"""|(?P<name>[A-Za-z$_][.\w$]*)|(?P<sign>==|!=|~=|>=|<=|[-+*/%^()<>,?:]))"""
)
_WORDS = frozenset({"and", "or", "not", "in"})
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: _loose(a) == _loose(b),
    "!=": lambda a, b: _loose(a) != _loose(b),
    "<": lambda a, b: _loose(a) < _loose(b),
    "<=": lambda a, b: _loose(a) <= _loose(b),
    ">": lambda a, b: _loose(a) > _loose(b),
    ">=": lambda a, b: _loose(a) >= _loose(b),
}
_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: f"{a}{b}" if isinstance(a, str) or isinstance(b, str) else _num(a) + _num(b),
    "-": lambda a, b: _num(a) - _num(b),
}
_PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "*": lambda a, b: _num(a) * _num(b),
    "/": lambda a, b: _num(a) / _num(b),
    "%": lambda a, b: math.fmod(_num(a), _num(b)),
}
_CALLS: dict[str, Callable[..., Any]] = {
    "abs": lambda a: abs(_num(a)),
    "ceil": lambda a: math.ceil(_num(a)),
    "floor": lambda a: math.floor(_num(a)),
    "log": lambda a: math.log(_num(a)),
    "max": lambda *a: max(map(_num, a)),
    "min": lambda *a: min(map(_num, a)),
    "random": random.random,
    "round": lambda a: math.floor(_num(a) + 0.5),
    "sqrt": lambda a: math.sqrt(_num(a)),
}


def compiled(text: str, line: int) -> Callable[[Vars], bool]:
    """Return what tells whether a condition holds; raises Refusal for one that is none."""
    found = _Parser(text, line).whole()

    def holds(vars: Vars) -> bool:
        try:
            return bool(found(vars))
        except (ArithmeticError, TypeError, ValueError):
            return True

    return holds


class _Parser:
    """Read a condition, the loosest operators first."""

    def __init__(self, text: str, line: int) -> None:
        self._text, self._line = text, line
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                self._refuse(text[at:].strip())
            assert match is not None and match.lastgroup is not None
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self._tokens.append(("end", "its end"))
        self._at = 0

    def whole(self) -> Evaluate:
        found = self._choice()
        if self._tokens[self._at][0] != "end":
            self._refuse(self._tokens[self._at][1])
        return found

    def _refuse(self, near: str) -> None:
        shown = redact.printable(self._text)[:80]
        raise Refusal(
            self._line, f"the condition {shown} is not understood at {redact.printable(near)[:40]}."
        )

    def _take(self, *wanted: str) -> str:
        kind, value = self._tokens[self._at]
        if value in wanted and (kind == "sign" or (kind == "name" and value in _WORDS)):
            self._at += 1
            return value
        return ""

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            self._refuse(self._tokens[self._at][1])

    def _choice(self) -> Evaluate:
        test = self._either()
        if not self._take("?"):
            return test
        one = self._choice()
        self._need(":")
        other = self._choice()
        return lambda vars: one(vars) if test(vars) else other(vars)

    def _either(self) -> Evaluate:
        found = self._both()
        while self._take("or"):
            found = _or(found, self._both())
        return found

    def _both(self) -> Evaluate:
        found = self._compared()
        while self._take("and"):
            found = _and(found, self._compared())
        return found

    def _compared(self) -> Evaluate:
        if self._take("not"):
            inner = self._compared()
            return lambda vars: not inner(vars)
        found = self._folded(self._product, _SUMS)
        while True:
            if sign := self._take(*_COMPARE):
                found = _binary(found, self._folded(self._product, _SUMS), _COMPARE[sign])
                continue
            negated = bool(self._take("not"))
            if not self._take("in"):
                if negated:
                    self._refuse("not")
                return found
            found = _within(found, self._listed(), negated)

    def _folded(
        self, part: Callable[[], Evaluate], table: dict[str, Callable[[Any, Any], Any]]
    ) -> Evaluate:
        found = part()
        while sign := self._take(*table):
            found = _binary(found, part(), table[sign])
        return found

    def _product(self) -> Evaluate:
        return self._folded(self._power, _PRODUCTS)

    def _power(self) -> Evaluate:
        found = self._atom()
        if self._take("^"):
            return _binary(found, self._power(), lambda a, b: _num(a) ** _num(b))
        return found

    def _listed(self) -> list[Evaluate]:
        self._need("(")
        found = []
        while not self._take(")"):
            found.append(self._choice())
            self._take(",")
        return found

    def _atom(self) -> Evaluate:
        if self._take("-"):
            inner = self._power()
            return lambda vars: -_num(inner(vars))
        if self._take("("):
            found = self._choice()
            self._need(")")
            return found
        kind, value = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            number = float(value)
            return lambda vars: number
        if kind == "text":
            plain = re.sub(r"\\(.)", r"\1", value)
            return lambda vars: plain
        if kind not in ("name", "quoted") or value in _WORDS:
            self._refuse(value)
        if kind == "name" and self._tokens[self._at] == ("sign", "("):
            if value not in _CALLS:
                self._refuse(f"{value}()")
            call, given = _CALLS[value], self._listed()
            return lambda vars: call(*(each(vars) for each in given))
        return lambda vars: vars.get(value, UNDEFINED)


def _or(one: Evaluate, other: Evaluate) -> Evaluate:
    return lambda vars: one(vars) or other(vars)


def _and(one: Evaluate, other: Evaluate) -> Evaluate:
    return lambda vars: one(vars) and other(vars)


def _binary(one: Evaluate, other: Evaluate, work: Callable[[Any, Any], Any]) -> Evaluate:
    return lambda vars: work(one(vars), other(vars))


def _within(one: Evaluate, several: list[Evaluate], negated: bool) -> Evaluate:
    def holds(vars: Vars) -> bool:
        value = _loose(one(vars))
        return any(value == _loose(each(vars)) for each in several) != negated

    return holds


def _loose(value: Any) -> Any:
    """Return a value as == of JavaScript compares it: a text of a number is this number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if isinstance(value, bool | int | float):
        return float(value)
    return None if value is UNDEFINED else value


def _num(value: Any) -> float:
    """Return a value as a number; raises TypeError or ValueError."""
    if value is None or value is UNDEFINED:
        raise TypeError("no number")
    return float(value)
