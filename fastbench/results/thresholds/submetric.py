"""A metric narrowed by tags, `METRIC{tag:value,tag:value}`: in one spelling, and read back.

1. Whatever a name holds, there is a spelling of it: in single or double quotes, where \\ stands
   before a quote or another \\, and \\n \\r \\t \\uXXXX \\u{X…} are characters as in JavaScript.
2. Without quotes a value goes to the next comma that another `tag:` follows, or to the brace that
   closes; braces inside it are in pairs. A comma behind \\ is part of the value, as in k6.
3. What we write (documents, reports, names of what is counted) has quotes where they are needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Tags = tuple[tuple[str, str], ...]

EXAMPLE = 'METRIC{tag:value,tag:"a, b"}'
_PLAIN_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BARE_TAG = re.compile(r"""[^:,{}"'\\]*""")
# What follows the comma between two tags; anything else belongs to the value before it.
_NEXT_TAG = re.compile(
    r"""\s*(?:[A-Za-z_][\w .-]*+|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')\s*:""", re.DOTALL
)
_ESCAPED_COMMA = re.compile(r"\\+,")  # shells and other languages double the \
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t"}
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)}
_QUOTED["'"] = re.compile(_QUOTED['"'].pattern.replace('"', "'"), re.DOTALL)


class Malformed(ValueError):
    """Tags that cannot be read; `at` is the index of the character where that shows."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at


def canonical(metric: str, tags: Iterable[tuple[str, str]]) -> str:
    """Return `metric{a:b,c:d}` with its tags sorted; the metric alone without any."""
    inside = ",".join(f"{_written_tag(name)}:{_written(value)}" for name, value in sorted(tags))
    return f"{metric}{{{inside}}}" if inside else metric


def read_tags(text: str, start: int) -> tuple[Tags, int]:
    """Read the tags whose brace opens at `start`; return them, sorted, and where their text ends.

    Raises Malformed.
    """
    found: dict[str, str] = {}
    at = start
    while at == start or text[at] == ",":
        name, at = _tag(text, _behind_blanks(text, at + 1))
        found[name], at = _value(text, _behind_blanks(text, at + 1), start)
    return tuple(sorted(found.items())), at + 1


def _tag(text: str, at: int) -> tuple[str, int]:
    """Read the name of a tag; return it and where its colon is."""
    if text[at : at + 1] in _QUOTED:
        name, end = _unquoted(text, at)
        end = _behind_blanks(text, end)
    else:
        end = _BARE_TAG.match(text, at).end()  # type: ignore[union-attr]  # it may be empty
        name = text[at:end].strip()
    if text[end : end + 1] != ":" or not name:
        raise Malformed(
            min(at, len(text) - 1), f"a tag is missing; write {EXAMPLE}, {{name:value}}"
        )
    return name, end


def _value(text: str, at: int, start: int) -> tuple[str, int]:
    """Read the value of a tag; return it and where the comma or brace after it is."""
    if text[at : at + 1] in _QUOTED:
        value, end = _unquoted(text, at)
        end = _behind_blanks(text, end)
        if text[end : end + 1] not in (",", "}"):
            raise Malformed(
                min(end, len(text) - 1),
                'behind the closing quote comes , or }; a quote inside the quotes is written \\"',
            )
        return value, end
    value, depth = "", 0
    while at < len(text):
        escaped = _ESCAPED_COMMA.match(text, at)
        letter = text[at]
        if escaped is not None:
            at = escaped.end() - 1
            letter = ","
        elif not depth and (letter == "}" or (letter == "," and _NEXT_TAG.match(text, at + 1))):
            return value.strip(), at
        depth += {"{": 1, "}": -1}.get(letter, 0)
        value += letter
        at += 1
    raise Malformed(start, f"the brace is not closed; write {EXAMPLE}")


def _unquoted(text: str, at: int) -> tuple[str, int]:
    match = _QUOTED[text[at]].match(text, at)
    if match is None:
        raise Malformed(at, 'the quote is not closed; a quote inside the quotes is written \\"')
    return _ESCAPE.sub(_character, match[1]), match.end()


def _character(escape: re.Match[str]) -> str:
    number, letter = escape[1] or escape[2], escape[3]
    if number is None:
        return _LETTERS.get(letter, letter)
    return chr(int(number, 16)) if int(number, 16) <= 0x10FFFF else escape[0]


def _behind_blanks(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _written_tag(name: str) -> str:
    return name if _PLAIN_TAG.fullmatch(name) else _in_quotes(name)


def _written(text: str) -> str:
    """Return a value as it is read back: bare where that is safe."""
    plain = text.isprintable() and text == " ".join(text.split()) and text[:1] not in _QUOTED
    if plain and not set(text) & {",", "\\"} and _in_pairs(text):
        return text
    return _in_quotes(text)


def _in_quotes(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}"


def _in_pairs(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            return False
    return not depth
