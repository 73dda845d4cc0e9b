"""Scripts of k6 as scripts in Python: the same requests as k6 sends, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from converting import made, refused, requests
from own_sources import ROOT
from request_log import logging_server
from running import fastbench

pytest.importorskip("tree_sitter", reason="the extra `convert` is not installed")

SAMPLE = (Path(__file__).parent / "samples" / "shop.js").read_text()
ORDER = {"sku": "a-1", "count": 2, "gift": None}


def test_a_script_sends_what_it_sends_in_k6(tmp_path: Path) -> None:
    script, said = made(tmp_path, SAMPLE, "shop.js")
    assert said == ""
    with logging_server() as server:
        found = fastbench("run", str(script), "-q", "-e", f"BASE_URL={server.url}")
        assert found.code == 0, found.err
        came = requests(server)
        tokens = {h.get("authorization") or h.get("x-token") for h in server.headers}
    assert len(came) == 1 + 6 * 8 + 2 + 1 and ("DELETE", "/b", "") in came
    assert ("POST", "/orders", json.dumps(ORDER, sort_keys=True)) in came
    assert ("PUT", "/items/x", "size=3&text=a+b") in came
    assert tokens == {None, "Bearer t0", "t0"}
    assert {row["name"] for row in found.document["requests"]} >= {"order", "/orders/:id"}
    assert {row["name"]: row["passes"] for row in found.document["checks"]} == {
        "status is 200": 6,
        "has id": 6,
        "deleted": 6,
    }
    assert found.document["exceptions"] == []
    local = SAMPLE.replace("https://jslib.k6.io/k6-utils/1.4.0/index.js", "./utils.js")
    (tmp_path / "shop.js").write_text(local)
    (tmp_path / "utils.js").write_text("export function randomIntBetween(a, b) { return a; }")
    assert sent_by_k6(tmp_path / "shop.js") == came


def sent_by_k6(script: Path) -> list[tuple[str, str, str]]:
    """Return what a script sends in k6; skip the test where that is not installed."""
    installed = ROOT / "build" / "peers" / "bin" / "k6"
    k6 = str(installed) if installed.exists() else shutil.which("k6")
    if k6 is None:
        pytest.skip("k6 is not installed: make peers")
    with logging_server() as server:
        words = ("run", "-q", "--no-usage-report", "-e", f"BASE_URL={server.url}", script.name)
        subprocess.run([k6, *words], cwd=script.parent, capture_output=True, timeout=60, check=True)
        return requests(server)


def sent_by_fastbench(script: Path) -> list[tuple[str, str, str]]:
    with logging_server() as server:
        words = ("run", str(script), "-q", "-t", "1", "-e", f"BASE_URL={server.url}")
        found = fastbench(*words)
        assert found.code == 0 and found.document["exceptions"] == [], found.err
        assert {row["fails"] for row in found.document["checks"]} <= {0}
        return requests(server)


BATCHES = """
import http from 'k6/http';
import { check } from 'k6';
export const options = { iterations: 1 };
const URL = __ENV.BASE_URL;
const paths = ['/x', '/y'];
const fixed = [`${URL}/f1`, ['GET', `${URL}/f2`, null, { headers: { 'X-A': '1' } }]];
export default function () {
  const responses = http.batch({
    home: `${URL}/`,
    'an order': {
      method: 'POST', url: `${URL}/o`, body: JSON.stringify({ a: 1 }),
      params: { tags: { name: 'order' } },
    },
    del: ['DELETE', `${URL}/d`],
  });
  check(responses.home, { 'home is 200': (r) => r.status === 200 });
  check(responses['an order'], { 'order is 200': (r) => r.status === 200 });
  const method = 'PATCH';
  const first = { method: 'GET', url: `${URL}/one`, params: { headers: { 'X-B': '2' } } };
  const second = ['PUT', `${URL}/two`, { size: 3 }];
  const found = http.batch([first, second]);
  check(found[1], { 'put is 200': (r) => r.status === 200 });
  http.batch([
    `${URL}/m1`, { url: `${URL}/m2` }, [method, `${URL}/m3`, 'text'], ['HEAD', `${URL}/m4`],
  ]);
  http.batch(paths.map((path) => ['POST', URL + path, 'body']));
  http.batch(fixed);
  const more = [];
  for (const path of paths) { more.push({ method: 'OPTIONS', url: `${URL}/more${path}` }); }
  more.push(`${URL}/last`);
  const all = http.batch(more);
  check(all.length, { 'all came': (n) => n === 3 });
}
"""


def test_batches_of_all_kinds_send_what_they_send_in_k6(tmp_path: Path) -> None:
    script, said = made(tmp_path, BATCHES, "x.js")
    assert said == ""
    came = sent_by_fastbench(script)
    assert len(came) == 3 + 2 + 4 + 2 + 2 + 3
    assert ("POST", "/o", '{"a": 1}') in came and ("PATCH", "/m3", "text") in came
    assert came == sent_by_k6(tmp_path / "x.js")


def test_a_batch_of_something_that_is_not_known_is_marked(tmp_path: Path) -> None:
    text = BATCHES.replace("const all = http.batch(more)", "const all = http.batch(made())")
    assert "made() (line 32)" in made(tmp_path, text, "x.js")[1]


def test_what_has_no_counterpart_is_marked_with_its_line(tmp_path: Path) -> None:
    text = """
