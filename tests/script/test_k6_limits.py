"""What keeps one user of a script of k6 from holding up the others, and the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from k6_texts import run_text
from running import Run
from servers import OK, Server, answering

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

HEAD = """import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
const URL = __ENV.URL;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def run(folder: Path, text: str, server: Server, *more: str) -> Run:
    """Run a script of this text with one worker, so that its users share a thread."""
    return run_text(folder, HEAD + text, server, *more)


def test_a_getter_without_end_ends_its_iteration_and_not_the_run(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { vus: 2, iterations: 2 };
export default function () {
  if (__VU === 1) {
    try { http.batch([['GET', URL, null, { tags: { get part() { for (;;); } } }]]); } catch (_) {}
    check(null, { 'went on': true });
  }
  http.get(URL);
}
"""
    found = run(tmp_path, text, server)
    (row,) = found.document["exceptions"]
    assert "ran for more than a second" in row["text"]
    assert (row["type"], row["place"], row["count"]) == ("InternalError", "script.js:9", 1)
    assert found.document["checks"] == []
    assert found.document["summary"]["ok"] == 1


def test_operations_without_end_leave_the_others_their_turns(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { scenarios: { s: {
  executor: 'constant-vus', vus: 2, duration: '500ms', gracefulStop: '0s' } } };
export default function () {
  if (__VU === 1) for (;;) exec.vu.idInTest;
  http.get(URL);
}
"""
    found = run(tmp_path, text, server)
    assert found.document["summary"]["ok"] > 1
    assert found.document["scenarios"][0]["interrupted"] >= 1


def test_blocked_servers_give_responses_and_are_not_reached(tmp_path: Path, server: Server) -> None:
    text = """
export const options = {
  blockHostnames: ['blocked.test', '*.bad.test'], blacklistIPs: ['127.0.0.8/29'],
  hosts: { 'blocked.test': '127.0.0.1', 'a.bad.test': '127.0.0.1', 'nine.test': '127.0.0.9' },
};
const is = (url, code, error) => check(http.get(url), {
  [url]: (r) => r.status === 0 && r.error_code === code && r.error === error && r.body === null,
});
export default function () {
  const port = URL.split(':')[2].split('/')[0];
  is(`http://blocked.test:${port}/`, 1111, 'hostname is blocked');
  is(`http://a.bad.test:${port}/`, 1111, 'hostname is blocked');
  is(`http://nine.test:${port}/`, 1110, 'ip is blacklisted');
  try { http.get(`http://blocked.test:${port}/`, { throw: true }); } catch (error) {
    check(error, { throws: (e) => `${e}`.includes('hostname is blocked') });
  }
  is(`http://127.0.0.10:${port}/`, 1110, 'ip is blacklisted');
  http.get(URL);
}
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    checks = [(row["passes"], row["fails"]) for row in found.document["checks"]]
    assert checks == [(1, 0)] * 5
    assert (found.document["summary"]["ok"], found.document["summary"]["failed"]) == (1, 5)
    assert "blocked by the script" in found.out + str(found.document)


@pytest.mark.parametrize(("name", "value"), [("blockHostnames", "a*b"), ("blacklistIPs", "10.0")])
def test_what_is_no_pattern_and_no_network_is_refused(
    tmp_path: Path, server: Server, name: str, value: str
) -> None:
    text = f"export const options = {{ {name}: ['{value}'] }}; export default () => {{}};"
    found = run(tmp_path, text, server)
    assert found.code == 104
    assert f"{name} has {value}" in found.err
