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
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from fastbench.foundation.usage_error import UsageError
from fastbench.script import values
from fastbench.script.http import codings, cookies, json_paths, redirects
from fastbench.script.http.header_values import plain_headers
from fastbench.script.http.headers import Headers
from fastbench.script.http.request_arguments import Fields, More, with_body
from fastbench.script.http.request_cache import Maker, Settings, timeout_ns
from fastbench.script.http.verbs import Verbs
from fastbench.script.recording_context import PLACE
from fastbench.script.signatures import spelled_out

if TYPE_CHECKING:
    from fastbench.engine.client._client import Exchange, Response, Session, Stream
    from fastbench.script.http.streams import StreamedResponse

__all__ = ["Client", "Maker", "Settings", "install"]

K = TypeVar("K")


class Client(Verbs):
    """Send requests over one VU's connections: one by one, several at once, or as a stream."""

    __slots__ = ()

    def __init__(self, session: Session, maker: Maker) -> None:
        super().__init__(session, maker)
        session.redirect = self._redirected

    @spelled_out(More)
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

        Then `async for event in response` (server-sent events), `chunks()`, `lines()`, `read()`.

        Args:
            method: The method, such as GET or POST.
            url: Absolute, or a path under `base_url` of Options.
            data: Body as bytes or text, or the fields of a form.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            gap_timeout: Longest silence after the head, in seconds or as "5s".
            reconnect: Go on with Last-Event-ID when the server ends a stream of events.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit until its head has come, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            A `StreamedResponse`, opened by `async with`.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            async with vu.stream("GET", "/stream?events=3", gap_timeout=5) as response:
                check(await response.read(), {"has come": lambda body: body != b""})
        """
        from fastbench.script.http.streams import StreamedResponse

        gap_ns = 0 if gap_timeout is None else timeout_ns(gap_timeout, "gap_timeout")
        if not isinstance(method, str):
            raise UsageError(f"A method is a text such as GET, not {type(method).__name__}.")

        def begin(last_id: str) -> Stream:
            fields = _resumed(headers, last_id)
            options, body = with_body(method.upper(), url, fields, data, json, name, more)
            found = self.maker.prepared(PLACE.get(), options)
            return self.session.stream(found, body, self.jar(found), gap_ns=gap_ns)

        return StreamedResponse(begin, reconnect=reconnect)

    @overload
    async def batch(self, requests: Mapping[K, Any]) -> dict[K, Response]: ...
    @overload
    async def batch(self, requests: Sequence[Any]) -> list[Response]: ...
    async def batch(
        self, requests: Mapping[K, Any] | Sequence[Any]
    ) -> dict[K, Response] | list[Response]:
        """Send requests at once, as many as Options allow (`batch`), and wait for all of them.

        Args:
            requests: A list, or a dict by names of your own. Each is a URL (GET), `(method, url)`,
                `(method, url, {"json": …})`, a dict of what `request` takes, as in `{"url": "/a",
                "json": …}`, or one that has begun, as in `vu.get("/a")`.

        Returns:
            The answers in their order; of a dict, a dict of the same keys.

        Raises:
            UsageError: A request is none of these, or cannot be sent.

        Example::

            health, echo = await vu.batch([vu.get("/api/health"), ("POST", "/echo", {"json": 1})])
            check(health, {"healthy": lambda r: r.ok})
            check(echo, {"came back": lambda r: r.json("method") == "POST"})
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

    def _redirected(self, exchange: Exchange, response: Response) -> Any:
        return redirects.following(self, exchange, response)


def _resumed(headers: Fields | None, last_id: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a streamed request, with the id of the event it goes on after."""
    own = values.pairs(headers, "headers=") if headers else ()
    fields = [*own, ("Last-Event-ID", last_id)] if last_id else own
    return plain_headers(fields) if fields else ()


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


def _shape(request: object) -> str:
    """Say what was given instead of a request."""
    size = f" of {len(request)}" if isinstance(request, tuple | list) else ""
    return f"{type(request).__name__}{size}" + (" without url" if type(request) is dict else "")
