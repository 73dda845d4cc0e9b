"""An agent does what its parent says, in whichever order that comes, and ends without it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from servers import Server, answering

from fastbench.cli.args import url_args
from fastbench.cluster import url_messages
from fastbench.cluster.agent import agent_process
from fastbench.cluster.agent.agent_process import Agent
from fastbench.cluster.agent.wire import Wire
from fastbench.cluster.frames import Reader, Said
from fastbench.plan.network import resolve
from fastbench.run import worker
from fastbench.run.child import Child
from fastbench.run.worker_pool import StartLine


class Parent:
    """Who speaks to an agent."""

    def __init__(self) -> None:
        self.agent = subprocess.Popen(
            [sys.executable, "-m", "fastbench.cluster.agent.agent_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._reader = Reader()

    def __enter__(self) -> Parent:
        return self

    def __exit__(self, *_: object) -> None:
        with self.agent:
            self.agent.kill()

    def say(self, kind: str, body: object) -> None:
        assert self.agent.stdin is not None
        self.agent.stdin.write(Said(kind, body).encoded())
        self.agent.stdin.flush()

    def heard(self) -> Iterator[tuple[str, Any]]:
        """Give what the agent says, until it has ended."""
        assert self.agent.stdout is not None
        while found := os.read(self.agent.stdout.fileno(), 1 << 16):
            for frame in self._reader.feed(found):
                if isinstance(frame, Said):
                    yield frame.kind, frame.body

    def wait_for(self, kind: str) -> Any:
        return next(body for found, body in self.heard() if found == kind)


def test_a_stop_that_comes_before_the_load_stops_it() -> None:
    """A signal may come while the machines are told what to load, one after the other."""
    with Server(answering()) as server, Parent() as parent:
        command = url_args.parse(["-c", "1", "-R", "1000", "-d", "60s", server.url()])
        assert isinstance(command, url_args.Command)
        plan = command.plan
        reach = resolve.reach(plan)
        shares = worker.shares(plan, 1)
        parent.say("stop", {})
        parent.say("load_urls", url_messages.load_message(plan, reach, shares, 1, 1))
        parent.wait_for("started")
        now_ns = time.monotonic_ns()
        line = StartLine(now_ns, now_ns, now_ns + 60_000_000_000, ())
        parent.say("begin", {name: getattr(line, name) for name in StartLine.__slots__})
        assert parent.wait_for("gone")["status"] == 0
        assert server.seen.requests == 0


def test_without_its_parent_it_waits_for_no_worker_that_loads_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A script's worker that was told to stop waits for its parent, who will not come."""
    monkeypatch.setattr(agent_process, "END_S", 60.0)
    reads, writes = os.pipe()
    agent = Agent(Wire(writes))
    agent.workers.start(Child(0), lambda stream: time.sleep(120))
    agent.work = cast(Any, SimpleNamespace(over=True, stop=lambda: None))
    begun_s = time.monotonic()
    agent._end()
    assert time.monotonic() - begun_s < 30
    assert agent.workers.all_gone and not os.path.exists(agent.folder)
    os.close(reads)
    os.close(writes)
