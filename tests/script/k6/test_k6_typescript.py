"""Scripts of k6 in TypeScript, run as they stand: types are taken out, lines and columns stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_sources import ROOT
from running import Run, fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
if not (ROOT / "fastbench/script/k6/js/sucrase/sucrase.js").exists():
    pytest.skip("built without TypeScript: sucrase was not fetched", allow_module_level=True)

from fastbench.engine.javascript import _quickjs
from fastbench.foundation.usage_error import UsageError
from fastbench.script.k6.loading import k6_typescript

LOAD = """
import { check } from 'k6';
import { Options } from 'k6/options';
import { Counter } from 'k6/metrics';
import { doubled, type Item, Level } from './lib.ts';
import './side.mts';

declare global { var seen: number; }
namespace Deep { export type Text = string; }
abstract class Base<T extends { id: number }> {
  static made = 0;
  #secret: T;
  constructor(private readonly item: T, public note?: string) { this.#secret = item; }
  protected abstract kind(): string;
  get id(): T['id'] { return this.#secret.id + this.item.id; }
  describe(this: Base<T>): string { return `${this.kind()} ${this.note ?? 'none'}`; }
}
class Own extends Base<Item> { override kind(): string { return 'own'; } declare never: string; }
const calls: Counter = new Counter('calls');
export const options: Options = { vus: 1, iterations: 2 };
export function setup(): { token: string } { return { token: 't' }; }
function pick<T, K extends keyof T>(of: T, key: K): T[K] { return of[key]; }
function over(x: string): string;
function over(x: number): number;
function over(x: any): any { return x; }
export default function (data: { token: string }): void {
  calls.add(1);
  const item: Item = { id: doubled<number>(2) };
  const own = new Own(item, 'n');
  const arrow = async <T,>(x: T): Promise<T> => x!;
  const [a, b]: [number, string?] = [1];
  check(data, {
    generic: (d): d is { token: string } => pick(d!, 'token') === 't',
    enums: () => Level.High === 4 && Level[4] === 'High' && (Level.Low as number) === 3,
    classes: () => own.id === 8 && own.describe() === 'own n' && !('never' in own),
    rest: () => over(1) === 1 && a === 1 && b === undefined && globalThis.seen === 1 && !!arrow,
    namespaces: () => { const text: Deep.Text = 'x'; return text === 'x'; },
    satisfied: () => ({ x: 1 } satisfies Record<string, number>).x === <number>1,
  });
}
"""
LIB = """
export interface Item { id: number; name?: string }
export enum Level { Low = 3, High }
export type { Item as Renamed };
export function doubled<T extends number>(x: T): number { return 2 * (x as number); }
"""


def run(folder: Path, text: str, name: str = "load.ts") -> Run:
    path = folder / name
    path.write_text(text)
    return fastbench("run", str(path), "-t", "1", "-q")


def test_a_script_with_types_and_its_modules_run_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "lib.ts").write_text(LIB)
    (tmp_path / "side.mts").write_text("globalThis.seen = 1 as number;")
    found = run(tmp_path, LOAD)
    assert found.code == 0, found.err
    assert {row["name"]: (row["passes"], row["fails"]) for row in found.document["checks"]} == {
        name: (2, 0) for name in ("generic", "enums", "classes", "rest", "namespaces", "satisfied")
    }
    assert found.document["metrics"]["calls"]["values"]["count"] == 2


def test_an_error_has_the_authors_line_and_column(tmp_path: Path) -> None:
    line = "  const s: string = '\U0001f600é'; const t: Long | null = s as any; t!.a.oops;"
    text = (
        "type Long = {\n  a: number;\n};\nexport const options = { iterations: 1 };\n"
        "export default function (data: Long | null, more?: Map<string, number>): void {\n"
        f"{line}\n}}\n"
    )
    (row,) = run(tmp_path, text).document["exceptions"]
    assert row["place"] == "load.ts:6"
    assert f"(load.ts:6:{line.replace(chr(0x1F600), 'xx').index('t!') + 1})" in row["traceback"]


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "\nexport default function () {\n  const x: number = ;\n}": "load.ts, line 3: SyntaxError",
        "const a: number = 1;\nexport default function (): void { await a; let let; }": "line 2",
        "namespace N { export const a = 1; }\nexport default () => N.a;": "a namespace N with",
        "function d(c: any) {}\n@d class C {}\nexport default () => {};": "line 2: SyntaxError",
        "import x from './page.tsx';\nx();\nexport default () => {};": "page.tsx has JSX",
    }.items(),
)
def test_what_cannot_run_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "page.tsx").write_text("export default <b/>;")
    found = run(tmp_path, text)
    assert found.code in (104, 107), found.err
    assert said in found.err and "Traceback" not in found.err


def test_a_build_without_sucrase_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm = _quickjs.Realm(lambda base, name: name, lambda name: "")
    with monkeypatch.context() as patched:
        patched.setattr(k6_typescript, "SUCRASE", tmp_path / "sucrase.js")
        with pytest.raises(UsageError, match=r"load\.ts is TypeScript.*run `make build` again"):
            k6_typescript.TypeScript(realm).javascript("let a: number;", "load.ts")
    stripped, columns = k6_typescript.TypeScript(realm).javascript("let a: number; a.b", "load.ts")
    assert stripped == "let a; a.b"
    assert columns.before(1, 8) == (1, 16)
