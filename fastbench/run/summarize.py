"""From the block of an ended run to its Result: the sums, the judgement, the warnings.

Both kinds of run end here. What they were asked for differs, so it comes as `RunTerms`.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastbench import __version__
from fastbench.engine.bridge import _core
from fastbench.machine import environment
from fastbench.machine.processes import Found
from fastbench.plan.network.resolve import Reach
from fastbench.plan.plan import Plan
from fastbench.results import addresses
from fastbench.results.addresses import AddressRow
from fastbench.results.assessment import conservation, listen_queue, notices, verdict, warmup_check
from fastbench.results.assessment.script_limit import script_waited
from fastbench.results.counts import Http2, Operations
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import MAYBE, PLANNED, PROXIED, Latency
from fastbench.results.result import (
    ErrorRow,
    Result,
    Summary,
    TlsUse,
    Validity,
    Warmup,
    Warning_,
    WorkerRow,
)
from fastbench.results.socket_counts import Sockets, mode_of, noun_of
from fastbench.results.usage import Resources
from fastbench.run import sampling
from fastbench.run.metric_sums import TrendValue
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import MachineMonitor

NS_PER_S = 1e9
_UNRESOLVED = ("the target's name has no address", "the proxy's name, or the target's, has none")


@dataclass(frozen=True, slots=True)
class RunTerms:
    """What was asked for, as far as the sums and the judge need it.

    `planned`: requests had instants of their own. `connections` is the most that load at once, and
    `steady` tells whether all of them were asked for; of a script nobody says how many it opens:
    there it is 0, and `vus` says how many users it has. `public`: a public address was loaded.
    """

    config: Mapping[str, object]
    planned: bool
    connections: int
    steady: bool
    warmed: bool
    verified: bool | None  # None without TLS
    public: str = ""
    vus: int = 0
    reach: Reach | None = None  # of a plain run's server
    server: str = ""
    http2: bool = False  # its connections may speak it

    @classmethod
    def of(cls, plan: Plan, reach: Reach) -> RunTerms:
        """Return the terms of a plain run."""
        load, tls = plan.load, plan.target.tls
        return cls(
            config=plan.config,
            planned=load.planned,
            connections=load.connections,
            steady=load.pace is None or load.planned,
            warmed=load.warmup_s > 0,
            verified=None if tls is None else tls.verify,
            public=next((each.host for each in reach.used if each.public), ""),
            reach=reach,
            server=plan.target.server if plan.proxy is None else plan.proxy.shown,
            http2=plan.protocols != "http/1.1",
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """All that the parent saw of a run. `gave_up`: nothing was connected any more, under -n.

    `line_ns` is the start line, `start_ns` where measuring began: later by the warm-up. `ended`
    and `missing` say what a script, or a threshold, did to its run.
    """

    terms: RunTerms
    block: _core.Block
    workers: Supervisor[Any]  # of a lost one the counts hold up to its end
    line_ns: int
    start_ns: int
    end_ns: int
    series: sampling.Series
    monitor: MachineMonitor
    found: Found
    gave_up: bool
    thread_rates: tuple[float, ...]
    ended: str = ""
    missing: tuple[str, ...] = ()
    addresses: tuple[AddressRow, ...] = ()  # as a script's workers told


def unresolved(plan: Plan, code: str) -> Result:
    """Return the result of a run whose target has no address; `code` is the resolver's."""
    empty = Histogram.empty()
    found = Result(
        version=__version__,
        config=plan.config,
        environment=environment.describe(),
        summary=Summary(0.0, 0, 0, 0, 0, 0, 0, ended="nothing_succeeded"),
        latency=Latency(empty, empty, empty, empty),
        status_codes={},
        errors=(ErrorRow.of("dns", "resolve", code, 1, 0.0),),
        validity=Validity("incomplete", "unknown", (_UNRESOLVED[plan.proxy is not None],)),
        noun=noun_of(plan.config),
    )
    return replace(found, warnings=tuple(notices.of(found)))


def result(run: Observed) -> Result:
    """Add up the slots, once every worker has ended."""
    counters = [run.block.counters(child.index) for child in run.workers.children]
    end_ns = max((slot["end_ns"] for slot in counters), default=0) or run.end_ns
    end_ns = max(end_ns, run.start_ns)
    summary, answers = _summary(run, counters, end_ns), _status_codes(run.block)
    found = Result(
        version=__version__,
        config=run.terms.config,
        environment=environment.describe(run.start_ns),
        summary=summary,
        latency=_latency(run),
        status_codes=answers,
        errors=_errors(run),
        series=tuple(run.series.rows),
        workers=_workers(run, counters, end_ns),
        resources=_resources(run, summary, sum(answers.values())),
        tls=_tls(run, counters),
        warmup=_warmup(run),
        thread_rates=run.thread_rates,
        addresses=_addresses(run),
        operations=Operations.of(counters),
        sockets=_sockets(run, counters),
        http2=_http2(run, counters),
        noun=noun_of(run.terms.config),
    )
    seen = _seen(run, found.main)
    found = replace(found, validity=verdict.judge(found.main, seen))
    return replace(found, warnings=_warnings(run, found, counters, seen.queue))


