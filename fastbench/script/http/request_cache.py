"""Requests made ready: parsed, named and rendered once, and found again as long as they repeat.

One Maker serves all VUs of a worker. What differs from VU to VU or from request to request (the
cookies, the body and its length) is added when the request is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fastbench import __version__
from fastbench.engine.client import _client
from fastbench.foundation import redact, units
from fastbench.plan import urls
from fastbench.plan.body import encoded, field_text
from fastbench.plan.plan import MAX_TIMEOUT_S, UsageError, check_header, check_method
from fastbench.script.expected import DEFAULT, Expected
from fastbench.script.http import bodies, url_grouping
from fastbench.script.http.header_values import Headers, authorization
from fastbench.script.recording_context import RecordingContext, Tags

if TYPE_CHECKING:
    from fastbench.engine.client._client import Origin, Pool, Ready, Route

Named = tuple[str, str, Headers, bool, str | None]  # method, URL, headers, no body, name

MAX_PREPARED = 1000  # of one place
MAX_ORIGINS = 1000
MAX_LARGE = 8
MAX_REASONS = 10
LARGE_BYTES = 1 << 14

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)([^#]*)", re.DOTALL)
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_LENGTH_ZERO = frozenset({"POST", "PUT", "PATCH"})  # RFC 9110 section 8.6
_SCALARS = {"timeout": "seconds", "redirects": "a number", "bearer": "a text"}
_OWN_FIELDS = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What all requests of a run have in common."""

    base_url: str = ""
    headers: Headers = ()
    user_agent: str = f"fastbench/{__version__}"
    timeout_s: float = 60.0
    max_redirects: int = 10
    expected: Expected = DEFAULT
    group_ids: bool = True
    keepalive: bool = True
    batch: int = 20  # requests of one batch() at once


class RequestOptions(NamedTuple):
    """What one request asks for beside its body; hashable, so that it is its own cache key."""

    method: str
    url: str
    headers: Headers = ()
    content_type: str = ""
    name: str | None = None
    tags: Tags = ()
    timeout: float | str | None = None
    redirects: int | None = None
    expected: Expected | None = None
    auth: tuple[object, ...] | None = None
    bearer: str | bytes | None = None
    cookies: Headers = ()
    led_away: bool = False  # by a redirect to another origin: the run's secrets stay behind


class Prepared:
    """One request, ready to be sent any number of times; `head` lacks its last fields."""

    __slots__ = ("asked", "head", "kind", "payload", "place", "ready", "sized", "target")

    asked: RequestOptions
    kind: Kind
    place: RecordingContext
    target: str  # path and query, as sent
    head: bytes
    payload: bytes  # all of it, without a body and without the jar's cookies
    sized: bytes  # `head` up to the length of a body
    ready: Ready  # what is sent

    @property
    def path(self) -> str:
        """The path as sent."""
        return self.target.partition("?")[0]

    def rendered(self, body: bytes | None, jar: str) -> bytes:
        """Return the bytes to send."""
        line = self._cookies(jar)
        if body is None:
            return b"".join((self.head, line, self.kind.end))
        return b"".join((self.head, line, b"Content-Length: %d\r\n\r\n" % len(body), body))

    def _cookies(self, jar: str) -> bytes:
        cookie = self.kind.cookie
        cookie = f"{cookie}; {jar}" if cookie and jar else cookie or jar
        return f"Cookie: {cookie}\r\n".encode("latin-1") if cookie else b""

    def finish(self) -> None:
        """Work out what is the same each time it is sent."""
        self.payload = self.rendered(None, "")
        self.sized = self.head + self._cookies("") + b"Content-Length: "


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Hold one server, and how requests to it begin."""

    origin: Origin
    url: urls.Url
    prefix: str  # scheme and authority, as shown

    @property
    def secure(self) -> bool:
        """Tell whether what is sent to it is encrypted."""
        return self.url.scheme == "https"


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Hold what requests that differ only in their path have in common."""

    site: Site
    method: str
    fields: bytes  # of the head, from its second line on, without its last ones
    end: bytes  # what ends the head when there is no body
    cookie: str  # cookies of the request itself, beside the jar's, as `field_text` gives them
    head_only: bool
    idempotent: bool
    timeout_ns: int
    redirects: int


