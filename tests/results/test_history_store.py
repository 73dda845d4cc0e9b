"""history_store.py: what is kept comes back, whoever writes; what is no history is refused."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import samples
import scenario_samples
from histories import NAME, document, keep, run

from fastbench.cli.args import earlier_run
from fastbench.foundation.usage_error import UsageError
from fastbench.report.text import history_text
from fastbench.results.counts import Http2
from fastbench.results.history import history_store
from fastbench.results.history.history_entry import Entry
from fastbench.results.result import Result

WRITER = """
import sys
from pathlib import Path
from histories import keep, run
for at in range(int(sys.argv[2])):
    keep(Path(sys.argv[1]), run(1000.0 + at), name=sys.argv[3])
"""
# Changes more than SQLite keeps in memory, so that half of it is in the file, and is gone.
KILLED = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE runs SET name = 'half', document = zeroblob(3000000)")
os._exit(9)
"""


def ids(path: Path, name: str | None = None, last: int | None = None) -> dict[str, list[int]]:
    with history_store.opened(str(path)) as kept:
        return {each.name: [run.id for run in each.runs] for each in kept.groups(name, last)}


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        act()
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".")
    return sentence


def looked_at(path: Path) -> None:
    with history_store.opened(str(path)) as kept:
        kept.groups()


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


# What is kept comes back


def test_a_run_comes_back_whole(path: Path) -> None:
    result = replace(scenario_samples.messages(), config={"tags": {"commit": "3f2c1a9"}})
    entry = Entry.of(result, "message_sending.py", 99)
    whole = document(result)
    history_store.keep(str(path), entry, whole)
    with history_store.opened(str(path)) as kept:
        assert kept.run(1) == replace(entry, id=1)
        assert kept.document(1) == whole, "byte for byte"
        assert kept.result(1) == result
    assert path.stat().st_size < len(whole) / 2, "it is packed"


def test_the_columns_are_those_of_the_result() -> None:
    entry = Entry.of(samples.planned(), NAME, 95)
    planned = samples.planned()
    response = planned.latency.response
    assert response is not None
    assert (entry.times, entry.p95_ms) == ("response", response.percentile(95.0) / 1e6)
    assert entry.requests_per_s == planned.summary.requests_per_s
    assert (entry.exit_code, entry.thresholds, entry.build) == (95, "none", "")
    assert (entry.kernel, entry.cpu, entry.cores) == ("6.1.0-18-amd64", "Example CPU @ 2.40GHz", 2)
    service = Entry.of(samples.failing(), NAME)
    assert service.times == "service"
    wrong = samples.failing().summary
    assert service.errors_share == (wrong.failed + wrong.timeouts) / wrong.requests
    script = Entry.of(scenario_samples.messages(), NAME)
    assert script.thresholds == "failed"
    refused = Entry.of(samples.refused(), NAME)
    assert (refused.p50_ms, refused.errors_share, refused.ended) == (None, 1.0, "nothing_succeeded")


def test_runs_are_told_by_name_and_the_newest_is_the_last(path: Path) -> None:
    for name in ("a", "b", "a", "a", "c", "b"):
        keep(path, run(), name=name)
    assert list(ids(path).items()) == [("a", [1, 3, 4]), ("c", [5]), ("b", [2, 6])]
    assert ids(path, last=2) == {"a": [3, 4], "c": [5], "b": [2, 6]}
    assert ids(path, name="a", last=1) == {"a": [4]}
    with history_store.opened(str(path)) as kept:
        assert [each.total for each in kept.groups(last=1)] == [3, 1, 2]


def test_the_run_to_compare_with_is_the_last_complete_one_of_the_name(path: Path) -> None:
    partial = replace(run(), summary=replace(run().summary, ended="interrupted"))
    keep(path, run(), run(1100.0), partial)
    keep(path, run(5000.0), name="another")
    with history_store.opened(str(path)) as kept:
        before = kept.last_complete(NAME)
        assert before is not None and before.id == 2
        assert kept.last_complete("nothing of this name") is None


@pytest.mark.parametrize("name", [":memory:", "a b?mode=ro#x%41.db", "ünïcode.db", "file:x.db"])
def test_a_file_is_called_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keep(Path(name), run())
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert ids(Path(name)) == {NAME: [1]}


