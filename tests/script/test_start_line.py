"""The start line: all begin at one instant, and a run that is gone holds nobody back."""

from __future__ import annotations

import time
from pathlib import Path

from fastbench.script import start_line


def test_all_begin_at_one_instant_once_each_is_ready_or_gone(tmp_path: Path) -> None:
    folder = str(tmp_path / "line")
    paths = [f"{folder}/{at}" for at in range(3)]
    start_line.prepare(folder, paths)
    assert not start_line.give(folder, paths, [False, False, True])
    start_line.arrive(paths[0])
    assert not start_line.give(folder, paths, [False, False, True])
    assert [start_line.begin_ns(path) for path in paths] == [None] * 3
    start_line.arrive(paths[1])
    before_ns = time.monotonic_ns()
    assert start_line.give(folder, paths, [False, False, True])
    (instant_ns,) = {start_line.begin_ns(path) for path in paths}
    assert instant_ns is not None
    assert instant_ns >= before_ns + start_line.LEAD_NS


def test_nobody_waits_for_who_says_nothing_any_more(tmp_path: Path) -> None:
    folder = str(tmp_path / "line")
    path = f"{folder}/0"
    assert start_line.begin_ns(path) == 0
    start_line.prepare(folder, [path])
    (tmp_path / "line" / start_line.GO).write_text("soon")
    assert start_line.begin_ns(path) == 0
    (tmp_path / "line" / start_line.GO).unlink()
    start_line.arrive(path)
    assert start_line.give(folder, [path], [False])
    assert start_line.begin_ns(path) == 0
