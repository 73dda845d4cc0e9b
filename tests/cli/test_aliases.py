"""aliases.py: every word of the tables is taken as it was meant, or refused with the line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typed_lines
from typed_lines import lines_of, spelled, typed

from fastbench.cli.args import aliases, flag_grammar, flag_table
from fastbench.cli.args.aliases import Alias
from fastbench.cli.args.value_shapes import ANY, NONE, SHAPES

BESIDE_YAML = "*.json beside *.yml"
OF_SHAPES = {  # a value of each shape, and of none that stands before it in the tables
    ANY: "x",
    "number": "10",
    "count": "100",
    "duration": "30",
    "duration with unit": "30s",
    "time in capitals": "60S",
    "zero": "0",
    "kind of script": "js",
    "url": "http://proxy:3128/",
    "scheme": "http://h/",
    "address": "localhost:8080/",
    "ip": "127.0.0.2",
    "no value": "-k",
    "json": '{"a": 1}',
    "pair": "a=1",
    "form": "a=1&b=2",
    "body": '{"a": 1}',
    "file": "body.json",
    "path": "not/there.bin",
    "word": "plot.tsv",
    "cookie": "a=1; b=2",
    "credentials": "user:pass",
    "no media": "Mozilla/5.0 (X11)",
    "odd media": "curl/8.0",
    "switches": "SL",
    "parts": "i,r",
    "format of curl": "%{http_code}",
    "protocol": "h2c",
    "tls version": "TLS1.2",
    "web dashboard": "web-dashboard",
    "cloud word": "cloud",
    "http/1": "1.1",
    "http/2": "2",
    "false": "false",
    "true": "true",
    "json word": "json",
    "csv word": "csv",
    "text word": "plain-text",
    "quiet word": "quiet",
    "null": "/dev/null",
    "*.json": "out.json",
    "*.csv": "out.csv",
    "*.html": "out.html",
    "*.txt": "urls.txt",
    "*.py": "load.py",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with what the lines name."""
    return typed_lines.folder(tmp_path, monkeypatch)


OTHERS = ("run", "report", "history", "doctor", "serve", "suite")
TABLES = {"": aliases.rows("url"), **{name: aliases.rows(name) for name in OTHERS}}
FIRST, FILES = aliases.rows("first word"), aliases.rows("file")


def rows() -> Iterator[tuple[str, str, Alias]]:
    for command, table in TABLES.items():
        for row in table:
            yield from ((command, flag, row) for flag in row.flags.split())


def line_with(command: str, flag: str, row: Alias) -> str:
    if row.when == BESIDE_YAML:
        return f"fastbench {command} {flag} out.json test.yml"
    value = "" if row.when in (NONE, "beside a url") else shlex.quote(OF_SHAPES[row.when])
    target = {"": "URL", "run": "load.py", "report": "x.json", "history": "x.db"}.get(command, "")
    if row.when == "no value":
        value = ""
    return " ".join(filter(None, ["fastbench", command, flag, value, target]))


@pytest.mark.parametrize(
    ("command", "flag", "row"),
    [*rows()],
    ids=[f"{row[0]} {row[1]} {row[2].when}" for row in rows()],
)
def test_every_word_of_the_tables_is_taken_or_refused_with_a_line_that_holds(
    command: str, flag: str, row: Alias
) -> None:
    line = line_with(command, flag, row)
    notices, sentence = typed(line.removeprefix("fastbench "))
    if row.taken:
        told = any(each.startswith(f"{flag} was ") for each in notices)
        assert told or sentence, (line, notices)
        assert not sentence.startswith(("unknown", f"{flag}:")), sentence
        return
    for corrected in lines_of(sentence):
        assert corrected.startswith("fastbench"), corrected
        again = spelled(corrected)
        assert again == "", f"{line} -> {corrected} -> {again}"


def test_every_shape_has_a_value_and_a_row() -> None:
    used = {row.when for _, _, row in rows()} - {NONE, "beside a url", BESIDE_YAML}
    assert used <= set(OF_SHAPES) and set(OF_SHAPES) <= set(SHAPES)
    assert set(SHAPES) - used <= {"beside a url", BESIDE_YAML, "form", "true"} | {ANY}
    assert [each for each in OF_SHAPES if not SHAPES[each](OF_SHAPES[each], [])] == []


def test_no_row_stands_behind_one_that_takes_everything() -> None:
    for command, table in TABLES.items():
        cut = flag_grammar.Grammar(command, (), (), table)
        for flag, of_flag in cut.table.items():
            shapes = [row.when for row in of_flag]
            if ANY in shapes:
                assert set(shapes[shapes.index(ANY) + 1 :]) <= {NONE}, (command, flag)
            assert len(set(shapes)) == len(shapes), f"{command} {flag} has a shape twice"


def test_a_flag_of_ours_is_never_refused_whatever_its_value() -> None:
    for command, table in TABLES.items():
        cut = flag_grammar.of(command, ())
        always = {flag for row in table if row.when == ANY for flag in row.flags.split()}
        assert not always & {*cut.valued, *cut.switched}, command


@pytest.mark.parametrize("row", FIRST, ids=[row.flags for row in FIRST])
def test_every_first_word_leads_to_a_line(row: Alias) -> None:
    for word in row.flags.split():
        _, sentence = typed(f"{word} load.py" if "run" in row.lines[0] else f"{word} URL")
        if row.taken:
            assert sentence == ""
        else:
            assert sentence.startswith(f"{word} is not a command of fastbench: ")
            assert all(each.startswith("fastbench ") for each in lines_of(sentence))


@pytest.mark.parametrize("row", FILES, ids=[row.flags for row in FILES])
def test_every_file_where_a_url_is_expected_leads_to_a_line(row: Alias) -> None:
    for ending in row.flags.split():
        _, sentence = typed(f"results{ending}")
        assert sentence.startswith(f"results{ending}: {row.why}"), sentence
        (line,) = lines_of(sentence)
        assert spelled(line) == ""


def test_every_row_of_the_table_has_four_columns_and_belongs_to_a_command() -> None:
    sections = re.findall(r"^\[(.+)\]$", aliases._TABLE, re.MULTILINE)
    assert len(sections) == len({*sections})
    inserted = set(re.findall(r"^@(.+)$", aliases._TABLE, re.MULTILINE))
    assert {*sections} == {"url", *OTHERS, "first word", "file"} | inserted
    for section in sections:
        for row in aliases.rows(section):
            assert row.flags and row.lines and (row.why or row.taken), row
            assert "  " not in f"{row.flags} {row.lines} {row.why}".rstrip(), row
    assert aliases.rows("no command") == ()


@pytest.mark.parametrize("table", [flag_table.URL, flag_table.RUN], ids=["url", "run"])
def test_every_spelling_of_ours_has_one_meaning(table: flag_table.Flags) -> None:
    rows = (*table.one.values(), *table.many.values(), *table.tagged.values())
    spellings = " ".join((*rows, *table.switches.values())).split()
    assert sorted(spellings) == sorted(set(spellings))
    assert {*table.valued} & {*table.switched} == set()
