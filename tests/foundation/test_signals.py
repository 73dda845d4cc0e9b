"""Signals at any instant: one exit code, no traceback, nobody left, nothing measured is lost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from commandline import LIMIT_S, at_once
from running import until
from servers import Server, answering

from fastbench.foundation import signals

FASTBENCH = (sys.executable, "-m", "fastbench")
# Says when it begins: Python's own start comes before, and is not ours.
AT_OUR_START = """
import os, sys
from fastbench import __main__ as main
main._end_at_signals()
os.close(int(sys.argv.pop(1)))
main.start()
"""
BOTH = (signal.SIGINT, signal.SIGTERM)
INSTANTS = 8
SCRIPT = """
import asyncio
from fastbench import *
options = Options(base_url={url!r})

@setup
async def begin(vu):
    await asyncio.sleep(0.1)

@scenario(executor="constant-vus", vus=2, duration="0.2s")
async def go(vu):
    await vu.get("/")

@teardown
async def end(vu):
    await asyncio.sleep(0.1)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@contextlib.contextmanager
def started(
    *words: str,
    ignored: int | None = None,
    program: tuple[str, ...] = FASTBENCH,
    passed: tuple[int, ...] = (),
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a session of its own; `ignored` is a signal that it does not get."""

    def ignore() -> None:
        if ignored is not None:
            signal.signal(ignored, signal.SIG_IGN)

    process = subprocess.Popen(
        [*program, *words],
        pass_fds=passed,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=ignore,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def of_session(session: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def signalled(words: tuple[str, ...], number: int, at_s: float, path: Path) -> tuple[int, str]:
    """Send a signal after so long; return exit code and what was written."""
    begins_fd, held_fd = os.pipe()
    program = (sys.executable, "-c", AT_OUR_START, str(held_fd))
    with started(*words, "--json", str(path), program=program, passed=(held_fd,)) as process:
        os.close(held_fd)
        os.read(begins_fd, 1)
        os.close(begins_fd)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(at_s)
        begun_s = monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        out, err = process.communicate(timeout=LIMIT_S)
        assert monotonic() - begun_s < 10
        assert not of_session(process.pid), "nobody is left"
    return process.returncode, out + err


@pytest.mark.parametrize("kind", ["url", "script"])
def test_a_signal_at_any_instant_ends_in_order(kind: str, server: Server, tmp_path: Path) -> None:
    """From the first import to the last line of the report."""
    (tmp_path / "script.py").write_text(SCRIPT.format(url=server.url()))
    url = ("-d0.2s", "-c2", server.url())
    words = url if kind == "url" else ("run", "-t1", str(tmp_path / "script.py"))
    begun_s = monotonic()
    assert signalled(words, 0, 60, tmp_path / "whole.json")[0] == 0
    span_s = monotonic() - begun_s
    times = [span_s * step / INSTANTS for step in range(INSTANTS)]
    paths = {at_s: tmp_path / f"{step}.json" for step, at_s in enumerate(times)}
    ran = at_once(
        partial(signalled, words, BOTH[step % 2], at_s, path)
        for step, (at_s, path) in enumerate(paths.items())
    )
    for (at_s, path), (code, shown) in zip(paths.items(), ran, strict=True):
        assert code in (0, 105), (at_s, shown)
        assert "Traceback" not in shown and "Exception ignored" not in shown, (at_s, shown)
        assert path.exists() == ("Verdict" in shown) and (code == 105 or path.exists()), at_s
        assert not path.exists() or json.loads(path.read_bytes())["summary"]["requests"] >= 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".fastbench")]
    assert any(code == 105 for code, _ in ran)


def test_the_init_of_a_container_hears_too(server: Server) -> None:
    """To the first process of a namespace the kernel's defaults do not apply."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("needs root and unshare")
    contained = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *FASTBENCH)
    with started("-d60s", "-c1", server.url(), program=contained) as process:
        before = server.seen.requests
        until(lambda: server.seen.requests > before + 10)
        [init] = psutil.Process(process.pid).children()
        init.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, " requests in " in out, err) == (105, True, "")


