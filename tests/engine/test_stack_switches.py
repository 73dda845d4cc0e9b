"""The switch between users' stacks in each of its forms: assembly for two processors, swapcontext.

The processor that this machine is not is emulated, where that is installed: Debian's
gcc-aarch64-linux-gnu and qemu-user-static.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from compiling import made

ROOT = Path(__file__).parents[2]
QUICKJS = ROOT / "build" / "quickjs"
OURS = ROOT / "fastbench" / "engine" / "javascript"
SOURCES = [
    ROOT / "tests" / "support" / "many_users.c",
    OURS / "users.c",
    *(QUICKJS / f"{name}.c" for name in ("dtoa", "libregexp", "libunicode")),
]
# Sums must come out the same on every processor: no multiplication is fused with an addition.
FLAGS = ["-O1", "-fwrapv", "-w", "-D_GNU_SOURCE", "-ffp-contract=off", "-static"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compiler", "more", "runner"),
    [
        ("gcc", [], []),
        ("gcc", ["-DSTACKS_BY_UCONTEXT"], []),
        ("aarch64-linux-gnu-gcc", [], ["qemu-aarch64-static"]),
    ],
    ids=["this-machine", "ucontext", "aarch64"],
)
def test_fifty_users_keep_their_numbers_and_errors_over_ten_thousand_switches(
    compiler: str, more: list[str], runner: list[str]
) -> None:
    for program in (compiler, *runner):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if not (QUICKJS / "quickjs.c").exists():
        pytest.skip("built without JavaScript")
    include = [f"-I{QUICKJS}", f"-I{OURS}"]
    # Compiling takes nearly all of the time: the program is kept until something in it changes.
    sources = sorted(each for folder in (QUICKJS, OURS) for each in folder.glob("*.[ch]"))
    program = made(
        f"many_users-{compiler}",
        [compiler, *FLAGS, *more, *include, *map(str, SOURCES), "-lm"],
        [SOURCES[0], *sources],
    )
    done = subprocess.run([*runner, program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "11050 switches, 0 wrong, 0 lost\n")
