"""What the parts of the embedded application share: a route, reading a request, refusing one.

1. A part is a class that holds its state and gives its routes; the router and the list at /api are
   both made of them, so that they cannot disagree.
2. State is bounded: a run of any length leaves the server as large as a short one does.
3. A refused request is answered in JSON with one sentence under "error".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

TEXT_CHARACTERS_MAX = 1000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Totals = Counter[str]  # what a run can compare its own counts with


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the router; `what` is its line in the list."""

    method: str
    path: str
    answer: Handler
    what: str


def refused(
    kind: type[web.HTTPException], why: str, headers: Mapping[str, str] | None = None
) -> web.HTTPException:
    """Make the answer to a request that cannot be served; the caller raises it."""
    text = json.dumps({"error": why})
    return kind(text=text, content_type="application/json", headers=headers)


def bearer(request: web.Request) -> str:
    """Give the bearer token (RFC 6750 2.1); without one the request is refused with 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise refused(
            web.HTTPUnauthorized, "a bearer token is needed", {"WWW-Authenticate": "Bearer"}
        )
    return token


async def json_object(request: web.Request) -> dict[str, Any]:
    """Read the body as a JSON object; any other is refused with 400."""
    try:
        found = json.loads(await request.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise refused(web.HTTPBadRequest, "the body must be a JSON object")
    return found


def text_of(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Give a text of the body; without a default it must be there."""
    found = body.get(name, default)
    if not isinstance(found, str) or not 0 < len(found) <= TEXT_CHARACTERS_MAX:
        raise refused(
            web.HTTPBadRequest, f"{name} must be a text of 1 to {TEXT_CHARACTERS_MAX} characters"
        )
    return found


def number(request: web.Request, name: str, default: int, most: int) -> int:
    """Give a number of the query, from 1 up to `most`."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise refused(web.HTTPBadRequest, f"{name} must be a number from 1 to {most}")
    return int(text)


def number_of(body: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """Give a whole number of the body, from 1 up to `most`."""
    found = body.get(name, default)
    if type(found) is not int or not 1 <= found <= most:  # a bool is an int too
        raise refused(web.HTTPBadRequest, f"{name} must be a whole number from 1 to {most}")
    return found
