"""How many TCP connections a process has, held against sockets that this test opens."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import pytest

from fastbench.machine import connections
from fastbench.machine.connections import ConnectionCounts


def opened(stack: contextlib.ExitStack, count: int, family: int = socket.AF_INET) -> None:
    """Open connections to ourselves: each is two sockets of this process."""
    listener = stack.enter_context(socket.socket(family))
    listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    listener.listen(count)
    for _ in range(count):
        stack.enter_context(socket.create_connection(listener.getsockname()[:2]))
        stack.enter_context(listener.accept()[0])


def test_connections_are_counted_and_nothing_else() -> None:
    own = os.getpid()
    with contextlib.ExitStack() as stack:
        before = ConnectionCounts().of([own])[own]
        assert before is not None
        stack.enter_context(socket.socket(socket.AF_UNIX))
        stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        opened(stack, 3)
        opened(stack, 2, socket.AF_INET6)
        assert ConnectionCounts().of([own])[own] == before + 10
    assert ConnectionCounts().of([own])[own] == before


def test_who_is_not_visible_has_no_count() -> None:
    gone = 1 << 22
    assert ConnectionCounts().of([gone]) == {gone: None}


def test_what_costs_much_is_counted_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, spent_s, counted = 100.0, 0.0, 0

    def count(pid: int, tables: dict[str, set[str]]) -> int:
        nonlocal spent_s, counted
        spent_s += 0.010
        counted += 1
        return counted

    monkeypatch.setattr(connections, "_count", count)
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    monkeypatch.setattr(time, "thread_time", lambda: spent_s)
    counts = ConnectionCounts()
    assert counts.of([1]) == {1: 1}
    now_s += 1.9
    assert counts.of([1]) == {1: 1}, "10 ms are 0.5 % of 2 s"
    now_s += 0.2
    assert counts.of([1]) == {1: 2}
