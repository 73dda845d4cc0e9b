"""Hosts that are namespaces of this machine, joined by a bridge: networks for tests and benches.

    with Hosts(3, clock_ahead_s={1: 3600}) as hosts:
        hosts[0].run("ping", "-c", "1", hosts.server.address)
        hosts[2].delay(20)          # 20 ms each way
        hosts[2].link(up=False)     # the cable is pulled
        hosts[1].power_off()        # nothing of it is heard again

1. A host has a network, processes, a clock, a name and mounts of its own; its files are this
   machine's. `hosts.parent` and `hosts.server` are two more of the same kind. The bridge is in a
   network namespace of its own: in that of this machine nothing is changed, and nothing outside
   can be reached.
2. A host is held by its process 1 alone, which ends with the thread that made it, killed or not.
   With it end all processes of the host, and with these its namespaces: nothing is named, so
   nothing stale is left to be swept.
3. `popen` starts a program in a host. Its pid is what this machine calls it, so signals are sent
   as to any child.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import pytest

__all__ = ["Host", "Hosts", "missing"]

NETWORK = "10.77.0"
RUN_S = 30.0
END_S = 10.0
PROGRAMS = ("unshare", "ip", "tc", "mount")
PR_SET_PDEATHSIG = 1  # prctl(2)
NEWNS, NEWUTS, NEWPID, NEWNET, NEWTIME = 0x20000, 0x4000000, 0x20000000, 0x40000000, 0x80
# Process 1 is to wait for all that becomes its child: sh(1) does while it waits for its own.
INIT = 'hostname "$1" && mount --bind "$2" /etc/hosts || exit 1; sleep infinity & echo ready; wait'
_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str | None:
    """Return in one sentence why this machine cannot make hosts, None if it can."""
    if os.geteuid() != 0:
        return "hosts of namespaces need root"
    if absent := [each for each in PROGRAMS if shutil.which(each) is None]:
        return f"hosts of namespaces need {', '.join(absent)}: apt-get install iproute2 util-linux"
    words = ["unshare", "--net", "--pid", "--fork", "--uts", "--mount-proc", "--time"]
    words += ["ip", "link", "add", "one", "type", "bridge"]
    tried = subprocess.run(words, capture_output=True, text=True, timeout=RUN_S)
    if tried.returncode:
        return f"this machine makes no namespaces with a bridge: {tried.stderr.strip()}"
    return None


class Host:
    """One host; `number` is the last part of its address."""

    def __init__(self, number: int, name: str, ahead_s: int, names: Path) -> None:
        self.name, self.address, self.port = name, f"{NETWORK}.{number}", f"port{number}"
        words = ["unshare", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        words += ["--uts", "--time", f"--monotonic={ahead_s}", f"--boottime={ahead_s}"]
        self._keeper = _kept([*words, "sh", "-c", INIT, "sh", name, str(names)])
        (self.init,) = psutil.Process(self._keeper.pid).children()
        self._own = {self.init.pid, *(each.pid for each in self.init.children())}
        self._inside = os.pidfd_open(self.init.pid)
        self._started: list[subprocess.Popen[Any]] = []
        self._bridge: _Bridge | None = None

    def popen(self, *words: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start a program here, with the options of subprocess.Popen; it ends with the host."""
        before = os.open("/proc/self/ns/pid_for_children", os.O_RDONLY)
        try:
            _enter(self._inside, NEWPID)  # the next child is one of the host; this thread is not
            started = subprocess.Popen(words, text=True, preexec_fn=self._join, **options)
        finally:
            _enter(before, NEWPID)
            os.close(before)
        self._started.append(started)
        return started

    def run(self, *words: str | Path, check: bool = True, **options: Any) -> str:
        """Run a program here; return what it wrote, and fail if it failed."""
        with self.popen(
            *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        ) as process:
            out, _ = process.communicate(timeout=RUN_S)
        self._started.remove(process)
        assert not check or process.returncode == 0, f"{self.name}: {words}: {out}"
        return out

    def python(self, text: str, *words: str) -> str:
        """Run a program of Python here; return what it wrote."""
        return self.run(sys.executable, "-c", text, *words)

    def delay(self, sent_ms: float, received_ms: float | None = None) -> None:
        """Hold back what it sends, and what it receives for as long if nothing else is said."""
        assert self._bridge is not None
        self._bridge.delay(self, sent_ms, sent_ms if received_ms is None else received_ms)

    def link(self, *, up: bool) -> None:
        """Pull its cable, or put it back; delays stay."""
        assert self._bridge is not None
        self._bridge.run("ip", "link", "set", self.port, "up" if up else "down")

    def processes(self) -> dict[int, str]:
        """Give what runs here, by this machine's pids, but the host's own two processes."""
        found = {}
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if each.pid not in self._own and self._has(each):
                    found[each.pid] = " ".join(each.cmdline())
        return found

    def signal_all(self, number: int) -> None:
        """Signal everything that runs here: SIGSTOP is a machine that hangs."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def power_off(self) -> None:
        """End it at once, so that nobody is told: no socket of it says goodbye."""
        self.link(up=False)
        self._end()

    def close(self) -> None:
        """End all that runs here and wait for it."""
        self._end()
        os.close(self._inside)
        for each in (self._keeper, *self._started):
            for stream in (each.stdin, each.stdout, each.stderr):
                with contextlib.suppress(OSError):  # what it was never told
                    if stream is not None:
                        stream.close()

    def _end(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self.init.kill()
        for each in self._started:  # the kernel keeps process 1 until we have waited for these
            each.wait(END_S)
        self._keeper.wait(END_S)

    def joined(self, bridge: _Bridge) -> None:
        """Have an address, and an end at the bridge."""
        self._bridge = bridge
        bridge.add(self)
        lines = f"link set lo up\naddr add {self.address}/24 dev eth0\nlink set eth0 up\n"
        with self.popen("ip", "-batch", "-", stdin=subprocess.PIPE) as process:
            process.communicate(lines, timeout=RUN_S)
        self._started.remove(process)
        assert process.returncode == 0

    def _join(self) -> None:
        _enter(self._inside, NEWNS | NEWUTS | NEWNET | NEWTIME)

    def _has(self, process: psutil.Process) -> bool:
        ours = os.readlink(f"/proc/{self.init.pid}/ns/pid")
        there = os.readlink(f"/proc/{process.pid}/ns/pid")
        return there == ours and process.status() != psutil.STATUS_ZOMBIE


class _Bridge:
    """The network between the hosts, in a namespace that holds nothing else."""

    def __init__(self) -> None:
        self._keeper = _kept(["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"])
        self._inside = os.pidfd_open(self._keeper.pid)
        self._wires: dict[str, subprocess.Popen[str]] = {}
        self.run("ip", "link", "add", "bridge", "type", "bridge")
        self.run("ip", "link", "set", "bridge", "up")

    def run(self, *words: str) -> None:
        """Run a program in the namespace of the bridge."""
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=RUN_S, preexec_fn=self._join
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def add(self, host: Host) -> None:
        """Join a host by a cable of its own."""
        end = ("peer", "name", "eth0", "netns", str(host.init.pid))
        self.run("ip", "link", "add", host.port, "type", "veth", *end)
        self.run("ip", "link", "set", host.port, "master", "bridge", "up")

    def delay(self, host: Host, sent_ms: float, received_ms: float) -> None:
        """Hold back what goes over a cable: netem, or where the kernel has none, a process."""
        try:
            self.run("tc", *_netem(host.port, received_ms))
        except AssertionError as refused:
            if "qdisc kind is unknown" not in str(refused):
                raise
            self._by_wire(host, sent_ms, received_ms)
        else:
            host.run("tc", *_netem("eth0", sent_ms))

    def _by_wire(self, host: Host, sent_ms: float, received_ms: float) -> None:
        if (before := self._wires.pop(host.port, None)) is not None:
            self._cut(before)
        if not sent_ms and not received_ms:
            self.run("ip", "link", "set", host.port, "master", "bridge")
            return
        # A frame is to be one that a wire would carry: of an MTU, with its checksums.
        host.python(_SEND_WHOLE_FRAMES)
        self.run("ip", "link", "set", host.port, "nomaster")
        words = [sys.executable, str(Path(__file__).with_name("delayed_wire.py"))]
        words += [host.port, f"tap-{host.port}", str(sent_ms), str(received_ms)]
        self._wires[host.port] = _kept(words, self._join)
        self.run("ip", "link", "set", f"tap-{host.port}", "master", "bridge", "up")

    def _cut(self, wire: subprocess.Popen[str]) -> None:
        wire.kill()
        wire.communicate()

    def _join(self) -> None:
        _enter(self._inside, NEWNET)

    def close(self) -> None:
        """End it, and so the network."""
        for wire in self._wires.values():
            self._cut(wire)
        self._keeper.kill()
        self._keeper.communicate()
        os.close(self._inside)


class Hosts:
    """So many hosts, a parent and a server; without the means to make them, the test is skipped.

    `clock_ahead_s` says by the number of a host how far CLOCK_MONOTONIC and CLOCK_BOOTTIME of it
    are ahead of this machine's.
    """

    def __init__(self, count: int, *, clock_ahead_s: Mapping[int, int] | None = None) -> None:
        if reason := missing():
            pytest.skip(reason)
        self.clock_ahead_s = ahead = clock_ahead_s or {}
        self._ends = contextlib.ExitStack()
        with tempfile.NamedTemporaryFile("w") as names, contextlib.ExitStack() as ends:
            names.write(_addresses(count))
            names.flush()  # it need not be there for longer than it takes to mount it
            bridge = _Bridge()
            ends.callback(bridge.close)
            self.all: list[Host] = []
            for number, name in enumerate(_names(count)):
                host = Host(number + 1, name, ahead.get(number, 0), Path(names.name))
                ends.callback(host.close)
                host.joined(bridge)
                self.all.append(host)
            self._ends = ends.pop_all()
        *self._hosts, self.parent, self.server = self.all

    def __getitem__(self, number: int) -> Host:
        return self._hosts[number]

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts)

    def __enter__(self) -> Hosts:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.close()


# ETHTOOL_STXCSUM, _SGSO, _STSO and _SSG of ethtool(8), for which no package need be installed.
_SEND_WHOLE_FRAMES = """
import ctypes, fcntl, socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any:
    for command in (0x1F, 0x24, 0x17, 0x19):
        value = ctypes.create_string_buffer(struct.pack("II", command, 0))
        fcntl.ioctl(any, 0x8946, struct.pack("16sQ16x", b"eth0", ctypes.addressof(value)))
"""


def _names(count: int) -> list[str]:
    return [*(f"host-{number}" for number in range(count)), "parent", "server"]


def _addresses(count: int) -> str:
    """Write the /etc/hosts of all of them."""
    rows = [f"{NETWORK}.{number} {name}" for number, name in enumerate(_names(count), 1)]
    return "".join(f"{row}\n" for row in ("127.0.0.1 localhost", "::1 localhost", *rows))


def _netem(device: str, delay_ms: float) -> list[str]:
    # Without a limit that is large, what is on its way at 20 ms would be dropped.
    how = ["netem", "delay", f"{delay_ms}ms", "limit", "100000"]
    return ["qdisc", "replace", "dev", device, "root", *how]


def _kept(words: list[str], join: Any = None) -> subprocess.Popen[str]:
    """Start what ends with this thread; it has said that it is ready."""

    def begin() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if join is not None:
            join()

    pipe = subprocess.PIPE
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, preexec_fn=begin
    )
    assert process.stdout is not None and process.stderr is not None
    if process.stdout.readline() != "ready\n":
        process.kill()
        raise AssertionError(f"{words}: {process.communicate()[1]}")
    return process


def _enter(descriptor: int, what: int) -> None:
    if _libc.setns(descriptor, what):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
