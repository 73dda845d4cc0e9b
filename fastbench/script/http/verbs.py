"""The methods of HTTP as methods of a user: `await vu.get(url)`, `vu.post(url, json=…)`.

1. A request begins when its method is called; what is returned is awaited for the answer. There is
   no coroutine in between.
2. A plain request that repeats costs one look into a dict before it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from fastbench.foundation.usage_error import UsageError
from fastbench.script.http import bodies, cookies
from fastbench.script.http.header_values import plain_headers
from fastbench.script.http.request_arguments import Fields, More, with_body
from fastbench.script.http.request_cache import Maker
from fastbench.script.recording_context import PLACE
from fastbench.script.signatures import spelled_out

if TYPE_CHECKING:
    from fastbench.engine.client._client import Exchange, Ready, Session


class Verbs:
    """Send requests over one VU's connections, with its cookies."""

    __slots__ = ("_send", "_stored", "cookies", "maker", "session")

    def __init__(self, session: Session, maker: Maker) -> None:
        self.session: Session = session
        self.maker: Maker = maker
        self.cookies: cookies.Cookies = cookies.Cookies(maker.settings.base_url)
        self._stored = self.cookies.stored
        self._send = session.send
        session.cookies = self.cookies.learn

    @spelled_out(More)
    def get(
        self,
        url: str,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send a GET request.

        Args:
            url: Absolute, or a path under `base_url` of Options.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.get("/api/health", name="health", timeout="2s")
            check(response, {"status is 200": lambda r: r.status == 200})
        """
        if headers is None and name is None and json is None and not more and not self._stored:
            place = PLACE.get()
            return self._send(place.plain.get(url) or self.maker.plain(place, url))
        return self._begin("GET", url, None, headers, json, name, more)

    @spelled_out(More)
    def head(
        self,
        url: str,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send a HEAD request: the answer has headers and no body.

        Args:
            url: Absolute, or a path under `base_url` of Options.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.head("/api/health")
            check(response, {"no body": lambda r: r.body == b""})
        """
        return self._begin("HEAD", url, None, headers, json, name, more)

    @spelled_out(More)
    def options(
        self,
        url: str,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send an OPTIONS request, for example the preflight of CORS.

        Args:
            url: Absolute, or a path under `base_url` of Options.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.options("/echo", headers={"Origin": "https://shop.example"})
            check(response, {"allowed": lambda r: r.ok})
        """
        return self._begin("OPTIONS", url, None, headers, json, name, more)

    @spelled_out(More)
    def post(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send a POST request with a body, as JSON, form, text or bytes.

        Args:
            url: Absolute, or a path under `base_url` of Options.
            data: Body as bytes or text, or the fields of a form.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.post("/echo", json={"item": 7, "count": 1})
            check(response, {"accepted": lambda r: r.ok})
        """
        return self._begin("POST", url, data, headers, json, name, more)

    @spelled_out(More)
    def put(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send a PUT request, for example of a file.

        Args:
            url: Absolute, or a path under `base_url` of Options.
            data: Body as bytes or text, or the fields of a form.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.put("/upload", data=b"0123456789", name="upload")
            check(response, {"stored": lambda r: r.ok})
        """
        return self._begin("PUT", url, data, headers, json, name, more)

    @spelled_out(More)
    def patch(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send a PATCH request with what is to change.

        Args:
            url: Absolute, or a path under `base_url` of Options.
            data: Body as bytes or text, or the fields of a form.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.patch("/echo", json={"status": "closed"})
            check(response, {"changed": lambda r: r.ok})
        """
        return self._begin("PATCH", url, data, headers, json, name, more)

    @spelled_out(More)
    def delete(
        self,
        url: str,
        data: bytes | str | Fields | None = None,
        headers: Fields | None = None,
        json: Any = None,
        name: str | None = None,
        **more: Unpack[More],
    ) -> Exchange:
        """Send a DELETE request.

        Args:
            url: Absolute, or a path under `base_url` of Options.
            data: Body as bytes or text, or the fields of a form.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.delete("/status/404", expected=[204, 404])
            check(response, {"gone": lambda r: r.status in (204, 404)})
        """
        return self._begin("DELETE", url, data, headers, json, name, more)

    @spelled_out(More)
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
        """Send a request of any method.

        Args:
            method: The method, such as PROPFIND; it is sent in capital letters.
            url: Absolute, or a path under `base_url` of Options.
            data: Body as bytes or text, or the fields of a form.
            headers: Names and values; one whose value is None is left out.
            json: A value to be sent as JSON.
            name: Name of its row in reports; default: its URL, with ids as `{id}`.
            params: Pairs for the query of the URL, or the query as text.
            files: Files of a form by field: `file(data, name)`, bytes, or `(name, data)`.
            auth: User and password of Basic authentication.
            bearer: Token for `Authorization: Bearer`.
            cookies: Cookies of this request alone, by name.
            tags: Tags of its samples, beside those of its scenario and group.
            timeout: Time limit of the whole request, in seconds or as "5s"; default 60 s.
            redirects: How many redirects are followed at most; default 10.
            expected: Statuses that are no failure: 404, range(200, 300); default 200 to 399.

        Returns:
            The request under way; `await` gives its `Response`, also where the network fails.

        Raises:
            UsageError: An argument cannot be sent, or the URL names no host.

        Example::

            response = await vu.request("REPORT", "/echo", data="<all/>")
            check(response, {"known": lambda r: r.status != 405})
        """
        if not isinstance(method, str):
            raise UsageError(f"A method is a text such as GET, not {type(method).__name__}.")
        return self._begin(method.upper(), url, data, headers, json, name, more)

    def jar(self, found: Ready) -> str:
        """Return the cookies that go along with a request.

        :meta private:
        """
        if not self._stored:
            return ""
        source = found.keep
        return self.cookies.header(source.site.url.cookie_host, source.path, source.site.secure)

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
            options, body = with_body(method, url, fields, data, json, name, more)
            found = self.maker.prepared(place, options)
        return self._send(found, body, self.jar(found) if self._stored else "")
