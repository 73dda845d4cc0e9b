"""What a script needs on another machine: found in its text, or else its folder without litter."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fastbench.cluster import sent_files
from fastbench.cluster.sent_files import Manifest, SentFile
from fastbench.foundation.usage_error import UsageError

Tree = Callable[[dict[str, str]], Path]

SCRIPT = "from fastbench import scenario\n\n@scenario()\nasync def go(vu):\n    await vu.get('/')\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Make files below a folder of its own, and go there."""

    def make(files: dict[str, str]) -> Path:
        root = tmp_path / "made"
        root.mkdir()
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.chdir(root)
        return root

    return make


def listed(manifest: Manifest) -> list[str]:
    """Return the paths of a manifest, but for an empty mark of the project's root."""
    return sorted(each.path for each in manifest.files if each.size_bytes)


def test_a_script_without_more_goes_alone(tree: Tree) -> None:
    tree({"load.py": SCRIPT, "notes.txt": "mine", "other.py": "x = 1"})
    found = sent_files.gather("load.py")
    assert listed(found) == ["load.py"] and found.notices == ()
    assert (found.script, found.folder) == ("load.py", ".")


def test_modules_are_followed_and_data_is_found(tree: Tree) -> None:
    tree(
        {
            "load.py": "from fastbench import data\nfrom steps import pay\nimport shop.cart.items\n"
            "users = data('data/users.csv')\n",
            "steps/__init__.py": "",
            "steps/pay.py": "from . import cards\nfrom .more.deep import x\n"
            "def f():\n    import late",
            "steps/cards.py": "1",
            "steps/unused.py": "1",
            "steps/more/deep.py": "x = 'cards.json'",  # a package without __init__.py
            "steps/more/cards.json": "{}",
            "shop/__init__.py": "1",
            "shop/cart/__init__.py": "1",
            "shop/cart/items.py": "1",
            "shop/cart/unused.py": "1",
            "late.py": "1",
            "data/users.csv": "a\n1\n",
            "data/unused.csv": "a\n1\n",
        }
    )
    found = sent_files.gather("load.py")
    assert listed(found) == [
        "data/users.csv",
        "late.py",
        "load.py",
        "shop/__init__.py",
        "shop/cart/__init__.py",
        "shop/cart/items.py",
        "steps/cards.py",
        "steps/more/cards.json",
        "steps/more/deep.py",
        "steps/pay.py",
    ]
    assert "steps/__init__.py" in {each.path for each in found.files}


def test_the_root_of_the_project_is_one_there_too(tree: Tree) -> None:
    """Modules from where a .git lies, which is not sent, and data above it."""
    tree(
        {
            "shop/.git/config": "x",
            "shop/common.py": "1",
            "shop/load/a.py": "import fastbench, common\nx = fastbench.data('../../users.csv')\n",
            "users.csv": "a\n1\n",
        }
    )
    found = sent_files.gather("shop/load/a.py")
    assert listed(found) == ["shop/common.py", "shop/load/a.py", "users.csv"]
    assert SentFile("shop/pyproject.toml", 0, sent_files.EMPTY) in found.files


def test_a_script_that_may_open_anything_brings_its_folder_without_litter(tree: Tree) -> None:
    root = tree(
        {
            "load.py": "import pathlib\nusers = pathlib.Path(__file__).with_name('u' + '.csv')\n",
            "u.csv": "a\n1\n",
            "more/v.csv": "a\n1\n",
            ".env": "SECRET=1",
            ".git/config": "x",
            "__pycache__/load.pyc": "x",
            "old.pyc": "x",
            "env/pyvenv.cfg": "x",
            "env/lib/x.py": "x",
            "node_modules/x/index.js": "x",
            "result.json": '{\n  "schema": "fastbench/1",\n  "tool": {}}',
            "compared.json": '{"schema":"fastbench.compare/1"}',
            "mine.json": '{"schema": "mine"}',
            "series.csv": "t_s,span_s,requests,ok\n",
            "page.html": "<!doctype html>\n<html><title>a run \u00b7 fastbench</title>",
            "form.html": "<!doctype html>\n<html><title>a form</title>",
        }
    )
    os.mkfifo(root / "pipe")
    found = sent_files.gather("load.py")
    assert listed(found) == ["form.html", "load.py", "mine.json", "more/v.csv", "u.csv"]


def test_a_history_of_runs_is_left_out(tree: Tree) -> None:
    from fastbench.results.history import history_store

    root = tree({"load.py": "import pathlib"})
    head = b"SQLite format 3\0".ljust(68, b"\0")
    (root / "runs.db").write_bytes(head + history_store.APPLICATION_ID.to_bytes(4, "big"))
    (root / "users.db").write_bytes(head + bytes(4))
    assert listed(sent_files.gather("load.py")) == ["load.py", "users.db"]


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "f = open('x')",
        "x = __file__",
        "from importlib import resources",
        "import pandas",
        "data(name)",
        "fastbench.data(name)",
        "from fastbench import data as rows\nrows(name)",
        "eval('1')",
        "def broken(:",
        "from nowhere import *",
    ],
)
def test_what_may_open_anything_is_not_certain(line: str, tree: Tree) -> None:
    tree({"load.py": line, "beside.txt": "x"})
    assert listed(sent_files.gather("load.py")) == ["beside.txt", "load.py"]


