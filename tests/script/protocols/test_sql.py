"""sql.py on SQLite, PostgreSQL and MariaDB: counts, errors by SQLSTATE, pools, transactions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import databases
import pytest
from store_scripts import rows_of, run_script

from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError
from fastbench.script.protocols import queries, sql

SCRIPT = """
from fastbench import *
db = sql.open(env("DATABASE_URL"))
options = Options(thresholds={
    "db_query_duration{query:list_tickets}": ["p(95)<30000"],
    "db_errors{sqlstate:23505}": ["count==4"],
    "operation_failed{name:insert again}": ["rate==1"],
    "db_queries": ["count>0"],
})

@setup
async def prepare(vu):
    await db.exec("CREATE TABLE tickets (id integer PRIMARY KEY, title text); "
                  "CREATE TABLE other (id integer)")
    async with db.transaction("seed") as tx:
        for id in range(100):
            await tx.exec("INSERT INTO tickets VALUES ($1, $2)", id, f"t{id}", name="seed row")

@scenario(executor="per-vu-iterations", vus=2, iterations=10)
async def main(vu):
    rows = await db.query("SELECT * FROM tickets WHERE id >= ? ORDER BY id LIMIT 5", 7,
                          name="list_tickets")
    check(rows, {"dicts": lambda r: len(r) == 5 and r[0] == {"id": 7, "title": "t7"}})
    if vu.iteration in (3, 4):
        try:
            await db.exec("INSERT INTO tickets VALUES ($1, 'x')", 7, name="insert again")
        except sql.QueryError as error:
            assert error.sqlstate == "23505" and error.constraint
    if vu.iteration == 5:
        await db.query("SELECT * FROM missing")
    if vu.iteration == 6:
        try:
            async with db.transaction("undone") as tx:
                assert await tx.exec("UPDATE tickets SET title = 'y'") == 100
                raise KeyError("no")
        except KeyError:
            pass
    if vu.iteration == 7:
        plan = await db.explain("SELECT * FROM tickets WHERE title = $1", "t1")
        check(plan, {"scans": lambda p: p.sequential_scans == ("tickets",) and p.actual_rows == 1})

@teardown
async def clean(vu):
    (row,) = await db.query("SELECT count(*) AS n, max(title) AS title FROM tickets")
    assert row == {"n": 100, "title": "t99"}, row
    assert await db.exec("DELETE FROM tickets WHERE id < $1", 30) == 30
    await db.exec("DROP TABLE tickets")
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with databases.postgres() as url:
        yield url


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    with databases.mariadb() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/app.db"
    found: str = request.getfixturevalue(request.param)
    return found


def test_every_query_is_counted_by_name_and_by_sqlstate(address: str, tmp_path: Path) -> None:
    found = run_script(tmp_path, SCRIPT, address, "-t2")
    rows = rows_of(found)
    assert {name: (row["requests"], row["failed"]) for name, row in rows.items()} == {
        "CREATE tickets": (1, 0),
        "seed": (1, 0),
        "seed row": (100, 0),
        "list_tickets": (20, 0),
        "insert again": (4, 4),
        "SELECT missing": (2, 2),
        "UPDATE tickets": (2, 0),
        "undone": (2, 2),
        "explain": (2, 0),
        "SELECT tickets": (1, 0),
        "DELETE tickets": (1, 0),
        "DROP tickets": (1, 0),
    }
    assert {row["kind"] for row in rows.values()} == {"sql"}
    (why,) = rows["insert again"]["reasons"]
    constraint = why.removeprefix("23505 unique violation (").removesuffix(")")
    assert constraint in ("tickets.id", "tickets_pkey", "PRIMARY")
    assert rows["SELECT missing"]["reasons"] == {"42P01 no such table": 2}
    assert rows["undone"]["reasons"] == {"KeyError": 2}
    metrics = {name: each["values"] for name, each in found.document["metrics"].items()}
    assert metrics["db_queries"]["count"] == metrics["db_query_duration"]["count"] == 134
    assert metrics["db_pool_wait"]["count"] == 134 + 3 - 102
    assert metrics["db_errors"]["count"] == 6
    assert metrics["db_errors{sqlstate:23505}"]["count"] == 4
    assert metrics["db_query_duration{query:list_tickets}"]["count"] == 20
    (threw,) = found.document["exceptions"]
    assert (threw["type"], threw["count"]) == ("QueryError", 2)
    assert threw["text"].startswith("42P01 no such table: ")
    assert found.code == 0 and "✓ db_errors{sqlstate:23505}: count==4" in found.out
    databases.without_secrets(found.out, found.err, json.dumps(found.document))