import http from 'k6/http';
import ws from 'k6/ws';
import { sleep } from 'k6';
export const options = { vus: 1, iterations: 1, dns: { ttl: '1m' } };
export default function () {
  const doc = http.get(`${__ENV.URL}/page`).html('a');
  const n = ((x) => { let y = x; return y * 2; })(4);
  switch (n) { case 1: sleep(1); case 2: sleep(2); }
  if (typeof doc === 'function') { sleep(1); }
  // The last one.
  http.get(`${__ENV.URL}/last`);
}
"""
    script, said = made(tmp_path, text, "shop.js", layout=False)
    lines = [each.partition("not carried over: ")[2] for each in said.splitlines()]
    assert [each.rpartition("(")[2] for each in lines] == [
        "line 3)",
        "line 5)",
        "line 7)",
        "line 8)",
        "line 9)",
        "line 10)",
    ]
    assert "doc = None" in script.read_text() and "# The last one." in script.read_text()
    with logging_server() as server:
        found = fastbench("run", str(script), "-q", "-e", f"URL={server.url}")
        assert found.code == 0, found.err
        assert [path for _, path, _ in server.came] == ["/last"]


def test_types_are_stripped(tmp_path: Path) -> None:
    text = """
import http from 'k6/http';
import { Options } from 'k6/options';
interface User { id: number }
export const options: Options = { iterations: 2 };
const path = (user: User): string => `/u/${user.id}`;
export default function (): void {
  const user = { id: 7 } as User;
  http.get(`${__ENV.URL}${path(user)}`);
}
"""
    pytest.importorskip("tree_sitter_typescript")
    script, said = made(tmp_path, text, "x.ts")
    assert said == ""
    with logging_server() as server:
        found = fastbench("run", str(script), "-q", "-e", f"URL={server.url}")
        assert found.code == 0, found.err
        assert [path for _, path, _ in server.came] == ["/u/7"] * 2


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "export default function () {\n let x = ;\n}": "x.js, line 2: this is no JavaScript",
        "let x = 1;": "has no default function",
    }.items(),
)
def test_what_is_no_script_is_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in refused(tmp_path, content, "x.js")


def test_a_switch_is_a_chain_of_conditions(tmp_path: Path) -> None:
    text = """
import http from 'k6/http';
export const options = { iterations: 4 };
function path(kind) {
  switch (kind) {
    case 0:
      return '/zero';
    case 1:
    case 2: {
      let found = '/one';
      if (typeof kind === 'string') { found = '/never'; }
      return found;
    }
    default:
      return '/other';
  }
}
export default function () {
  let more = '';
  switch (__ITER % 2 + 1) {
    case 1:
      more = '/odd';
      break;
    case 2:
      for (let i = 0; i < 9; i++) { more = i; break; }
      more = '/even';
  }
  http.get(`${__ENV.URL}${path(__ITER)}${more}`);
}
"""
    script, said = made(tmp_path, text, "x.js")
    assert said == ""
    with logging_server() as server:
        words = ("-e", f"URL={server.url}", "-u", "1")
        found = fastbench("run", str(script), "-q", *words)
        assert found.code == 0, found.err
        assert [path for _, path, _ in server.came] == [
            *("/zero/odd", "/one/even", "/one/odd", "/other/even")
        ]
    goes_on = text.replace("more = '/odd';\n      break;", "more = '/odd';")
    assert "a case that goes on in the next one" in made(tmp_path, goes_on, "x.js")[1]
    inner = text.replace("more = '/even';", "if (more) { break; }")
    assert "a break within a case" in made(tmp_path, inner, "x.js")[1]


MODULES = {
    "x.js": """