@pytest.mark.parametrize(
    "line",
    [
        "import json, random, asyncio",
        "from urllib.parse import quote",
        "import fastbench as f, orjson",
        "data([1, 2])",
        "data('x.csv')",
        "def reopen(): ...",
    ],
)
def test_what_opens_nothing_is_certain(line: str, tree: Tree) -> None:
    tree({"load.py": line, "beside.txt": "x"})
    assert listed(sent_files.gather("load.py")) == ["load.py"]


def test_a_script_of_k6_brings_what_it_imports_and_opens(tree: Tree) -> None:
    tree(
        {
            "load/test.js": "import http from 'k6/http';\nimport { a } from '../lib/x.js';\n"
            "import { csv } from 'https://jslib.k6.io/papaparse/5.1.1/index.js';\n"
            "import { open as openFile } from 'k6/experimental/fs';\n"
            "const users = new SharedArray('u', () => open('../data/users.csv').split('\\n'));\n"
            "const raw = open(`./body.bin`, 'b');\n"
            "export default function () { ws.on('open', () => a()); }\n",
            "lib/x.js": "export * from './y'; const z = require('../lib/z');",
            "lib/y.ts": "import type { T } from './types'; import tree from 'tree/util';",
            "lib/types.ts": "export type T = 1;",  # nobody runs types
            "lib/z/index.js": "module.exports = {};",
            "lib/unused.js": "1",
            "node_modules/tree/util.js": "export default 1;",
            "node_modules/tree/package.json": "{}",
            "node_modules/unused/index.js": "1",
            "data/users.csv": "a",
            "data/unused.csv": "a",
            "load/body.bin": "b",
            "load/vendor/jslib.k6.io/papaparse/5.1.1/index.js": "1",
        }
    )
    found = sent_files.gather("load/test.js")
    assert listed(found) == [
        "data/users.csv",
        "lib/x.js",
        "lib/y.ts",
        "lib/z/index.js",
        "load/body.bin",
        "load/test.js",
        "load/vendor/jslib.k6.io/papaparse/5.1.1/index.js",
        "node_modules/tree/package.json",
        "node_modules/tree/util.js",
    ]
    assert found.script == "load/test.js"


@pytest.mark.parametrize(
    ("line", "certain"),
    [
        ("open(`./${__ENV.FILE}`);", False),
        ("open(name);", False),
        ("const read = open;", False),
        ("import { open } from 'k6/experimental/fs'; open(name);", False),
        ("require(name);", False),
        ("await import('./a' + b);", False),
        ("socket.on('open', f); s.onopen = f; const o = { open: 1 }; reopen(x);", True),
        ("open('a.csv'); open(\"b.bin\", 'b');", True),
        ("import { open } from 'k6/experimental/fs'; await open('a.csv');", True),
    ],
)
def test_javascript_is_certain_unless_a_name_is_computed(
    line: str, certain: bool, tree: Tree
) -> None:
    tree({"load.js": line, "beside.txt": "x"})
    assert listed(sent_files.gather("load.js")) == ["beside.txt"] * (not certain) + ["load.js"]


def test_a_file_of_artillery_brings_its_folder_and_what_it_names(tree: Tree) -> None:
    tree(
        {
            "load/test.yml": "config:\n  payload:\n    - path: ../data/users.csv  # rows\n"
            "  processor: '../lib/steps.js'\n",
            "load/other.txt": "x",
            "data/users.csv": "a",
            "lib/steps.js": "const y = require('./y.js');",
            "lib/y.js": "1",
        }
    )
    found = listed(sent_files.gather("load/test.yml"))
    assert found == [
        "data/users.csv",
        "lib/steps.js",
        "lib/y.js",
        "load/other.txt",
        "load/test.yml",
    ]


def test_send_names_what_comes_instead_of_the_folder(tree: Tree) -> None:
    root = tree(
        {
            "load/a.py": "import pandas",
            "load/big.bin": "x" * 100,
            "data/users.csv": "a",
            "data/.hidden": "a",
            "data/node_modules/x.js": "a",
            "result.json": '{"schema": "fastbench/1"}',
        }
    )
    found = sent_files.gather("load/a.py", ["data", "result.json"])
    expected = ["data/node_modules/x.js", "data/users.csv", "load/a.py", "result.json"]
    assert listed(found) == expected
    with pytest.raises(UsageError, match=r"--send nowhere does not exist; name a file or folder\."):
        sent_files.gather(str(root / "load/a.py"), ["nowhere"])


