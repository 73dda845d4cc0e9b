"""programs.py: what program serves an address, and when two are the same."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fastbench.machine import programs
from fastbench.machine.programs import Program

CODE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serving(stack: ExitStack, *words: str, **variables: str) -> Program:
    """Start a server at a port that its arguments name."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(port), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "ADDRESS": f"127.0.0.1:{port}", **variables},
        )
    )
    assert process.stdout is not None
    process.stdout.readline()
    found = programs.serving(["127.0.0.1"], port, None)
    assert found is not None and found.pid == process.pid
    return found


def test_two_processes_of_one_program_differ_in_the_port_alone(servers: ExitStack) -> None:
    one, other = serving(servers), serving(servers)
    assert programs.same(one, other)
    assert programs.differing(one, other) == [], "the port stands in both environments"
    assert not programs.same(one, one), "one process is no two starts"
    assert not programs.same(one, serving(servers, "--new"))
    assert not programs.same(one, None)


def test_variables_that_differ_are_named_without_their_values(servers: ExitStack) -> None:
    one = serving(servers, GOGC="100", TOKEN="hunter2")
    other = serving(servers, GOGC="200", TOKEN="hunter2", MORE="")
    assert programs.same(one, other)
    assert programs.differing(one, other) == ["GOGC", "MORE"]
    assert "hunter2" not in repr(one)


def test_nobody_serves_a_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert programs.serving(["127.0.0.1"], port, None) is None
