"""One name for URLs that differ only in ids: `/tickets/17/notes` is `/tickets/{id}/notes`.

A segment of a path counts as an id when it is a number, a date, an address of mail, a UUID, a
ULID, a long hexadecimal number, or a long word of digits, small and capital letters. What people
name things by (`v1`, `oauth2`, `page-2`) stays.
"""

from __future__ import annotations

import re

ID = "{id}"
MAX_LETTERS = 200  # of a segment; a longer one is nobody's name

_ID = re.compile(
    r"""
      [0-9][0-9._:,-]*                                                  # numbers, dates, 12,13
    | [0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}              # UUID
    | (?=[a-fA-F]*[0-9])[0-9a-fA-F]{12,}                                # hash, ObjectId
    | [0-7][0-9A-HJKMNP-TV-Z]{25}                                       # ULID
    | [A-Za-z]{1,12}_(?=[A-Za-z]*[0-9])[A-Za-z0-9]{6,}                  # cus_9s6XKzkNRiz8i3
    | (?=[a-z]*[0-9])[a-z0-9]{24,}                                      # CUID
    | (?=[^0-9]*[0-9])(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9_-]{16,}  # tokens
    | [^@]+(?:@|%40)[^@]+\.[^@]+                                        # addresses of mail
    """,
    re.VERBOSE,
)
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}")


def path(text: str) -> str:
    """Replace the ids in a path (without its query)."""
    if not any(map(str.isdigit, text)) and "@" not in text and "%40" not in text:
        return text
    return "/".join(map(_segment, text.split("/")))


def _segment(text: str) -> str:
    if len(text) > MAX_LETTERS or _ID.fullmatch(text):
        return ID
    name, dot, extension = text.rpartition(".")
    if dot and _EXTENSION.fullmatch(dot + extension) and _ID.fullmatch(name):
        return f"{ID}.{extension}"
    return text
