"""Results of runs that took place at the same time, as one result.

1. Counts are added and histograms merged: no percentile is an average.
2. A rate is what ended over the time from the first begin to the last end.
3. What only a single run can tell (its verdict, its machine, its outcome) stays in its part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from fastbench.results import addresses, latencies
from fastbench.results.counts import SEVERITY, Http2, Operations, Summary
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import SERIES, Latency
from fastbench.results.machine_row import MachineRow
from fastbench.results.merging import merged_rows, merged_stages, merged_urls, run_times
from fastbench.results.merging.merged_config import config, own_names
from fastbench.results.merging.merged_metrics import MixedMetric, metrics
from fastbench.results.merging.merged_series import series
from fastbench.results.merging.run_times import TimedRun, Unmergeable
from fastbench.results.metric_values import GaugeRow
from fastbench.results.result import (
    VERDICTS,
    Result,
    TlsUse,
    Validity,
    Warmup,
    Warning_,
)
from fastbench.results.run_parts import RunPart
from fastbench.results.socket_counts import HandshakeTimes, Sockets, noun_of
from fastbench.results.usage import ClientUse, Resources

MAX_SHOWN_S = 3  # decimals of an offset


def merged(named: Sequence[tuple[str, Result]], version: str) -> Result:
    """Return one result of several; `version` is that of the writer.

    Raises Unmergeable for runs that were not under way at the same time or count other things.
    """
    runs = [run_times.timed(name, result) for name, result in named]
    run_times.check(runs)
    asked = config(runs)
    whole_s = run_times.whole_s(runs)
    first = min(runs, key=lambda run: run.begun_s)
    offsets = [run.begun_s - first.begun_s for run in runs]
    parts = [tuple(_parts(run, at)) for run, at in zip(runs, offsets, strict=True)]
    run_times.check_parts(list(zip(runs, parts, strict=True)))
    latency = _latency(runs)
    told = own_names(runs)
    try:
        measured = metrics(runs, latency, whole_s)
    except MixedMetric as error:
        raise Unmergeable(str(error)) from None
    results = [run.result for run in runs]
    return Result(
        version=version,
        config=asked,
        environment=replace(first.result.environment, started_at=first.started_at),
        summary=_summary([each.summary for each in results], whole_s),
        latency=latency,
        status_codes=merged_rows.sums(each.status_codes for each in results),
        errors=merged_rows.errors(
            (at, row) for at, each in zip(offsets, results, strict=True) for row in each.errors
        ),
        series=series(runs),
        workers=tuple(row for each in results for row in each.workers),
        machines=_machines(runs, offsets),
        resources=_resources(results),
        tls=_tls([each.tls for each in results if each.tls is not None]),
        warmup=_warmup([each.warmup for each in results if each.warmup is not None]),
        validity=_validity(runs),
        warnings=tuple(_warnings(runs)),
        metrics=measured,
        thresholds={
            f"{run.name}: {text}": held
            for run in runs
            for text, held in run.result.thresholds.items()
        },
        requests=merged_rows.named(merged_urls.rows(told), whole_s),
        scenarios=merged_rows.scenarios(row for each in told for row in each.scenarios),
        checks=merged_rows.checks(row for each in told for row in each.checks),
        exceptions=merged_rows.exceptions(row for each in told for row in each.exceptions),
        addresses=addresses.merged(row for each in results for row in each.addresses),
        operations=_operations([each.operations for each in results if each.operations]),
        gauges=_gauges(runs, offsets),
        stages=merged_stages.stages(runs),
        sockets=_sockets([each.sockets for each in results if each.sockets is not None]),
        http2=_http2([each.http2 for each in results if each.http2 is not None]),
        parts=tuple(part for each in parts for part in each),
        noun=noun_of(asked),
    )


def _gauges(runs: Sequence[TimedRun], offsets: Sequence[float]) -> tuple[GaugeRow, ...]:
    found = zip(runs, offsets, strict=True)
    return merged_rows.gauges((run.name, at, row) for run, at in found for row in run.result.gauges)


def _machines(runs: Sequence[TimedRun], offsets: Sequence[float]) -> tuple[MachineRow, ...]:
    found = zip(runs, offsets, strict=True)
    rows = ((run.name, at, row) for run, at in found for row in run.result.machines)
    return merged_rows.machines(rows)


def _summary(rows: Sequence[Summary], whole_s: float) -> Summary:
    added = (
        *("started", "ok", "failed", "timeouts", "bytes_in", "bytes_out", "in_flight_at_end"),
        *("retried", "cancelled"),
    )
    # Of a plan there are counts only where all had one: scheduled = started + dropped + queued.
    planned = all(row.scheduled is not None for row in rows)
    return Summary(
        duration_s=whole_s,
        **{name: sum(getattr(row, name) for row in rows) for name in added},
        oldest_in_flight_s=max(row.oldest_in_flight_s for row in rows),
        scheduled=merged_rows.known(row.scheduled for row in rows),
        dropped=sum(row.dropped for row in rows) if planned else 0,
        queued_at_end=sum(row.queued_at_end for row in rows) if planned else 0,
        oldest_queued_s=max(row.oldest_queued_s for row in rows),
        overdue_at_end=merged_rows.known(row.overdue_at_end for row in rows),
        ended=_ended(row.ended for row in rows),
    )


def _ended(ends: Iterable[str]) -> str:
    """Return the worst end: of which the numbers say least; no success if that is so of all."""
    told = [each for each in ends if each != "nothing_succeeded"]
    return max(told, key=SEVERITY.index) if told else "nothing_succeeded"


def _latency(runs: Sequence[TimedRun]) -> Latency:
    """Merge the histograms. Response times of URLs are those of all, or of none."""
    made: dict[str, Histogram] = {}
    for name in SERIES:
        there = [h for run in runs if (h := getattr(run.result.latency, name)) is not None]
        if there:
            made[name] = reduce(Histogram.merge, there)
    scripted = any(run.result.scripted for run in runs)
    if not scripted and any(run.result.latency.response is None for run in runs):
        made.pop("response", None)
        made.pop("lag", None)
    return Latency(**made)


def _operations(rows: Sequence[Operations]) -> Operations | None:
    if not rows:
        return None
    added = (
        *("started", "ok", "failed", "bytes_in", "bytes_out", "in_flight_at_end"),
        "overdue_at_end",
    )
    return Operations(
        oldest_in_flight_s=max(row.oldest_in_flight_s for row in rows),
        **{name: sum(getattr(row, name) for row in rows) for name in added},
    )


def _resources(results: Sequence[Result]) -> Resources:
    """Add up what the clients used; a machine and its processes are told by each run."""
    clients = [each.resources.client for each in results if each.resources.client is not None]
    if not clients:
        return Resources()
    percents = [each.cpu_percent for each in clients if each.cpu_percent is not None]
    return Resources(
        client=ClientUse(
            cpu_s=sum(each.cpu_s for each in clients),
            cpu_percent=sum(percents) if len(percents) == len(clients) else None,
            rss_bytes_max=merged_rows.known(each.rss_bytes_max for each in clients),
        )
    )


def _tls(rows: Sequence[TlsUse]) -> TlsUse | None:
    if not rows:
        return None
    return TlsUse(
        verified=all(row.verified for row in rows),
        version=", ".join(dict.fromkeys(row.version for row in rows)),
        cipher=", ".join(dict.fromkeys(row.cipher for row in rows)),
        handshakes=sum(row.handshakes for row in rows),
        resumed=sum(row.resumed for row in rows),
    )


def _http2(rows: Sequence[Http2]) -> Http2 | None:
    """Add the connections up; of streams each of them has the most, and the least is the limit."""
    if not rows:
        return None
    added = ("connections", "http1_connections", "goaways", "refused")
    return Http2(
        **{name: sum(getattr(row, name) for row in rows) for name in added},
        streams=max(row.streams for row in rows),
        stream_limit=min((row.stream_limit for row in rows if row.connections), default=0),
    )


def _warmup(rows: Sequence[Warmup]) -> Warmup | None:
    if len(rows) < 2:
        return rows[0] if rows else None
    added = ("requests", "ok", "failed", "timeouts")
    return Warmup(
        duration_s=max(row.duration_s for row in rows),
        **{name: sum(getattr(row, name) for row in rows) for name in added},
        p50_ms=None,
        p99_ms=None,
        in_flight_at_end=merged_rows.known(row.in_flight_at_end for row in rows),
        never_answered=merged_rows.known(row.never_answered for row in rows),
    )


def _sockets(rows: Sequence[Sockets]) -> Sockets | None:
    if len(rows) < 2:
        return rows[0] if rows else None
    added = (
        *("opened", "open_at_end", "lost", "messages_sent", "messages_received"),
        *("payload_bytes_sent", "payload_bytes_received", "pings_answered"),
    )
    return Sockets(
        **{name: sum(getattr(row, name) for row in rows) for name in added},
        opening_s=max(row.opening_s for row in rows),
        handshake_ms=_handshakes([row.handshake_ms for row in rows]),
        close_codes=merged_rows.sums(row.close_codes for row in rows),
    )


def _handshakes(rows: Sequence[HandshakeTimes]) -> HandshakeTimes:
    there = [row for row in rows if row.max is not None]
    slowest = max((row.max or 0.0 for row in there), default=None)
    if slowest is None or not all(row.hdr for row in there):
        return HandshakeTimes(None, None, slowest)
    try:
        each = [latencies.unpacked(row.hdr) for row in there]
    except ValueError as error:
        raise Unmergeable(
            f"the histogram of the handshakes is damaged ({error}); see whether its document was "
            "edited"
        ) from None
    whole = reduce(Histogram.merge, each)
    return HandshakeTimes.of(whole.with_exact(whole.min_ns, round(slowest * 1e6), whole.sum_ns))


def _validity(runs: Sequence[TimedRun]) -> Validity:
    """Return the worst verdict; the limit where all agree; reasons with the name of their run."""
    found = [run.result.validity for run in runs]
    limits = {each.limit for each in found}
    return Validity(
        verdict=max((each.verdict for each in found), key=VERDICTS.index),
        limit=limits.pop() if len(limits) == 1 else "unknown",
        reasons=tuple(
            f"{run.name}: {reason}" for run in runs for reason in run.result.validity.reasons
        ),
    )


def _warnings(runs: Sequence[TimedRun]) -> Iterable[Warning_]:
    for text in run_times.notices(runs):
        yield Warning_("merged_times", text)
    if all(run.result.stages for run in runs) and not merged_stages.coincide(runs):
        yield Warning_("merged_stages", "their stages do not coincide", "see those of each run")
    for run in runs:
        for each in run.result.warnings:
            yield replace(each, text=f"{run.name}: {each.text}")


def _parts(run: TimedRun, offset_s: float) -> Iterable[RunPart]:
    """Give the run as a part, or the parts of one that is merged already."""
    result = run.result
    if result.parts:
        for part in result.parts:
            at_s = round(part.offset_s + offset_s, MAX_SHOWN_S)
            yield replace(part, name=f"{run.name}: {part.name}", offset_s=at_s)
        return
    main = result.main
    s, (_, times) = main.summary, main.headline
    outcome = result.outcome
    yield RunPart(
        name=run.name,
        what=str(result.config.get("script") or result.config.get("url") or ""),
        noun=main.noun,
        started_at=run.started_at,
        offset_s=round(offset_s, MAX_SHOWN_S),
        duration_s=s.duration_s,
        requests=s.requests,
        not_ok=s.not_ok,
        requests_per_s=s.requests_per_s,
        p50_ms=times.percentile(50) / 1e6 if times.count else None,
        p99_ms=times.percentile(99) / 1e6 if times.count else None,
        ended=s.ended,
        outcome=outcome.level,
        reasons=outcome.reasons,
        verdict=result.validity.verdict,
        limit=result.validity.limit,
        cpu=result.environment.cpu,
        cores=result.environment.cores,
        resources=result.resources,
    )
