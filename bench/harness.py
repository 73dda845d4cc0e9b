"""Shared pieces of the benchmarks: programs, servers, pinned runs, medians, the environment.

1. Server and client are pinned to different cores with taskset, so that they do not share a cache
   or a scheduler queue more than the work makes them.
2. CPU is the rusage that wait4(2) gives for the launched process: it and every descendant that
   was waited for, start-up included.
3. Loopback only. Every run is bounded in time and ends with the harness (setpriv --pdeathsig).
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
SCHEMA = "fastbench.bench/1"
ANSWER_BYTES = 127
LARGE_BYTES = 256 << 10
GRACE_S = 30.0
READY_S = 10.0
TICKS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class BenchError(Exception):
    """Carry one sentence: what kept a benchmark from running."""


def exit_code(measure: Callable[[], bool]) -> int:
    """Measure; return 0 when every target is reached, 1 when not, or when it cannot be measured."""
    try:
        return 0 if measure() else 1
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of a run, as taskset wants them."""

    server: str
    client: str

    @property
    def both(self) -> str:
        return f"{self.server},{self.client}"


@dataclass(frozen=True, slots=True)
class Done:
    """A process that ended: what it printed, how long it took, the CPU of its whole tree."""

    output: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A median between its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value; quartiles are inclusive (R type 7)."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def document(self) -> dict[str, float]:
        """Give the spread as it stands in a results file."""
        names = {"median": self.median, "q1": self.low, "q3": self.high}
        return {name: round(value, 4) for name, value in names.items()}


def pick_cores() -> Cores:
    """Choose one core for the server and one for the client, not two threads of one core."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise BenchError("two cores are needed: one for the server, one for the client")
    first = usable[0]
    siblings = Path(f"/sys/devices/system/cpu/cpu{first}/topology/thread_siblings_list")
    shared = _core_list(siblings.read_text()) if siblings.exists() else {first}
    apart = [core for core in usable[1:] if core not in shared]
    return Cores(str(first), str((apart or usable[1:])[0]))


def _core_list(text: str) -> set[int]:
    """Read the kernel's list form: "0-2,8"."""
    cores: set[int] = set()
    for part in text.strip().split(","):
        low, _, high = part.partition("-")
        cores.update(range(int(low), int(high or low) + 1))
    return cores


def raise_files_limit() -> None:
    """Let this process and its children open as many files as the hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def compile_c(name: str, folder: Path, *libraries: str) -> Path:
    """Compile bench/NAME.c into the folder, with these libraries; returns the program."""
    program = folder / name
    source = ROOT / "bench" / f"{name}.c"
    words: list[str | Path] = ["-std=c11", "-O2", "-Wall", "-Wextra", "-o", program, source]
    subprocess.run(["gcc", *words, *(f"-l{each}" for each in libraries)], check=True)
    return program


def need(*programs: str) -> None:
    """Raise BenchError unless every program is on the path."""
    missing = [each for each in programs if shutil.which(each, path=_path()) is None]
    if missing:
        raise BenchError(f"missing: {' '.join(missing)}; `make test-deps` as root installs them")


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _environment_of_children() -> dict[str, str]:
    """Give what a user's shell has: modules are compiled once, as pip does when it installs."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PATH": _path()}


_measured: list[Path] = []  # the checkout that is measured, where it is not this one


def use(checkout: Path) -> None:
    """Measure the fastbench of this checkout from now on."""
    _measured[:] = [] if checkout == ROOT else [checkout / ".venv" / "bin" / "fastbench"]


def fastbench_command() -> list[str]:
    """Give the command a user types, from the environment that runs this script."""
    script = _measured[0] if _measured else Path(sys.executable).with_name("fastbench")
    return [str(script)] if script.exists() else [sys.executable, "-m", "fastbench"]


def pinned(argv: Sequence[str | Path], cores: str) -> list[str]:
    """Prefix a command so that it runs on these cores and dies with this process."""
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", cores, *map(str, argv)]


def run(argv: Sequence[str | Path], cores: str, limit_s: float) -> Done:
    """Run a command to its end; killed and refused after limit_s seconds and a grace."""
    start_s = time.perf_counter()
    process = subprocess.Popen(
        pinned(argv, cores),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=_environment_of_children(),
    )
    assert process.stdout is not None
    watchdog = threading.Timer(limit_s + GRACE_S, process.kill)
    watchdog.start()
    try:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start_s
    finally:
        watchdog.cancel()
        process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = output.strip()[-500:]
        raise BenchError(f"{argv[0]} ended with {process.returncode}: {tail}")
    return Done(output, wall_s, usage.ru_utime + usage.ru_stime)


