"""script_output.py: what a script prints goes out whole, at a bounded rate, and holds nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout

import pytest

from fastbench.script.worker import script_output
from fastbench.script.worker.script_output import Printed

SECOND_NS = 1_000_000_000


class Clock:
    """A second that ends when the test says so."""

    now_ns = 5 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(script_output, "monotonic_ns", made)
    return made


@pytest.fixture
def pipe() -> Iterator[tuple[int, Printed]]:
    """Give the end to read, and what stands for sys.stdout; neither waits."""
    read_fd, write_fd = os.pipe2(os.O_NONBLOCK)
    yield read_fd, Printed(write_fd)
    os.close(read_fd)
    os.close(write_fd)


def came(fd: int) -> str:
    try:
        return os.read(fd, 1 << 20).decode()
    except BlockingIOError:
        return ""


def test_lines_go_out_whole(clock: Clock, pipe: tuple[int, Printed]) -> None:
    fd, out = pipe
    with redirect_stdout(out):
        print("a", 1, end="")
        assert came(fd) == ""
        print("!\nb\nc", end="")
        assert came(fd) == "a 1!\nb\n"
        print(" is flushed", end="", flush=True)
        assert came(fd) == "c is flushed"
        print("é\ud800", file=sys.stdout)
    assert came(fd) == "é\\ud800\n"


def test_what_is_too_much_for_a_second_is_counted(clock: Clock, pipe: tuple[int, Printed]) -> None:
    fd, out = pipe
    for number in range(10_000):
        print(number, file=out)
    assert came(fd).splitlines() == [str(number) for number in range(script_output.LINES)]
    clock.now_ns += SECOND_NS
    print("next\nsecond", file=out)
    hidden = 10_000 - script_output.LINES
    said, *lines = came(fd).splitlines()
    assert said == f"({hidden:,} lines more not shown: it printed too much at once)"
    assert lines == ["next", "second"]
    print("\n".join(["x"] * (script_output.LINES - 1)), file=out)
    came(fd)
    out.end()
    assert came(fd) == "(1 line more not shown: it printed too much at once)\n"
    out.end()
    assert came(fd) == ""


def test_long_lines_are_cut_and_bytes_are_bounded(clock: Clock, pipe: tuple[int, Printed]) -> None:
    fd, out = pipe
    for _ in range(100):
        print("x" * 1_000_000, file=out)
    text = came(fd)
    assert len(text) <= script_output.BYTES + script_output.LINE_BYTES
    assert {len(line) for line in text.split("\n")[:-1]} == {script_output.LINE_BYTES - 1}


def test_a_pipe_that_nobody_reads_holds_nobody(clock: Clock, pipe: tuple[int, Printed]) -> None:
    fd, out = pipe
    lines = 0
    for _ in range(100):
        clock.now_ns += SECOND_NS
        lines += script_output.LINES
        print("\n".join(["y" * 100] * script_output.LINES), file=out)
    shown = came(fd)
    clock.now_ns += SECOND_NS
    out.end()
    told = [line for line in (shown + came(fd)).splitlines() if "not shown" in line]
    hidden = sum(int(line[1:].partition(" ")[0].replace(",", "")) for line in told)
    assert 0 < hidden == lines - shown.count("y" * 100)


def test_it_is_a_stream_as_others_are(pipe: tuple[int, Printed]) -> None:
    fd, out = pipe
    assert out.writable() and not out.isatty() and out.encoding == "utf-8" and not out.closed
    out.reconfigure(line_buffering=True)
    out.buffer.write(b"bytes")
    assert came(fd) == "bytes"
    with pytest.raises(TypeError):
        out.write(b"no")  # type: ignore[arg-type]
    out.writelines(["a\n", "b\n"])
    assert came(fd) == "a\nb\n"
