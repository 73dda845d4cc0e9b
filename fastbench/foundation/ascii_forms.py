"""What we draw and write beyond ASCII, and how it reads where only ASCII can be shown.

A form may be longer than its glyph. What stands behind it in its line moves by that much, unless
blanks follow that can give way: so columns of tables stay below each other.
"""

from __future__ import annotations

import re

FORMS = {
    **{" ·": ",", "·": ",", "│": "|", "┃": "|", "─": "-", "━": "=", "●": "o", "–": "-"},  # noqa: RUF001
    **{"┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "[", "┤": "]"},
    **{"→": "->", "←": "<-", "≥": ">=", "≤": "<=", "≈": "~", "±": "+-", "…": "..."},
    **{"×": "x", "µ": "u", "μ": "u", "²": "^2", "✓": "+", "✗": "x", "⚠": "!", "›": ">"},  # noqa: RUF001
    **{"“": '"', "”": '"', "‘": "'", "’": "'", "—": "-", "−": "-", "\u00a0": " "},  # noqa: RUF001
    **dict.fromkeys("█▉▊▋▌▍▎▏", "#"),
    **dict(zip("▁▂▃▄▅▆▇", "_.-:=+*", strict=True)),
}
_PARTS = re.compile(f"({'|'.join(map(re.escape, FORMS))}| {{2,}})")


def in_ascii(text: str) -> str:
    """Return the text in ASCII; what has no form of its own is a question mark."""
    if text.isascii():
        return text
    return "\n".join(map(_line, text.split("\n"))).encode("ascii", "replace").decode()


def _line(line: str) -> str:
    if line.isascii():
        return line
    moved, found = 0, []
    for part in _PARTS.split(line):
        if part in FORMS:
            form = FORMS[part]
            moved = max(0, moved + len(form) - len(part))
            found.append(form)
        elif moved and part[:2] == "  ":  # blanks between columns
            kept = max(1, len(part) - moved)
            moved -= len(part) - kept
            found.append(" " * kept)
        else:
            found.append(part)
    return "".join(found)


def replaced(error: UnicodeError) -> tuple[str, int]:
    """Handle what an encoding lacks (codecs.register_error): our glyphs have their own form."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return in_ascii(error.object[error.start : error.end]), error.end
