"""Hosts of namespaces do what the tests of clusters take for granted."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hosts import Host, Hosts
from running import until

AHEAD_S = 3600
DELAY_MS = 20
SUPPORT = str(Path(__file__).parents[1] / "support")
# The least of several round trips: a busy machine only ever adds to one.
ROUND_TRIP = """
import socket, sys, time
took = []
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as peer:
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(10):
        begun = time.monotonic()
        peer.sendall(b".")
        assert peer.recv(1) == b"."
        took.append(time.monotonic() - begun)
print(min(took))
"""
ECHO = """
import socket
with socket.create_server(("", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    while True:
        peer, _ = listener.accept()
        while data := peer.recv(65536):
            peer.sendall(data)
"""
LARGE = """
import socket, sys, threading
sent = bytes(range(256)) * 8192
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as peer:
    threading.Thread(target=peer.sendall, args=(sent,)).start()
    found = bytearray()
    while len(found) < len(sent):
        found += peer.recv(65536)
print(found == sent)
"""
CLOCKS = "import time; print(time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))"


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Hosts(3, clock_ahead_s={1: AHEAD_S}) as found:
        yield found


@pytest.fixture(scope="module")
def echo(hosts: Hosts) -> str:
    """Give the port of a server of bytes on `hosts.server`."""
    server = hosts.server.popen(sys.executable, "-c", ECHO, stdout=subprocess.PIPE)
    assert server.stdout is not None
    return server.stdout.readline().strip()


def round_trip_ms(host: Host, port: str) -> float:
    return 1e3 * float(host.python(ROUND_TRIP, "server", port))


def test_every_host_reaches_every_other_and_nothing_else(hosts: Hosts, echo: str) -> None:
    for each in (*hosts, hosts.parent, hosts.server):
        assert round_trip_ms(each, echo) < DELAY_MS / 2
        assert each.run("hostname").strip() == each.name
    devices = hosts[0].run("ip", "-brief", "link").splitlines()
    assert [line.split("@")[0].split()[0] for line in devices] == ["lo", "eth0"]
    assert hosts[0].run("ip", "route").startswith("10.77.0.0/24 dev eth0")
    assert len(hosts[0].run("ip", "route").splitlines()) == 1


def test_a_delay_is_there_each_way_and_goes_again(hosts: Hosts, echo: str) -> None:
    host = hosts[0]
    for sent_ms, received_ms in ((DELAY_MS, None), (0, 2 * DELAY_MS), (DELAY_MS / 4, DELAY_MS / 4)):
        host.delay(sent_ms, received_ms)
        expected_ms = sent_ms + (sent_ms if received_ms is None else received_ms)
        assert expected_ms <= round_trip_ms(host, echo) < expected_ms + DELAY_MS / 4
    assert host.python(LARGE, "server", echo) == "True\n"  # frames are whole, and in order
    assert round_trip_ms(hosts[2], echo) < DELAY_MS / 4  # it is the one host's alone
    host.delay(0)
    assert round_trip_ms(host, echo) < DELAY_MS / 4


def test_a_link_is_down_and_up_again(hosts: Hosts, echo: str) -> None:
    talk = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as peer:
    for line in sys.stdin:
        peer.sendall(b".")
        print(peer.recv(1).decode(), flush=True)
"""
    pipe = subprocess.PIPE
    words = (sys.executable, "-c", talk, "server", echo)
    for delay_ms in (0, 1):
        hosts[2].delay(delay_ms)
        with hosts[2].popen(*words, stdin=pipe, stdout=pipe) as peer:
            assert peer.stdin is not None and peer.stdout is not None
            for up in (True, False):
                hosts[2].link(up=up)
                peer.stdin.write("\n")
                peer.stdin.flush()
                answered = select.select([peer.stdout], [], [], 5 if up else 0.1)[0]
                assert bool(answered) is up
                if up:
                    assert peer.stdout.readline() == ".\n"
            hosts[2].link(up=True)  # TCP sends again what was lost
            assert peer.stdout.readline() == ".\n"
            peer.stdin.close()
    hosts[2].delay(0)


def test_the_clock_of_one_host_is_ahead(hosts: Hosts) -> None:
    for number, host in enumerate(hosts):
        before_s = time.monotonic()
        monotonic_s, since_boot_s = map(float, host.python(CLOCKS).split())
        after_s = time.monotonic()
        ahead_s = AHEAD_S if number == 1 else 0
        assert before_s <= monotonic_s - ahead_s <= after_s
        assert since_boot_s - monotonic_s == pytest.approx(
            time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic(), abs=1
        )


def test_processes_are_signalled_and_listed_until_they_have_ended(hosts: Hosts) -> None:
    assert hosts[0].processes() == {}
    told = (
        "import os, time\nos.write(1, b'child\\n' if os.fork() else b'parent\\n')\ntime.sleep(60)"
    )
    process = hosts[0].popen(sys.executable, "-c", told, stdout=subprocess.PIPE)
    assert process.stdout is not None
    lines = {process.stdout.readline() for _ in range(2)}
    assert lines == {"child\n", "parent\n"} and process.pid in hosts[0].processes()
    assert len(hosts[0].processes()) == 2 and hosts[1].processes() == {}
    process.kill()
    assert process.wait(5) == -signal.SIGKILL
    (orphan,) = hosts[0].processes()
    ended = os.pidfd_open(orphan)
    hosts[0].signal_all(signal.SIGTERM)
    assert select.select([ended], [], [], 5)[0] and hosts[0].processes() == {}
    os.close(ended)
    until(lambda: not psutil.pid_exists(orphan))  # process 1 of the host has waited for it


def test_what_fails_in_a_host_fails_the_test(hosts: Hosts) -> None:
    with pytest.raises(AssertionError, match=r"host-0: .*no such thing"):
        hosts[0].run("sh", "-c", "echo no such thing; exit 3")


def test_a_host_that_is_off_says_nothing() -> None:
    with Hosts(1) as hosts:
        pipe = subprocess.PIPE
        server = hosts[0].popen(sys.executable, "-c", ECHO, stdout=pipe)
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        waits = (
            "import socket, sys\n"
            "peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
            "print(flush=True)\n"
            "peer.recv(1)"
        )
        words = (sys.executable, "-c", waits, "host-0", port)
        with hosts.parent.popen(*words, stdout=pipe) as peer:
            assert peer.stdout is not None and peer.stdout.readline() == "\n"
            hosts[0].power_off()
            assert server.wait(5) == -signal.SIGKILL
            with pytest.raises(subprocess.TimeoutExpired):
                peer.wait(0.3)
            peer.kill()


def namespaces(pid: int) -> set[str]:
    return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "pid", "time")}