import http from 'k6/http';
import { sleep } from 'k6';
import { BASE, login as enter, pairs } from './lib/shop.js';
import visit from './lib/visit.js';
export const options = { iterations: 1 };
const path = '/main';
function last() { http.get(`${BASE}${path}`); }
export default function () {
  const token = enter('anna');
  visit(token);
  for (const pair of pairs) { visit(pair); }
  last();
}
""",
    "lib/shop.js": """
import http from 'k6/http';
import { check } from 'k6';
export const BASE = __ENV.BASE_URL;
export const pairs = ['a', 'b'];
const path = '/login';
export function login(user) {
  const res = http.post(BASE + path, JSON.stringify({ user: user }));
  check(res, { 'in': (r) => r.status === 200 });
  return res.json('token');
}
""",
    "lib/visit.js": """
import http from 'k6/http';
import { BASE } from './shop.js';
const path = '/visit/';
export default function (what) { return http.get(`${BASE}${path}${what}`); }
""",
}


def test_modules_of_its_own_become_part_of_the_script(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)
    script, said = made(tmp_path, MODULES["x.js"], "x.js")
    assert said == ""
    came = sent_by_fastbench(script)
    assert [path for _, path, _ in came] == [
        *("/main", "/visit/a", "/visit/b", "/visit/t0", "/login")
    ]
    assert came == sent_by_k6(tmp_path / "x.js")


def test_what_a_module_has_not_is_marked_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "own.js").write_text("export const a = 1;\nexport const b = ~a;\n")
    text = """
import http from 'k6/http';
import { a, other } from './own.js';
import { c } from './none.js';
import * as all from './own.js';
export default function () { http.get(`${__ENV.BASE_URL}/${a}`); }
"""
    _, said = made(tmp_path, text, "x.js", layout=False)
    lines = [each.partition("not carried over: ")[2] for each in said.splitlines()]
    assert lines == [
        "~a (./own.js, line 2)",
        "other of ./own.js (line 3)",
        "the import of ./none.js, which is not there (line 4)",
        "* as all from ./own.js; import its names instead (line 5)",
    ]


TYPED = {
    "order.ts": """
import http, { RefinedParams, Response, ResponseType } from 'k6/http';
import { check } from 'k6';
import type { Options } from 'k6/options';
import { Order, total } from './orders.ts';
import type { Kind } from './kinds.ts';
export const options: Options = { scenarios: {
  one: { executor: 'per-vu-iterations', vus: 1, iterations: 2, exec: 'buy' },
} };
const orders: Array<Order> = [{ id: 1, prices: [2, 3] }, { id: 2, prices: [4] }];
const params: RefinedParams<ResponseType> = { headers: { 'X-A': '1' } };
export function buy(): void {
  for (const order of orders) {
    const url: string = `${__ENV.BASE_URL}/o/${order.id}`;
    const res: Response = http.post(url, JSON.stringify(order), params);
    check(res, { 'bought': (r: Response): boolean => r.status === 200 });
    http.get(`${__ENV.BASE_URL}/sum/${total(order)}`);
  }
}
""",
    "steps.ts": """
import http from 'k6/http';
import { group } from 'k6';
type Step = { path: string; size?: number };
export const options = { iterations: 1 };
const steps = [{ path: '/a' }, { path: '/b' }] as Step[];
function url<T extends string>(path: T): string { return `${__ENV.BASE_URL}${path}`; }
export default (): void => {
  group('steps', (): void => {
    http.batch(steps.map((step: Step) => ['GET', url(step!.path)]));
    let count: number = 0;
    for (let i = 0; i < 2; i++) { count += i; }
    http.del(url(`/count/${count as number}`));
  });
};
""",
}
ORDERS = """
export interface Order { id: number; prices: number[] }
export function total(order: Order): number {
  let sum: number = 0;
  for (const price of order.prices) { sum += price; }
  return sum;
}
"""


@pytest.mark.parametrize("name", TYPED)
def test_typescript_sends_what_it_sends_in_k6(tmp_path: Path, name: str) -> None:
    pytest.importorskip("tree_sitter_typescript")
    (tmp_path / "orders.ts").write_text(ORDERS)
    (tmp_path / "kinds.ts").write_text("export type Kind = 'a' | 'b';")
    script, said = made(tmp_path, TYPED[name], name)
    assert said == ""
    came = sent_by_fastbench(script)
    assert len(came) == {"order.ts": 8, "steps.ts": 3}[name]
    assert came == sent_by_k6(tmp_path / name)
