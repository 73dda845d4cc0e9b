"""k6/x/sql on the SQL operations: both generations of calls, values and errors as in k6."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from databases import mariadb, postgres, without_secrets
from running import Run, fastbench

from fastbench.script.protocols.databases import loose_arguments

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")


def run(folder: Path, text: str, *more: str) -> Run:
    """Run a script of this text; all of its checks must pass."""
    path = folder / "script.js"
    path.write_text("import { check } from 'k6';\n" + text)
    found = fastbench("run", str(path), "-q", *more)
    assert found.document["exceptions"] == [], found.document["exceptions"]
    failed = [row for row in found.document["checks"] if row["fails"] or not row["passes"]]
    assert failed == [] and found.document["checks"], failed
    return found


def test_a_script_may_have_a_metric_of_a_name_of_ours_and_queries_by_either_way(
    tmp_path: Path,
) -> None:
    text = """
import sql, { open as openDatabase } from 'k6/x/sql';
import driver from 'k6/x/sql/driver/sqlite3';
import { Trend } from 'k6/metrics';
const db = openDatabase(driver, __ENV.FILE, { max_open_conns: 4 });
const old = sql.open('sqlite3', __ENV.FILE);
const own = sql.open('sqlite3', ':memory:');
const took = new Trend('db_query_duration');
export const options = { vus: 3, iterations: 9, thresholds: { db_query_duration: ['max==7'] } };
export function setup() {
  old.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE u (id INTEGER)');
}
export default function () {
  const made = db.exec('INSERT INTO t (name) VALUES (?)', `n${__VU}`);
  const rows = sql.query(old, 'SELECT * FROM t WHERE id = $1', made.lastInsertId());
  own.exec('CREATE TABLE IF NOT EXISTS mine (n INTEGER)');
  own.exec('INSERT INTO mine VALUES (1)');
  took.add(7);
  let told = '';
  try { db.query('SELECT * FROM nope'); } catch (e) { told = `${e.name} ${e.message}`; }
  check(rows, {
    row: (r) => r.length === 1 && r[0].name === `n${__VU}` && made.rowsAffected() === 1,
    told: () => told === 'GoError no such table: nope',
    none: () => db.query('SELECT * FROM u').length === 0,
    'in memory': () => own.query('SELECT count(*) AS n FROM mine')[0].n === __ITER + 1,
  });
}
export function teardown() {
  db.close();
  let told = '';
  try { db.query('SELECT 1'); } catch (e) { told = e.message; }
  check(told, { closed: (text) => text === 'sql: database is closed' });
}
"""
    found = run(tmp_path, text, "-e", f"FILE={tmp_path / 'a.db'}", "-t", "2")
    metrics = found.document["metrics"]
    assert metrics["db_query_duration"]["values"]["count"] == 9
    assert metrics["db_query_duration"]["thresholds"] == {"max==7": {"ok": True}}
    queries = metrics["db_queries"]["values"]["count"]
    assert metrics["fastbench_db_query_duration"]["values"]["count"] == queries > 9 * 6


def test_without_such_a_metric_ours_has_its_name(tmp_path: Path) -> None:
    text = """
import sql from 'k6/x/sql';
const db = sql.open('sqlite3', ':memory:');
export default () => { check(db.query('SELECT 1 AS one'), { one: (r) => r[0].one === 1 }); };
"""
    metrics = run(tmp_path, text, "-i", "2").document["metrics"]
    assert metrics["db_query_duration"]["values"]["count"] == 2
    assert "fastbench_db_query_duration" not in metrics


def test_postgres_gives_values_and_errors_as_k6_does(tmp_path: Path) -> None:
    text = """
