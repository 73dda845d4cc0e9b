"""The metric uptime: which seconds are up, down, or neither."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case import answer
from running import fastbench
from servers import Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.results.counts import OperationsRow, SeriesRow
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import grammar
from fastbench.run.uptime import Uptime

SECOND = SeriesRow(0.0, 1.0, 0, 0, 0, 0, 0, None, None)
IDLE = {"in_flight": 0, "operations_started": 0, "operations_ok": 0, "operations_failed": 0}


def seconds(*rows: SeriesRow, counters: dict[str, int] = IDLE, also: str = "") -> list[int]:
    """Return how many seconds were up, and of how many; by another share with `also`."""
    asked = [grammar.parse(also, BUILT_IN)] if also else []
    found = Uptime(asked)
    for row in rows:
        found.take(row, counters)
    of = found.rows.get("uptime", {})
    value = of.get(asked[0].tags if asked else ())
    return [value.passes, value.total] if value else [0, 0]


def ended(ok: int, failed: int = 0, timeouts: int = 0) -> SeriesRow:
    return replace(SECOND, requests=ok + failed + timeouts, ok=ok, failed=failed, timeouts=timeouts)


def test_a_second_is_up_with_a_success_and_few_failures() -> None:
    assert seconds(ended(1), ended(100, 5), ended(94, 6), ended(0, 3), ended(96, 2, 3)) == [3, 5]


def test_connections_that_fail_are_failures_though_nothing_was_sent() -> None:
    refused = replace(SECOND, errors={"connect_refused": 10})
    assert seconds(refused, replace(ended(10), errors={"connect_refused": 10})) == [0, 2]


def test_operations_count_as_requests_do() -> None:
    up = replace(SECOND, operations=OperationsRow(100, 1, None, None))
    down = replace(SECOND, operations=OperationsRow(3, 3, None, None))
    assert seconds(up, down) == [1, 2]


def test_a_second_in_which_nothing_ended_is_down_only_if_somebody_waited() -> None:
    assert seconds(SECOND) == [0, 0]
    assert seconds(SECOND, counters={**IDLE, "in_flight": 1}) == [0, 1]
    assert seconds(SECOND, counters={**IDLE, "operations_started": 2}) == [0, 1]
    assert seconds(replace(SECOND, dropped=1)) == [0, 1]


def test_a_last_piece_counts_only_if_it_is_all() -> None:
    piece = replace(ended(1), span_s=0.2)
    assert (seconds(piece), seconds(ended(1), piece)) == ([1, 1], [1, 1])


def test_another_share_of_failures_is_a_tag() -> None:
    assert seconds(ended(85, 15), also="uptime{failed:20%}>99%") == [1, 1]
    assert seconds(ended(85, 15), also="uptime{failed:0.1}>99%") == [0, 1]


@pytest.mark.parametrize(
    "tags", ["failed:0", "failed:200%", "failed:x", "name:/a", "failed:1%,a:b"]
)
def test_a_share_that_is_none_is_one_sentence(tags: str) -> None:
    with pytest.raises(UsageError, match=r"uptime\{failed:20%\}"):
        Uptime([grammar.parse(f"uptime{{{tags}}}>1%", BUILT_IN)])


def test_a_run_is_held_to_its_uptime() -> None:
    limits = ("--threshold", "uptime>=99.9%", "--threshold", "uptime{failed:50%}: count==1")
    with Server(answering()) as server:
        run = fastbench("-d", "1s", "-c", "1", *limits, server.url())
    busy = answer("Content-Length: 0", start="HTTP/1.1 503 Busy")
    with Server(answering(busy)) as server:
        refused = fastbench("-d", "1s", "-c", "1", *limits, server.url())
    assert [each["observed"] for each in run.document["thresholds"].values()] == [1, 1]
    assert [each["observed"] for each in refused.document["thresholds"].values()] == [0, 0]
    assert (run.code, refused.code) == (0, 99)
