"""Scripts of k6 that do what nobody should: each gets a sentence, and the run goes on or ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from case import answer
from k6_texts import run_text
from running import Run
from servers import OK, Peer, Server, answering

from fastbench.cli.output import k6_summary
from fastbench.foundation.usage_error import UsageError
from fastbench.script import parent
from fastbench.script.exceptions import Broken
from fastbench.script.run_request import RunRequest

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

HEAD = """
import http from 'k6/http';
import { check, group, sleep } from 'k6';
import exec from 'k6/execution';
import { Counter, Gauge } from 'k6/metrics';
const URL = __ENV.URL;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def run(folder: Path, text: str, server: Server, *more: str) -> Run:
    return run_text(folder, HEAD + text, server, *more)


def logged(found: Run) -> list[str]:
    return found.err.splitlines()


@pytest.mark.parametrize(
    ("options", "said"),
    {
        "{ get vus() { throw new Error('not today'); } }": "options cannot be read: .*not today",
        "{ vus: 10n ** 5000n }": "options cannot be read: .*4300 digits",
        "{ tags: new Proxy({}, { ownKeys() { return ['a', 'a']; } }) }": "options cannot be read",
        "{ scenarios: 1.5 }": "scenarios is an object such as",
        "{ scenarios: { s: { executor: 'ramping-vus', stages: 5 } } }": "stages of scenario s is a",
        "{ scenarios: { s: { executor: 'constant-vus', env: 'x' } } }": "env of scenario s is an",
        "{ scenarios: { s: { executor: 'constant-vus', options: 5 } } }": "options of scenario s",
        "{ stages: 5 }": "stages is a list such as",
        "{ thresholds: ['p(95)<200'] }": "thresholds is an object such as",
        "{ tags: 'x' }": "tags is an object such as",
        "{ hosts: ['x'] }": "hosts is an object such as",
        "{ rps: '5' }": "rps is a whole number",
        "{ rps: Infinity }": "rps is a whole number",
        "{ summaryTimeUnit: [1] }": "summaryTimeUnit is s, ms or us",
        "{ systemTags: 5 }": "systemTags is a list of names",
        "{ systemTags: ['url', null] }": "systemTags is a list of names",
        "{ throw: () => 1 }": "options.throw is a function",
        "{ cloud: { a: [1, () => 1] } }": r"options.cloud.a.1 is a function",
    }.items(),
)
def test_options_of_a_wrong_kind_are_told_in_one_sentence(
    tmp_path: Path, options: str, said: str
) -> None:
    from fastbench.script.load.k6_host import K6Host

    path = tmp_path / "script.js"
    path.write_text(f"export const options = {options};\nexport default () => {{}};")
    with pytest.raises(Broken, match=said):
        K6Host(RunRequest(script=str(path))).load(lambda shared, limit: 0)


@pytest.mark.parametrize(
    "call", ["group('a', () => 1)", "sleep(1)", "setTimeout(() => 1, 1)", "exec.test.abort('x')"]
)
def test_the_init_context_refuses_what_needs_an_iteration(
    tmp_path: Path, server: Server, call: str
) -> None:
    found = run(tmp_path, f"{call};\nexport default () => {{}};", server)
    assert found.code == 107
    (line,) = logged(found)
    assert "script.js, line 7: GoError: " in line
    assert "cannot be used in the init context" in line


