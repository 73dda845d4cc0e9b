"""Who listens and who is watched, looked up among real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from listeners import listening

from fastbench.foundation.usage_error import UsageError
from fastbench.machine import processes
from fastbench.plan.plan import Watch


def pids(found: tuple[psutil.Process, ...]) -> list[int]:
    return [process.pid for process in found]


def vanished_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_shared_listener_is_named_by_its_eldest_holder() -> None:
    with listening() as server:
        found = processes.find("127.0.0.1", server.port, None)
        assert found.local
        assert pids(found.targets) == [server.pid]
        assert server.child in processes.children(server.pid)
    assert processes.find("127.0.0.1", server.port, None).targets == ()
    assert processes.children(server.pid) == []


def test_a_listener_on_all_addresses_is_found_by_any_of_them() -> None:
    rows = [row for rows in psutil.net_if_addrs().values() for row in rows]
    ours = {row.address for row in rows if row.family == socket.AF_INET} | {"0.0.0.0"}
    with listening("0.0.0.0") as server:
        for address in ours:
            found = processes.find(address, server.port, None)
            assert (found.local, pids(found.targets)) == (True, [server.pid]), address


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="no IPv6 here")
@pytest.mark.parametrize(
    ("bound", "asked"), [("::", "127.0.0.1"), ("::", "::1"), ("::1", "::1"), ("::", "::")]
)
def test_a_listener_of_version_6_is_found(bound: str, asked: str) -> None:
    with listening(bound, family="AF_INET6") as server:
        assert pids(processes.find(asked, server.port, None).targets) == [server.pid]


def test_several_listeners_of_one_port_are_all_found() -> None:
    with listening(port=0) as first, listening(port=first.port) as second:
        found = processes.find("127.0.0.1", first.port, None)
        assert pids(found.targets) == sorted([first.pid, second.pid])


def test_an_exact_address_comes_before_all_addresses() -> None:
    with listening(port=0) as exact, listening("0.0.0.0", port=exact.port):
        found = processes.find("127.0.0.1", exact.port, None)
        assert pids(found.targets) == [exact.pid]


def test_a_unix_socket_is_found_by_any_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "run it").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run it")
    path = str(tmp_path / "run it" / "app.sock")
    with listening(path, family="AF_UNIX") as server:
        for name in (path, str(tmp_path / "link" / "app.sock")):
            found = processes.find("", 0, name)
            assert (found.local, pids(found.targets)) == (True, [server.pid])
        assert processes.find("", 0, path + "2").targets == ()


def test_this_process_is_never_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as own:
        port = own.getsockname()[1]
        assert processes.find("127.0.0.1", port, None).targets == ()
        with pytest.raises(UsageError, match="no visible process"):
            processes.find("127.0.0.1", port, None, (Watch("port", str(port)),))


def test_an_address_elsewhere_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[int]:
        raise AssertionError("looked through all processes for an address elsewhere")

    monkeypatch.setattr(psutil, "pids", fail)
    assert processes.find("192.0.2.1", 80, None) == processes.Found(local=False)
    assert processes.find("2001:db8::1", 80, None) == processes.Found(local=False)


def test_what_others_run_is_not_seen_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    listdir = os.listdir

    def deny(path: str) -> list[str]:
        if str(path).endswith("/fd"):
            raise PermissionError(path)
        return listdir(path)

    with listening() as server:
        monkeypatch.setattr(os, "listdir", deny)
        found = processes.find("127.0.0.1", server.port, None)
    assert found == processes.Found(local=True)


def test_watches_name_processes_by_number_port_and_command(tmp_path: Path) -> None:
    program = tmp_path / "oddly-named"
    program.symlink_to(sys.executable)
    with listening() as target, listening("0.0.0.0", program=str(program)) as other:
        watches = [
            (Watch("pid", str(other.child)), [other.child]),
            (Watch("port", str(other.port)), [other.pid]),
            (Watch("cmd", "oddly-named"), [other.pid]),
            (Watch("port", str(target.port)), []),  # it is the target already
            (Watch("pid", str(target.child)), []),  # and so is this
        ]
        for watch, expected in watches:
            found = processes.find("127.0.0.1", target.port, None, (watch,))
            assert (pids(found.targets), pids(found.watched)) == ([target.pid], expected), watch
        all_of_them = tuple(watch for watch, _ in watches)
        found = processes.find("127.0.0.1", target.port, None, all_of_them)
        assert pids(found.watched) == [other.pid]


@pytest.mark.parametrize(
    "watch",
    [
        Watch("pid", "0"),
        Watch("pid", "9" * 5000),
        Watch("port", "0"),
        Watch("port", "99999"),
        Watch("port", "9" * 5000),
        Watch("cmd", "no-such-command"),
    ],
    ids=lambda watch: f"{watch.by}:{watch.value[:10]}",
)
def test_a_watch_that_names_nothing_is_refused(watch: Watch) -> None:
    with pytest.raises(UsageError, match=rf"^--watch {watch.by}:.*;") as refused:
        processes.find("192.0.2.1", 80, None, (watch,))
    assert len(str(refused.value)) < 300


def test_fastbench_does_not_watch_itself() -> None:
    with pytest.raises(UsageError, match=r"^--watch pid:.*;"):
        processes.find("192.0.2.1", 80, None, (Watch("pid", str(os.getpid())),))


def test_a_vanished_process_cannot_be_watched() -> None:
    with pytest.raises(UsageError, match="no process has this number"):
        processes.find("192.0.2.1", 80, None, (Watch("pid", str(vanished_pid())),))


def test_a_reading_says_what_psutil_says() -> None:
    with listening() as server:
        server.ask("burn", 0.05)
        read, known = processes.reading(server.child), psutil.Process(server.child)
        assert read is not None
        assert read.parent == server.pid
        assert read.threads == known.num_threads()
        assert read.rss_bytes == pytest.approx(known.memory_info().rss, rel=0.1)
        assert read.cpu_s == pytest.approx(sum(known.cpu_times()[:2]), abs=0.03)
        assert processes.open_files(server.child) == known.num_fds()
    assert processes.reading(vanished_pid()) is None
