"""`fastbench doctor`: what on this machine would bend a benchmark, and the command that mends it.

1. A check is a function of a Machine, or of one Second of it, and returns one Finding. It changes
   nothing and never raises: what cannot be read is a note.
2. Files are read under a root, so that tests can lay out a machine of their own.
3. "bad" bends the numbers of any run, or keeps one from starting; "note" may matter for some.
4. A remedy is a shell command of one line; where no command helps, it is a comment for the shell.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes
from fastbench.machine.limits import RESERVED_FILES
from fastbench.machine.machine_facts import SECOND_S, Machine, Second
from fastbench.machine.system_files import whole

Verdict = Literal["ok", "note", "bad"]

CONNECTIONS = 10_000  # the -c that files and ports are held against
TIME_WAIT_S = 60  # TCP_TIMEWAIT_LEN of the kernel, not to be set
MAX_PORT = 65_535
BACKLOG = 4096  # the kernel's own somaxconn since 5.4
CLOCK_NS_BAD = 100.0  # through the vDSO it is some 25 ns, a system call takes 100 and more
STEAL_PERCENT_BAD = 1.0
BUSY_PERCENT_BAD = 10.0
MEMORY_BYTES_BAD = 256 << 20
MEMORY_PERCENT_NOTE = 10.0

_CLOCKSOURCE = "sys/devices/system/clocksource/clocksource0/"
_CGROUP_V1, _CGROUP_V2 = "sys/fs/cgroup/cpu", "sys/fs/cgroup"
_CPUS = "sys/devices/system/cpu/"
_NET = "proc/sys/net/"
_LIMIT = re.compile(r"^Max open files\s+(\w+)\s+(\w+)", re.M)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination. `mend` is "" where all is well or nothing can be done."""

    check: str
    verdict: Verdict
    found: str
    mend: str = ""


def examine(machine: Machine) -> list[Finding]:
    """Make every check. This takes a second and a little."""
    findings = [check(machine) for check in CHECKS]
    second = machine.second()
    return [*findings, steal(second), other_load(second)]


def open_files(machine: Machine) -> Finding:
    """Compare the hard limit: a run raises the soft one to it by itself, per worker."""
    name = "open files"
    limit = _LIMIT.search(machine.text("proc/self/limits"))
    hard = None if limit is None else whole(limit[2])
    if limit is None or hard is None:
        unlimited = limit is not None and limit[2] == "unlimited"
        return Finding(name, "ok", "no limit") if unlimited else _unseen(name)
    alone = CONNECTIONS + RESERVED_FILES
    if hard >= alone:
        return Finding(name, "ok", f"{hard:,} (hard limit); -c {CONNECTIONS} needs {alone:,}")
    workers = _workers(machine)
    each = math.ceil(CONNECTIONS / workers) + RESERVED_FILES
    among = f"with {workers} workers" if workers > 1 else "in one worker"
    found = f"{hard:,} (hard limit); -c {CONNECTIONS} needs {each:,} {among}"
    mend = "sudo prlimit --pid $$ --nofile=65536  # for good: nofile in limits.conf"
    return Finding(name, "note" if hard >= each else "bad", found, mend)


def ports(machine: Machine) -> Finding:
    """Count the local ports towards one address, and those that closed connections still hold."""
    name = "local ports"
    ends = _port_range(machine)
    if ends is None:
        return _unseen(name)
    size, waiting = ends[1] - ends[0] + 1, _waiting(machine)
    found = f"{size:,} ({ends[0]}-{ends[1]}), {waiting:,} in TIME_WAIT"
    if size < CONNECTIONS:
        mend = 'sudo sysctl -w net.ipv4.ip_local_port_range="10240 65535"'
        return Finding(name, "bad", f"{found}; -c {CONNECTIONS} needs more", mend)
    if size - waiting < CONNECTIONS:
        # Those of a server here hold none of these ports, but the count does not tell them apart.
        mend = f"sleep {TIME_WAIT_S}  # they are gone then"
        return Finding(name, "note", f"{found}; -c {CONNECTIONS} may not fit", mend)
    return Finding(name, "ok", found)


