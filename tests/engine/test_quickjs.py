"""JavaScript for scripts: users with stacks and variables of their own in one realm."""

from __future__ import annotations

import asyncio
import gc
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

quickjs = pytest.importorskip(
    "fastbench.engine.javascript._quickjs", reason="built without JavaScript"
)

FILES = {
    "/main.js": """
import { count, inc } from './lib.js';
import host from 'host';
let n = 0;
export const list = [1, 2.5, null, 'x'];
export default function (data) {
  n += 1; inc(); globalThis.seen = n;
  return [n, count, seen, data];
}
export function rounds(times) {
  let sum = 0;
  for (let i = 0; i < times; i++) sum += host.echo(i);
  return sum;
}
export function caught() {
  try { host.fail('oh'); } catch (error) { return [error.name, error.message, error.stack]; }
}
export function deep() { return deep(); }
export function endless() { for (;;) {} }
export function stubborn() { for (;;) { try { for (;;) {} } catch (error) {} finally {} } }
export function throws() { throw new TypeError('no'); }
export async function later() { return 1 + await host.later(20); }
export function random() { return [Math.random(), Math.random()]; }
export function same(value) { return host.echo(value); }
export function gone() { return host.object(); }
""",
    "/lib.js": "export let count = 0; export function inc() { count += 1; }",
}


def realm_of(**more: Any) -> Any:
    """Make a realm with a module of a few operations."""

    def full_name(base: str, name: str) -> str:
        return "/" + name.removeprefix("./") if name.startswith("./") else name

    async def echo(value: Any) -> Any:
        await asyncio.sleep(0)
        return value

    def fail(text: str) -> None:
        raise ValueError(text)

    def later(id: int, value: int) -> None:
        user = quickjs.running()
        user.pending += 1
        asyncio.get_running_loop().call_later(0.001, user.owner.put_nowait, [id, True, value])

    async def next_event(user: Any) -> Any:
        event = await user.owner.get()
        user.pending -= 1
        return event

    realm = quickjs.Realm(full_name, FILES.__getitem__, **more)
    for name, call in {"echo": echo, "fail": fail, "later": later, "object": object}.items():
        realm.define(name, call)
    made = realm.evaluate(
        """
        const waiting = new Map();
        const host = globalThis.__host;
        ({
          dispatch: ([id, ok, value]) => waiting.get(id)(value),
          error: ([name, text]) => Object.assign(new Error(text), { name }),
          module: {
            echo: (value) => host.echo(value),
            fail: (text) => host.fail(text),
            object: host.object,
            later: (value) => new Promise((done) => {
              waiting.set(waiting.size, done);
              host.later(waiting.size - 1, value);
            }),
          },
        })
        """,
        "prelude",
    )
    realm.dispatch(realm.member(made, "dispatch"))
    realm.errors(realm.member(made, "error"))
    realm.native("host", {"default": realm.member(made, "module")})
    quickjs.waits(next_event)
    quickjs.halted(lambda user: None)  # a host of k6's scripts in this process leaves its own
    return realm


async def user_of(realm: Any, module: Any) -> Any:
    """Make a user whose modules have run."""
    user = quickjs.JsUser(realm, asyncio.Queue())
    await user.instantiate(module)
    return user


async def called(user: Any, name: str, argument: Any = None) -> Any:
    """Call what a user's module exports, and return a copy of what it returned."""
    given = None if argument is None else user.realm.value(argument)
    result = await user.call(user.export(name), given)
    return None if result is None else result.copy()


def run(test: Any) -> Any:
    """Run `test(realm, module)` on a loop."""
    realm = realm_of()
    module = realm.compile(FILES["/main.js"], "/main.js")

    async def whole() -> Any:
        return await test(realm, module)

    return asyncio.run(whole())


def test_users_share_code_and_nothing_else() -> None:
    async def test(realm: Any, module: Any) -> None:
        users = [await user_of(realm, module) for _ in range(3)]
        for round_ in range(1, 4):
            for user in users:
                assert await called(user, "default", {"a": [1]}) == [round_] * 3 + [{"a": [1]}]
        assert users[0].export("list").copy() == [1, 2.5, None, "x"]
        assert users[0].export("nothing") is None

    run(test)