class Maker:
    """Make requests ready for one worker's pool of connections."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.settings = settings
        self._pool = pool
        self._sites: dict[str, Site] = {}
        self._kinds: dict[tuple[Any, ...], Kind] = {}
        self._large: dict[tuple[int, int], tuple[Prepared, bytes, bytes]] = {}
        self.met: Callable[[Origin], None] | None = None  # hears of each server, maybe again
        self.warn: Callable[[str, str, str], None] | None = None  # hears code, text and hint
        self._warned: set[str] = set()
        self._base: Site | None = None
        self._base_path = ""
        if settings.base_url:
            match = _ABSOLUTE.match(settings.base_url)
            if match is None:
                urls.parse(settings.base_url)  # says what is wrong with it
                raise UsageError("base_url cannot be read; write one such as http://localhost/.")
            if "?" in match[2]:
                raise UsageError("base_url has a query; give it with each request instead.")
            self._base = self._site(match[1])
            self._base_path = match[2].rstrip("/")

    def prepared(self, place: RecordingContext, asked: RequestOptions) -> Prepared:
        """Return the request, as made before or made now."""
        try:
            found: Prepared | None = place.prepared.get(asked)
        except TypeError:  # something in it has no hash
            _check_scalars(asked)
            raise
        if found is None:
            if len(place.prepared) >= MAX_PREPARED:
                place.prepared.clear()
            found = place.prepared[asked] = self._prepare(place, asked)
        return found

    def plain(self, place: RecordingContext, url: str) -> Ready:
        """Make a GET without options, to be found in `place.plain`."""
        if len(place.plain) >= MAX_PREPARED:
            place.plain.clear()
        found = place.plain[url] = self._prepare(place, RequestOptions("GET", url)).ready
        return found

    def named(self, place: RecordingContext, key: Named) -> Prepared:
        """Make a request that has at most headers, JSON and a name; found in `place.named`."""
        method, url, fields, bodiless, name = key
        asked = RequestOptions(method, url, fields, "" if bodiless else bodies.JSON, name)
        if len(place.named) >= MAX_PREPARED:
            place.named.clear()
        found = place.named[key] = self.prepared(place, asked)
        return found

    def payload(self, prepared: Prepared, body: bytes | None, jar: str) -> bytes:
        """Return the bytes to send; large ones that repeat are kept, not copied again."""
        if body is None:
            return prepared.payload if not jar else prepared.rendered(None, jar)
        if jar or len(body) < LARGE_BYTES:
            return prepared.rendered(body, jar)
        key = (id(prepared), id(body))
        found = self._large.get(key)  # what is kept holds both, so their ids are theirs alone
        if found is None:
            if len(self._large) >= MAX_LARGE:
                self._large.clear()
            found = self._large[key] = (prepared, body, prepared.rendered(body, ""))
        return found[2]

    def not_followed(self, before: Prepared, why: str) -> None:
        """Warn, once for each reason, of an answer that leads nowhere we go."""
        if self.warn is None or why in self._warned or len(self._warned) >= MAX_REASONS:
            return
        self._warned.add(why)
        where = before.kind.site.prefix + before.target.partition("?")[0]
        self.warn(
            "redirect_not_followed",
            f"a redirect was not followed: {why}; the script got the redirect response itself "
            f"(first from {redact.url(where)})",
            "check the Location of that response; redirects=0 never follows redirects",
        )

    def _prepare(self, place: RecordingContext, asked: RequestOptions) -> Prepared:
        site, path = self._located(asked.url)
        key = (site, asked[0], asked[2:])  # all but the URL
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MAX_PREPARED:
                self._kinds.clear()
            kind = self._kinds[key] = self._kind(site, asked)
        made = Prepared()
        made.asked, made.kind, made.place = asked, kind, place
        made.target = sent = urls.sent(path)
        made.head = encoded(f"{kind.method} {sent} HTTP/1.1\r\n") + kind.fields
        made.finish()
        made.ready = _client.Ready(
            site.origin,
            made.payload,
            site.prefix + sent,
            self._route(place, asked, site, path.partition("?")[0], kind.method),
            head=kind.head_only,
            idempotent=kind.idempotent,
            timeout_ns=kind.timeout_ns,
            redirects=kind.redirects,
            method=kind.method,
            keep=made,
        )
        return made

    def _kind(self, site: Site, asked: RequestOptions) -> Kind:
        method = check_method(asked.method)
        _check_scalars(asked)
        fields, cookies = self._fields(site, asked)
        return Kind(
            site,
            method,
            fields,
            b"Content-Length: 0\r\n\r\n" if method in _LENGTH_ZERO else b"\r\n",
            "; ".join(
                [*cookies, *(field_text(f"{name}={value}") for name, value in asked.cookies)]
            ),
            method == "HEAD",
            method in _IDEMPOTENT,
            _timeout_ns(asked.timeout, self.settings.timeout_s),
            _redirects(asked.redirects, self.settings.max_redirects),
        )

    def _route(
        self, place: RecordingContext, asked: RequestOptions, site: Site, path: str, method: str
    ) -> Route:
        grouped = url_grouping.path(path) if self.settings.group_ids else path
        url = site.prefix + grouped
        at_home = self._base is not None and site.origin is self._base.origin
        name = asked.name or (grouped if at_home else url)
        expected = asked.expected or self.settings.expected
        tags = place.with_tags(dict(asked.tags)) if asked.tags else place.tags
        key = (name, method, url, tags, expected)
        found = place.routes.get(key)
        if found is None:
            if len(place.routes) >= MAX_PREPARED:
                place.routes.clear()
            found = place.routes[key] = place.recorder.route(
                place.scenario, name, method, url, place.group, tags, expected, asked.tags
            )
        return found

    def _located(self, url: str) -> tuple[Site, str]:
        """Find the server of a URL, and its path and query as they were written."""
        match = _ABSOLUTE.match(urls.checked(url))
        if match is not None:
            path = match[2]
            return self._site(match[1]), path if path.startswith("/") else f"/{path}"
        if self._base is None:
            raise UsageError(
                f"`{redact.url(url)}` names no server; set base_url in options, or write the "
                "whole URL, for example http://localhost:8080/."
            )
        path = url.partition("#")[0]
        joint = "" if not path or path[0] in "/?" else "/"
        path = self._base_path + joint + path
        return self._base, path if path.startswith("/") else f"/{path}"

    def _site(self, prefix: str) -> Site:
        found = self._sites.get(prefix)
        if found is None:
            if len(self._sites) >= MAX_ORIGINS:
                self._sites = {k: v for k, v in self._sites.items() if v is self._base}
            url = urls.parse(prefix)
            try:
                origin = self._pool.origin(url.scheme, url.host, url.port)
            except ValueError as error:
                raise UsageError(
                    f"{redact.url(prefix)} cannot be reached by TLS: {error}."
                ) from None
            if self.met is not None:
                self.met(origin)
            found = self._sites[prefix] = Site(origin, url, f"{url.scheme}://{url.authority}")
        return found

    def _fields(self, site: Site, asked: RequestOptions) -> tuple[bytes, list[str]]:
        """Render the fields; what the request says of itself wins over the rest."""
        own = [
            check_header(name, value)
            for name, value in (*asked.headers, *authorization(asked.auth, asked.bearer))
        ]
        said = {name.lower() for name, _ in own}
        if refused := said & _OWN_FIELDS:
            raise UsageError(f"{refused.pop()} is set by fastbench; leave it out of headers.")
        if asked.content_type.startswith("multipart/") and "content-type" in said:
            raise UsageError("Content-Type of a request with files has a boundary; leave it out.")
        fields = {"host": ("Host", site.url.authority)}
        fields["user-agent"] = ("User-Agent", self.settings.user_agent)
        fields["accept"] = ("Accept", "*/*")
        if site.url.authorization:
            fields["authorization"] = ("Authorization", site.url.authorization)
        if asked.content_type:
            fields["content-type"] = ("Content-Type", asked.content_type)
        if not self.settings.keepalive:
            fields["connection"] = ("Connection", "close")
        for name, value in self.settings.headers:
            if not (asked.led_away and stays(name)):
                fields[name.lower()] = check_header(name, value)
        kept = [field for name, field in fields.items() if name not in said]
        sent = [(name, field_text(value)) for name, value in (*kept, *own)]
        lines = [f"{name}: {value}" for name, value in sent if name.lower() != "cookie"]
        cookies = [value for name, value in sent if name.lower() == "cookie"]
        return "\r\n".join([*lines, ""]).encode("latin-1"), cookies


def _check_scalars(asked: RequestOptions) -> None:
    for word, kind in _SCALARS.items():
        value = getattr(asked, word)
        if value is not None and not isinstance(value, str | bytes | int | float):
            raise UsageError(f"{word}= takes {kind}, not {type(value).__name__}.")


def stays(name: str) -> bool:
    """Tell whether a redirect to another origin leaves this header behind."""
    return name.lower() == "host" or redact.secret_header(name)


def _timeout_ns(asked: float | str | None, default_s: float) -> int:
    try:
        seconds = units.parse_duration_s(asked) if isinstance(asked, str) else asked
    except ValueError as error:
        raise UsageError(f"timeout= is not a time: {error}") from None
    seconds = default_s if seconds is None else seconds
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise UsageError("timeout= is in seconds, above 0 and at most an hour, for example 2.5.")
    return round(seconds * 1e9)


def _redirects(asked: int | None, default: int) -> int:
    count = default if asked is None else asked
    if not isinstance(count, int) or not 0 <= count <= 1000:
        raise UsageError("redirects= is the number of redirects to follow, from 0 to 1000.")
    return int(count)