def test_a_pool_is_as_large_as_it_is_told_and_waiting_is_no_part_of_a_query(tmp_path: Path) -> None:
    text = """
import asyncio
from fastbench import *
db = sql.open(env("DATABASE_URL"), pool=1)
@scenario(executor="per-vu-iterations", vus=2, iterations=1)
async def main(vu):
    async with db.transaction():
        await sleep(0.1)
@setup
async def prepare(vu):
    await db.query("PRAGMA journal_mode = WAL")
    await db.exec("CREATE TABLE t (id)")
"""
    found = run_script(tmp_path, text, f"sqlite:///{tmp_path}/app.db", "-t1")
    wait = found.document["metrics"]["db_pool_wait"]["values"]
    assert wait["count"] == 4 and wait["max"] >= 100 > wait["min"]
    assert rows_of(found)["transaction"]["latency"]["max"] < wait["max"] + 90
    # SQLite removes its log when the last connection is closed in order.
    assert [path.name for path in tmp_path.glob("app.db*")] == ["app.db"]


def test_a_query_that_takes_too_long_is_given_up(address: str, tmp_path: Path) -> None:
    slow = "SELECT pg_sleep(30)"
    if address.startswith("sqlite"):
        slow = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
        )
    if address.startswith("mysql"):
        slow = "SELECT sleep(30)"
    text = f"""
import asyncio
from fastbench import *
db = sql.open(env("DATABASE_URL"), pool=1, timeout="100ms")
@scenario(executor="per-vu-iterations", vus=1, iterations=2)
async def main(vu):
    try:
        await db.query("{slow}", name="slow")
    except sql.QueryError as error:
        assert str(error) == "57014 timed out: it took longer than 0.1s", error
    try:
        async with asyncio.timeout(0.05):
            await db.query("{slow}", name="left")
    except TimeoutError:
        pass
    assert await db.query("SELECT 1 AS one") == [{{"one": 1}}]
"""
    found = run_script(tmp_path, text, address)
    rows = rows_of(found)
    assert (rows["slow"]["reasons"], rows["left"]["reasons"]) == (
        {"57014 timed out": 2},
        {"cancelled": 2},
    )
    assert rows["SELECT"]["requests"] == 2 and found.document["exceptions"] == []
    assert found.elapsed_s < 20