def _sockets(run: Observed, counters: list[dict[str, int]]) -> Sockets | None:
    if not mode_of(run.terms.config):
        return None
    codes = [run.block.close_codes(i) for i in run.block.indices]
    return Sockets.of(counters, codes, TrendValue(run.block.histogram("operation")).histogram())


def _http2(run: Observed, counters: list[dict[str, int]]) -> Http2 | None:
    warm = [run.block.counters(i) for i in run.block.warm_indices]
    found = Http2.of(counters, warm, run.terms.config.get("streams"))
    return found if found.connections or run.terms.http2 else None


def _summary(run: Observed, counters: list[dict[str, int]], end_ns: int) -> Summary:
    total = sampling.total(counters)
    planned = run.terms.planned
    in_flight = queued = 0
    oldest_s = oldest_queued_s = 0.0
    for slot, ended in zip(counters, run.workers.children, strict=True):
        if ended.lost:  # it could not take stock: what it had started and not ended was in flight
            in_flight += slot["started"] - slot["ok"] - slot["failed"] - slot["timeouts"]
            queued += max(0, slot["scheduled"] - slot["started"] - slot["dropped"])
        else:
            in_flight += slot["in_flight"]
            queued += slot["queued"]
        if slot["oldest_sent_ns"]:
            oldest_s = max(oldest_s, (slot["end_ns"] - slot["oldest_sent_ns"]) / NS_PER_S)
        if slot["oldest_due_ns"]:
            age_s = (slot["end_ns"] - slot["oldest_due_ns"]) / NS_PER_S
            oldest_queued_s = max(oldest_queued_s, age_s)
    return Summary(
        duration_s=(end_ns - run.start_ns) / NS_PER_S,
        started=total["started"],
        ok=total["ok"],
        failed=total["failed"],
        cancelled=total["cancelled"],
        timeouts=total["timeouts"],
        bytes_in=total["bytes_in"],
        bytes_out=total["bytes_out"],
        in_flight_at_end=in_flight,
        oldest_in_flight_s=oldest_s,
        retried=total["retried"],
        scheduled=total["scheduled"] if planned else None,
        dropped=total["dropped"],
        queued_at_end=queued,
        oldest_queued_s=oldest_queued_s,
        ended=_ended(run, total),
        overdue_at_end=total["overdue"],
    )


def _ended(run: Observed, total: Counter[str]) -> str:
    if run.workers.interrupted:
        return "interrupted"
    if any(worker.lost for worker in run.workers.children):
        return "worker_lost"
    return run.ended or ("nothing_succeeded" if _nothing_succeeded(run, total) else "complete")


def _nothing_succeeded(run: Observed, total: Counter[str]) -> bool:
    """Tell whether nothing succeeded; a script may be about something else than requests."""
    started = total["started"] + total["operations_started"]
    return not (total["ok"] or total["operations_ok"]) and (not run.terms.vus or started > 0)


def _latency(run: Observed) -> Latency:
    """Return all histograms; those of a plan where there was one.

    A script's lag is its event loop's, and its iterations may be planned where requests are not.
    """
    found = {name: TrendValue(run.block.histogram(name)).histogram() for name in _core.HISTOGRAMS}
    if run.terms.vus:
        absent = [name for name in MAYBE if not found[name].count]
    else:
        absent = ["operation", *(() if run.terms.planned else PLANNED)]
        absent += [name for name in PROXIED if not found[name].count]
    return Latency(**{name: each for name, each in found.items() if name not in absent})


def _status_codes(block: _core.Block) -> dict[str, int]:
    total: Counter[int] = Counter()
    for i in block.indices:
        total.update(block.status_codes(i))
    return {str(status): count for status, count in sorted(total.items())}


def _errors(run: Observed) -> tuple[ErrorRow, ...]:
    counts: Counter[tuple[str, str, str]] = Counter()
    firsts: dict[tuple[str, str, str], int] = {}
    socket = bool(mode_of(run.terms.config))
    for i in run.block.indices:
        for kind, phase, code, count, first_ns in run.block.errors(i):
            key = (kind, phase, code)
            counts[key] += count
            firsts[key] = min(first_ns, firsts.get(key, first_ns))
    return tuple(
        ErrorRow.of(
            *key, count, round(max(0, firsts[key] - run.start_ns) / NS_PER_S, 6), socket=socket
        )
        for key, count in counts.most_common()
    )


def _workers(run: Observed, counters: list[dict[str, int]], end_ns: int) -> tuple[WorkerRow, ...]:
    rows = []
    for index, (slot, ended) in enumerate(zip(counters, run.workers.children, strict=True)):
        wall_ns = (slot["end_ns"] or end_ns) - run.start_ns
        told = wall_ns > 0 and not (ended.lost and not slot["end_ns"])  # else until when?
        busy = 1 - slot["idle_ns"] / wall_ns if told else 0.0
        requests = slot["ok"] + slot["failed"] + slot["timeouts"]
        lag, service = (run.block.histogram(name, [ended.index]) for name in ("lag", "service"))
        waited = run.monitor.schedule(index) if wall_ns > 0 else None
        rows.append(
            WorkerRow(
                pid=ended.pid,
                requests=requests,
                cpu_s=ended.cpu_s,
                busy=round(min(1.0, max(0.0, busy)), 4),
                lag_p99_ms=lag.percentile(99) / 1e6 if lag.count else None,
                lost=ended.lost,
                p99_ms=service.percentile(99) / 1e6 if service.count else None,
                run_queue=waited and round(min(1.0, waited[0] * NS_PER_S / wall_ns), 4),
                involuntary_switches=waited and waited[1],
            )
        )
    return tuple(rows)


