"""require() and modules of CommonJS in scripts of k6: once for each user, cycles and all."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Run, fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

FILES = {
    "data.json": '{"user": "ann"}',
    "one.cjs": "exports.half = true; globalThis.runs = (globalThis.runs || 0) + 1;\n"
    "exports.two = require('./two.js'); exports.runs = globalThis.runs; let n = 0;\n"
    "exports.inc = () => { n += 1; return n; };",
    "two.js": "const one = require('./one.cjs'); exports.early = one.half && !one.runs;\n"
    "exports.one = one;",
    "whole.js": "module.exports = function (x) { return x + 1; }; module.exports.named = 'n';",
    "dynamic.js": "const names = ['late']; for (const n of names) exports[n] = () => 'l';",
    "esm.js": "export let count = 0; export const add = () => { count += 1; }; export default 'd';",
    "viaesm.js": "import late, { late as named, absent } from './dynamic.js';"
    "export const found = [named(), absent, typeof late].join();",
    "node_modules/pkg/package.json": '{"main": "lib/entry.js"}',
    "node_modules/pkg/lib/entry.js": "const deep = require('./deep');exports.name = 'pkg ' + deep;",
    "node_modules/pkg/lib/deep.js": "module.exports = 'deep';",
}
MAIN = """
const http = require('k6/http');
const { check, group } = require('k6');
const { Counter } = require('k6/metrics');
const data = require('./data.json');
const one = require('./one.cjs');
const whole = require('./whole.js');
const esm = require('./esm.js');
const { found } = require('./viaesm.js');
const counted = new Counter('counted');
let missing = '';
try { require('./not.js'); } catch (error) { missing = String(error); }
module.exports.options = { scenarios: {
  a: { executor: 'per-vu-iterations', vus: 2, iterations: 2, exec: 'named' },
  b: { executor: 'per-vu-iterations', vus: 1, iterations: 1 },
} };
module.exports.setup = () => ({ token: 't' });
module.exports.default = function (data) { check(data, { given: (d) => d.token === 't' }); };
module.exports.named = function () {
  counted.add(1);
  esm.add();
  check(null, {
    json: () => data.user === 'ann' && require.length >= 0,
    cycle: () => one.two.early === true && one.two.one === one && one.runs === 1,
    alone: () => one.inc() === __ITER + 1 && esm.count === __ITER + 1 && esm.default === 'd',
    whole: () => whole(1) === 2 && whole.named === 'n',
    dynamic: () => found === 'l,,object',
    modules: () => typeof http.get === 'function' && typeof http.default.get === 'function',
    package: () => require === undefined || one.pkg === undefined,
    missing: () => /not\\.js/.test(missing),
    late: () => { try { require('k6'); return false; } catch (e) { return /init stage/.test(e); } },
  });
};
"""


def run(folder: Path, name: str, text: str) -> Run:
    for file, content in FILES.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content)
    (folder / name).write_text(text)
    return fastbench("run", str(folder / name), "-t", "1", "-q")


def passed(found: Run) -> dict[str, tuple[int, int]]:
    assert found.document, found.err
    return {row["name"]: (row["passes"], row["fails"]) for row in found.document["checks"]}


def test_a_main_script_of_commonjs_has_options_setup_and_functions(tmp_path: Path) -> None:
    found = run(tmp_path, "main.cjs", MAIN)
    assert found.code == 0, found.err
    checks = passed(found)
    assert checks.pop("given") == (1, 0)
    assert set(checks.values()) == {(4, 0)} and len(checks) == 9, checks
    assert found.document["metrics"]["counted"]["values"]["count"] == 4


def test_an_es_module_has_require_too_and_shares_what_it_requires(tmp_path: Path) -> None:
    text = """
import one, { inc } from './one.cjs';
import * as esm from './esm.js';
import { check } from 'k6';
const same = require('./one.cjs'), again = require('./esm.js'), pkg = require('pkg');
const name = './two.js', later = require(name);
export const options = { vus: 3, iterations: 3 };
export default function () {
  check(null, {
    same: () => one === same && inc === same.inc && one.runs === 1 && later.one === one,
    namespace: () => { again.add(); return again.count === esm.count && esm.count > 0; },
    package: () => pkg.name === 'pkg deep',
  });
}
"""
    assert set(passed(run(tmp_path, "main.js", text)).values()) == {(3, 0)}


def test_what_a_bundler_writes_is_a_script(tmp_path: Path) -> None:
    text = """
