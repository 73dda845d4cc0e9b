"""Thresholds that compare sums: `ws_msgs_sent - ws_msgs_received == 0`, or one time with another.

    comparison = sum , operator , sum ;
    sum        = product , { ( "+" | "-" ) , product } ;
    product    = factor , { ( "*" | "/" ) , factor } ;
    factor     = number , [ unit ] | term , { "[" , window , "]" }
               | "(" , sum , ")" , { "[" , window , "]" } ;
    term       = metric , [ tags ] , [ ":" ] , [ aggregate ] | percentile ;
    window     = "stage=" , name | "last=" , duration | "baseline" ;

1. A window behind a term is that of the term, one behind a parenthesis that of the terms in it
   without any; one behind a number is of all terms without any.
2. A number with a unit is in the unit of the first term: `target_rss max - target_rss min < 50MB`.
3. What is observed is the left side, the limit the right one. Sums and multiples of terms of one
   kind are shown in their unit, all else as plain numbers.
4. Without samples of one term, or divided by 0, it fails.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from fastbench.results.metric_values import Kind
from fastbench.results.thresholds.goal_grammar import NAMES
from fastbench.results.thresholds.judging import DRIFTS, RECOVERY, Formula, Item, Threshold
from fastbench.results.thresholds.limit_values import read_limit, refuse
from fastbench.results.thresholds.submetric import Malformed, read_tags

SHORT = {  # forms of a metric and an aggregate
    "errors": ("http_req_failed", "rate"),
    "requests": ("http_reqs", "count"),
    "rps": ("http_reqs", "rate"),
}

_OPERATOR = re.compile(r"===|==|!=|<=|>=|<|>")
_NUMBER = re.compile(
    r"(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(?P<unit>[A-Za-z%]*)"
)
_PERCENTILE = re.compile(r"p(?:[0-9]+(?:\.[0-9]+)?|\(\s*[0-9]+(?:\.[0-9]+)?\s*\))(?!\w)")
_AGGREGATE = re.compile(
    rf"(?:{_PERCENTILE.pattern}|(?:avg|mean|min|max|med|median|count|rate|value|drift|slope|recovery)(?!\w))"
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_WINDOW = re.compile(r"\s*(?:(?:stage|last)\s*=|baseline\s*$)")
_PER = re.compile(r"/\s*(?:s|min|h)(?!\w)")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2}
_EXAMPLE = "p95[stage=after] <= 1.2 * p95[stage=before]"
_AGAINST = "errors <= 1.1 * errors[baseline]"
_PLAIN = Kind("gauge")


def meant(text: str, known: Container[str]) -> bool:
    """Tell whether a threshold computes: metrics on both sides, or arithmetic on the left."""
    bare = _bare(text)
    found = _OPERATOR.search(bare)
    if found is None:
        return False
    left, right = bare[: found.start()], _PER.sub("", bare[found.end() :])
    names = [word[0] for word in _WORD.finditer(right)]
    if re.search(r"[-+*/()]", _PERCENTILE.sub("", left)):
        return True
    named = any(name in known or _AGGREGATE.fullmatch(name) for name in names)
    return NAMES.isdisjoint(names) and (named or bool(_PERCENTILE.search(right)))


def reserved(name: str) -> bool:
    """Tell whether a name has a meaning in every threshold: p95, max, errors, target."""
    return name in SHORT or name in NAMES or _AGGREGATE.fullmatch(name) is not None


def expanded(text: str, derived: Mapping[str, str]) -> str:
    """Put formulas in the place of their names, outside of tags and brackets."""
    words = _words(text)
    return "".join(
        f"({derived[word]})" if named and word in derived else word for word, named in words
    )


def names(text: str) -> set[str]:
    """Return the names in a text, outside of tags and brackets."""
    return {word for word, named in _words(text) if named}


def compares(text: str) -> bool:
    """Tell whether an operator stands in a text, outside of tags and brackets."""
    return _OPERATOR.search(_bare(text)) is not None


def _words(text: str) -> list[tuple[str, bool]]:
    """Cut a text into names, which are marked, and what is between them.

    One whose tags cannot be read is a single piece.
    """
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        name = _NAME.match(text, at)
        number = None if name else _NUMBER.match(text, at)  # with its unit, which is no name
        try:
            end = name.end() if name else number.end() if number else _behind(text, at)
        except Malformed:
            return [(text, False)]
        found.append((text[at:end], name is not None))
        at = end
    return found


def sides(text: str) -> tuple[str, str]:
    """Return the left side of a threshold that computes, and its operator with all that follows."""
    at = 0
    while at < len(text) and not _OPERATOR.match(text, at):
        at = _behind(text, at)
    return text[:at], text[at:]


def _behind(text: str, at: int) -> int:
    """Return where the next character is, or what follows tags or brackets; raises Malformed."""
    if text[at] == "{":
        return read_tags(text, at)[1]
    if text[at] == "[":
        return text.find("]", at) + 1 or len(text)
    return at + 1


def _bare(text: str) -> str:
    """Return a text without tags and brackets; "" if they cannot be read."""
    found, at = "", 0
    while at < len(text):
        try:
            end = _behind(text, at)
        except Malformed:
            return ""
        found += text[at] if end == at + 1 else " "
        at = end
    return found


def read(
    text: str, term: Callable[[str], Threshold], narrowed: Callable[[Threshold, str], Threshold]
) -> tuple[Threshold, list[str]]:
    """Read a comparison of sums; return it, and the words in brackets that are of no term.

    `term(text)` reads a term for its metric and aggregate, `narrowed(term, window)` sets its time.
    Raises UsageError.
    """
    reader = _Reader(text)
    left = reader.side()
    operator = reader.operator()
    right = reader.side()
    reader.end()
    if not reader.terms:
        refuse(text, f"it compares numbers only; name a metric, as in {_EXAMPLE}")
    terms = []
    for written, windows in reader.terms:
        each = term(written)
        within = windows or reader.windows
        for window in within:
            each = narrowed(each, window)
        terms.append(replace(each, text=written + "".join(f" [{window}]" for window in within)))
    if all(each.baseline for each in terms):
        refuse(text, f"nothing of this run is compared with it; write {_AGAINST}")
    if any(each.aggregate in (*DRIFTS, RECOVERY) for each in terms):
        refuse(text, "a drift, slope or recovery stands alone, with one limit")
    first = terms[0]
    formula = Formula(*(_resolved(side, first, text) for side in (left, right)))
    kind = first.kind if _keeps_unit(formula.left, terms) else _PLAIN
    found = replace(
        first,
        text=text,
        tags=(),
        expression=" ".join(text.split()),
        operator=operator,
        limit=formula.constant or 0.0,
        kind=kind,
        either=False,
        stage="",
        last_s=0.0,
        baseline=False,
        aggregate=first.aggregate if kind is first.kind else "value",
        terms=tuple(terms),
        formula=formula,
    )
    return found, reader.words


def _resolved(items: Sequence[Item], first: Threshold, text: str) -> tuple[Item, ...]:
    """Read the numbers that have a unit, in the unit of the first term."""
    found: list[Item] = []
    for item in items:
        if not isinstance(item, str) or not item.startswith("#"):
            found.append(item)
        elif item.endswith("%"):  # of a ratio; shares are of 1
            found.append(float(item[1:-1]) / 100)
        else:
            found.append(read_limit(item[1:], first.kind, first.aggregate, text))
    return tuple(found)


def _keeps_unit(items: Sequence[Item], terms: Sequence[Threshold]) -> bool:
    """Tell whether a side has the unit of its terms: of one kind, none of them multiplied."""
    used = [terms[item] for item in items if isinstance(item, int)]
    kinds = {(each.kind, each.aggregate in ("count", "rate")) for each in used}
    scales = any(item in ("*", "/") for item in items)
    return len(kinds) == 1 and (not scales or len(used) == 1) and not _under(items)


def _under(items: Sequence[Item]) -> bool:
    """Tell whether a term stands below a fraction line."""
    return any(
        item == "/" and isinstance(items[at - 1], int) for at, item in enumerate(items) if at
    )


class _Reader:
    """Reads one comparison from left to right; sides are in reverse Polish notation.

    `terms` are as they are written, each with its windows; `windows` those of all other terms.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.terms: list[tuple[str, list[str]]] = []
        self.windows: list[str] = []
        self.words: list[str] = []
        self._opened: list[int] = []  # for each open parenthesis the number of terms before it
        self._at = 0

    def side(self) -> list[Item]:
        """Read a sum (shunting-yard algorithm, Dijkstra 1961)."""
        found: list[Item] = []
        waiting: list[str] = []
        while True:
            while self._next() == "(":
                waiting.append("(")
                self._opened.append(len(self.terms))
                self._at += 1
            found.append(self._factor())
            self._close(found, waiting)
            sign = self._next()
            if sign not in _RANK:
                break
            while waiting and _RANK.get(waiting[-1], 0) >= _RANK[sign]:
                found.append(waiting.pop())
            waiting.append(sign)
            self._at += 1
        if "(" in waiting:
            self._refuse("the parenthesis is not closed")
        return found + waiting[::-1]

    def operator(self) -> str:
        found = _OPERATOR.match(self.text, self._at)
        if found is None:
            self._refuse("an operator is missing, one of < <= > >= == !=")
        self._at = found.end()
        return found[0]

    def end(self) -> None:
        if self._next():
            self._refuse("nothing more is understood here; a computed threshold has one limit")

    def _close(self, found: list[Item], waiting: list[str]) -> None:
        while self._next() == ")":
            while waiting and waiting[-1] != "(":
                found.append(waiting.pop())
            if not waiting:
                self._refuse("the parenthesis was not opened")
            waiting.pop()
            self._at += 1
            first, windows = self._opened.pop(), self._windows()
            for at in range(first, len(self.terms) if windows else first):
                written, own = self.terms[at]
                self.terms[at] = written, own or windows

    def _factor(self) -> Item:
        self._next()
        number = _NUMBER.match(self.text, self._at)
        if number is not None:
            if not math.isfinite(float(number["number"])):
                self._refuse(f"{number['number']} is too great")
            self._at = number.end()
            self.windows += self._windows()
            return f"#{number[0].strip()}" if number["unit"] else float(number["number"])
        begin = self._at
        self._name()
        written = self.text[begin : self._at].strip()
        self.terms.append((written, self._windows()))
        return len(self.terms) - 1

    def _name(self) -> None:
        """Go on behind a metric, its tags and its aggregate."""
        name = _PERCENTILE.match(self.text, self._at) or _NAME.match(self.text, self._at)
        if name is None:
            self._refuse(f"a metric or a number is missing; write {_EXAMPLE}")
        self._at = name.end()
        if self._next() == "{":
            try:
                _, self._at = read_tags(self.text, self._at)
            except Malformed as error:
                refuse(self.text, f"column {error.at + 1}: {error}")
        if self._next() == ":":
            self._at += 1
        self._next()
        if aggregate := _AGGREGATE.match(self.text, self._at):
            self._at = aggregate.end()

    def _windows(self) -> list[str]:
        """Read what stands in brackets here; what is no window is a word of the whole."""
        found: list[str] = []
        while self._next() == "[":
            end = self.text.find("]", self._at)
            if end < 0:
                self._refuse(f"the bracket is not closed; write {_EXAMPLE}")
            for word in self.text[self._at + 1 : end].split(","):
                (found if _WINDOW.match(word) else self.words).append(word.strip())
            self._at = end + 1
        return found

    def _next(self) -> str:
        """Go to the next character that is no blank, and return it; "" at the end."""
        while self.text[self._at : self._at + 1].isspace():
            self._at += 1
        return self.text[self._at : self._at + 1]

    def _refuse(self, why: str) -> NoReturn:
        refuse(self.text, f"column {min(self._at + 1, len(self.text))}: {why}")
