"""What to do: the frozen Plan of a run, its parts, and what makes one invalid."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from fastbench.foundation import redact, units
from fastbench.plan import http_message

DEFAULT_CONNECTIONS = 10
DEFAULT_DURATION_S = 10.0
DEFAULT_TIMEOUT_S = 2.0
MAX_CONNECTIONS = 1_000_000
MAX_WORKERS = 1024
MAX_REQUESTS = 10**15
MAX_DURATION_S = 365 * 86_400.0
MAX_PIPELINE = 1024
MAX_STREAMS = 10_000
MAX_WEIGHT = 10_000
MAX_TIMEOUT_S = 2**42 / 1e9  # the histogram's last value; a longer wait could not be recorded

MAX_RATE = 100_000_000.0
MAX_STAGES = 1000

Family = Literal[0, 4, 6]
Arrival = Literal["constant", "poisson"]
Scheme = Literal["http", "https"]
SocketMode = Literal["echo", "push", "hold"]
HttpVersion = Literal["", "1.1", "2"]  # "": as the server chooses in the TLS handshake, else 1.1

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_SPLITTING = re.compile(r"[\r\n\0]")


class UsageError(Exception):
    """Carry one sentence for the user: what is wrong and how to mend it.

    It may quote what was typed, so it is made printable here, once for all.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(redact.printable(sentence))


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
    if not path or "\0" in path:
        raise UsageError("--unix needs the path of a socket, for example /run/app.sock.")
    if len(path.encode("utf-8", "surrogateescape")) > 107:  # unix(7): sun_path is 108 bytes
        raise UsageError("The path of --unix is over 107 bytes; use a shorter link to it.")


