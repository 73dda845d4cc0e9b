"""Scenario runs as they come in life: mixed, quiet, given up, hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import samples
from shapes import lognormal, series

from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency, latency_ms
from fastbench.results.metric_values import Check, Judgement, Metric, NamedRow, ScenarioRow, Thrown
from fastbench.results.result import (
    ErrorRow,
    Operations,
    OperationsRow,
    Result,
    Summary,
    Validity,
    Warning_,
    WorkerRow,
)

TIMES = (
    *("http_req_blocked", "http_req_connecting", "http_req_receiving", "http_req_sending"),
    *("http_req_tls_handshaking", "http_req_waiting"),
)


EMPTY = Histogram.empty()
FAILED = 412
DROPPED = Warning_(
    "dropped_iterations",
    "whatsapp dropped 10,050 of 180,000 iterations: no VU was free",
    "raise max_vus, or lower the rate",
)
CHECKS = (
    Check("status is 201", "", "whatsapp", 169_488, 412),
    Check("status is 201", "", "email", 90_000, 0),
    Check("has an id", "::message::answer", "sms", 30_000, 0),
)


def trend(histogram: Histogram, thresholds: Mapping[str, bool] | None = None) -> Metric:
    """Return a trend of times, in ms, as a document holds it."""
    percents = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, "p(99)": 99.0}
    values = {
        "avg": histogram.mean_ns / 1e6,
        "min": histogram.min_ns / 1e6,
        "max": histogram.max_ns / 1e6,
        **{name: histogram.percentile(percent) / 1e6 for name, percent in percents.items()},
        "count": float(histogram.count),
    }
    held = {name: {"ok": ok} for name, ok in (thresholds or {}).items()}
    return Metric("trend", "time", values, held)


def counter(count: float, span_s: float, contains: str = "default") -> Metric:
    return Metric("counter", contains, {"count": count, "rate": count / span_s})


def rate(passes: int, fails: int, thresholds: Mapping[str, bool] | None = None) -> Metric:
    held = {name: {"ok": ok} for name, ok in (thresholds or {}).items()}
    total = max(1, passes + fails)
    values = {"rate": passes / total, "passes": float(passes), "fails": float(fails)}
    return Metric("rate", "default", values, held)


def named(name: str, scenario: str, requests: int, failed: int, latency: Histogram) -> NamedRow:
    return NamedRow(name, "POST", scenario, requests, failed, requests / 300, latency_ms(latency))


THRESHOLDS = {
    "http_req_duration: p(95)<500": Judgement(
        True, 137.4, 0.725, "fail", False, "137ms, 73% below the limit"
    ),
    "http_req_duration{scenario:email}: p(95)<150": Judgement(
        False, 163.9, -0.093, "fail", False, "164ms, 9.3% above the limit"
    ),
    "http_req_failed: rate<0.01": Judgement(
        True, 0.0014, 0.86, "fail", False, "0.14%, 0.86 points below the limit"
    ),
    "checks: rate>0.99": Judgement(
        True, 0.9905, 0.05, "warn", True, "99.05%, 0.05 points above the limit"
    ),
    "refunds: count<5": Judgement(False, None, None, "warn", False, "no samples"),
}
THROWN = Thrown(
    "KeyError",
    "message_sending.py:41",
    "'id'",
    "whatsapp",
    412,
    "Traceback (most recent call last):\n"
    '  File "message_sending.py", line 41, in whatsapp\n'
    "    sent.append(response.json()['id'])\n"
    "KeyError: 'id'\n",
)


def _metrics(whole: Histogram, email: Histogram) -> dict[str, Metric]:
    ok, failed = whole.count, FAILED
    return {
        "http_req_duration": trend(whole, {"p(95)<500": True}),
        "http_req_duration{scenario:email}": trend(email, {"p(95)<150": False}),
        **{name: trend(lognormal(20_000 + 9_000 * at, 0.4, ok)) for at, name in enumerate(TIMES)},
        "http_req_failed": rate(failed, ok - failed, {"rate<0.01": True}),
        "http_reqs": counter(ok, 300.0),
        "iteration_duration": trend(whole),
        "iterations": counter(289_900, 300.0),
        "dropped_iterations": counter(10_050, 300.0),
        "vus": Metric("gauge", "default", {"value": 290.0, "min": 12.0, "max": 300.0}),
        "vus_max": Metric("gauge", "default", {"value": 300.0, "min": 300.0, "max": 300.0}),
        "checks": rate(289_488, 412, {"rate>0.99": True}),
        "checks{check:has an id}": rate(30_000, 0, {"rate>0.999": True}),
        "data_received": counter(ok * 127.0, 300.0, "data"),
        "data_sent": counter(ok * 412.0, 300.0, "data"),
        "messages_sent": counter(289_488, 300.0),
        "queue_depth": Metric("gauge", "default", {"value": -1.0, "min": -3.0, "max": 812.0}),
        "message_size": Metric(
            "trend",
            "default",
            {
                **{"avg": 412.7, "min": 18.0, "med": 401.0, "max": 9133.0},
                **{"p(90)": 733.0, "p(95)": 911.0, "p(99)": 4200.5, "count": 289_488.0},
            },
        ),
    }


def _scenarios(rows: list[tuple[str, str, int, int, int, Histogram]]) -> tuple[ScenarioRow, ...]:
    late, failed = latency_ms(lognormal(95_000_000, 0.9, 170_000, seed=14)), FAILED
    return tuple(
        ScenarioRow(
            name=name,
            executor=executor,
            vus_max=vus,
            iterations=iterations,
            interrupted=3 if name == "whatsapp" else 0,
            dropped_iterations=dropped,
            requests=iterations,
            failed=failed if name == "whatsapp" else 0,
            duration_s=300.0,
            iteration_duration=latency_ms(latency),
            latency=latency_ms(latency),
            response=late,
        )
        for name, executor, vus, iterations, dropped, latency in rows
    )


def messages() -> Result:
    """Three scenarios of planned iterations; one has too few VUs, and a limit is broken."""
    base = samples.good()
    whatsapp = lognormal(38_000_000, 0.5, 170_000, seed=11)
    email = lognormal(61_000_000, 0.6, 90_000, seed=12)
    sms = lognormal(22_000_000, 0.4, 30_000, seed=13)
    whole = whatsapp.merge(email).merge(sms)
    ok, failed = whole.count, FAILED
    rows = [
        ("whatsapp", "constant-arrival-rate", 100, 169_900, 10_050, whatsapp),
        ("email", "constant-arrival-rate", 150, 90_000, 0, email),
        ("sms", "ramping-arrival-rate", 50, 30_000, 0, sms),
    ]
    return replace(
        base,
        config={
            "script": "message_sending.py",
            "url": "http://127.0.0.1:3001",
            "vus": 300,
            "duration_s": 300.0,
            "workers": 2,
        },
        summary=Summary(
            duration_s=300.0,
            started=ok + 17,
            ok=ok - failed,
            failed=failed,
            timeouts=0,
            bytes_in=ok * 127,
            bytes_out=ok * 412,
            in_flight_at_end=17,
            oldest_in_flight_s=0.061,
        ),
        latency=Latency(
            service=whole,
            failed=lognormal(9_000_000, 0.3, failed, seed=15),
            connect=lognormal(210_000, 0.6, 300, seed=3),
            first_byte=whole,
            lag=lognormal(80_000, 0.7, 30_000, seed=16),
        ),
        status_codes={"201": ok - failed, "503": failed},
        errors=(ErrorRow.of("reset", "head", "ECONNRESET", 3, 12.4),),
        series=series(300, 970),
        workers=tuple(replace(worker, busy=0.31, lag_p99_ms=0.4) for worker in base.workers),
        validity=Validity("ok", "server", ("the server waited for something itself",)),
        warnings=(DROPPED,),
        metrics=_metrics(whole, email),
        thresholds=THRESHOLDS,
        requests=(
            named("send whatsapp", "whatsapp", 169_900, failed, whatsapp),
            named("send email", "email", 90_000, 0, email),
            named("send sms", "sms", 30_000, 0, sms),
        ),
        scenarios=_scenarios(rows),
        checks=CHECKS,
        exceptions=(THROWN,),
        thread_rates=(),
    )


def smoke() -> Result:
    """One VU, five iterations, everything right."""
    base = messages()
    service = Histogram.from_values([3_900_000, 4_000_000, 4_100_000, 4_200_000, 4_300_000])
    one = replace(
        base.scenarios[0],
        name="default",
        executor="shared-iterations",
        vus_max=1,
        iterations=5,
        interrupted=0,
        dropped_iterations=0,
        requests=5,
        failed=0,
        duration_s=5.02,
        iteration_duration=latency_ms(service),
        latency=latency_ms(service),
        response=None,
    )
    return replace(
        base,
        config={**base.config, "script": "smoke.py", "vus": 1, "duration_s": None, "workers": 1},
        summary=Summary(5.02, 5, 5, 0, 0, 5 * 127, 5 * 60),
        latency=replace(base.latency, service=service, failed=Histogram.empty()),
        status_codes={"200": 5},
        errors=(),
        series=series(5, 1),
        workers=(WorkerRow(4242, 5, 0.2, 0.01),),
        validity=Validity("ok", "none"),
        warnings=(),
        metrics={
            "http_req_duration": trend(service),
            "http_req_failed": rate(0, 5),
            "http_reqs": counter(5, 5.02),
            "iteration_duration": trend(service),
            "iterations": counter(5, 5.02),
            "vus": Metric("gauge", "default", {"value": 1.0, "min": 1.0, "max": 1.0}),
            "vus_max": Metric("gauge", "default", {"value": 1.0, "min": 1.0, "max": 1.0}),
            "data_received": counter(5 * 127.0, 5.02, "data"),
            "data_sent": counter(5 * 60.0, 5.02, "data"),
        },
        thresholds={},
        requests=(),
        scenarios=(one,),
        checks=(Check("status is 200", "", "default", 5, 0),),
        exceptions=(),
    )


def aborted() -> Result:
    """The script gave up: its login failed, nothing was sent but that."""
    base = smoke()
    return replace(
        base,
        summary=replace(base.summary, ended="aborted"),
        validity=Validity("incomplete", "unknown", ("the script ended the run: no token",)),
    )


def hostile() -> Result:
    """Text from elsewhere wherever a script or a server can put some."""
    base, evil = messages(), samples.HOSTILE
    return replace(
        base,
        config={**base.config, "script": evil, "url": evil},
        metrics={**base.metrics, evil: base.metrics["messages_sent"]},
        thresholds={
            evil: Judgement(False, -1.0, -0.5, "fail", False, evil),
            **base.thresholds,
        },
        requests=(replace(base.requests[0], name=evil, scenario=evil, method=evil),),
        scenarios=(replace(base.scenarios[0], name=evil, executor=evil),),
        checks=(Check(evil, evil, evil, 1, 2),),
        exceptions=(Thrown(evil, evil, evil, evil, 3, evil),),
    )


def timed() -> Result:
    """What a script timed itself: no request, one operation that fails at times, one that hangs."""
    base = smoke()
    sign, queue = lognormal(9_000_000, 0.3, 900, seed=21), lognormal(2_000_000, 0.4, 600, seed=22)
    whole = sign.merge(queue)
    row = named("sign pdf", "default", 900, 0, sign)
    counts = OperationsRow(300, 8, 5.1, 19.4)
    return replace(
        base,
        config={**base.config, "script": "jobs.py"},
        summary=Summary(5.0, 0, 0, 0, 0, 0, 0),
        latency=replace(base.latency, service=EMPTY, first_byte=EMPTY, operation=whole),
        status_codes={},
        series=tuple(
            replace(each, requests=0, ok=0, failed=0, p50_ms=None, p99_ms=None, operations=counts)
            for each in series(5, 1)
        ),
        workers=(WorkerRow(4242, 0, 0.2, 0.01),),
        metrics={
            "iterations": base.metrics["iterations"],
            "operation_duration": trend(whole),
            "operation_failed": rate(40, 1460),
            "operations": counter(1500, 5.0),
        },
        requests=(
            replace(row, method="", kind="custom", bytes_in=0, bytes_out=0, in_flight_at_end=2),
            replace(
                named("queue", "default", 600, 40, queue),
                method="",
                kind="job",
                reasons={"job is stuck": 31, "ValueError": 9},
            ),
        ),
        scenarios=(
            replace(
                base.scenarios[0],
                requests=0,
                latency=latency_ms(EMPTY),
                operations=1500,
                operations_failed=40,
                operation_latency=latency_ms(whole),
            ),
        ),
        operations=Operations(1502, 1460, 40, 0, 0, 2, 0.4, 0),
    )


def mixed() -> Result:
    """Requests, and beside them operations that all failed."""
    base, of = messages(), timed()
    rows = tuple(replace(row, failed=row.requests, scenario="sms") for row in of.requests)
    return replace(
        base,
        latency=replace(base.latency, operation=of.latency.operation),
        metrics={**base.metrics, **of.metrics, "operation_failed": rate(1500, 0)},
        requests=base.requests + rows,
        operations=Operations(1500, 0, 1500, 0, 0),
    )


ALL = {
    "messages": messages,
    "smoke": smoke,
    "aborted": aborted,
    "hostile": hostile,
    "timed": timed,
    "mixed": mixed,
}
