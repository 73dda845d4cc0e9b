"""What a request of a script may be given: its arguments, as RequestOptions and a body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict
from urllib.parse import quote

from fastbench.plan import urls
from fastbench.script import expected, values
from fastbench.script.expected import Expected
from fastbench.script.http import bodies
from fastbench.script.http.header_values import header_value, plain_headers
from fastbench.script.http.request_cache import RequestOptions
from fastbench.script.recording_context import own_tags

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]

# What may stand in a query as it is written: all that RFC 3986 allows there, but the characters
# that part the pairs, and + and %, which would be read as something else.
_IN_QUERY = "-._~!$'()*,;:@/?"


class More(TypedDict, total=False):
    """What any request may be given beside its URL, headers, JSON and name.

    Attributes:
        params: Pairs for the query of the URL, or the query as text.
        files: Files of a form, by field: `file(data, name)`, bytes, or `(name, data)`.
        auth: User and password of Basic authentication (RFC 7617).
        bearer: Token of `Authorization: Bearer` (RFC 6750).
        cookies: Cookies of this request alone.
        tags: Tags of its samples, beside those of scenario and group.
        timeout: Time limit of the whole request: seconds, or a text such as "5s"; default 60 s.
        redirects: How many redirects are followed; default 10, 0 for none.
        expected: Statuses that are no failure: 404, range(200, 300), [200, 404]; default 200-399.
    """

    params: Fields | str | None
    files: Fields | None
    auth: tuple[str | bytes, str | bytes] | None
    bearer: str | bytes | None
    cookies: Fields | None
    tags: Fields | None
    timeout: float | str | None
    redirects: int | None
    expected: Expected | int | range | Iterable[int] | None


_KNOWN = frozenset(More.__annotations__)
_LISTED = ("headers", "json", "name", *More.__annotations__)


class HandshakeMore(TypedDict, total=False):
    """What a WebSocket may be given, whatever is spoken over it.

    Attributes:
        compression: Offer permessage-deflate (RFC 7692); default False.
        max_message_bytes: A longer message ends the socket; bytes, default 16 MiB.
        ping_interval: Time between two pings, s; default none are sent.
        ping_timeout: A socket that is silent for so long after a ping is given up, s.
        auth: User and password of Basic authentication.
        bearer: Token of `Authorization: Bearer`.
        cookies: Cookies of this handshake alone, by name.
        tags: Tags of its samples, beside those of scenario and group.
        expected: Statuses of the handshake that are no failure, for example [101, 429].
    """

    compression: bool
    max_message_bytes: int
    ping_interval: float | None
    ping_timeout: float | None
    auth: tuple[str | bytes, str | bytes] | None
    bearer: str | bytes | None
    cookies: Fields | None
    tags: Mapping[str, object] | None
    expected: Expected | int | range | Iterable[int] | None


class SocketMore(HandshakeMore, total=False):
    """What a WebSocket may be given beside its URL, headers, subprotocols and name.

    Attributes:
        params: Pairs for the query of the URL, or the query as text.
        timeout: Time limit of the handshake: seconds, or a text such as "5s"; default 60 s.
    """

    params: Fields | str | None
    timeout: float | str | None


def with_params(url: str, params: Fields | str) -> str:
    """Add params to the query of a URL.

    Text is added as it is written. Of values only what could not stand there is escaped, so that
    `select=*` and `order=created_at.desc` stay what they are; a list gives one pair per member.
    """
    if isinstance(params, str):
        query = params.removeprefix("?")
    else:
        query = "&".join(
            f"{_quoted(name)}={_quoted(bodies.as_text(each), '=')}"
            for name, value in values.pairs(params, "params=")
            if value is not None
            for each in (value if isinstance(value, list | tuple) else (value,))
        )
    if not query:
        return url
    url, mark, fragment = url.partition("#")
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{joint}{query}{mark}{fragment}"


def asked(
    method: str, url: str, headers: Fields | None, name: str | None, more: Mapping[str, Any]
) -> RequestOptions:
    """Return what a request without a body asks for, as the script's words say it."""
    fields = plain_headers(headers) if headers else ()
    return with_body(method, url, fields, None, None, name, more)[0]


def with_body(
    method: str,
    url: str,
    headers: tuple[tuple[str, str], ...],
    data: Any,
    json: Any,
    name: str | None,
    more: Mapping[str, Any],
) -> tuple[RequestOptions, bytes | None]:
    """Return what a request asks for, and its body; raises TypeError for an unknown argument."""
    if not more.keys() <= _KNOWN:
        unknown = ", ".join(sorted(more.keys() - _KNOWN))
        raise TypeError(f"a request takes no {unknown}; it takes {', '.join(_LISTED)}")
    take = more.get
    body = bodies.encoded(data, json, take("files"))
    if params := take("params"):
        url = with_params(urls.checked(url), params)
    pairs, wanted, auth = take("cookies"), take("expected"), take("auth")
    tags = own_tags(given) if (given := take("tags")) else ()
    name = name or dict(tags).get("name")  # as k6 has it: requests are told by the tag `name`
    asked = RequestOptions(
        method,
        url,
        headers,
        body.content_type if body is not None else "",
        str(name) if name else None,
        tags,
        take("timeout"),
        take("redirects"),
        expected.read(wanted) if wanted is not None else None,
        tuple(auth) if isinstance(auth, tuple | list) else auth,
        take("bearer"),
        _cookies(pairs) if pairs else (),
    )
    return asked, body.data if body is not None else None


def _cookies(given: Any) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, header_value(value, f"The cookie {name}"))
        for name, value in values.pairs(given, "cookies=")
    )


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=_IN_QUERY + safe, encoding="utf-8", errors="surrogateescape")
