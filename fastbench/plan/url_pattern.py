"""URLs drawn from a regular expression: `--rand-regex-url`, as in oha.

1. What is understood: text, `.` as itself, classes `[a-z0-9]` and `[^…]`, `\\d \\w \\h`, groups,
   `|`, and `? * + {m} {m,} {m,n}`. An open end means `--max-repeat` more. Escaped signs are
   themselves: a query begins with `\\?`. What looks around or back is refused.
2. Python's parser of expressions is not public, and the libraries that draw texts build on it; so
   this one is ours. It draws what may stand in a URL, and nothing else.
3. Of n URLs each is another one, in the order in which they were drawn.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import NoReturn

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError

MAX_REPEAT = 4  # more than the least, where an expression has no end
MAX_REPEATED = 1000
MAX_BYTES = 8192  # of one URL
MAX_PARTS = 100_000  # drawn for one URL: groups may be empty, and repeated
MAX_ALL_PARTS = 20_000_000  # drawn for all of them: some 10 s
TRIES = 20  # draws for a new URL, for each that is wanted

_ANY = string.ascii_letters + string.digits + "-._~"  # of [^…]: unreserved (RFC 3986 section 2.3)
_CLASSES = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
    "h": string.hexdigits[:16],
}
_POSIX = {"alpha": string.ascii_letters, "digit": string.digits, "alnum": _CLASSES["w"][:-1]}


@dataclass(frozen=True, slots=True)
class _Letters:
    """One of these characters."""

    letters: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One after another."""

    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of these, each as likely."""

    options: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    """So many of this."""

    part: _Part
    least: int
    most: int


_Part = _Letters | _Row | _Choice | _Repeat


def draw(pattern: str, count: int, seed: int, max_repeat: int = MAX_REPEAT) -> list[str]:
    """Return up to `count` different texts; fewer where the expression has no more.

    Raises UsageError for what is no expression, or none that is understood.
    """
    whole = _Reader(pattern, max_repeat).read()
    chance = random.Random(seed)
    found: dict[str, None] = {}
    misses = parts = 0
    while len(found) < count and misses < TRIES * (len(found) + 10):
        drawing = _Drawing(pattern, chance)
        text = drawing.of(whole)
        misses += text in found
        found[text] = None
        parts += drawing.parts
        if parts > MAX_ALL_PARTS:
            _refuse(
                pattern,
                f"takes too long: {len(found):,} of {count:,} URLs were drawn; "
                f"repeat less, or give --rand-regex-count {max(1, len(found) // 2)}",
            )
    return list(found)


class _Drawing:
    """One text on its way."""

    def __init__(self, pattern: str, chance: random.Random) -> None:
        self._pattern = pattern
        self._chance = chance
        self._text: list[str] = []
        self.parts = 0

    def of(self, whole: _Part) -> str:
        """Draw it."""
        self._draw(whole)
        return "".join(self._text)

    def _draw(self, part: _Part) -> None:
        self.parts += 1
        if len(self._text) > MAX_BYTES or self.parts > MAX_PARTS:
            _refuse(self._pattern, f"draws URLs of more than {MAX_BYTES} bytes; repeat less")
        if isinstance(part, _Letters):
            self._text.append(self._chance.choice(part.letters))
        elif isinstance(part, _Row):
            for each in part.parts:
                self._draw(each)
        elif isinstance(part, _Choice):
            self._draw(self._chance.choice(part.options))
        else:
            for _ in range(self._chance.randint(part.least, part.most)):
                self._draw(part.part)


class _Reader:
    """Read an expression from left to right."""

    def __init__(self, pattern: str, max_repeat: int) -> None:
        self._pattern = pattern
        self._more = max_repeat
        self._at = 0
        self._depth = 0

    def read(self) -> _Part:
        """Return all of it."""
        found = self._choice()
        if self._at < len(self._pattern):
            self._refuse("has a ) without a (; a sign that stands for itself is \\)")
        return found

    def _choice(self) -> _Part:
        options = [self._row()]
        while self._takes("|"):
            options.append(self._row())
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def _row(self) -> _Part:
        parts: list[_Part] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            parts.append(self._repeated(self._one()))
        return _Row(tuple(parts))

    def _one(self) -> _Part:
        sign = self._next()
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._letters()
        if sign == "\\":
            return _Letters(self._escaped())
        if sign in "*+?":
            self._refuse(f"repeats nothing with {sign}; a sign that stands for itself is \\{sign}")
        if sign in "^$":
            return _Row(())  # it is drawn whole
        return _Letters(sign)

    def _group(self) -> _Part:
        if self._takes("?") and not self._takes(":"):
            self._refuse("looks around or names a group; groups are (…) and (?:…)")
        self._depth += 1
        if self._depth > 100:
            self._refuse("has groups more than 100 deep")
        found = self._choice()
        self._depth -= 1
        if not self._takes(")"):
            self._refuse("has a ( without a )")
        return found

    def _repeated(self, part: _Part) -> _Part:
        """Read what follows a part; a lazy ? draws the same."""
        least, most = 1, 1
        if self._takes("?"):
            least, most = 0, 1
        elif self._takes("*"):
            least, most = 0, self._more
        elif self._takes("+"):
            least, most = 1, 1 + self._more
        elif self._takes("{"):
            least, most = self._numbers()
        else:
            return part
        self._takes("?")
        return _Repeat(part, least, most)

    def _numbers(self) -> tuple[int, int]:
        text, end, rest = self._pattern[self._at :].partition("}")
        least, comma, most = (each.strip() for each in text.partition(","))
        if not end or not least.isdecimal() or not (most.isdecimal() or not most):
            self._refuse("has a { that is no {m}, {m,} or {m,n}; a brace of its own is \\{")
        self._at = len(self._pattern) - len(rest)
        first = int(least) if len(least) < 6 else MAX_REPEATED + 1
        last = int(most) if most and len(most) < 6 else first
        if comma and not most:
            last = first + self._more
        if not first <= last <= MAX_REPEATED:
            self._refuse(f"repeats {{{text}}}; that is 0 to {MAX_REPEATED}, the lower number first")
        return first, last

    def _escaped(self) -> str:
        sign = self._next()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign.isalnum():
            self._refuse(f"has \\{sign}, which is not known; there are \\d, \\w and \\h")
        return sign

    def _letters(self) -> _Part:
        """Read a class, behind its [."""
        others = self._takes("^")
        found: dict[str, None] = {}
        first = True
        while first or not self._takes("]"):
            first = False
            letters = self._of_class()
            after = self._pattern[self._at : self._at + 2]
            if len(letters) == 1 and len(after) == 2 and after[0] == "-" and after[1] != "]":
                self._at += 1
                last = self._of_class()
                if len(last) > 1 or last < letters:
                    self._refuse(f"has [{letters}-…] with no later end")
                letters = "".join(map(chr, range(ord(letters), ord(last) + 1)))
            found.update(dict.fromkeys(letters))
        kept = "".join(each for each in _ANY if each not in found) if others else "".join(found)
        if not kept:
            self._refuse("has a class without a character")
        return _Letters(kept)

    def _of_class(self) -> str:
        sign = self._next()
        if sign == "[" and self._takes(":"):
            name, end, rest = self._pattern[self._at :].partition(":]")
            if not end or name not in _POSIX:
                self._refuse(f"has a class that is not known; there are {', '.join(_POSIX)}")
            self._at = len(self._pattern) - len(rest)
            return _POSIX[name]
        return self._escaped() if sign == "\\" else sign

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            self._refuse("ends too early")
        self._at += 1
        return self._pattern[self._at - 1]

    def _takes(self, sign: str) -> bool:
        found = self._pattern[self._at : self._at + 1] == sign
        self._at += found
        return found

    def _refuse(self, what: str) -> NoReturn:
        _refuse(self._pattern, what)


def _refuse(pattern: str, what: str) -> NoReturn:
    shown = redact.printable(redact.url(pattern))
    raise UsageError(f"--rand-regex-url: `{shown}` {what}.")
