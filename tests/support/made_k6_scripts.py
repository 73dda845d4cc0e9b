"""Scripts of k6 that nobody would write, made from a seed: every call at every odd place.

What a script begins it counts itself, so that a run can be held to it: `begun` iterations and
`asked` checks. It ends by itself within seconds, if `--iteration-limit` is among its words
where it loops without end.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_HEAD = """\
import http from 'k6/http';
import ws from 'k6/ws';
import exec from 'k6/execution';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import { WebSocket } from 'k6/websockets';
import { ReadableStream } from 'k6/experimental/streams';
import { SharedArray } from 'k6/data';
import { Counter, Trend, Rate, Gauge } from 'k6/metrics';
import { check, group, sleep, fail } from 'k6';
const URL = __ENV.URL, WS = URL.replace('http', 'ws') + '/ws';
const begun = new Counter('begun'), asked = new Counter('asked');
const trend = new Trend('odd_trend', true), rate = new Rate('odd_rate');
const gauge = new Gauge('odd_gauge');
let kept = [], resolvers = [];
const asking = (value, sets, tags) => { asked.add(1); return check(value, sets, tags); };
"""
_VALUES = (
    *(
        "1",
        "-0",
        "NaN",
        "null",
        "undefined",
        "''",
        "'é\\u{1f600}\\ud800'",
        "[]",
        "{}",
        "10n ** 40n",
    ),
    *("Symbol('s')", "() => 1", "new Uint8Array([1, 255])", "new Date(NaN)", "/a/g", "rows"),
    *("new Proxy({}, { get() { throw new Error('trap'); } })", "Object.create(null)"),
    *("{ toString() { sleep(0.001); return 'slow'; } }", "{ get a() { throw 'getter'; } }"),
    *("{ toJSON() { return http.get(`${URL}/json`).status; } }", "new Error('value')", "kept"),
    *("{ valueOf() { throw new TypeError('no'); } }", "'x'.repeat(70000)", "globalThis", "exec"),
    *(
        "Promise.reject(new Error('as a value'))",
        "new ArrayBuffer(9)",
        "(function* () { yield 1; })()",
    ),
)
_PATHS = ("/", "/json", "/500", "/302", "/cut", "/reset", "/chunked", "/junk", "/cookie", "/late")
_READS = (
    *("exec.vu.idInTest", "exec.vu.iterationInScenario", "exec.scenario.progress", "__ENV.URL"),
    *("exec.instance.vusActive", "exec.test.options", "exec.scenario.name", "exec.vu.tags.a"),
    *("rows[0].n", "rows.map((row) => row.n)", "Object.keys(globalThis)", "__VU + __ITER"),
    *("crypto.sha256('a', 'hex')", "encoding.b64encode('a')", "JSON.stringify(exec.vu.tags)"),
)
_THROWS = (
    *(
        "throw new Error('odd')",
        "throw 'text'",
        "throw null",
        "throw undefined",
        "throw Symbol('t')",
    ),
    *("null.member", "nowhere", "fail('failed')", "throw new (class Own extends Error {})('own')"),
    *("throw { get message() { throw 1; } }", "throw new Proxy({}, {})", "Promise.reject(1)"),
    *(
        "throw Object.assign(new Error('e'), { stack: 5 })",
        "rows.push(1)",
        "new SharedArray('z', 1)",
    ),
)
_OPTIONS = (
    "executor: 'shared-iterations', vus: 3, iterations: 7, maxDuration: '1s'",
    "executor: 'per-vu-iterations', vus: 2, iterations: 4, maxDuration: '1s'",
    "executor: 'constant-vus', vus: 2, duration: '200ms'",
    "executor: 'ramping-vus', startVUs: 0, gracefulRampDown: '50ms',"
    " stages: [{ duration: '100ms', target: 3 }, { duration: '100ms', target: 0 }]",
    "executor: 'constant-arrival-rate', rate: 50, duration: '200ms', preAllocatedVUs: 1, maxVUs: 3",
)


class K6Maker:
    """Make a script and the words of its run from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.endless = self.rng.random() < 0.25
        self.words: list[str] = []
        self._last = 0

    def whole(self) -> str:
        """Return the text of a script; `words` are then those of its run."""
        rng = self.rng
        self.words = ["-t", rng.choice("12"), *self._sometimes(0.5, "--isolate")]
        self.words += self._sometimes(0.6, "--max-exceptions", "100%")
        self.words += self._sometimes(0.2, "--throw") + self._sometimes(0.2, "--batch", "2")
        self.words += self._sometimes(0.2, "--memory-limit", "128MiB")
        limit = rng.choice(("5ms", "50ms"))
        self.words += self._sometimes(1.0 if self.endless else 0.2, "--iteration-limit", limit)
        parts = [_HEAD, self._init(), self._options()]
        if rng.random() < 0.4:
            parts.append(f"export function setup() {{ {self._block(1)} return {self.value()}; }}")
        parts.append(
            f"export default {self._async()}function (data) {{\n  begun.add(1);\n"
            f"  {self._block(0, 6)}\n}}"
        )
        if rng.random() < 0.3:
            parts.append(f"export {self._async()}function teardown(data) {{ {self._block(1)} }}")
        if rng.random() < 0.2:
            parts.append(f"export function handleSummary(data) {{ return {self.value()}; }}")
        return "\n".join(parts) + "\n"

    def value(self) -> str:
        """Return an expression: anything, or what a name stands for."""
        return f"({self.rng.choice(self.rng.choice((_VALUES, _VALUES, _READS)))})"

    def _sometimes(self, chance: float, *words: str) -> list[str]:
        return list(words) if self.rng.random() < chance else []

    def _async(self) -> str:
        return self.rng.choice(("", "", "async "))

    def _init(self) -> str:
        lines = ["const rows = new SharedArray('rows', () => [{ n: 1 }, { n: [2, 3] }]);"]
        if self.rng.random() < 0.2:
            lines.append("Array.prototype.last = function () { return this[this.length - 1]; };")
        if self.rng.random() < 0.2:
            lines.append(f"new SharedArray('odd', () => [{self.value()}]);")
        if self.rng.random() < 0.1:
            lines.append(f"kept.push({self.value()});")
        return "\n".join(lines)

    def _options(self) -> str:
        graceful = self.rng.choice(("0s", "50ms", "300ms"))
        executor = self.rng.choice(_OPTIONS)
        extra = "".join(
            f"{more}, "
            for more in ("noConnectionReuse: true", "minIterationDuration: '20ms'", "throw: true")
            if self.rng.random() < 0.1
        )
        return (
            "export const options = { setupTimeout: '1s', teardownTimeout: '1s', "
            + extra
            + f"scenarios: {{ s: {{ {executor}, gracefulStop: '{graceful}' }} }} }};"
        )

    def _block(self, depth: int, most: int = 3) -> str:
        return "\n  ".join(self._statement(depth) for _ in range(self.rng.randint(1, most)))

    def _name(self) -> str:
        self._last += 1
        return f"v{self._last}"

    def _statement(self, depth: int) -> str:
        kinds: list[Callable[[int], str]] = [self._request, self._check, self._metric]
        kinds += [self._odd, self._read, self._sleep]
        if depth < 4:
            kinds += [self._group, self._timer, self._promise, self._socket, self._try, self._loop]
            kinds += [self._native, self._kept, self._generator]
        made = self.rng.choice(kinds)(depth + 1)
        # A value may throw where it is made: mostly the script goes on.
        return made if self.rng.random() < 0.3 else f"try {{ {made} }} catch (e) {{ kept = [e]; }}"

    def _request(self, depth: int) -> str:
        url = f"`${{URL}}{self.rng.choice(_PATHS)}`"
        params = self.rng.choice(
            (
                "{ timeout: 100, redirects: 2 }",
                "{ timeout: 100, responseType: 'binary' }",
                "{ timeout: 100, responseCallback: http.expectedStatuses({ min: 200, max: 599 }) }",
                f"{{ timeout: 100, tags: {{ a: {self.value()} }} }}",
                f"{{ timeout: 100, headers: {{ get a() {{ {self._block(9, 1)} return '1'; }} }} }}",
            )
        )
        call = self.rng.choice(
            (
                f"http.get({url}, {params})",
                f"http.post({url}, {self.value()}, {params})",
                f"http.del(`${{URL}}/${{{self.value()}}}`, null, {{ timeout: 100 }})",
                "http.get({ toString() { sleep(0.001); return URL; } }, { timeout: 100 })",
                f"http.batch([['GET', {url}, null, {params}], {url.replace('late', '')}])",
                f"http.asyncRequest('GET', {url}, null, {params})"
                f".then((r) => {{ {self._block(depth)} }})",
            )
        )
        after = (
            "",
            ".json('a.b.#')",
            ".headers.Date",
            ".body.length",
            ".html('a').text()",
            ".cookies",
        )
        return f"kept.push({call}{self.rng.choice(after)});"

    def _check(self, depth: int) -> str:
        test = self.rng.choice(
            (
                "true",
                "(r) => r.status === 200",
                f"() => {{ {self._block(depth, 1)} return 1; }}",
                self.value(),
            )
        )
        return f"asking({self.value()}, {{ [`c{depth}`]: {test} }});"

    def _metric(self, depth: int) -> str:
        metric = self.rng.choice(("trend", "rate", "gauge"))
        return f"{metric}.add({self.value()}, {{ a: {self.value()} }});"

    def _odd(self, depth: int) -> str:
        chance = self.rng.random()
        if chance < 0.05:
            return self.rng.choice(("exec.test.abort('enough');", "exec.test.fail('bad');"))
        if chance < 0.3 and self.endless:
            return self.rng.choice(
                (
                    "for (;;) {}",
                    "for (;;) try { for (;;); } finally { continue; }",
                    "while (1) sleep(0);",
                    "[3, 1, 2].sort(() => { for (;;); });",
                    "/^(a+)+$/.exec('a'.repeat(40) + 'b');",
                )
            )
        return f"if (__ITER % 3 === {self.rng.randrange(3)}) {{ {self.rng.choice(_THROWS)}; }}"

    def _read(self, depth: int) -> str:
        return self.rng.choice(
            (
                f"kept.push(String({self.value()}));",
                f"exec.vu.tags[{self.value()}] = {self.value()};",
                f"exec.vu.metrics.metadata.m = {self.value()};",
                f"console.log({self.value()});",
                f"http.cookieJar().set(URL, 'c', {self.value()});",
                f"crypto.hmac('sha256', {self.value()}, {self.value()}, 'hex');",
                f"http.setResponseCallback({self.value()});",
                f"(function deep() {{ deep({self.value()}); }})();",
            )
        )

    def _sleep(self, depth: int) -> str:
        return f"sleep({self.rng.choice(('0.001', '0.02', '0', '-1', 'NaN', self.value()))});"

    def _group(self, depth: int) -> str:
        name = self.rng.choice(("`g`", "`h`", self.value()))
        return f"group({name}, () => {{ {self._block(depth)} }});"

    def _timer(self, depth: int) -> str:
        name, delay = self._name(), self.rng.choice(("0", "1", "15", "'3'", "-1"))
        once = f"const {name} = setTimeout(() => {{ {self._block(depth)} }}, {delay});"
        if self.rng.random() < 0.3:
            return f"{once} clearTimeout({self.rng.choice((name, self.value()))});"
        if self.rng.random() < 0.3:
            return (
                f"let n{name} = 0; const {name} = setInterval(() => {{"
                f" if (++n{name} > 2) clearInterval({name});"
                f" {self._block(depth)} }}, {delay});"
            )
        return once

    def _promise(self, depth: int) -> str:
        name, block = self._name(), self._block(depth)
        return self.rng.choice(
            (
                "new Promise(() => {});",
                f"new Promise((resolve) => resolvers.push(resolve)).then(() => {{ {block} }});",
                f"(async () => {{ {block} }})();",
                f"(async () => {{ await null; {block} }})().catch(() => {{}});",
                f"const {name} = async () => {{ for await (const x of [1, {self.value()}])"
                f" {{ {block} }} }}; {name}();",
                f"Promise.all([{self.value()}, new Promise((ok) => setTimeout(ok, 5))])"
                f".then(() => {{ {block} }});",
                f"resolvers.splice(0).forEach((resolve) => resolve({self.value()}));",
                f"Promise.resolve({{ then(ok) {{ {block} ok(1); }} }});",
                f"import('./lib.js').then((lib) => {{ lib.inc(); {block} }});",
                f"queueMicrotask(() => {{ {block} }});",
            )
        )

    def _socket(self, depth: int) -> str:
        name, block = self._name(), self._block(depth)
        said = self.rng.choice(("'text'", "'close'", "'junk'", "'reset'", self.value()))
        event = self.rng.choice(("open", "message", "close", "error", "ping"))
        if self.rng.random() < 0.6:
            end = self.rng.choice(("socket.close()", f"socket.close({self.value()})", "0"))
            return (
                "ws.connect(WS, (socket) => {"
                f" socket.on('open', () => {{ socket.send({said}); {end}; }});"
                f" socket.on('{event}', () => {{ {block} }});"
                f" socket.setTimeout(() => {{ {self._block(depth, 1)} }}, 5);"
                " socket.setInterval(() => socket.ping(), 7);"
                " socket.setTimeout(() => socket.close(), 30); });"
            )
        return (
            f"const {name} = new WebSocket(WS); {name}.onopen = () => {{ {name}.send({said}); }};"
            f" {name}.on{event} = () => {{ {block} }};"
            f" setTimeout(() => {name}.close(), 30); kept.push({name});"
        )

    def _try(self, depth: int) -> str:
        caught, last = self._block(depth, 1), self._block(depth, 1)
        return f"try {{ {self._block(depth)} }} catch {{ {caught} }} finally {{ {last} }}"

    def _loop(self, depth: int) -> str:
        count = self.rng.choice(("2", "3", "rows.length"))
        return f"for (let i = 0; i < {count}; i += 1) {{ {self._block(depth, 2)} }}"

    def _native(self, depth: int) -> str:
        """A call of ours in the midst of a built-in function, which stands on the user's stack."""
        block = self._block(depth, 2)
        return self.rng.choice(
            (
                f"[3, 1, 2].sort((a, b) => {{ {block} return a - b; }});",
                f"'aba'.replace(/a/g, () => {{ {block} return 'c'; }});",
                f"JSON.stringify({{ toJSON() {{ {block} return 1; }} }});",
                f"JSON.parse('[1, 2]', (k, v) => {{ {block} return v; }});",
                f"new Proxy({{}}, {{ get() {{ {block} return 1; }} }}).member;",
                f"Reflect.construct(class {{ constructor() {{ {block} }} }}, []);",
                f"Array.from({{ length: 2 }}, () => {{ {block} }});",
                f"const {{ a }} = {{ get a() {{ {block} return 1; }} }};",
                f"`${{{{ toString() {{ {block} return ''; }} }}}}`;",
                f"new ReadableStream({{ start(c) {{ c.enqueue(1); {block} }} }})"
                f".getReader().read().then(() => {{ {block} }});",
            )
        )

    def _kept(self, depth: int) -> str:
        return self.rng.choice(
            (
                "globalThis.left = globalThis.left || [];"
                f" left.push(() => {{ {self._block(depth)} }});",
                "if (globalThis.left) left.splice(0).forEach((call) => call());",
                f"new FinalizationRegistry(() => {{ {self._block(depth, 1)} }}).register({{}}, 1);",
                f"kept.push(new WeakRef({{ a: {self.value()} }}), new WeakMap([[{{}}, kept]]));",
                "kept.cycle = kept; kept = [];",
                "kept.map((one) => (one && one.json ? one.json() : 0));",
            )
        )

    def _generator(self, depth: int) -> str:
        name, kind = self._name(), self.rng.choice(("", "*"))
        if not kind:
            call = f"{name}(); {name}.call({self.value()});"
            return f"const {name} = () => {{ {self._block(depth)} }}; {call}"
        return (
            f"function* {name}() {{ try {{ yield 1; {self._block(depth)} yield 2; }}"
            f" finally {{ {self._block(depth, 1)} }} }} for (const x of {name}()) {{"
            f" if (__ITER % 2) break; }} kept.push({name}());"
        )