def in_use() -> set[str]:
    """Give the namespaces of all processes that can be looked at."""
    found = set()
    for pid in psutil.pids():
        try:
            found |= namespaces(pid)
        except OSError:
            continue
    return found


def alive(process: psutil.Process) -> bool:
    """Tell whether it runs, and does not only wait for process 1 to notice its end."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def devices() -> list[str]:
    return sorted(os.listdir("/sys/class/net"))


@pytest.mark.parametrize("wrong", [False, True], ids=["at the end", "after an exception"])
def test_nothing_is_left(wrong: bool) -> None:
    before = devices()
    fails = pytest.raises(ZeroDivisionError) if wrong else contextlib.nullcontext()
    with fails, Hosts(1) as hosts:
        made = namespaces(hosts[0].init.pid) - namespaces(os.getpid())
        assert len(made) == 3 and made <= in_use() and devices() == before
        hosts[0].popen("sleep", "60")
        hosts[0].delay(1)
        assert 1 / (not wrong)
    assert not made & in_use() and devices() == before


def test_nothing_is_left_by_a_test_that_is_killed() -> None:
    text = f"""
import sys
sys.path.insert(0, {SUPPORT!r})
from hosts import Hosts
hosts = Hosts(1)
hosts[0].popen("sleep", "60")
hosts[0].delay(1)
print(hosts[0].init.pid, hosts.server.init.pid, flush=True)
sys.stdin.read()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", text], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        pids = [int(each) for each in process.stdout.readline().split()]
        assert len(pids) == 2
        made = namespaces(pids[0]) | namespaces(pids[1])
        made -= namespaces(os.getpid())
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= 8 and len(made) >= 5
        process.kill()
    until(lambda: not made & in_use() and not any(map(alive, below)))
