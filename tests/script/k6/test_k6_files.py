"""k6/experimental/fs and csv, k6/secrets, k6/timers: as k6 has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import fastbench

from fastbench.foundation.usage_error import UsageError
from fastbench.script.k6.k6_calls import K6Error
from fastbench.script.k6.modules import k6_files, k6_secrets

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")


def test_files_are_read_and_csv_is_parsed_as_in_k6(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text('name,age\nann,1\n"b, b",2\n\ncid,3\n')
    (tmp_path / "script.js").write_text("""
import { open, SeekMode } from 'k6/experimental/fs';
import csv from 'k6/experimental/csv';
import { setTimeout as later } from 'k6/timers';
import { check } from 'k6';
export const options = { vus: 2, iterations: 4 };
const file = await open('./data.csv');
const rows = await csv.parse(await open('data.csv'), { skipFirstLine: true });
const objects = await csv.parse(await open('data.csv'), { asObjects: true });
const parser = new csv.Parser(await open('data.csv'), { fromLine: 3, toLine: 9 });
const told = async (call) => { try { await call(); return ''; } catch (e) { return e.name; } };
const missing = await told(() => open('none.txt'));
export default async function () {
  const buffer = new Uint8Array(4);
  const at = await file.seek(0, SeekMode.Start);
  const read = await file.read(buffer);
  check(null, {
    read: () => at === 0 && read === 4 && String.fromCharCode(...buffer) === 'name',
    rows: () => JSON.stringify(rows) === '[["ann","1"],["b, b","2"],["cid","3"]]',
    objects: () => objects.length === 3 && objects[1].name === 'b, b' && objects[2].age === '3',
    missing: () => missing === 'NotFoundError',
    frozen: () => { try { rows[0][0] = 'x'; return false; } catch (e) { return true; } },
  });
  const first = __ITER === 0;
  const one = await parser.next();
  check(one, { next: (n) => n.done === !first && n.value.join() === (first ? 'cid,3' : '') });
  const end = await file.seek(-2, SeekMode.End);
  const rest = await file.read(buffer);
  const over = await file.read(buffer);
  const refused = [await told(() => file.seek(-1, SeekMode.Start)), await told(() => open('x'))];
  check(null, {
    end: () => end === 28 && rest === 3 && over === null,
    refused: () => refused.join() === 'TypeError,ForbiddenError',
  });
  await new Promise((done) => later(done, 1));
}
""")
    found = fastbench("run", str(tmp_path / "script.js"), "-q", "-t", "1")
    assert found.document["exceptions"] == [], found.document["exceptions"]
    checks = {row["name"]: row["passes"] for row in found.document["checks"] if not row["fails"]}
    assert set(checks) == {
        *("read", "rows", "objects", "missing", "frozen", "next", "end", "refused"),
    }


def test_options_and_rows_that_cannot_be_are_refused() -> None:
    assert list(k6_files.rows(b"a;b\n1;2\n", {"delimiter": ";"})) == [["a", "b"], ["1", "2"]]
    with pytest.raises(K6Error, match="line 2: wrong number of fields"):
        list(k6_files.rows(b"a,b\n1\n", {}))
    with pytest.raises(K6Error, match="parse error on line 1"):
        list(k6_files.rows(b'"a"b,c\n', {}))
    with pytest.raises(K6Error, match="first line; reason: EOF"):
        k6_files.rows(b"", {"asObjects": True})


def test_secrets_are_given_to_the_script_and_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "file.secret").write_text("token=from-the-file\n")
    (tmp_path / "script.js").write_text("""
import secrets from 'k6/secrets';
import { check } from 'k6';
export default async function () {
  const word = await secrets.get('word');
  const token = await secrets.source('files').get('token');
  check(null, { got: () => word === 'open-sesame' && token === 'from-the-file' });
  console.log(`word is ${word}, token is ${token}`);
  let none = '';
  try { await secrets.get('other'); } catch (e) { none = e.message; }
  check(none, { none: (text) => text === 'no value' });
  throw new Error(`failed with ${word}`);
}
""")
    sources = ["--secret-source", "mock=default,word=open-sesame"]
    sources += ["--secret-source", f"file={tmp_path}/file.secret,name=files"]
    found = fastbench("run", str(tmp_path / "script.js"), "-i", "1", *sources)
    assert [row["fails"] for row in found.document["checks"]] == [0, 0]
    assert "word is ***SECRET_REDACTED***, token is ***SECRET_REDACTED***" in found.err
    for shown in (found.out, found.err, str(found.document)):
        assert "open-sesame" not in shown and "from-the-file" not in shown


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["vault=x"], "mock=NAME=VALUE or file=PATH"),
        (["mock=a=1", "mock=b=2"], "needs a name"),
        (["mock=default,a=1", "mock=default,b=2"], "two sources named default"),
        (["mock=default,a"], "NAME=VALUE"),
        (["file=/none/x"], "cannot be read: No such file"),
    ],
)
def test_a_source_that_cannot_be_is_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        k6_secrets.read(texts)
