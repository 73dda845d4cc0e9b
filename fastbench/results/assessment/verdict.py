"""What was the bottleneck? From what a run shows of itself to a verdict with its reasons.

1. Pure: a Result and a few facts about the run in, a Validity out.
2. The verdict says whether the numbers may be quoted; the limit says what kept them from being
   better. The first of these that holds is the verdict:

       incomplete       something of the run is missing
       noisy-host       the processor was taken by others: stolen, paused, or used by a stranger
       client-limited   the load generator was saturated, so the rate is a lower bound
       late             planned requests left late although a connection was free
       ok

3. Every reason is a sentence that carries its remedy.
4. A run that is too short for shares of the processor is judged by none: its limit is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastbench.foundation.units import format_count, format_ms, format_s
from fastbench.results import resolution
from fastbench.results.assessment import listen_queue, script_limit
from fastbench.results.histogram import Histogram
from fastbench.results.result import NOUNS, Result, Validity
from fastbench.results.socket_counts import mode_of
from fastbench.results.usage import TargetUse

Where = Literal["seen", "hidden", "remote"]

STEAL_PERCENT = 1.0
OTHERS_PERCENT = 10.0
THROTTLED_SHARE = 0.01
BUSY = 0.9
FULL_PERCENT = 90.0  # of a core, or of a thread: /proc counts in ticks and loses some
CROWDED_PERCENT = 75.0
WAITED_SHARE = 0.03
LATE_MS = 1.0
LATE_SHARE = 0.1  # of the 99th percentile of response time
LOOP_LATE_SHARE = 0.25  # of that of service time: it holds the lateness already
MISSED_SHARE = 0.001
RETRANSMITS_SHARE = 0.01  # of requests
FAILURES = tuple(f"{noun}s_failed" for noun in NOUNS)  # reasons of the outcome


@dataclass(frozen=True, slots=True)
class Seen:
    """What a result does not hold. `missing`: why the run is incomplete.

    `where` is the server: a process on this machine that was found, one that could not be, or
    another machine. `client_cores` are those the workers may run on. `script_waited`: the share of
    time that connections waited for requests of a Lua script. `constant`: the connections
    were as many all the time, not as stages of them said. `vus`: of a script.
    """

    missing: tuple[str, ...]
    where: Where
    client_cores: tuple[int, ...]
    connections: int
    paused_s: float = 0.0
    vus: int = 0
    constant: bool = True
    queue: listen_queue.Queue = listen_queue.NOBODYS
    script_waited: float = 0.0


def judge(result: Result, seen: Seen) -> Validity:
    """Return verdict, limit and reasons."""
    if seen.missing:
        return Validity("incomplete", "unknown", seen.missing)
    noise = _noise(result, seen)
    limit, why = _limit(result, seen)
    late = _lateness(result, seen)
    if noise:
        return Validity("noisy-host", limit, (*noise, *why, *late))
    if limit == "client":
        return Validity("client-limited", limit, (*why, *late))
    return Validity("late" if late else "ok", limit, (*late, *why))


def _noise(result: Result, seen: Seen) -> list[str]:
    """Processor time that neither client nor server had."""
    host = result.resources.host
    reasons = []
    if seen.paused_s:
        reasons.append(
            f"nothing here ran for {seen.paused_s:.1f}s (suspended, or stopped); measure again"
        )
    if host is None or not resolution.tells_shares(result.summary.duration_s):
        return reasons
    if (host.steal_percent or 0.0) > STEAL_PERCENT:
        reasons.append(
            f"other guests of this virtual machine's host took {host.steal_percent:.1f}% of the "
            "processor (steal); measure at another time, or on a machine of your own"
        )
    if (host.others_percent or 0.0) > OTHERS_PERCENT:
        reasons.append(
            f"other programs took {host.others_percent:.0f}% of the processors; end them "
            "(`fastbench doctor` names the busiest)"
        )
    return reasons


def _lateness(result: Result, seen: Seen) -> list[str]:
    lag, response = result.latency.lag, result.latency.response
    if lag is None or not lag.count:
        return []
    if seen.vus:
        return _loop_lateness(lag, result.latency.service)
    if response is None:
        return []
    late_ms, p99_ms = lag.percentile(99) / 1e6, response.percentile(99) / 1e6
    if late_ms <= max(LATE_MS, LATE_SHARE * p99_ms):
        return []
    return [
        f"the client sent late: 99% of requests within {format_ms(late_ms)} of when they could "
        "go; use fewer workers than cores (-t), or give the client cores of its own (taskset)"
    ]


def _loop_lateness(lag: Histogram, service: Histogram) -> list[str]:
    """Judge the event loop of a script: what it reads late, it measures late.

    `lag` samples the loop at even distances, so that the share of it that is late is also that of
    requests: with few requests none of them may have met a late turn, without any none has.
    """
    p99_ms = service.percentile(99) / 1e6
    allowed_ms = max(LATE_MS, LOOP_LATE_SHARE * p99_ms)
    late_ms = lag.percentile(99) / 1e6
    late_share = 1 - lag.count_below(round(allowed_ms * 1e6)) / lag.count
    if late_ms <= allowed_ms or late_share * service.count < 1:
        return []
    return [
        f"VUs waited for the client: its event loop was {format_ms(late_ms)} late at p99; use "
        "more workers (-t), or compute less between requests"
    ]


def _limit(result: Result, seen: Seen) -> tuple[str, list[str]]:
    """Return the limit and the reasons for it."""
    if not resolution.tells_shares(result.summary.duration_s):
        return _of_short(result)
    if seen.script_waited >= script_limit.LIMIT_SHARE:
        return "client", [script_limit.reason(seen.script_waited)]
    full = _full_target(result)
    if _host_is_full(result, seen):
        return "host", [
            "load generator and server used all of the cores they share; give each its own cores "
            "(taskset), or run the load generator on another machine"
        ]
    if throttled := _throttled(result):
        return "client", [throttled]
    if full is not None and not _plan_met(result):
        return "server", [_of_server(full)]
    if (busy := _busiest(result)) > BUSY and not _plan_met(result):
        return "client", [_of_client(result, seen, busy)]
    if _plan_met(result):
        return "none", []
    if seen.where == "remote" and (lost := _retransmits(result)):
        return "network", [lost]  # on loopback nothing is lost: there it is a queue, or no time
    if (crowded := _crowded(result, seen)) is not None:
        return "unknown", crowded
    if listen_queue.overflows(result, seen.queue):
        return "server", [listen_queue.SENTENCE]
    return _of_waiting(result, seen)


def _of_short(result: Result) -> tuple[str, list[str]]:
    """Judge by what needs no share of the processor: the quota's own clock, and the plan."""
    if throttled := _throttled(result):
        return "client", [throttled]
    if _plan_met(result):
        return "none", []
    return "unknown", [
        f"bottleneck: {resolution.TOO_SHORT} from {format_s(result.summary.duration_s)}; "
        f"measure longer (-d {format_s(resolution.SHARE_SPAN_S)} at least, better 10s)"
    ]


