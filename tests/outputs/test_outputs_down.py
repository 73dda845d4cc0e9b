"""Outputs that refuse, stall or never answer: the load is the one without them, and all is told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from points import Reply, taking
from running import Run, fastbench
from servers import Server, answering

RATE, LENGTH_S = 1000, 1.1
# What waits at the end is waited for, so that the counts of two runs are of the same requests.
PLAN = ("-R", str(RATE), "-d", f"{LENGTH_S:g}s", "-w", "-c", "4", "-t", "1")
MAX_LATER_S = 5.0
SAME = 0.001
SECONDS_TOLD = 2


def run(*words: str) -> Run:
    with Server(answering()) as server:
        done = fastbench(*words, *PLAN, server.url("/"))
    assert done.code == 0, done.err
    return done


@pytest.mark.alone
def test_dead_outputs_cost_no_request_and_five_seconds_at_most() -> None:
    with ThreadPoolExecutor(1) as pool, taking() as refusing, taking() as busy, taking() as silent:
        refusing.else_ = 503
        busy.answers = [Reply(429, headers={"Retry-After": "1"})] * 1000
        silent.hold = threading.Event()
        beside = pool.submit(run)  # at the same time: a start costs both the same
        followed = run(
            *("-o", f"influxdb={refusing.url}/k6"),
            *("-o", f"otlp={busy.url}"),
            *("-o", f"influxdb={silent.url}/k6"),
        )
        silent.hold.set()
        alone = beside.result()
        assert refusing.seen and busy.seen and silent.seen
    for name in ("scheduled", "dropped", "failed", "timeouts"):
        assert followed.summary[name] == alone.summary[name], name
    for name in ("requests", "ok"):  # all that was planned, but what was in flight at the end
        assert followed.summary[name] == pytest.approx(alone.summary[name], rel=SAME), name
    rates = followed.summary["requests_per_s"] / alone.summary["requests_per_s"]
    assert abs(rates - 1) <= SAME
    assert followed.elapsed_s - alone.elapsed_s <= MAX_LATER_S

    warnings = [row for row in followed.document["warnings"] if row["code"] == "output_lost"]
    urls = (f"influxdb={refusing.url}/k6", f"otlp={busy.url}", f"influxdb={silent.url}/k6")
    whys = ("it answered 503", "it answered 429", "it did not answer")
    assert len(warnings) == len(urls)
    shown = " ".join(followed.out.split())
    for warning, url, why in zip(warnings, urls, whys, strict=True):
        text = warning["text"]
        assert text.startswith(f"-o {url} did not get ") and why in text
        lost, _, of = text.partition("did not get ")[2].partition(" points")[0].split()
        assert lost == of and int(of.replace(",", "")) >= SECONDS_TOLD * 8
        assert " ".join(text.split()) in shown
