"""Who was the limit, on real processes, and clocks and pauses that lie.

Other programs on the machine make an honest verdict `noisy-host`; it is then held to its own
evidence. In `make slow` the machine is expected to be quiet.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from programs import cores, hog, pinned, server_that_burns
from running import SLOW, Run, Running, fastbench, start, until
from servers import Server, answering, c_server

pytestmark = pytest.mark.alone

SECONDS = "4s" if SLOW else "1100ms"

two_cores = pytest.mark.skipif(len(cores()) < 2, reason="client and server need a core each")


def judged(run: Run, verdict: str, limit: str) -> bool:
    """Hold the verdict, or the noise that was there instead; tell whether it was quiet."""
    found, host = run.document["validity"], run.document["resources"]["host"]
    noise = host["steal_percent"] > 1 or (host["others_percent"] or 0) > 10
    if noise and not SLOW:
        assert found["verdict"] == "noisy-host", found
        return False
    assert (found["verdict"], found["limit"]) == (verdict, limit), found
    return True


def pause(running: Running, seconds: float) -> None:
    """Let a run go on for a while."""
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(seconds)


@two_cores
def test_a_server_on_its_own_core_is_the_limit_and_is_named() -> None:
    client, server = cores()[:2]
    with server_that_burns(0.002, core=server) as (url, pid):
        run = fastbench("-d", SECONDS, "-c", "8", url, limits=pinned(client))
    quiet = judged(run, "ok", "server")
    (target,) = run.document["resources"]["targets"]
    assert (target["pid"], target["role"], target["cores"]) == (pid, "target", [server])
    assert target["cpu_us_per_request"] == pytest.approx(2000, rel=0.25 if quiet else 1)
    named = run.document["validity"]["limit"] == "server"  # beside noise it may have been none
    assert (f"pid {pid}" in run.out) is named


@two_cores
def test_a_client_with_more_to_do_than_the_server_is_the_limit() -> None:
    """Searching 64 KiB bodies costs the client more than sending them costs the server."""
    client, server = cores()[:2]
    with c_server(body_bytes=65536) as fast:
        os.sched_setaffinity(fast.process.pid, {server})
        run = fastbench(
            *("-d", SECONDS, "-c", "16", "--expect-body", "x" * 65_000, fast.url),
            limits=pinned(client),
        )
    quiet = judged(run, "client-limited", "client")
    assert not quiet or run.document["workers"][0]["busy"] > 0.9


def test_an_idle_pair_at_a_low_rate_has_no_limit_and_is_ok_by_strict() -> None:
    with c_server() as server:
        run = fastbench("--strict", "-R", "50", "-d", SECONDS, "-c", "5", server.url)
    judged(run, "ok", "none")
    assert run.code == (0 if run.document["validity"]["verdict"] == "ok" else 95)


@two_cores
def test_client_and_server_on_the_same_cores_saturate_this_machine() -> None:
    with c_server() as server:
        os.sched_setaffinity(server.process.pid, set(cores()[:2]))
        run = fastbench(
            *("-d", SECONDS, "-c", "100", "-t", "2", server.url),
            limits=lambda: os.sched_setaffinity(0, set(cores()[:2])),
        )
    judged(run, "ok", "host")


@two_cores
def test_a_client_starved_by_a_hog_says_so() -> None:
    client, server = cores()[:2]
    with c_server() as fast, hog(client):
        os.sched_setaffinity(fast.process.pid, {server})
        # The parent starves, too: it takes its time to look at its worker for the first time.
        length = SECONDS if SLOW else "1800ms"
        run = fastbench("-d", length, "-c", "20", fast.url, limits=pinned(client))
    assert run.document["validity"]["verdict"] in ("noisy-host", "client-limited")
    assert run.document["workers"][0]["run_queue"] > 0.03  # 0.008 without a hog
    assert run.document["workers"][0]["involuntary_switches"] > 0


@two_cores
def test_a_hog_that_comes_later_changes_the_verdict_and_not_the_run() -> None:
    client, server = cores()[:2]
    with c_server() as fast:
        os.sched_setaffinity(fast.process.pid, {server})
        flags = ("-R", "2000", "-d", "2s", "-c", "20")
        with start(*flags, fast.url, limits=pinned(client)) as running:
            until(lambda: fast.connected() == 20)
            with hog(client):
                run = running.finish()
    assert run.code == 0
    assert run.summary["scheduled"] == 4000
    assert run.document["validity"]["verdict"] in ("noisy-host", "client-limited", "late")


def test_strict_makes_anything_but_ok_a_failure() -> None:
    core = cores()[0]
    with c_server() as fast, hog(core):
        words = ("-d", "1200ms", "-c", "20", fast.url)
        strict = fastbench("--strict", *words, limits=pinned(core))
    assert strict.document["validity"]["verdict"] != "ok"
    assert strict.code == 95
    assert f"--strict: {strict.document['outcome']['reasons'][0]['text']}" in strict.err


def test_a_pause_of_everything_is_told_and_is_not_the_servers() -> None:
    with (
        Server(answering()) as server,
        start("-R", "200", "-d", "2500ms", "-c", "4", "--timeout", "1s", server.url()) as running,
    ):
        until(lambda: server.seen.requests > 20)
        running.signal_group(signal.SIGSTOP)
        pause(running, 1.4)
        running.signal_group(signal.SIGCONT)
        run = running.finish()
    found = {row["code"]: row for row in run.document["warnings"]}
    assert "nothing here ran for" in found["paused"]["text"]
    assert run.document["validity"]["verdict"] == "noisy-host"
    assert run.summary["timeouts"] == 0, "the answers had come in time"
    assert run.summary["ok"] + run.summary["in_flight_at_end"] == 500


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <sys/time.h>
/* At every look the wall clock jumps by an hour, forth or back; the monotonic one stays true. */
static long jump(void) { static long n; return (++n % 2) ? 3600 : -3600; }
int clock_gettime(clockid_t id, struct timespec *t) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(id, t);
    if (id == CLOCK_REALTIME) t->tv_sec += jump();
    return code;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    struct timespec now;
    int code = clock_gettime(CLOCK_REALTIME, &now);
    (void)zone;
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return code;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


def test_a_wall_clock_that_jumps_changes_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile the lying clock with")
    (tmp_path / "clock.c").write_text(CLOCK)
    library = tmp_path / "clock.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c", "-ldl"], check=True
    )
    with Server(answering()) as server:
        monkeypatch.setenv("LD_PRELOAD", str(library))
        run = fastbench("-R", "100", "-d", "1200ms", "-c", "4", server.url())
    assert run.summary["duration_s"] == pytest.approx(1.2, abs=0.05)
    assert run.summary["scheduled"] == 120
    assert run.document["latency_ms"]["response"]["max"] < 1000
    assert run.elapsed_s < 5
    assert sum(row["span_s"] for row in run.document["series"]) == pytest.approx(1.2, abs=0.05)
