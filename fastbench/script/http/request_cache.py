"""Requests made ready: parsed, named and rendered once, and found again as long as they repeat.

One Maker serves all VUs of a worker. What differs from VU to VU or from request to request (the
cookies, the body and its length) is added when the request is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fastbench import __version__
from fastbench.engine.client import _client
from fastbench.foundation import redact, units
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import http_message, urls
from fastbench.plan.body import encoded, field_text
from fastbench.plan.plan import check_header, check_method
from fastbench.plan.workload import MAX_TIMEOUT_S
from fastbench.script.expected import DEFAULT, Expected
from fastbench.script.http import bodies, left_out, url_grouping
from fastbench.script.http.header_values import Headers, authorization
from fastbench.script.recording_context import RecordingContext, Tags

if TYPE_CHECKING:
    from fastbench.engine.client._client import Heading, Origin, Pool, Ready, Route

Named = tuple[str, str, Headers, bool, str | None]  # method, URL, headers, no body, name

MAX_PREPARED = 1000  # of one place
MAX_ORIGINS = 1000
MAX_REASONS = 10

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)([^#]*)", re.DOTALL)
_ROOTLESS = re.compile(r"[^/?#]*//[^/?#]*([?#].*)?", re.DOTALL)
_MASKED = re.compile("^(https?://)")
_SCHEME = re.compile("^http(?=s?://)")
_SCALARS = {"timeout": "seconds", "redirects": "a number", "bearer": "a text"}
_OWN_FIELDS = frozenset({"content-length", "transfer-encoding"})


def _unused(status: int, error_kind: str, version: str) -> Any:
    raise RuntimeError("a handshake counts among no requests")


_NOWHERE = _client.Route(_unused)


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
    whole_urls: bool = False  # names have the query, as in k6
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
    unread: bool = False  # nobody looks at the body of its answer
    referer: str = ""  # where a redirect came from, unless the script itself says so


class RequestSource(NamedTuple):
    """What a request was made from: what redirects, cookies and warnings need of it."""

    options: RequestOptions
    site: Site
    place: RecordingContext
    target: str  # path and query, as sent
    name: str

    @property
    def path(self) -> str:
        """The path as sent."""
        return self.target.partition("?")[0]


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


class Kind(NamedTuple):
    """Hold what requests that differ only in their path have in common."""

    heading: Heading
    timeout_ns: int
    redirects: int


class Maker:
    """Make requests ready for one worker's pool of connections."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.settings = settings
        self.pool = pool
        self._sites: dict[str, Site] = {}
        self._kinds: dict[tuple[Any, ...], Kind] = {}
        self.met: Callable[[Origin], None] | None = None  # called with each server, maybe again
        self.warn: Callable[[str, str, str], None] | None = None  # called with code, text and hint
        self._warned: set[str] = set()
        pool.left_out = partial(left_out.tell, self.warn_once)
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

    def prepared(self, place: RecordingContext, options: RequestOptions) -> Ready:
        """Return the request, as made before or made now."""
        try:
            found: Ready | None = place.prepared.get(options)
        except TypeError:  # something in it has no hash
            _check_scalars(options)
            raise
        if found is None:
            if len(place.prepared) >= MAX_PREPARED:
                place.prepared.clear()
            found = place.prepared[options] = self._prepare(place, options)
        return found

    def once(self, place: RecordingContext, options: RequestOptions) -> Ready:
        """Make a request that will not come again, so nothing of it is kept."""
        site, path = self._located(options.url)
        return self._ready(place, options, site, path, self._kind(site, options))

    def plain(self, place: RecordingContext, url: str) -> Ready:
        """Make a GET without options, to be found in `place.plain`."""
        if len(place.plain) >= MAX_PREPARED:
            place.plain.clear()
        found = place.plain[url] = self._prepare(place, RequestOptions("GET", url))
        return found

    def named(self, place: RecordingContext, key: Named) -> Ready:
        """Make a request that has at most headers, JSON and a name; found in `place.named`."""
        method, url, fields, bodiless, name = key
        options = RequestOptions(method, url, fields, "" if bodiless else bodies.JSON, name)
        if len(place.named) >= MAX_PREPARED:
            place.named.clear()
        found = place.named[key] = self.prepared(place, options)
        return found

    def not_followed(self, before: RequestSource, why: str, *, failed: bool = False) -> None:
        """Warn, once for each reason, of an answer that leads nowhere we go."""
        where = before.site.prefix + before.target.partition("?")[0]
        self.warn_once(
            "redirect_not_followed",
            why,
            f"a redirect was not followed: {why}; "
            + ("the request failed" if failed else "the script got the redirect response itself")
            + f" (first from {redact.url(where)})",
            "check the Location of that response; redirects=0 never follows redirects",
        )

    def warn_once(self, code: str, why: str, text: str, hint: str) -> None:
        """Warn of something, once for each reason."""
        if self.warn is not None and why not in self._warned and len(self._warned) < MAX_REASONS:
            self._warned.add(why)
            self.warn(code, text, hint)

    def upgrade(self, place: RecordingContext, options: RequestOptions) -> tuple[Ready, str]:
        """Return the handshake of a WebSocket, all but its key, and its name."""
        asked: Any = ("ws", options)
        ready = place.prepared.get(asked)
        if ready is None:
            if len(place.prepared) >= MAX_PREPARED:
                place.prepared.clear()
            site, path = self._located(options.url)
            kind = self._kind(site, options, upgrade=True)
            ready = self._ready(place, options, site, path, kind, _NOWHERE)
            place.prepared[asked] = ready
        name = ready.keep.name
        return ready, name if options.name else _SCHEME.sub("ws", name)

    def _prepare(self, place: RecordingContext, options: RequestOptions) -> Ready:
        site, path = self._located(options.url)
        key = (site, options[0], options[2:])  # all but the URL
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MAX_PREPARED:
                self._kinds.clear()
            kind = self._kinds[key] = self._kind(site, options)
        return self._ready(place, options, site, path, kind)

    def _ready(
        self,
        place: RecordingContext,
        options: RequestOptions,
        site: Site,
        path: str,
        kind: Kind,
        route: Route | None = None,
    ) -> Ready:
        sent = urls.sent(path)
        target = encoded(sent)
        bare = path.partition("?")[0]
        if self.settings.whole_urls:
            slash = "" if _ROOTLESS.fullmatch(options.url) else "/"
            grouped = redact.url(slash + sent[1:])
        else:
            grouped = url_grouping.path(bare) if self.settings.group_ids else bare
        method = kind.heading.method
        return _client.Ready(
            kind.heading,
            target,
            http_message.start(method, target),
            site.prefix + sent,
            route or self._route(place, options, site, grouped, method),
            timeout_ns=kind.timeout_ns,
            redirects=kind.redirects,
            keep=RequestSource(options, site, place, sent, self._name(options, site, grouped)),
        )

    def _kind(self, site: Site, options: RequestOptions, *, upgrade: bool = False) -> Kind:
        method = check_method(options.method)
        _check_scalars(options)
        fields, cookies = self._fields(site, options)
        length = http_message.content_length(method, None)
        heading = _client.Heading(
            site.origin,
            method,
            fields=fields,
            lines=http_message.lines(fields),
            upgrade=upgrade,
            empty=b"\r\n" if length is None else b"Content-Length: %d\r\n\r\n" % length,
            cookie="; ".join(
                [*cookies, *(field_text(f"{name}={value}") for name, value in options.cookies)]
            ),
        )
        return Kind(
            heading,
            timeout_ns(self.settings.timeout_s if options.timeout is None else options.timeout),
            _redirects(options.redirects, self.settings.max_redirects),
        )

    def _route(
        self,
        place: RecordingContext,
        options: RequestOptions,
        site: Site,
        grouped: str,
        method: str,
    ) -> Route:
        url = site.prefix + grouped
        name = self._name(options, site, grouped)
        expected = options.expected or self.settings.expected
        tags = place.with_tags(dict(options.tags)) if options.tags else place.tags
        key = (name, method, url, tags, expected)
        found = place.routes.get(key)
        if found is None:
            if len(place.routes) >= MAX_PREPARED:
                place.routes.clear()
            found = place.routes[key] = place.recorder.route(
                place.scenario, name, method, url, place.group, tags, expected, options.tags
            )
        return found

    def _name(self, options: RequestOptions, site: Site, grouped: str) -> str:
        at_home = self._base is not None and site.origin is self._base.origin
        if options.name or at_home:
            return options.name or grouped
        named = site.url.userinfo and self.settings.whole_urls
        return (_MASKED.sub(r"\1****:****@", site.prefix) if named else site.prefix) + grouped

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
                origin = self.pool.origin(url.scheme, url.host, url.port)
            except ValueError as error:
                raise UsageError(
                    f"{redact.url(prefix)} cannot be reached by TLS: {error}."
                ) from None
            if self.met is not None:
                self.met(origin)
            found = self._sites[prefix] = Site(origin, url, f"{url.scheme}://{url.authority}")
        return found

    def _fields(self, site: Site, options: RequestOptions) -> tuple[http_message.Fields, list[str]]:
        """Return the fields and, apart, the cookies; those of the request itself win."""
        own = [
            check_header(name, value)
            for name, value in (*options.headers, *authorization(options.auth, options.bearer))
        ]
        said = {name.lower() for name, _ in own}
        if refused := said & _OWN_FIELDS:
            raise UsageError(f"{refused.pop()} is set by fastbench; leave it out of headers.")
        if options.content_type.startswith("multipart/") and "content-type" in said:
            raise UsageError("Content-Type of a request with files has a boundary; leave it out.")
        fields = {"host": ("Host", site.url.authority)}
        fields["user-agent"] = ("User-Agent", self.settings.user_agent)
        fields["accept"] = ("Accept", "*/*")
        if site.url.authorization:
            fields["authorization"] = ("Authorization", site.url.authorization)
        if options.content_type:
            fields["content-type"] = ("Content-Type", options.content_type)
        if not self.settings.keepalive:
            fields["connection"] = ("Connection", "close")
        if options.referer:
            fields["referer"] = ("Referer", options.referer)
        for name, value in self.settings.headers:
            if not (options.led_away and stays(name)):
                fields[name.lower()] = check_header(name, value)
        kept = [field for name, field in fields.items() if name not in said]
        sent = [(name, field_text(value)) for name, value in (*kept, *own)]
        cookies = [value for name, value in sent if name.lower() == "cookie"]
        return tuple(
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in sent
            if name.lower() != "cookie" and (value or name.lower() != "user-agent")
        ), cookies


def _check_scalars(options: RequestOptions) -> None:
    for word, kind in _SCALARS.items():
        value = getattr(options, word)
        if value is not None and not isinstance(value, str | bytes | int | float):
            raise UsageError(f"{word}= takes {kind}, not {type(value).__name__}.")


def stays(name: str) -> bool:
    """Tell whether a redirect to another origin leaves this header behind."""
    return name.lower() == "host" or redact.secret_header(name)


def timeout_ns(given: float | str, what: str = "timeout") -> int:
    """Read a time limit of a request, in seconds or with its unit. Raises UsageError."""
    try:
        seconds = units.parse_duration_s(given) if isinstance(given, str) else given
    except ValueError as error:
        raise UsageError(f"{what}= is not a time: {error}") from None
    if not isinstance(seconds, int | float) or not 0 < seconds <= MAX_TIMEOUT_S:
        raise UsageError(f"{what}= is in seconds, above 0 and at most an hour, for example 2.5.")
    return round(seconds * 1e9)


def _redirects(options: int | None, default: int) -> int:
    count = default if options is None else options
    if not isinstance(count, int) or not 0 <= count <= 1000:
        raise UsageError("redirects= is the number of redirects to follow, from 0 to 1000.")
    return int(count)