def test_an_empty_file_is_a_history_without_runs(path: Path) -> None:
    path.touch()
    assert ids(path) == {}
    history_store.check(str(path))
    assert refusal(lambda: ids(path, "x")) == (
        f"{path} has no run called `x`, and no other yet; --history {path} keeps one."
    )
    assert path.stat().st_size == 0, "who only reads writes nothing"
    keep(path, run())
    assert ids(path) == {NAME: [1]}


# Several at once, and some that die


def test_many_writers_lose_nothing(path: Path) -> None:
    words = [sys.executable, "-c", WRITER, str(path), "5"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    writers = [subprocess.Popen([*words, f"writer {at}"], env=env) for at in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    found = ids(path)
    assert {name: len(runs) for name, runs in found.items()} == {
        f"writer {at}": 5 for at in range(4)
    }
    assert sorted(number for runs in found.values() for number in runs) == list(range(1, 21))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_who_waits_too_long_for_a_lock_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(path, run())
    monkeypatch.setattr(history_store, "BUSY_S", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert refusal(lambda: keep(path, run())) == f"{path} was not written: database is locked."
        assert ids(path) == {NAME: [1]}, "a reader is let in"
    keep(path, run())
    assert ids(path) == {NAME: [1, 2]}


def test_what_a_killed_writer_had_not_finished_never_was(path: Path) -> None:
    keep(path, run())
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert killed.returncode == 9
    assert path.with_name("runs.db-journal").stat().st_size > 0
    assert ids(path) == {NAME: [1]}
    with history_store.opened(str(path)) as kept:
        assert kept.result(1) == run()


# What is no history


def other_database(path: Path) -> None:
    changed(path, "CREATE TABLE runs (id)")


def newer(path: Path) -> None:
    keep(path, run())
    changed(path, "PRAGMA user_version = 4")


def unversioned(path: Path) -> None:
    keep(path, run())
    changed(path, "PRAGMA user_version = 0")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("id,name\n" * 300), "is not a history of runs"),
    "a document": (lambda path: path.write_bytes(document(run())), "is not a history of runs"),
    "a database": (other_database, "is a database, but no history of runs; name another file."),
    "a newer one": (newer, "was written by a newer fastbench (layout 4; this one knows 3)"),
    "one without layout": (unversioned, "is a database, but no history"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_history_is_refused_and_stays_as_it_is(what: str, path: Path) -> None:
    make, sentence = REFUSED[what]
    make(path)
    before = path.read_bytes()
    for act in (history_store.check, lambda _: looked_at(path), lambda _: keep(path, run())):
        assert sentence in refusal(lambda act=act: act(str(path)))  # type: ignore[misc]
    assert path.read_bytes() == before


def test_a_folder_a_pipe_and_a_missing_place_are_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (tmp_path, pipe):
        assert "is not a file, so it is not a history" in refusal(lambda at=place: looked_at(at))  # type: ignore[misc]
        assert "it is not a regular file." in refusal(lambda at=place: keep(at, run()))  # type: ignore[misc]
    missing = tmp_path / "missing" / "runs.db"
    absent = "no such file or directory."
    assert refusal(lambda: keep(missing, run())).endswith(f"was not written: {absent}")
    assert refusal(lambda: looked_at(missing)).endswith(
        "cannot be read: no such file or directory."
    )
    history_store.check(str(missing))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_can_be_read(path: Path) -> None:
    keep(path, run())
    path.chmod(0o444)
    assert refusal(lambda: keep(path, run())).endswith("was not written: permission denied.")
    assert ids(path) == {NAME: [1]}


def test_a_damaged_file_is_one_sentence(path: Path) -> None:
    keep(path, *[run(at * 100.0) for at in range(1, 9)])
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    assert "malformed" in refusal(lambda: looked_at(path))
    path.write_bytes(whole[:9000])
    assert "cannot be read: " in refusal(lambda: looked_at(path))


WRONG = {
    "requests_per_s = 'fast'": "run 1.requests_per_s: expected a number, got 'fast'",
    "requests_per_s = 1e300": "run 1.requests_per_s: 1e+300 is out of range",
    "p95_ms = -1.0": "run 1.p95_ms: -1.0 is out of range",
    "ended = 'never'": "run 1.ended: 'never' is none of complete",
    "name = x'80'": "name: expected a text",
    "cores = 2.5": "run 1.cores: expected a whole number",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_wrong_row_is_named_with_its_field(change: str, path: Path) -> None:
    keep(path, run())
    changed(path, f"UPDATE runs SET {change}")
    assert f"{path} cannot be read: {WRONG[change]}" in refusal(lambda: looked_at(path))


@pytest.mark.parametrize(
    ("document_is", "sentence"),
    [
        ("'text'", "The document of run 1 in {} is missing."),
        ("zeroblob(900)", "The document of run 1 in {} is damaged."),
        ("substr(document, 1, 900)", "The document of run 1 in {} is cut off, or larger than any."),
    ],
)
def test_a_damaged_document_costs_no_list(document_is: str, sentence: str, path: Path) -> None:
    keep(path, run())
    changed(path, f"UPDATE runs SET document = {document_is}")
    assert ids(path) == {NAME: [1]}
    with history_store.opened(str(path)) as kept:
        assert refusal(lambda: kept.document(1)) == sentence.format(path)


def test_a_document_that_unpacks_to_too_much_is_not_unpacked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path, run())
    monkeypatch.setattr(history_store, "MAX_DOCUMENT_BYTES", 1000)
    with history_store.opened(str(path)) as kept:
        assert refusal(lambda: kept.result(1)).endswith("is cut off, or larger than any.")


def test_a_document_of_something_else_cannot_be_compared(path: Path) -> None:
    history_store.keep(str(path), Entry.of(run(), NAME), b'{"schema": "fastbench.find/1"}')
    with history_store.opened(str(path)) as kept:
        assert refusal(lambda: kept.result(1)).startswith(f"Run 1 of {path} cannot be compared: ")
        assert refusal(lambda: kept.run(7)) == f"{path} has no run 7; its runs are 1 to 1."


# Names


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"method": "GET", "url": "http://h:80/api/health", "urls": 1}, "GET /api/health"),
        ({"method": "POST", "url": "https://h/users/17/posts?page=2"}, "POST /users/{id}/posts"),
        ({"method": "GET", "url": "http://[::1]:80", "urls": 3}, "GET / and 2 more"),
        ({"script": "load/checkout.py", "url": "http://h/"}, "checkout.py"),
        ({"script": "load/suite/"}, "suite"),
        ({"script": "\x1b[31m\u202ex.py"}, "[31mx.py"),
        ({}, "GET /"),
    ],
)
def test_a_run_is_called_by_what_it_does(config: dict[str, object], name: str) -> None:
    assert earlier_run.default_name(config) == name


