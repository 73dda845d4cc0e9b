"""Scripts of k6 that would never end, or take all memory: the iteration is what it costs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from k6_texts import run_text
from running import start, until
from servers import OK, Server, answering

from fastbench.machine import limits, system_files

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

HEAD = """import http from 'k6/http';
import { check, sleep } from 'k6';
const URL = __ENV.URL;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def test_an_iteration_that_computes_for_too_long_is_counted_and_its_user_goes_on(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { vus: 2, iterations: 6 };
export default function () {
  if (__ITER === 1) {
    for (let i = 0; ; i++) {
      Math.sqrt(i);
    }
  }
  sleep(0.06);
  http.get(URL);
}
"""
    found = run_text(tmp_path, HEAD + text, server, "--iteration-limit", "50ms")
    assert found.code == 0, found.err
    rows = found.document["exceptions"]
    for row in rows:
        assert row["text"] == "computed for more than 0.05 s (--iteration-limit)"
        assert row["type"] == "InternalError"
        assert row["place"] in ("script.js:7", "script.js:8", "script.js:9")
    (scenario,) = found.document["scenarios"]
    assert (sum(row["count"] for row in rows), scenario["iterations"]) == (2, 6)
    assert found.document["summary"]["ok"] == 4


def test_memory_that_is_spent_costs_the_iteration(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { vus: 2, iterations: 6 };
export default function () {
  if (__ITER === 1) {
    const all = [];
    for (;;) all.push({ all });
  }
  http.get(URL);
}
"""
    found = run_text(tmp_path, HEAD + text, server, "--memory-limit", "32MiB")
    assert found.code == 0, found.err
    (row,) = found.document["exceptions"]
    assert row["text"] == (
        "out of memory: the users of a worker may hold 32.0MiB together (--memory-limit)"
    )
    assert (row["place"], row["count"]) == ("script.js:9", 2)
    assert found.document["summary"]["ok"] == 4


def test_memory_that_the_script_keeps_ends_a_run_in_order(tmp_path: Path, server: Server) -> None:
    text = """
const all = [];
export const options = { iterations: 100 };
export default function () {
  for (;;) all.push('text ' + all.length);
}
"""
    found = run_text(tmp_path, HEAD + text, server, "--memory-limit", "32MiB")
    assert found.code == 107, found.err
    rows = found.document["exceptions"]
    assert all("--memory-limit" in row["text"] for row in rows)
    assert sum(row["count"] for row in rows) == 100
    assert found.document["scenarios"][0]["iterations"] == 100


def test_a_script_that_needs_more_to_be_loaded_is_told_the_flag(
    tmp_path: Path, server: Server
) -> None:
    text = "const all = [];\nfor (;;) all.push({});\nexport default () => {};\n"
    found = run_text(tmp_path, HEAD + text, server, "--memory-limit", "32MiB")
    assert (found.code, found.document) == (107, {})
    assert "script.js, line 5: InternalError: " in found.err
    assert "out of memory: the users of a worker may hold 32.0MiB together" in found.err


def test_a_limit_that_is_too_low_for_any_script_is_refused(tmp_path: Path, server: Server) -> None:
    found = run_text(tmp_path, "export default () => {};", server, "--memory-limit", "1MB")
    assert found.code == 1
    assert "--memory-limit 1MB is too little; give 16.0MiB or more" in found.err


def test_free_memory_is_the_limit_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/memory.max": "4096\n"}
    monkeypatch.setattr(system_files, "text", lambda path: texts.get(path, ""))
    table = {"MemAvailable": ["8", "kB"]}
    monkeypatch.setattr(system_files, "table", lambda path: table)
    assert limits.usable_memory_bytes() == 4096
    texts["/sys/fs/cgroup/a/memory.max"] = "max\n"
    assert limits.usable_memory_bytes() == 8192
    table.clear()
    assert limits.usable_memory_bytes() is None


def test_a_signal_ends_users_in_loops_at_once(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "script.js"
    path.write_text(
        HEAD
        + """
export const options = { vus: 20, duration: '1m' };
export default function () {
  http.get(URL);
  for (;;) { try { for (;;); } catch (_) {} finally { /(x+x+)+y/.test('x'.repeat(40)); } }
}
"""
    )
    words = ("run", str(path), "-e", f"URL={server.url('')}", "-t", "1", "-q")
    begun = server.seen.requests
    with start(*words) as process:
        until(lambda: server.seen.requests >= begun + 20)
        elapsed_s = process.elapsed_s
        process.signal_group(signal.SIGINT)
        found = process.finish()
    assert (found.code, found.summary["ended"]) == (105, "interrupted")
    assert found.elapsed_s - elapsed_s < 5
    assert found.document["scenarios"][0]["interrupted"] == 20
