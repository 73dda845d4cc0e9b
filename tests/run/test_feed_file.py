"""The rows of --feed, as feed_file.py finds them: what Python's own readers find, too."""

from __future__ import annotations

import csv
import io
import json
import mmap
import os
import threading
import time
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.pieces import Feed
from fastbench.plan.varied.reference import cell
from fastbench.run import feed_file

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(words, min_size=width, max_size=width), min_size=1, max_size=8)
)


def read(folder: Path, name: str, content: bytes) -> Feed:
    path = folder / name
    path.write_bytes(content)
    return feed_file.read(str(path), "in-order")


def rows(feed: Feed) -> list[list[str]]:
    width = range(len(feed.columns))
    return [[cell(feed, row, at).decode() for at in width] for row in range(feed.n_rows)]


def refused(folder: Path, name: str, content: bytes) -> str:
    with pytest.raises(UsageError) as found:
        read(folder, name, content)
    assert "\n" not in str(found.value)
    return str(found.value).replace(str(folder) + "/", "")


def written(value: str, *, always: bool) -> str:
    """One value as RFC 4180 writes it."""
    if always or set(value) & set('",\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(table=tables, last=st.booleans(), mark=st.booleans())
def test_csv_is_what_the_csv_module_reads(
    tmp_path_factory: pytest.TempPathFactory,
    always: bool,
    end: str,
    table: list[list[str]],
    last: bool,
    mark: bool,
) -> None:
    names = [f"c{at}" for at in range(len(table[0]))]
    lines = [",".join(written(each, always=always) for each in row) for row in (names, *table)]
    content = end.join(lines) + end * last
    expected = [row for row in csv.reader(io.StringIO(content, newline="")) if row][1:]
    folder = tmp_path_factory.getbasetemp()
    if not expected:
        assert "has no rows" in refused(folder, "x.csv", content.encode())
        return
    feed = read(folder, "x.csv", b"\xef\xbb\xbf" * mark + content.encode())
    assert feed.columns == tuple(names) and rows(feed) == expected
    longest = [max(len(row[at].encode()) for row in expected) for at in range(len(names))]
    assert list(feed.longest) == longest


@given(st.lists(words.filter(lambda word: not set(word) & set("\r\n") and word), min_size=1))
def test_a_text_has_a_value_on_each_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    content = "\r\n".join(lines).encode()
    feed = read(tmp_path_factory.getbasetemp(), "x.txt", b"\n\n" + content + b"\n")
    assert feed.columns == ("line",) and [row[0] for row in rows(feed)] == lines


@given(st.lists(st.tuples(words, words), min_size=1))
def test_json_lines_are_what_the_json_module_reads(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str]]
) -> None:
    content = "\n".join(json.dumps({"a": one, "ä b": two}) + "\n" for one, two in values)
    feed = read(tmp_path_factory.getbasetemp(), "x.ndjson", content.encode())
    assert feed.columns == ("a", "ä b")
    assert rows(feed) == [list(each) for each in values]


@pytest.mark.parametrize(
    "number", ["12345678901234567890123", "-9223372036854775809", "18446744073709551616"]
)
def test_a_number_of_more_than_64_bits_is_not_rounded(tmp_path: Path, number: str) -> None:
    content = f'{{"id": 1, "x": 0.5}}\n{{"id": {number}, "x": 1e17}}\n'
    found = read(tmp_path, "a.jsonl", content.encode())
    assert rows(found) == [["1", "0.5"], [number, "1e+17"]]


