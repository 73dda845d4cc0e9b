"""Artillery itself beside us on one server: as many users, requests, answers, checks, failures.

It is run where it is installed (npm install -g artillery), with `make slow`; it is a second of
Node.js for each worker before the first request.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import embedded
import pytest
from running import SLOW, fastbench

PROGRAM = shutil.which("artillery")
LIMIT_S = 120
PHASES = """
config:
  target: "{{ $env.TARGET }}"
  phases:
    - {duration: 2, arrivalRate: 3, name: warm up}
    - {duration: 3, arrivalRate: 2, rampTo: 6}
    - {pause: 1}
    - {duration: 2, arrivalCount: 7}
    - {duration: 1s, arrivalRate: 9}
"""
HTTP = """
  plugins: {expect: {}}
  variables: {who: [ann, bob]}
  payload: {path: ids.csv, fields: [id, word], order: sequence, skipHeader: true}
scenarios:
  - name: buy
    flow:
      - get: {url: /api/health, expect: [{statusCode: 200}, {contentType: json}]}
      - loop:
          - post:
              url: "/echo?n={{ $loopCount }}&id={{ id }}"
              json: {who: "{{ who }}", id: "{{ id }}", n: "{{ $loopCount }}"}
              capture: [{json: $.method, as: m}, {json: $.body, as: sent}]
              expect: [{equals: ["{{ m }}", POST]}, {hasProperty: body}, {notHasProperty: no}]
        count: 2
      - think: 200ms
      - get: {url: /status/404, expect: {statusCode: 404}}
      - get: {url: /status/302, followRedirect: false, expect: {statusCode: 200}}
      - get: {url: /never, ifTrue: "id == 9"}
      - post:
          url: /echo
          form: {a: "{{ word }}", b: 2}
          capture: {regexp: 'a=(\\w+)', group: 1, as: w}
          match: {json: $.method, value: POST}
          expect: {equals: ["{{ w }}", "{{ word }}"]}
      - get: {url: /api/health, capture: {json: $.nothing, as: n, strict: false}}
      - get: {url: /api/health, capture: {json: $.nothing, as: n}}
      - get: {url: /never}
"""
SOCKETS = """
scenarios:
  - name: talk
    engine: ws
    flow:
      - connect: "{{ $env.SOCKETS }}/ws/echo"
      - send: {payload: {id: 7}, capture: {json: $.id, as: id}}
      - think: 200ms
      - loop: [{send: {n: "{{ $loopCount }}"}}]
        count: 3
"""
EVENTS = """
  socketio: {transports: [websocket]}
scenarios:
  - name: desk
    engine: socketio
    flow:
      - get: {url: /api/health}
      - emit: {channel: echo, data: {id: 7}}
        acknowledge: {capture: {json: $.0.id, as: id}, match: {json: $.0.id, value: 7}}
      - emit: {channel: echo, data: "hello {{ id }}"}
        response: {channel: echo, data: "hello 7"}
"""
# What is counted otherwise: bytes of heads, messages that nobody awaits, statuses by endpoint.
OTHERWISE = ("http.downloaded_bytes", "websocket.messages_received", "plugins.metrics-by-endpoint")


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with embedded.serving("--port", "0") as (_, url):
        yield url


def counters(report: Path) -> dict[str, int]:
    found: dict[str, Any] = json.loads(report.read_text())["aggregate"]["counters"]
    return {name: n for name, n in found.items() if not name.startswith(OTHERWISE)}


@pytest.mark.alone
@pytest.mark.skipif(not (PROGRAM and SLOW), reason="artillery is not installed, or not make slow")
@pytest.mark.parametrize("rest", [HTTP, SOCKETS, EVENTS], ids=["http", "ws", "socketio"])
def test_the_same_file_gives_the_same_counts(rest: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "test.yml").write_text(PHASES + rest)
    (tmp_path / "ids.csv").write_text("id,word\n7,one\n8,two\n")
    theirs, ours = tmp_path / "theirs.json", tmp_path / "ours.json"
    env = {"TARGET": target, "SOCKETS": target.replace("http", "ws")}
    assert PROGRAM is not None
    subprocess.run(
        [PROGRAM, "run", "-q", "-o", str(theirs), str(tmp_path / "test.yml")],
        env={**os.environ, **env},
        capture_output=True,
        timeout=LIMIT_S,
        check=False,  # it fails where an expectation does
    )
    pairs = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
    fastbench("run", *pairs, "-o", str(ours), "-q", str(tmp_path / "test.yml"))
    assert counters(ours) == counters(theirs)
