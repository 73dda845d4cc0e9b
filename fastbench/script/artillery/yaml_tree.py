"""A YAML file as values that know their lines: what is refused is refused with the line.

1. Plain scalars mean what they mean in YAML 1.2, as Artillery reads them: `yes`, `on` and `12:30`
   are texts, `1e3` is a number, `0o17` is a text and `017` is octal.
2. PyYAML is asked for nodes and marks only; it is an extra, imported when such a file is read.
3. An alias is the same value, made once, however often it stands in the file. What the file is
   with its aliases written out is bounded, in values and in levels: whoever walks it may recurse.
4. No tag makes an object; one that YAML itself does not define is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file
from fastbench.script import extras

_TAG = "tag:yaml.org,2002:"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE, _FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9_]+([eE][-+]?[0-9]+)?)"
)
_SCALARS = frozenset(
    ("binary", "bool", "float", "int", "merge", "null", "str", "timestamp", "value")
)
MAX_DEPTH = 100
MAX_VALUES = 1_000_000  # with aliases written out


_TOO_DEEP = f"more than {MAX_DEPTH} levels stand within each other; make it flatter."
_TOO_MANY = (
    f"there are more than {MAX_VALUES:,} values with the aliases written out; use fewer of them."
)


class Refusal(UsageError):
    """Say what in the file cannot be run, and in which line."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class Map(dict[str, Any]):
    """A mapping of the file; `line` is where it begins, `lines` where each key stands."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def put(self, key: str, value: Any, line: int) -> None:
        """Set the value of a key that stands in this line."""
        self[key] = value
        self.lines[key] = line


class Seq(list[Any]):
    """A list of the file; `lines` are those of its members."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []

    def put(self, value: Any, line: int) -> None:
        """Add a member that stands in this line."""
        self.append(value)
        self.lines.append(line)


def read(
    data: bytes,
    *,
    what: str = "An Artillery file",
    extra: str = "artillery",
) -> Any:
    """Return the values of a file; raises Refusal, and UsageError where PyYAML is missing."""
    yaml = extras.load("yaml", extra=extra, what=what)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = _decoded(data)
    try:
        if len(text) > MAX_VALUES:  # a smaller one cannot have as many
            _count(yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text) from None
    except RecursionError:
        raise Refusal(0, _TOO_DEEP) from None
    except yaml.YAMLError as error:
        what = redact.printable(str(error).partition("\n")[0])
        raise Refusal(0, f"this is not YAML: {what}.") from None
    if node is None:
        raise Refusal(0, "the file is empty.")
    return _Reader(yaml).value(node, 0)


def _decoded(data: bytes) -> str:
    try:
        return text_file.decoded(data, "")
    except UsageError as error:
        where, _, sentence = str(error).partition(": ")  # `, line 7`
        raise Refusal(int(where.rpartition(" ")[2]), sentence) from None


def _count(events: Iterable[Any]) -> None:
    """Refuse a file of too many values before any of them is made."""
    for number, event in enumerate(events):
        if number > 2 * MAX_VALUES:  # a collection has two events
            raise Refusal(event.start_mark.line + 1, _TOO_MANY)


def _unreadable(error: Any, text: str) -> Refusal:
    """Say what is no YAML, and where."""
    mark = error.problem_mark or error.context_mark
    what = redact.printable(str(error.problem or error.context or "cannot be read"))
    line = mark.line + 1 if mark else 0
    if "another document" in what:
        return Refusal(line, "a second document begins here; keep one in the file.")
    if "nesting depth" in what:
        return Refusal(line, _TOO_DEEP)
    rows = text_file.lines(text)
    if 0 < line <= len(rows) and rows[line - 1].lstrip(" ").startswith("\t"):
        what = "a tab stands at the begin of the line; indent with spaces"
    return Refusal(line, f"this is not YAML: {what}.")