import sql from 'k6/x/sql';
const db = sql.open('postgres', `${__ENV.DSN}?sslmode=disable`);
const thrown = (call) => { try { call(); return ''; } catch (e) { return e.message; } };
export const options = {
  scenarios: {
    waits: { executor: 'per-vu-iterations', exec: 'waits', vus: 1, iterations: 1 },
    goes: { executor: 'per-vu-iterations', exec: 'goes', vus: 1, iterations: 20 },
  },
};
export function waits() {
  const told = thrown(() => db.queryWithTimeout('300ms', 'SELECT pg_sleep(30)'));
  check(told, { late: (text) => text === 'context deadline exceeded' });
}
export function goes() {
  const [row] = db.query(`SELECT $1::int AS a, $2::text AS b, 1.50::numeric AS n,
    $3::float8 AS f, $4::timestamptz AS t, null AS d`, '5', 7, 3, '2024-01-01T00:00:00Z');
  const changed = db.exec('CREATE TABLE IF NOT EXISTS x (a int); INSERT INTO x VALUES (1), (2)');
  check(row, {
    values: (r) => r.a === 5 && r.b === '7' && r.f === 3 && r.d === null,
    time: (r) => r.t === '2024-01-01T00:00:00Z',
    bytes: (r) => String.fromCharCode(...r.n) === '1.50',
    changed: () => changed.rowsAffected() === 2,
    'no id': () => /not supported/.test(thrown(() => changed.lastInsertId())),
    refused: () => thrown(() => db.query('SELECT * FROM nope'))
      === 'pq: relation "nope" does not exist',
    'too many': () => /for 1 arguments, not 2/.test(thrown(() => db.query('SELECT $1', 1, 2))),
  });
}
"""
    with postgres() as url:
        found = run(tmp_path, text, "-e", f"DSN={url}", "-t", "1")
    ended = {row["name"]: row["iterations"] for row in found.document["scenarios"]}
    assert ended == {"waits": 1, "goes": 20}  # who waits keeps nobody else
    without_secrets(found.out, found.err)


def test_mariadb_takes_an_address_of_go_and_gives_texts_as_bytes(tmp_path: Path) -> None:
    text = """
import sql from 'k6/x/sql';
import driver from 'k6/x/sql/driver/mysql';
const db = sql.open(driver, __ENV.DSN);
export default function () {
  db.exec('CREATE TABLE IF NOT EXISTS x (a int auto_increment primary key, b varchar(20))');
  const made = db.exec('INSERT INTO x (b) VALUES (?)', 'word');
  const [row] = db.query('SELECT * FROM x WHERE a = ?', made.lastInsertId());
  check(row, {
    id: (r) => r.a === made.lastInsertId() && r.a === __ITER + 1,
    text: (r) => String.fromCharCode(...r.b) === 'word',
  });
}
"""
    with mariadb() as url:
        user, password, place, name = re.findall(r"mysql://(\w+):([^@]*)@([^/]*)/(\w+)", url)[0]
        dsn = f"{user}:{password}@tcp({place})/{name}?parseTime=true"
        run(tmp_path, text, "-e", f"DSN={dsn}", "-i", "3")


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "sql.open('oracle', 'x')": "unsupported database oracle",
        "sql.open(Symbol('x'), 'x')": "invalid driver parameter",
        "sql.open('sqlite3', 'x', { size: 3 })": "no option size",
        "sql.open('postgres', '')": "needs an address",
        "sql.open('sqlite3', ':memory:').query('SELECT 1')": "init context",
    }.items(),
)
def test_what_cannot_be_opened_is_refused_at_load(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "script.js"
    path.write_text(f"import sql from 'k6/x/sql';\n{text};\nexport default () => {{}};")
    found = fastbench("run", str(path), "-q")
    assert found.code == 107 and said in found.err, found.err
    assert "Traceback" not in found.err


def test_arguments_become_what_parameters_of_postgres_are() -> None:
    types = ("int4", "text", "numeric", "bool", "float8", "uuid", "int8[]")
    args = (4.0, True, 1.5, "t", 2, "a-b", [1])
    assert loose_arguments.converted(args, types) == (
        *(4, "true", Decimal("1.5"), True, 2.0, "a-b"),
        [1],
    )
    assert loose_arguments.converted((None, 3.0), ("int4", "text")) == (None, "3")
    with pytest.raises(ValueError, match="boolean"):
        loose_arguments.converted(("maybe",), ("bool",))
