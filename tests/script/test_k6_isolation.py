"""What users of one worker see of each other: variables never, built-in objects never."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from k6_texts import run_text
from running import Run
from servers import OK, Server, answering

from fastbench.script.run_request import K6Words

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import http from 'k6/http';
import { check, group, fail } from 'k6';
import { Counter } from 'k6/metrics';
import { SharedArray } from 'k6/data';
PATCH
const hits = new Counter('hits');
const rows = new SharedArray('rows', () => [{ a: 1 }, { a: 2 }]);
const tag = (texts, value) => texts.map((text) => text.length).concat(value, texts.raw.length);
export const options = { vus: 4, iterations: 12 };
export function setup() { return { list: [1, 2] }; }
export default function (data) {
  const res = http.get(__ENV.URL, { headers: { a: 'b' } });
  let caught;
  try { fail('so'); } catch (error) { caught = error; }
  const source = function named(a) { return a; };
  group('in', () => check(res, {
    ok: (r) => r.status === 200 && r.headers instanceof Object && typeof r.body === 'string',
    data: data.list instanceof Array && data.list.map((x) => x * 2)[1] === 4,
    error: caught instanceof Error && caught.message === 'so' && caught.stack.includes('script.js'),
    shared: rows.length === 2 && rows[1].a === 2 && Array.isArray(rows),
    source: String(source) === 'function named(a) { return a; }',
    template: tag`a${1}bc`.join() === '1,2,1,2',
    batch: http.batch([__ENV.URL])[0].status === 200,
    native: String(Math.max).includes('[native code]'),
  }));
  hits.add(rows.length);
  OWN
}
"""
WRAPS = """
const former = Array.prototype.map;
let calls = 0, depth = 0, deepest = 0;
Array.prototype.map = function (...given) {
  calls += 1; depth += 1; deepest = Math.max(deepest, depth);
  try { return former.apply(this, given); } finally { depth -= 1; }
};
String.prototype.shout = function () { return `${this}!`; };
"""
OWN = """
  calls = 0;
  [1].map(() => 1);
  check(null, {
    own: calls === 1 && deepest === 1 && former.name === 'map', said: 'a'.shout() === 'a!',
  });
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering(OK)) as running:
        yield running


def run(folder: Path, server: Server, patch: str = "", own: str = "", *more: str) -> Run:
    return run_text(folder, SCRIPT.replace("PATCH", patch).replace("OWN", own), server, *more)


def counted(found: Run) -> Any:
    document = found.document
    checks = [(row["name"], row["passes"], row["fails"]) for row in document["checks"]]
    rows = [(row["name"], row["requests"]) for row in document["requests"]]
    return found.code, checks, rows, document["metrics"]["hits"]["values"]["count"]


def test_an_isolated_run_counts_what_one_without_does(tmp_path: Path, server: Server) -> None:
    shared, isolated = run(tmp_path, server), run(tmp_path, server, "", "", "--isolate")
    assert shared.document["exceptions"] == isolated.document["exceptions"] == []
    assert counted(shared) == counted(isolated)
    assert all(fails == 0 for _, _, fails in counted(isolated)[1]), counted(isolated)[1]


@pytest.mark.parametrize("more", [(), ("--isolate",)])
def test_a_function_that_wraps_a_built_in_one_is_wrapped_once_for_its_user(
    tmp_path: Path, server: Server, more: tuple[str, ...]
) -> None:
    found = run(tmp_path, server, WRAPS, OWN, *more)
    assert found.document["exceptions"] == [], found.err
    rows = {row["name"]: (row["passes"], row["fails"]) for row in found.document["checks"]}
    assert rows["own"] == rows["said"] == (12, 0)
    told = "The script changes Array.prototype.map: each user has built-in objects of its own."
    assert (told in found.err) == (not more)


@pytest.mark.parametrize("text", ["", "globalThis.seen = 1;", "class A extends Array {}"])
def test_scripts_that_change_nothing_built_in_share_it(text: str) -> None:
    assert loaded(text) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    {
        "Object.prototype.x = 1;": "Object.prototype.x",
        "JSON.parse = () => 1;": "JSON.parse",
        "Object.defineProperty(Array.prototype, 'last', { get() { return 1; } });": (
            "Array.prototype.last"
        ),
        "delete String.prototype.at;": "String.prototype.at",
        "Promise.prototype[Symbol.iterator] = 1;": "Promise.prototype.Symbol(Symbol.iterator)",
    }.items(),
)
def test_what_a_script_changes_is_named(text: str, what: str) -> None:
    assert loaded(text) == (
        f"The script changes {what}: each user has built-in objects of its own.",
    )


def realm_of(text: str, *, isolate: bool = False) -> Any:
    from fastbench.script.k6.modules import k6_prelude

    source = f"import http from 'k6/http';\n{text}\nexport default () => typeof http.get;"
    words = K6Words(isolate=isolate)
    return k6_prelude.begin("/script.js", source, {}, lambda shared, limit: 0, words)


def loaded(text: str) -> tuple[str, ...]:
    realm = realm_of(text)
    asyncio.run(users(realm, 1))
    found: tuple[str, ...] = realm.isolate_if_changed()
    return found


async def users(realm: Any, count: int) -> list[Any]:
    from fastbench.script.k6.k6_user import K6User

    made = [K6User(realm) for _ in range(count)]
    for user in made:
        await user.js.instantiate(realm.main)
    return made


def test_what_an_isolated_user_holds_goes_with_it() -> None:
    async def test() -> None:
        realm = realm_of("Array.prototype.own = function () { return this.own; };", isolate=True)
        kept = await users(realm, 2)
        gc.collect()
        realm.realm.collect()
        begun_bytes = realm.realm.memory_bytes
        more = await users(realm, 10)
        each_bytes = (realm.realm.memory_bytes - begun_bytes) / 10
        assert 50_000 < each_bytes < 250_000
        function = more[0].export("default")
        assert (await more[0].js.call(function)).copy() == "function"
        del more, function
        for _ in range(2):
            gc.collect()
            realm.realm.collect()
        assert realm.realm.memory_bytes < begun_bytes + 1.5 * each_bytes
        assert (await kept[0].js.call(kept[0].export("default"))).copy() == "function"

    asyncio.run(test())