class _Reader:
    """Make values of nodes, each node once."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()
        self._extents: dict[int, tuple[int, int]] = {}  # of what was made: its values, its levels

    def value(self, node: Any, depth: int) -> Any:
        line = node.start_mark.line + 1
        if isinstance(node, self._yaml.ScalarNode):
            return _scalar(node, line)
        if id(node) in self._open:
            raise Refusal(line, "an alias stands within what it names.")
        if depth >= MAX_DEPTH:
            raise Refusal(line, _TOO_DEEP)
        if id(node) not in self._made:
            if node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
                raise Refusal(line, f"the tag {_shown_tag(node.tag)} is not known.")
            self._open.add(id(node))
            is_list = isinstance(node, self._yaml.SequenceNode)
            made = (self._seq if is_list else self._map)(node, depth + 1)
            self._bound(made, line)
            self._made[id(node)] = made
            self._open.discard(id(node))
        return self._made[id(node)]

    def _bound(self, made: Map | Seq, line: int) -> None:
        """Refuse what is too large or too deep with its aliases written out."""
        values, levels = 1, 1
        for each in made.values() if isinstance(made, Map) else made:
            inner = self._extents.get(id(each), (1, 0))
            values += inner[0]
            levels = max(levels, 1 + inner[1])
        if values > MAX_VALUES:
            raise Refusal(line, _TOO_MANY)
        if levels > MAX_DEPTH:
            raise Refusal(line, _TOO_DEEP)
        self._extents[id(made)] = values, levels

    def _seq(self, node: Any, depth: int) -> Seq:
        found = Seq(node.start_mark.line + 1)
        for each in node.value:
            found.put(self.value(each, depth), each.start_mark.line + 1)
        return found

    def _map(self, node: Any, depth: int) -> Map:
        found = Map(node.start_mark.line + 1)
        merged: list[Map] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, self._yaml.ScalarNode):
                raise Refusal(line, "a key is a text.")
            if not key_node.tag.startswith(_TAG) or ":" in key_node.tag.removeprefix(_TAG):
                raise Refusal(line, f"the tag {_shown_tag(key_node.tag)} is not known.")
            value = self.value(value_node, depth)
            if key_node.tag == f"{_TAG}merge":
                several = value if isinstance(value, Seq) else [value]
                if not all(isinstance(each, Map) for each in several):
                    raise Refusal(line, "<< takes a mapping, or a list of them.")
                merged += several
                continue
            key = str(key_node.value)
            if key in found:
                raise Refusal(line, f"{redact.printable(key)} stands there twice.")
            found.put(key, value, line)
        for each in merged:
            for key, value in each.items():
                if key not in found:
                    found.put(key, value, each.lines[key])
        return found


def _scalar(node: Any, line: int) -> Any:
    """Return the value of a scalar by YAML 1.2."""
    text, tag = str(node.value), node.tag.removeprefix(_TAG)
    if node.tag[: len(_TAG)] != _TAG or tag not in _SCALARS:
        raise Refusal(line, f"the tag {_shown_tag(node.tag)} is not known.")
    if tag == "binary":
        raise Refusal(line, "binary values are not supported.")
    if node.style:  # quoted, or a block
        return text
    if text in _NULLS:
        return None if tag == "null" else text
    if text in _TRUE or text in _FALSE:
        return text in _TRUE if tag == "bool" else text
    if tag == "int" and _INTEGER.fullmatch(text):
        return _integer(text.replace("_", ""))
    if _FLOAT.fullmatch(text) and (tag in ("float", "int") or "e" in text.lower()):
        return float(text.replace("_", ""))
    if tag == "float" and text.lstrip("+-").lower() in (".inf", ".nan"):
        return float(text.lower().replace(".", ""))
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    for prefix, radix in (("0b", 2), ("0x", 16)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], radix)
    return sign * int(digits, 8 if len(digits) > 1 and digits.startswith("0") else 10)


def _shown_tag(tag: str) -> str:
    return redact.printable(tag.replace(_TAG, "!!"))


def of_json(value: Any, line: int) -> Any:
    """Return a value of JSON as one of the file, all of it in one line."""
    if isinstance(value, dict):
        found = Map(line)
        for key, each in value.items():
            found.put(key, of_json(each, line), line)
        return found
    if isinstance(value, list):
        members = Seq(line)
        for each in value:
            members.put(of_json(each, line), line)
        return members
    return value


def finite(value: object) -> bool:
    """Tell whether a value is a number that can be counted with."""
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)
