"""Scripts of k6 as they stand, run against a server that tells what came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded import serving
from k6_texts import run_text
from running import Run, fastbench
from servers import OK, Peer, Server, answering

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
    return run_text(folder, HEAD + text, server, *more, workers=2)


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
        "import b from 'k6/htp'; export default () => {};": "did you mean k6/http?",
        "import b from 'k6/browser'; export default () => {};": "k6/browser: fastbench has no",
        "import b from './not.js'; export default () => {};": "./not.js, which is not there",
        "import b from 'https://x.test/a.js'; export default () => {};": "vendor/x.test/a.js",
        "export const options = {};": "no function default",
        "export const options = { dns: 1 }; export default () => {};": "dns is an object such as",
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


def test_forms_files_batches_and_cookies_are_sent_as_k6_sends_them(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"user": "ann"}')
    (tmp_path / "old.cjs").write_text("exports.twice = (x) => 2 * x;")
    text = """
import data from './data.json';
import { twice } from './old.cjs';
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
const rows = new SharedArray('rows', () => [{ a: 1 }, { a: 2 }]);
const raw = open('./data.json', 'b');
export const options = { vus: 1, iterations: 1 };
export default async function () {
  const one = http.batch([['POST', `${URL}/form`, { a: 'b c', d: [1, 2] }], `${URL}/plain`]);
  const named = http.batch({ x: { method: 'PUT', url: `${URL}/put`, body: 'text' } });
  http.post(`${URL}/file`, { file: http.file(raw, 'd.json', 'application/json'), note: 'hi' });
  http.get(http.url`${URL}/users/${twice(21)}`, { cookies: { c: 'v' } });
  const later = await http.asyncRequest('GET', `${URL}/later`);
  await new Promise((done) => setTimeout(done, 5));
  check(null, {
    batch: one.length === 2 && one[1].status === 200 && named.x.status === 200,
    modules: data.user === 'ann' && rows.length === 2 && rows[1].a === 2,
    frozen: (() => { try { rows[0].a = 9; return false; } catch (error) { return true; } })(),
    later: later.status === 200,
    vu: exec.vu.idInTest === 1 && exec.scenario.name === 'default',
  });
}
"""
    requests: list[bytes] = []

    def keeping(peer: Peer) -> None:
        while True:
            requests.append(peer.request())
            peer.send(OK)

    with Server(keeping) as keeper:
        found = run(tmp_path, text, keeper, "-t", "1")
    assert found.document["exceptions"] == [], found.document["exceptions"]
    assert {row["name"]: row["passes"] for row in found.document["checks"]} == dict.fromkeys(
        ("batch", "modules", "frozen", "later", "vu"), 1
    )
    sent = b"".join(requests)
    assert b"a=b+c&d=1&d=2" in sent and b"application/x-www-form-urlencoded" in sent
    assert b'filename="d.json"' in sent and b'{"user": "ann"}' in sent and b"\r\n\r\nhi" in sent
    assert b"GET /users/42 " in sent and b"c=v" in sent
    assert any(row["name"].endswith("/users/${}") for row in found.document["requests"])


def test_a_socket_hears_its_events_and_counts_as_k6_counts(tmp_path: Path) -> None:
    text = """
import ws from 'k6/ws';
export const options = { vus: 2, iterations: 4 };
export default function () {
  const heard = [];
  const response = ws.connect(`${URL.replace('http', 'ws')}/ws/echo`, {}, (socket) => {
    socket.on('open', () => { heard.push('open'); socket.send('one'); });
    socket.on('message', (text) => { heard.push(text); socket.ping(); });
    socket.on('pong', () => { heard.push('pong'); socket.sendBinary(new Uint8Array([7]).buffer); });
    socket.on('binaryMessage', (data) => { heard.push(new Uint8Array(data)[0]); });
    socket.setTimeout(() => socket.close(), 60);
    socket.on('close', (code) => heard.push(code));
  });
  check(heard, { heard: (h) => h.join() === 'open,one,pong,7,1001' });
  check(response, { opened: (r) => r.status === 101 });
  let ran = false;
  const lost = ws.connect('ws://127.0.0.1:1/', () => { ran = true; });
  check(lost, { refused: (r) => !ran && r.status === 0 && r.error.length > 0 });
}
"""
    with serving() as (_, url):
        path = tmp_path / "script.js"
        path.write_text(HEAD + text)
        found = fastbench("run", str(path), "-e", f"URL={url}", "-t", "1", "-q")
    assert {row["name"]: row["passes"] for row in found.document["checks"]} == dict.fromkeys(
        ("heard", "opened", "refused"), 4
    )
    assert found.document["metrics"]["ws_sessions"]["values"]["count"] == 8, "the refused, too"


def test_a_check_counts_where_it_ran_however_often_it_was_counted_before(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { vus: 2, iterations: 12, thresholds: { 'checks{own:yes}': ['rate==0'] } };
const even = { 'is even': () => __VU > 0, 7: true };
export default function () {
  check(null, even);
  group('outer', () => {
    check(null, even);
    group('inner', () => check(null, { 'is even': false }));
    check(null, { 'is even': true });
  });
  check(null, { 'is even': false }, { own: 'yes' });
  check(null, even);
  for (let i = 0; i < 300; i++) check(null, { [`name ${i % 150}`]: i < 200 });
  try {
    check(null, { 'throws': () => { throw new Error('on purpose'); }, 'not reached': true });
  } catch (error) {
    check(error, { 'was thrown': (e) => e.message === 'on purpose' });
  }
}
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    rows = {(row["group"], row["name"]): row for row in found.document["checks"]}
    counts = {key: (row["passes"], row["fails"]) for key, row in rows.items()}
    names = [key for key in counts if key[1].startswith("name ")]
    assert len(names) == 150
    assert sum(counts[key][0] for key in names) == 12 * 200
    assert sum(counts[key][1] for key in names) == 12 * 100
    assert {key: count for key, count in counts.items() if key not in names} == {
        ("", "is even"): (24, 12),
        ("", "7"): (24, 0),
        ("::outer", "is even"): (24, 0),
        ("::outer", "7"): (12, 0),
        ("::outer::inner", "is even"): (0, 12),
        ("", "throws"): (0, 12),
        ("", "was thrown"): (12, 0),
    }
