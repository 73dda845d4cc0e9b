"""Promises that are rejected and that nobody handles, and values that are thrown and no errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from k6_texts import run_text
from running import Run
from servers import OK, Server, answering

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def run(folder: Path, text: str, server: Server, *more: str) -> Run:
    head = "import http from 'k6/http';\nconst URL = __ENV.URL;\n"
    return run_text(folder, head + text, server, "--max-exceptions", "100%", *more)


def thrown(found: Run) -> list[tuple[str, str, str, int]]:
    return [
        (row["type"], row["text"], row["place"], row["count"])
        for row in found.document["exceptions"]
    ]


def test_it_ends_the_iteration_and_what_it_waited_for(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 2 };
export default function () {
  Promise.reject(new TypeError('boom'));
  setTimeout(() => console.log('too late'), 20);
  console.log('after');
}
"""
    found = run(tmp_path, text, server)
    assert found.code == 0, found.err
    assert thrown(found) == [
        ("TypeError", "Uncaught (in promise) boom", "script.js:6", 2),
    ]
    assert found.err.count("after") == 2 and "too late" not in found.err
    assert found.document["scenarios"][0]["iterations"] == 2


def test_an_async_function_that_nobody_awaits_is_one(tmp_path: Path, server: Server) -> None:
    text = """
async function late() { await null; http.get(`${URL}/`); throw 'text'; }
export const options = { iterations: 1 };
export default function () { late(); }
"""
    found = run(tmp_path, text, server)
    assert [row[:2] for row in thrown(found)] == [("Uncaught", "Uncaught (in promise) text")]
    assert found.summary["ok"] == 1


def test_who_handles_it_before_the_jobs_are_done_has_handled_it(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { iterations: 3 };
export default async function () {
  const failed = Promise.reject(new Error('late'));
  await null;
  failed.catch(() => console.log('caught'));
  await Promise.allSettled([Promise.reject(1), http.asyncRequest('GET', 'http://127.0.0.1:1/')]);
  try { await Promise.any([Promise.reject(2)]); } catch (error) { console.log(error.name); }
}
"""
    found = run(tmp_path, text, server)
    assert thrown(found) == []
    assert (found.err.count("caught"), found.err.count("AggregateError")) == (3, 3)


def test_of_the_function_itself_it_is_what_it_throws(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 1 };
export default async function () { await null; throw new RangeError('own'); }
"""
    assert thrown(run(tmp_path, text, server)) == [("RangeError", "own", "script.js:5", 1)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Promise.reject(new Error('x'));", "script.js, line 3: Error: Uncaught (in promise) x"),
        (
            "export function setup() { Promise.reject(new Error('x')); }",
            "setup failed at script.js:3: Error: Uncaught (in promise) x",
        ),
    ],
)
def test_at_load_and_in_setup_it_ends_the_run(
    tmp_path: Path, server: Server, text: str, said: str
) -> None:
    found = run(tmp_path, f"{text}\nexport default function () {{ console.log('ran'); }}", server)
    assert found.code == 107
    assert said in found.err + found.out
    assert not any(line == "ran" for line in found.err.splitlines())


@pytest.mark.parametrize(
    ("value", "said"), {"'x'": "x", "{ a: 1 }": "[object Object]", "null": "null"}.items()
)
def test_what_is_thrown_and_no_error_is_said_as_k6_says_it(
    tmp_path: Path, server: Server, value: str, said: str
) -> None:
    text = f"export default function () {{ throw {value}; }}"
    found = run(tmp_path, text, server)
    assert thrown(found) == [("Uncaught", said, "script.js", 1)]


def test_an_import_that_is_not_there_names_the_file_and_who_asked(
    tmp_path: Path, server: Server
) -> None:
    text = """
export const options = { iterations: 1 };
export default async function () {
  try { await import('./nope.js'); } catch (error) { console.log(`${error}`); }
}
"""
    said = "TypeError: The script imports ./nope.js, which is not there: looked beside script.js."
    assert said in run(tmp_path, text, server).err


def test_symbols_of_parameters_are_not_read_as_names(tmp_path: Path, server: Server) -> None:
    text = """
export const options = { iterations: 1 };
export default function () {
  const tags = { name: 'tagged' };
  http.get(`${URL}/`, { [Symbol('tags')]: tags });
  http.get(`${URL}/`, { tags });
  http.get(`${URL}/`, { [Symbol('tags')]: tags });
}
"""
    found = run(tmp_path, text, server)
    rows = {row["name"]: row["requests"] for row in found.document["requests"]}
    assert rows == {server.url("/"): 2, "tagged": 1}
