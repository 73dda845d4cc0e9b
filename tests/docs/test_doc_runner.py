"""What runs the code blocks of the documentation finds what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import doc_commands
import pytest
from doc_blocks import Block, blocks
from doc_runner import PageError, PageRun
from embedded import serving


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, url):
        yield url.removeprefix("http://")


def written(tmp_path: Path, text: str) -> list[Block]:
    page = tmp_path / "page.md"
    page.write_text(text)
    return blocks(page)


def ran(tmp_path: Path, address: str, text: str) -> PageRun:
    folder = tmp_path / "folder"
    folder.mkdir()
    with PageRun(folder, address) as run:
        for block in written(tmp_path, text):
            run.run(block)
    return run


WRONG = {
    "a flag that is not there": ("```sh\nfastbench --nosuch http://localhost:1/\n```", "nosuch"),
    "another exit code": (
        "<!-- exit: 99 -->\n```sh\nfastbench -n 5 http://localhost:1/health\n```",
        "ended with exit code 0, not 99",
    ),
    "a threshold that fails": (
        "```sh\nfastbench -n 5 --threshold 'errors<1%' http://localhost:1/status/503\n```",
        "ended with exit code 99, not 0",
    ),
    "the first of two commands": (
        "```sh\nfastbench --nosuch http://localhost:1/\nfastbench --version\n```",
        "exit code 1",
    ),
    "a flag in what is not run": (
        "<!-- not run: needs a cluster -->\n```sh\nfastbench --on tcp://a:1 --nosuch http://b/\n```",
        "nosuch",
    ),
    "a command of a table": (
        "| theirs | ours |\n| --- | --- |\n"
        "| `wrk URL` | `fastbench --nosuch http://localhost:1/` |",
        "nosuch",
    ),
    "a script": (
        "<!-- file: a.py -->\n```python\nfrom fastbench import chek\n```\n\n"
        "```sh\nfastbench run a.py\n```",
        "chek",
    ),
    "the body of a scenario": ('```python\nawait vu.gett("/health")\n```', "gett"),
    "a check": (
        "```python\nfrom fastbench import check\ncheck(1, {'one is two': lambda n: n == 2})\n```",
        "one is two",
    ),
    "a request": (
        "```python\nawait vu.get('/health')\nawait vu.get('/status/404')\n```",
        "failed: /status/{id}",
    ),
    "an indented block": ("    fastbench http://localhost:1/\n", "indented"),
    "a language that nobody reads": ("```shell\nls\n```", "'shell'"),
    "data": ("```toml\na = \n```", "no toml"),
    "a pipe": (
        "```sh\nfastbench --nosuch http://localhost:1/ | cat; exit $PIPESTATUS\n```",
        "code 1",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_in_a_page_is_found(what: str, tmp_path: Path, address: str) -> None:
    text, said = WRONG[what]
    with pytest.raises(PageError, match=said):
        ran(tmp_path, address, text)


def test_what_a_page_says_is_done_in_order(tmp_path: Path, address: str) -> None:
    run = ran(
        tmp_path,
        address,
        "<!-- file: urls/list.txt -->\n```csv\nhttp://localhost:5000/health\n```\n\n"
        "```sh\nexport LIST=urls/list.txt\nfastbench -d 30s --urls-from-file $LIST --json a.json\n"
        "fastbench report a.json --html a.html\n```\n\n"
        "```python\nawait vu.get('/health')\n```\n\n"
        "| theirs | ours |\n| --- | --- |\n"
        "| `hey URL` | `fastbench -n 9 http://localhost:1/health` |\n\n"
        "<!-- exit: 99 -->\n```sh\n"
        "fastbench -n 5 --threshold 'rps>1M' http://localhost:1/health\n```\n",
    )
    assert run.commands == 6 and (run.folder / "a.html").stat().st_size > 1000


def test_comments_hold_for_one_block(tmp_path: Path) -> None:
    first, second = written(tmp_path, "<!-- exit: 99 -->\n```sh\na\n```\n\n```sh\nb\n```\n")
    assert (first.code, first.text, second.code) == (99, "a\n", 0)
    far = written(tmp_path, "<!-- exit: 99 -->\n\nwords between\n\n```sh\na\n```\n")
    assert far[0].code == 0


def test_a_not_run_needs_a_reason(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="without a reason"):
        written(tmp_path, "<!-- not run: -->\n```sh\na\n```\n")


SHORT = {
    "-d30s URL": "-d0.15s URL",
    "-c 5 --duration=1m30s URL": "-c 5 --duration=0.15s URL",
    "URL": "-d 0.15s URL",
    "-n 10k URL": "-d 2s -n 5000 URL",
    "-n 100 -d 30s URL": "-n 100 -d 0.15s URL",
    "--stages 30s:20,1m:50 URL": "--stages 0.1s:20,0.1s:50 URL",
    "-s load.lua -d 0.1s URL": "-s load.lua -d 0.1s URL",
    "--debug URL": "--debug URL",
    "run -u 5 -d 2m a.py": "run -u 5 -d 0.15s a.py",
    "run a.py": "run --time-scale 0.003000000 a.py",
    "run --time-scale 0.5 a.py": "run --time-scale 0.003000000 a.py",
    "run -i 5 a.py": "run -i 5 a.py",
    "run -s 10s:5 a.py": "run -s 0.1s:5 a.py",
    "compare A B": "compare --time 1.2s A B",
    "compare --visits A B": "compare -W 0.1s --visit 0.3s --visits A B",
    "find URL --slo p99<1s": "find -d 0.3s -W 0.1s URL --slo p99<1s",
    "suite a.toml": "suite --time-scale 0.01 a.toml",
    "report a.json": "report a.json",
}


@pytest.mark.parametrize("words", SHORT)
def test_a_command_takes_less_time_and_says_the_same(words: str) -> None:
    assert doc_commands.shortened(words.split(), lambda: 100.0) == SHORT[words].split()


def test_lines_are_commands() -> None:
    text = "# what follows\nfastbench \\\n  -n 5 URL   # five\n\ncat 'a | b'\n"
    first, second = doc_commands.lines(text)
    assert doc_commands.plain(first) == ["fastbench", "-n", "5", "URL"]
    assert doc_commands.plain(second) == ["cat", "a | b"]
    assert doc_commands.plain("fastbench URL | cat") is None
    assert doc_commands.plain("./a --port {port}") == ["./a", "--port", "{port}"]
