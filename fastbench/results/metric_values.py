"""What a scenario run measured: frozen values as they stand in the document; no I/O, no logic.

1. Everything here is JSON-ready: a field's name is its name in the document.
2. `Metric` has the form that k6 hands to handleSummary; values of type time are in ms, of type
   data in bytes, and percentiles carry k6's names: `p(95)`.
3. A mapping of latencies has the keys of `latencies.latency_ms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastbench.results.json_codec import LATER, SPARSE, Signed

# Counters of what was answered, and of what succeeded; no names that a metric may have.
ANSWERED, SUCCEEDED = "requests.answered", "operations.succeeded"
METRIC_TYPES = ("counter", "gauge", "rate", "trend")
CONTAINS = ("default", "time", "data")
LEVELS = ("fail", "warn")
GRADES = ("", "met", "near", "missed", "critical", "good", "plan", "act")
OPERATION_KINDS = ("http", "ws", "sql", "redis", "job", "custom")
MAX_PACKED = 200  # rows of one table that keep their histograms, of up to 5 KB each
OPERATION_ERRORS = "operation_errors"  # by reason; as those of requests in outputs only


@dataclass(frozen=True, slots=True)
class Kind:
    """What a metric's samples are."""

    type: Annotated[str, METRIC_TYPES]
    contains: Annotated[str, CONTAINS] = "default"


_COUNTER, _TIME = Kind("counter"), Kind("trend", "time")
_GAUGE, _BYTES = Kind("gauge"), Kind("gauge", "data")
UPTIME = "uptime"
# What is seen of a run from outside of it, once a second. Gauges of the machine: processes by name,
# where 100 % is one core; of the host it is all cores. `uptime` is a share of seconds.
MACHINE: Mapping[str, Kind] = {
    "host_cpu": _GAUGE,
    "host_memory": _BYTES,
    "host_network": _BYTES,  # per second, by direction
    "target_connections": _GAUGE,
    "target_cpu": _GAUGE,
    "target_fds": _GAUGE,
    "target_rss": _BYTES,
    "target_threads": _GAUGE,
    UPTIME: Kind("rate"),
}
PERCENTS = ("host_cpu", "target_cpu")
RATES = ("host_network",)  # what its values are is per second
BUILT_IN: Mapping[str, Kind] = {  # k6's names; http_req_response is ours
    **MACHINE,
    "checks": Kind("rate"),
    "data_received": Kind("counter", "data"),
    "data_sent": Kind("counter", "data"),
    "db_errors": _COUNTER,  # ours, as all of databases, Redis and jobs
    "db_pool_wait": _TIME,
    "db_queries": _COUNTER,
    "db_query_duration": _TIME,
    "dropped_iterations": _COUNTER,
    "group_duration": _TIME,
    "http_req_blocked": _TIME,
    "http_req_connecting": _TIME,
    "http_req_duration": _TIME,
    "http_req_failed": Kind("rate"),
    "http_req_receiving": _TIME,
    "http_req_response": _TIME,  # from the planned instant, where there is one
    "http_req_sending": _TIME,
    "http_req_tls_handshaking": _TIME,
    "http_req_waiting": _TIME,
    "http_reqs": _COUNTER,
    "http_stream_events": _COUNTER,  # ours, as the two below: of answers read while they arrive
    "http_stream_first_event": _TIME,
    "http_stream_gap": _TIME,
    "iteration_duration": _TIME,
    "iterations": _COUNTER,
    "job_queue_wait": _TIME,
    "job_run_time": _TIME,
    "jobs_failed": _COUNTER,
    "jobs_finished": _COUNTER,
    "operation_duration": _TIME,  # ours, as the two below: of what is timed and is no request
    "operation_failed": Kind("rate"),
    "operations": _COUNTER,
    "redis_duration": _TIME,
    "script_exceptions": Kind("rate"),  # ours: of iterations, those that an exception ended
    "vus": Kind("gauge"),
    "vus_max": Kind("gauge"),
    "ws_connecting": _TIME,  # k6's names; ws_errors, ws_msg_rtt and ws_msgs_lost are ours
    "ws_errors": _COUNTER,
    "ws_msg_rtt": _TIME,
    "ws_msgs_lost": _COUNTER,
    "ws_msgs_received": _COUNTER,
    "ws_msgs_sent": _COUNTER,
    "ws_ping": _TIME,
    "ws_session_duration": _TIME,
    "ws_sessions": _COUNTER,
}

UNNAMED: Mapping[str, str] = {"scenario": ""}  # as tags of one: its samples are of no scenario

