"""What of a URL goes out as it was written, and what is percent-encoded as UTF-8.

1. What RFC 3986 allows is sent byte for byte; a `%` stays, whatever follows it.
2. In a path everything else is encoded. In a query it is what browsers encode there: spaces,
   quotes, angle brackets, control characters and what is not ASCII; `[`, `]`, `{`, `}` and `|`
   stay, as servers are used to them.
3. A line break or NUL is refused: it is a slip in what the URL is made of.
"""

from __future__ import annotations

import re

from fastbench import redact
from fastbench.plan import UsageError

__all__ = ["checked", "location", "sent"]

_FORBIDDEN = re.compile(r"[\r\n\0]")
_NOT_IN_PATH = re.compile(r"[^!$-;=@A-Z_a-z~]")  # pchar, / and %
_NOT_IN_QUERY = re.compile(r"[^!#-;=?-~]")
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]|[^\x00-\x7f]")


def checked(url: object) -> str:
    """Return a URL that a script gave, or refuse it."""
    if not isinstance(url, str):
        raise UsageError(
            f"A URL is text, not {type(url).__name__}; see what it is made of, env() for example."
        )
    if _FORBIDDEN.search(url):
        raise UsageError(
            f"The URL `{redact.url(url)}` has a line break or NUL; take it out, or give the values "
            "as params={...}."
        )
    return url


def sent(target: str) -> str:
    """Return path and query as they are sent."""
    path, mark, query = target.partition("?")
    return _NOT_IN_PATH.sub(_escaped, path) + mark + _NOT_IN_QUERY.sub(_escaped, query)


def location(field: str) -> str:
    """Return what a server wrote into Location; its bytes stay what they are."""
    text = field.strip().encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    return _NOT_IN_URL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))