def test_a_name_is_text_of_some_length() -> None:
    assert history_store.check_name(" nightly \x1b\u202e checkout ") == "nightly  checkout"
    assert history_store.check_name("http://u:pw@h/?token=abc") == "http://***@h/?token=***"
    for wrong in ("", " ", "\x1b", "x" * 201):
        said = refusal(partial(history_store.check_name, wrong))
        assert "--name takes 1 to 200 characters" in said


def test_names_that_are_not_there_are_listed_the_newest_first(path: Path) -> None:
    for at in range(10):
        keep(path, run(), name=f"n{at}")
    known = ", ".join(f"`n{at}`" for at in range(9, 1, -1))
    said = refusal(lambda: ids(path, "n"))
    assert said == f"{path} has no run called `n`; it has {known}, …."


def test_results_of_every_sort_have_columns(path: Path) -> None:
    every: list[Result] = [make() for make in samples.ALL.values() if make is not samples.huge]
    keep(path, *every, *(make() for make in scenario_samples.ALL.values()))
    with history_store.opened(str(path)) as kept:
        runs = kept.groups()[0].runs
    assert [each.ended for each in runs[: len(every)]] == [each.summary.ended for each in every]


def test_the_version_of_http_is_kept(path: Path) -> None:
    use = Http2(2, 0, streams=10, stream_limit=10, goaways=0, refused=0)
    mixed = replace(use, http1_connections=1)
    keep(path, run(), run(http2=use), run(http2=mixed), run(http2=replace(use, connections=0)))
    with history_store.opened(str(path)) as kept:
        [group] = kept.groups()
    assert [each.protocol for each in group.runs] == [
        "HTTP/1.1",
        "HTTP/2",
        "HTTP/2 and HTTP/1.1",
        "",
    ]
    shown = history_text.render([group], color=False, width=60)
    heads, *rows = (line.split() for line in shown.splitlines()[1:6])
    at = heads.index("HTTP") + 1  # a date has two words
    assert [row[at] for row in rows[:3]] == ["1.1", "2", "2+1.1"]
