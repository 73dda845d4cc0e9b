"""explanation.py: what the plans of three databases say of tables and indexes."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from fastbench.script.protocols.databases import explanation
from fastbench.script.protocols.databases.sqlite import SqliteDriver


def node(kind: str, *inner: dict[str, Any], **more: Any) -> dict[str, Any]:
    counts = {"Plan Rows": 10, "Actual Rows": 4, "Actual Loops": 1, "Actual Total Time": 0.5}
    return {"Node Type": kind, **counts, **more, "Plans": list(inner)}


def test_postgres_names_what_it_scans_and_uses() -> None:
    bitmap = node("Bitmap Heap Scan", node("Bitmap Index Scan", **{"Index Name": "b"}))
    plan = node(
        "Nested Loop",
        node("Seq Scan", **{"Relation Name": "users", "Parallel Aware": True}),
        node("Index Only Scan", **{"Relation Name": "tickets", "Index Name": "a"}),
        bitmap,
        **{"Actual Rows": 3, "Actual Loops": 2},
    )
    found = explanation.of_postgres([{"Plan": plan, "Execution Time": 1.25}])
    assert (found.sequential_scans, found.indexes) == (("users",), ("a", "b"))
    assert (found.estimated_rows, found.actual_rows, found.duration) == (10, 6, 1.25)
    assert found.text.splitlines()[1].startswith("  Seq Scan on users: 10 rows expected, 4 came")


def test_postgres_tells_of_changed_rows_below_the_change() -> None:
    plan = node("ModifyTable", node("Seq Scan", **{"Relation Name": "t"}), **{"Actual Rows": 0})
    assert explanation.of_postgres([{"Plan": plan, "Execution Time": 1.0}]).actual_rows == 4


def test_mysql_names_what_it_scans_and_uses() -> None:
    steps: list[dict[str, Any]] = [
        {"table": "users", "type": "ALL", "key": None, "rows": 100},
        {"table": "tickets", "type": "ref", "key": "by_user", "rows": 3},
    ]
    found = explanation.of_mysql(steps, 7, 2.0)
    assert (found.sequential_scans, found.indexes) == (("users",), ("by_user",))
    assert (found.estimated_rows, found.actual_rows, found.duration) == (300, 7, 2.0)


@pytest.mark.parametrize(
    ("query", "scans", "indexes", "rows"),
    [
        ("SELECT * FROM t", ("t",), (), 3),
        ("SELECT * FROM t AS other", ("other",), (), 3),
        ("SELECT * FROM t WHERE id = 2", (), ("PRIMARY KEY",), 1),
        ("SELECT * FROM t WHERE a = 2", (), ("by_a",), 1),
        ("SELECT a FROM t", (), ("by_a",), 3),  # all of an index that covers the query
        ("SELECT * FROM t ORDER BY b", ("t",), (), 3),
        ("SELECT * FROM t JOIN u ON u.b = t.b", ("t", "u"), (), 3),  # an index made for the query
        ("SELECT * FROM (SELECT DISTINCT b FROM t)", ("t",), (), 3),
        ("SELECT 1", (), (), 1),
        ("UPDATE t SET b = 9 WHERE a > 1", (), ("by_a",), 2),
        ("DELETE FROM t", (), (), 3),  # forgets all pages, and reads none
    ],
)
def test_sqlite_names_what_it_scans_and_undoes_what_it_ran(
    query: str, scans: tuple[str, ...], indexes: tuple[str, ...], rows: int, tmp_path: Any
) -> None:
    path = str(tmp_path / "a.db")
    with sqlite3.connect(path) as made:
        made.executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE INDEX by_a ON t (a);"
            "CREATE TABLE u (b); INSERT INTO t (a, b) VALUES (1, 1), (2, 2), (3, 3);"
            "INSERT INTO u VALUES (1), (2), (3);"
        )
    made.close()

    async def explained() -> explanation.Explanation:
        connection = await SqliteDriver(path, 5.0, 1).connect()
        found = await connection.explain(query, ())
        assert await connection.query("SELECT sum(b) AS b FROM t", ()) == [{"b": 6}]
        await connection.close()
        return found

    found = asyncio.run(explained())
    assert set(found.sequential_scans) == set(scans)
    assert (found.indexes == indexes or "JOIN" in query) and found.actual_rows == rows
    assert found.estimated_rows is None and found.duration > 0
