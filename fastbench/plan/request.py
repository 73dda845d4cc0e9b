"""Render a request to the bytes that are sent, once."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench import __version__
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import http_message, placeholder_texts
from fastbench.plan.body import Body, encoded
from fastbench.plan.plan import Request, check_header, check_method
from fastbench.plan.urls import Url, basic

Headers = tuple[tuple[str, str], ...]

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class Message:
    """Hold what the requests of a run have in common.

    `headers` are the user's, in order; they replace the defaults of the same name, whatever the
    case. `method` "" means none was named: POST with a body, as in curl, else GET. Empty strings
    mean "not given".
    """

    method: str = ""
    headers: Headers = ()
    body: Body | None = None
    host: str = ""
    user_agent: str = f"fastbench/{__version__}"
    accept: str = "*/*"
    content_type: str = ""
    credentials: str = ""  # user:password
    bearer: str = ""
    keepalive: bool = True
    lua: tuple[str, bytes] | None = None  # path and text of a script that makes the requests


def render(
    url: Url, message: Message, *, method: str = "", weight: int = 1, body: Body | None = None
) -> Request:
    """Render one request; `method` and `body` are the URL's own and win over the message's.

    A URL that names a method without a request body (GET, HEAD, OPTIONS, TRACE) goes without the
    body that the others of the run carry.
    """
    if body is None and (method not in _WITHOUT_BODY or message.method):
        body = message.body
    chosen = check_method(method or message.method or ("GET" if body is None else "POST"))
    fields = [*default_fields(url, message), *_body_fields(chosen, message, body)]
    own = {name.lower() for name, _ in message.headers}
    kept = [(name, value) for name, value in fields if name.lower() not in own]
    return Request(
        method=chosen,
        target=url.path,
        fields=tuple((encoded(n), encoded(v)) for n, v in (*kept, *message.headers)),
        body=None if body is None else body.data,
        url=url.shown,
        weight=weight,
    )


def parse_header(text: str) -> tuple[str, str]:
    """Read `K: V` or `K=V`; the first of both signs parts name and value."""
    signs = [at for at in (text.find(":"), text.find("=")) if at >= 0]
    if not signs:
        raise UsageError("-H needs 'Name: value'; a header given has neither colon nor =.")
    if placeholder_texts.has_any(text[: min(signs)]):
        raise UsageError("The name of a header has no placeholders; they stand in its value.")
    return check_header(text[: min(signs)], text[min(signs) + 1 :])


def closes(message: Message) -> bool:
    """Tell whether the requests ask for the connection to be closed after each answer."""
    if not message.keepalive:
        return True
    values = [value for name, value in message.headers if name.lower() == "connection"]
    return any(token.strip().lower() == "close" for v in values for token in v.split(","))


def default_fields(url: Url, message: Message) -> list[tuple[str, str]]:
    """Return the fields that every request has, but those of its body."""
    fields = [
        ("Host", message.host or url.authority),
        ("User-Agent", message.user_agent),
        ("Accept", message.accept),
    ]
    if message.bearer:
        fields.append(("Authorization", f"Bearer {message.bearer}"))
    elif message.credentials:
        fields.append(("Authorization", basic(encoded(message.credentials))))
    elif url.authorization:
        fields.append(("Authorization", url.authorization))
    if not message.keepalive:
        fields.append(("Connection", "close"))
    return [check_header(name, value) for name, value in fields]


def _body_fields(method: str, message: Message, body: Body | None) -> list[tuple[str, str]]:
    """Return Content-Type and Content-Length, and refuse a user's length that is wrong."""
    fields = []
    length = http_message.content_length(method, None if body is None else body.data)
    if content_type := message.content_type or (body.content_type if body is not None else ""):
        fields.append(check_header("Content-Type", content_type))
    for name, value in message.headers:
        if name.lower() == "transfer-encoding":
            raise UsageError("Bodies are sent with Content-Length; leave Transfer-Encoding out.")
        if name.lower() == "content-length" and value != str(length or 0):
            raise UsageError(
                f"The body has {length or 0} bytes, not what -H Content-Length says; leave it out."
            )
    if length is not None:
        fields.append(("Content-Length", str(length)))
    return fields