def port_reuse(machine: Machine) -> Finding:
    """Say how many new connections a second last, where this side is the first to close."""
    name = "port reuse"
    ends = _port_range(machine)
    reuse = machine.number(_NET + "ipv4/tcp_tw_reuse")
    if ends is None or reuse is None:
        return _unseen(name)
    slow = f"{(ends[1] - ends[0] + 1) // TIME_WAIT_S:,} new connections/s per address"
    if reuse == 0:
        mend = "sudo sysctl -w net.ipv4.tcp_tw_reuse=1"
        return Finding(name, "note", f"off: {slow} (TIME_WAIT {TIME_WAIT_S}s)", mend)
    found = "on, after 1s of TIME_WAIT" if reuse == 1 else f"on loopback; elsewhere {slow}"
    return Finding(name, "ok", found)


def accept_queue(machine: Machine) -> Finding:
    """Look at what caps the queue of a server on this machine."""
    name, path = "accept queue", _NET + "core/somaxconn"
    most = machine.number(path)
    if most is None:
        return _unseen(name)
    found = f"{most:,} (somaxconn), for a server on this machine"
    if most >= BACKLOG:
        return Finding(name, "ok", found)
    found = f"{most:,} (somaxconn): beyond it a connect waits 1s to retry"
    return Finding(name, "note", found, f"sudo sysctl -w net.core.somaxconn={BACKLOG}")


def syn_queue(machine: Machine) -> Finding:
    """Look at the queue of half-open connections; with SYN cookies on it turns nobody away."""
    name = "syn queue"
    most = machine.number(_NET + "ipv4/tcp_max_syn_backlog")
    if most is None:
        return _unseen(name)
    found = f"{most:,} (tcp_max_syn_backlog)"
    if machine.number(_NET + "ipv4/tcp_syncookies"):
        return Finding(name, "ok", f"{found}; no limit with SYN cookies on")
    if most >= BACKLOG:
        return Finding(name, "ok", found)
    mend = f"sudo sysctl -w net.ipv4.tcp_max_syn_backlog={BACKLOG}"
    return Finding(name, "note", f"{found}, and SYN cookies are off", mend)


def clock(machine: Machine) -> Finding:
    """Time the clock: it is read twice per request, and a system call each time is dear."""
    source = machine.text(_CLOCKSOURCE + "current_clocksource") or "source not visible"
    others = machine.text(_CLOCKSOURCE + "available_clocksource").split()
    cost_ns = machine.clock_ns()
    found = f"{printable(source)}, {cost_ns:.0f}ns per reading"
    if cost_ns <= CLOCK_NS_BAD:
        return Finding("clock", "ok", found)
    mend = "# the kernel has no faster one to offer here"
    if "tsc" in others and source != "tsc":
        # Shorter with a wildcard: this is to be read, and copied, in 80 columns.
        mend = "echo tsc | sudo tee /sys/devices/system/clocksource/*/current_clocksource"
    return Finding("clock", "bad", f"{found}: a system call each time (no vDSO)", mend)


def governor(machine: Machine) -> Finding:
    """Look for a processor that saves power: its frequency follows the load with a delay."""
    name = "cpu governor"
    folders = machine.folders(_CPUS + "cpu[0-9]*/cpufreq/scaling_governor")
    kinds = Counter(filter(None, (machine.text(f"{at}/scaling_governor") for at in folders)))
    if not kinds:
        return Finding(name, "note", "not visible (a virtual machine?)")
    found = ", ".join(f"{printable(kind)} on {_cores(n)}" for kind, n in kinds.most_common())
    if set(kinds) == {"performance"}:
        return Finding(name, "ok", found)
    # With intel_pstate and amd-pstate-epp powersave is the usual one and reaches full speed.
    drivers = {machine.text(f"{at}/scaling_driver") for at in folders}
    slowest = "powersave" in kinds and not any("pstate" in driver for driver in drivers)
    mend = "sudo cpupower frequency-set -g performance"
    return Finding(name, "bad" if slowest else "note", found, mend)


