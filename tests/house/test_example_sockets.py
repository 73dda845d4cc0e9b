"""The examples over WebSockets, scaled down: client and `fastbench serve` count the same."""

from __future__ import annotations

import pytest
from example_runs import Ran, all_of

RUNS: dict[str, tuple[str, ...]] = {
    "calls": (
        *("twilio_media.py", "--time-scale=0.002", "-eTURNS=1", "-eSPEECH_S=0.2"),
        "-eWAITING_CALLERS=2",
    ),
    "desk": (
        *("helpdesk/realtime.py", "--time-scale=0.0015", "--scale=0.02"),
        *("-eSTAY_S=0.2", "-eTYPE_AFTER_S=0.05"),
    ),
    "realtime": (
        *("realtime.py", "--time-scale=0.003", "--scale=0.02"),
        *("-eSTAY_S=0.6", "-eSEND_EVERY_S=0.05"),
    ),
}


@pytest.fixture(scope="module")
def runs() -> dict[str, Ran]:
    return all_of(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_both_sides_count_the_same_messages(runs: dict[str, Ran], name: str) -> None:
    run = runs[name]
    totals = run.server.totals
    for metric in ("ws_sessions", "ws_msgs_sent", "ws_msgs_received"):
        there = {"ws_msgs_sent": "ws_msgs_received", "ws_msgs_received": "ws_msgs_sent"}
        assert run.count(metric) == totals[there.get(metric, metric)] > 0, metric
    assert totals["ws_closed_1000"] == totals["ws_sessions"]
    assert run.document["exceptions"] == []
    assert "ws_errors" not in run.document["metrics"] or run.count("ws_errors") == 0


def operations(run: Ran) -> dict[str, tuple[int, int]]:
    """Give how many operations of each name there were, and how many failed."""
    found: dict[str, tuple[int, int]] = {}
    for row in run.document["requests"]:
        if row["kind"] == "ws":
            ended, failed = found.get(row["name"], (0, 0))
            found[row["name"]] = ended + row["requests"], failed + row["failed"]
    return found


def test_calls_take_every_line_and_no_more(runs: dict[str, Ran]) -> None:
    run = runs["calls"]
    totals = run.server.totals
    calls, refused = totals["calls"], totals["calls_refused"]
    assert totals["calls_at_once"] == 50 <= calls and refused > 0
    assert operations(run) == {"connect call": (calls + refused, 0), "turn": (calls, 0)}
    assert (run.count("calls_completed"), run.count("calls_rejected")) == (calls, refused)
    assert totals["marks_sent"] == totals["marks_played"] == calls
    assert totals["media_frames"] == run.count("media_frames_sent")
    assert run.checks()["each turn is answered"] == run.checks()["the agent hangs up"] == calls


def test_agents_hear_of_each_other(runs: dict[str, Ran]) -> None:
    run = runs["desk"]
    agents = run.iterations()["agent"]
    expected = {"connect /socket.io/": agents, "connect /": agents, "subscribe": agents}
    assert operations(run) == {name: (count, 0) for name, count in expected.items()}
    assert run.count("ws_connections") == agents == run.server.totals["socketio_connects"]
    assert run.checks()["subscribed"] == agents
    assert run.count("ws_message_latency") == run.count("ws_messages_received") > 0
    assert 0 < run.document["metrics"]["ws_message_latency"]["values"]["min"] < 1000


def test_listeners_get_what_is_sent(runs: dict[str, Ran]) -> None:
    run = runs["realtime"]
    sockets = run.count("ws_sessions")
    assert run.iterations()["listener"] >= 20 and run.iterations()["sender"] >= 1
    subscriptions = 2 * run.iterations()["listener"] + run.iterations()["sender"]
    assert operations(run) == {"connect realtime": (sockets, 0), "subscribe": (subscriptions, 0)}
    assert run.checks()["subscribed"] == run.iterations()["listener"]
    assert run.checks()["message received"] == run.count("message_latency") >= 20
    assert 0 < run.document["metrics"]["message_latency"]["values"]["min"] < 1000
