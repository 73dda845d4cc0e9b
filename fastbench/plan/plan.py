"""What to do: the frozen Plan of a run, its parts, and what makes one invalid."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import http_message
from fastbench.plan.pieces import Feed, Varied
from fastbench.plan.proxy import NO_PROXIES, Proxies, Proxy
from fastbench.plan.workload import Load
from fastbench.plan.wrk_script import WrkScript

MAX_WEIGHT = 10_000

Family = Literal[0, 4, 6]
Scheme = Literal["http", "https"]
SocketMode = Literal["echo", "push", "hold"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_SPLITTING = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class Tls:
    """Say how a TLS server is verified and which certificate the client shows.

    `servername` is the name sent as SNI and the name checked. When it is an IP address it is
    checked as one and no SNI is sent (RFC 6066 section 3). With a certfile there is always a
    keyfile (the same path when one PEM file holds both).
    """

    verify: bool
    cafile: str | None
    certfile: str | None
    keyfile: str | None
    servername: str

    def __post_init__(self) -> None:
        if self.keyfile and not self.certfile:
            raise UsageError("--key needs the certificate it belongs to; add --cert FILE.")


@dataclass(frozen=True, slots=True)
class Target:
    """Name the one server of a run. `url` is the first URL as typed, redacted for display."""

    scheme: Scheme
    host: str  # ASCII name or IP literal, no brackets
    port: int
    unix_path: str | None
    tls: Tls | None
    url: str
    server: str = ""  # as addresses name it: scheme and authority, or the socket

    def __post_init__(self) -> None:
        if self.unix_path is not None:
            check_socket(self.unix_path)


def check_socket(path: str) -> None:
    """Raise UsageError for a path that no Unix socket can have."""
    if not path or path == "@" or "\0" in path:
        raise UsageError(
            "--unix needs the path of a socket, for example /run/app.sock, or @NAME for an "
            "abstract one."
        )
    if len(path.encode("utf-8", "surrogateescape")) > 107:  # unix(7): sun_path is 108 bytes
        raise UsageError("The path of --unix is over 107 bytes; use a shorter link to it.")


@dataclass(frozen=True, slots=True)
class Request:
    """Hold one request, in its parts. `payload` is every byte sent; `url` the redacted display.

    With `varied` the parts and the payload are those typed, placeholders and all, to be shown only.
    """

    method: str
    target: bytes
    fields: http_message.Fields
    body: bytes | None
    url: str
    weight: int
    varied: Varied | None = None
    payload: bytes = field(init=False)

    def __post_init__(self) -> None:
        head = http_message.start(self.method, self.target) + http_message.lines(self.fields)
        object.__setattr__(self, "payload", b"".join((head, b"\r\n", self.body or b"")))
        if not 1 <= self.weight <= MAX_WEIGHT:
            raise UsageError(f"A weight must be between 1 and {MAX_WEIGHT}, not {self.weight}.")

    @property
    def name(self) -> str:
        """Return path and query of the URL as shown, for lists in which all have one server."""
        return target_of(self.url)

    @property
    def head_only(self) -> bool:
        """Tell whether the answer has no body whatever its fields say (RFC 9110 section 9.3.2)."""
        return self.method == "HEAD"


@dataclass(frozen=True, slots=True)
class Watch:
    """Name processes to report beside the target: by number, listening port, or command name."""

    by: Literal["pid", "port", "cmd"]
    value: str

    def __post_init__(self) -> None:
        if self.by != "cmd" and not (self.value.isascii() and self.value.isdecimal()):
            raise UsageError(f"--watch {self.by}: needs a number after the colon.")
        if not self.value:
            raise UsageError("--watch cmd: needs the name of a command, for example cmd:postgres.")


@dataclass(frozen=True, slots=True)
class Expect:
    """Say which answers are ok. `statuses` None: below 400; `body` b"": not looked at."""

    statuses: frozenset[int] | None
    body: bytes


@dataclass(frozen=True, slots=True)
class WebSocket:
    """Say what connections do that are WebSockets; the one request of the plan is the handshake.

    "echo" sends `message` and waits for the next one, "push" waits only, "hold" stays open; these
    two send a message that is not empty once, after the handshake.
    """

    mode: SocketMode
    message: bytes
    binary: bool
    subprotocols: tuple[str, ...] = ()

    @property
    def opcode(self) -> int:
        """That of its messages (RFC 6455 section 5.2)."""
        return 2 if self.binary else 1


@dataclass(frozen=True, slots=True)
class ConnectTo:
    """A server in the place of another. `host` "" and `port` 0 fit every one; `to_host` "" and
    `to_port` 0 leave that of the URL.

    With `addresses` it is no other server, but says what the name leads to (--resolve).
    """

    host: str
    port: int
    to_host: str
    to_port: int
    addresses: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The rule as it is written."""
        if self.addresses:
            host = f"[{self.host}]" if ":" in self.host else self.host or "*"
            return f"{host}:{self.port}:{','.join(self.addresses)}"
        ports = [str(port or "") for port in (self.port, self.to_port)]
        hosts = [f"[{host}]" if ":" in host else host for host in (self.host, self.to_host)]
        return f"{hosts[0]}:{ports[0]}:{hosts[1]}:{ports[1]}"


@dataclass(frozen=True, slots=True)
class Signing:
    """What signatures for AWS need. `token` is that of a session, "" without one."""

    region: str
    service: str
    key: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Digest:
    """Who authenticates by digest; `challenges` are those of each worker, once fetched.

    A challenge is its parameters, by names in lower case, with `scheme`.
    """

    user: str
    password: str = field(repr=False)
    challenges: tuple[tuple[tuple[str, str], ...], ...] = ()

    def __post_init__(self) -> None:
        check_header("Authorization", self.user)


