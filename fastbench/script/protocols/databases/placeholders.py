"""Placeholders of a query: `$1` and `?` are both read, and written as the database has them.

1. What stands in texts, quoted names and comments is no placeholder.
2. Where a query has `$1` or `?1`, a `?` is left alone: PostgreSQL has operators of that name. So
   are `?|` and `?&`; else `??` is a question mark of the query itself.
3. A query without arguments is sent as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Dialect = Literal["sqlite", "postgres", "mysql"]

_COMMENTS = r"--[^\n]*|/\*"
_TEXT = r"'(?:[^']|'')*(?:'|\Z)"
_NAME = r'"(?:[^"]|"")*(?:"|\Z)'
_BACKTICKS = r"`(?:[^`]|``)*(?:`|\Z)"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*(?:'|\Z)"  # backslashes escape, too
_ESCAPED_NAME = r'"(?:[^"\\]|\\.|"")*(?:"|\Z)'
_DOLLARS = r"(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"
_SIGNS = r"(?<![\w$])\$(?P<number>[0-9]+)|(?P<mark>\?\?|\?[0-9]+|\?)"

# Lexical rules: PostgreSQL's manual 4.1, SQLite's "SQL As Understood" and MySQL's manual 11.1.
_OPAQUE: dict[Dialect, str] = {
    "sqlite": "|".join((_COMMENTS, _TEXT, _NAME, _BACKTICKS, r"\[[^\]]*(?:\]|\Z)")),
    "postgres": "|".join((_COMMENTS, rf"(?<!\w)[eE]{_ESCAPED}", _TEXT, _NAME, _DOLLARS)),
    "mysql": "|".join((_COMMENTS, r"\#[^\n]*", _ESCAPED, _ESCAPED_NAME, _BACKTICKS)),
}
_TOKENS = {
    dialect: re.compile(f"{opaque}|{_SIGNS}", re.DOTALL) for dialect, opaque in _OPAQUE.items()
}
_OPERATORS = re.compile(r"\?(?:&|\|(?!\|))")


@dataclass(frozen=True, slots=True)
class Statement:
    """A query as the driver takes it. `order` says which argument each placeholder has, from 0."""

    text: str
    order: tuple[int, ...]

    def ordered(self, args: tuple[object, ...]) -> tuple[object, ...]:
        """Return the arguments as the text has them; raises TypeError for a wrong number."""
        wanted = max(self.order, default=-1) + 1
        if len(args) != wanted:
            raise TypeError(f"the query has placeholders for {wanted} arguments, not {len(args)}")
        return tuple(args[at] for at in self.order)


@dataclass(frozen=True, slots=True)
class _Sign:
    start: int
    end: int
    number: int | None  # of `$1`


def rewritten(text: str, dialect: Dialect) -> Statement:
    """Return a query with the placeholders of its database.

    Those are `$1` of PostgreSQL, `?1` of SQLite and `%s` of MySQL, whose driver formats the text.
    """
    signs = list(_signs(text, dialect))
    if numbered := [sign for sign in signs if sign.number is not None]:
        signs = numbered
    write = _WRITERS[dialect]
    pieces: list[str] = []
    order: list[int] = []
    end = 0
    for sign in signs:
        pieces.append(_plain(text[end : sign.start], dialect))
        end = sign.end
        if sign.number is None and text[sign.start : end] == "??":
            pieces.append("?")
            continue
        at = len(order) if sign.number is None else sign.number - 1
        pieces.append(write(at + 1))
        order.append(at)
    pieces.append(_plain(text[end:], dialect))
    if dialect != "mysql":  # numbers stand in the text
        order = list(range(max(order, default=-1) + 1))
    return Statement("".join(pieces), tuple(order))


def statements(text: str) -> Iterator[str]:
    """Yield the parts of a text between semicolons that are SQLite's own."""
    start = 0
    for end, token in _tokens(text, "sqlite", re.compile(f"{_OPAQUE['sqlite']}|;", re.DOTALL)):
        if token == ";":
            yield text[start:end]
            start = end
    if text[start:].strip():
        yield text[start:]


def _signs(text: str, dialect: Dialect) -> Iterator[_Sign]:
    for end, token in _tokens(text, dialect, _TOKENS[dialect]):
        start = end - len(token)
        if token[0] in "$?" and re.fullmatch("[0-9]+", token[1:]):
            if number := int(token[1:]):
                yield _Sign(start, end, number)
        elif token == "??" or (token == "?" and not _is_operator(text, start, dialect)):
            yield _Sign(start, end, None)


def _is_operator(text: str, at: int, dialect: Dialect) -> bool:
    return dialect == "postgres" and _OPERATORS.match(text, at) is not None


def _tokens(text: str, dialect: Dialect, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Yield what a pattern finds, with its end; comments are passed over."""
    at = 0
    while match := pattern.search(text, at):
        at = match.end()
        if match[0] == "/*":
            at = _comment_end(text, at, nested=dialect == "postgres")
            continue
        yield at, match[0]


def _comment_end(text: str, at: int, *, nested: bool) -> int:
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(text, at):
        if match[0] == "*/":
            depth -= 1
        elif nested:
            depth += 1
        if depth == 0:
            return match.end()
    return len(text)


def _plain(text: str, dialect: Dialect) -> str:
    return text.replace("%", "%%") if dialect == "mysql" else text


_WRITERS: dict[Dialect, Callable[[int], str]] = {
    "sqlite": "?{}".format,
    "postgres": "${}".format,
    "mysql": lambda number: "%s",
}
