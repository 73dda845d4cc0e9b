"""Where fastbench is installed and started at all, and what is said elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from ci_files import ROOT

CURES = {
    "darwin": "on macOS use a container",
    "win32": "on Windows use WSL 2",
    "freebsd14": "use a",
}
START = """
import signal, sys, _signal
del _signal.SIGHUP, signal.SIGHUP  # Windows has none
sys.platform = sys.argv.pop(1)
from fastbench.__main__ import start
start()
"""
INSTALL = """
import runpy, sys, Cython.Build, setuptools.command.sdist
sys.platform = sys.argv.pop(1)
runpy.run_path("setup.py", run_name="__main__")
"""


@pytest.mark.parametrize("platform", CURES)
@pytest.mark.parametrize(
    ("program", "words"),
    [(START, ["--version"]), (START, ["run", "x.py"]), (INSTALL, ["--version"])],
    ids=["version", "run", "install"],
)
def test_elsewhere_it_is_refused_in_one_sentence(
    platform: str, program: str, words: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program, platform, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("fastbench: Only Linux is supported (epoll): " + CURES[platform])
    assert done.stderr.endswith(" (docs/install.md).\n") and done.stderr.count("\n") == 1


def test_extras_are_named_where_one_is_unknown() -> None:
    """`make extra NAMES=…` installs what .ci/requirements.py prints."""
    words = [sys.executable, str(ROOT / ".ci/requirements.py")]
    done = subprocess.run([*words, "lua", "html"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"lupa>=\S+\nselectolax>=\S+\n", done.stdout)
    for names, why in (["lau"], "there is no extra lau"), ([], "no extra is named"):
        bad = subprocess.run([*words, *names], capture_output=True, text=True)
        assert bad.returncode == 1 and bad.stdout == ""
        assert bad.stderr.startswith(f"{why}; there are: ") and bad.stderr.count("\n") == 1


def test_a_build_says_what_it_does_before_it_does_it() -> None:
    """Each step that takes seconds is announced by a line on standard error, with its length."""
    words = ["make", "--no-print-directory", "-n", "-B", "build"]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = told.splitlines()
    long = [at for at, line in enumerate(lines) if " -m venv " in line or "build_ext" in line]
    long += [at for at, line in enumerate(lines) if " install " in line and " -e " in line]
    assert len(long) == 3
    for at in long:
        assert re.fullmatch(r'echo "fastbench: .+: \d+ s.*" >&2', lines[at - 1]), lines[at]