def smt(machine: Machine) -> Finding:
    """Look whether two processors may be one core."""
    active = machine.number(_CPUS + "smt/active")
    if active is None:
        return _unseen("smt")
    if not active:
        guest = re.search(r"^flags\s*:.*\bhypervisor\b", machine.text("proc/cpuinfo"), re.M)
        how = "as far as this virtual machine can see" if guest else "each processor is a core"
        return Finding("smt", "ok", f"off, {how}")
    mend = "echo off | sudo tee /sys/devices/system/cpu/smt/control"
    return Finding("smt", "note", "on: client and server may share a core", mend)


def cores(machine: Machine) -> Finding:
    """Compare the processors this process may run on with those there are."""
    usable, online = _affinity(machine), _listed(machine.text(_CPUS + "online"))
    if not usable or not online:
        return _unseen("cores")
    if usable >= online:
        return Finding("cores", "ok", f"{usable} of {online}")
    mend = f"taskset -pc {printable(machine.text(_CPUS + 'online'))} $$"
    return Finding("cores", "note", f"{usable} of {online}, by affinity", mend)


def cpu_quota(machine: Machine) -> Finding:
    """Look for a cgroup's quota: who has used it up stands still for the rest of its period."""
    quotas = _quotas(machine)
    if not quotas:
        seen = machine.text("proc/self/cgroup")
        return Finding("cpu quota", "ok", "none" if seen else "none visible")
    allowed, folder = min(quotas)
    stat = machine.table(f"{folder}/cpu.stat")
    throttled, periods = stat.get("nr_throttled", 0), stat.get("nr_periods", 0)
    found = f"{allowed:g} cores; throttled in {throttled:,} of {periods:,} periods"
    mend = f"echo max | sudo tee /{folder}/cpu.max"
    if not machine.text(f"{folder}/cpu.max"):
        mend = f"echo -1 | sudo tee /{folder}/cpu.cfs_quota_us"
    if folder in (_CGROUP_V1, _CGROUP_V2):  # the real root has none: a container
        mend = "docker update --cpu-quota=-1 CONTAINER  # on its host"
    return Finding("cpu quota", "bad" if throttled else "note", found, printable(mend))


def load_average(machine: Machine) -> Finding:
    """Look at the minute before: a build or a run that has only just ended shows here."""
    name = "load average"
    words = machine.text("proc/loadavg").split()[:3]
    online = _listed(machine.text(_CPUS + "online")) or 1
    try:
        minute = float(words[0])
    except (IndexError, ValueError):
        return _unseen(name)
    found = f"{' '.join(map(printable, words))} on {_cores(online)}"
    if minute <= online / 2:
        return Finding(name, "ok", found)
    return Finding(name, "note", found, "sleep 60; fastbench doctor  # is it going down?")


def memory(machine: Machine) -> Finding:
    """Look at what may be had without swapping."""
    table = machine.table("proc/meminfo")
    free, size = (table.get(name, 0) * 1024 for name in ("MemAvailable", "MemTotal"))
    if not size or "MemAvailable" not in table:
        return _unseen("memory")
    found = f"{format_bytes(free)} of {format_bytes(size)} available"
    mend = "ps -eo rss,pid,comm --sort=-rss | head  # shows who holds it, in KiB"
    if free < MEMORY_BYTES_BAD:
        return Finding("memory", "bad", found, mend)
    if free < size * MEMORY_PERCENT_NOTE / 100:
        return Finding("memory", "note", found, mend)
    return Finding("memory", "ok", found)


def swap(machine: Machine) -> Finding:
    """Look for pages that have to be read back from a disk first."""
    table = machine.table("proc/meminfo")
    if "SwapTotal" not in table:
        return _unseen("swap")
    size, free = (table.get(name, 0) * 1024 for name in ("SwapTotal", "SwapFree"))
    if free >= size:
        return Finding("swap", "ok", f"none of {format_bytes(size)} in use" if size else "none")
    found = f"{format_bytes(size - free)} of {format_bytes(size)} in use"
    fits = table.get("MemAvailable", 0) * 1024 - MEMORY_BYTES_BAD > size - free
    mend = "sudo swapoff -a && sudo swapon -a" if fits else "# free memory first, see above"
    return Finding("swap", "note", found, mend)