var exported = {};
const define = (target, all) => {
  for (const name in all) Object.defineProperty(target, name, { get: all[name], enumerable: true });
};
define(exported, { default: () => main, options: () => options });
module.exports = Object.defineProperty(exported, "__esModule", { value: true });
var k6 = require("k6");
var options = { vus: 1, iterations: 5 };
function main() { k6.check(null, { ran: true }); }
"""
    assert passed(run(tmp_path, "bundle.js", text)) == {"ran": (5, 0)}


BUNDLES = {
    "assigned in a loop": """
!function (to, from) { for (var name in from) to[name] = from[name]; }(exports, (() => {
  var all = { 1: (module) => { module.exports = { twice: (x) => 2 * x }; } };
  var made = { exports: {} };
  return all[1](made, made.exports), made.exports;
})());
""",
    "assigned at the end": """
(() => { "use strict"; var own = { twice: () => (x) => 2 * x }, found = {};
  for (const name in own) Object.defineProperty(found, name, { enumerable: true, get: own[name] });
  var to = exports; for (var name in found) to[name] = found[name]; })();
""",
    "for every kind of loader": """
(function (root, make) {
  if (typeof define === 'function' && define.amd) define([], make);
  else if (typeof exports === 'object' && typeof module !== 'undefined') make(exports);
  else make((root = root || self).lib = {});
})(this, function (exports) { exports.twice = (x) => 2 * x; });
""",
    "exported whole": """
(function (root, make) {
  typeof module === 'object' && module.exports ? module.exports = make() : root.lib = make();
})(typeof self === 'object' ? self : this, () => ({ twice: (x) => 2 * x }));
""",
    "an ES module in one line": """
var t=(e)=>2*e,m={exports:{}};m.exports.a=1;export{t as twice};
""",
    "with a polyfill": """
(function (root) {
  if (typeof root.TextEncoder === 'undefined') {
    root.TextEncoder = class {
      encode(text) { return Uint8Array.from(text, (c) => c.charCodeAt(0)); }
    };
  }
})(typeof global !== 'undefined' ? global : this);
exports.twice = (x) => (new TextEncoder().encode('ab').length === 2 ? 2 * x : 0);
""",
}


@pytest.mark.parametrize("kind", BUNDLES)
def test_a_library_saved_in_the_vendor_folder_loads(tmp_path: Path, kind: str) -> None:
    kept = tmp_path / "vendor" / "jslib.k6.io" / "lib" / "1.0.0" / "index.js"
    text = """
import { check } from 'k6';
import { twice } from 'https://jslib.k6.io/lib/1.0.0/index.js';
export const options = {
  scenarios: { s: { executor: 'per-vu-iterations', vus: 2, iterations: 2 } },
};
export default function () {
  globalThis.mine = (globalThis.mine || 0) + 1;
  check(null, { twice: () => twice(4) === 8, own: () => global.mine === __ITER + 1 });
}
"""
    missing = run(tmp_path, "main.js", text)
    wanted = "Save it as vendor/jslib.k6.io/lib/1.0.0/index.js beside the script"
    assert missing.code == 107 and wanted in missing.err
    kept.parent.mkdir(parents=True)
    kept.write_text(BUNDLES[kind].strip())
    assert passed(run(tmp_path, "main.js", text)) == {"twice": (4, 0), "own": (4, 0)}


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "exports.default = () => {};\nrequire('./not.js');": "./not.js, which is not there",
        "require('./broken.cjs');\nexports.default = () => {};": "broken.cjs:2:",
        "const x = 1;\nexports.default = () => {}; x();": "main.js, line 2: TypeError",
        "exports.default = () => {};\nrequire('k6/browser');": "k6/browser: fastbench has no",
    }.items(),
)
def test_what_cannot_be_loaded_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "broken.cjs").write_text("exports.a = 1;\nlet = ;")
    found = run(tmp_path, "main.js", text)
    assert found.code == 107, found.err
    assert said in found.err and "Traceback" not in found.err
