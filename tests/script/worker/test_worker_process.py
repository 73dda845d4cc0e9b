"""A worker process, directed by a test in the parent's place."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from pathlib import Path

import pytest
from running import until
from servers import Server, answering
from workers import LIMIT_S, worker

from fastbench.run.child import EXIT_FAILED
from fastbench.script.worker import worker_process

PLAIN = """
from fastbench import scenario
@scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def visit(vu, data):
    vu.state["seen"] = data
"""
ENDLESS = """
from fastbench import scenario
@scenario(executor="constant-vus", duration="1h")
async def visit(vu): pass
"""


def test_a_worker_loads_runs_and_ends(tmp_path: Path) -> None:
    with worker(tmp_path, PLAIN) as made:
        ends = made.run({"some": "data"})
        assert ends["visit"] <= time.monotonic_ns()
        assert made.block.state(0) == "ended"
        assert made.counts()["iterations"] == 6
        assert made.said("threw") == []
        assert made.quit() == 0


def test_every_worker_but_the_first_says_loaded(tmp_path: Path) -> None:
    with worker(tmp_path, PLAIN, index=1, workers=2) as made:
        assert made.hear("loaded") == {}
        assert made.quit() == 0


def test_requests_are_sent_and_counted(tmp_path: Path) -> None:
    code = """
from fastbench import check, env, scenario
@scenario(executor="shared-iterations", vus=3, iterations=20)
async def visit(vu):
    response = await vu.get(env("URL"))
    check(response, {"is ok": lambda r: r.status == 200})
"""
    with Server(answering()) as server:
        with worker(tmp_path, code, env={"URL": server.url()}) as made:
            made.run()
            assert made.quit() == 0
        rows = made.arena.read(0)
        (requests,) = [value for kind, *_, value in rows if kind == "requests"]
        assert requests["reqs"] == 20
        (checks,) = [value for _, name, _, value in rows if name == "checks"]
        assert checks == (20, 20)
        assert made.block.counters(0)["ok"] == 20
    assert server.seen.requests == 20
    assert server.seen.connections <= 3


def test_siblings_and_packages_are_imported(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "names.py").write_text("TIMES = 4\n")
    code = """
from fastbench import scenario
from lib.names import TIMES
@scenario(executor="per-vu-iterations", iterations=TIMES)
async def visit(vu): pass
"""
    with worker(tmp_path, code) as made:
        made.run()
        assert made.counts()["iterations"] == 4


@pytest.mark.parametrize(
    ("code", "stage", "line", "text"),
    [
        ("x = 1\ny = (", "load", 2, "SyntaxError: '(' was never closed in `y = (`"),
        ("\n\nimport no_such_module_of_ours", "load", 3, "there is no module no_such_module_of_"),
        ("def f():\n    raise ValueError('p=\x1b[1m')\nf()", "load", 2, "ValueError: p=[1m"),
        (
            "import sys\nsys.exit(3)",
            "load",
            2,
            "the script tried to end its process: SystemExit: 3",
        ),
        ("import json\njson.loads('{')", "load", 2, "JSONDecodeError: Expecting property name"),
        ("from fastbench import Options\n\no = Options(vus=0)", "options", 3, "vus"),
        ("from fastbench import Counter\nCounter('a b')", "options", 2, "letters, digits and _"),
    ],
)
def test_a_script_that_cannot_load_is_one_sentence(
    tmp_path: Path, code: str, stage: str, line: int, text: str
) -> None:
    with worker(tmp_path, code) as made:
        broken = made.hear("broken", "declared")
        assert broken["stage"] == stage
        assert (broken["file"], broken["line"]) == ("script.py", line)
        assert text in broken["text"]
        assert "\n" not in broken["text"]
        assert made.quit() == 0


def test_what_setup_returns_comes_back_as_json(tmp_path: Path) -> None:
    code = """
from fastbench import scenario, setup
@setup
async def begin(vu): return {"n": (1, 2)}
@scenario
async def visit(vu): pass
"""
    with worker(tmp_path, code) as made:
        assert made.hear("declared")["setup"]
        made.send("setup")
        assert made.hear("setup", "broken") == {"data": {"n": [1, 2]}}


def test_a_stop_ends_setup(tmp_path: Path) -> None:
    code = """
import asyncio
from fastbench import scenario, setup
@setup
async def begin(vu):
    await asyncio.sleep(3600)
