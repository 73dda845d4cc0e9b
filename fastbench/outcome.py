"""From the block of an ended run to its Result: the sums, the judgement, the warnings."""

from __future__ import annotations

import resource
from collections import Counter
from dataclasses import dataclass, replace

from fastbench import __version__, _core, environment, sampling
from fastbench.histogram import Histogram
from fastbench.plan import Plan
from fastbench.resolve import Endpoint
from fastbench.resources import Monitor
from fastbench.result import (
    ClientUse,
    ErrorRow,
    HostUse,
    Latency,
    Resources,
    Result,
    Summary,
    TlsUse,
    Validity,
    Warning_,
    WorkerRow,
)

NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class EndedWorker:
    """One worker after its end. A lost one was killed or broke; its counts hold up to then."""

    pid: int
    cpu_s: float
    lost: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """All that the parent saw of a run. `gave_up`: nothing was connected any more, under -n."""

    plan: Plan
    endpoint: Endpoint
    block: _core.Block
    workers: tuple[EndedWorker, ...]
    start_ns: int
    end_ns: int
    series: sampling.Series
    monitor: Monitor
    interrupted: bool
    gave_up: bool
    thread_rates: tuple[float, ...]


def unresolved(plan: Plan, code: str) -> Result:
    """Return the result of a run whose target has no address; `code` is the resolver's."""
    empty = Histogram.empty()
    return Result(
        version=__version__,
        config=plan.config,
        environment=environment.describe(),
        summary=Summary(0.0, 0, 0, 0, 0, 0, 0, ended="nothing_succeeded"),
        latency=Latency(empty, empty, empty, empty),
        status_codes={},
        errors=(ErrorRow.of("dns", "resolve", code, 1, 0.0),),
        validity=Validity("incomplete", "unknown", ("the target's name has no address",)),
    )


def result(run: Observed) -> Result:
    """Add up the slots, once every worker has ended."""
    counters = [run.block.counters(i) for i in range(run.block.workers)]
    end_ns = max((slot["end_ns"] for slot in counters), default=0) or run.end_ns
    end_ns = max(end_ns, run.start_ns)
    run.series.finish(end_ns)
    summary = _summary(run, counters, end_ns)
    found = Result(
        version=__version__,
        config=run.plan.config,
        environment=environment.describe(),
        summary=summary,
        latency=Latency(*(_histogram(run.block.histogram(name)) for name in _core.HISTOGRAMS)),
        status_codes=_status_codes(run.block),
        errors=_errors(run.block, run.start_ns),
        series=tuple(run.series.rows),
        workers=_workers(run, counters, end_ns),
        resources=_resources(run, summary.duration_s),
        tls=_tls(run, counters),
        validity=_validity(run, summary),
        thread_rates=run.thread_rates,
    )
    return replace(found, warnings=_warnings(run, found, counters))


def _summary(run: Observed, counters: list[dict[str, int]], end_ns: int) -> Summary:
    total = sampling.total(counters)
    in_flight = 0
    oldest_s = 0.0
    for slot, ended in zip(counters, run.workers, strict=True):
        if ended.lost:  # it could not take stock: what it had started and not ended was in flight
            in_flight += slot["started"] - slot["ok"] - slot["failed"] - slot["timeouts"]
        else:
            in_flight += slot["in_flight"]
        if slot["oldest_sent_ns"]:
            oldest_s = max(oldest_s, (slot["end_ns"] - slot["oldest_sent_ns"]) / NS_PER_S)
    return Summary(
        duration_s=(end_ns - run.start_ns) / NS_PER_S,
        started=total["started"],
        ok=total["ok"],
        failed=total["failed"],
        timeouts=total["timeouts"],
        bytes_in=total["bytes_in"],
        bytes_out=total["bytes_out"],
        in_flight_at_end=in_flight,
        oldest_in_flight_s=oldest_s,
        retried=total["retried"],
        ended=_ended(run, total["ok"]),
    )


def _ended(run: Observed, ok: int) -> str:
    if run.interrupted:
        return "interrupted"
    if any(worker.lost for worker in run.workers):
        return "worker_lost"
    return "complete" if ok else "nothing_succeeded"


def _histogram(counted: _core.Histogram) -> Histogram:
    return Histogram(counted.counts(), counted.min_ns, counted.max_ns, counted.sum_ns)