def test_operations_interleave_users_on_stacks_of_their_own() -> None:
    async def test(realm: Any, module: Any) -> None:
        users = [await user_of(realm, module) for _ in range(20)]
        sums = await asyncio.gather(*(called(user, "rounds", 50) for user in users))
        assert sums == [sum(range(50))] * 20

    run(test)


def test_an_exception_of_python_is_caught_by_the_script_with_its_own_line() -> None:
    async def test(realm: Any, module: Any) -> None:
        name, message, stack = await called(await user_of(realm, module), "caught")
        assert (name, message) == ("GoError", "oh")
        assert "caught (/main.js:16" in stack

    run(test)


@pytest.mark.parametrize(
    ("name", "error", "line"), [("throws", "TypeError", 21), ("deep", "RangeError", 18)]
)
def test_what_a_script_throws_has_its_class_and_its_line(name: str, error: str, line: int) -> None:
    async def test(realm: Any, module: Any) -> None:
        user = await user_of(realm, module)
        with pytest.raises(quickjs.JsError) as caught:
            await called(user, name)
        assert caught.value.name == error
        assert f"{name} (/main.js:{line}:" in caught.value.stack
        assert (await called(user, "default"))[:1] == [1]

    run(test)


@pytest.mark.parametrize("name", ["endless", "stubborn"])
def test_an_endless_loop_gives_way_and_ends_when_it_is_cancelled(name: str) -> None:
    async def test(realm: Any, module: Any) -> None:
        stuck, free = await user_of(realm, module), await user_of(realm, module)
        task = asyncio.ensure_future(called(stuck, name))
        for _ in range(3):
            assert await called(free, "rounds", 2) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await called(stuck, "default"))[:1] == [1]

    run(test)


def test_promises_wait_for_what_comes_later() -> None:
    async def test(realm: Any, module: Any) -> None:
        users = [await user_of(realm, module) for _ in range(3)]
        assert await asyncio.gather(*(called(user, "later") for user in users)) == [21] * 3

    run(test)


def test_random_numbers_differ_from_user_to_user() -> None:
    async def test(realm: Any, module: Any) -> None:
        drawn = [await called(await user_of(realm, module), "random") for _ in range(3)]
        assert len({number for pair in drawn for number in pair}) == 6
        assert all(0 <= number < 1 for pair in drawn for number in pair)

    run(test)


def test_memory_is_limited_and_the_realm_lives_on() -> None:
    realm = realm_of(memory_bytes=8 << 20)
    FILES["/big.js"] = "export default () => { const a = []; for (;;) a.push('x'.repeat(1e5)); };"
    module = realm.compile(FILES.pop("/big.js"), "/big.js")

    async def test() -> None:
        with pytest.raises(quickjs.JsError, match="out of memory"):
            await called(await user_of(realm, module), "default")

    asyncio.run(test())


def test_users_and_objects_of_python_are_let_go() -> None:
    async def test(realm: Any, module: Any) -> None:
        async def some() -> None:
            for _ in range(200):
                user = await user_of(realm, module)
                await called(user, "gone")

        await some()
        gc.collect()
        realm.collect()
        before = realm.memory_bytes
        await some()
        gc.collect()
        realm.collect()
        assert realm.memory_bytes < before * 1.2

    run(test)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_shared: dict[str, Any] = {}


@given(values)
def test_values_come_back_as_they_went(value: Any) -> None:
    if not _shared:
        _shared["realm"] = realm_of()
    got = _shared["realm"].value(value).copy()
    assert _plain(got) == _plain(value)


def _plain(value: Any) -> Any:
    """Return a value as JavaScript knows it: one kind of number, no -0, NaN equal to itself."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return "NaN" if math.isnan(value) else float(value) + 0.0
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {name: _plain(each) for name, each in value.items()}


def test_what_is_thrown_while_it_is_compiled_is_told() -> None:
    realm = realm_of()
    with pytest.raises(quickjs.JsError, match="SyntaxError"):
        realm.compile("let x = ;", "/bad.js")
    with pytest.raises(KeyError):
        realm.compile("import './not.js';", "/bad2.js")
