"""`fastbench run SCRIPT --debug`: one iteration, both sides of every exchange, no secret."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from case import answer
from commandline import LIMIT_S, Shown, begin
from servers import OK, Peer, Server, answering

from fastbench.cli.debug import debug_script
from fastbench.script.parent import OptionsError
from fastbench.script.run_request import RunRequest

HEAD = "from fastbench import *\noptions = Options(base_url=env('BASE_URL'))\n"


def debug(folder: Path, code: str, *words: str, url: str = "http://127.0.0.1:1") -> Shown:
    script = folder / "script.py"
    script.write_text(HEAD + code)
    with begin("run", str(script), "--debug", "-e", f"BASE_URL={url}", *words) as process:
        out, err = process.communicate(timeout=LIMIT_S)
        return Shown(process.args, process.wait(), out, err)


def test_every_part_runs_once_and_is_shown(tmp_path: Path) -> None:
    code = """
@setup
async def begin(vu):
    return (await vu.post("/login", json={"user": "u", "password": "hunter2hunter2"})).text
@scenario(executor="constant-vus", vus=5, duration="1h")
async def visit(vu, data):
    response = await vu.get("/a?token=t0ps3cret", headers={"Authorization": f"Bearer {data}"})
    check(response, {"is ok": lambda r: r.status == 200, "is not": lambda r: False})
@scenario
async def other(vu): pass
@teardown
async def end(vu): await vu.delete("/all")
"""
    with Server(answering()) as server:
        shown = debug(tmp_path, code, url=server.url(""))
    assert (shown.returncode, shown.stderr) == (0, "")
    parts = [line for line in shown.stdout.splitlines() if line.startswith("== ")]
    assert parts == ["== setup", "== scenario visit", "== teardown"]
    assert "> POST /login HTTP/1.1\n> Host: 127.0.0.1" in shown.stdout
    assert '>\n> {"user":"u","password":"***"}\n' in shown.stdout
    assert "< HTTP/1.1 200 OK\n< Content-Length: 12\n<\n< " in shown.stdout
    assert "> GET /a?token=*** HTTP/1.1" in shown.stdout
    assert "> Authorization: ***" in shown.stdout
    assert shown.stdout.count("Counted as ok.") == 3
    assert "check is ok: passed\ncheck is not: 1 of 1 failed\n" in shown.stdout
    assert "Not run: other; choose with --scenario NAME." in shown.stdout
    assert server.seen.lines.total() == 3
    for secret in ("hunter2", "t0ps3cret"):
        assert secret not in shown.stdout


def test_a_secret_that_a_server_echoes_is_masked(tmp_path: Path) -> None:
    def echo(peer: Peer) -> None:
        while True:
            request = peer.request()
            value = request.partition(b"Authorization: ")[2].partition(b"\r\n")[0]
            peer.send(answer(f"Content-Length: {len(value)}", body=value))

    code = """
@scenario
async def visit(vu): await vu.get("/", bearer="abcdefgh\x1b[31m" if False else "abcdefgh")
"""
    with Server(echo) as server:
        shown = debug(tmp_path, code, url=server.url(""))
    assert shown.returncode == 0
    assert "abcdefgh" not in shown.stdout


def test_the_scenario_can_be_chosen(tmp_path: Path) -> None:
    code = """
@scenario
async def one(vu): print("one ran")
@scenario
async def two(vu): print("two ran")
"""
    shown = debug(tmp_path, code, "--scenario", "two")
    assert shown.returncode == 0
    assert "two ran" in shown.stdout
    assert "one ran" not in shown.stdout


def test_redirects_are_shown(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer("Location: /b", "Content-Length: 0", start="HTTP/1.1 302 Found"))
        peer.request()
        peer.send(OK)

    with Server(script) as server:
        code = "@scenario\nasync def visit(vu): await vu.get('/a')\n"
        shown = debug(tmp_path, code, url=server.url(""))
    assert "> GET /a HTTP/1.1" in shown.stdout
    assert "> GET /b HTTP/1.1" in shown.stdout


@pytest.mark.parametrize(
    ("code", "exit_code", "text"),
    [
        ("raise ValueError('no')", 107, "ValueError at script.py:5: no\nTraceback"),
        ("abort('enough')", 108, "The script ended the run: enough"),
        ("await vu.get('/')", 122, "Counted as failed: connect"),
        ("pass", 0, "== scenario visit"),
    ],
)
def test_the_exit_code_says_how_it_went(
    tmp_path: Path, code: str, exit_code: int, text: str
) -> None:
    shown = debug(tmp_path, f"@scenario\nasync def visit(vu):\n    {code}\n")
    assert shown.returncode == exit_code
    assert text in shown.stdout
    assert "\nTraceback" not in shown.stderr


@pytest.mark.parametrize(
    ("code", "exit_code", "text"),
    [
        ("x = (", 107, "script.py, line 3: SyntaxError: '(' was never closed in `x = (`"),
        ("1 / 0", 107, "script.py, line 3: ZeroDivisionError: division by zero"),
        ("Options(vus=0)", 104, "vus"),
        ("pass", 104, "declares no scenario"),
    ],
)
def test_a_script_that_does_not_load_is_one_line(
    tmp_path: Path, code: str, exit_code: int, text: str
) -> None:
    shown = debug(tmp_path, code)
    assert shown.returncode == exit_code
    assert text in shown.stderr
    assert shown.stderr.count("\n") == 1
    assert shown.stdout == ""


def test_what_breaks_in_setup_is_shown(tmp_path: Path) -> None:
    code = """
@setup
async def begin(vu): raise ValueError("not today")
@scenario
async def visit(vu): print("ran")
"""
    shown = debug(tmp_path, code)
    assert shown.returncode == 107
    assert "setup failed: script.py, line 5: ValueError: not today" in shown.stdout
    assert "ran" not in shown.stdout.replace("ran out", "")


def test_an_import_that_takes_long_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fastbench.script.parent.watchdog.IMPORT_S", 0.05)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "script", sys)  # the name is taken
    on, path = tmp_path / "on", tmp_path / "script.py"
    path.write_text(f"import os\nwhile not os.path.exists({str(on)!r}):\n    pass\n")
    told = debug_script._slow_import(str(path), "cure")
    tell = told.function

    def then_go_on() -> None:
        tell()
        on.touch()

    told.function = then_go_on
    monkeypatch.setattr(debug_script, "_slow_import", lambda path, hint: told)
    with pytest.raises(OptionsError, match="declares no scenario"):
        debug_script.run(RunRequest(str(path)))
    said = capsys.readouterr().err
    assert said.startswith(f"fastbench: {path} is still being imported after 0s, at script.py, ")
    assert "line 2;" in said or "line 3;" in said