def test_a_signal_while_results_are_written_lets_them_be_written(
    server: Server, tmp_path: Path
) -> None:
    """The pipe has no reader until the signal was there: the report stands, the page waits."""
    pipe, path = tmp_path / "page.html", tmp_path / "run.json"
    os.mkfifo(pipe)
    with started("-n5", "-c1", "--json", str(path), f"--html={pipe}", server.url()) as process:
        until(path.exists)
        process.send_signal(signal.SIGTERM)
        sleep(0.1)  # it has nothing to do but to go on waiting
        assert process.poll() is None
        assert b"</html>" in pipe.read_bytes()
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, "5 ok" in out, err) == (105, True, "")


def test_a_second_signal_leaves_a_report_that_nobody_takes(server: Server, tmp_path: Path) -> None:
    pipe, path = tmp_path / "page.html", tmp_path / "run.json"
    os.mkfifo(pipe)
    with started("-n5", "-c1", "--json", str(path), f"--html={pipe}", server.url()) as process:
        until(path.exists)
        process.send_signal(signal.SIGTERM)
        sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, "Traceback" in out + err) == (105, False)


def test_nohup_is_respected(server: Server) -> None:
    before = server.seen.requests
    with started("-d0.5s", "-c1", server.url(), ignored=signal.SIGHUP) as process:
        until(lambda: server.seen.requests > before + 10)
        os.killpg(process.pid, signal.SIGHUP)
        out, _ = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, " requests in " in out) == (0, True)


def test_the_two_signals_of_timeout_are_one(server: Server) -> None:
    """timeout(1) signals its child and then its child's group: there is a report all the same."""
    before = server.seen.requests
    with started("-d60s", "-c1", server.url()) as process:
        until(lambda: server.seen.requests > before + 10)
        process.send_signal(signal.SIGTERM)
        os.killpg(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, " requests in " in out) == (105, True)


def test_a_signal_under_debug_is_followed_by_teardown(server: Server, tmp_path: Path) -> None:
    text = SCRIPT.format(url=server.url()).replace('await vu.get("/")', "await asyncio.sleep(60)")
    text = text.replace("await asyncio.sleep(0.1)\n\n@scenario", "await vu.get('/up')\n\n@scenario")
    script = tmp_path / "script.py"
    script.write_text(text + '    await vu.get("/torn")\n')
    with started("run", "--debug", str(script)) as process:
        until(lambda: server.seen.lines[b"GET /up HTTP/1.1"])
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, "Traceback" in out + err) == (105, False)
    assert server.seen.lines[b"GET /torn HTTP/1.1"] == 1


# The rules, in this process.


def test_the_first_calls_and_the_second_interrupts() -> None:
    heard: list[str] = []
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    with pytest.raises(KeyboardInterrupt), signals.heard(lambda: heard.append("outer")):
        with signals.heard(lambda: heard.append("inner")):
            os.kill(os.getpid(), signal.SIGTERM)
        assert (heard, signals.came()) == (["inner"], True)
        with signals.heard(lambda: heard.append("late")):
            assert heard == ["inner", "late"], "it came before: who comes now hears at once"
        os.kill(os.getpid(), signal.SIGINT)
    assert not signals.came(), "what comes now begins anew"
    assert [signal.getsignal(number) for number in signals.SIGNALS] == before


def test_threads_hear_nothing() -> None:
    found: list[object] = []

    def write() -> None:
        with signals.held():
            found.append(signals.came())

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert found == [False]


def test_what_no_signal_interrupts_is_given_up() -> None:
    blocked, begun_s = threading.Event(), monotonic()

    def stop() -> None:
        if monotonic() - begun_s > 0.1:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        signals.beside(blocked.wait, stop)
    blocked.set()
    assert signals.beside(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        signals.beside(lambda: 1 // 0)