def kernel(machine: Machine) -> Finding:
    """Look whether the kernel has the calls the engine would like to make."""
    release = machine.text("proc/sys/kernel/osrelease")
    version = re.match(r"(\d+)\.(\d+)", release)
    if version is None:
        return _unseen("kernel")
    at = (whole(version[1]) or 0, whole(version[2]) or 0)
    found, newer = printable(release), "# boot a kernel from 5.14 on"
    if at < (5, 11):
        found += ": waits are whole ms (no epoll_pwait2)"
        return Finding("kernel", "note", found, newer)
    if at < (5, 14):
        found += ": memory is not made sure of (no MADV_POPULATE_WRITE)"
        return Finding("kernel", "note", found, newer)
    return Finding("kernel", "ok", found)


def steal(second: Second) -> Finding:
    """Judge what the hypervisor took."""
    percent = second.steal_percent
    if percent is None:
        return _unseen("steal")
    found = f"{percent:.1f}% over {SECOND_S:.0f}s"
    if percent <= STEAL_PERCENT_BAD:
        return Finding("steal", "ok", found)
    mend = "# another hour, or a machine of your own"
    return Finding("steal", "bad", f"{found}: other guests run on these cores", mend)


def other_load(second: Second) -> Finding:
    """Judge what runs here already."""
    percent = second.busy_percent
    if percent is None:
        return _unseen("other load")
    found = f"{percent:.1f}% of all cores over {SECOND_S:.0f}s"
    if percent <= BUSY_PERCENT_BAD:
        return Finding("other load", "ok", found)
    names = ", ".join(f"{name} ({pid}) {used:.0f}%" for used, pid, name in second.busiest)
    pids = ",".join(str(pid) for _, pid, _ in second.busiest)
    mend = f"top -p {pids}  # end what the run does not need" if pids else "top"
    return Finding("other load", "bad", f"{found}: {names or 'no process to be seen'}", mend)


def _unseen(check: str) -> Finding:
    return Finding(check, "note", "not visible")


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count:,} cores"


def _port_range(machine: Machine) -> tuple[int, int] | None:
    ends = machine.numbers(_NET + "ipv4/ip_local_port_range")
    low, high = ends if len(ends) == 2 else (0, 0)
    return (low, high) if 0 < low <= high <= MAX_PORT else None


def _waiting(machine: Machine) -> int:
    found = re.search(r"^TCP:.* tw (\d+)", machine.text("proc/net/sockstat"), re.M)
    return (whole(found[1]) or 0) if found else 0


def _listed(text: str) -> int:
    """Count the processors of a list such as 0-3,8."""
    ranges = re.findall(r"(\d+)(?:-(\d+))?", text)
    ends = [(whole(first), whole(last or first)) for first, last in ranges]
    return sum(last - first + 1 for first, last in ends if first is not None and last is not None)


def _affinity(machine: Machine) -> int:
    status = machine.text("proc/self/status")
    found = re.search(r"^Cpus_allowed_list:\s*(\S+)", status, re.M)
    return _listed(found[1]) if found else 0


def _workers(machine: Machine) -> int:
    """Count the workers a run would have by default."""
    quotas = [math.ceil(allowed) for allowed, _ in _quotas(machine)]
    return max(1, min([_affinity(machine), *quotas]))


def _quotas(machine: Machine) -> list[tuple[float, str]]:
    """Return the quotas in cores of the cgroups this process is in, each with its folder."""
    found: list[tuple[float, str]] = []
    for folder in _cgroups(machine):
        words = machine.text(f"{folder}/cpu.max").split()
        if not words:  # version 1
            words = [machine.text(f"{folder}/cpu.cfs_{part}_us") for part in ("quota", "period")]
        limit, period, *_ = *map(whole, words), None, None
        if limit and period:
            found.append((limit / period, folder))
    return found


def _cgroups(machine: Machine) -> Iterator[str]:
    """Give the folders of the CPU controller, version 2 and 1, from ours up to the root."""
    for line in machine.text("proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = Path(_CGROUP_V1 if controllers else _CGROUP_V2)
        inside = Path(path.strip("/"))
        yield from (str(top / part) for part in (inside, *inside.parents))


CHECKS: tuple[Callable[[Machine], Finding], ...] = (
    *(open_files, ports, port_reuse, accept_queue, syn_queue),
    *(clock, governor, smt, cores, cpu_quota),
    *(load_average, memory, swap, kernel),
)
