"""What one user of JavaScript may take: time, memory, depth; what is too much is an exception."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

quickjs = pytest.importorskip(
    "fastbench.engine.javascript._quickjs", reason="built without JavaScript"
)

ENDLESS = {
    "loop": "for (;;) { n += 1; }",
    "catch": "for (;;) { try { for (;;) { n += 1; } } catch (_) {} finally { n += 1; } }",
    "finally": "try { for (;;); } finally { for (;;); }",
    "regular expression": "/^(a+)+$/.test('a'.repeat(40) + 'b')",
    "replace": "('a'.repeat(40) + 'b').replace(/^(a|a)*$/, 'x')",
    "reviver": "JSON.parse('[1]', () => { for (;;); })",
    "toJSON": "JSON.stringify({ toJSON() { for (;;); } })",
    "comparator": "[3, 1, 2].sort(() => { for (;;); })",
    "trap": "new Proxy({}, { get() { for (;;); } }).x",
    "generator": "(function* () { for (;;) yield 1; })().forEach(() => {})",
    "promises": "return (async () => { for (;;) await null; })()",
    "caught promises": """return (async () => {
      for (;;) { try { await (async () => { for (;;); })(); } catch (_) {} } })()""",
    "jobs": "const f = () => Promise.resolve().then(f); f(); return new Promise(() => {})",
    "recursion": "const f = () => { try { f(); } catch (_) { f(); } }; f()",
    "operations": "for (;;) operation()",
    "closing an iterator": """
      const it = { [Symbol.iterator]: () => ({
        next: () => ({ value: 1, done: false }), return() { for (;;); } }) };
      for (const _ of it) for (;;);""",
}
GROWING = {
    "array": "const a = []; for (;;) a.push(1)",
    "texts": "const a = []; for (let i = 0; ; i++) a.push(`text ${i}`)",
    "ropes": "const a = [], b = 'x'.repeat(1e6); for (;;) a.push((b + n++).split('').join(''))",
    "closures": "let a = null; for (;;) { const b = a; a = () => b; }",
    "objects in cycles": "const a = []; for (;;) { const b = {}; b.b = b; a.push(b); }",
    "buffers": "const a = []; for (;;) a.push(new ArrayBuffer(1 << 16))",
    "typed": "const a = []; for (;;) a.push(new Float64Array(1 << 12))",
    "map": "const a = new Map(); for (;;) a.set(n++, {})",
    "filled": "Array(1e9).fill(0)",
    "repeated": "'x'.repeat(2 ** 29)",
    "spread": "let a = [1, 2]; for (;;) a = [...a, ...a]",
    "joined": "const a = Array(1 << 20).fill('text'.repeat(100)); for (;;) a.push(a.join())",
    "parsed": "let a = '1'; for (;;) a = JSON.stringify([JSON.parse(a), a])",
    "properties": "const a = {}; for (;;) a[`p${n++}`] = 1",
    "regular expression": "/(?:(a)|b)*/.exec('ab'.repeat(1 << 24))",
    "caught": """const a = []; let last;
      for (;;) {
        try { for (;;) a.push({}); } catch (error) { last = error; }
        if (++n > 9) throw last;
      }""",
}
DEEP = {
    "sort": "const f = () => [2, 1].sort(() => f()); f()",
    "replace": "const f = () => 'a'.replace(/a/, f); f()",
    "toJSON": "const f = () => JSON.stringify({ toJSON: f }); f()",
    "trap": "const f = () => new Proxy({}, { get: f }).x; f()",
    "getter": "const o = { get x() { return o.x; } }; o.x",
    "toString": "const o = { toString() { return `${o}`; } }; `${o}`",
    "reviver": "const f = () => JSON.parse('1', f); f()",
    "constructor": "class A { constructor() { new A(); } } new A()",
    "bound": "let f = () => f.bind(null)(); f()",
    "map": "const f = () => [1].map(f); f()",
    "nested JSON": "JSON.parse('['.repeat(1e5))",
    "nested value": "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a)",
    "regular expression": "new RegExp('('.repeat(1e5))",
    "eval": "eval('('.repeat(1e5))",
    "flat": "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; a.flat(Infinity)",
    "value of an operation": "const o = { get x() { return o.x; } }; operation(o)",
}
SOURCE = """import { operation } from 'host';
let n = 0;
export default function () {
  %s
}
export const after = () => ++n;
"""


def nothing(*given: object) -> None:
    """Do nothing, as an operation."""


def realm_of(body: str, operation: Any = nothing, **more: Any) -> tuple[Any, Any]:
    """Make a realm, and a module of this body compiled in it."""
    source = SOURCE % body
    realm = quickjs.Realm(lambda base, name: name, {"/main.js": source}.__getitem__, **more)
    realm.define("operation", operation)
    realm.errors(realm.evaluate("([name, text]) => new Error(text)", "test"))
    realm.dispatch(realm.evaluate("() => {}", "test"))
    host = realm.evaluate("__host", "test")
    realm.native("host", {"operation": realm.member(host, "operation")})
    return realm, realm.compile(source, "/main.js")


async def user_of(realm: Any, module: Any) -> Any:
    user = quickjs.JsUser(realm)
    await user.instantiate(module)
    return user


async def told(user: Any) -> Any:
    """Return what the call threw."""
    with pytest.raises(quickjs.JsError) as caught:
        await user.call(user.export("default"))
    return caught.value


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_a_call_that_computes_for_too_long_ends_and_the_next_one_runs(body: str) -> None:
    async def test() -> None:
        realm, module = realm_of(body)
        user = await user_of(realm, module)
        user.limit(0.05)
        begun_s = time.monotonic()
        error = await told(user)
        assert time.monotonic() - begun_s < 1
        assert isinstance(error, quickjs.Overlong)
        assert "more than 0.05 s (--iteration-limit)" in error.text
        assert "/main.js:" in error.stack or "await" in body or "Promise" in body
        assert (await user.call(user.export("after"))).copy() >= 1

    asyncio.run(test())


def test_a_call_that_waits_is_not_ended() -> None:
    async def test() -> None:
        body = "for (let i = 0; i < 3; i++) operation()"
        realm, module = realm_of(body, lambda: asyncio.sleep(0.03))
        user = await user_of(realm, module)
        user.limit(0.05)
        assert await user.call(user.export("default")) is None

    asyncio.run(test())


@pytest.mark.parametrize("body", GROWING.values(), ids=GROWING)
def test_memory_that_is_spent_is_an_exception_of_who_asks_for_more(body: str) -> None:
    async def test() -> None:
        realm, module = realm_of(body, memory_bytes=24 << 20)
        first, other = await user_of(realm, module), await user_of(realm, module)
        error = await told(first)
        assert (error.name, error.text) == ("InternalError", "InternalError: out of memory")
        assert realm.memory_bytes < 42 << 20
        realm.collect()
        assert realm.memory_bytes < 8 << 20
        for user in (first, other):
            assert (await user.call(user.export("after"))).copy() >= 1

    asyncio.run(test())


def test_what_only_points_at_itself_is_collected_before_memory_is_spent() -> None:
    async def test() -> None:
        body = """
  for (let i = 0; i < 2000; i++) {
    const big = { bytes: new ArrayBuffer(1 << 16) };
    big.self = big;
  }"""
        realm, module = realm_of(body, memory_bytes=16 << 20)
        user = await user_of(realm, module)
        assert await user.call(user.export("default")) is None

    asyncio.run(test())


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
def test_recursion_is_an_error_on_each_user_s_own_stack(body: str) -> None:
    async def test() -> None:
        realm, module = realm_of(body)
        users = [await user_of(realm, module) for _ in range(3)]
        for user in users:
            error = await told(user)
            assert error.name in ("RangeError", "SyntaxError") or "RangeError" in error.text
            assert (await user.call(user.export("after"))).copy() == 1

    asyncio.run(test())
