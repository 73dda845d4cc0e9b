"""The live view of several candidates: a line for each, and nothing that is judged."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from comparing import SUBJECT, sliced

from fastbench.cli.output.candidates_live_view import CandidatesView
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.decision import Rules, judge
from fastbench.experiments.compare.interval_history import look
from fastbench.experiments.trials.pairing import Standing
from fastbench.report.change import change

RULES = Rules(candidates=2)


class Terminal(io.StringIO):
    """A terminal that keeps what was written."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [60, 100])
def test_each_candidate_has_a_line(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    clock = [100.0]
    monkeypatch.setattr("fastbench.cli.output.canvas.time.monotonic", lambda: clock[0])
    slower, same = tuple(sliced(120, -0.1)), tuple(sliced(120, 0.0, 0.005))
    judged_pairs: list[int] = []

    def judged(of: Sequence[Pair]) -> Comparison:
        judged_pairs.append(len(of))
        config = {"interval_confidence": RULES.interval_confidence}
        return judge(of, "requests_per_s", replace(SUBJECT, config=config), RULES)

    terminal = Terminal()
    labels = ("http://localhost:8002/a/long/path/to/it", "http://localhost:8003/a/long/path/to/it")
    with CandidatesView(labels, time_s=15.0, judged=judged, stream=terminal) as view:
        pilot = Standing("pilot", (), "base", 0, 0, "running", None, 0.2)
        view.update(replace(pilot, others=((),)))
        clock[0] += 1
        now = Standing("pairs", slower, "base", 120, 0, "running", None, 9.0, (same,))
        view.update(now)
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert judged_pairs == [0], "pairs are not judged while the load goes on"
    assert "looking for a length of slices" in shown and "120 pairs" in shown
    assert "99 % intervals, of all candidates together" in shown
    rows = [line for line in shown.splitlines() if re.search(r"00[23]/a", line)]
    for row, pairs in zip(rows, (slower, same), strict=True):
        seen = look(pairs, "requests_per_s", RULES.interval_confidence)
        assert seen is not None and change(seen.ratio) in row
        assert "●" in row, "with its ratio and interval"
    assert all(len(line.rstrip()) <= columns for line in shown.splitlines())