def _of_server(full: TargetUse) -> str:
    return (
        f"{full.name} (pid {full.pid}) used all of a core it can use "
        f"({max(full.cpu_percent, full.thread_percent):.0f}%): this is its rate"
    )


def _of_client(result: Result, seen: Seen, busy: float) -> str:
    cores, workers = len(seen.client_cores), len(result.workers)
    more = f"add workers (-t {cores})" if workers < cores else "use a machine with more cores"
    keep = "" if result.config.get("keepalive") is not False else ", or keep connections alive"
    return (
        f"the client's busiest worker was {busy:.0%} busy, so the server may be faster than this: "
        f"{more}{keep}"
    )


def _of_waiting(result: Result, seen: Seen) -> tuple[str, list[str]]:
    """Nothing that can be seen was full, yet the load was not more: who loaded waited."""
    if any(each.code in FAILURES for each in result.outcome.reasons):
        return "unknown", []  # more load is no answer to requests that fail
    waited = _waited(result, seen)
    if mode_of(result.config) in ("push", "hold"):
        return "none", []  # nobody waits for an answer
    if result.noun == "operation" and seen.where != "seen":
        return "unknown", [
            f"{waited}; what they waited for cannot be seen from here: name it with --watch "
            "pid:NUMBER"
        ]
    if seen.where == "remote":
        return "unknown", [
            f"{waited}, and the client had time to spare: server or network; look at the server's "
            "processor"
        ]
    if seen.where == "hidden":
        return "unknown", [
            f"{waited}; the server's process could not be seen: run as its user, or name it with "
            "--watch pid:NUMBER"
        ]
    if seen.vus:
        return "none", [f"{waited}; no processor was full"]
    if result.summary.scheduled is not None:
        return "server", [
            f"{waited}, although no processor was full, so the rate was not reached: allow more "
            "connections (-c), or find out what the server waits for (a database, a lock)"
        ]
    if not seen.constant:
        return "none", [f"{waited}; no processor was full"]
    return "none", [f"{waited} and no processor was full{_more(result)}"]


