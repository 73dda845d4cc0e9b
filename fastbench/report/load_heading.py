"""What was asked for, read from a result's `config` for the heading of a report.

A document may come from another version, so every name may be missing or of another type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_s, plural
from fastbench.results.result import Result
from fastbench.results.socket_counts import mode_of

_ORDERS = {
    "in-order": " in order",
    "random": " at random",
    "once": ", each once",
    "per-connection": ", one for each connection",
}


@dataclass(frozen=True, slots=True)
class LoadHeading:
    """The load of a run. None and 0 mean: not known. `script` is "" in a plain run.

    `rate` is the planned one where it is the same all the time; `stages` are of requests per
    second or of connections.
    """

    url: str
    urls: int
    method: str
    connections: int
    workers: int
    duration_s: float | None
    requests: int | None
    pipeline: int
    keepalive: bool
    rate: float | None
    arrival: str
    stages: int
    stages_peak: float | None
    stages_of: str
    script: str
    vus: int
    iterations: int | None
    websocket: str  # what its WebSockets do, "" without
    machines: int = 0  # that carried it, 0 where it was one alone
    cluster: str = ""  # that these are of
    connect_to: tuple[str, ...] = ()  # rules by which connections went elsewhere
    streams: int = 1  # of each connection, as many as there could be
    protocol: str = ""  # where it may be HTTP/2
    resolved: tuple[str, ...] = ()  # rules that say what names lead to
    redirects: tuple[str, ...] = ()  # sentences: which URLs led elsewhere
    requests_made: tuple[str, ...] = ()  # how: drawn from a pattern, signed
    burst: str = ""  # requests that are due at once, and how often
    varied: str = ""  # what its requests are made of, "" where they are always the same
    proxy: str = ""  # through which connections went

    @property
    def loaded(self) -> str:
        """The connections, with the streams of each where there are several; "" if not known."""
        if not self.connections:
            return ""
        several = f" × {self.streams:,} streams" if self.streams > 1 else ""  # noqa: RUF001
        return plural(self.connections, "connection") + several

    @property
    def more(self) -> str:
        """What follows the first URL of several: ` and 3 more`; "" where it is the only one."""
        return f" and {self.urls - 1:,} more" if self.urls > 1 else ""

    @property
    def target(self) -> str:
        """The request, the first of several with how many more; "" where nothing says it."""
        way = f" ({', '.join(self.rules)})" if self.rules else ""
        return f"{self.method} {self.url}{self.more}{way}".strip() if self.url else ""

    @property
    def rules(self) -> tuple[str, ...]:
        """By which rules connections went elsewhere, through which proxy, and which redirects were
        followed."""
        rules = [f"--connect-to {each}" for each in self.connect_to]
        rules += [f"--resolve {each}" for each in self.resolved]
        rules += [f"through the proxy {self.proxy}"] if self.proxy else []
        made_of = (self.varied,) if self.varied else ()
        return (*rules, *self.redirects, *self.requests_made, *made_of)


def load_of(result: Result) -> LoadHeading:
    """Read the heading's facts from a result; text in it is safe for a terminal."""
    found = of_config(result.config, len(result.workers))
    spoken = result.http2
    if spoken is not None:
        streams = spoken.stream_limit if spoken.connections else 1
        found = replace(found, streams=streams, protocol=spoken.protocol)
    return replace(found, machines=len(result.machines))


def of_config(config: Mapping[str, object], workers: int = 0) -> LoadHeading:
    """Read them from a `config` alone, as it is known before there is a result."""
    stages = config.get("stages")
    arrival = str(config.get("arrival") or "")
    rate = _number(config.get("rate"))
    return LoadHeading(
        url=printable(_url(config)),
        urls=_count(config.get("urls")) or 1,
        method=printable(mode_of(config) or str(config.get("method") or "")),
        connections=_count(config.get("connections")) or 0,
        workers=workers or _count(config.get("workers")) or 0,
        duration_s=_number(config.get("duration_s")),
        requests=_count(config.get("requests")),
        pipeline=_count(config.get("pipeline")) or 1,
        keepalive=config.get("keepalive") is not False,
        rate=rate if arrival == "constant" and not stages else None,
        arrival=arrival,
        stages=len(stages) if isinstance(stages, list | tuple) else 0,
        stages_peak=_peak(stages),
        stages_of="connections" if rate is None else "req/s",
        script=printable(str(config.get("script") or "")),
        vus=_count(config.get("vus")) or 0,
        iterations=_count(config.get("iterations")),
        websocket=printable(mode_of(config)),
        cluster=printable(str(config.get("on") or "")),
        connect_to=_texts(config.get("connect_to")),
        resolved=_texts(config.get("resolve")),
        redirects=_redirects(config),
        requests_made=_requests_made(config),
        burst=_burst(config.get("burst")),
        streams=_count(config.get("streams")) or 1,
        protocol="HTTP/2" if config.get("http") == "2" else "",
        varied=printable(_varied(config)),
        proxy=printable(str(config.get("proxy") or "")),
    )


def _varied(config: Mapping[str, object]) -> str:
    """Say of what requests that vary are made: rows of a file, and the seed."""
    if "seed" not in config:
        return ""
    feed = config.get("feed")
    seed = f"seed {config['seed']}"
    if not isinstance(feed, dict):
        return seed
    order = _ORDERS.get(str(feed.get("order")), "")
    return f"{_count(feed.get('rows')) or 0:,} rows of {feed.get('file')}{order}, {seed}"


def _url(config: Mapping[str, object]) -> str:
    """Return the URL that was asked for, or the servers that a script met by itself."""
    url, servers = config.get("url"), config.get("servers")
    if url or not isinstance(servers, list | tuple) or not servers:
        return str(url or "")
    return str(servers[0]) + (f" and {len(servers) - 1} more" if len(servers) > 1 else "")


def _peak(stages: object) -> float | None:
    """Return the highest level of stages, where they can be read."""
    if not isinstance(stages, list | tuple):
        return None
    rows = [stage for stage in stages if isinstance(stage, dict)]
    levels = [_number(stage.get(end)) for stage in rows for end in ("first", "last")]
    return max((level for level in levels if level is not None), default=None)


def _redirects(config: Mapping[str, object]) -> tuple[str, ...]:
    """Say where URLs led that were followed before the load: the first, and how many more."""
    rows = config.get("redirects")
    rows = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
    if not rows:
        return ()
    first, more = rows[0], (_count(config.get("redirected")) or len(rows)) - 1
    codes = first.get("statuses")
    statuses = ", ".join(str(each) for each in codes) if isinstance(codes, list | tuple) else ""
    said = f"{first.get('from')} redirects to {first.get('to')} ({statuses})"
    return (printable(said), *([f"{more:,} more URLs redirect"] if more > 0 else []))


def _requests_made(config: Mapping[str, object]) -> tuple[str, ...]:
    drawn, signed = _count(config.get("drawn_urls")), config.get("aws_sigv4")
    found = [f"{plural(drawn, 'URL')} drawn"] if drawn else []
    found += [f"signed for {printable(signed)}"] if isinstance(signed, str) else []
    digest = config.get("digest")
    kind = digest.get("algorithm") if isinstance(digest, dict) else None
    return (*found, *([f"digest with {printable(kind)}"] if isinstance(kind, str) else []))


def _burst(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    requests, every_s = _count(value.get("requests")), _number(value.get("every_s"))
    if not requests or not every_s:
        return ""
    return f"{plural(requests, 'request')} at once every {format_s(every_s)}"


def _texts(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, list | tuple) else ()
    return tuple(printable(each) for each in several if isinstance(each, str))


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
