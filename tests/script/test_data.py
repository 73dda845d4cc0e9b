"""Rows of data files: read once, handed out in four ways, counted over all workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vus import User, run

from fastbench.engine.client import _client
from fastbench.foundation.usage_error import UsageError
from fastbench.script import remarks
from fastbench.script.api import data
from fastbench.script.recording_context import VU


@pytest.fixture(autouse=True)
def a_script_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("_take", None), ("_loaded", {}), ("_made", 0)):
        monkeypatch.setattr(data, name, value)
    yield


def script(folder: Path, text: str) -> dict[str, Any]:
    """Run a module of this text as if it stood in the folder."""
    names: dict[str, Any] = {"__file__": str(folder / "script.py"), "data": data.data}
    exec(compile(text, "script.py", "exec"), names)
    return names


def test_a_csv_file_stands_beside_its_script(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "users.csv").write_text('\ufeffname,city\nann,"Köln, am Rhein"\n\nbob,\n')
    users = script(tmp_path, "users = data('lib/users.csv')")["users"]
    assert list(users) == [{"name": "ann", "city": "Köln, am Rhein"}, {"name": "bob", "city": ""}]
    assert users[-1]["name"] == "bob" and len(users) == 2
    again = script(tmp_path / "lib", "users = data('users.csv')")["users"]
    assert again is users, "one file was read twice"


def test_a_json_file_and_a_list(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"a": 1}, "b"]')
    assert list(script(tmp_path, "t = data('t.json')")["t"]) == [{"a": 1}, "b"]
    assert list(data.data(["x", "y"])) == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("no.csv", None, "cannot read `.*no.csv`: no such file"),
        (
            "a.csv",
            b"a,b\n\n1,2\n1\n",
            'a.csv, line 4: 1 field where line 1 has 2, split at `,`; .*delimiter=";"',
        ),
        ("b.csv", b"a\n\xff\n", "b.csv, line 2: the byte 0xff is not UTF-8"),
        ("q.csv", b'a,b\n1,2\n"x,y\n', "q.csv, line 3: unexpected end of data"),
        ("z.csv", b"a,b\n1,\0\n", "z.csv, line 2: a NUL"),
        (".", None, "reads .csv, .tsv, .json and .jsonl files"),
        ("c.csv", b"a\n", "has no rows"),
        ("d.csv", b"", "has no rows"),
        ("e.json", b"{}", "has no list"),
        ("f.json", b"[1,\n2", "f.json, line 2, column 2: not JSON, "),
        ("h.json", b'{"a": 1}\n{"a": 2}\n', "line 2, column 1: .* call the file .jsonl"),
        ("i.jsonl", b'{"a": 1}\n\n{"a":\n', "i.jsonl, line 3, column 6: not JSON, "),
        ("g.txt", b"", "reads .csv, .tsv, .json and .jsonl"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        script(tmp_path, f"data({name!r})")


@pytest.mark.parametrize(
    "mark", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\n", "\r\n", "x" * 200_000]
)
def test_a_field_may_hold_whatever_is_no_line_end(tmp_path: Path, mark: str) -> None:
    field = f'"a{mark}b"' if "\n" in mark else f"a{mark}b"
    text = f"id,text,city\r\n1,{field},Oslo\r\n2,plain,Rome\r\n"
    (tmp_path / "u.csv").write_bytes(text.encode())
    rows = script(tmp_path, "rows = data('u.csv')")["rows"]
    assert [list(row.values()) for row in rows] == [
        ["1", f"a{mark}b", "Oslo"],
        ["2", "plain", "Rome"],
    ]


@pytest.mark.parametrize(
    ("name", "text", "how"),
    [
        ("u.csv", "a;b\n1;x\n2;1,5\n", ""),
        ("u.csv", "a\tb\n1\tx\n2\t1,5\n", ""),
        ("u.csv", "a|b\r1|x\r2|1,5\r", ""),
        ("u.csv", 'a,b\n1,x\n2,"1,5"\n', ""),
        ("u.csv", "sep=;\na;b\n1;x\n2;1,5\n", ""),
        ("u.tsv", "a\tb\n1\tx\n2\t1,5\n", ""),
        ("u.csv", "a:b\n1:x\n2:1,5\n", ", delimiter=':'"),
        ("u.jsonl", '{"a":"1","b":"x"}\n\n{"a":"2","b":"1,5"}', ""),
    ],
)
def test_the_delimiter_is_found_or_said(tmp_path: Path, name: str, text: str, how: str) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-16"))
    rows = script(tmp_path, f"rows = data({name!r}{how})")["rows"]
    assert list(rows) == [{"a": "1", "b": "x"}, {"a": "2", "b": "1,5"}]


def test_one_column_has_no_delimiter(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("url\nhttp://h/a;b\nhttp://h/c|d;e\n")
    assert script(tmp_path, "rows = data('u.csv')")["rows"][1] == {"url": "http://h/c|d;e"}


def test_a_column_that_is_there_twice_is_told_of_once(tmp_path: Path) -> None:
    told: list[tuple[str, ...]] = []
    (tmp_path / "u.csv").write_text("id,name,id\n1,x,2\n")
    remarks.begin()
    assert script(tmp_path, "rows = data('u.csv')")["rows"][0] == {"id": "2", "name": "x"}
    remarks.hear(lambda *said: told.append(said))
    script(tmp_path, "rows = data('u.csv', delimiter=',')")
    remarks.begin()
    ((code, text, _),) = told
    assert code == "duplicate_column" and text.startswith("u.csv, line 1: the column `id` ")


def test_too_many_feeders_are_refused() -> None:
    for _ in range(data.MAX_FEEDERS):
        data.data([1])
    with pytest.raises(UsageError, match="not in an iteration"):
        data.data([1])


def test_the_four_ways() -> None:
    rows = data.data(["a", "b", "c"])
    assert [rows.sequential() for _ in range(7)] == list("abcabca")
    assert {rows.random() for _ in range(200)} == set("abc")
    once = data.data(["a", "b"])
    assert [once.unique(), once.unique()] == ["a", "b"]
    with pytest.raises(data.Exhausted, match="has 2 rows and all of them are used"):
        once.unique()


def test_each_user_has_its_row() -> None:
    rows = data.data(["a", "b", "c"])

    async def each(*users: User) -> str:
        found = ""
        for user in users:
            VU.set(user)
            found += rows.per_vu()
        return found

    assert run(each, users=7)[0] == "abcabca"
    vu: Any = SimpleNamespace(id=5)
    token = VU.set(vu)
    assert rows.per_vu() == "b"
    VU.reset(token)


def test_counts_go_over_all_workers() -> None:
    arena = _client.Arena(2)
    reading, writing = os.pipe()
    data.begin(arena.take)
    first, second = data.data(range(100)), data.data(range(10))
    workers = []
    for _ in range(2):
        workers.append(os.fork())
        if workers[-1] == 0:
            mine = [first.unique() for _ in range(50)]
            mine += [1000 + second.sequential() for _ in range(25)]
            os.write(writing, b"".join(b"%d " % each for each in mine))
            os._exit(0)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers] == [0, 0]
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found = sorted(map(int, pipe.read().split()))
    assert found[:100] == list(range(100)), "a row went to two workers, or to none"
    assert found[100:] == sorted([1000 + n for n in range(10)] * 5)
    with pytest.raises(data.Exhausted):
        first.unique()