def _warmup(run: Observed) -> Warmup | None:
    """Sum up the slots of the warm-up; what it left in flight ended, but in no numbers."""
    slots = run.block.warm_indices
    if not slots:
        return None
    total = sampling.total(run.block.counters(i) for i in slots)
    service = run.block.histogram("service", slots)
    return Warmup(
        duration_s=max(0.0, min(run.start_ns, run.end_ns) - run.line_ns) / NS_PER_S,
        requests=total["ok"] + total["failed"] + total["timeouts"],
        ok=total["ok"],
        failed=total["failed"],
        timeouts=total["timeouts"],
        p50_ms=service.percentile(50) / 1e6 if service.count else None,
        p99_ms=service.percentile(99) / 1e6 if service.count else None,
        in_flight_at_end=total["carried"],
        never_answered=total["in_flight"],
    )


def _resources(run: Observed, summary: Summary, answered: int) -> Resources:
    own = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = own.ru_utime + own.ru_stime + sum(worker.cpu_s for worker in run.workers.children)
    return run.monitor.resources(cpu_s, answered, summary.duration_s)


def _tls(run: Observed, counters: list[dict[str, int]]) -> TlsUse | None:
    verified = run.terms.verified
    if verified is None:
        return None
    total = sampling.total(counters)
    agreed = [run.block.tls(i) for i in run.block.indices]
    version, cipher = next((pair for pair in agreed if pair[0]), ("", ""))
    return TlsUse(verified, version, cipher, total["handshakes"], total["resumed"])


def _seen(run: Observed, found: Result) -> verdict.Seen:
    """Return what the judge cannot read from the result itself."""
    summary, beside = found.summary, found.operations
    missing = list(run.missing)
    lost = sum(worker.lost for worker in run.workers.children)
    if run.workers.interrupted:
        missing.append("the run was interrupted")
    if lost:
        missing.append(f"{lost} of {len(run.workers.children)} workers were lost")
    if run.gave_up:
        missing.append("the server stayed away, so the requests left were not sent")
    if not (summary.ok or (beside and beside.ok)) and (summary.started or not run.terms.vus):
        missing.append(f"no {found.noun} succeeded")
    where: verdict.Where = "remote"
    if run.found.local:
        where = "seen" if run.found.targets else "hidden"
    return verdict.Seen(
        missing=tuple(missing),
        where=where,
        client_cores=tuple(sorted(os.sched_getaffinity(0))),
        connections=run.terms.connections,
        vus=run.terms.vus,
        constant=run.terms.steady,
        queue=listen_queue.Queue(run.found.local and not run.found.unix, run.terms.connections),
        script_waited=script_waited(run.block.sums(), run.terms.connections, summary.duration_s),
        paused_s=sum(pause.length_s for pause in run.workers.pauses),
    )


def _addresses(run: Observed) -> tuple[AddressRow, ...]:
    """Return who took connections: the addresses of a plain run's server, or what workers told."""
    reach, server = run.terms.reach, run.terms.server
    if reach is None:
        return addresses.merged(run.addresses)
    counted = [run.block.addresses(child.index) for child in run.workers.children]
    skipped = {each.named: code for each, code in reach.skipped}
    return addresses.of_one(server, [each.named for each in reach.used], counted, skipped)


def _warnings(
    run: Observed, found: Result, counters: list[dict[str, int]], queue: listen_queue.Queue
) -> tuple[Warning_, ...]:
    rows = []
    for imbalance in conservation.imbalances(found):
        rows.append(
            Warning_("imbalance", f"the counts do not add up: {imbalance}", "please report this")
        )
    for pause in run.workers.pauses:
        rows.append(
            Warning_(
                "paused",
                f"nothing here ran for {pause.length_s:.1f}s from {pause.t_s:.1f}s on",
                "the machine was suspended, or fastbench was stopped: measure again",
            )
        )
    rows += notices.of(found, queue)
    rows += warmup_check.notices(found) if not run.terms.warmed and not run.terms.vus else []
    connects = sampling.total(counters)["connects"]
    asked = run.terms.connections
    if found.summary.ok and connects < asked and run.terms.steady:
        rows.append(
            Warning_(
                "connections_missing",
                f"only {connects:,} of {asked:,} connections could be opened",
                "the errors say why; the load was smaller than asked",
            )
        )
    if run.terms.public:
        rows.append(
            Warning_(
                "public_host",
                f"{run.terms.public} is a public address",
                "load only servers that are yours, or that you were allowed to load",
            )
        )
    return tuple(rows)