@dataclass(frozen=True, slots=True)
class Follow:
    """Say how many redirects are followed before the load, and what TLS needs on the way.

    `tls.servername` is "" where it is that of each URL; `proxies` serve the servers on the way.
    """

    most: int
    tls: Tls
    proxies: Proxies = NO_PROXIES


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold everything a run needs. `config` is what was asked, redacted and JSON-ready."""

    target: Target
    requests: tuple[Request, ...]
    load: Load
    expect: Expect
    bind: tuple[str, ...]
    family: Family
    config: dict[str, object]
    watch: tuple[Watch, ...] = ()
    one_address: bool = False  # of a name with several: the first that accepts
    websocket: WebSocket | None = None
    connect_to: tuple[ConnectTo, ...] = ()
    feed: Feed | None = None
    seed: int = 0  # of what varies
    no_delay: bool = True  # small writes leave at once (TCP_NODELAY)
    signing: Signing | None = None  # requests are as they are without their signature
    digest: Digest | None = None  # requests are as they are without their Authorization
    follow: Follow | None = None  # until the redirects of the URLs have been followed
    lua: WrkScript | None = None  # makes the requests
    proxy: Proxy | None = None  # of its connections; see network.proxies

    @property
    def protocols(self) -> str:
        """What its connections may speak, as ALPN names it: "http/1.1", "h2" or "h2,http/1.1"."""
        one = self.websocket is not None or self.lua is not None or self.load.pipeline > 1
        if one or self.load.http == "1.1":
            return "http/1.1"
        if self.load.http == "2":
            return "h2"
        return "http/1.1" if self.target.tls is None else "h2,http/1.1"

    def __post_init__(self) -> None:
        if self.load.streams > 1 and self.protocols == "http/1.1":
            raise UsageError(
                f"-m {self.load.streams} means streams of HTTP/2, which http:// speaks only with "
                f"--http2; add it, or write --timeout {self.load.streams} for a limit of time."
            )
        if not self.requests:
            raise UsageError("There is no URL; give one, for example http://localhost:8080/.")
        if self.expect.body and any(request.head_only for request in self.requests):
            raise UsageError("A response to HEAD has no body; leave --expect-body or HEAD out.")
        if self.signing is not None:
            self._check_signed()
        if self.digest is not None:
            self._check_digest()
        if self.follow is not None and self.websocket is not None:
            raise UsageError("--follow is of HTTP; leave it out with ws:// and wss://.")
        if self.follow is not None and any(request.varied for request in self.requests):
            raise UsageError(
                "--follow looks where a URL leads once, which values that vary would change; "
                "leave it out, or give the final URL."
            )
        if self.bind and self.target.unix_path is not None:
            raise UsageError("A Unix socket has no source address; leave --bind or --unix out.")
        if self.proxy is not None and self.target.unix_path is not None:
            raise UsageError("A Unix socket is not behind a proxy; leave --proxy or --unix out.")
        if self.proxy is not None and self.lua is not None:
            raise UsageError(
                "A Lua script with functions connects to the server itself; leave --proxy out, or "
                "write the load as a script (fastbench run SCRIPT.py)."
            )

    def _check_signed(self) -> None:
        """Refuse what a signature that is made before the run cannot be of."""
        if self.websocket is not None:
            raise UsageError("--aws-sigv4 signs requests of HTTP; leave it out with ws://.")
        if self.follow is not None:
            raise UsageError("--aws-sigv4 signs for one server; give the final URL, not --follow.")
        if any(request.varied for request in self.requests):
            raise UsageError(
                "--aws-sigv4 signs requests before the run, so they cannot have placeholders; "
                "sign each in a script (fastbench run SCRIPT.py)."
            )

    def _check_digest(self) -> None:
        """Refuse what has no place for an answer to a challenge."""
        if self.websocket is not None:
            raise UsageError("--digest is of requests of HTTP; leave it out with ws:// and wss://.")
        if self.lua is not None:
            raise UsageError("A Lua script makes its own Authorization; leave --digest or -s out.")
        if self.follow is not None:
            raise UsageError("--digest is for one server; give the final URL, not --follow.")


def target_of(url: str) -> str:
    """Return path and query of a URL, or of what is that already."""
    rest = url.partition("#")[0]
    if "://" in rest.partition("?")[0]:
        cut = re.search("[/?]", rest := rest.partition("://")[2])
        rest = rest[cut.start() :] if cut else ""
    return rest if rest.startswith("/") else f"/{rest}"


def check_method(method: str) -> str:
    """Return the method, or refuse what is no RFC 9110 token or opens a tunnel."""
    if not _TOKEN.fullmatch(method):
        raise UsageError("A method is one word of letters, digits or -, for example POST.")
    if method.upper() == "CONNECT":
        raise UsageError("CONNECT opens a tunnel and has no response to measure; use GET.")
    return method


def check_header(name: str, value: str) -> tuple[str, str]:
    """Return the header, its value trimmed, or refuse it (RFC 9110 sections 5.1 and 5.5).

    The sentence never repeats the value, and the name only when it is one: what stands there by
    mistake may be a secret.
    """
    if not _TOKEN.fullmatch(name):
        raise UsageError(
            "A header name has only letters, digits and - (no space); write 'Name: value'."
        )
    value = value.strip(" \t")
    if _SPLITTING.search(value):
        raise UsageError(
            f"The value of header {name} has a line break or NUL, which would split the request; "
            "remove it."
        )
    return name, value
