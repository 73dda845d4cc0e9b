"""Who is called while a command waits: by its main thread alone, and by no process it forks."""

from __future__ import annotations

import os
from threading import Thread

import pytest

from fastbench.foundation import meanwhile


def test_every_beat_calls_as_long_as_the_context_lasts() -> None:
    called: list[int] = []
    with meanwhile.called(lambda: called.append(1)):
        meanwhile.beat()
        with meanwhile.called(lambda: called.append(2)):
            meanwhile.beat()
    meanwhile.beat()
    assert called == [1, 1, 2]


def test_a_long_sleep_beats() -> None:
    called: list[float] = []
    with meanwhile.called(lambda: called.append(1.0)):
        meanwhile.sleep(2.2 * meanwhile.LOOK_S)
    assert len(called) == 3


def test_threads_and_forks_are_silent() -> None:
    called: list[int] = []
    with meanwhile.called(lambda: called.append(os.getpid())):
        thread = Thread(target=meanwhile.beat)
        thread.start()
        thread.join()
        if not (pid := os.fork()):
            meanwhile.beat()
            os._exit(len(called))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert called == []
        meanwhile.beat()
    assert called == [os.getpid()]


def test_the_innermost_stage_counts_and_ends_with_an_error() -> None:
    assert meanwhile.now() is None
    with meanwhile.stage("outer", 3.0):
        with pytest.raises(ValueError, match="x"), meanwhile.stage("inner"):
            inner = meanwhile.now()
            assert inner is not None and (inner.name, inner.limit_s) == ("inner", None)
            raise ValueError("x")
        outer = meanwhile.now()
        assert outer is not None and (outer.name, outer.limit_s) == ("outer", 3.0)
    assert meanwhile.now() is None


def test_a_stage_of_another_thread_is_none_of_the_command() -> None:
    seen: list[object] = []

    def look() -> None:
        with meanwhile.stage("a name is looked up"):
            seen.append(meanwhile.now())

    thread = Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [None]
