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
    installed = ROOT / "build" / "peers" / "bin" / "k6"
    k6 = str(installed) if installed.exists() else shutil.which("k6")
    if k6 is None:
        pytest.skip("k6 is not installed: make peers")
    local = SAMPLE.replace("https://jslib.k6.io/k6-utils/1.4.0/index.js", "./utils.js")
    (tmp_path / "shop.js").write_text(local)
    (tmp_path / "utils.js").write_text("export function randomIntBetween(a, b) { return a; }")
    with logging_server() as server:
        words = ("run", "-q", "--no-usage-report", "-e", f"BASE_URL={server.url}", "shop.js")
        subprocess.run([k6, *words], cwd=tmp_path, capture_output=True, timeout=60, check=True)
        assert requests(server) == came


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