def _more(result: Result) -> str:
    """Say what would load more; that the server allows few streams may be all that holds it."""
    use = result.http2
    if use is None or not use.connections:
        return ": more connections (-c) would load more"
    if use.limited:
        few = f"{use.stream_limit:,} stream" + ("" if use.stream_limit == 1 else "s")
        return (
            f", but the server allows {few} on a connection: more connections (-c), or a higher "
            "limit there, would load more"
        )
    return ": more connections (-c), or streams on each (-m), would load more"


def _waited(result: Result, seen: Seen) -> str:
    """Say who waited, and for how long; how many loaded at once is known if it never changed."""
    if seen.vus:
        users = f"{seen.vus:,} VU" + ("" if seen.vus == 1 else "s")
        what = "their operations" if result.noun == "operation" else "responses"
        return f"{users} waited for {what}, or slept as the script says"
    p50 = format_ms(result.latency.service.percentile(50) / 1e6)
    if not seen.constant:
        return f"the connections waited for responses (p50 {p50})"
    who = f"all {seen.connections:,} connections" if seen.connections > 1 else "the connection"
    return f"{who} waited for responses (p50 {p50})"


def _crowded(result: Result, seen: Seen) -> list[str] | None:
    """Say that processors which client or server need were full, and not by these two alone.

    Then nobody knows what the server would do with a processor of its own. None if it had one.
    """
    host = result.resources.host
    if host is None:
        return None
    if (host.others_percent or 0.0) > OTHERS_PERCENT:
        return []  # which the verdict says
    servers = {core for target in _targets(result) for core in target.cores}
    if seen.where == "hidden":  # it may run on any
        servers = set(range(len(host.core_percents)))
    for whose, cores in (("client", set(seen.client_cores)), ("server", servers)):
        known = [host.core_percents[core] for core in cores if core < len(host.core_percents)]
        if known and sum(known) / len(known) >= FULL_PERCENT:
            return [
                f"the processors on which the {whose} may run were full "
                f"({sum(known) / len(known):.0f}%), and not by it alone; end what else runs, or "
                "give client and server cores of their own (taskset)"
            ]
    return None


def _plan_met(result: Result) -> bool:
    """Tell whether a plan was met: all of it was sent, and not much of it waited."""
    s = result.summary
    if s.scheduled is None:
        return False
    return s.dropped == 0 and s.queued_at_end <= max(1, MISSED_SHARE * s.scheduled)


def _busiest(result: Result) -> float:
    return max((worker.busy for worker in result.workers), default=0.0)


def _throttled(result: Result) -> str:
    host, span_s = result.resources.host, result.summary.duration_s
    throttled_s = (host and host.throttled_s) or 0.0  # None: not visible
    if throttled_s <= THROTTLED_SHARE * span_s:
        return ""
    return (
        f"the control group's processor quota stopped the client for {format_s(throttled_s)}; "
        "raise it (docker run --cpus, systemd CPUQuota)"
    )


def _retransmits(result: Result) -> str:
    host = result.resources.host
    again = (host and host.retransmits) or 0
    if again <= RETRANSMITS_SHARE * max(1, result.summary.requests):
        return ""
    return (
        f"TCP sent {format_count(again)} segments again: the network loses packets, or "
        "the server accepts connections too slowly"
    )


def _full_target(result: Result) -> TargetUse | None:
    """Return the target process that had no processor time left, if any."""
    for target in _targets(result):
        usable = 100.0 * max(1, len(target.cores))
        one_at_a_time = FULL_PERCENT <= target.cpu_percent <= 110.0  # a global lock: one core
        if (
            target.thread_percent >= FULL_PERCENT
            or target.cpu_percent >= 0.9 * usable
            or one_at_a_time
        ):
            return target
    return None


def _targets(result: Result) -> list[TargetUse]:
    return [target for target in result.resources.targets if target.role == "target"]


def _host_is_full(result: Result, seen: Seen) -> bool:
    """Do client and server share cores that have nothing left?

    Two that hand each other one core sleep in between, so that it is never all used (75 to 90 % at
    10 to 100 connections, measured with bench/server.c); that they wait for it tells them from an
    idle pair.
    """
    host = result.resources.host
    if host is None or not _targets(result):
        return False
    if (host.others_percent or 0.0) > OTHERS_PERCENT:
        return False  # then others did, and that is said
    client = set(seen.client_cores)
    server = {core for target in _targets(result) for core in target.cores}
    known = [core for core in client | server if core < len(host.core_percents)]
    if not client & server or not known:
        return False
    percent = sum(host.core_percents[core] for core in known) / len(known)
    waited = max((worker.run_queue or 0.0 for worker in result.workers), default=0.0)
    return percent >= FULL_PERCENT or (percent >= CROWDED_PERCENT and waited >= WAITED_SHARE)
