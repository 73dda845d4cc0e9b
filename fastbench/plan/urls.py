"""URLs: one notion of them for plain runs, scripts, redirects, cookies, outputs and all the others.

1. A URL is a server, which is (scheme, host, port) with the host in its one form (`hostnames`) and
   the scheme's port where none is written, and a target: path and query. A fragment is dropped.
2. What is sent of a target: ASCII as it was written (a `%` stays, whatever follows it); what is not
   ASCII percent-encoded as UTF-8, and so is a space that a script or a server wrote.
3. Control characters are refused by name, everywhere: none belongs into a URL, and some would end
   the request line.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames
from fastbench.plan.plan import Scheme

DEFAULT_PORT = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ANY_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_SLIP = re.compile(r"(https?)(?::/?|//)(?=[^/:])", re.IGNORECASE)  # of http://
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")
_NOT_SENT = re.compile(r"[^!-~]")
_CONTROLS = {0: "NUL", 9: "a tab", 10: "a line feed", 13: "a carriage return", 27: "an escape"}
_BARE = re.compile(r"(?P<host>\[[^\]/?#]*\]|[^:/?#@\[\]]*)(?P<port>:[0-9]+)?(?P<rest>[/?#].*)?")
# Endings of the files that stand on our command lines; a few are domains of countries, too.
_FILE = re.compile(
    r".*\.(bz2|cfg|conf|csv|env|gz|har|hdr|hgrm|hlog|html?|ini|[cm]?[jt]s|jmx|json|jsonl|lock|log|"
    r"lua|md|ndjson|pem|py|pyc|sh|sql|sqlite|db|tar|tgz|toml|txt|xml|ya?ml|xz|zip|zst)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Url:
    """Hold a parsed URL. `path` is path and query as bytes to send; `shown` is redacted."""

    scheme: Scheme
    host: str  # in its one form (see `hostnames`), without brackets
    port: int
    path: bytes
    userinfo: bytes | None  # percent-decoded `user:password`
    shown: str
    websocket: bool = False  # written ws or wss; `scheme` is that of its handshake

    @property
    def origin(self) -> tuple[Scheme, str, int]:
        """What makes two URLs lead to one server."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Return the value of Host: no default port, IPv6 in brackets, no zone (RFC 9110 7.2)."""
        host = hostnames.without_zone(self.host)
        host = f"[{host}]" if ":" in host else host
        return host if self.port == DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    @property
    def server(self) -> str:
        """Return the URL's beginning, from which `parse` finds the same server, zone included."""
        host = self.host.replace("%", "%25")
        host = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def cookie_host(self) -> str:
        """Return the host as cookies know it (RFC 6265 section 5.1.2)."""
        return hostnames.certificate_name(self.host)

    @property
    def authorization(self) -> str:
        """Return the value of Authorization that the userinfo asks for, "" without one."""
        return "" if self.userinfo is None else basic(self.userinfo)


def parse(text: str, *, websocket: bool = False) -> Url:
    """Parse an http or https URL (RFC 3986), or refuse it with the corrected one.

    With `websocket` ws and wss are taken, too (RFC 6455 section 3).
    An empty path is `/`; what is sent of path and query is said at the top of this file.
    """
    shown = redact.printable(redact.url(text))
    if not text:
        raise UsageError("The URL is empty; write one such as http://localhost:8080/.")
    _check(text, shown)
    scheme, rest, opens = _scheme(text, shown, websocket)
    cut = re.search("[/?#]", rest)
    authority, tail = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "")
    userinfo, at, address = authority.rpartition("@")
    host, port = _address(address, DEFAULT_PORT[scheme], shown)
    path = tail.partition("#")[0]
    if not path.startswith("/"):
        path = "/" + path
    return Url(
        scheme=scheme,
        host=host,
        port=port,
        path=sent(path).encode("ascii"),
        userinfo=unquote_to_bytes(userinfo.encode("utf-8", "surrogateescape")) if at else None,
        shown=shown,
        websocket=opens,
    )


