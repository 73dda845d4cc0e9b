"""Values of headers as scripts give them: text, bytes, numbers; and those that sign a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.body import encoded, field_text
from fastbench.script import values

Headers = tuple[tuple[str, str], ...]


def plain_headers(headers: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Headers:
    """Take headers as a script wrote them; a value of None leaves the header out."""
    if type(headers) is dict:
        for name, value in headers.items():
            if type(value) is not str or type(name) is not str:
                break
        else:
            return tuple(headers.items())
    pairs = values.pairs(headers, "headers=")
    return tuple(
        (name, header_value(value, f"The header {name}"))
        for name, value in pairs
        if value is not None
    )


def header_value(value: object, what: str) -> str:
    """Return the value of a header as a script may give it; bytes as `field_text` has them."""
    if isinstance(value, bytes):
        return field_text(value)
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError(f"{what} needs text, not {type(value).__name__}.")


def authorization(auth: tuple[object, ...] | None, bearer: str | bytes | None) -> Headers:
    """Return the field that `auth=` or `bearer=` asks for, or none."""
    if bearer is not None:
        if auth is not None:
            raise UsageError("A request has one Authorization; give either auth= or bearer=.")
        return (("Authorization", f"Bearer {header_value(bearer, 'bearer=')}"),)
    if auth is None:
        return ()
    if not isinstance(auth, tuple) or len(auth) != 2:
        raise UsageError("auth= takes (user, password); a token goes in bearer=.")
    return (("Authorization", urls.basic(b":".join(map(_credential, auth)))),)


def _credential(part: object) -> bytes:
    """Return a user's name or password: text in UTF-8 (RFC 7617 section 2.1), bytes as they are."""
    return part if isinstance(part, bytes) else encoded(str(part))
