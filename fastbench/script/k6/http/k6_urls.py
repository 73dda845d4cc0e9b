"""URLs that k6 cannot send a request to, and the responses a script gets for them.

1. What net/url of Go cannot read (`http://a b/`, `http://h:x/`, null) is error 1020: no request is
   counted, nothing of its batch is sent, and `options.throw` alone says whether it throws.
2. What it reads but has no host, or a scheme other than http and https, is a failed request, which
   counts as one. So does a name or a port that cannot be.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from fastbench.engine.client import _client
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import urls
from fastbench.plan.network import blocked
from fastbench.results.thresholds import request_tags
from fastbench.script.http.request_cache import Site

if TYPE_CHECKING:
    from fastbench.engine.client._client import Ready, Response
    from fastbench.plan.network.blocked import Blocked
    from fastbench.script.expected import Expected
    from fastbench.script.http.request_cache import Maker, RequestOptions
    from fastbench.script.recording_context import RecordingContext

INVALID = 1020
NO_TEXT = "\0"  # how our JavaScript marks what is no text
_OTHER, _DNS, _DIAL, _REFUSED = 1000, 1101, 1210, 1212
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")
_ASCII_ESCAPE = re.compile(r"%(?!25)[0-7].")
_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f#%/?@\\^`{|}]")
_USERINFO = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")
_MAX_PORT = 65535
_UNUSABLE = "unusable Location"  # the code of a redirect that leads nowhere
_BLOCKED = {
    ("dns", blocked.BLOCKED_NAME): (1111, "hostname is blocked"),
    ("dns", blocked.BLOCKED_ADDRESS): (1110, "ip is blacklisted"),
}


class Fault(NamedTuple):
    """Why no request is sent: k6's number, and its words."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class NoTimes:
    """The phases of what was never begun, in ms."""

    blocked: float = 0.0
    connecting: float = 0.0
    tls_handshaking: float = 0.0
    sending: float = 0.0
    waiting: float = 0.0
    receiving: float = 0.0
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class NoResponse:
    """What a script gets where there was not even a request; read as a Response is."""

    error: str = ""
    status: int = 0
    url: str = ""
    method: str = ""
    raw_head: bytes = b""
    error_kind: str = ""
    error_code: str = ""
    remote: tuple[str, int] = ("", 0)
    tls_parameters: tuple[int, str] = (0, "")
    timings: NoTimes = field(default_factory=NoTimes)


class Unreached(NamedTuple):
    """What a request that is never sent was made from, read as a RequestSource is; and why."""

    options: RequestOptions
    site: Site
    place: RecordingContext
    target: str
    name: str
    fault: Fault


class Login(NamedTuple):
    """What answers a challenge, and which statuses are expected of the request that does."""

    user: bytes
    password: bytes
    expected: Expected | None


@lru_cache(1000)
def fault(url: str) -> Fault | None:
    """Say why k6 cannot send a request to this URL; None if it can."""
    if url.startswith(NO_TEXT):
        return Fault(INVALID, f"invalid URL: '#{url[1:]}'")
    try:
        scheme, host = _parsed(url)
    except ValueError as error:
        return Fault(INVALID, f"invalid URL: parse {quoted(url)}: {error}")
    if scheme not in ("http", "https"):
        return Fault(_OTHER, f"unsupported protocol scheme {quoted(scheme)}")
    if not host:
        return Fault(_OTHER, "http: no Host in request URL")
    port = re.search(r":([0-9]+)$", host)
    if port and int(port[1]) > _MAX_PORT:
        return Fault(_DIAL, f"dial tcp: address {int(port[1])}: invalid port")
    if port and not int(port[1]):
        return Fault(_REFUSED, "dial: connection refused")
    try:
        urls.parse(f"{scheme}://{host}")
    except UsageError:
        return Fault(_DNS, "lookup: no such host")
    return None


def misread(location: str) -> str:
    """Say in Go's words why net/url cannot read what a redirect leads to; "" if it can."""
    try:
        _parsed(location)
    except ValueError as error:
        return f"parse {quoted(location)}: {error}"
    return ""


def unread(url: str) -> Fault | None:
    """Say why net/url cannot read this URL; None if it can."""
    found = fault(url)
    return found if found and found.code == INVALID else None


