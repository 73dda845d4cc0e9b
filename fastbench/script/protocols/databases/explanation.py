"""What a database says it does for a query: which tables it reads whole, which indexes it uses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Explanation:
    """The plan of a query that was run, then undone; `db.explain()` returns it.

    Attributes:
        sequential_scans: Names of the tables that were read from their first row to their last.
        indexes: Names of the indexes that were used; "PRIMARY KEY" for one without a name.
        estimated_rows: What the planner expected; None where it says nothing (SQLite).
        actual_rows: How many rows came, or were changed.
        duration: Time of the query, ms, by the server's clock; of SQLite and MySQL by ours.
        text: The plan as the database tells it.

    Example::

        db = sql.open(env("DATABASE_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            plan = await db.explain("SELECT title FROM tickets WHERE id = $1", 1)
            check(plan, {"by its key": lambda p: "PRIMARY KEY" in p.indexes})
    """

    sequential_scans: tuple[str, ...]
    indexes: tuple[str, ...]
    estimated_rows: int | None
    actual_rows: int
    duration: float
    text: str


def of_postgres(plan: str | list[Any]) -> Explanation:
    """Read EXPLAIN (ANALYZE, FORMAT JSON): "Using EXPLAIN", PostgreSQL's manual 14.1."""
    (whole,) = json.loads(plan) if isinstance(plan, str) else plan
    top = whole["Plan"]
    nodes = list(_nodes(top))
    told = top
    if top["Node Type"] == "ModifyTable" and top.get("Plans"):
        told = top["Plans"][0]  # without RETURNING the top one tells of no rows
    return Explanation(
        sequential_scans=_unique(
            each.get("Relation Name", "?") for each in nodes if each["Node Type"] == "Seq Scan"
        ),
        indexes=_unique(each["Index Name"] for each in nodes if "Index Name" in each),
        estimated_rows=round(told["Plan Rows"]),
        actual_rows=round(told["Actual Rows"] * told["Actual Loops"]),
        duration=float(whole["Execution Time"]),
        text="\n".join(_lines(top, 0)),
    )


# As SQLite 3.36 and later say it; those before have the word TABLE. "EXPLAIN QUERY PLAN".
_STEP = re.compile(
    r"(?P<how>SCAN|SEARCH) (?:TABLE )?(?P<table>\S+)(?: AS (?P<alias>\S+))?"
    r"(?: USING (?:(?:AUTOMATIC )?(?:PARTIAL )?(?:COVERING )?INDEX (?P<index>\S+)"
    r"|(?P<key>INTEGER PRIMARY KEY|PRIMARY KEY)))?"
)
_NO_TABLE = ("CONSTANT ROW", "SUBQUERY")


def of_sqlite(details: Iterable[str], rows: int, duration_ms: float) -> Explanation:
    """Read the details of EXPLAIN QUERY PLAN, with what running the query has shown."""
    scans, indexes, lines = [], [], []
    for detail in details:
        lines.append(detail)
        step = _STEP.match(detail)
        rest = detail.partition(" ")[2]
        if step is None or rest.startswith(_NO_TABLE) or " VIRTUAL TABLE " in detail:
            continue
        table = step["table"]
        if "AUTOMATIC" in detail:  # an index made for this query, of every row
            scans.append(table)
        elif step["index"] or step["key"]:
            indexes.append(step["index"] or "PRIMARY KEY")
        elif step["how"] == "SCAN" and not table.startswith("("):
            scans.append(table)
    return Explanation(_unique(scans), _unique(indexes), None, rows, duration_ms, "\n".join(lines))


def of_mysql(steps: Iterable[Mapping[str, Any]], rows: int, duration_ms: float) -> Explanation:
    """Read the rows of EXPLAIN: "EXPLAIN Output Format", MySQL's manual 10.8.2."""
    scans, indexes, lines = [], [], []
    estimated = 1
    for step in steps:
        lines.append(" ".join(f"{key}={value}" for key, value in step.items() if value is not None))
        if step["type"] == "ALL":
            scans.append(str(step["table"]))
        elif step["key"]:
            indexes.append(str(step["key"]))
        estimated *= int(step["rows"] or 1)
    text = "\n".join(lines)
    return Explanation(_unique(scans), _unique(indexes), estimated, rows, duration_ms, text)


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _lines(plan: Mapping[str, Any], depth: int) -> Iterator[str]:
    what = [plan["Node Type"]]
    what += [f"on {plan['Relation Name']}"] if "Relation Name" in plan else []
    what += [f"using {plan['Index Name']}"] if "Index Name" in plan else []
    times = f"{plan.get('Actual Total Time', 0)} ms, {plan['Actual Loops']} times"
    rows = f"{plan['Plan Rows']} rows expected, {plan['Actual Rows']} came"
    yield f"{'  ' * depth}{' '.join(what)}: {rows}, {times}"
    for each in plan.get("Plans", ()):
        yield from _lines(each, depth + 1)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
