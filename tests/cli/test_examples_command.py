"""`fastbench examples`: each is listed with a line, and a copy runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ci_files import ROOT
from commandline import invoke
from embedded import serving

from fastbench.cli.commands import examples
from fastbench.foundation.usage_error import UsageError

ALL = sorted(
    path.name
    for path in (ROOT / "examples").iterdir()
    if (path.suffix in (".py", ".toml") or path.is_dir())
    if path.name != "ruff.toml" and not path.name.startswith((".", "_"))
)


def test_each_example_is_listed_with_one_line() -> None:
    done = invoke("examples")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line[:2] == "  ")
    assert done.returncode == 0 and list(rows) == ALL
    assert all(len(line) <= 120 for line in done.stdout.splitlines())
    told = [text for text in rows.values() if len(text) > 15]
    assert len(set(told)) == len(ALL)


def test_a_copy_runs_as_it_stands(tmp_path: Path) -> None:
    for words in (("health",), ("helpdesk", "desk"), ("suite.toml", "all/")):
        done = invoke("examples", "copy", *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        told = "desk/README.md says" if "desk" in words else "Its first lines say"
        assert told in done.stdout
    assert (tmp_path / "all/suite.toml").is_file()
    assert not list(tmp_path.rglob("*.pyc"))
    few = ("-u", "1", "--time-scale", "0.002", "--quiet")
    with serving("--port", "0") as (_, url):
        for script in ("health.py", "desk/smoke.py"):
            where = ("-e", f"BASE_URL={url}", "-e", "THINK_S=0")
            ran = invoke("run", script, *where, *few, cwd=tmp_path)
            assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("copy",), "the words are `copy NAME [TO]`"),
        (("list",), "the words are `copy NAME [TO]`"),
        (("copy", "helth"), "there is none called helth; did you mean health.py?"),
        (("copy", "qqqqq"), "there is none called qqqqq; `fastbench examples` lists them."),
        (("copy", "health.py", "there"), "`there` exists and is kept; name another."),
        (("copy", "health.py", "there/x.py"), "cannot be written: "),
    ],
)
def test_what_cannot_be_copied_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "there").write_text("kept")
    done = invoke("examples", *words, cwd=tmp_path)
    assert done.returncode == 1 and sentence in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and (tmp_path / "there").read_text() == "kept"


def test_an_installation_without_them_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fastbench").mkdir()
    monkeypatch.setattr("fastbench.__file__", str(tmp_path / "fastbench" / "__init__.py"))
    with pytest.raises(UsageError, match="install fastbench-http again"):
        examples.main([])
