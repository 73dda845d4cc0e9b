"""What Artillery's documentation shows, page by page in our own words: the same counts as there.

Each sample is run by both, on one server that answers like httpbin (`named_server`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from beside_artillery import both, needs_artillery, run_artillery
from converting import made, requests
from named_server import named_server
from request_log import logging_server
from running import fastbench

CONFIG = """
config:
  target: "{{ $env.TARGET }}"
  phases: [{duration: 1, arrivalCount: 4}]
"""
MODULE = """
module.exports = { stamp, keep, mark, again, later };
function stamp(request, context, events, next) {
  request.headers = { ...request.headers, "x-stamp": "7" };
  return next();
}
function keep(request, response, context, events, next) {
  context.vars.stamp = JSON.parse(response.body).headers["x-stamp"];
  return next();
}
function mark(context, events, done) { context.vars.turns = 0; return done(); }
function again(context, next) { context.vars.turns += 1; return next(context.vars.turns < 3); }
async function later(context, events) { context.vars.late = "yes"; }
"""
SAMPLES = {
    "phases": """
  phases:
    - {duration: 1, arrivalRate: 2, name: first}
    - {pause: 1}
    - {duration: 1, arrivalRate: 1, rampTo: 5, name: second}
    - {duration: 1, arrivalCount: 3}
scenarios: [{flow: [get: {url: /get}]}]
""",
    "environments": """
  variables: {color: red}
  environments:
    other:
      variables: {color: blue}
      phases: [{duration: 1, arrivalCount: 6}]
      plugins: {expect: {}}
scenarios:
  - flow:
      - get:
          url: "/get?color={{ color }}&of={{ $environment }}"
          capture: [{json: $.args.color, as: c}, {json: $.args.of, as: of}]
          expect: [{equals: ["{{ c }}", blue]}, {equals: ["{{ of }}", other]}]
""",
    "weights and hooks of the test": """
  plugins: {expect: {}}
before:
  flow: [post: {url: /post, json: {t: secret-1}, capture: {json: $.json.t, as: token}}]
after:
  flow: [get: {url: /get}]
scenarios:
  - {name: never, weight: 0, flow: [get: {url: /status/500}]}
  - name: always
    weight: 3
    flow:
      - get:
          url: /get
          headers: {x-token: "{{ token }}"}
          capture: {json: "$.headers['X-Token']", as: t, strict: false}
          expect: [{statusCode: 200}, {equals: ["{{ token }}", secret-1]}]
""",
    "capture and match": """
scenarios:
  - flow:
      - post:
          url: /post
          json: {items: [{id: 1, of: a}, {id: 2, of: b}], n: 3}
          capture:
            - {json: "$.json.items[1].id", as: second}
            - {json: "$.json.items[?(@.of=='a')].id", as: first}
            - {json: "$..n", as: n}
            - {header: content-type, as: kind}
            - {regexp: '"method": ?"(\\w+)"', group: 1, as: method}
          match: {json: "$.json.n", value: 3}
      - get: {url: "/get?{{ method }}={{ second }}", match: {json: $.args.POST, value: "2"}}
      - get: {url: /get, capture: {json: $.none, as: x, strict: false}}
      - get: {url: "/get?x={{ first }}", match: {json: $.args.x, value: "9"}}
      - get: {url: /status/500}
""",
    "expectations": """
  plugins: {expect: {}}
scenarios:
  - flow:
      - get:
          url: /get?a=1
          expect:
            - statusCode: [200, 201]
            - contentType: json
            - hasHeader: content-type
            - headerEquals: [content-type, application/json; charset=utf-8]
            - notStatusCode: 404
            - hasProperty: args.a
            - notHasProperty: args.b
      - get: {url: /status/404, expect: {statusCode: 200}}
      - get: {url: /status/404, expect: [{statusCode: 404}, {contentType: json}]}
      - get: {url: /status/201, expect: {matchesRegexp: 'status \\d+'}}
""",
    "bodies": """
  plugins: {expect: {}}
scenarios:
  - flow:
      - post: {url: /post, json: {a: "{{ $uuid }}", b: [1, null, true]}, expect: {statusCode: 200}}
      - put: {url: /put, body: "plain", capture: {json: $.data, as: d},
              expect: {equals: ["{{ d }}", plain]}}
      - post: {url: /post, form: {x: "a b", y: 2}, capture: {json: $.form.x, as: x},
               expect: {equals: ["{{ x }}", "a b"]}}
      - post:
          url: /post
          formData: {x: one, up: {fromFile: ./up.txt, contentType: text/plain}}
          capture: [{json: "$.files.up[0]", as: name}, {json: "$.files.up[1]", as: kind}]
          expect: [{equals: ["{{ name }}", up.txt]}, {equals: ["{{ kind }}", text/plain]}]
      - get: {url: /get, qs: {a: 1, b: "c d"}, capture: {json: $.args.b, as: b},
              expect: {equals: ["{{ b }}", "c d"]}}
      - patch: {url: /patch, json: {}}
      - delete: {url: /delete}
      - head: {url: /get}
      - options: {url: /get}
""",
    "cookies, authentication, redirects, gzip": """
  plugins: {expect: {}}