def unreachable(
    maker: Maker, place: RecordingContext, options: RequestOptions, fault: Fault
) -> Ready:
    """Return a request that fails at once, as one to a name that nobody knows, and counts so."""
    origin = maker.pool.origin("http", "", 80)
    shown = redact.url(options.url)
    name = options.name or shown
    tags = place.with_tags(dict(options.tags)) if options.tags else place.tags
    expected = options.expected or maker.settings.expected
    route = place.recorder.route(
        place.scenario, name, options.method, shown, place.group, tags, expected, options.tags
    )
    site = Site(origin, urls.parse("http://nowhere.invalid/"), "")
    return _client.Ready(
        _client.Heading(origin, options.method, fields=(), lines=b"", empty=b"\r\n", cookie=""),
        b"/",
        b"",
        options.url,
        route,
        timeout_ns=round(maker.settings.timeout_s * 1e9),
        redirects=0,
        keep=Unreached(options, site, place, "/", name, fault),
    )


def quoted(text: str) -> str:
    """Return a text as Go quotes it."""
    return json.dumps(text, ensure_ascii=False)


def _parsed(url: str) -> tuple[str, str]:
    """Return scheme and host, with its port, as Go reads them; raises ValueError in its words."""
    if re.search(r"[\x00-\x1f\x7f]", url):
        raise ValueError("net/url: invalid control character in URL")
    text, _, fragment = url.partition("#")
    if url.startswith(":"):
        raise ValueError("missing protocol scheme")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    path = text[found.end() if found else 0 :].partition("?")[0]
    if not path.startswith("/"):
        if scheme:
            return scheme, ""  # mailto:someone
        if ":" in path.partition("/")[0]:
            raise ValueError("first path segment in URL cannot contain colon")
    host = ""
    if path.startswith("//") and (scheme or not path.startswith("///")):
        authority, slash, rest = path[2:].partition("/")
        path, host = slash + rest, _host(authority)
    for part in (path, fragment):
        _check_escapes(part)
    return scheme, host


def _host(authority: str) -> str:
    userinfo, at, host = authority.rpartition("@")
    if at and not _USERINFO.fullmatch(userinfo):
        raise ValueError("net/url: invalid userinfo")
    if host.startswith("["):
        name, bracket, port = host.rpartition("]")
        if not bracket:
            raise ValueError("missing ']' in host")
    else:
        name, colon, digits = host.rpartition(":") if ":" in host else (host, "", "")
        port = colon + digits
    if port and not re.fullmatch(r":[0-9]*", port):
        raise ValueError(f"invalid port {quoted(port)} after host")
    _check_escapes(name)
    if escaped := _ASCII_ESCAPE.search(name):
        raise ValueError(f"invalid URL escape {quoted(escaped[0])}")
    if wrong := _NOT_IN_HOST.search(re.sub(r"%[0-9A-Fa-f]{2}", "", name)):
        raise ValueError(f"invalid character {quoted(wrong[0])} in host name")
    return host


def _check_escapes(text: str) -> None:
    if wrong := _BAD_ESCAPE.search(text):
        raise ValueError(f"invalid URL escape {quoted(wrong[0])}")


def blacklisted(found: Blocked, url: str) -> Fault | None:
    """Say why a URL that has an address in the place of a name is not reached; None if it is."""
    if not found.has_address(urls.parse(url).host):
        return None
    return Fault(*_BLOCKED["dns", blocked.BLOCKED_ADDRESS])


def thrown_text(response: Response) -> str:
    """Return what `throw` says of a request that failed."""
    text = error_of(response)
    if _fault_of(response) is None and response.error_code != _UNUSABLE:
        return text
    return f"{response.method.capitalize()} {quoted(response.url)}: {text}"


def _fault_of(response: Response | NoResponse) -> Fault | None:
    return getattr(getattr(response, "keep", None), "fault", None)


# What k6 says of errors that scripts ask for by their text.
_TEXTS = {
    1050: "request timeout",
    1101: "lookup: no such host",
    1212: "dial: connection refused",
}


def error_of(response: Response | NoResponse) -> str:
    """Return what went wrong with a request, in words; "" if nothing did."""
    if (fault := _fault_of(response)) is not None:
        return fault.text
    found = _BLOCKED.get((response.error_kind, response.error_code))
    if found is not None:
        return found[1]
    return _TEXTS.get(error_code(response), response.error) if response.error else ""


def error_code(response: Response | NoResponse) -> int:
    """Return k6's number of an error; 1000 and the status from 400 on."""
    if (fault := _fault_of(response)) is not None:
        return fault.code
    found = _BLOCKED.get((response.error_kind, response.error_code))
    if found is not None:
        return found[0]
    return int(request_tags.error_code(response.status, response.error_kind) or 0)


def login(url: str, expected: Expected | None) -> tuple[str, Login]:
    """Return a URL without its credentials, and these."""
    userinfo = urls.parse(url).userinfo or b""
    name, _, password = userinfo.partition(b":")
    return _CREDENTIALS.sub(r"\1", url, count=1), Login(name, password, expected)
