"""How much load, for how long, and when its requests begin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError

DEFAULT_CONNECTIONS = 10
DEFAULT_DURATION_S = 10.0
DEFAULT_TIMEOUT_S = 2.0
MAX_CONNECTIONS = 1_000_000
MAX_WORKERS = 1024
MAX_REQUESTS = 10**15
MAX_DURATION_S = 365 * 86_400.0
MAX_PIPELINE = 1024
MAX_STREAMS = 10_000
MAX_TIMEOUT_S = 2**42 / 1e9  # the histogram's last value; a longer wait could not be recorded

MAX_RATE = 100_000_000.0
MAX_STAGES = 1000


MAX_BURST = 1_000_000

Arrival = Literal["constant", "poisson", "burst"]
HttpVersion = Literal["", "1.1", "2"]  # "": as the server chooses in the TLS handshake, else 1.1


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

    A request that finds no free connection when it is due waits, or with `drop` is dropped. Bursts
    are `burst` requests at once every `every_s`; the one stage has their rate.
    """

    rates: bool
    stages: tuple[Stage, ...]
    arrival: Arrival = "constant"
    drop: bool = False
    burst: int = 0
    every_s: float = 0.0

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


def _between(flag: str, value: int | None, most: int) -> None:
    if value is not None and not 1 <= value <= most:
        raise UsageError(f"{flag} must be between 1 and {most}, not {value}.")