scenarios:
  - flow:
      - get: {url: "/cookies/set?zero=0", followRedirect: false}
      - get: {url: "/cookies/set?one=1", capture: {json: $.cookies.one, as: one},
              expect: {equals: ["{{ one }}", "1"]}}
      - get: {url: /cookies, cookie: {two: "2"}, capture: {json: $.cookies.two, as: two},
              expect: {equals: ["{{ two }}", "2"]}}
      - get: {url: /basic-auth/ann/pw, auth: {user: ann, pass: pw}, expect: {statusCode: 200}}
      - get: {url: /basic-auth/ann/pw, auth: {user: ann, pass: no}, expect: {statusCode: 401}}
      - get: {url: /redirect/2, expect: {statusCode: 200}}
      - get: {url: /redirect/2, followRedirect: false, expect: {statusCode: 302}}
      - get: {url: /coded/gzip, gzip: true, capture: {regexp: coded, as: c},
              expect: {equals: ["{{ c }}", coded]}}
""",
    "loops and conditions": """
  variables: {names: [[x, y, z]]}
scenarios:
  - flow:
      - loop: [get: {url: "/get?n={{ $loopCount }}"}]
        count: 3
      - loop: [get: {url: "/get?n={{ $loopElement }}"}]
        over: [a, b]
      - loop: [get: {url: "/get?n={{ $loopElement }}", ifTrue: "at == 1"}]
        over: names
        loopValue: at
      - loop: [{think: "10ms"}, {loop: [get: {url: /get}], count: 2}]
        count: 2
      - get: {url: /status/500, ifTrue: "names == 7"}
      - parallel: [{get: {url: /get}}, {get: {url: /get}}]
      - log: "done {{ names.length }}"
      - think: 0
""",
    "functions": """
  processor: ./code.js
  plugins: {expect: {}}
scenarios:
  - beforeScenario: mark
    afterScenario: [later]
    beforeRequest: stamp
    flow:
      - function: later
      - get:
          url: /get
          afterResponse: keep
          expect: [{equals: ["{{ late }}", "yes"]}, {statusCode: 200}]
      - loop: [get: {url: /get}]
        whileTrue: again
""",
    "payload": """
  plugins: {expect: {}}
  payload:
    - {path: users.csv, fields: [name, word], order: sequence, skipHeader: true}
    - {path: users.csv, name: everybody, loadAll: true, fields: [name, word], skipHeader: true}
scenarios:
  - flow:
      - get:
          url: "/get?n={{ name }}&w={{ word }}&e={{ everybody[1].word }}"
          capture: [{json: $.args.e, as: e}, {json: $.args.n, as: n}]
          expect: [{equals: ["{{ e }}", two]}, {equals: ["{{ n }}", "{{ name }}"]}]
""",
    "ensure and endpoints": """
  plugins:
    ensure: {}
    metrics-by-endpoint: {stripQueryString: true}
  ensure:
    thresholds: [{http.response_time.p95: 5000}]
    conditions: [{expression: "vusers.failed == 0 and http.requests > 3"}]
    maxErrorRate: 0
scenarios: [{flow: [get: {url: "/get?a=1", name: one}, post: {url: /post, body: x}]}]
""",
    "errors": """
scenarios:
  - flow:
      - get: {url: /status/503}
      - get: {url: /broken}
      - get: {url: /get}
""",
}


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with named_server() as server:
        yield f"http://127.0.0.1:{server.http}"


def written(folder: Path, rest: str) -> None:
    """Write a sample with the files that it names; its phases go before ours."""
    config = CONFIG if "\n  phases:\n" not in rest else CONFIG.replace(CONFIG.splitlines()[3], "")
    (folder / "test.yml").write_text(config.rstrip("\n") + rest)
    (folder / "code.js").write_text(MODULE)
    (folder / "up.txt").write_text("up")
    (folder / "users.csv").write_text("name,word\nann,one\nbob,two\n")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_runs(name: str, target: str, tmp_path: Path) -> None:
    if name == "functions":
        pytest.importorskip("fastbench.engine.javascript._quickjs")
    written(tmp_path, SAMPLES[name])
    words = ("-e", "other") if name == "environments" else ()
    done = fastbench("run", "-e", f"TARGET={target}", *words, "-q", str(tmp_path / "test.yml"))
    assert done.code in (0, 99, 107, 122), done.err  # by samples that fail on purpose
    failed = {row["name"] for row in done.document["checks"] if row["fails"]}
    assert len(failed) == (2 if name == "expectations" else 0), failed
    # Capturing and the errors end their users on purpose.
    assert bool(done.document["exceptions"]) == (name in ("capture and match", "errors"))


@pytest.mark.alone
@pytest.mark.slow
@needs_artillery
@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_counts_what_it_counts_in_artillery(
    name: str, target: str, tmp_path: Path
) -> None:
    written(tmp_path, SAMPLES[name])
    words = ("-e", "other") if name == "environments" else ()
    ours, theirs = both(tmp_path, {"TARGET": target}, words)
    if name == "weights and hooks of the test":  # ours has the two requests of before and after
        for key in ("http.requests", "http.responses", "http.codes.200"):
            theirs[key] += 2
    if "plugins.expect.ok.headerEquals" in ours:  # named by the header there
        named = "plugins.expect.ok.header content-type values equals"
        theirs["plugins.expect.ok.headerEquals"] = theirs.pop(named)
    assert ours == theirs


@pytest.mark.alone
@pytest.mark.slow
@needs_artillery
def test_a_converted_sample_sends_what_artillery_sends(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "convert" / "samples" / "shop.yml").read_text()
    script, _ = made(tmp_path, text, "test.yml")
    with logging_server() as server:
        run_artillery(tmp_path, {}, ("--target", server.url))
        theirs = set(requests(server))
        server.taken()
        assert fastbench("run", str(script), "-q", "-e", f"BASE_URL={server.url}").code == 0
        assert set(requests(server)) == theirs