def checked(url: object) -> str:
    """Return a URL that a script gave, or refuse it; a space in it is sent as %20."""
    if not isinstance(url, str):
        raise UsageError(
            f"A URL is a text, not {type(url).__name__}; check the value, for example of env()."
        )
    if not url.isprintable():  # quick, and most are
        _check(url.replace(" ", "+"), redact.printable(redact.url(url)))
    return url


def sent(target: str) -> str:
    """Return path and query as they are sent (see the top); bytes that are no text stay bytes."""
    return _NOT_SENT.sub(_escaped, target)


def join(server: str, target: str, field: str) -> str:
    """Return where a Location leads to that came from `target` (path and query) of a server.

    As browsers do (RFC 3986 section 5.2; WHATWG URL for http): a backslash before the query is a
    slash, tabs and the spaces around it are dropped, `http:x` is relative where the scheme is the
    same. The bytes of a field are UTF-8, or stay what they are. Raises UsageError where it leads to
    anything but http or https.
    """
    text = field.strip(" \t").encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    text = sent(text.replace("\t", "").partition("#")[0])
    scheme = server.partition(":")[0]
    if named := _ANY_SCHEME.match(text):
        if named[1].lower() not in DEFAULT_PORT:
            raise UsageError(f"its scheme is {named[1]}:, not http: or https:")
        text = text[named.end() :]
        if named[1].lower() != scheme:  # relative to nothing: only a server can follow
            text = "//" + text.lstrip("/\\")
        scheme = named[1].lower()
    path, mark, query = text.partition("?")
    path = path.replace("\\", "/")
    if path.startswith("//"):
        return f"{scheme}://{path.lstrip('/')}{mark}{query}"
    before, _, old_query = target.partition("?")
    if not path:
        return f"{server}{before}?{query if mark else old_query}".removesuffix("" if mark else "?")
    if not path.startswith("/"):
        path = before[: before.rfind("/") + 1] + path
    return f"{server}{_without_dots(path)}{mark}{query}"


def complete(word: str) -> str | None:
    """Return the URL that a word means which lacks its `http://`, None where it may be no URL.

    Taken are `HOST:PORT`, `HOST` with a point in it, `localhost`, `[IPV6]` and `:PORT` (of
    localhost), with or without path and query. Not: what has a scheme, a path without a host, `@`,
    or the ending of a file. A caller asks first whether there is a file of that name.
    """
    match = _BARE.fullmatch(word)
    if match is None or _FORBIDDEN.search(word):
        return None
    host, port, rest = match["host"], match["port"] or "", match["rest"] or ""
    if not host:
        return f"http://localhost{port}{rest}" if port else None
    labels = host.removesuffix(".").split(".")
    named = len(labels) > 1 and labels[0] and labels[-1][:1].isalpha() and not _FILE.fullmatch(host)
    named = named or hostnames.is_ipv4(host)
    if not (port or named or host.startswith("[") or host.lower() == "localhost"):
        return None
    text = f"http://{host}{port}{rest}"
    try:
        parse(text)
    except UsageError:
        return None
    return text


def basic(pair: bytes) -> str:
    """Write the value of Authorization for `user:password` (RFC 7617: the colon has to be)."""
    return f"Basic {b64encode(pair if b':' in pair else pair + b':').decode('ascii')}"


def one_server(urls: Iterable[Url]) -> Url:
    """Return the first URL, or refuse URLs that differ in scheme, host or port."""
    first, *others = urls
    for other in others:
        if other.origin != first.origin:
            raise UsageError(
                f"All URLs of a run share scheme, host and port, but {first.shown} and "
                f"{other.shown} do not; run fastbench once for each server."
            )
    return first


