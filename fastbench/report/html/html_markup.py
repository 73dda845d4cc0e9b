"""Markup that cannot be forged: text is escaped where it enters, and only `el` makes elements.

A `str` is always data, wherever it comes from; only what `el` returned is markup. Control and bidi
characters are taken out, as they are for a terminal. Attributes get a `str` and are escaped alike.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastbench.foundation.redact import printable

_VOID = frozenset({"meta", "wbr"})
_BREAKS = re.compile(r"(?<=[/?&=,;])(?=[^/?&=,;])")  # where a URL may go on in the next line
# What could end a script element or open another (HTML, 4.12.1.3), and what ends a line.
_IN_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Markup:
    """A piece of the page; its text is safe to stand between elements."""

    text: str


Content = Markup | str


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table that is not plain: its class says what it is (`num`, `bad`, `warn`)."""

    content: Content
    kind: str


Row = Sequence[Content | TableCell]


def el(tag: str, /, *content: Content, **attributes: str) -> Markup:
    """Return an element. `class_` is class, `data_x` data-x; an empty value gives no attribute."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(printable(value))}"'
        for key, value in attributes.items()
        if value
    )
    if tag in _VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{''.join(map(_safe, content))}</{tag}>")


def raw(tag: str, text: str, /, **attributes: str) -> Markup:
    """Return a style or script element of our own text, which may not end it."""
    if f"</{tag}" in text.lower():
        raise ValueError(f"the text would end its {tag} element")
    given = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{tag}{given}>{text}</{tag}>")


def unnamed(part: Markup) -> Markup:
    """Return a part without the names of its elements, for a page that has it several times."""
    return Markup(re.sub(r' id="[^"]*"', "", part.text))  # no quote of a text stands unescaped


def data_block(identity: str, value: object) -> Markup:
    """Return a block of JSON that a script reads as text and parses: nothing in it is run."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_IN_SCRIPT)
    return raw("script", text, type="application/json", id=identity)


def breakable(text: str) -> list[Content]:
    """Return text that breaks where a reader of a URL expects it, and nowhere else if it can."""
    first, *more = _BREAKS.split(text)
    return [first, *(part for each in more for part in (el("wbr"), each))]


def section(
    title: str, *content: Content, identity: str = "", note: str = "", kind: str = ""
) -> Markup:
    """Return a part of the page with its heading; `note` stands small beside it."""
    heading = el("h2", title, *([el("small", note)] if note else []))
    return el("section", heading, *content, id=identity, class_=kind)


def table(heads: Sequence[str], rows: Iterable[Row]) -> Markup:
    """Return a table that scrolls sideways where it is too wide; heads with ` #` are of numbers.

    Names and values have no heads.
    """
    numbers = [head.endswith(" #") for head in heads]
    top = [
        el("th", head.removesuffix(" #"), scope="col", class_="num" if number else "")
        for head, number in zip(heads, numbers, strict=True)
    ]
    body = [
        el("tr", *(_cell(cell, number) for cell, number in zip(row, numbers, strict=True)))
        for row in rows
    ]
    headed = [el("thead", el("tr", *top))] if any(heads) else []
    whole = el("table", *headed, el("tbody", *body))
    return el("div", whole, class_="scroll", tabindex="0")


def _cell(cell: Content | TableCell, number: bool) -> Markup:
    kinds = ["num"] if number else []
    if isinstance(cell, TableCell):
        kinds.append(cell.kind)
        cell = cell.content
    return el("td", cell, class_=" ".join(kinds))


def _safe(content: Content) -> str:
    if isinstance(content, Markup):
        return content.text
    return html.escape(printable(content, lines=True))