@scenario
async def visit(vu): pass
"""
    with worker(tmp_path, code) as made:
        made.hear("declared")
        made.send("setup")
        made.send("stop", grace=False)
        assert made.quit() == 0


@pytest.mark.parametrize(
    ("stage", "body", "text", "line"),
    [
        ("setup", "raise KeyError('token=abcdef')", "KeyError: 'token=***", 4),
        ("teardown", "raise KeyError('token=abcdef')", "KeyError: 'token=***", 4),
        ("setup", "return {1, 2}", "a JSON value", 2),
        ("setup", "import asyncio; await asyncio.sleep(9)", "took longer than 0.05s", 2),
        ("teardown", "import asyncio; await asyncio.sleep(9)", "took longer than 0.05s", 2),
        ("setup", "raise SystemExit(2)", "tried to end its process: SystemExit: 2", 4),
    ],
)
def test_what_breaks_in_setup_or_teardown_is_told(
    tmp_path: Path, stage: str, body: str, text: str, line: int
) -> None:
    code = f"""from fastbench import Options, scenario, setup, teardown
@{stage}
async def apart(vu, data=None):
    {body}
@scenario
async def visit(vu): pass
options = Options({stage}_timeout=0.05)
"""
    with worker(tmp_path, code) as made:
        made.hear("declared")
        made.send(stage, data=None)
        broken = made.hear("broken", "setup", "torn_down")
        assert broken["stage"] == stage
        assert text in broken["text"]
        assert (broken["file"], broken["line"]) == ("script.py", line)
        assert made.quit() == 0


def test_teardown_gets_the_data(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from fastbench import scenario, teardown
@scenario
async def visit(vu): pass
@teardown
async def end(vu, data):
    Path({str(tmp_path)!r}, "torn").write_text(data["word"])
"""
    with worker(tmp_path, code) as made:
        made.run({"word": "down"})
        made.send("teardown", data={"word": "down"})
        made.hear("torn_down")
        assert (tmp_path / "torn").read_text() == "down"
        assert made.quit() == 0


THROWING = """
import asyncio
from fastbench import scenario
class Odd(Exception): pass
def deep(n):
    raise Odd(f"password=hunter2 {n}")
@scenario(executor="per-vu-iterations", vus=2, iterations=5)
async def visit(vu):
    if vu.iteration % 2:
        raise ValueError("a\\nb")
    deep(vu.id)
"""


def test_exceptions_are_counted_by_type_and_place(tmp_path: Path) -> None:
    with worker(tmp_path, THROWING) as made:
        made.run()
        rows = {
            (tags["type"], tags["place"]): value
            for kind, name, text, value in made.arena.read(0)
            if name == "iterations.exceptions" and (tags := json.loads(text))
        }
        assert rows == {("script.Odd", "script.py:6"): 6, ("ValueError", "script.py:10"): 4}
        odd, value = made.said("threw")
        assert (odd["type"], odd["place"], odd["text"]) == (
            *("script.Odd", "script.py:6"),
            "password=*** 1",
        )
        assert 'script.py", line 11, in visit' in odd["traceback"]
        assert "hunter2" not in odd["traceback"]
        assert "vu.py" not in odd["traceback"]
        assert value["text"] == "a b"
        assert made.said("failing") == []


def test_what_we_raise_ends_where_the_script_calls_us(tmp_path: Path) -> None:
    code = """
from fastbench import scenario
@scenario(executor="per-vu-iterations", iterations=3)
async def visit(vu):
    if vu.iteration == 0:
        await vu.get("/nowhere")
    if vu.iteration == 1:
        vu.get("http://127.0.0.1:1/").status
    exec("raise type('Bare', (Exception,), {})", {})
"""
    with worker(tmp_path, code) as made:
        made.run()
        ours, forgot, bare = made.said("threw")
        assert (ours["type"], ours["place"]) == ("UsageError", "script.py:6")
        assert ours["traceback"].splitlines()[-2].strip().startswith(('await vu.get("/', "^", "~"))
        assert "prepared.py" not in ours["traceback"]
        assert forgot["text"].endswith("await the request first: response = await vu.get(...)")
        assert (bare["type"], bare["traceback"]) == ("Bare", ""), "Python cannot show it either"
        assert made.counts()["iterations"] == 3