def test_parameters_of_a_wrong_kind_are_named_and_errors_are_not_named_twice(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { iterations: 1 };
export default function () {
  for (const params of [
    { headers: 5 }, { tags: ['x'] }, { cookies: 'x' }, { redirects: Infinity }, { timeout: {} },
    { headers: { a: Symbol('x') } },
  ]) {
    try {
      http.get(`${URL}/`, params);
      console.log('sent');
    } catch (error) { console.log(String(error)); }
  }
  try { http.get(`${URL}/`).json(); } catch (error) { console.log(String(error)); }
}
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    first, *_, symbol, json_error = logged(found)
    assert logged(found)[:5] == [
        "GoError: headers of a request is an object such as { name: 'value' }",
        "GoError: tags of a request is an object such as { name: 'value' }",
        "GoError: cookies of a request is an object such as { name: 'value' }",
        "GoError: invalid redirects value: inf; write a number such as 5",
        "GoError: invalid timeout value: {}; write '30s', or milliseconds",
    ], first
    assert symbol == "TypeError: cannot convert symbol to string"
    assert json_error.startswith("GoError: cannot parse json due to an error: unexp")


def test_views_of_bytes_are_bodies(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 1 };
export default function () {
  const bytes = new Uint8Array([1, 2, 65, 66, 3]).buffer;
  http.post(`${URL}/`, new DataView(bytes, 2, 2));
}
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    assert server.seen.last.endswith(b"\r\n\r\nAB")


def test_numbers_without_end_are_refused_by_metrics_and_do_no_harm_elsewhere(
    tmp_path: Path, server: Server
) -> None:
    text = """
const hits = new Counter('hits'), level = new Gauge('level');
export const options = {
  scenarios: {
    s: { executor: 'constant-vus', vus: 1, duration: '300ms', gracefulStop: '100ms' },
  },
};
export default function () {
  for (const value of [1.7e308, Infinity]) {
    for (const metric of [hits, level]) {
      try { metric.add(value); } catch (error) { console.log(String(error)); }
    }
  }
  hits.add(1e290); hits.add(1e290);
  clearTimeout(setTimeout(() => console.log('never'), Infinity));
  sleep(Infinity);
}
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    assert (
        logged(found)[0] == "GoError: hits.add() takes finite numbers, up to 1e+290, not 1.7e+308"
    )
    assert len(logged(found)) == 4
    assert found.document["metrics"]["hits"]["values"]["count"] == 2e290


def test_an_interval_of_a_busy_script_ticks_once(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 1 };
export default function () {
  let ticks = 0;
  const id = setInterval(() => { ticks += 1; }, 0);
  sleep(0.2);
  setTimeout(() => { clearInterval(id); console.log(ticks < 20); }, 5);
}
"""
    found = run(tmp_path, text, server)
    assert (found.code, logged(found)) == (0, ["true"])


def test_setup_may_return_half_a_pair(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 1 };
export function setup() { return { half: 'a\\ud800', nothing: NaN, whole: '\\u{1f600}' }; }
export default function (data) { console.log(data.half.length, data.nothing, data.whole); }
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    assert logged(found) == ["2 null \U0001f600"]


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        ("throw null;", "handleSummary() failed: null", 0),
        ("return { stdout: { a: 1 } };", "returns for stdout is neither a text", 0),
        ("return { 'a\\0b': 'x' };", "ab cannot be written: the name has a NUL", 121),
        ("return { '': 'x' };", "the empty name cannot be written: No such file", 121),
        ("return { '/dev/full': 'x' };", "/dev/full cannot be written: No space left", 121),
        ("group('a', () => 1);", "cannot be used in the init context, nor in handleSummary", 0),
        ("exec.test.abort();", "cannot be used in the init context, nor in handleSummary", 0),
    ],
)
def test_what_handle_summary_does_wrong_is_told(
    tmp_path: Path, server: Server, body: str, said: str, code: int
) -> None:
    text = f"""
export const options = {{ iterations: 1 }};
export default () => {{}};
export function handleSummary() {{ {body} }}
"""
    found = run(tmp_path, text, server)
    assert found.code == code
    (line,) = logged(found)
    assert said in line


def test_a_full_disk_is_told_of_what_handle_summary_prints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Path("/dev/full").open("w")  # noqa: SIM115
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        told = k6_summary._place("stderr", "x" * 100_000)
    finally:
        with contextlib.suppress(OSError):
            stream.close()
    assert told == "/dev/full was not written: no space left on device."


def test_a_full_disk_costs_lines_of_the_console_and_no_iteration(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { iterations: 2 };
export default () => { console.log('lost'); };
"""
    found = run(tmp_path, text, server, "--console-output", "/dev/full")
    assert (found.code, found.document["exceptions"]) == (0, [])
    assert "lines of --console-output were not written" in found.out


def test_handle_summary_may_wait(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 1 };
export default () => {};
export async function handleSummary() {
  sleep(0.01);
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  return { stdout: 'waited' };
}
"""
    found = run(tmp_path, text, server)
    assert (found.code, found.out.strip(), found.err) == (0, "waited", "")


def test_handle_summary_without_end_ends(tmp_path: Path) -> None:
    from fastbench.script.load.k6_ended import Ended

    path = tmp_path / "script.js"
    loop = "for (;;) { try { for (;;); } catch (error) {} }"
    path.write_text(f"export default () => {{}};\nexport function handleSummary() {{ {loop} }}")
    with pytest.raises(UsageError, match=r"longer than 0\.1 s"):
        Ended(RunRequest(script=str(path))).handled({}, 0.1)


def test_digest_leaves_the_response_of_who_asks_for_something_else(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            asked = "WWW-Authenticate: Digest nonce=x, qop=bogus"
            peer.send(answer(asked, "Content-Length: 0", start="HTTP/1.1 401 Unauthorized"))

    text = """
export const options = { iterations: 1 };
export default function () {
  const res = http.get(URL.replace('//', '//a:b@'), { auth: 'digest' });
  console.log(res.status, res.error);
}
"""
    with Server(script) as server:
        found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    assert logged(found)[0] == "401 "


def test_bodies_of_modules_that_take_long_are_told_before_the_start(tmp_path: Path) -> None:
    on, path = tmp_path / "on", tmp_path / "slow.js"
    path.write_text(
        "export const options = { vus: 2, iterations: 2 };\n"
        f"while (__VU > 0) {{ try {{ open({str(on)!r}); break; }} catch (_) {{}} }}\n"
        "export default function () {}\n"
    )
    told: list[str] = []

    def notice(sentence: str) -> None:
        told.append(sentence)
        on.touch()

    result = parent.run(RunRequest(str(path), workers=1), lambda progress: None, notice)
    (sentence,) = told
    assert sentence.startswith(f"{path} is still being run for its VUs after ")
    assert [each.iterations for each in result.scenarios] == [2]