# Ours that k6 does not have: a script of k6 may have metrics of these names itself. Its own has the
# name then, and ours is MOVED before it.
MOVED = "fastbench_"
GIVE_WAY = frozenset(
    (
        *("db_errors", "db_pool_wait", "db_queries", "db_query_duration", "http_stream_events"),
        *("http_stream_first_event", "http_stream_gap", "job_queue_wait", "job_run_time"),
        *("jobs_failed", "jobs_finished", "redis_duration"),
        *("ws_errors", "ws_msg_rtt", "ws_msgs_lost"),
    )
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `thresholds` holds {"ok": bool} by expression, as k6 writes it.

    `histogram` are the samples of a trend, packed: times as `hdr` of the document has them, other
    numbers as `number_counts` does; "" where there are none, or in an older document.

    values by type: counter count and rate (per second); gauge value, min and max, none of one that
    was never set; rate rate,
    passes and fails; trend avg, min, med, max, p(90), p(95), p(99) and count. None of a trend's
    values but count exists without samples.
    """

    type: Annotated[str, METRIC_TYPES]
    contains: Annotated[str, CONTAINS]
    values: Mapping[str, Signed]
    thresholds: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    histogram: str = field(default="", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class GaugeRow:
    """A gauge of a script over time, by its own tags: instants from the start line, and values."""

    name: str
    tags: Mapping[str, str]
    t_s: tuple[float, ...]
    values: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one threshold. `observed` None says that there were no samples: it fails.

    `margin` is the share of the limit that is left (0.25: a quarter of it; of a rate that must stay
    above 0.99: of the 0.01 it may lose), negative when the limit is broken; None where
    a share says nothing (a limit of 0, == and !=). `near`: kept, but within 10 % of the limit.
    `text` is the outcome in words.

    A goal has two limits, and a `grade`: met, near (met, but within 10 % of the target), missed
    (between target and critical limit: a warning) or critical. Its margin is that to the target,
    once it is critical that to the critical limit. Of three levels the grade is good, plan or act;
    the margin is that to the limit of good, of act that to the limit of plan.
    """

    ok: bool
    observed: Signed | None
    margin: Signed | None
    level: Annotated[str, LEVELS]
    near: bool
    text: str
    grade: Annotated[str, GRADES] = field(default="", metadata=LATER)


@dataclass(frozen=True, slots=True)
class NamedRow:
    """Operations of one name and kind in one scenario: requests (`http`, with their method) or
    what a script timed itself; in a run of several URLs the requests of one URL.

    Latency is http_req_duration or operation_duration; in a run of URLs service time of ok answers
    and timeouts, and `response` runs from the planned instant. `failed` includes timeouts. What
    follows `latency` is None or empty where it was not counted: timeouts, statuses and `response`
    are known of URLs only, `in_flight_at_end` and `reasons`, why some failed, of other operations.
    `hdr` holds the histograms of `latency` and `response`, packed, of the MAX_PACKED rows with most
    requests.
    """

    name: str
    method: str
    scenario: str
    requests: int
    failed: int
    requests_per_s: float
    latency: Mapping[str, float | None]
    timeouts: int | None = field(default=None, metadata=LATER)
    bytes_in: int | None = field(default=None, metadata=LATER)
    status_codes: Mapping[str, int] = field(default_factory=dict, metadata=LATER)
    response: Mapping[str, float | None] | None = field(default=None, metadata=LATER)
    kind: Annotated[str, OPERATION_KINDS] = field(default="http", metadata=LATER)
    bytes_out: int | None = field(default=None, metadata=LATER)
    in_flight_at_end: int | None = field(default=None, metadata=LATER)
    reasons: Mapping[str, int] = field(default_factory=dict, metadata=LATER)
    hdr: Mapping[str, str] = field(default_factory=dict, metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """One scenario. `latency` is http_req_duration; `response` runs from the planned instant.

    `duration_s` is the scenario's own, from its start to the end of its last iteration. What it
    timed beside requests is in `operations`; `operation_latency` is None where that is nothing.
    `hdr` holds the histograms of all four, packed.
    """

    name: str
    executor: str
    vus_max: int
    iterations: int
    interrupted: int
    dropped_iterations: int
    requests: int
    failed: int
    duration_s: float
    iteration_duration: Mapping[str, float | None]
    latency: Mapping[str, float | None]
    response: Mapping[str, float | None] | None = None
    operations: int = field(default=0, metadata=LATER)
    operations_failed: int = field(default=0, metadata=LATER)
    operation_latency: Mapping[str, float | None] | None = field(default=None, metadata=LATER)
    hdr: Mapping[str, str] = field(default_factory=dict, metadata=SPARSE)

    def as_requests(self) -> ScenarioRow:
        """Return the row of a run that is about its operations only."""
        return replace(
            self,
            requests=self.operations,
            failed=self.operations_failed,
            latency=self.operation_latency or self.latency,
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one scenario; `group` is its path, "::outer::inner", "" at the top."""

    name: str
    group: str
    scenario: str
    passes: int
    fails: int


@dataclass(frozen=True, slots=True)
class Thrown:
    """An exception that ended iterations, by type and place, with its first traceback."""

    type: str
    place: str
    text: str
    scenario: str
    count: int
    traceback: str


def is_built_in(key: str, metrics: Mapping[str, object]) -> bool:
    """Tell whether a metric of these, or one of its sub-metrics, is ours and not the script's."""
    name = key.partition("{")[0]
    if name.startswith(MOVED):
        return name.removeprefix(MOVED) in GIVE_WAY and name in metrics
    return name in BUILT_IN and MOVED + name not in metrics
