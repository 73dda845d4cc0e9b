"""What is refused before a script's load: limits on no scenario, scripts that cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from commandline import Shown, invoke, table_at_once
from running import Run, fastbench
from servers import Server, answering

from fastbench.script import parent
from fastbench.script.parent import watchdog
from fastbench.script.run_request import RunRequest

HEAD = """
import os
from fastbench import *
URL = env("URL")
"""
TWO = """
options = Options(thresholds={"http_req_duration{scenario:two}": ["p(95)<1000"]})
@scenario(executor="per-vu-iterations")
async def one(vu):
    await vu.get(URL)
@scenario(executor="per-vu-iterations")
async def two(vu):
    await vu.get(URL)
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def script(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text(HEAD + text)
    return str(path)


def run(folder: Path, text: str, url: str, *more: str) -> Run:
    """Run a script of this text with one worker."""
    return fastbench("run", script(folder, text), "-e", f"URL={url}", "-t", "1", "-q", *more)


# Thresholds on scenarios.


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_threshold_on_a_scenario_that_is_not_there_is_refused_before_the_load(
    tmp_path: Path, server: Server, dry: tuple[str, ...]
) -> None:
    limit = "http_req_duration{scenario:nope}: p(95)<1"
    found = run(tmp_path, TWO, server.url(""), "--threshold", limit, *dry)
    assert (found.code, server.seen.requests, found.document) == (104, 0, {})
    assert found.err == (
        f"fastbench: Threshold `{limit}`: scenario nope does not run; there are one, two.\n"
    )


def test_a_test_of_locust_is_met_with_the_command_that_converts_it(
    tmp_path: Path, server: Server
) -> None:
    found = run(tmp_path, "from locust import HttpUser\n", server.url(""))
    assert found.code == 107
    assert "this is a test of Locust; make a script of it with `fastbench convert " in found.err


def test_the_scripts_limits_on_scenarios_that_were_not_chosen_are_left_out(
    tmp_path: Path, server: Server
) -> None:
    text = TWO.replace("Options(", "Options(base_url=URL, ")
    found = run(tmp_path, text, server.url(""), "--scenario", "one")
    assert (found.code, found.document["thresholds"]) == (0, {})
    assert "servers" not in found.document["config"], "the base URL says it"
    assert "1 threshold is on scenarios that do not run; not evaluated." in found.err
    typed = ("--scenario", "one", "--threshold", "http_reqs{scenario:two}: count>0")
    asked = run(tmp_path, TWO, server.url(""), *typed)
    assert asked.code == 104 and "scenario two does not run; there is one." in asked.err


def test_a_limit_on_setup_is_one_on_a_scenario(tmp_path: Path, server: Server) -> None:
    text = "@setup\nasync def begin(vu):\n    await vu.get(URL)\n" + TWO
    limit = ("--threshold", "http_reqs{scenario:setup}: count==1")
    assert run(tmp_path, text, server.url(""), *limit).code == 0


# Scripts that cannot be loaded.


HOWS = ("run", "--dry-run", "--debug")
BROKEN = {
    "users = data('missing.csv')": (107, "script.py, line 5: data() cannot read"),
    "import lib": (107, "lib.py, line 2: SyntaxError: '(' was never closed"),
    "Options(vus=0)": (104, "script.py, line 5: vus must be between"),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Shown]:
    """Try every broken script in every way."""

    def act(text: str, how: str) -> Shown:
        folder = tmp_path_factory.mktemp("broken")
        (folder / "lib.py").write_text("# a sibling\nx = (\n")
        words = ("run", script(folder, text + "\n" + TWO), "-q")
        return invoke(*words, *((how,) if how != "run" else ()))

    return table_at_once({(text, how): partial(act, text, how) for text in BROKEN for how in HOWS})


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("text", BROKEN)
def test_a_script_that_cannot_be_loaded_is_one_line_and_one_code(
    refused: dict[tuple[str, str], Shown], text: str, how: str
) -> None:
    code, says = BROKEN[text]
    shown = refused[text, how]
    assert (shown.returncode, shown.stdout) == (code, "")
    assert says in shown.stderr and shown.stderr.count("\n") == 1


def test_a_slow_import_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "IMPORT_S", 0.1)
    on = tmp_path / "on"
    (tmp_path / "lib.py").write_text(
        f"import os\nwhile not os.path.exists({str(on)!r}):\n    pass\n"
    )
    path = script(tmp_path, "import lib\n@scenario\nasync def one(vu): pass\n")
    told: list[str] = []

    def notice(sentence: str) -> None:
        told.append(sentence)
        on.touch()

    found = parent.declared(RunRequest(path, workers=1), notice)
    assert [spec.name for spec in found.scenarios] == ["one"]
    (sentence,) = told
    assert sentence.startswith(f"{path} is still being imported after ")
    assert sentence.endswith("; move slow work to @setup; Ctrl-C ends it.")
    assert "lib.py, line 2" in sentence or "lib.py, line 3" in sentence, sentence
