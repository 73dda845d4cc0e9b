"""Metrics of runs of WebSockets, by the names that scripts have, too: thresholds and outputs."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
from running import ONE, fastbench
from servers import Server
from socket_scripts import Counts, echoing, refusing_with, socket_url


def test_thresholds_and_points_have_what_the_document_counts(tmp_path: Path) -> None:
    points = tmp_path / "points.json"
    asked = {
        "ws_msg_rtt: p(95)<5s": 500,
        "ws_connecting: max<5s": 1,
        "ws_msgs_sent: count==500": 500,
        "ws_msgs_received: count==500": 500,
        "ws_sessions: count==1": 1,
        "ws_errors: count==0": 0,
        "ws_msgs_lost: count==0": 0,
    }
    flags = [word for text in asked for word in ("--threshold", text)]
    with Server(echoing(Counts())) as server:
        run = fastbench(*ONE, "-n", "500", *flags, "-o", f"json={points}", socket_url(server))
    assert run.code == 0, run.err
    assert [each["ok"] for each in run.document["thresholds"].values()] == [True] * len(asked)
    told: defaultdict[str, float] = defaultdict(float)
    for line in points.read_text().splitlines():
        point = json.loads(line)
        if point["type"] == "Point" and point["metric"].startswith("ws_msgs"):
            told[point["metric"]] += point["data"]["value"]
    assert told == {"ws_msgs_received": 500, "ws_msgs_sent": 500}


def test_refused_handshakes_are_errors_of_websockets() -> None:
    with Server(refusing_with(b"HTTP/1.1 403 No\r\n\r\n")) as server:
        asked = ("--threshold", "ws_errors: count<1", "--threshold", "ws_sessions: count>0")
        run = fastbench("-c", "1", "-t", "1", "-d", "300ms", *asked, socket_url(server))
    found = run.document["thresholds"]
    assert run.code in (1, 99)
    assert [each["ok"] for each in found.values()] == [False, False]
    assert found["ws_errors: count<1"]["observed"] >= 1


@pytest.mark.parametrize(
    ("scheme", "mode", "metric"),
    [
        ("http", (), "ws_errors"),
        ("ws", ("--ws-mode", "push"), "ws_msg_rtt"),
        ("ws", ("--ws-mode", "hold"), "ws_msgs_lost"),
    ],
)
def test_a_metric_that_a_run_does_not_have_is_refused(
    scheme: str, mode: tuple[str, ...], metric: str
) -> None:
    with Server(echoing(Counts())) as server:
        url = socket_url(server).replace("ws", scheme, 1)
        run = fastbench(*mode, "-d", "1s", "--threshold", f"{metric}: count<1", url)
    assert run.code == 1
    assert f"there is no metric {metric}" in run.err
