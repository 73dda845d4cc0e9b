"""The verdict, rule by rule, on results made up for it; real runs are judged in test_verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from fastbench.results.assessment import notices
from fastbench.results.assessment.listen_queue import Queue
from fastbench.results.assessment.verdict import Seen, Where, judge
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency
from fastbench.results.result import LIMITS, VERDICTS, Result, Summary, Validity, WorkerRow
from fastbench.results.usage import ClientUse, HostUse, Resources, TargetUse

HOST = HostUse(50.0, 60.0, 0.0, 1 << 34, 1 << 33, core_percents=(50.0, 50.0), others_percent=1.0)
CLIENT = ClientUse(5.0, 50.0, 1 << 25)


def target(cpu_percent: float, thread_percent: float = 0.0, **more: Any) -> TargetUse:
    known = {"name": "app", "cores": (0, 1), **more}
    return TargetUse(
        pid=7,
        cpu_s=cpu_percent / 10,
        cpu_percent_max=cpu_percent,
        rss_bytes_start=1,
        rss_bytes_end=1,
        rss_bytes_max=1,
        fds=9,
        threads=1,
        cpu_percent=cpu_percent,
        thread_percent=thread_percent,
        **known,
    )


def run(
    *,
    busy: float = 0.5,
    host: HostUse | None = HOST,
    client: ClientUse = CLIENT,
    targets: tuple[TargetUse, ...] = (),
    summary: dict[str, Any] | None = None,
    lag_ns: int | None = None,
    workers: int = 1,
    run_queue: float | None = None,
) -> Result:
    """Return 10 s of 1,000 requests, in a closed loop unless `lag_ns` plans them."""
    counts = {"started": 1000, "ok": 1000, **(summary or {})}
    if lag_ns is not None:
        counts.setdefault("scheduled", 1000)
    latency = Latency(*[Histogram.from_values([5_000_000] * 1000)] * 4)
    if lag_ns is not None:
        lag = Histogram.from_values([lag_ns] * 1000)
        latency = replace(latency, response=latency.service, lag=lag)
    known = {"duration_s": 10.0, "failed": 0, "timeouts": 0, "bytes_in": 1, "bytes_out": 1}
    return replace(
        samples.good(),
        summary=Summary(**{**known, **counts}),
        latency=latency,
        workers=tuple(
            WorkerRow(100 + n, 1000, 5.0, busy, run_queue=run_queue) for n in range(workers)
        ),
        resources=Resources(client, host, targets),
    )


def seen(*, where: Where = "seen", cores: tuple[int, ...] = (0, 1), **more: Any) -> Seen:
    return Seen(missing=(), where=where, client_cores=cores, connections=10, **more)


def judged(result: Result, facts: Seen | None = None) -> tuple[str, str]:
    found = judge(result, facts or seen())
    assert all(len(reason) > 20 for reason in found.reasons)
    return found.verdict, found.limit


def test_what_is_missing_comes_before_everything() -> None:
    facts = replace(seen(paused_s=3.0), missing=("the run was interrupted",))
    assert judge(run(busy=0.99), facts) == Validity(
        "incomplete", "unknown", ("the run was interrupted",)
    )


def test_a_server_that_uses_its_core_is_the_limit() -> None:
    assert judged(run(targets=(target(99, 99, cores=(1,)),)), seen(cores=(0,))) == ("ok", "server")
    assert "app (pid 7)" in judge(run(targets=(target(99, 99),)), seen()).reasons[0]


@pytest.mark.parametrize("each", [(30, 30), (89, 85), (150, 80)])
def test_a_server_that_has_processor_left_is_not(each: tuple[float, float]) -> None:
    assert judged(run(targets=(target(*each),))) == ("ok", "none")


def test_a_server_held_by_a_global_lock_uses_one_core_in_all() -> None:
    assert judged(run(targets=(target(101, 40, cores=(0, 1, 2, 3)),))) == ("ok", "server")


def test_a_server_that_fills_all_its_cores_is_the_limit() -> None:
    assert judged(run(targets=(target(195, 60),))) == ("ok", "server")


def test_a_watched_process_is_not_the_server() -> None:
    assert judged(run(targets=(target(99, 99, role="watched"),))) == ("ok", "none")


def test_a_busy_client_makes_a_lower_bound() -> None:
    idle = (target(40, 40, cores=(1,)),)
    found = judge(run(busy=0.95, targets=idle), seen(cores=(0,)))
    assert (found.verdict, found.limit) == ("client-limited", "client")
    assert judge(run(busy=0.95, targets=idle), seen(cores=(0, 2, 3))).reasons[0].count("-t 3") == 1
    assert judged(run(busy=0.9, targets=idle), seen(cores=(0,))) == ("ok", "none")
    assert judged(run(busy=0.95), seen(where="remote")) == ("client-limited", "client")


def test_a_busy_client_before_a_full_server_is_the_servers_limit() -> None:
    full = (target(99, 99, cores=(1,)),)
    assert judged(run(busy=0.95, targets=full), seen(cores=(0,))) == ("ok", "server")


def test_sharing_full_cores_saturates_the_host_and_is_no_noise() -> None:
    full = replace(HOST, core_percents=(99.0, 98.0), others_percent=2.0)
    both = ClientUse(5.0, 110.0, 1)
    assert judged(run(busy=0.97, host=full, client=both, targets=(target(85, 85),))) == (
        "ok",
        "host",
    )
    apart = run(busy=0.97, host=full, client=both, targets=(target(85, 85, cores=(1,)),))
    assert judged(apart, seen(cores=(0,)))[1] == "client", "they share no core"


def test_cores_that_are_handed_over_are_full_before_they_are_always_busy() -> None:
    handed = replace(HOST, core_percents=(86.0, 80.0), others_percent=2.0)
    waiting = run(host=handed, targets=(target(72, 72),), run_queue=0.1)
    assert judged(waiting) == ("ok", "host")
    assert judged(run(host=handed, targets=(target(72, 72),), run_queue=0.0)) == ("ok", "none")
    assert judged(run(targets=(target(40, 40),), run_queue=0.1)) == ("ok", "none")


def test_cores_that_neither_may_use_say_nothing() -> None:
    wide = replace(HOST, core_percents=(99.0, 98.0, 0.0, 0.0))
    both = ClientUse(5.0, 110.0, 1)
    assert judged(run(host=wide, client=both, targets=(target(85, 85),)))[1] == "host"


@pytest.mark.parametrize(
    "host", [replace(HOST, steal_percent=1.1), replace(HOST, others_percent=10.5)]
)
def test_processor_taken_by_others_is_noise(host: HostUse) -> None:
    assert judged(run(host=host))[0] == "noisy-host"
    assert judged(run(host=host, targets=(target(99, 99),))) == ("noisy-host", "server")


@pytest.mark.parametrize(
    "host",
    [
        replace(HOST, steal_percent=1.0),
        replace(HOST, others_percent=10.0),
        replace(HOST, others_percent=None),
        None,
    ],
)
def test_a_little_of_it_is_not(host: HostUse | None) -> None:
    assert judged(run(host=host))[0] == "ok"


def test_a_pause_is_noise() -> None:
    assert judged(run(), seen(paused_s=9.5))[0] == "noisy-host"


def test_a_quota_limits_the_client() -> None:
    assert judged(run(host=replace(HOST, throttled_s=2.0))) == ("client-limited", "client")
    assert judged(run(host=replace(HOST, throttled_s=0.05)))[0] == "ok"


def test_a_plan_that_is_kept_has_no_limit() -> None:
    assert judged(run(lag_ns=50_000)) == ("ok", "none")
    assert judged(run(lag_ns=50_000, busy=0.95)) == ("ok", "none")
    assert judged(run(lag_ns=50_000, targets=(target(99, 99),))) == ("ok", "none")


def test_a_plan_that_is_not_kept_names_the_one_that_was_full() -> None:
    queue = {"scheduled": 2000, "queued_at_end": 1000}
    assert judged(run(lag_ns=1, summary=queue, targets=(target(99, 99),))) == ("ok", "server")
    assert judged(run(lag_ns=1, summary=queue, targets=(target(9, 9),))) == ("ok", "server")
    assert judged(run(lag_ns=1, summary=queue), seen(where="remote")) == ("ok", "unknown")
    busy = run(lag_ns=1, summary=queue, busy=0.97, targets=(target(9, 9),))
    assert judged(busy) == ("client-limited", "client")


def test_a_client_that_sends_late_says_so() -> None:
    assert judged(run(lag_ns=1_100_000))[0] == "late"
    assert judged(run(lag_ns=990_000))[0] == "ok"


def test_idle_connections_want_company() -> None:
    reasons = judge(run(targets=(target(20, 20),)), seen()).reasons
    assert "(-c)" in reasons[0]
    assert judged(run(), seen(where="remote")) == ("ok", "unknown")
    hidden = judge(run(), seen(where="hidden"))
    assert hidden.limit == "unknown" and "--watch" in hidden.reasons[0]


BUSY_MACHINE = replace(HOST, cpu_percent=100.0, core_percents=(100.0, 100.0))


@pytest.mark.parametrize(
    ("host", "more"),
    [
        (BUSY_MACHINE, {}),
        (BUSY_MACHINE, {"vus": 7}),
        (replace(BUSY_MACHINE, core_percents=(0.0, 100.0)), {"cores": (1,)}),
        (replace(BUSY_MACHINE, others_percent=68.0), {}),
        (replace(HOST, others_percent=68.0), {}),
        (replace(HOST, listen_overflows=26), {"queue": Queue(True, 10)}),
        (replace(HOST, listen_overflows=26), {"queue": Queue(True, 0), "vus": 7}),
    ],
)
def test_more_load_is_advised_only_where_nothing_was_full(
    host: HostUse, more: dict[str, Any]
) -> None:
    slow = Histogram.from_values([5_000_000] * 999 + [1_000_000_000])
    for plan in (None, 50_000):
        summary = {"scheduled": 2000, "queued_at_end": 1000} if plan else {}
        result = run(host=host, targets=(target(20, 20),), lag_ns=plan, summary=summary)
        result = replace(result, latency=replace(result.latency, service=slow))
        told = judge(result, seen(**more)).reasons
        assert told and not any("(-c)" in text or "was full:" in text for text in told), told
        assert not any("no processor was full" in text for text in told), told


def test_only_as_many_connections_waited_as_there_were() -> None:
    (told,) = judge(run(targets=(target(20, 20),)), seen(constant=False)).reasons
    assert "all 10" not in told and "(-c)" not in told


def test_scripts_that_load_another_machine_know_nothing_of_it() -> None:
    (told,) = judge(run(), seen(where="remote", vus=10)).reasons
    assert "no processor was full" not in told and "look at the server" in told


def test_what_operations_waited_for_is_not_called_a_server() -> None:
    timed = replace(run(busy=0.1), noun="operation")
    for where in ("remote", "hidden"):
        found = judge(timed, seen(where=where, vus=5))
        assert (found.verdict, found.limit) == ("ok", "unknown")
        (reason,) = found.reasons
        assert "5 VUs waited for their operations" in reason and "server" not in reason


def late_at(connect_ns: int = 100, service_ns: int = 100, overflows: int = 5) -> Result:
    latency = replace(
        run().latency,
        connect=Histogram.from_values([connect_ns]),
        service=Histogram.from_values([service_ns]),
    )
    return replace(run(host=replace(HOST, listen_overflows=overflows)), latency=latency)


@pytest.mark.parametrize(
    ("result", "queue", "told"),
    [
        (late_at(), Queue(True, 100), False),  # nothing of this run ever waited
        (late_at(service_ns=210_000_000), Queue(True, 100), True),
        (late_at(service_ns=210_000_000), Queue(True, 0), True),  # of a script
        (late_at(service_ns=210_000_000), Queue(True, 5), False),  # no queue is that short
        (late_at(connect_ns=1_010_000_000), Queue(True, 5), True),  # but this one was
        (late_at(connect_ns=1_010_000_000), Queue(False, 100), False),  # it is elsewhere, or Unix
        (late_at(connect_ns=1_010_000_000, overflows=0), Queue(True, 100), False),
    ],
)
def test_a_queue_that_overflows_is_the_servers_where_this_run_waited_for_it(
    result: Result, queue: Queue, told: bool
) -> None:
    assert ("listen_overflow" in {each.code for each in notices.of(result, queue)}) is told
    found = judge(result, seen(queue=queue))
    assert (found.limit == "server" and "listen queue" in found.reasons[0]) is told


@pytest.mark.parametrize("where", ["seen", "hidden"])
def test_on_loopback_no_packet_is_lost(where: Where) -> None:
    lossy = replace(HOST, retransmits=500)
    found = judge(run(host=lossy), seen(where=where))
    assert found.limit != "network" and not any("network" in text for text in found.reasons)


def test_lost_packets_are_the_network() -> None:
    lossy = replace(HOST, retransmits=500)
    assert judged(run(host=lossy), seen(where="remote")) == ("ok", "network")
    assert judged(run(host=replace(HOST, retransmits=5)), seen(where="remote"))[1] == "unknown"


@given(
    st.floats(0, 1),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0, 400),
    st.floats(0, 400),
    st.sampled_from(["seen", "hidden", "remote"]),
    st.booleans(),
)
def test_every_run_gets_one_of_the_known_verdicts(
    busy: float, steal: float, others: float, cpu: float, thread: float, where: Where, plan: bool
) -> None:
    host = replace(HOST, steal_percent=steal, others_percent=others)
    result = run(
        busy=busy, host=host, targets=(target(cpu, thread),), lag_ns=7_000 if plan else None
    )
    found = judge(result, seen(where=where))
    assert found.verdict in VERDICTS and found.limit in LIMITS
    assert found.reasons or (found.verdict, found.limit) == ("ok", "none")


def of_script(lags_ns: list[int], services_ns: list[int]) -> tuple[str, str]:
    times = Histogram.from_values(services_ns)
    latency = replace(
        run().latency, service=times, response=None, lag=Histogram.from_values(lags_ns)
    )
    return judged(replace(run(), latency=latency), seen(vus=10))


def test_a_script_is_late_where_requests_were() -> None:
    turns = [3_000_000] * 10 + [10_000] * 490
    assert of_script(turns, [5_000_000] * 1000)[0] == "late"
    assert of_script(turns, [5_000_000] * 10)[0] == "ok", "none of ten met a late turn"
    assert of_script(turns, [])[0] == "ok", "there were no requests"
    assert of_script([1_200_000] * 500, [5_000_000] * 1000)[0] == "ok", "a quarter of 5 ms is more"


def test_a_run_below_the_resolution_of_the_processors_time_says_so() -> None:
    short = {"duration_s": 0.01}
    full, others = (target(99, 99),), replace(HOST, others_percent=60.0, steal_percent=9.0)
    for result in (run(summary=short, targets=full), run(summary=short, busy=0.99, host=others)):
        assert judged(result) == ("ok", "unknown")
        assert "too short to tell" in judge(result, seen()).reasons[0]
    assert judged(run(summary=short, lag_ns=1000)) == ("ok", "none"), (
        "a plan that was kept is known"
    )
    quota = replace(HOST, throttled_s=0.005)
    assert judged(run(summary=short, host=quota)) == ("client-limited", "client")