def test_fail_fast_is_told_once(tmp_path: Path) -> None:
    with worker(tmp_path, THROWING, fail_fast=True) as made:
        made.run()
        assert made.said("failing") == [{}]
        assert made.counts()["iterations.exceptions"] == 1


def test_what_nobody_awaited_is_counted(tmp_path: Path) -> None:
    code = """
import asyncio
from fastbench import scenario
@scenario(executor="per-vu-iterations", iterations=1)
async def visit(vu):
    async def fail():
        raise ValueError("beside")
    asyncio.ensure_future(fail())
    await asyncio.sleep(0.01)
"""
    with worker(tmp_path, code) as made:
        made.run()
        assert [each["place"] for each in made.said("threw")] == ["script.py:7"]


def test_abort_ends_it_here_and_is_told_once(tmp_path: Path) -> None:
    code = """
import asyncio
from fastbench import abort, scenario
@scenario(executor="constant-vus", duration="1h", vus=3)
async def visit(vu):
    if vu.id == 2:
        abort("enough: token=abcdef")
    await asyncio.sleep(3600)
"""
    with worker(tmp_path, code) as made:
        made.begin()
        assert made.hear("abort") == {"text": "enough: token=***"}
        made.send("stop", grace=False)
        made.hear("ended")
        assert made.counts()["iterations"] == 1
        assert made.quit() == 0
        assert len(made.said("abort")) == 1


def test_a_begin_after_a_stop_runs_nothing(tmp_path: Path) -> None:
    with worker(tmp_path, ENDLESS) as made:
        made.send("stop", grace=True)
        assert made.run() == {"visit": 0}
        assert made.counts()["iterations"] == 0


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    code = PLAIN.replace(
        '"per-vu-iterations", vus=2, iterations=3', '"constant-vus", duration="1h"'
    )
    with worker(tmp_path, code) as made:
        made.begin()
        until(lambda: made.counts().get("iterations"))
        made.stream.shutdown(socket.SHUT_RDWR)
        assert made.wait() != 0


STUCK = """
from fastbench import scenario
def spin():
    while True: pass
@scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def visit(vu):
    spin()
"""


def test_stuck_code_can_be_found_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "STUCK_NS", 300_000_000)
    with worker(tmp_path, STUCK) as made:
        made.begin()
        until(lambda: made.arena.place(0) == (1, 0))
        os.kill(made.pid, signal.SIGUSR1)
        dump = ""
        while 'script.py", line 4 in spin' not in dump or "\nVU 1\n" not in dump:
            assert select.select([made.dump_fd], [], [], LIMIT_S)[0], dump
            dump += os.read(made.dump_fd, 65536).decode()
        until(lambda: time.monotonic_ns() - made.arena.beat_ns(0) > 400_000_000)
        os.kill(made.pid, signal.SIGTERM)
        assert made.wait() == EXIT_FAILED


def test_a_worker_that_works_does_not_end_by_signals_to_all(tmp_path: Path) -> None:
    code = PLAIN.replace(
        '"per-vu-iterations", vus=2, iterations=3', '"constant-vus", duration="1h"'
    )
    with worker(tmp_path, code) as made:
        made.begin()
        until(lambda: made.counts().get("iterations"))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(made.pid, number)
        before = made.counts()["iterations"]
        until(lambda: made.counts()["iterations"] > before + 10)
        made.send("stop", grace=False)
        made.hear("ended")
        assert made.quit() == 0


def test_the_script_prints_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = PLAIN + '\nimport os\nprint("from print")\nos.system("echo from a child")\n'
    with worker(tmp_path, code) as made:
        made.run()
        assert made.quit() == 0
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "from print" in captured.err
    assert "from a child" in captured.err


def test_pauses_of_the_collector_are_recorded(tmp_path: Path) -> None:
    code = PLAIN.replace('vu.state["seen"] = data', "import gc; gc.collect()")
    with worker(tmp_path, code) as made:
        made.run()
        (pauses,) = [value for _, name, _, value in made.arena.read(0) if name == "gc.pause"]
        assert pauses.count >= 6
        assert 0 < pauses.max_ns < 1_000_000_000


def test_a_large_setup_comes_whole(tmp_path: Path) -> None:
    code = (
        PLAIN
        + """
from fastbench import setup
@setup
async def begin(vu):
    return ["x" * 100] * 20000
"""
    )
    with worker(tmp_path, code) as made:
        made.hear("declared")
        made.send("setup")
        assert len(made.hear("setup", "broken")["data"]) == 20000
