"""The live view of a comparison in slices: what is drawn, and how little it costs the load."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from comparing import SUBJECT, limited, sliced

from fastbench.cli.output.compare_live_view import CompareView
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.decision import judge
from fastbench.experiments.compare.interval_history import look
from fastbench.experiments.trials.pairing import Standing
from fastbench.report.change import signed_interval


class Terminal(io.StringIO):
    """A terminal of 80 columns that keeps what was written."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_live_view_of_slices_looks_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    clock = [100.0]
    monkeypatch.setattr("fastbench.cli.output.canvas.time.monotonic", lambda: clock[0])
    terminal, pairs = Terminal(), tuple(sliced(187, -0.03, burst=True))
    judged_pairs: list[int] = []

    def nothing_judged(of: Sequence[Pair]) -> Comparison:
        judged_pairs.append(len(of))
        return judge(of, "requests_per_s", SUBJECT)

    with CompareView(pairs=0, time_s=15.0, judged=nothing_judged, stream=terminal) as view:
        view.update(Standing("pilot", (), "base", 0, 0, "running", None, 0.2))
        for at in range(0, 120, 3):
            clock[0] += 0.25
            view.update(Standing("pairs", pairs[:at], "base", at, 0, "running", None, at / 8))
        text = re.sub(r"(\r|\x1b\[[0-9]*A|\x1b\[2K)+", "\n", terminal.getvalue())
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert judged_pairs == [0] * 10, "pairs are not judged while the load goes on"
    assert "looking for a length of slices" in shown and "a rate" not in shown
    assert "117 pairs" in shown and "9s of 15s" in shown
    assert "base  " not in shown, "both sides are measured all the time"
    rows = [line for line in shown.splitlines() if "├" in line]
    assert [row.split()[0] for row in rows[-5:]] == ["63", "75", "87", "99", "111"]
    last = look(pairs[:111], "requests_per_s", 0.99)
    assert last is not None and last.interval is not None
    assert f"99 % interval {signed_interval(last.interval)}" in shown
    starting = tuple(replace(each, start=1) for each in pairs[:40])
    with CompareView(pairs=0, time_s=32.0, judged=nothing_judged, stream=terminal) as view:
        view.update(Standing("pairs", starting, "base", 40, 0, "starting", None, 9.0))
    assert "starting" in terminal.getvalue() and "an interval needs more starts" in (
        terminal.getvalue()
    )
    lost = tuple(limited(each) for each in sliced(4, 0.0))
    with CompareView(pairs=0, time_s=15.0, judged=nothing_judged, stream=terminal) as view:
        view.update(Standing("pairs", lost, "base", 4, 0, "running", None, 1.0))
    assert "no pair counts so far" in terminal.getvalue()