def test_a_script_runs_there_in_the_folder_it_was_run_in(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree({"load/a.py": "users = open('load/users.csv')", "load/users.csv": "a", "x/b": "b"})
    found = sent_files.gather("load/a.py")
    assert (found.script, found.folder) == ("load/a.py", ".")
    assert listed(found) == ["load/a.py", "load/users.csv"]
    monkeypatch.chdir(root / "x")
    found = sent_files.gather("../load/a.py")
    assert (found.script, found.folder) == ("a.py", ".")


def test_a_folder_that_is_run_keeps_its_name(tree: Tree) -> None:
    root = tree({"shop/__main__.py": "import steps", "shop/steps.py": "1"})
    for typed in ("shop", str(root / "shop")):
        found = sent_files.gather(typed)
        assert found.script == "shop"
        assert listed(found) == ["shop/__main__.py", "shop/steps.py"]


def test_links_are_followed_within_the_folder_and_told_where_they_leave_it(
    tree: Tree, tmp_path: Path
) -> None:
    root = tree({"a.py": "import os", "data/users.csv": "a"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("s")
    (root / "link.csv").symlink_to("data/users.csv")
    (root / "again").symlink_to("data", target_is_directory=True)
    (root / "data" / "loop").symlink_to("..", target_is_directory=True)
    (root / "gone").symlink_to("nowhere")
    (root / "out").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "passwd").symlink_to(tmp_path / "outside" / "secret.txt")
    found = sent_files.gather("a.py")
    assert listed(found) == ["a.py", "again/users.csv", "data/users.csv", "link.csv"]
    (notice,) = found.notices
    assert notice.startswith(f"{root}/out, {root}/passwd: a link that leads out of the script's")


@pytest.mark.parametrize("wide", ["home", "tmp", "above the home"])
def test_a_folder_of_everybody_is_not_sent(
    wide: str, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree({"a.py": "import os, mine", "mine.py": "1", "other.txt": "private"})
    if wide == "tmp":
        monkeypatch.setattr("tempfile.tempdir", str(root))
    else:
        monkeypatch.setenv("HOME", str(root / ("me" if wide == "above the home" else "")))
    found = sent_files.gather("a.py")
    assert listed(found) == ["a.py", "mine.py"]
    assert found.notices == (
        f"{root} is not sent as a whole: other machines get the script and what it names, 2 files; "
        "move the script with what it needs into a folder of its own, or name what it needs with "
        "--send FILE or FOLDER.",
    )


def test_too_many_and_too_large_say_the_cure(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree({"a.py": "import os", "b": "b", "c": "c"})
    monkeypatch.setattr(sent_files, "MAX_FILES", 2)
    with pytest.raises(UsageError, match="over 2 files, too many to be sent: move the script"):
        sent_files.gather("a.py")
    monkeypatch.undo()
    monkeypatch.chdir(root)
    with open(root / "big", "wb") as opened:
        opened.truncate(sent_files.MAX_BYTES)
    with pytest.raises(UsageError, match=r"over 512MiB together, too much to be sent: .* --send"):
        sent_files.gather("a.py")


def test_the_environment_stays_here_unless_it_is_named(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(
        {
            "a.py": "import os\nos.environ['ONE_X'], os.getenv('TWO_X'), env('THREE_X'), "
            "os.environ.get('FOUR_X'), os.environ['HOME']",
            "b.js": "__ENV.ONE_X; __ENV['TWO_X']",
            "c.yml": "target: '{{ $processEnvironment.ONE_X }}'",
        }
    )
    for name in ("ONE_X", "TWO_X", "THREE_X"):
        monkeypatch.setenv(name, "1")
    said = sent_files.gather("a.py", passed=["TWO_X"]).notices
    assert said == (
        "The script reads ONE_X, THREE_X from the environment, which stays here; add -e ONE_X "
        "-e THREE_X to send it.",
    )
    assert "-e ONE_X -e TWO_X" in sent_files.gather("b.js").notices[0]
    assert "-e ONE_X" in sent_files.gather("c.yml").notices[0]


def test_an_absolute_path_is_told(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.csv").write_text("a")
    tree({"a.py": f"x = open('{tmp_path}/elsewhere.csv'); vu.get('/etc')"})
    found = sent_files.gather("a.py")
    assert listed(found) == ["a.py"]
    assert found.notices == (
        f"{tmp_path}/elsewhere.csv: the script names it by an absolute path; it is not sent, each "
        "machine must have it there.",
    )


def test_a_script_from_standard_input_is_refused() -> None:
    with pytest.raises(UsageError, match="need the script in a file, not on standard input"):
        sent_files.gather("<stdin>")


def test_a_file_comes_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "x").write_bytes(content)
    pieces = list(sent_files.chunks(str(tmp_path / "x")))
    assert [len(each) for each in pieces] == [1 << 20, 1 << 20, len(content) - (2 << 20)]
    assert b"".join(pieces) == content
