"""A machine that hides itself: files of the kernel that are missing, empty, forbidden or damaged.

Which files are read is found out by watching, so that a new reader is under test at once.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import samples
from commandline import LIMIT_S, valid, validator
from running import SLOW
from servers import Server, answering

from fastbench.cli.commands import doctor
from fastbench.cli.output import delivery, formats
from fastbench.experiments.trials import trial_servers
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import environment, host, limits, processes
from fastbench.machine.doctor_checks import examine
from fastbench.machine.machine_facts import Machine, cpu_seconds
from fastbench.machine.monitor import Monitor
from fastbench.plan.plan import Watch
from fastbench.report.text import text_report as report_text
from fastbench.results.result import Result

KERNELS = ("/proc", "/sys", "/etc/os-release", "/boot/")
Damage = Callable[[str, bytes], bytes]


def lines(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path, data: b"".join(change(line) for line in data.splitlines(keepends=True))


def missing(path: str, data: bytes) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", path)


def forbidden(path: str, data: bytes) -> bytes:
    raise PermissionError(13, "Permission denied", path)


def huge(path: str, data: bytes) -> bytes:
    """Numbers that Python does not read; in few lines, and not of processes that others have."""
    found = re.match(r"/proc/(\d+)/", path)
    if found and int(found[1]) not in (os.getpid(), os.getppid(), 1):
        return data
    few = data.splitlines(keepends=True)[:50]
    return re.sub(rb"\d+", b"9" * 5000, b"".join(few))


DAMAGES: dict[str, Damage] = {
    "missing": missing,
    "forbidden": forbidden,
    "empty": lambda path, data: b"",
    "blank": lambda path, data: b"\n \n\t\n",
    "bytes": lambda path, data: bytes(range(256)) * 4,
    "cut": lambda path, data: data[: len(data) // 2],
    "one word": lines(lambda line: line[: max(0, line.find(b" "))] + b"\n"),
    "huge": huge,
    "large": lines(lambda line: re.sub(rb"\d+", b"99999999999999999999", line)),
    "negative": lines(lambda line: re.sub(rb"\d+", b"-7", line)),
    "no numbers": lines(lambda line: re.sub(rb"\d+", b"nan", line)),
    "twice": lambda path, data: data + data,
    "zero": lines(lambda line: re.sub(rb"\d+", b"0", line)),
}
ALONE = ("one word", "cut", "huge")


class Kernel:
    """Stands before the files of the kernel: notes who is asked for, and damages some of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.damage: Damage | None = None
        self.only: str | None = None  # else all of them
        self.asked: set[str] = set()
        self._open, self._list, self._link = builtins.open, os.listdir, os.readlink
        patch.setattr(builtins, "open", self.open)
        patch.setattr(os, "listdir", self.listdir)
        patch.setattr(os, "readlink", self.readlink)

    def open(self, file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        path = str(file)
        if not self._is_asked(path):
            return self._open(file, mode, *args, **named)
        with self._open(path, "rb") as opened:
            data = opened.read()
        assert self.damage is not None
        found = io.BytesIO(self.damage(path, data))
        if "b" in mode:
            return found
        names = {key: named[key] for key in ("encoding", "errors") if key in named}
        return io.TextIOWrapper(found, **names)

    def listdir(self, path: Any = ".") -> list[str]:
        found = self._list(path)
        if not self._is_asked(str(path)):
            return found
        assert self.damage is not None
        return self.damage(str(path), "\n".join(found).encode()).decode("latin-1").split("\n")

    def readlink(self, path: Any, **named: Any) -> str:
        found = str(self._link(path, **named))
        if not self._is_asked(str(path)):
            return found
        assert self.damage is not None
        return self.damage(str(path), found.encode()).decode("latin-1")

    def _is_asked(self, path: str) -> bool:
        if not path.startswith(KERNELS):
            return False
        path = normal(path)
        self.asked.add(path)
        return self.damage is not None and self.only in (None, path)


def normal(path: str) -> str:
    """Return a path without the numbers of processes, tasks and files."""
    return re.sub(r"/\d+(?=/|$)", "/N", path)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


@cache
def sample() -> Result:
    return samples.good()


def read_all(server: Server) -> Result:
    """Read all that is read of a machine."""
    found = processes.find("127.0.0.1", server.port, None)
    processes.find("::1", server.port, None)
    processes.find("", 0, "/run/none")
    for watch in (Watch("cmd", "python"), Watch("pid", "1"), Watch("port", str(server.port))):
        try:
            processes.find("192.0.2.1", 80, None, (watch,))
        except UsageError as error:
            assert re.search("not visible here|no process|no visible process", str(error))
    processes.children(os.getpid())
    processes.thread_times(os.getpid())
    monitor = Monitor([os.getppid()], found, host.rare())
    monitor.start()
    use = monitor.sample()
    result = replace(
        sample(),
        environment=environment.describe(),
        resources=monitor.resources(0.1, 10, 1.0),
        series=tuple(replace(row, use=use) for row in sample().series),
    )
    assert limits.usable_cores() >= 1
    assert 0 < trial_servers.free_port() < 65536
    machine = Machine(pause=lambda length_s: None, clock_ns=lambda: 25.0, used_s=cpu_seconds)
    assert doctor.render(examine(machine), color=False, width=80)
    return result


def written(result: Result) -> None:
    """Every form can be written, and the document is read as it was."""
    document = json.loads(delivery.as_json(result.to_document()))
    validator().validate(document)
    assert Result.from_document(document).resources == result.resources
    for form in formats.FILES:
        assert formats.rendered(form, result, None) is not None
    assert report_text.render(result, color=False, width=100, unicode=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def test_what_is_read_is_known(kernel: Kernel, server: Server) -> None:
    read_all(server)
    least = ("/proc/stat", "/proc/meminfo", "/proc/net/tcp", "/proc/N/stat", "/proc/self/cgroup")
    assert set(least) <= kernel.asked


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGES)
def test_no_file_of_the_kernel_is_needed(how: str, kernel: Kernel, server: Server) -> None:
    """First all of them are damaged at once; then one after the other, which leads further in.

    Every day each of them is damaged in one of three ways, under FASTBENCH_SLOW=1 in each.
    """
    read_all(server)
    paths, kernel.damage = sorted(kernel.asked), DAMAGES[how]
    written(read_all(server))
    if how in ALONE:
        for kernel.only in paths if SLOW else paths[ALONE.index(how) :: len(ALONE)]:
            read_all(server)


def test_what_is_not_visible_is_null_and_said(kernel: Kernel, server: Server) -> None:
    kernel.damage = missing
    result = read_all(server)
    seen = result.resources
    assert seen.host is not None and seen.client is not None
    assert (seen.host.cpu_percent, seen.host.memory_bytes, seen.host.throttled_s) == (None,) * 3
    assert (seen.host.net_in_bytes, seen.host.retransmits) == (None, None)
    assert (seen.client.cpu_percent, seen.client.rss_bytes_max) == (None, None)
    shown = report_text.render(result, color=False, width=100, unicode=True)
    assert "Client    cpu not visible, memory not visible" in shown
    assert "Host      cpu not visible, memory not visible" in shown
    for form in ("html", "md"):
        assert b"not visible" in formats.rendered(form, result, None)


def test_files_of_somebody_else_are_not_visible(kernel: Kernel, server: Server) -> None:
    kernel.damage, kernel.only = forbidden, "/proc/N/fd"
    assert processes.find("127.0.0.1", server.port, None).targets == ()


MASKS = {
    "no /proc": "mount -t tmpfs none /proc",
    "processes alone": "mount -t proc -o subset=pid none /proc",
    "neither /proc nor /sys": "mount -t tmpfs none /sys && mount -t tmpfs none /proc",
}
INSIDE = """
set -e
{mask}
fb="{python} -m fastbench"
$fb --version
$fb -d 0.1s -c2 --json {folder}/run.json {url}
$fb run -t1 --json {folder}/script.json {folder}/script.py
$fb doctor --json > {folder}/doctor.json
"""
SCRIPT = """
from fastbench import *
options = Options(base_url="{url}")
@scenario(executor="shared-iterations", vus=2, iterations=4)
async def go(vu):
    await vu.get("/")
"""


def may_mask() -> bool:
    if shutil.which("unshare") is None or os.geteuid() != 0:
        return False
    command = ["unshare", "-m", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/proc"]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize("mask", MASKS)
def test_a_run_under_a_mask_has_its_result(mask: str, server: Server, tmp_path: Path) -> None:
    if not may_mask():
        pytest.skip("needs root, unshare and mounts")
    (tmp_path / "script.py").write_text(SCRIPT.format(url=server.url()))
    text = INSIDE.format(mask=MASKS[mask], python=sys.executable, folder=tmp_path, url=server.url())
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", text],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    run, script, checks = (
        json.loads((tmp_path / f"{name}.json").read_bytes()) for name in ("run", "script", "doctor")
    )
    for document in (run, script):
        valid(document)
        assert document["resources"]["host"]["cpu_percent"] is None
    assert run["summary"]["ok"] > 0 and script["summary"]["ok"] == 4
    assert any(row["found"] == "not visible" for row in checks)