@contextlib.contextmanager
def background(argv: Sequence[str | Path], cores: str) -> Iterator[subprocess.Popen[str]]:
    """Keep a process running while the block does; its stdout is a pipe."""
    process = subprocess.Popen(
        pinned(argv, cores),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=_environment_of_children(),
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def fixed_server(program: Path, cores: str, body: str | None = None) -> Iterator[str]:
    """Run bench/server.c; gives its URL. `body` is what it answers, 38 bytes of x by default."""
    text = [] if body is None else ["--text", body]
    with background([program, "--port", "0", *text], cores) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"


@contextlib.contextmanager
def nginx(
    folder: Path, cores: str, cafile: Path | None = None, http2: bool = False
) -> Iterator[str]:
    """Run one nginx worker in the foreground; gives its URL.

    Plain, it serves a file of LARGE_BYTES at /large. With `cafile` it speaks TLS under a throw-away
    CA written there, and / answers 38 bytes, as bench/server.c does; with `http2` it offers that.
    """
    port = free_port()
    tls = "" if cafile is None else _certificates(folder, cafile)
    (folder / "large").write_bytes(os.urandom(1024) * (LARGE_BYTES // 1024))
    config = folder / "nginx.conf"
    config.write_text(_nginx_config(folder, port, tls, "http2" if http2 else ""))
    with background(["nginx", "-p", folder, "-c", config, "-e", "stderr"], cores) as process:
        wait_until_listening(port, process)
        yield f"https://127.0.0.1:{port}/" if tls else f"http://127.0.0.1:{port}/large"


def _nginx_config(folder: Path, port: int, tls: str, http2: str) -> str:
    temporary = "\n".join(
        f"    {kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
{"user root;" if os.getuid() == 0 else ""}
worker_processes 1;
worker_rlimit_nofile 16384;
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
{temporary}
    server {{
        listen 127.0.0.1:{port} {"ssl" if tls else ""} {http2} backlog=16384;
        {tls}
        location = / {{ default_type text/plain; return 200 "{"x" * 38}"; }}
        location = /large {{ root {folder}; }}
    }}
}}
"""


def _certificates(folder: Path, cafile: Path) -> str:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(cafile)
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_and_cert_chain_pem.write_to_path(folder / "leaf.pem")
    return f"ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.pem;"


def free_port() -> int:
    """Give a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_listening(port: int, process: subprocess.Popen[str]) -> None:
    """Return when it accepts connections; BenchError when it ends, or takes long."""
    end_s = time.monotonic() + READY_S
    while time.monotonic() < end_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise BenchError(f"the server on port {port} did not start")


def steal_share(before: dict[str, int], after: dict[str, int]) -> float:
    """Give the share of CPU time that the hypervisor took between two `cpu_ticks()`."""
    total = sum(after.values()) - sum(before.values())
    return (after["steal"] - before["steal"]) / total if total else 0.0


def cpu_ticks() -> dict[str, int]:
    """Read the host's CPU time by kind: proc(5), /proc/stat."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return dict(zip(TICKS, map(int, fields), strict=False))


def environment() -> dict[str, object]:
    """Say where and when a number was taken."""
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": [round(each, 2) for each in os.getloadavg()],
        "commit": commit(ROOT),
        "versions": {
            "fastbench": first_line([*fastbench_command(), "--version"]),
            "wrk": first_line(["wrk", "-v"]),
            "ab": first_line(["ab", "-V"]),
            "h2load": first_line(["h2load", "--version"]),
            "nginx": first_line(["nginx", "-v"]),
            "gcc": first_line(["gcc", "--version"]),
            "openssl": first_line(["openssl", "version"]),
        },
    }


def commit(checkout: Path) -> str | None:
    """Name the commit of a checkout."""
    return first_line(["git", "-C", str(checkout), "describe", "--always", "--dirty"])


def first_line(argv: list[str]) -> str | None:
    with contextlib.suppress(OSError):
        done = subprocess.run(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=_environment_of_children(),
        )
        line = (done.stdout.splitlines() or [""])[0].strip()
        return re.sub(r" from /\S+", "", line)  # where it is installed is nobody's business
    return None


def kept_row(path: Path | None, name: str) -> dict[str, Any]:
    """Return a row that a file of results holds, empty when it has none."""
    rows = json.loads(path.read_text())["rows"] if path is not None and path.exists() else {}
    found: dict[str, Any] = rows.get(name, {})
    return found


def write_rows(path: Path, rows: dict[str, dict[str, object]]) -> None:
    """Write rows into a results file; rows it already holds and that were not taken anew stay."""
    kept: dict[str, dict[str, object]] = {}
    if path.exists():
        kept = json.loads(path.read_text()).get("rows", {})
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"schema": SCHEMA, "rows": {**kept, **rows}}
    path.write_text(json.dumps(document, indent=2) + "\n")