def test_an_interrupt_closes_what_is_open_and_teardown_still_has_the_database(
    postgres: str, tmp_path: Path
) -> None:
    text = """
import os, signal
from fastbench import *
db = sql.open(env("DATABASE_URL"))
@setup
async def prepare(vu):
    await db.exec("CREATE TABLE left_over (id integer)")
@scenario(executor="constant-vus", vus=4, duration="30s")
async def main(vu):
    await db.query("SELECT count(*) FROM left_over")
    if vu.iteration == 20 and vu.id == 1:
        os.kill(os.getppid(), signal.SIGINT)
    if vu.id == 2:
        await db.query("SELECT pg_sleep(30)")
@teardown
async def clean(vu):
    await db.exec("DROP TABLE left_over")
"""
    found = run_script(tmp_path, text, postgres, "-t2")
    assert found.code == 105 and found.elapsed_s < 20
    assert rows_of(found)["DROP left_over"]["failed"] == 0
    after = run_script(
        tmp_path,
        """
from fastbench import *
db = sql.open("postgres", env("DATABASE_URL"))
@scenario
async def main(vu):
    found = await db.query("SELECT to_regclass('left_over') AS it")
    check(found, {"gone": lambda rows: rows == [{"it": None}]})
    found = await db.query("SELECT count(*) AS n FROM pg_stat_activity WHERE "
        "application_name = 'fastbench' AND pid <> pg_backend_pid()")
    check(found, {"alone": lambda rows: rows == [{"n": 0}]})
    other = sql.open("postgres", env("DATABASE_URL"), pool=1)
    await other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
        "application_name = 'fastbench' AND pid <> pg_backend_pid()")
    while db._pools.held._free[0].usable():
        await sleep(0.01)
    found = await db.query("SELECT 1 AS one")
    check(found, {"again": lambda rows: rows == [{"one": 1}]})
""",
        postgres,
    )
    assert [(row["name"], row["fails"]) for row in after.document["checks"]] == [
        ("gone", 0),
        ("alone", 0),
        ("again", 0),
    ]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: sql.open(None), "sql.open() needs the address of a database, for example"),
        (
            lambda: sql.open("oracle://u:secret@h/x"),
            "sql.open() cannot tell which database oracle://***@h",
        ),
        (lambda: sql.open("oracle", "x"), "sql.open() knows no database oracle: it is postgres"),
        (lambda: sql.open("postgres", ""), "sql.open('postgres', …) needs an address, too"),
        (lambda: sql.open("sqlite://app.db"), "The address of a file is sqlite:///app.db, with"),
        (lambda: sql.open("mysql", "nonsense"), "The address of a database of MySQL is mysql://"),
        (lambda: sql.open("mysql://h:x/db"), "The port of mysql://h:x/db is not a number."),
        (lambda: sql.open("sqlite:///a.db", pool=0), "pool of sql.open() must be between 1 and"),
        (lambda: sql.open("sqlite:///a.db", timeout="x"), "timeout of sql.open(): `x` is not"),
    ],
)
def test_an_address_that_says_nothing_is_refused_with_a_cure(
    call: Callable[[], object], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        call()
    assert said in str(refused.value) and "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "dsn", "shown"),
    [
        (
            "postgres",
            "host=db port=6432 user=me password=secret dbname=app",
            "postgresql://db:6432/app",
        ),
        ("postgres", "postgres://me:secret@db/app?sslmode=disable", "postgresql://db/app"),
        ("postgresql+asyncpg://me:secret@db/app", None, "postgresql://db/app"),
        ("mysql", "me:secret@tcp(db:3307)/app", "mysql://db:3307/app"),
        ("sqlite3", "app.db", "sqlite:///app.db"),
        ("sqlite:////tmp/app.db", None, "sqlite:////tmp/app.db"),
        ("sqlite://", None, "sqlite:///:memory:"),
    ],
)
def test_addresses_are_read_as_drivers_have_them_and_shown_without_secrets(
    kind: str, dsn: str | None, shown: str
) -> None:
    assert repr(sql.open(kind, dsn)) == f"<database {shown}>"


def test_a_query_is_named_by_its_verb_and_table() -> None:
    named = {
        "SELECT * FROM tickets t JOIN users u ON 1": "SELECT tickets",
        '/* all */ insert into "Tickets" values (1)': "INSERT Tickets",
        "UPDATE ONLY app.tickets SET a = 1": "UPDATE app.tickets",
        "CREATE TABLE IF NOT EXISTS t (id int)": "CREATE t",
        "DROP SCHEMA IF EXISTS app CASCADE": "DROP app",
        "VACUUM": "VACUUM",
        "SELECT 1": "SELECT",
    }
    assert {text: queries.summary(text) for text in named} == named


def test_a_library_that_is_missing_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, kind, extra in (
        ("asyncpg", "postgres", "postgres"),
        ("asyncmy", "mysql", "mysql"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(UsageError) as refused:
            sql.open(f"{kind}://h/x")
        assert f"needs the library {module}: {install_command(extra)}" in str(refused.value)


def test_who_asks_for_no_database_loads_none() -> None:
    code = (
        "import sys; from fastbench import *; sql, redis, rq; "
        "print({'asyncpg', 'asyncmy', 'hiredis', 'redis', 'rq', 'sqlite3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize(("broken", "state"), [("no such server", "08001"), ("password", "28P01")])
def test_who_cannot_connect_is_told_why_and_no_secret(
    broken: str, state: str, postgres: str, tmp_path: Path
) -> None:
    address = postgres.replace("4711", "0815")
    if broken == "no such server":
        address = address.rpartition(":")[0] + ":1/postgres"
    text = """
from fastbench import *
db = sql.open(env("DATABASE_URL"))
@scenario
async def main(vu):
    await db.query("SELECT 1", name="first")
"""
    found = run_script(tmp_path, text, address)
    (why,) = rows_of(found)["first"]["reasons"]
    assert why.startswith(state) and found.document["exceptions"][0]["type"] == "QueryError"
    assert "pg-secret" not in found.out + found.err + json.dumps(found.document)
