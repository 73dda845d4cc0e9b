"""Scripts of k6 as they stand, run against a server that tells what came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Run, fastbench
from servers import OK, Server, answering

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

HEAD = """
import http from 'k6/http';
import { check, group, sleep, fail } from 'k6';
const URL = __ENV.URL;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def run(folder: Path, text: str, server: Server, *more: str) -> Run:
    """Run a script of this text with two workers."""
    path = folder / "script.js"
    path.write_text(HEAD + text)
    return fastbench("run", str(path), "-e", f"URL={server.url()}", "-t", "2", "-q", *more)


def test_an_iteration_counts_its_checks_groups_metrics_and_requests(
    tmp_path: Path, server: Server
) -> None:
    text = """
import { Counter, Trend } from 'k6/metrics';
const hits = new Counter('hits');
const took = new Trend('took', true);
export const options = {
  vus: 3, iterations: 20, thresholds: { hits: ['count==40'], 'checks{part:one}': ['rate==1'] },
};
export function setup() { return { token: 't0', list: [1, 2] }; }
export default function (data) {
  const res = http.get(`${URL}/a`, { headers: { 'X-Token': data.token }, tags: { name: 'a' } });
  check(res, { ok: (r) => r.status === 200, 'never': false }, { part: 'one' });
  check(res, { ok: (r) => r.timings.duration > 0 && r.headers['Content-Length'] !== undefined });
  hits.add(2);
  took.add(res.timings.duration);
  group('inner', () => group('deep', () => http.post(`${URL}/b`, { x: 'y z' })));
  data.list.push(3);
  if (data.list.length !== 3 + __ITER) fail(`${data.list}`);
}
"""
    text = text.replace("'never': false", "yes: true")
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    rows = {row["name"]: row for row in found.document["requests"]}
    assert rows["a"]["requests"] == 20
    checks = {row["name"]: (row["passes"], row["fails"]) for row in found.document["checks"]}
    assert checks == {"ok": (40, 0), "yes": (20, 0)}
    assert found.document["scenarios"][0]["iterations"] == 20
    assert found.document["summary"]["ok"] == 40


def test_each_user_has_variables_and_a_global_object_of_its_own(
    tmp_path: Path, server: Server
) -> None:
    (tmp_path / "lib.js").write_text("export let n = 0; export function inc() { n += 1; }")
    text = """
import { n, inc } from './lib.js';
export const options = {
  scenarios: { s: { executor: 'per-vu-iterations', vus: 4, iterations: 5 } },
};
let own = 0;
export default function () {
  inc(); own += 1; globalThis.seen = (globalThis.seen || 0) + 1;
  http.get(`${URL}/`);
  check(null, { alone: () => n === __ITER + 1 && own === n && globalThis.seen === n });
}
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    assert [(row["passes"], row["fails"]) for row in found.document["checks"]] == [(20, 0)]


def test_an_error_has_the_file_the_line_and_ends_its_iteration_only(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { iterations: 4 };
export default function () {
  http.get(`${URL}/`);
  null.oops;
}
"""
    found = run(tmp_path, text, server)
    (row,) = found.document["exceptions"]
    assert (row["type"], row["place"], row["count"]) == ("TypeError", "script.js:9", 4)
    assert found.document["scenarios"][0]["iterations"] == 4


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "import b from 'k6/browser'; export default () => {};": "k6/browser: fastbench has no",
        "import b from './not.js'; export default () => {};": "./not.js, which is not there",
        "import b from 'https://x.test/a.js'; export default () => {};": "vendor/x.test/a.js",
        "export const options = {};": "no function default",
        "export const options = { oops: 1 }; export default () => {};": "oops, which k6 does",
        "export default function () { let x = ; }": "script.js, line 6: SyntaxError",
        "http.get('http://127.0.0.1:1/'); export default () => {};": "init context",
    }.items(),
)
def test_what_cannot_run_is_refused_before_any_request(
    tmp_path: Path, server: Server, text: str, said: str
) -> None:
    found = run(tmp_path, "\n" + text, server)
    assert found.code == 107 or found.code == 104, found.err
    assert said in found.err
    assert "Traceback" not in found.err


def test_an_endless_loop_leaves_the_others_their_turns(tmp_path: Path, server: Server) -> None:
    text = """
export const options = {
  scenarios: {
    stuck: { executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '0s', exec: 'stuck' },
    free: { executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '1s', exec: 'free' },
  },
};
export function stuck() { for (;;) {} }
export function free() { http.get(`${URL}/`); }
"""
    found = run(tmp_path, text, server, "-t", "1")
    rows = {row["name"]: row for row in found.document["scenarios"]}
    assert rows["free"]["iterations"] > 10
    assert rows["stuck"]["interrupted"] == 1
    json.dumps(found.document)
