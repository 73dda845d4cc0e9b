"""Results as they come in life: good, failing, cut short, huge, empty and hostile."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import machine_samples
from shapes import GIB, MIB, lognormal, scaled, series, use

from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency
from fastbench.results.result import (
    Environment,
    ErrorRow,
    Result,
    Summary,
    TlsUse,
    Validity,
    Warmup,
    Warning_,
    WorkerRow,
)
from fastbench.results.usage import ClientUse, HostUse, Resources, TargetUse

HOSTILE = "\x1b[31m<script>alert(1)</script>[bold]{0}%s\r\n\u202e=cmd|' /C calc'!A0\x07"

ENVIRONMENT = Environment(
    kernel="6.1.0-18-amd64",
    cpu="Example CPU @ 2.40GHz",
    cores=2,
    python="3.11.7",
    clocksource="tsc",
    started_at="2026-03-01T12:00:00+00:00",
)


def good() -> Result:
    """A closed loop on an idle machine: 100 connections, nothing goes wrong."""
    service = lognormal(486_000, 0.3, 6_152_000)
    ok = service.count
    return Result(
        version="0.1.0",
        config={
            "url": "http://127.0.0.1:8080/api/health",
            "urls": 1,
            "method": "GET",
            "connections": 100,
            "workers": 2,
            "duration_s": 30.0,
            "requests": None,
            "pipeline": 1,
            "keepalive": True,
        },
        environment=ENVIRONMENT,
        summary=Summary(
            duration_s=30.0,
            started=ok + 100,
            ok=ok,
            failed=0,
            timeouts=0,
            bytes_in=ok * 127,
            bytes_out=ok * 60,
            in_flight_at_end=100,
            oldest_in_flight_s=0.00071,
        ),
        latency=Latency(
            service=service,
            failed=Histogram.empty(),
            connect=lognormal(210_000, 0.6, 100, seed=3),
            first_byte=lognormal(470_000, 0.3, ok, seed=4),
        ),
        status_codes={"200": ok},
        series=series(30, 205_000),
        workers=(
            WorkerRow(4242, ok // 2, 29.1, 0.97),
            WorkerRow(4243, ok - ok // 2, 29.4, 0.98),
        ),
        validity=Validity(
            "ok",
            "host",
            ("load generator and server used all of the cores they share; give each its own",),
        ),
        resources=Resources(
            client=ClientUse(cpu_s=58.6, cpu_percent=195.3, rss_bytes_max=35 * MIB),
            host=HostUse(99.1, 100.0, 0.2, 8 * GIB, 3 * GIB),
            targets=(
                TargetUse(321, "nginx", 28.0, 98.0, 12 * MIB, 12 * MIB, 12 * MIB, 120, 1, 93.4),
            ),
        ),
        thread_rates=tuple(102_000.0 + 500 * (at % 7) for at in range(600)),
    )


@cache
def good_json() -> str:
    """Return the document of `good`, made once."""
    return json.dumps(good().to_document())


def failing() -> Result:
    """Errors of many kinds beside good answers, and some statuses nobody wants."""
    base = good()
    errors = (
        ErrorRow.of("connect_refused", "connect", "ECONNREFUSED", 1024, 3.21),
        ErrorRow.of("connect", "connect", "EADDRNOTAVAIL", 311, 4.0),
        ErrorRow.of("reset", "head", "ECONNRESET", 42, 12.5),
        ErrorRow.of("timeout", "head", "", 17, 2.0),
        ErrorRow.of("truncated", "body", "", 9, 13.0),
        ErrorRow.of("protocol", "head", "chunk size", 3, 14.0),
        ErrorRow.of("expectation", "head", "404", 2, 15.0),
    )
    failed = 42 + 9 + 3 + 2 + 512
    ok = base.summary.ok
    return replace(
        base,
        summary=replace(
            base.summary, failed=failed, timeouts=17, started=ok + failed + 17 + 100, retried=4
        ),
        latency=replace(
            base.latency,
            service=base.latency.service.merge(Histogram.from_values([2_000_100_000] * 17)),
            failed=lognormal(90_000, 0.2, 514, seed=5),
        ),
        status_codes={"200": ok, "404": 2, "503": 512},
        errors=errors,
        series=series(30, 205_000, {"reset": 2, "timeout": 1}),
        warnings=(
            Warning_("public_host", "203.0.113.9 is a public address", "be sure that it is yours"),
            Warning_("slow_clock", "reading the clock takes 410ns", "see the clocksource"),
        ),
    )


def tls(*, verified: bool = True) -> Result:
    """HTTPS, verified or not."""
    base = good()
    use = TlsUse(verified, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 100, 38)
    return replace(base, config={**base.config, "url": "https://localhost:8443/"}, tls=use)


def planned() -> Result:
    """1,000 req/s asked of a server that does not keep up; requests wait, the client is on time."""
    base = good()
    service = lognormal(4_100_000, 0.4, 28_000, seed=6)
    response = lognormal(38_000_000, 1.3, service.count, seed=7)
    ok = service.count
    rows = tuple(
        replace(row, scheduled=1000, dropped=2, response_p50_ms=38.0, response_p99_ms=760.5)
        for row in series(30, 960)
    )
    return replace(
        base,
        config={
            **base.config,
            "connections": 4,
            "rate": 1000.0,
            "stages": None,
            "arrival": "constant",
            "on_overload": "queue",
        },
        summary=Summary(
            duration_s=30.0,
            started=ok + 4,
            ok=ok,
            failed=0,
            timeouts=0,
            bytes_in=ok * 127,
            bytes_out=ok * 60,
            in_flight_at_end=4,
            oldest_in_flight_s=0.0051,
            scheduled=30_000,
            dropped=60,
            queued_at_end=30_000 - ok - 4 - 60,
            oldest_queued_s=1.2,
        ),
        latency=replace(
            base.latency,
            service=service,
            response=response,
            lag=lognormal(12_000, 0.8, ok, seed=8),
        ),
        status_codes={"200": ok},
        series=rows,
        workers=tuple(replace(w, busy=0.04, lag_p99_ms=0.08, p99_ms=760.0) for w in base.workers),
        validity=Validity(
            "ok",
            "server",
            (
                "all 4 connections waited for responses (p50 4.10ms) while its processor was not "
                "full: it waits for something itself, or needs more of them (-c)",
            ),
        ),
        thread_rates=(),
    )


def watched() -> Result:
    """A server of several processes and a database on a busy machine, seen second by second."""
    base = good()
    target = replace(
        base.resources.targets[0],
        cpu_percent=93.4,
        thread_percent=93.4,
        cpu_us_per_request=4.56,
        cores=(1,),
        rss_bytes_end=14 * MIB,
        rss_bytes_max=17 * MIB,
    )
    database = replace(
        target, pid=77, name="postgres", cpu_percent=12.0, cpu_percent_max=31.0, role="watched"
    )
    helpers = tuple(replace(target, pid=322 + at, cpu_percent=40.0 - at) for at in range(4))
    host = replace(
        HostUse(89.2, 98.0, 0.6, 8 * GIB, 3 * GIB),
        core_percents=(91.0, 87.4),
        others_percent=3.2,
        throttled_s=0.4,
        net_in_bytes=30 * 25 * MIB,
        net_out_bytes=30 * 12 * MIB,
        disk_read_bytes=30 * 3000,
        disk_write_bytes=30 * 8 * MIB,
        context_switches=30 * 31_000,
        retransmits=12,
        listen_overflows=1,
    )
    return replace(
        base,
        series=tuple(replace(row, use=use(at)) for at, row in enumerate(base.series)),
        workers=tuple(replace(worker, run_queue=0.12) for worker in base.workers),
        resources=replace(base.resources, host=host, targets=(target, *helpers, database)),
        validity=Validity(
            "noisy-host",
            "server",
            (
                "other programs took 12% of the processors; end them (`fastbench doctor` names "
                "the busiest)",
                "nginx (pid 321) used all of a core it can use (93%): this is its rate",
            ),
        ),
    )


def warmed() -> Result:
    """Five seconds of warm-up, then more connections stage by stage."""
    base = good()
    rows = tuple(replace(row, connections=10 + 3 * at) for at, row in enumerate(base.series))
    stages = [{"length_s": 30.0, "first": 10, "last": 100}, {"length_s": 5.0, "first": 9}]
    return replace(
        base,
        config={**base.config, "rate": None, "stages": stages, "arrival": None},
        series=rows,
        warmup=Warmup(5.0, 12_345, 12_340, 5, 0, 0.9, 4.2),
        validity=Validity(
            "client-limited",
            "client",
            (
                "the client's busiest worker was 98% busy, so the server may be faster than "
                "this: use a machine with more cores",
            ),
        ),
    )


def interrupted() -> Result:
    """Ctrl-C after 3.2 s of 30 s."""
    base = good()
    return replace(
        base,
        summary=replace(base.summary, duration_s=3.2, ended="interrupted"),
        series=series(3, 205_000),
        validity=Validity("incomplete", "unknown", ("interrupted after 3.20s of 30s",)),
    )


def worker_lost() -> Result:
    """One of two workers was killed."""
    base = good()
    first, second = base.workers
    return replace(
        base,
        summary=replace(base.summary, ended="worker_lost"),
        workers=(first, replace(second, lost=True, busy=0.5)),
        validity=Validity("incomplete"),
    )


def on_machines() -> Result:
    """Three machines of a cluster; one was lost after 3.4 s, with its worker."""
    return machine_samples.carried(planned())


def refused() -> Result:
    """Nothing listens: no request was ever started."""
    base = good()
    nothing = Histogram.empty()
    return replace(
        base,
        summary=Summary(0.31, 0, 0, 0, 0, 0, 0, ended="nothing_succeeded"),
        latency=Latency(nothing, nothing, nothing, nothing),
        status_codes={},
        errors=(ErrorRow.of("connect_refused", "connect", "ECONNREFUSED", 100, 0.0),),
        series=(),
        workers=tuple(replace(worker, requests=0, busy=0.0) for worker in base.workers),
        resources=Resources(),
        validity=Validity("incomplete"),
        thread_rates=(),
    )


def huge() -> Result:
    """A day of load by count and time: every number at its longest."""
    base = good()
    service = scaled(lognormal(40_000_000, 1.2, 10**9), 10**12)
    ok = service.count
    return replace(
        base,
        config={
            **base.config,
            "url": "https://" + "very-long-host-name." * 8 + "example/" + "path/" * 20,
            "urls": 3,
            "connections": 65_536,
            "requests": 10**13,
            "duration_s": 86_400.0,
            "pipeline": 16,
            "keepalive": False,
        },
        summary=replace(
            base.summary,
            duration_s=86_400.0,
            started=ok + 10**9 + 65_536,
            ok=ok,
            failed=10**9,
            bytes_in=10**15,
            bytes_out=10**14,
            in_flight_at_end=65_536,
            oldest_in_flight_s=1.9,
        ),
        latency=replace(base.latency, service=service),
        status_codes={str(code): 10**9 for code in range(200, 230)},
        workers=tuple(WorkerRow(pid, 10**9, 86_000.0, 0.99) for pid in range(1000, 1064)),
        series=series(3600, 12_000_000),
    )


def hostile() -> Result:
    """Text from elsewhere wherever text can stand."""
    base = failing()
    rows = (
        replace(base.errors[0], kind=HOSTILE, code=HOSTILE, message=HOSTILE, hint=HOSTILE),
        *base.errors[1:],
    )
    target = replace(base.resources.targets[0], name=HOSTILE)
    return replace(
        base,
        config={**base.config, "url": HOSTILE, "urls": 1, "method": HOSTILE},
        errors=rows,
        resources=replace(base.resources, targets=(target,)),
        series=tuple(replace(row, errors={HOSTILE: 1, "=1+1": 2}) for row in base.series),
        status_codes={HOSTILE: 1, **base.status_codes},
        tls=TlsUse(True, HOSTILE, HOSTILE, 1, 0),
        validity=Validity("late", "unknown", (HOSTILE,)),
        warnings=(Warning_(HOSTILE, HOSTILE, HOSTILE),),
    )


ALL = {
    "good": good,
    "failing": failing,
    "tls": tls,
    "planned": planned,
    "watched": watched,
    "warmed": warmed,
    "interrupted": interrupted,
    "worker_lost": worker_lost,
    "on_machines": on_machines,
    "refused": refused,
    "huge": huge,
    "hostile": hostile,
}
