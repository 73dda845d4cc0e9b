"""A file of Artillery as a run: as many users, requests, checks and failures as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import embedded
import pytest
from running import Run, fastbench

SHORT = "phases: [{duration: 0.2, arrivalCount: 5}]\n  plugins"
NAMES = ("talk", "desk")
TEST = """
config:
  target: "{{ $env.TARGET }}"
  phases:
    - {duration: 0.4, arrivalRate: 50, name: warm up}
    - {duration: 0.4, arrivalRate: 10, rampTo: 40}
    - {pause: 0.1}
    - {duration: 0.2, arrivalCount: 7}
  plugins: {expect: {}, ensure: {}}
  variables: {who: [ann, bob]}
  payload: {path: ids.csv, fields: [id, word], order: sequence, skipHeader: true}
  environments:
    away: {target: "http://127.0.0.1:9"}
before:
  flow:
    - post: {url: /echo, json: {token: t-1}, capture: {json: "$.headers[0][1]", as: host}}
scenarios:
  - name: buy
    flow:
      - get: {url: /api/health, expect: [{statusCode: 200}, {contentType: json}]}
      - loop:
          - post:
              url: "/echo?n={{ $loopCount }}&id={{ id }}"
              json: {who: "{{ who }}", id: "{{ id }}", n: "{{ $loopCount }}", host: "{{ host }}"}
              capture: [{json: $.method, as: m}, {json: $.body, as: sent}]
              expect: {equals: ["{{ m }}", POST], hasProperty: headers}
        count: 2
      - get: {url: /status/404, expect: {statusCode: 404}}
      - get: {url: "/status/{{ $nothing }}", ifTrue: "m == 3"}
"""


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with embedded.serving("--port", "0") as (_, url):
        yield url


def run(folder: Path, url: str, *more: str, text: str = TEST) -> Run:
    path = folder / "test.yml"
    path.write_text(text)
    (folder / "ids.csv").write_text("id,word\n7,one\n8,two\n")
    return fastbench("run", str(path), "-e", f"TARGET={url}", "-t", "2", "-q", *more)


def test_a_file_runs_as_many_users_as_its_phases_bring(tmp_path: Path, target: str) -> None:
    done = run(tmp_path, target)
    found = done.document
    (row,) = found["scenarios"]
    users = 20 + 10 + 7
    assert (row["name"], row["iterations"], row["dropped_iterations"]) == ("buy", users, 0)
    names = {(each["scenario"], each["name"]): each["requests"] for each in found["requests"]}
    assert names == {
        ("buy", "/api/health"): users,
        ("buy", "/echo"): 2 * users,
        ("buy", "/status/404"): users,
        ("setup", "/echo"): 1,
    }
    checks = {each["name"]: (each["passes"], each["fails"]) for each in found["checks"]}
    assert checks == {
        "contentType json: GET /api/health": (users, 0),
        "equals {{ m }}, POST: POST /echo": (2 * users, 0),
        "hasProperty headers: POST /echo": (2 * users, 0),
        "statusCode 200: GET /api/health": (users, 0),
        "statusCode 404: GET /status/404": (users, 0),
    }
    assert found["thresholds"]["checks: rate>=1"]["ok"] and not found["exceptions"]


def test_a_user_that_fails_has_the_error_and_the_line_and_sends_no_more(
    tmp_path: Path, target: str
) -> None:
    text = re.sub(r"phases:.*?plugins", SHORT, TEST, count=1, flags=re.DOTALL)
    text = text.replace("{json: $.method, as: m}", "{json: $.nothing, as: m}")
    found = run(tmp_path, target, text=text).document
    (row,) = found["exceptions"]
    line = text[1:].partition("$.nothing")[0].count("\n") + 2
    assert (row["type"], row["place"]) == ("Failed capture or match", f"test.yml:{line}")
    assert row["count"] == found["scenarios"][0]["iterations"] == 5
    names = [each["name"] for each in found["requests"] if each["scenario"] == "buy"]
    assert "/status/404" not in names


SOCKETS = """
config:
  target: "{{ $env.TARGET }}"
  phases: [{duration: 0.3, arrivalCount: 10}]
  socketio: {query: {v: "1"}}
  ws: {headers: {X-From: test}}
