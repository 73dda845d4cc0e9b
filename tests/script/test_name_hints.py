"""name_hints.py: a name that there is not is told with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from embedded import serving
from running import fastbench

HEAD = """from fastbench import Options, check, env, scenario, sql
options = Options(base_url=env("BASE_URL"))
"""
BODY = HEAD + "@scenario\nasync def main(vu):\n    {}\n"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("await vu.sleep(1)", "'Vu' object has no attribute 'sleep'; write `from fastbench import "
         "sleep`, then `await sleep(…)`"),
        ("vu.group('x')", "; write `from fastbench import group`, then `group(…)`"),
        ("await vu.pots('/echo')", "'Vu' object has no attribute 'pots'; did you mean `post`?"),
        ("(await vu.get('/echo')).status_code", "; it is called `status` here"),
        ("vu.get('/echo').status", "; await the request first: response = await vu.get(...)"),
        ("sql.opne('sqlite:///x.db')", "; did you mean `open`?"),
        ("[].pots", "'list' object has no attribute 'pots'"),
    ],
)  # fmt: skip
def test_an_attribute_that_is_not_there(tmp_path: Path, code: str, says: str) -> None:
    path = tmp_path / "script.py"
    path.write_text(BODY.format(code))
    with serving("--port", "0", "--quiet") as (_, url):
        found = fastbench("run", str(path), "-e", f"BASE_URL={url}", "-t1")
    (told,) = found.document["exceptions"]
    assert told["text"].endswith(says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("from fastbench import chek", "; did you mean `check`?"),
        ("import fastbench\nfastbench.chek", "no attribute 'chek'; did you mean `check`?"),
    ],
)
def test_a_name_that_cannot_be_imported(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "script.py"
    path.write_text(line + "\n")
    found = fastbench("run", str(path))
    assert found.code == 107 and found.err.rstrip().rstrip(".").endswith(says), found.err
