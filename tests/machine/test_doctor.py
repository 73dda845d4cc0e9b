"""`fastbench doctor` on machines laid out as files: every verdict of every check, and its page."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from commandline import Shown, at_once, invoke, table_at_once
from terminal import in_terminal

from fastbench.cli import main
from fastbench.cli.commands import doctor as command
from fastbench.machine.doctor_checks import Finding, examine
from fastbench.machine.machine_facts import Machine, cpu_seconds, reading_ns

NET = "proc/sys/net/"
CPUS = "sys/devices/system/cpu/"
CLOCKS = "sys/devices/system/clocksource/clocksource0/"
CHECKS = (
    *("open files", "local ports", "port reuse", "accept queue", "syn queue"),
    *("clock", "cpu governor", "smt", "cores", "cpu quota"),
    *("load average", "memory", "swap", "kernel", "steal", "other load"),
)


def limits(hard: str) -> str:
    return (
        "Limit                     Soft Limit           Hard Limit           Units\n"
        f"Max open files            1024                 {hard:<20} files\n"
        "Max locked memory         8388608              8388608              bytes\n"
    )


def meminfo(available_kb: int, swap_kb: int = 0, swap_free_kb: int = 0) -> str:
    return (
        f"MemTotal:       16000000 kB\nMemAvailable:   {available_kb} kB\n"
        f"SwapTotal:      {swap_kb} kB\nSwapFree:       {swap_free_kb} kB\n"
    )


def status(cpus: str) -> str:
    return f"Name:\tpython\nCpus_allowed:\tf\nCpus_allowed_list:\t{cpus}\n"


def governors(kinds: str, driver: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for at, kind in enumerate(kinds.split()):
        found[f"{CPUS}cpu{at}/cpufreq/scaling_governor"] = f"{kind}\n"
        found[f"{CPUS}cpu{at}/cpufreq/scaling_driver"] = f"{driver}\n"
    return found


FIRST_TICKS = "cpu  1000 0 1000 90000 10 0 10 5"
HEALTHY: dict[str, str | None] = {
    "proc/self/limits": limits("1048576"),
    "proc/self/status": status("0-3"),
    "proc/self/cgroup": "0::/user.slice/run.scope\n",
    "proc/net/sockstat": "sockets: used 12\nTCP: inuse 1 orphan 0 tw 17 alloc 1 mem 0\n",
    f"{NET}ipv4/ip_local_port_range": "32768\t60999\n",
    f"{NET}ipv4/tcp_tw_reuse": "2\n",
    f"{NET}core/somaxconn": "4096\n",
    f"{NET}ipv4/tcp_max_syn_backlog": "512\n",
    f"{NET}ipv4/tcp_syncookies": "1\n",
    f"{CLOCKS}current_clocksource": "tsc\n",
    f"{CLOCKS}available_clocksource": "tsc hpet acpi_pm\n",
    f"{CPUS}online": "0-3\n",
    f"{CPUS}smt/active": "0\n",
    **governors("performance performance performance performance", "intel_pstate"),
    "sys/fs/cgroup/user.slice/run.scope/cpu.max": "max 100000\n",
    "proc/loadavg": "0.10 0.20 0.30 1/87 4711\n",
    "proc/meminfo": meminfo(15_000_000),
    "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "proc/stat": FIRST_TICKS,
}
IDLE_SECOND = (1, 0, 1, 398, 0, 0, 0, 0)  # ticks of four processors


@dataclass
class Fake:
    """A machine in a folder; `second` is what its processors do while the doctor waits."""

    root: Path
    second: tuple[int, ...] = IDLE_SECOND
    clock_ns: float = 23.4
    waited_s: float = 0.0

    def lay_out(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(text)

    def wait(self, time_s: float) -> None:
        self.waited_s += time_s
        path = self.root / "proc/stat"
        if path.exists() and path.read_bytes() == FIRST_TICKS.encode():
            ticks = map(sum, zip(map(int, FIRST_TICKS.split()[1:]), self.second, strict=True))
            path.write_text("cpu  " + " ".join(map(str, ticks)) + " 0 0\n")

    def used_s(self) -> dict[int, tuple[str, float]]:
        """Four busy processes, an idle one; one that begins and one that ends meanwhile."""
        if not self.waited_s:
            return {7: ("cc1", 5), 8: ("ld\x1b[2J", 1), 9: ("idle", 3), 10: ("a", 0), 11: ("b", 0),
                    12: ("ended", 9)}  # fmt: skip
        return {7: ("cc1", 5.9), 8: ("ld\x1b[2J", 1.5), 9: ("idle", 3), 10: ("a", 0.2),
                11: ("b", 0.1), 13: ("begun", 0.8)}  # fmt: skip

    def machine(self) -> Machine:
        return Machine(self.root, self.wait, lambda: self.clock_ns, self.used_s)

    def findings(self) -> dict[str, Finding]:
        return {finding.check: finding for finding in examine(self.machine())}


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    machine = Fake(tmp_path)
    machine.lay_out(HEALTHY)
    return machine


@dataclass(frozen=True)
class Case:
    """One thing changed on a healthy machine, and what its check must say of it."""

    check: str
    verdict: str
    found: str
    files: Mapping[str, str | None]
    mend: str = ""


MANY_WAIT = {"proc/net/sockstat": "TCP: inuse 1 orphan 0 tw 20000 alloc 1 mem 0\n"}
GROUP = "sys/fs/cgroup/user.slice"
V1 = {"proc/self/cgroup": "5:memory:/x\n3:cpu,cpuacct:/run\n1:name=systemd:/\n0::/\n"}
QUOTA_V1 = {
    **V1,
    "sys/fs/cgroup/cpu/run/cpu.cfs_quota_us": "150000\n",
    "sys/fs/cgroup/cpu/run/cpu.cfs_period_us": "100000\n",
}
CASES = (
    Case("open files", "ok", "no limit", {"proc/self/limits": limits("unlimited")}),
    Case("open files", "ok", "10,032 (hard", {"proc/self/limits": limits("10032")}),
    Case("open files", "note", "10000 needs 2,532 with 4 workers",
         {"proc/self/limits": limits("10031")}, "prlimit --pid $$ --nofile=65536"),
    Case("open files", "note", "2,532 with", {"proc/self/limits": limits("2532")}, "prlimit"),
    Case("open files", "bad", "2,531 (hard limit)", {"proc/self/limits": limits("2531")},
         "prlimit"),
    Case("open files", "bad", "needs 5,032 with 2 workers",
         {"proc/self/limits": limits("4096"), f"{GROUP}/cpu.max": "150000 100000"}, "prlimit"),
    Case("open files", "bad", "in one worker",
         {"proc/self/limits": limits("4096"), "proc/self/status": status("2")}, "prlimit"),
    Case("local ports", "ok", "28,232 (32768-60999), 17 in TIME_WAIT", {}),
    Case("local ports", "note", "may not fit", MANY_WAIT, "sleep 60"),
    Case("local ports", "bad", "9,999 (1-9999)",
         {f"{NET}ipv4/ip_local_port_range": "1 9999"}, 'ip_local_port_range="10240 65535"'),
    Case("port reuse", "ok", "on loopback; elsewhere 470 new connections/s", {}),
    Case("port reuse", "ok", "after 1s", {f"{NET}ipv4/tcp_tw_reuse": "1"}),
    Case("port reuse", "note", "470 new connections/s per address",
         {f"{NET}ipv4/tcp_tw_reuse": "0"}, "sysctl -w net.ipv4.tcp_tw_reuse=1"),
    Case("accept queue", "note", "128 (somaxconn)", {f"{NET}core/somaxconn": "128"},
         "sysctl -w net.core.somaxconn=4096"),
    Case("syn queue", "ok", "512 (tcp_max_syn_backlog); no limit", {}),
    Case("syn queue", "ok", "4,096", {f"{NET}ipv4/tcp_syncookies": "0",
                                      f"{NET}ipv4/tcp_max_syn_backlog": "4096"}),
    Case("syn queue", "note", "cookies are off", {f"{NET}ipv4/tcp_syncookies": "0"},
         "sysctl -w net.ipv4.tcp_max_syn_backlog=4096"),
    Case("clock", "ok", "tsc, 23ns per reading", {}),
    Case("clock", "ok", "source not visible", {f"{CLOCKS}current_clocksource": None}),
    Case("cpu governor", "ok", "performance on 4 cores", {}),
    Case("cpu governor", "note", "schedutil on 3 cores, performance on 1 core",
         governors("schedutil schedutil performance schedutil", "acpi-cpufreq"),
         "cpupower frequency-set -g performance"),
    Case("cpu governor", "note", "powersave on 4 cores",
         governors("powersave powersave powersave powersave", "intel_pstate"), "cpupower"),
    Case("cpu governor", "bad", "powersave on 4 cores",
         governors("powersave powersave powersave powersave", "acpi-cpufreq"), "cpupower"),
    Case("smt", "ok", "each processor is a core", {}),
    Case("smt", "ok", "virtual machine", {"proc/cpuinfo": "flags\t\t: fpu hypervisor lm\n"}),
    Case("smt", "note", "may share a core", {f"{CPUS}smt/active": "1"},
         "echo off | sudo tee /sys/devices/system/cpu/smt/control"),
    Case("cores", "ok", "4 of 4", {}),
    Case("cores", "note", "3 of 4", {"proc/self/status": status("0,2-3")}, "taskset -pc 0-3 $$"),
    Case("cpu quota", "ok", "none", V1),
    Case("cpu quota", "ok", "none", {**QUOTA_V1,
         "sys/fs/cgroup/cpu/run/cpu.cfs_quota_us": "-1\n"}),
    Case("cpu quota", "note", "1.5 cores; throttled in 0 of 0", QUOTA_V1,
         "echo -1 | sudo tee /sys/fs/cgroup/cpu/run/cpu.cfs_quota_us"),
    Case("cpu quota", "note", "2 cores; throttled in 0 of 90 periods",
         {f"{GROUP}/cpu.max": "200000 100000\n", f"{GROUP}/cpu.stat": "nr_periods 90\n"},
         "echo max | sudo tee /sys/fs/cgroup/user.slice/cpu.max"),
    Case("cpu quota", "bad", "0.5 cores; throttled in 1,200 of 5,000 periods",
         {f"{GROUP}/cpu.max": "200000 100000\n", "sys/fs/cgroup/cpu.max": "50000 100000\n",
          "sys/fs/cgroup/cpu.stat": "nr_periods 5000\nnr_throttled 1200\n"},
         "docker update --cpu-quota=-1"),
    Case("load average", "ok", "2.00 1.00 0.50 on 4 cores",
         {"proc/loadavg": "2.00 1.00 0.50 1/9 9"}),
    Case("load average", "note", "2.01 1.00", {"proc/loadavg": "2.01 1.00 0.50 1/9 9"},
         "sleep 60; fastbench doctor"),
    Case("memory", "ok", "14.3GiB of 15.3GiB", {}),
    Case("memory", "note", "1.4GiB of", {"proc/meminfo": meminfo(1_500_000)}, "ps -eo rss"),
    Case("memory", "bad", "195MiB of", {"proc/meminfo": meminfo(200_000)}, "ps -eo rss"),
    Case("swap", "ok", "none of 1.9GiB in use",
         {"proc/meminfo": meminfo(9_000_000, 2_000_000, 2_000_000)}),
    Case("swap", "note", "488MiB of 1.9GiB",
         {"proc/meminfo": meminfo(9_000_000, 2_000_000, 1_500_000)}, "sudo swapoff -a &&"),
    Case("swap", "note", "488MiB of 1.9GiB",
         {"proc/meminfo": meminfo(700_000, 2_000_000, 1_500_000)}, "# free memory first"),
    Case("kernel", "ok", "5.14.0", {"proc/sys/kernel/osrelease": "5.14.0"}),
    Case("kernel", "note", "MADV_POPULATE_WRITE", {"proc/sys/kernel/osrelease": "5.13.9"},
         "# boot a kernel"),
    Case("kernel", "note", "epoll_pwait2", {"proc/sys/kernel/osrelease": "4.18.0-el8"},
         "# boot a kernel"),
)  # fmt: skip


def test_a_healthy_machine_is_ok_throughout(fake: Fake) -> None:
    findings = fake.findings()
    assert tuple(findings) == CHECKS
    assert {(each.verdict, each.mend) for each in findings.values()} == {("ok", "")}
    assert fake.waited_s == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.found[:30]}")
def test_a_check_sees_what_changed(fake: Fake, case: Case) -> None:
    fake.lay_out(case.files)
    finding = fake.findings()[case.check]
    assert (finding.verdict, case.found in finding.found) == (case.verdict, True), finding
    assert (case.mend in finding.mend, bool(finding.mend)) == (True, bool(case.mend)), finding


@pytest.mark.parametrize(
    ("source", "cost_ns", "verdict", "mend"),
    [
        ("tsc", 100.0, "ok", ""),
        ("hpet", 100.1, "bad", "echo tsc | sudo tee /sys/devices/system/clocksource/"),
        ("tsc", 250.0, "bad", "# the kernel"),
    ],
)
def test_a_clock_that_costs_a_system_call_is_bad(
    fake: Fake, source: str, cost_ns: float, verdict: str, mend: str
) -> None:
    fake.lay_out({f"{CLOCKS}current_clocksource": source})
    fake.clock_ns = cost_ns
    finding = fake.findings()["clock"]
    assert finding.verdict == verdict
    assert finding.mend.startswith(mend)


def test_the_cost_of_the_clock_is_that_of_a_reading() -> None:
    assert 0 < reading_ns() < 100_000  # ns; an interpreter's loop alone would be some 20


@pytest.mark.parametrize(
    ("ticks", "verdict", "found"), [(4, "ok", "1.0% over 1s"), (6, "bad", "1.5% over 1s: other")]
)
def test_steal_above_one_percent_is_bad(fake: Fake, ticks: int, verdict: str, found: str) -> None:
    fake.second = (0, 0, 0, 400 - ticks, 0, 0, 0, ticks)
    finding = fake.findings()["steal"]
    assert finding.verdict == verdict
    assert finding.found.startswith(found)


def test_other_load_names_the_three_busiest(fake: Fake) -> None:
    fake.second = (31, 4, 5, 339, 10, 1, 1, 9)
    finding = fake.findings()["other load"]
    assert finding.verdict == "bad"
    assert finding.found == "10.5% of all cores over 1s: cc1 (7) 90%, ld[2J (8) 50%, a (10) 20%"
    assert finding.mend.startswith("top -p 7,8,10 ")


def test_the_doctor_is_no_load_of_others() -> None:
    processes = cpu_seconds()
    assert os.getppid() in processes
    assert os.getpid() not in processes


def test_waiting_for_disks_and_steal_are_no_load_of_ours(fake: Fake) -> None:
    fake.second = (20, 0, 20, 300, 50, 0, 0, 10)
    assert fake.findings()["other load"].found.startswith("10.0% of all cores")


@pytest.mark.parametrize("path", HEALTHY)
@pytest.mark.parametrize("text", [None, "", "cpu \x1b[2J - x 9", "-1 -1", "\udcff"])
def test_what_cannot_be_read_never_raises(fake: Fake, path: str, text: str | None) -> None:
    fake.lay_out({path: None})
    if text is not None:
        (fake.root / path).write_text(text, errors="surrogateescape")
    findings = fake.findings()
    assert tuple(findings) == CHECKS
    assert "\x1b" not in "".join(each.found + each.mend for each in findings.values())


def test_a_machine_that_shows_nothing_gets_notes(tmp_path: Path) -> None:
    findings = Fake(tmp_path).findings()
    unseen = {name for name, each in findings.items() if each.verdict == "note"}
    assert unseen == set(CHECKS) - {"clock", "cpu quota"}
    assert findings["cpu governor"].found == "not visible (a virtual machine?)"
    assert {each.mend for each in findings.values()} == {""}


def all_cases(fake: Fake) -> list[Finding]:
    found = []
    for case in CASES:
        fake.lay_out(HEALTHY | dict(case.files))
        found.append(fake.findings()[case.check])
    return found


def test_every_remedy_is_one_line_of_shell_and_fits_80_columns(fake: Fake) -> None:
    for finding in all_cases(fake):
        assert len(finding.mend) <= 72, finding.mend
        assert "\n" not in finding.mend
        shlex.split(finding.mend, comments=True)


def test_the_page_is_as_wide_as_the_terminal(fake: Fake) -> None:
    findings = all_cases(fake)
    for width in (60, 80, 200):
        lines = command.render(findings, color=False, width=width).splitlines()
        mends = {" " * 8 + finding.mend for finding in findings}
        assert max(len(line) for line in lines if line not in mends) <= min(width, 100)


def test_a_remedy_stands_below_what_it_mends() -> None:
    findings = [Finding("swap", "ok", "none"), Finding("clock", "bad", "slow", "mend it")]
    page = "  ok    swap   none\n  bad   clock  slow\n        mend it\n\n  1 ok, 0 note, 1 bad"
    assert command.render(findings, color=False, width=80) == page
    painted = command.render(findings, color=True, width=80)
    assert "\x1b[32mok" in painted
    assert "\x1b[1;31mbad" in painted


@pytest.fixture(scope="module")
def piped() -> dict[str, Shown]:
    """This very machine, as text and as JSON, in a pipe."""
    words = {"text": (), "json": ("--json",)}
    return table_at_once({name: partial(invoke, "doctor", *flags) for name, flags in words.items()})


def test_this_machine_is_examined(piped: dict[str, Shown]) -> None:
    done = piped["text"]
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    for check in CHECKS:
        assert f"  {check}  " in done.stdout


def test_json_holds_the_same_checks(piped: dict[str, Shown]) -> None:
    done = piped["json"]
    rows = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["check"] for row in rows] == list(CHECKS)
    assert {tuple(row) for row in rows} == {("check", "verdict", "found", "mend")}
    assert {row["verdict"] for row in rows} <= {"ok", "note", "bad"}


def test_bad_findings_end_with_0_too(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.clock_ns = 900
    monkeypatch.setattr(command, "Machine", fake.machine)
    assert main(["doctor"]) == 0
    assert "15 ok, 0 note, 1 bad" in capsys.readouterr().out


def test_a_terminal_gets_colours_unless_it_declines() -> None:
    asked, declined, refused, dumb = at_once(
        [
            partial(in_terminal, "doctor"),
            partial(in_terminal, "doctor", env={"NO_COLOR": "1"}),
            partial(in_terminal, "doctor", "--no-color"),
            partial(in_terminal, "doctor", env={"TERM": "dumb"}),
        ]
    )
    assert asked.colors
    for session in (declined, refused, dumb):
        assert (session.code, "\x1b" in session.written) == (0, False)


@pytest.mark.parametrize("words", [["--bogus"], ["\x1b[2J"], ["--js"], ["--json=x"]])
def test_wrong_words_are_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *words]) == 1
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("fastbench: ") and re.search("option|argument", written.err)
    assert written.err.count("\n") == 1
    assert "\x1b" not in written.err
