"""Standard input, output and error that are closed, full, broken or not waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from commandline import LIMIT_S, at_once, invoke
from servers import Server, answering
from terminal import in_terminal

from fastbench.foundation import stdio

FASTBENCH = [sys.executable, "-m", "fastbench"]
SUBSETS = [tuple(fd for fd in range(3) if bits[fd]) for bits in product((0, 1), repeat=3)]
PAGES = (["--version"], ["--help"], ["run", "--help"], ["doctor", "--help"], ["suite", "--help"])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def closed(*fds: int) -> Callable[[], None]:
    """Return what closes some of the streams in the child."""

    def close() -> None:
        for fd in fds:
            os.close(fd)

    return close


def run(words: list[str], fds: tuple[int, ...]) -> tuple[int, bytes]:
    done = subprocess.run(
        [*FASTBENCH, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=closed(*fds),
        timeout=LIMIT_S,
    )
    return done.returncode, done.stdout


def test_a_run_with_any_stream_closed_writes_its_files(server: Server, tmp_path: Path) -> None:
    """No socket may get one of the three numbers: what is printed would be sent to the server."""
    paths = {fds: tmp_path / f"{'-'.join(map(str, fds))}.json" for fds in SUBSETS}
    ran = at_once(
        partial(run, ["-n5", "-c2", "--json", str(path), server.url()], fds)
        for fds, path in paths.items()
    )
    for (fds, path), (code, shown) in zip(paths.items(), ran, strict=True):
        assert (code, b"Traceback" in shown) == (0, False), fds
        assert (b"5 ok" in shown) == (1 not in fds), fds
        assert json.loads(path.read_bytes())["summary"]["ok"] == 5, fds


def test_a_script_with_all_streams_closed_may_print(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "prints.py"
    script.write_text(
        "import sys\nfrom fastbench import *\n"
        f"options = Options(base_url={server.url()!r})\n"
        "print('one'); print('two', file=sys.stderr)\n"
        "@scenario(executor='shared-iterations', vus=1, iterations=2)\n"
        "async def go(vu):\n    print('three')\n    await vu.get('/')\n"
    )
    path = tmp_path / "out.json"
    assert run(["run", "-t1", "--json", str(path), str(script)], (0, 1, 2)) == (0, b"")
    assert json.loads(path.read_bytes())["summary"]["ok"] == 2


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_every_page_goes_wherever_stdout_goes(words: list[str]) -> None:
    assert run(words, (0, 1, 2)) == (0, b"")
    with open("/dev/full", "w") as full:
        done = subprocess.run([*FASTBENCH, *words], stdout=full, stderr=subprocess.PIPE)
    said = b"fastbench: standard output was not written: no space left on device.\n"
    assert (done.returncode, done.stderr) == (121, said)


@pytest.mark.parametrize("words", [*PAGES, ["doctor"], ["serve", "--help"]], ids=" ".join)
def test_a_page_whose_reader_has_left_ends_quietly(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = invoke(*words, stdout=pipe)
    assert (done.returncode, done.stderr) == (121, "")


def test_a_run_whose_stderr_has_no_reader_goes_on(server: Server, tmp_path: Path) -> None:
    """`-t 0.3s` is told on stderr before the run: there is nobody to tell, and that is all."""
    reader, writer = os.pipe()
    os.close(reader)
    path = tmp_path / "out.json"
    words = ["-n5", "-c1", "-t", "3s", "--json", str(path), server.url()]
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run([*FASTBENCH, *words], stdout=subprocess.PIPE, stderr=pipe)
    assert (done.returncode, b"5 ok" in done.stdout) == (0, True)
    assert json.loads(path.read_bytes())["summary"]["ok"] == 5


def test_a_server_whose_stdout_has_no_reader_serves(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    path = tmp_path / "socket"
    with os.fdopen(writer, "wb") as pipe:
        process = subprocess.Popen([*FASTBENCH, "serve", "--uds", str(path)], stdout=pipe)
    try:
        words = ("-n2", "-c1", "--wait-for", "10s", "--unix", str(path), "http://x/")
        assert invoke(*words).returncode == 0
    finally:
        process.terminate()
        assert process.wait(LIMIT_S) == 0


def test_a_pipe_that_does_not_block_gets_the_whole_document(server: Server) -> None:
    """As the parent's event loop made it: what does not fit now is written when it is read."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    words = ["-n500", "-c3", "--json", "-", server.url()]
    with subprocess.Popen([*FASTBENCH, *words], stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            whole = pipe.read()
        assert process.wait(LIMIT_S) == 0
    assert json.loads(whole)["summary"]["ok"] == 500


@pytest.mark.parametrize(
    "flags", [("--quiet", "--json", "-"), ("--csv", "-"), ("--format", "json")]
)
def test_a_document_for_a_closed_stdout_is_lost_and_says_so(
    server: Server, flags: tuple[str, ...]
) -> None:
    code, _ = run(["-n5", "-c1", *flags, server.url()], (1,))
    assert code == 121
    with_stderr = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *FASTBENCH, "-n5", "-c1", *flags, server.url()],
        stderr=subprocess.PIPE,
        text=True,
        timeout=LIMIT_S,
    )
    told = with_stderr.stderr.splitlines()
    assert with_stderr.returncode == 121
    assert "fastbench: standard output was not written: it is closed." in told


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_sentences_are_broken_at_their_spaces(width: int) -> None:
    words = "fastbench: --time is read as 4s; leave it out for https://example.test/a/long/path?x=1"
    lines = stdio.broken(words, width).split("\n")
    assert " ".join(line.strip() for line in lines) == words
    assert all(len(line) <= width or " " not in line.strip() for line in lines)
    assert all(line.startswith(stdio.INDENT) for line in lines[1:])


def test_a_notice_is_whole_in_a_log_and_in_lines_on_a_terminal() -> None:
    words = (
        "-n1",
        "-c1",
        "--wait-for",
        "50ms",
        "http://127.0.0.1:1/a-page-of-a-server-that-is-gone",
    )
    logged = invoke(*words).stderr.splitlines()
    seen = in_terminal(*words)
    assert (seen.code, len(logged)) == (122, 2)
    shown = seen.written.replace("\r", "").splitlines()
    assert len(shown) > 2 and max(map(len, shown)) <= 100
    assert " ".join(line.strip() for line in shown) == " ".join(logged)
