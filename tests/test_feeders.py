"""Rows of data files: read once, handed out in four ways, counted over all workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vus import User, run

from fastbench import _client
from fastbench.plan import UsageError
from fastbench.scenario import feeders
from fastbench.scenario.place import VU


@pytest.fixture(autouse=True)
def a_script_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("_take", None), ("_loaded", {}), ("_made", 0)):
        monkeypatch.setattr(feeders, name, value)
    yield


def script(folder: Path, text: str) -> dict[str, Any]:
    """Run a module of this text as if it stood in the folder."""
    names: dict[str, Any] = {"__file__": str(folder / "script.py"), "data": feeders.data}
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
    assert list(feeders.data(["x", "y"])) == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("no.csv", None, "cannot read `no.csv` .*no such file"),
        ("a.csv", b"a,b\n1\n", "row 2 has 1 fields and the first line 2"),
        ("b.csv", b"a\n\xff\n", "no CSV file in UTF-8"),
        ("c.csv", b"a\n", "has no rows"),
        ("d.csv", b"", "has no rows"),
        ("e.json", b"{}", "holds no list"),
        ("f.json", b"[1", "is no JSON"),
        ("g.txt", b"", "reads .csv and .json"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        script(tmp_path, f"data({name!r})")


def test_too_many_feeders_are_refused() -> None:
    for _ in range(feeders.MOST_FEEDERS):
        feeders.data([1])
    with pytest.raises(UsageError, match="not in an iteration"):
        feeders.data([1])


def test_the_four_ways() -> None:
    rows = feeders.data(["a", "b", "c"])
    assert [rows.sequential() for _ in range(7)] == list("abcabca")
    assert {rows.random() for _ in range(200)} == set("abc")
    once = feeders.data(["a", "b"])
    assert [once.unique(), once.unique()] == ["a", "b"]
    with pytest.raises(feeders.Exhausted, match="has 2 rows and all of them are used"):
        once.unique()


def test_each_user_has_its_row() -> None:
    rows = feeders.data(["a", "b", "c"])

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
    feeders.begin(arena.take)
    first, second = feeders.data(range(100)), feeders.data(range(10))
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
    with pytest.raises(feeders.Exhausted):
        first.unique()
