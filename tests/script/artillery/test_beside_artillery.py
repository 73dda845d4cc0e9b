"""Artillery itself beside us on one server: as many users, requests, answers, checks, failures.

It is run where it is installed (`beside_artillery` says how), with `make slow`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import embedded
import pytest
from beside_artillery import both, needs_artillery

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


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with embedded.serving("--port", "0") as (_, url):
        yield url


@pytest.mark.alone
@needs_artillery
@pytest.mark.parametrize("rest", [HTTP, SOCKETS, EVENTS], ids=["http", "ws", "socketio"])
def test_the_same_file_gives_the_same_counts(rest: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "test.yml").write_text(PHASES + rest)
    (tmp_path / "ids.csv").write_text("id,word\n7,one\n8,two\n")
    ours, theirs = both(tmp_path, {"TARGET": target, "SOCKETS": target.replace("http", "ws")})
    assert ours == theirs
