"""Markdown that shows text as it is: what is in it is data, and no line break gets into a table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastbench.foundation.redact import printable

_MEANING = re.compile(r"([\\`*_{}\[\]()#+!|~<>&@:])")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table; the first column is a name, numbers stand at the right."""
    marks = ["---", *("---:" for _ in head[1:])] if len(head) > 3 else ["---" for _ in head]
    return ["| " + " | ".join(cells) + " |" for cells in (head, marks, *rows)]


def escaped(text: str) -> str:
    """Escape text so that it is shown as it is: HTML first, then Markdown's own marks."""
    return _MEANING.sub(lambda found: _escaped(found[0]), printable(text))


def _escaped(char: str) -> str:
    # A backslash stops neither HTML in every renderer nor an automatic link; a mention is looked
    # for in the finished page, so that only a space of no width stops it.
    if char == "@":
        return "&#64;&#8203;"
    return f"&#{ord(char)};" if char in "<>&:|" else "\\" + char
