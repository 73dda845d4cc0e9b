"""script_host.py: a script in another language than Python, run by the same workers and parent."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest

from fastbench.results.metric_values import Thrown
from fastbench.results.result import Result
from fastbench.script import parent
from fastbench.script.api.checks import Aborted
from fastbench.script.api.options import Declared, Options
from fastbench.script.api.vu import Iteration, Vu
from fastbench.script.exceptions import Broken, Spot
from fastbench.script.load import hosts, script_host
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.load.source import Source
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import read


class Failed(Exception):
    """An error of the other language, with a line of its own."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} failed")
        self.line = line


class Lines(ScriptHost):
    """A script is a text: an iteration carries out a line of it, one after the other.

    `fail` fails, `abort` ends the run; the first line is what setup returns, the last teardown's.
    """

    def source(self) -> Source:
        return Source()

    def load(self, take: script_host.Take) -> None:
        self.lines = Path(self.request.script).read_text().splitlines()
        if not self.lines:
            raise Broken("load", "it is empty", Spot(self.request.script, 1))
        options = Options(thresholds={"iterations": ["count==6"]}).settings
        spec = read("lines", "lines", {"executor": "shared-iterations", "vus": 2, "iterations": 6})
        self.declared = Declared(options, (spec,), setup=True, teardown=True)

    def hear(self, warn: script_host.Warn) -> None:
        warn("odd", "a script of lines", "use another")

    async def setup(self, vu: Vu) -> Any:
        return {"first": self.lines[0]}

    def iteration(self, scenario: str, data: Any) -> Iteration:
        assert data == {"first": self.lines[0]}

        async def iterate(vu: Vu) -> None:
            at = 1 + vu.iteration % (len(self.lines) - 2)
            if self.lines[at] == "abort":
                raise Aborted("enough")
            if self.lines[at] == "fail":
                raise Failed(at + 1)

        return iterate

    async def teardown(self, vu: Vu, data: Any) -> None:
        if self.lines[-1] == "fail":
            raise Failed(len(self.lines))

    def spot(self, stage: str) -> Spot:
        return Spot(self.request.script, 1)

    def broken(self, stage: str, error: BaseException) -> Broken:
        return Broken(stage, f"Failed: {error}", Spot("text", getattr(error, "line", 0)))

    def sort(self, error: BaseException) -> Hashable:
        return getattr(error, "line", 0)

    def thrown(self, error: BaseException) -> Thrown:
        return Thrown("Failed", f"text:{getattr(error, 'line', 0)}", str(error), "", 1, "")

    def line_of(self, stack: bytes) -> tuple[str, str] | None:
        return None


def carried_out(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> Result:
    path = folder / "script.lines"
    path.write_text("\n".join(lines))
    monkeypatch.setattr(hosts, "host_of", Lines)
    return parent.run(RunRequest(str(path), workers=2), lambda progress: None)


def test_another_language_is_run_by_the_same_executors_thresholds_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = carried_out(tmp_path, monkeypatch, "first", "fail", "fail", "", "last")
    (row,) = result.scenarios
    assert (row.name, row.executor, row.iterations) == ("lines", "shared-iterations", 6)
    assert all(each.ok for each in result.thresholds.values())
    places = {each.place: each.count for each in result.exceptions}
    assert set(places) == {"text:2", "text:3"}
    assert places["text:2"] >= 2, "each of two VUs begins there"
    assert ("odd", "a script of lines") in {(each.code, each.text) for each in result.warnings}


def test_it_ends_the_run_and_breaks_in_teardown_with_lines_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = carried_out(tmp_path, monkeypatch, "first", "abort", "fail")
    assert result.summary.ended == "aborted"
    result = carried_out(tmp_path, monkeypatch, "first", "", "fail")
    assert result.summary.ended == "script_failed"
    assert [(each.type, each.place) for each in result.exceptions] == [("Failed", "text:3")]


def test_what_does_not_load_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(parent.ScriptError, match=r"script\.lines, line 1: it is empty"):
        carried_out(tmp_path, monkeypatch)
