"""placeholders.py: `$1` and `?` on every database, and nowhere inside texts and comments."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.script.protocols.databases.placeholders import Dialect, rewritten, statements


@pytest.mark.parametrize(
    ("dialect", "text", "wanted"),
    [
        ("sqlite", "SELECT $1, $2, $1", "SELECT ?1, ?2, ?1"),
        ("sqlite", "SELECT ?, ?", "SELECT ?1, ?2"),
        ("sqlite", "SELECT ?2, ?1", "SELECT ?2, ?1"),
        ("sqlite", "SELECT '?', \"?\", `?`, [?] -- ?\n, ? /* ? */", None),
        ("postgres", "SELECT ?, ?", "SELECT $1, $2"),
        ("postgres", "SELECT $2::int, $1", "SELECT $2::int, $1"),
        (
            "postgres",
            "SELECT a ? 'key' FROM t WHERE id = $1",
            "SELECT a ? 'key' FROM t WHERE id = $1",
        ),
        ("postgres", "a ?| b, a ?& b, a ?? b, ?||'x'", "a ?| b, a ?& b, a ? b, $1||'x'"),
        ("postgres", "E'it\\'s ?', 'it''s ?', ?", "E'it\\'s ?', 'it''s ?', $1"),
        ("postgres", "$$ ? $$, $body$ ? $$ ? $body$, ?", "$$ ? $$, $body$ ? $$ ? $body$, $1"),
        ("postgres", "/* a /* ? */ ? */ ?", "/* a /* ? */ ? */ $1"),
        ("postgres", "a$1, ?", "a$1, $1"),
        ("mysql", "a = $2 AND b LIKE '50%' AND c = $1", "a = %s AND b LIKE '50%%' AND c = %s"),
        ("mysql", "'it\\'s ?' # ?\n, ?", "'it\\'s ?' # ?\n, %s"),
        ("mysql", "/* /* ? */ ?", "/* /* ? */ %s"),
        ("sqlite", "'open ? ", "'open ? "),
    ],
)
def test_each_database_has_its_own(dialect: Dialect, text: str, wanted: str | None) -> None:
    if wanted is None:
        wanted = text.replace(", ? /*", ", ?1 /*")
    assert rewritten(text, dialect).text == wanted


def test_arguments_go_where_their_number_stands() -> None:
    found = rewritten("SELECT $2, $1, $2", "mysql")
    assert found.ordered(("a", "b")) == ("b", "a", "b")
    assert rewritten("SELECT $2, $1", "postgres").ordered((1, 2)) == (1, 2)
    for text in ("SELECT ?", "SELECT $1"):
        with pytest.raises(TypeError, match="placeholders for 1 arguments, not 2"):
            rewritten(text, "sqlite").ordered((1, 2))


_PIECES = st.sampled_from(
    (
        "'it''s ?'",
        '"a?"',
        "`?`",
        "-- ?\n",
        "/* ? */",
        "?",
        " , ",
        "x",
        "'",
        '"',
        "--",
        "/*",
        "*/",
        "[",
        "]",
    )
)


@given(st.lists(_PIECES, max_size=12))
def test_sqlite_finds_as_many_placeholders_as_we_do(pieces: list[str]) -> None:
    text = "SELECT 1 WHERE 1 IN (" + " ".join(pieces) + ")"
    ours = rewritten(text, "sqlite")
    database = sqlite3.connect(":memory:")
    try:
        database.execute(ours.text, (1,) * len(ours.order))
    except sqlite3.ProgrammingError as error:
        assert "Incorrect number of bindings" not in str(error), text
    except sqlite3.Error:
        pass  # most of these are no queries
    finally:
        database.close()


def test_a_text_falls_into_its_statements() -> None:
    text = "SELECT ';' ; -- ;\nSELECT 2; SELECT /* ; */ 3"
    assert list(statements(text)) == ["SELECT ';' ;", " -- ;\nSELECT 2;", " SELECT /* ; */ 3"]
