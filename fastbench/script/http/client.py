"""The requests of one VU: `await vu.get(url)`.

1. A request begins when its method is called; what is returned is awaited for the answer. There is
   no coroutine in between.
2. A plain request that repeats costs one look into a dict before it is sent.
3. What the network does never raises: an answer without a status has an `error`. What the script
   asks wrongly raises UsageError, with a sentence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, overload
from urllib.parse import quote

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.script import expected, values
from fastbench.script.expected import Expected
from fastbench.script.http import bodies, codings, cookies, json_paths, redirects
from fastbench.script.http.header_values import header_value, plain_headers
from fastbench.script.http.headers import Headers
from fastbench.script.http.request_cache import Maker, RequestOptions, Settings, timeout_ns
from fastbench.script.recording_context import PLACE, own_tags

if TYPE_CHECKING:
    from fastbench.engine.client._client import Exchange, Ready, Response, Session, Stream
    from fastbench.script.http.streams import StreamedResponse

__all__ = ["Client", "Fields", "Maker", "More", "Settings", "install", "with_params"]

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]
K = TypeVar("K")

# What may stand in a query as it is written: all that RFC 3986 allows there, but the characters
# that part the pairs, and + and %, which would be read as something else.
_IN_QUERY = "-._~!$'()*,;:@/?"


class More(TypedDict, total=False):
    """What any request may be given beside its URL, headers, JSON and name."""

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


class Client:
    """Send requests over one VU's connections, with its cookies."""

    __slots__ = ("_send", "_stored", "cookies", "maker", "session")

    def __init__(self, session: Session, maker: Maker) -> None:
        self.session = session
        self.maker = maker
        self.cookies = cookies.Cookies(maker.settings.base_url)
        self._stored = self.cookies.stored
        self._send = session.send
        session.cookies = self.cookies.learn
        session.redirect = self._redirected

    def get(
        self,
        url: str,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """GET."""
        if headers is None and name is None and json is None and not more and not self._stored:
            place = PLACE.get()
            return self._send(place.plain.get(url) or self.maker.plain(place, url))
        return self._begin("GET", url, None, headers, json, name, more)

    def head(
        self,
        url: str,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """HEAD."""
        return self._begin("HEAD", url, None, headers, json, name, more)

    def options(
        self,
        url: str,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """OPTIONS."""
        return self._begin("OPTIONS", url, None, headers, json, name, more)

    def post(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """POST; `data` is bytes, text, or the fields of a form."""
        return self._begin("POST", url, data, headers, json, name, more)

    def put(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """PUT."""
        return self._begin("PUT", url, data, headers, json, name, more)

    def patch(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """PATCH."""
        return self._begin("PATCH", url, data, headers, json, name, more)

    def delete(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """DELETE."""
        return self._begin("DELETE", url, data, headers, json, name, more)

    def request(
        self,
        method: str,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send a request of any method."""
        if not isinstance(method, str):
            raise UsageError(f"A method is a text such as GET, not {type(method).__name__}.")
        return self._begin(method.upper(), url, data, headers, json, name, more)

    def stream(
        self,
        method: str,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        *,
        gap_timeout: float | str | None = None,
        reconnect: bool = False,
        **more: Unpack[More],
    ) -> StreamedResponse:
        """Read an answer while it arrives: `async with vu.stream("GET", url) as response:`.

        Then `async for event in response` (server-sent events), `response.chunks()` or
        `response.lines()`. `timeout` is for its head, `gap_timeout` (s) for each silence after it;
        `reconnect` goes on with Last-Event-ID when the server ends it.
        """
        from fastbench.script.http.streams import StreamedResponse

        gap_ns = 0 if gap_timeout is None else timeout_ns(gap_timeout, "gap_timeout")
        if not isinstance(method, str):
            raise UsageError(f"A method is a text such as GET, not {type(method).__name__}.")

        def begin(last_id: str) -> Stream:
            own = values.pairs(headers, "headers=") if headers else ()
            fields = [*own, ("Last-Event-ID", last_id)] if last_id else own
            plain = plain_headers(fields) if fields else ()
            options, body = _asked(method.upper(), url, plain, data, json, name, more)
            found = self.maker.prepared(PLACE.get(), options)
            return self.session.stream(found, body, self.jar(found), gap_ns=gap_ns)

        return StreamedResponse(begin, reconnect=reconnect)

    def jar(self, found: Ready) -> str:
        """Return the cookies that go along with a request."""
        if not self._stored:
            return ""
        source = found.keep
        return self.cookies.header(source.site.url.cookie_host, source.path, source.site.secure)

    @overload
    async def batch(self, requests: Mapping[K, Any]) -> dict[K, Response]: ...
    @overload
    async def batch(self, requests: Sequence[Any]) -> list[Response]: ...
    async def batch(
        self, requests: Mapping[K, Any] | Sequence[Any]
    ) -> dict[K, Response] | list[Response]:
        """Send requests at once, as many as Options allow, and wait for all of them.

        Each is a URL (GET), `(method, url)`, `(method, url, {"json": ...})`, a dict of what
        request() takes, as in `{"url": "/a", "json": ...}`, or begun already, as in
        `vu.batch([vu.get("/a"), vu.get("/b")])`. A dict of requests gives a dict of the same keys.
        """
        if isinstance(requests, Mapping):
            answers = await self._all(requests.values())
            return dict(zip(requests, answers, strict=True))
        return await self._all(requests)

    async def _all(self, requests: Iterable[Any]) -> list[Response]:
        if isinstance(requests, str | bytes) or not isinstance(requests, Iterable):
            kind = type(requests).__name__
            raise UsageError(f"batch() takes a list or a dict of requests, not {kind}.")
        most = self.maker.settings.batch
        begun: deque[Awaitable[Response]] = deque()
        answers = []
        for request in requests:
            if len(begun) >= most:
                answers.append(await begun.popleft())
            begun.append(self._begun(request))
        while begun:
            answers.append(await begun.popleft())
        return answers

    def _begun(self, request: Any) -> Awaitable[Response]:
        if isinstance(request, str):
            return self.get(request)
        if isinstance(request, Awaitable):
            return request
        if isinstance(request, tuple | list) and 2 <= len(request) <= 3:
            method, url, *more = request
            words = more[0] if more else {}
            if isinstance(words, Mapping):
                return self.request(method, url, **words)
        if isinstance(request, Mapping) and "url" in request:
            words = {"method": "GET", **request}
            return self.request(words.pop("method"), words.pop("url"), **words)
        raise UsageError(
            'batch() takes URLs, (method, url, {...}), {"url": ..., "method": ...} or vu.get(...), '
            f"not {_shape(request)}."
        )

    def _begin(
        self,
        method: str,
        url: str,
        data: Any,
        headers: Fields | None,
        json: Any,
        name: str | None,
        more: Mapping[str, Any],
    ) -> Exchange:
        """Send a request that is not plain."""
        place = PLACE.get()
        fields = plain_headers(headers) if headers else ()
        body = None if json is None or more else bodies.to_json(json)
        if data is None and not more:  # the most usual ones, found by what they say
            key = (method, url, fields, body is None, name if name is None else str(name))
            found = place.named.get(key) or self.maker.named(place, key)
        else:
            options, body = _asked(method, url, fields, data, json, name, more)
            found = self.maker.prepared(place, options)
        return self._send(found, body, self.jar(found) if self._stored else "")

    def _redirected(self, exchange: Exchange, response: Response) -> Any:
        return redirects.following(self, exchange, response)


def install() -> None:
    """Tell the extension what Response's lazy properties call; once per worker."""
    from fastbench.engine.client import _client

    _client.use(
        headers=Headers,
        decode=codings.decode,
        select=json_paths.select,
        json=codings.loads,
        text=codings.text,
        cookies=cookies.of,
    )


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
    return _asked(method, url, fields, None, None, name, more)[0]


def _asked(
    method: str,
    url: str,
    headers: tuple[tuple[str, str], ...],
    data: Any,
    json: Any,
    name: str | None,
    more: Mapping[str, Any],
) -> tuple[RequestOptions, bytes | None]:
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


def _shape(request: object) -> str:
    """Say what was given instead of a request."""
    size = f" of {len(request)}" if isinstance(request, tuple | list) else ""
    return f"{type(request).__name__}{size}" + (" without url" if type(request) is dict else "")


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=_IN_QUERY + safe, encoding="utf-8", errors="surrogateescape")