scenarios:
  - name: talk
    engine: ws
    flow:
      - connect: {target: "{{ target }}/ws/echo", subprotocols: []}
      - send: {payload: {id: 7}, capture: {json: $.id, as: id}}
      - send: "id {{ id }}"
      - wait: {match: {regexp: 'id (\\d)', group: 1, value: "7"}}
      - loop: [{send: {n: "{{ $loopCount }}"}}]
        count: 2
      - send: {payload: bye, match: {regexp: hello, value: hello}}
  - name: desk
    engine: socketio
    flow:
      - get: {url: /api/health}
      - emit: {channel: echo, data: {id: 7}}
        acknowledge: {capture: {json: $.0.id, as: id}, match: {json: $.0.id, value: 7}}
      - emit: {channel: echo, data: "hello {{ id }}"}
        response: {on: echo, data: "hello 7"}
      - emit: [echo, x]
        namespace: /tickets
"""


def test_users_talk_over_websockets_and_socket_io(tmp_path: Path, target: str) -> None:
    report = tmp_path / "report.json"
    more = ("-o", str(report))
    found = run(tmp_path, target, *more, text=SOCKETS).document
    users = {name: int(found["metrics"][f"vusers_{name}"]["values"]["count"]) for name in NAMES}
    assert sum(users.values()) == 10
    counters = json.loads(report.read_text())["aggregate"]["counters"]
    told = {name: counters.get(f"vusers.created_by_name.{name}", 0) for name in NAMES}
    assert told == users
    assert counters["socketio.emit"] == 3 * users["desk"]
    assert counters["http.requests"] == users["desk"]
    assert counters["vusers.failed"] == users["talk"]  # by their last step
    errors = [row["text"] for row in found["exceptions"]]
    assert errors == (["regexp hello of a message"] if users["talk"] else [])
    sent = {row["name"]: row["requests"] for row in found["requests"] if row["kind"] == "ws"}
    assert sent.get("send", 0) == 2 * users["talk"]
    assert sent.get("echo", 0) == users["desk"]


CODE = """
config:
  target: "{{ $env.TARGET }}"
  processor: ./code.js
  phases: [{duration: 0.2, arrivalCount: 5}]
  plugins: {expect: {}}
scenarios:
  - name: code
    beforeScenario: set
    afterScenario: [slow]
    flow:
      - function: later
      - post:
          url: /echo
          json: {}
          beforeRequest: change
          afterResponse: [keep]
          expect: {equals: ["{{ late }}", 43]}
      - get: {url: /status/204, expect: {equals: ["{{ sent }}", '{"id":42}']}}
      - loop: [get: {url: /api/health}]
        whileTrue: again
      - get: {url: /status/204, expect: {equals: ["{{ n }}", 3]}}
      - function: fail
"""
MODULE = """
module.exports = { set, later, change, keep, again, slow, fail };
function set(context, events, done) { context.vars.id = 42; done(); }
async function later(context, events) { context.vars.late = context.vars.id + 1; }
function change(request, context, events, next) { request.json = { id: context.vars.id }; next(); }
function keep(request, response, context, events, next) {
  context.vars.sent = JSON.parse(response.body).body;
  next();
}
function again(context, next) {
  context.vars.n = (context.vars.n || 0) + 1;
  next(context.vars.n < 3);
}
function slow(context, events, done) { setTimeout(done, 5); }
function fail(context, events, done) { done(context.vars.n === 3 ? new Error("no more") : null); }
"""


def test_functions_of_a_processor_run_in_javascript(tmp_path: Path, target: str) -> None:
    pytest.importorskip("fastbench.engine.javascript._quickjs")
    (tmp_path / "code.js").write_text(MODULE)
    found = run(tmp_path, target, text=CODE).document
    names = {row["name"]: row["requests"] for row in found["requests"]}
    assert names == {"/api/health": 15, "/echo": 5, "/status/204": 10}
    assert {(row["passes"], row["fails"]) for row in found["checks"]} == {(5, 0)}
    assert len(found["checks"]) == 3
    line = CODE.partition("function: fail")[0].count("\n") + 1
    (row,) = found["exceptions"]
    assert (row["type"], row["place"], row["count"]) == ("no more", f"test.yml:{line}", 5)
