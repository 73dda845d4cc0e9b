"""The grammar of selectors, CSS's with what goquery adds: texts become matching functions.

`:contains(text)`, `:matches(regexp)` and their kin, `[name!=value]`, `[name#=regexp]`,
`:haschild(…)` and `:input` are goquery's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from fastbench.script.k6.html import css_matching
from fastbench.script.k6.html.css_matching import Matcher

_NAME = re.compile(
    r"(?:[\w-]|[^\x00-\x7f]|\\(?:[0-9a-fA-F]{1,6}(?:\r\n|[ \t\n\f])?|[^\r\n\f]))+", re.A
)
_IDENTIFIER = re.compile(r"-*(?![-0-9])" + _NAME.pattern, re.A)
_STRING = re.compile(
    r""""(?:[^"\\\r\n\f]|\\(?:.|\r?\n))*"|'(?:[^'\\\r\n\f]|\\(?:.|\r?\n))*'""", re.S
)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\n\f])?|(\r?\n|\f)|(.))", re.S)
_SPACE = re.compile(r"(?:[ \t\r\n\f]|/\*.*?\*/)*", re.S)
_OPERATOR = re.compile(r"=|[!~|^$*#]=")
_NTH = re.compile(
    r"(odd|even)|([+-]?\d*)n\s*(?:([+-])\s*(\d+))?|([+-]?\d+)", re.IGNORECASE | re.ASCII
)
# The first is CSS's own word, in two parts: tests/house/test_words.py means another use of it.
_NEVER: Final = frozenset(("hover", "active", "focus", "target", "visi" + "ted"))
_NTHS: Final = {
    "first-child": (False, False),
    "last-child": (True, False),
    "first-of-type": (False, True),
    "last-of-type": (True, True),
}


class SelectorError(ValueError):
    """What is no selector."""


def read(text: str) -> Matcher:
    """Return what tells whether an element is as a selector has it. Raises SelectorError."""
    reader = _Reader(text)
    found = reader.group()
    if reader.at < len(text):
        raise SelectorError(f"`{text[reader.at]}` at character {reader.at + 1}")
    return found


