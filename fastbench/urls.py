"""URLs as people type them: parse, refuse with the corrected line, read a list of them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from fastbench import redact
from fastbench.plan import MAX_WEIGHT, Scheme, UsageError, check_method

MAX_LINES = 100_000
DEFAULT_PORT = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_FORBIDDEN = re.compile(r"[\r\n\0 ]")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_METHOD_WORD = re.compile(r"[A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Url:
    """Hold a parsed URL. `path` is path and query as bytes to send; `shown` is redacted."""

    scheme: Scheme
    host: str  # ASCII (IDNA) name or IP literal without brackets
    port: int
    path: bytes
    userinfo: bytes | None  # percent-decoded `user:password`
    shown: str

    @property
    def authority(self) -> str:
        """Return the value of Host: no default port, IPv6 in brackets, no zone (RFC 9110 7.2)."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one entry of a list of URLs; `method` is "" when the entry names none."""

    url: Url
    method: str
    weight: int


def parse(text: str) -> Url:
    """Parse an http or https URL (RFC 3986), or refuse it with the corrected one.

    The fragment is dropped, an empty path is `/`; the other bytes of path and query are kept as
    they were typed (non-ASCII as UTF-8).
    """
    shown = redact.printable(redact.url(text))
    if not text:
        raise UsageError("The URL is empty; write one such as http://localhost:8080/.")
    if _FORBIDDEN.search(text):
        raise UsageError(f"The URL `{shown}` has a space, line break or NUL; write a space as %20.")
    scheme, rest = _scheme(text, shown)
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
        path=path.encode("utf-8", "surrogateescape"),
        userinfo=unquote_to_bytes(userinfo.encode("utf-8", "surrogateescape")) if at else None,
        shown=shown,
    )


def host_name(text: str, shown: str) -> str:
    """Return an ASCII host name (IDNA) or IP literal, or refuse the text as part of `shown`."""
    return _ipv6(text.strip("[]"), shown) if ":" in text else _host(text, shown)


def is_ipv4(host: str) -> bool:
    """Tell whether a host is an IPv4 address in dotted form."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    return True


def read_list(lines: Iterable[str], name: str) -> list[Line]:
    """Parse `[WEIGHT] [METHOD] URL` a line; blank lines and lines that start with # are skipped.

    Sentences carry name and line. The lines come without their ends.
    """
    entries: list[Line] = []
    for number, raw in enumerate(lines, 1):
        line = raw.strip(" \t")
        if not line or line.startswith("#"):
            continue
        if len(entries) == MAX_LINES:
            raise UsageError(f"{name} has more than {MAX_LINES} URLs; split the file.")
        try:
            entries.append(_line(line))
        except UsageError as error:
            raise UsageError(f"{name}, line {number}: {error}") from None
    if not entries:
        raise UsageError(f"{name} has no URL; write one a line, `[WEIGHT] [METHOD] URL`.")
    return entries


def one_server(urls: Iterable[Url]) -> Url:
    """Return the first URL, or refuse URLs that differ in scheme, host or port."""
    first, *others = urls
    for other in others:
        if (other.scheme, other.host, other.port) != (first.scheme, first.host, first.port):
            raise UsageError(
                f"All URLs of a run share scheme, host and port, but {first.shown} and "
                f"{other.shown} do not; run fastbench once for each server."
            )
    return first


def _scheme(text: str, shown: str) -> tuple[Scheme, str]:
    match = _SCHEME.match(text)
    if match is None:
        shown = redact.printable(redact.url(f"http://{text.lstrip('/')}"))
        raise UsageError(f"A URL starts with http:// or https://; write {shown} instead.")
    scheme, rest = match[1].lower(), text[match.end() :]
    if scheme == "http":
        return "http", rest
    if scheme == "https":
        return "https", rest
    cure = {
        "ws": "WebSockets are not spoken here; for the plain endpoint write http://…",
        "wss": "WebSockets are not spoken here; for the plain endpoint write https://…",
        "unix": "write http://localhost/PATH and name the socket with --unix FILE",
    }.get(scheme, "only http:// and https:// are spoken here")
    raise UsageError(f"`{shown}` cannot be benchmarked: {cure}.")


def _address(address: str, default_port: int, shown: str) -> tuple[str, int]:
    if address.startswith("["):
        literal, bracket, port = address[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise UsageError(f"The IPv6 address in `{shown}` has no end; write http://[::1]:8080/.")
        return _ipv6(literal, shown), _port(port.removeprefix(":"), default_port, shown)
    host, _, port = address.partition(":")
    if ":" in port:
        raise UsageError(
            f"`{shown}` has too many colons; an IPv6 address stands in brackets: http://[::1]:80/."
        )
    return _host(host, shown), _port(port, default_port, shown)


def _ipv6(literal: str, shown: str) -> str:
    address, _, zone = literal.partition("%")
    zone = zone.removeprefix("25")  # RFC 6874: % is written %25 before a zone
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except (OSError, UnicodeError, ValueError):
        raise UsageError(
            f"`{shown}` has no valid IPv6 address between its brackets; write http://[::1]:8080/."
        ) from None
    if not zone:
        return address
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", zone):  # netdevice(7): IFNAMSIZ is 16
        raise UsageError(f"`{shown}` has a zone that is no network interface.")
    return f"{address}%{zone}"


def _host(host: str, shown: str) -> str:
    if not host:
        raise UsageError(f"`{shown}` has no host; write one, for example http://localhost:8080/.")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise UsageError(f"The host in `{shown}` is no valid domain name.") from None
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UsageError(
            f"The host in `{shown}` is no valid name: its parts have 1 to 63 letters, digits or -."
        )
    return host


def _port(port: str, default_port: int, shown: str) -> int:
    if not port:
        return default_port
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise UsageError(f"The port in `{shown}` is no number from 1 to 65535.")
    return int(port)


def _line(line: str) -> Line:
    words = re.split(r"[ \t]+", line)  # other white space is part of a URL, and refused there
    weight, method = 1, ""
    if len(words) > 1 and re.fullmatch(r"[0-9]{1,9}", words[0]):
        weight = int(words.pop(0))
        if not 1 <= weight <= MAX_WEIGHT:
            raise UsageError(f"a weight is between 1 and {MAX_WEIGHT}, not {weight}.")
    if len(words) > 1 and _METHOD_WORD.fullmatch(words[0]):
        method = check_method(words.pop(0))
    if len(words) != 1:
        raise UsageError("expected `[WEIGHT] [METHOD] URL`; a space in a URL is written %20.")
    return Line(parse(words[0]), method, weight)
