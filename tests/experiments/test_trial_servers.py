"""trial_servers.py and server_keeper.py: started for a trial, ready when they say so, then gone."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from running import until

from fastbench.experiments.trials import server_keeper, trial_servers
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.trial_servers import Address, Server, ServerError
from fastbench.foundation.usage_error import UsageError

# Listens on its last word; writes its number and that of a child that outlives it, if it can.
SERVER = """
import os, signal, socket, sys, time
daemon = os.fork() if "daemon" in sys.argv else -1
if daemon == 0:
    os.setsid()
    time.sleep(600)
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[-1])))
print("pids", os.getpid(), daemon, "nice", os.nice(0), flush=True)
answers = 0
while True:
    peer, _ = listener.accept()
    answers += bool(peer.recv(4096))
    status = b"503 Wait" if answers <= sys.argv.count("late") else b"200 OK"
    peer.sendall(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 0\\r\\n\\r\\n")
    peer.close()
"""


@pytest.fixture(autouse=True)
def _nobody_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does, no process and no open file is left of it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files = os.listdir("/proc/self/fd")
    yield
    assert psutil.Process().children(recursive=True) == []
    assert len(os.listdir("/proc/self/fd")) == len(files)


@pytest.fixture
def stop() -> Iterator[Interrupts]:
    with Interrupts() as found:
        yield found


@pytest.fixture
def address() -> Address:
    return Address("127.0.0.1", trial_servers.free_port())


def command(*words: str, port: int) -> str:
    return shlex.join([sys.executable, "-c", SERVER, *words, str(port)])


def server(text: str, address: Address) -> Server:
    return Server(text, address, "--run-base", "base")


def pids(running: Server) -> list[int]:
    """Wait for the processes that a server names."""
    until(lambda: "nice" in running.tail())
    return [int(word) for word in running.tail().split()[1:3]]


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != "zombie"
    return False


def test_a_server_serves_and_is_gone_with_all_it_started(
    stop: Interrupts, address: Address, tmp_path: Path
) -> None:
    with server(command("daemon", port=address.port), address) as running:
        running.wait_ready(stop, None)
        assert address.accepts()
        assert running.ended() == ""
        listening, daemon = pids(running)
        assert alive(daemon)
        # A terminal's Ctrl-C reaches our group, and a session of its own has no terminal at all.
        assert os.getsid(listening) != os.getsid(0)
        assert os.getpgid(running._keeper.pid) != os.getpgid(0)
        assert running.tail().endswith(f"nice {os.nice(0)}")
    assert not address.accepts()
    assert not alive(listening)
    assert not alive(daemon)
    assert list(tmp_path.iterdir()) == [], "nobody needs what it wrote"


def test_a_server_that_does_not_listen_to_reason_is_killed(
    stop: Interrupts, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_keeper, "STOP_S", 0.1)
    with server(command("deaf", port=address.port), address) as running:
        running.wait_ready(stop, None)
        deaf, _ = pids(running)
        os.kill(deaf, signal.SIGTERM)  # the default would end it
    assert not alive(deaf)


def test_a_stopped_server_is_ended_in_order(stop: Interrupts, address: Address) -> None:
    with server("exec " + command(port=address.port), address) as running:
        running.wait_ready(stop, None)
        stopped, _ = pids(running)
        os.kill(stopped, signal.SIGSTOP)
        begun_s = time.monotonic()
    assert not alive(stopped)
    assert time.monotonic() - begun_s < server_keeper.STOP_S


def test_ready_is_when_the_url_answers(stop: Interrupts, address: Address) -> None:
    with server(command("late", "late", port=address.port), address) as running:
        url = f"http://{address}/health"
        assert not trial_servers._answers(url)
        running.wait_ready(stop, url)
        assert trial_servers._answers(url)


def test_ready_says_nothing_of_a_port_that_only_accepts(stop: Interrupts, address: Address) -> None:
    late = ["late"] * 1000
    with (
        pytest.raises(ServerError, match=r"was not ready after 0\.2s: no status below 400"),
        server(command(*late, port=address.port), address) as running,
    ):
        running.wait_ready(stop, f"http://{address}/", limit_s=0.2)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("echo one; echo broken >&2; exit 3", "ended with status 3"),
        ("echo broken; kill -9 $$", "was ended by SIGKILL"),
        ("echo broken; no-such-program-here", "ended with status 127"),
    ],
)
def test_a_server_that_ends_says_how_and_what_it_wrote(
    text: str, how: str, stop: Interrupts, address: Address
) -> None:
    with pytest.raises(ServerError) as failed, server(text, address) as running:
        running.wait_ready(stop, None)
    sentence = str(failed.value)
    assert sentence.startswith(f"The server of --run-base {how} before it was ready; ")
    assert failed.value.log in sentence
    assert "broken" in failed.value.output
    assert Path(failed.value.log).read_text().strip("\n") == failed.value.output


def test_what_a_server_writes_cannot_hurt_the_terminal(stop: Interrupts, address: Address) -> None:
    with (
        pytest.raises(ServerError) as failed,
        server(r"printf 'a\033[31mred\n%5000d\nlast' 7; exit 1", address) as running,
    ):
        running.wait_ready(stop, None)
    assert "\x1b" not in failed.value.output
    assert failed.value.output.endswith("last")
    assert len(failed.value.output) <= trial_servers.TAIL_BYTES


def test_a_server_that_never_listens(stop: Interrupts, address: Address) -> None:
    with (
        pytest.raises(
            ServerError, match=rf"nothing listens on {address}; it wrote nothing"
        ) as none,
        server("sleep 600", address) as running,
    ):
        running.wait_ready(stop, None, limit_s=0.1)
    assert (none.value.output, none.value.log) == ("", "")


def test_a_server_may_leave_its_work_to_a_daemon(stop: Interrupts, address: Address) -> None:
    text = f"{command(port=address.port)} & exit 0"
    with server(text, address) as running:
        running.wait_ready(stop, None)
        assert running.ended() == ""
        found, _ = pids(running)
    assert not alive(found)


def test_what_listens_already_is_not_measured(address: Address) -> None:
    with (
        socket.create_server((address.host, address.port)),
        pytest.raises(UsageError, match=f"already listens on {address}, before --run-base"),
        server("touch started", address),
    ):
        raise AssertionError("it was started")


def test_a_unix_socket_is_an_address_too(stop: Interrupts, tmp_path: Path) -> None:
    address = Address("localhost", 80, str(tmp_path / "app.sock"))
    text = (
        f"import socket, time; s = socket.socket(socket.AF_UNIX); s.bind({address.unix_path!r}); "
    )
    text += "s.listen(); time.sleep(600)"
    with server(shlex.join([sys.executable, "-c", text]), address) as running:
        running.wait_ready(stop, None)
        assert address.accepts()
    assert not address.accepts()


def test_a_signal_ends_the_waiting(stop: Interrupts, address: Address) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted), server("sleep 600", address) as running:
        running.wait_ready(stop, None)


def test_a_keeper_that_is_killed_is_missed(
    stop: Interrupts, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(ServerError, match="its keeper is gone"),
        server("exec sleep 600", address) as running,
    ):
        (kept,) = _below(psutil.Process(running._keeper.pid))
        os.kill(running._keeper.pid, signal.SIGKILL)
        try:
            running.wait_ready(stop, None, limit_s=60)
        finally:
            kept.kill()


def test_nothing_outlives_us(address: Address, tmp_path: Path) -> None:
    text = "exec " + command("daemon", port=address.port)
    code = (
        "import tempfile, time\n"
        "from fastbench.experiments.trials import trial_servers as servers, interrupts\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        f"at = servers.Address('127.0.0.1', {address.port})\n"
        f"with interrupts.Interrupts() as stop, servers.Server({text!r}, at, '', 'base') as one:\n"
        "    one.wait_ready(stop, None)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            until(address.accepts)
            below = psutil.Process(process.pid).children(recursive=True)
        finally:
            process.kill()
    assert len(below) == 3, "the keeper, the server and its daemon"
    until(lambda: not any(alive(each.pid) for each in below))


def test_ports_stay_out_of_the_way_of_connections() -> None:
    low, high = trial_servers._given_away()
    found = [trial_servers.free_port() for _ in range(20)]
    assert len(set(found)) > 1
    assert not any(low <= port <= high for port in found)
    assert trial_servers.free_port(found[0]) == found[0]
    with socket.create_server(("127.0.0.1", found[0])):
        assert trial_servers.free_port(found[0]) != found[0]


def test_a_place_for_the_port_is_in_both_or_in_none() -> None:
    trial_servers.check("./server --port {port}", "http://localhost:{port}/", "--run-base")
    trial_servers.check("./server", "http://localhost:8080/", "--run-base")
    with pytest.raises(UsageError, match=r"--run-base has not: .* --port \{port\}"):
        trial_servers.check("./server", "http://localhost:{port}/", "--run-base")
    with pytest.raises(UsageError, match=r"URL has not; write --url http://localhost:\{port\}/"):
        trial_servers.check("./server {port}", "http://localhost:8080/", "--run-candidate")
    with pytest.raises(UsageError, match="needs the command"):
        trial_servers.check(" ", "http://localhost:8080/", "--run-base")


def _below(process: psutil.Process) -> list[psutil.Process]:
    until(process.children)
    return process.children()
