"""Where placeholders stand in what was typed, and URLs that have some.

1. A placeholder is `{{…}}` on one line. `\\{{` is literal `{{`: the backslash before it is dropped.
   Two backslashes are themselves, so that `C:\\\\{{name}}` in JSON has a placeholder; of three the
   last is dropped. Of more than two braces in a row the last two begin the placeholder.
2. What is within is read by `placeholder_values`; a `\\` in it keeps what follows from ending it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls

BRACES = "{{"
RAW = "--raw sends braces as they are"

_OPENING = r"(?<!\\)(\\*)(\{{2,})"  # from the first backslash on: of a long row only once
_INNER = r"((?:\\[^\n]|(?!\}\})[^\\\n])*)\}\}"
_TEXT, _BYTES = re.compile(_OPENING), re.compile(_OPENING.encode())
_TEXT_INNER, _BYTES_INNER = re.compile(_INNER), re.compile(_INNER.encode())
_NUMBERED = re.compile(_OPENING + r"([0-9]+)\}\}")
_BEFORE_PATH = re.compile(r"(?:[^/?#]*://)?[^/?#]*")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One of them in a text: what is within its braces, and where it begins and ends there."""

    inner: bytes
    start: int
    end: int


def cut(data: bytes) -> Iterator[tuple[bytes, Placeholder | None]]:
    """Yield literal text, its backslashes dropped, with the placeholder that follows it.

    The last one has none. Raises UsageError for one that does not end.
    """
    literal, at = bytearray(), 0
    for opening in _BYTES.finditer(data):
        if opening.start() < at:
            continue  # within a placeholder
        literal += data[at : opening.start()]
        backslashes, braces = opening.groups()
        at = opening.end()
        if len(backslashes) % 2:
            literal += backslashes[:-1] + braces
            continue
        found = _BYTES_INNER.match(data, at)
        if found is None:
            begun = data[at : at + 20].partition(b"\n")[0].decode("utf-8", "replace")
            raise UsageError(
                f"`{BRACES}{begun}` has no }}}} on its line; two braces that are meant as such are "
                f"written \\{BRACES}, and {RAW}."
            )
        yield bytes(literal + backslashes + braces[2:]), Placeholder(found[1], at - 2, found.end())
        literal.clear()
        at = found.end()
    yield bytes(literal + data[at:]), None


def has_any(text: str | bytes) -> bool:
    """Tell whether a text has placeholders, or what is written \\{{."""
    return BRACES in text if isinstance(text, str) else b"{{" in text


def outside(text: str, change: Callable[[str], str]) -> str:
    """Return the text with all that is in no placeholder changed; \\{{ changes, too."""
    parts, at = [], 0
    for start, end in _spans(text):
        parts += [change(text[at:start]), text[start:end]]
        at = end
    return "".join((*parts, change(text[at:])))


def sheltered(text: str) -> tuple[str, Callable[[str], str]]:
    """Return the text with a number in each placeholder, and what puts back what stood there.

    So a parser that knows nothing of them meets no space, slash or colon there.
    """
    inners: list[str] = []
    parts, at = [], 0
    for start, end in _spans(text):
        parts += [text[at:start], f"{{{{{len(inners)}}}}}"]
        inners.append(text[start:end])
        at = end
    parts.append(text[at:])

    def put_back(found: re.Match[str]) -> str:
        backslashes, braces, number = found.groups()
        if len(backslashes) % 2 or int(number) >= len(inners):
            return found[0]
        return backslashes + braces[2:] + inners[int(number)]

    def restored(changed: str) -> str:
        return _NUMBERED.sub(put_back, changed)

    return "".join(parts), restored


def url(text: str) -> urls.Url:
    """Parse a URL whose path and query may have placeholders: they stay there as they are typed.

    Raises UsageError for those that stand before the path, and as `urls.parse` does.
    """
    if not has_any(text):
        return urls.parse(text)
    bare, restored = sheltered(text)
    start = _BEFORE_PATH.match(bare)
    if start is not None and BRACES in start[0]:
        raise UsageError(
            "Scheme, host and port of a URL do not vary: a run loads one server; {{…}} stands in "
            f"its path and query, and {RAW}."
        )
    try:
        found = urls.parse(bare)
    except UsageError as error:
        raise UsageError(restored(str(error))) from None
    try:
        path = restored(found.path.decode("ascii")).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError("A placeholder in the URL has half a character; remove it.") from None
    return replace(found, path=path, shown=restored(found.shown))


def inside(text: str, change: Callable[[str], str]) -> str:
    """Return the text with what stands in placeholders changed."""
    parts, at = [], 0
    for start, end in _spans(text):
        parts += [text[at : start + 2], change(text[start + 2 : end - 2])]
        at = end - 2
    return "".join((*parts, text[at:]))


def words(line: str) -> list[str]:
    """Cut a line at spaces and tabs, but not within placeholders."""
    bare, restored = sheltered(line)
    return [restored(word) for word in re.split(r"[ \t]+", bare)]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where placeholders begin and end; one without an end is none here."""
    at = 0
    for opening in _TEXT.finditer(text):
        if opening.start() < at or len(opening[1]) % 2:
            continue
        if found := _TEXT_INNER.match(text, opening.end()):
            yield opening.end() - 2, found.end()
            at = found.end()
        elif (at := text.find("\n", opening.end())) < 0:
            return  # what has no end has none from further on either, up to the end of its line