def test_json_has_numbers_and_words_as_they_are_written_and_no_lists(tmp_path: Path) -> None:
    feed = read(
        tmp_path,
        "x.jsonl",
        b'{"i": 7, "f": 1.5, "t": true, "n": null, "l": [1], "o": {}}\n'
        b'{"more": 1, "n": "x", "t": false, "f": -0.25, "i": -1}\n',
    )
    assert feed.columns == ("i", "f", "t", "n")
    assert rows(feed) == [["7", "1.5", "true", "null"], ["-1", "-0.25", "false", "x"]]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.csv", b"", "x.csv is empty: its first line has the names of the columns."),
        ("x.csv", b"a,b\n", "x.csv has no rows below its first line."),
        ("x.csv", b"\xef\xbb\xbfa\n\r\n", "x.csv has no rows below its first line."),
        ("x.csv", b"a,b\n1,2\n3\n", "x.csv, line 3: a value is missing"),
        ("x.csv", b'a,b\n"1\n\n",2\n1,2,3\n', "x.csv, line 5: the row has more values"),
        ("x.csv", b'a\n"b"c\n', "x.csv, line 2: behind a closing quote"),
        ("x.csv", b'a\r\nx\r\n"b\r\n', "x.csv, line 3: a quote is not closed"),
        ("x.csv", b"a,,b\n1,2,3\n", "x.csv, line 1: column 2 has no name"),
        ("x.csv", b"a,b, a\n1,2,3\n", "x.csv, line 1: there are two columns `a`"),
        ("x.csv", b"\xffa\n1\n", "x.csv, line 1: the names of the columns are not UTF-8"),
        ("x.csv", "a\n1\n".encode("utf-16"), "x.csv, line 1: this is UTF-16"),
        ("x.csv", b"," * 1000 + b"\n", "x.csv, line 1: more than 1000 columns"),
        ("x.txt", b"\n\n", "x.txt has no rows."),
        ("x.jsonl", b"\n", "x.jsonl has no rows."),
        ("x.jsonl", b'\n{"a"}\n', "x.jsonl, line 2: not JSON, "),
        ("x.jsonl", b'{"a": 1}\n\n{"a": 1\n', "x.jsonl, line 3: not JSON, "),
        ("x.jsonl", b"[1]\n", "x.jsonl, line 1: a row is one object on its line"),
        ("x.jsonl", b'{"a": 1}\n7\n', "x.jsonl, line 2: a row is one object on its line"),
        ("x.jsonl", b'{"a": 1}\n{"b": 1}\n', "x.jsonl, line 2: the object has no `a`"),
        ("x.jsonl", b'{"a": 1}\n{"a": [1]}\n', "x.jsonl, line 2: `a` is a list, no text"),
        ("x.jsonl", b'{"a": [1]}\n', "x.jsonl, line 1: the object has no text, number"),
        ("x.dat", b"a\n1\n", "names end with .csv, .jsonl, .ndjson, .txt, and `x.dat` does not"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    assert sentence in refused(tmp_path, name, content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--feed cannot read .*: no such file or directory"):
        feed_file.read(str(tmp_path / "none.csv"), "in-order")


def test_values_for_headers_are_told_with_their_line(tmp_path: Path) -> None:
    feed = read(tmp_path, "x.csv", b'a,b\n"1""\n",2\n1,"2\r\n3"\n')
    with pytest.raises(UsageError, match=r"x\.csv, line 4: the value of `b` is for a header"):
        feed_file.check_column(feed, 1, b"\r\n\0", "a header")
    feed_file.check_column(feed, 1, b'"', "a name")
    with pytest.raises(UsageError, match=r"x\.csv, line 2: .* NUL or a quote"):
        feed_file.check_column(feed, 0, b'"', "a name")
    of_json = read(tmp_path, "x.jsonl", b'{"a": "x"}\n{"a": "\\n"}\n')
    with pytest.raises(UsageError, match=r"x\.jsonl, row 2: the value of `a`"):
        feed_file.check_column(of_json, 0, b"\r\n\0", "a header")


def test_a_pipe_is_read_whole_as_what_it_looks_like(tmp_path: Path) -> None:
    for content, columns in ((b'  {"k": 1}\n', ("k",)), (b"a,b\n1,2\n", ("a", "b"))):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(content,))
        writer.start()
        assert feed_file.read(str(pipe), "in-order").columns == columns
        writer.join()
        pipe.unlink()


def test_standard_input_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", mock.Mock(buffer=io.BytesIO(b"a\n1\n")))
    feed = feed_file.read("-", "in-order")
    assert rows(feed) == [["1"]] and feed.path == "standard input"


def test_a_large_file_is_mapped_and_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_file, "COPIED_BYTES", 4)
    content = b'a,b\n"1 ""2""",x\n'
    feed = read(tmp_path, "x.csv", content)
    assert rows(feed) == [['1 "2"', "x"]]
    assert (tmp_path / "x.csv").read_bytes() == content
    assert isinstance(feed.data.obj, mmap.mmap) and len(feed.data) == len(content)


def test_a_copied_file_may_be_cut_during_the_run(tmp_path: Path) -> None:
    feed = read(tmp_path, "x.csv", b"a\n1\n2\n")
    (tmp_path / "x.csv").write_bytes(b"")
    assert rows(feed) == [["1"], ["2"]]


@pytest.mark.alone
def test_a_million_rows_are_found_in_less_than_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "million.csv"
    with path.open("w") as file:
        file.write("id,name,token\n")
        file.writelines(f"{at},user {at},{at * 7919:016x}\n" for at in range(1_000_000))
    begun = time.process_time()
    feed = feed_file.read(str(path), "in-order")
    assert time.process_time() - begun < 2
    assert feed.n_rows == 1_000_000
    assert [cell(feed, 999_999, at) for at in range(3)] == [
        b"999999",
        b"user 999999",
        b"00000001d8023ad1",
    ]