def _check(text: str, shown: str) -> None:
    """Refuse spaces and control characters."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return
    code, at = ord(found[0]), found.start() + 1
    if code == 32:
        raise UsageError(f"The URL `{shown}` has a space (character {at}); write a space as %20.")
    name = _CONTROLS.get(code, "a control character")
    raise UsageError(
        f"The URL `{shown}` has {name} (U+{code:04X}, character {at}), which is not "
        f"allowed in a URL; remove it, or write it as %{code:02X}."
    )


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))


def _without_dots(path: str) -> str:
    """Remove the segments `.` and `..` (RFC 3986 section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")
    dots = [segment.lower().replace("%2e", ".") for segment in segments]
    for segment, dotted in zip(segments, dots, strict=True):
        if dotted == "..":
            del kept[max(1, len(kept) - 1) :]
        elif dotted != ".":
            kept.append(segment)
    return "/".join(kept) + "/" * (dots[-1] in (".", ".."))


def _scheme(text: str, shown: str, websocket: bool) -> tuple[Scheme, str, bool]:
    """Return the scheme of the connection, what follows it, and: it is a WebSocket's."""
    match = _SCHEME.match(text)
    if match is None:
        raise UsageError(f"A URL starts with http:// or https://; {_cure(text)}.")
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme == "http" or (scheme == "ws" and websocket):
        return "http", rest, scheme == "ws"
    if scheme == "https" or (scheme == "wss" and websocket):
        return "https", rest, scheme == "wss"
    cure = {
        "ws": "a WebSocket takes no requests here; for the plain endpoint write http://…",
        "wss": "a WebSocket takes no requests here; for the plain endpoint write https://…",
        **dict.fromkeys(
            ("unix", "http+unix"),
            "write http://localhost/PATH and name the socket with --unix FILE",
        ),
    }.get(scheme, "only http:// and https:// are supported")
    raise UsageError(f"`{shown}` cannot be benchmarked: {cure}.")


def _cure(text: str) -> str:
    """Say how a text without `scheme://` would be a URL."""
    if slip := _SLIP.match(text):
        text = f"{slip[1].lower()}://{text[slip.end() :]}"
    elif whole := complete(text):
        text = whole
    elif text.startswith("//") or text.startswith("://"):
        text = f"http://{text.lstrip(':/')}"
    elif text.startswith("/"):
        text = f"http://localhost:8080{text}"
    elif _ANY_SCHEME.match(text) and "@" not in text:
        return "for example http://localhost:8080/"
    else:
        text = f"http://{text}"
    return f"write {redact.printable(redact.url(text))} instead"


def _address(address: str, default_port: int, shown: str) -> tuple[str, int]:
    if address.startswith("["):
        literal, bracket, port = address[1:].partition("]")
        if not bracket:
            raise UsageError(
                f"The IPv6 address in `{shown}` has no closing bracket; write http://[::1]:8080/."
            )
        if port and not port.startswith(":"):
            raise UsageError(f"`{shown}` has no colon behind its ]; write http://[::1]:8080/.")
        return hostnames.ipv6(literal, shown), _port(port.removeprefix(":"), default_port, shown)
    host, _, port = address.partition(":")
    if re.fullmatch(r"[0-9]+:[0-9]+", port) and not re.fullmatch(r"[0-9a-fA-F]*", host):
        raise UsageError(f"`{shown}` has two ports, {port.replace(':', ' and ')}; give one.")
    if ":" in port:
        raise UsageError(
            f"`{shown}` has too many colons; write an IPv6 address in brackets: http://[::1]:80/."
        )
    return hostnames.canonical(host, shown), _port(port, default_port, shown)


def _port(port: str, default_port: int, shown: str) -> int:
    if not port:
        return default_port
    if not re.fullmatch(r"0*[0-9]{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65535:
        more = (
            "; in a password, write / ? # and @ as %2F %3F %23 %40"
            if f"{redact.MASK}@" in shown
            else ""
        )
        raise UsageError(f"The port in `{shown}` is not a number from 1 to 65535{more}.")
    return int(port)
