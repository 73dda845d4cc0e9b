"""Scripts of k6 made from seeds, and what they found: counts, memory, numbers of sockets."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import fuzz_k6
import pytest
from k6_texts import run_text
from running import SLOW, Run
from servers import Server

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

HEAD = """
import http from 'k6/http';
import ws from 'k6/ws';
import { WebSocket } from 'k6/websockets';
const URL = __ENV.URL, WS = URL.replace('http', 'ws') + '/ws';
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(fuzz_k6.serve) as running:
        yield running


def run(folder: Path, text: str, server: Server, *more: str) -> Run:
    return run_text(folder, HEAD + text, server, *more)


@pytest.mark.slow
def test_scripts_that_nobody_would_write_end_in_order() -> None:
    seed, budget_s = (time.time_ns(), 120) if SLOW else (1, 2)
    end_s = time.monotonic() + budget_s
    while time.monotonic() < end_s:
        fuzz_k6.check(random.Random(seed), seed.to_bytes(8))
        seed += 1


@pytest.mark.parametrize("stage", ["setup", "teardown"])
def test_a_request_that_setup_or_teardown_left_behind_was_in_flight(
    tmp_path: Path, server: Server, stage: str
) -> None:
    text = f"""
export const options = {{ iterations: 1 }};
export function {stage}() {{ http.asyncRequest('GET', `${{URL}}/late`); throw 1; }}
export default function () {{}}
"""
    found = run(tmp_path, text, server)
    assert found.code == 107
    assert (found.summary["started"], found.summary["in_flight_at_end"]) == (1, 1)


@pytest.mark.parametrize("flags", [(), ("--isolate",)])
def test_what_iterations_that_threw_waited_for_is_let_go(
    tmp_path: Path, server: Server, flags: tuple[str, ...]
) -> None:
    text = """
export const options = { iterations: 300 };
export default function () {
  const big = new Uint8Array(1 << 18);
  setTimeout(() => big.length, 60000);
  http.asyncRequest('GET', `${URL}/late`).then(() => big.length);
  const socket = new WebSocket(WS);
  socket.onopen = () => big.length;
  throw new Error('left behind');
}
"""
    found = run(tmp_path, text, server, "--memory-limit", "32MiB", *flags)
    (row,) = found.document["exceptions"]
    assert (row["text"], row["count"]) == ("left behind", 300)


def test_sockets_of_both_kinds_are_open_in_one_iteration(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 1 };
const echoed = (name) => {
  const socket = new WebSocket(WS);
  socket.onopen = () => socket.send(name);
  socket.onmessage = (event) => { console.log(event.data); socket.close(); };
};
export default function () {
  echoed('before');
  ws.connect(WS, (socket) => {
    socket.on('open', () => { echoed('within'); echoed('too'); socket.send('held'); });
    socket.on('message', (text) => { console.log(text); socket.close(); });
  });
}
"""
    found = run(tmp_path, text, server)
    assert found.document["exceptions"] == []
    assert sorted(found.err.split()) == ["before", "held", "too", "within"]