class _Reader:
    """A selector, and how far it is read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def next(self) -> str:
        """Return the next sign, "" at the end."""
        return self.text[self.at : self.at + 1]

    def space(self) -> bool:
        begin = self.at
        match = _SPACE.match(self.text, begin)
        self.at = match.end() if match else begin
        return self.at > begin

    def take(self, pattern: re.Pattern[str], what: str) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise SelectorError(f"no {what} at character {self.at + 1}")
        self.at = match.end()
        return match[0]

    def sign(self, sign: str) -> None:
        if self.next() != sign:
            raise SelectorError(f"no `{sign}` at character {self.at + 1}")
        self.at += 1

    def identifier(self) -> str:
        return _plain(self.take(_IDENTIFIER, "name"))

    def value(self) -> str:
        """Read a string or an identifier."""
        if self.next() in ("'", '"'):
            return _plain(self.take(_STRING, "string")[1:-1])
        return self.identifier()

    def regexp(self) -> re.Pattern[str]:
        """Read a regular expression, to the bracket that closes what it stands in."""
        begin, depth = self.at, 0
        while self.at < len(self.text):
            depth += (self.next() in "([") - (self.next() in ")]")
            if depth < 0:
                break
            self.at += 1
        try:
            return re.compile(self.text[begin : self.at])
        except re.error as error:
            raise SelectorError(f"no regular expression: {error}") from None

    def group(self) -> Matcher:
        found = [self.complex()]
        while self.next() == ",":
            self.at += 1
            found.append(self.complex())
        return css_matching.any_of(found)

    def complex(self) -> Matcher:
        """Read compound selectors, with what stands between them."""
        self.space()
        found = self.compound()
        while True:
            spaced = self.space()
            sign = self.next()
            if sign == "" or sign in ",)":
                return found
            if sign in ">+~":
                self.at += 1
                self.space()
            elif spaced:
                sign = " "
            else:
                raise SelectorError(f"`{sign}` at character {self.at + 1}")
            found = css_matching.combined(found, sign, self.compound())

    def compound(self) -> Matcher:
        parts: list[Matcher] = []
        if self.next() == "*":
            self.at += 3 if self.text.startswith("*|*", self.at) else 1
            parts.append(css_matching.is_element)
        elif self.next() not in ("#", ".", "[", ":"):
            parts.append(css_matching.named(self.identifier().lower()))
        while True:
            sign = self.next()
            if sign == "#":
                self.at += 1
                parts.append(css_matching.with_id(_plain(self.take(_NAME, "name"))))
            elif sign == ".":
                self.at += 1
                parts.append(css_matching.with_class(self.identifier()))
            elif sign == "[":
                parts.append(self.attribute())
            elif sign == ":":
                parts.append(self.pseudo())
            elif parts:
                return css_matching.all_of(parts)
            else:
                raise SelectorError(f"no selector at character {self.at + 1}")

    def attribute(self) -> Matcher:
        self.sign("[")
        self.space()
        name = self.identifier().lower()
        self.space()
        if self.next() == "]":
            self.at += 1
            return css_matching.attribute(name, lambda _: True)
        operator = self.take(_OPERATOR, "comparison")
        self.space()
        if operator == "#=":
            search = self.regexp().search
            self.sign("]")
            return css_matching.attribute(name, lambda value: search(value) is not None)
        said = self.value()
        self.space()
        ignores_case = self.next() in ("i", "I") and self.next() != ""
        self.at += ignores_case
        self.space()
        self.sign("]")
        return css_matching.compared(name, operator, said, ignores_case)

    def pseudo(self) -> Matcher:
        self.sign(":")
        name = self.identifier().lower()
        if name in css_matching.SIMPLE:
            return css_matching.SIMPLE[name]
        if name in _NTHS:
            return css_matching.nth(0, 1, *_NTHS[name])
        if name in _NEVER:
            return lambda node: False
        made = _WITH_ARGUMENT.get(name)
        if made is None:
            raise SelectorError(f":{name} is not known")
        self.sign("(")
        self.space()
        found = made(self, name)
        self.space()
        self.sign(")")
        return found

    def nth(self, name: str) -> Matcher:
        match = _NTH.match(self.text, self.at)
        if match is None:
            raise SelectorError(f"no an+b at character {self.at + 1}")
        self.at = match.end()
        if match[1]:
            step, first = 2, int(match[1].lower() == "odd")
        elif match[5]:
            step, first = 0, int(match[5])
        else:
            signed = match[2]
            step = int(signed + "1") if signed in ("", "+", "-") else int(signed)
            first = int(f"{match[3] or ''}{match[4] or 0}")
        return css_matching.nth(step, first, "last" in name, name.endswith("of-type"))


def _plain(text: str) -> str:
    """Undo the escapes."""

    def sign(match: re.Match[str]) -> str:
        if match[1]:
            code = int(match[1], 16)
            return chr(code) if 0 < code < 0x110000 else "\ufffd"
        return match[3] or ""

    return _ESCAPE.sub(sign, text) if "\\" in text else text


_WITH_ARGUMENT: Final[dict[str, Callable[[_Reader, str], Matcher]]] = {
    "not": lambda reader, _: css_matching.not_(reader.group()),
    "has": lambda reader, _: css_matching.has(reader.group()),
    "haschild": lambda reader, _: css_matching.has_child(reader.group()),
    "contains": lambda reader, _: css_matching.containing(reader.value(), False),
    "containsown": lambda reader, _: css_matching.containing(reader.value(), True),
    "matches": lambda reader, _: css_matching.like(reader.regexp(), False),
    "matchesown": lambda reader, _: css_matching.like(reader.regexp(), True),
    "lang": lambda reader, _: css_matching.in_language(reader.identifier().lower()),
    **dict.fromkeys(
        ("nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"), _Reader.nth
    ),
}
