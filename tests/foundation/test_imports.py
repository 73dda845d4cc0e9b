"""Files beside a script that bear names of the standard library, and the root of its project."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Shown, invoke
from running import fastbench
from servers import Server, answering

from fastbench.foundation import imports
from fastbench.script.load import source

# What is imported late, by us or by what we use: none of these files may ever be read.
NAMES = (
    *("json", "queue", "statistics", "random", "select", "types", "logging", "socket", "secrets"),
    *("calendar", "code", "token", "tempfile", "textwrap", "heapq", "bisect", "csv", "sqlite3"),
    *("html", "http", "urllib", "ssl", "zlib", "gzip", "base64", "traceback", "difflib", "uuid"),
    *("orjson", "rich", "psutil", "uvloop", "aiohttp", "platform", "signal", "threading", "ast"),
)
SCRIPT = """
import {imported}
from fastbench import *
options = Options(base_url={url!r})

@setup
async def begin(vu):
    return {{"a": (await vu.get("/", name="set up")).status}}

@scenario(executor="shared-iterations", vus=2, iterations=4)
async def go(vu, data):
    check(await vu.get("/"), {{"is 200": lambda r: r.status == data["a"]}})
    await vu.post("/", json={{"a": {imported}.dumps([1])}})

@teardown
async def end(vu):
    await vu.get("/", name="tear down")
"""
HOSTILE = "raise RuntimeError('the sibling was imported')\n"
FORMS = ("json", "html", "md", "junit", "csv")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Path:
    """A script among siblings that bear all those names."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(HOSTILE)
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "__init__.py").write_text(HOSTILE)
    (tmp_path / "script.py").write_text(SCRIPT.format(imported="json", url=server.url()))
    return tmp_path


def tells_of_json(shown: Shown) -> bool:
    told = "`import json` takes the module of Python's standard library, not the script's own "
    return shown.stderr.count(told + "json.py; rename that file.") == 1


def test_siblings_take_no_name_of_the_standard_library(project: Path) -> None:
    files = [f"--{form}={project / 'out'}.{form}" for form in FORMS]
    points = ("-o", f"json={project / 'points.json'}", "--history", str(project / "runs.db"))
    shown = invoke("run", "-t2", *files, *points, str(project / "script.py"))
    assert (shown.returncode, tells_of_json(shown)) == (0, True), shown.stderr
    assert "is 200" in shown.stdout


@pytest.mark.parametrize("words", [["--dry-run"], ["--debug"]], ids=" ".join)
def test_a_dry_run_and_debug_are_not_taken_in_either(words: list[str], project: Path) -> None:
    shown = invoke("run", *words, str(project / "script.py"))
    assert (shown.returncode, tells_of_json(shown)) == (0, True), shown.stderr


def test_the_working_folder_is_not_taken_in_either(project: Path, server: Server) -> None:
    for name in ("types", "signal", "threading", "ast", "token", "code", "platform"):
        (project / f"{name}.py").unlink()  # these are imported before the first line of ours
    shown = invoke("-n2", "-c1", "--html", "out.html", server.url(), cwd=project)
    assert (shown.returncode, "2 ok" in shown.stdout) == (0, True), shown.stderr


def test_a_script_may_bear_such_a_name_itself(tmp_path: Path, server: Server) -> None:
    for name in ("queue", "statistics", "json"):
        script = tmp_path / f"{name}.py"
        text = SCRIPT.format(imported="math", url=server.url())
        script.write_text(text.replace("math.dumps", ""))
        run = fastbench("run", "-t1", str(script))
        assert (run.code, run.summary["failed"]) == (0, 0), name


def test_who_is_imported_by_a_sibling_is_told_of_too(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import near\n")
    (tmp_path / "near.py").write_text("from email.message import Message\nimport far\n")
    (tmp_path / "far.py").write_text("import select\nimport statistics\nimport psutil.tests\n")
    for name in ("select", "psutil"):
        (tmp_path / f"{name}.py").write_text("import token\n")  # it is never read
    (tmp_path / "token.py").write_text("")
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "__init__.py").write_text("")
    told = source.shadowed(str(tmp_path / "script.py"))
    assert [each.split("`")[1] for each in told] == [
        "import email",
        "import psutil",
        "import select",
    ]
    assert "not the script's own email/__init__.py" in told[0]
    assert "takes the installed package that fastbench uses" in told[1]


def test_a_script_without_such_siblings_hears_nothing(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import json\nimport users\n")
    (tmp_path / "users.py").write_text("import math\n")
    (tmp_path / "token.py").write_text("")  # nobody imports it
    assert source.shadowed(str(tmp_path / "script.py")) == []


@pytest.mark.parametrize("mark", ["lib", ".git", "pyproject.toml"])
def test_a_script_finds_the_root_of_its_project(mark: str, tmp_path: Path, server: Server) -> None:
    scripts = tmp_path / "scenarios" / "shop"
    (tmp_path / "lib").mkdir()
    scripts.mkdir(parents=True)
    if mark != "lib":
        (tmp_path / mark).touch()
    (tmp_path / "lib" / "paths.py").write_text("HOME = '/found'\n")
    (tmp_path / "near.py").write_text("raise RuntimeError\n")
    (scripts / "near.py").write_text("HERE = True\n")
    text = SCRIPT.format(imported="json", url=server.url())
    text = "from lib.paths import HOME\nfrom near import HERE\n" + text.replace('"/")', "HOME)")
    (scripts / "script.py").write_text(text)
    run = fastbench("run", "-t1", str(scripts / "script.py"))
    assert (run.code, run.summary["failed"]) == (0, 0), run.err
    assert server.seen.lines[b"GET /found HTTP/1.1"]
    shown = invoke("run", "--dry-run", str(scripts / "script.py"))
    assert (shown.returncode, "0 errors" in shown.stdout) == (0, True)


def test_the_root_is_the_nearest_one_and_no_folder_of_the_system(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    assert imports.project_root(str(deep)) == str(tmp_path)
    (tmp_path / "a" / "lib").mkdir()
    assert imports.project_root(str(deep)) == str(tmp_path / "a")
    assert imports.project_root("/usr/share") is None
    assert imports.project_root("/") is None


def test_a_part_of_the_standard_library_that_is_not_installed_may_be_the_scripts() -> None:
    """Some distributions leave parts out: then there is nobody to be preferred."""
    code = (
        "import sys\nfrom fastbench.foundation import imports\nimports.standard_first()\n"
        "finder = next(f for f in sys.meta_path if type(f).__name__ == '_OwnFirst')\n"
        "finder._paths = []\nprint(finder.find_spec('queue'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "None\n"