def _status_codes(block: _core.Block) -> dict[str, int]:
    total: Counter[int] = Counter()
    for i in range(block.workers):
        total.update(block.status_codes(i))
    return {str(status): count for status, count in sorted(total.items())}


def _errors(block: _core.Block, start_ns: int) -> tuple[ErrorRow, ...]:
    counts: Counter[tuple[str, str, str]] = Counter()
    firsts: dict[tuple[str, str, str], int] = {}
    for i in range(block.workers):
        for kind, phase, code, count, first_ns in block.errors(i):
            key = (kind, phase, code)
            counts[key] += count
            firsts[key] = min(first_ns, firsts.get(key, first_ns))
    return tuple(
        ErrorRow.of(*key, count, round(max(0, firsts[key] - start_ns) / NS_PER_S, 6))
        for key, count in counts.most_common()
    )


def _workers(run: Observed, counters: list[dict[str, int]], end_ns: int) -> tuple[WorkerRow, ...]:
    rows = []
    for slot, ended in zip(counters, run.workers, strict=True):
        wall_ns = (slot["end_ns"] or end_ns) - run.start_ns
        busy = 1 - slot["idle_ns"] / wall_ns if wall_ns > 0 else 0.0
        requests = slot["ok"] + slot["failed"] + slot["timeouts"]
        busy = round(min(1.0, max(0.0, busy)), 4)
        rows.append(WorkerRow(ended.pid, requests, ended.cpu_s, busy, lost=ended.lost))
    return tuple(rows)


def _resources(run: Observed, duration_s: float) -> Resources:
    own = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = own.ru_utime + own.ru_stime + sum(worker.cpu_s for worker in run.workers)
    monitor = run.monitor
    during_s = max(0.0, cpu_s - monitor.client_cpu_before_s)
    percent = 100 * during_s / duration_s if duration_s > 0.1 else 0.0  # else it is all start-up
    return Resources(
        client=ClientUse(round(cpu_s, 3), round(percent, 1), monitor.client_rss_bytes_max),
        host=HostUse(
            cpu_percent=round(monitor.host_cpu_percent, 1),
            cpu_percent_max=round(monitor.host_cpu_percent_max, 1),
            steal_percent=round(monitor.steal_percent, 2),
            memory_bytes=monitor.memory_bytes,
            memory_used_bytes_max=monitor.memory_used_bytes_max,
        ),
    )


def _tls(run: Observed, counters: list[dict[str, int]]) -> TlsUse | None:
    tls = run.plan.target.tls
    if tls is None:
        return None
    total = sampling.total(counters)
    agreed = [run.block.tls(i) for i in range(run.block.workers)]
    version, cipher = next((pair for pair in agreed if pair[0]), ("", ""))
    return TlsUse(tls.verify, version, cipher, total["handshakes"], total["resumed"])


def _validity(run: Observed, summary: Summary) -> Validity:
    """Say what is missing; who was the limit is not judged."""
    reasons = []
    lost = sum(worker.lost for worker in run.workers)
    if run.interrupted:
        reasons.append("the run was interrupted")
    if lost:
        reasons.append(f"{lost} of {len(run.workers)} workers were lost")
    if run.gave_up:
        reasons.append("the server stayed away, so the requests left were not sent")
    if not summary.ok:
        reasons.append("no request succeeded")
    return Validity("incomplete" if reasons else "ok", "unknown", tuple(reasons))


def _warnings(run: Observed, found: Result, counters: list[dict[str, int]]) -> tuple[Warning_, ...]:
    rows = []
    for imbalance in found.imbalances():
        rows.append(
            Warning_("imbalance", f"the counts do not add up: {imbalance}", "please report this")
        )
    connects = sampling.total(counters)["connects"]
    asked = run.plan.load.connections
    if found.summary.ok and connects < asked:
        rows.append(
            Warning_(
                "connections_missing",
                f"only {connects:,} of {asked:,} connections could be opened",
                "the errors say why; the load was smaller than asked",
            )
        )
    if found.tls is not None and not found.tls.verified:
        rows.append(
            Warning_(
                "tls_unverified",
                "the server's certificate was not verified (-k)",
                "name its authority with --cacert FILE instead",
            )
        )
    if run.endpoint.public:
        rows.append(
            Warning_(
                "public_host",
                f"{run.endpoint.host} is a public address",
                "load only servers that are yours, or that you were allowed to load",
            )
        )
    return tuple(rows)