@dataclass(frozen=True, slots=True)
class Request:
    """Hold one request, in its parts. `payload` is every byte sent; `url` the redacted display."""

    method: str
    target: bytes
    fields: http_message.Fields
    body: bytes | None
    url: str
    weight: int
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
class Stage:
    """One straight line of a plan: from `first` to `last` within `length_s`, which may be inf.

    Thresholds know it by its number, and by its name if it has one.
    """

    length_s: float
    first: float
    last: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """Say when requests start (`rates`, per second) or how many connections load, stage by stage.

    A request that finds no free connection when it is due waits, or with `drop` is dropped.
    """

    rates: bool
    stages: tuple[Stage, ...]
    arrival: Arrival = "constant"
    drop: bool = False

    def __post_init__(self) -> None:
        most, what = (MAX_RATE, "-R") if self.rates else (MAX_CONNECTIONS, "--stages")
        levels = [level for stage in self.stages for level in (stage.first, stage.last)]
        if not all(0 <= level <= most for level in levels):
            raise UsageError(f"{what} must stay between 0 and {most:,.0f}.")
        if not any(levels):
            raise UsageError(f"{what} is 0 throughout; give a number above 0.")
        if len(self.stages) > MAX_STAGES:
            raise UsageError(f"--stages has {len(self.stages)} stages; at most {MAX_STAGES} fit.")

    @property
    def changes(self) -> bool:
        """Tell whether it is not the same all the time."""
        return len({level for stage in self.stages for level in (stage.first, stage.last)}) > 1

    @property
    def start(self) -> float:
        """Rate or connections of the warm-up: those at the start, or what a ramp from 0 aims at."""
        return self.stages[0].first or next(stage.last for stage in self.stages if stage.last)

    def level(self, t_s: float) -> float:
        """Return the rate or the connections asked for `t_s` seconds into the plan."""
        for stage in self.stages:
            if t_s < stage.length_s:
                return stage.first + (stage.last - stage.first) * max(0.0, t_s) / stage.length_s
            t_s -= stage.length_s
        return self.stages[-1].last

    @property
    def peak(self) -> float:
        """The highest rate or number of connections."""
        return max(max(stage.first, stage.last) for stage in self.stages)


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
class Load:
    """Say how much, for how long, and when to give up.

    `duration_s` is None only when `requests` ends the run; when both are set the first one
    reached ends it. `workers` None means one per usable core. `connections` is the most that load
    at once. The warm-up comes before `duration_s` and `requests`; a drain comes after.
    """

    connections: int
    workers: int | None
    duration_s: float | None
    requests: int | None
    pipeline: int
    keepalive: bool
    retry: bool
    timeout_s: float
    connect_timeout_s: float
    pace: Pace | None = None
    warmup_s: float = 0.0
    drain: bool = False
    http: HttpVersion = ""
    streams: int = 1  # requests in flight on a connection that speaks HTTP/2

    @property
    def planned(self) -> bool:
        """Tell whether requests start when a plan says so, whatever the answers do."""
        return self.pace is not None and self.pace.rates

    def __post_init__(self) -> None:
        _between("-c", self.connections, MAX_CONNECTIONS)
        _between("-n", self.requests, MAX_REQUESTS)
        _between("-t", self.workers, MAX_WORKERS)
        _between("-p", self.pipeline, MAX_PIPELINE)
        _between("-m", self.streams, MAX_STREAMS)
        if self.duration_s is None and self.requests is None:
            raise UsageError("A run needs a limit; give -d DURATION or -n REQUESTS.")
        if self.duration_s is not None and not 0 < self.duration_s <= MAX_DURATION_S:
            raise UsageError("-d must be longer than 0 and at most 365d, for example -d 10s.")
        if not 0 <= self.warmup_s <= MAX_DURATION_S:
            raise UsageError("-W must be at most 365d, for example -W 5s.")
        if self.pipeline > 1 and not self.keepalive:
            raise UsageError("-p needs connections that stay open; leave --no-keepalive out.")
        if self.streams > 1 and not self.keepalive:
            raise UsageError("-m needs connections that stay open; leave --no-keepalive out.")
        if self.pipeline > 1 and self.http == "2":
            raise UsageError("-p is of HTTP/1.1; with --http2 give -m for several streams.")
        if self.streams > 1 and (self.http == "1.1" or self.pipeline > 1):
            raise UsageError("-m is of HTTP/2; in HTTP/1.1 give -p for several requests in flight.")
        for flag, value_s in (
            ("--timeout", self.timeout_s),
            ("--connect-timeout", self.connect_timeout_s),
        ):
            if not 0 < value_s <= MAX_TIMEOUT_S:
                raise UsageError(
                    f"{flag} must be longer than 0 and at most "
                    f"{units.format_s(MAX_TIMEOUT_S)}, the longest time that can be recorded."
                )


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
    """

    host: str
    port: int
    to_host: str
    to_port: int

    @property
    def text(self) -> str:
        """The rule as it is written."""
        ports = [str(port or "") for port in (self.port, self.to_port)]
        hosts = [f"[{host}]" if ":" in host else host for host in (self.host, self.to_host)]
        return f"{hosts[0]}:{ports[0]}:{hosts[1]}:{ports[1]}"


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

    @property
    def protocols(self) -> str:
        """What its connections may speak, as ALPN names it: "http/1.1", "h2" or "h2,http/1.1"."""
        if self.websocket is not None or self.load.http == "1.1" or self.load.pipeline > 1:
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
        if self.bind and self.target.unix_path is not None:
            raise UsageError("A Unix socket has no source address; leave --bind or --unix out.")


def target_of(url: str) -> str:
    """Return path and query of a URL, or of what is that already."""
    rest = url.partition("#")[0]
    if "://" in rest.partition("?")[0]:
        cut = re.search("[/?]", rest := rest.partition("://")[2])
        rest = rest[cut.start() :] if cut else ""
    return rest if rest.startswith("/") else f"/{rest}"


def fit(load: Load) -> tuple[Load, list[str]]:
    """Lower connections to the requests and workers to the connections; say what changed."""
    notices = []
    if load.requests is not None and load.requests < load.connections:
        notices.append(
            f"-n {load.requests} needs no more than {load.requests} connections; "
            f"-c {load.connections} was lowered to {load.requests}."
        )
        load = replace(load, connections=load.requests)
    if load.workers is not None and load.workers > load.connections:
        notices.append(
            f"-t {load.workers} is more than the {load.connections} connections; "
            f"it was lowered to {load.connections}."
        )
        load = replace(load, workers=load.connections)
    return load, notices


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


def _between(flag: str, value: int | None, most: int) -> None:
    if value is not None and not 1 <= value <= most:
        raise UsageError(f"{flag} must be between 1 and {most}, not {value}.")
