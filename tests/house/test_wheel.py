"""The wheel, installed where there is no compiler, no header and no checkout; and the sdist.

Where `make wheel` was not run for this source there is nothing to try, but for FASTBENCH_SLOW=1
(`make slow`), which runs it.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from ci_files import ROOT
from running import SLOW

LIMIT_S = 900
pytestmark = [pytest.mark.slow, pytest.mark.timeout(LIMIT_S)]


@functools.cache
def sources() -> dict[str, Path]:
    """Give the files of the package as an archive names them."""
    listed = subprocess.run(
        ["git", "ls-files", "fastbench", "examples"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    return {each: ROOT / each for each in listed.stdout.splitlines()}


def in_wheel(name: str) -> str:
    return f"fastbench/{name}" if name.startswith("examples/") else name


def of_this_source(path: Path) -> bool:
    """Tell whether a wheel holds the modules of this checkout, to the byte."""
    with zipfile.ZipFile(path) as opened:
        names = set(opened.namelist())
        return all(
            in_wheel(name) in names and opened.read(in_wheel(name)) == file.read_bytes()
            for name, file in sources().items()
            if file.suffix in (".py", ".pyx", ".pxd", ".pxi")
        )


@pytest.fixture(scope="module")
def wheel() -> Path:
    def found() -> list[Path]:
        tag = f"-cp{sys.version_info[0]}{sys.version_info[1]}-manylinux_"
        paths = [each for each in (ROOT / "dist").glob("*.whl") if tag in each.name]
        return [each for each in paths if of_this_source(each)]

    if not found():
        if not SLOW:
            pytest.skip("dist/ has no wheel of this source: `make wheel`")
        subprocess.run(["make", "-s", "wheel"], cwd=ROOT, check=True, timeout=LIMIT_S)
    return found()[0]


def test_it_runs_without_compiler_and_headers(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True, timeout=120)
    programs = tmp_path / "env" / "bin"
    for name in ("sh", "uname"):  # what Python's own libraries may call
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    alone = {"PATH": str(programs), "CC": "none", "HOME": str(tmp_path)}
    assert shutil.which("gcc", path=alone["PATH"]) is None
    python = programs / "python"

    def ran(*words: str | Path) -> str:
        done = subprocess.run(
            [python, *words], env=alone, cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    ran("-m", "pip", "install", "-q", "--only-binary", ":all:", wheel, "trustme")
    told = ran(ROOT / ".ci" / "try_wheel.py")
    assert "libssl" in told and "load.ts" in told


def test_the_wheel_holds_the_examples_and_every_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = [each for each in opened.namelist() if not each.endswith("/")]
        metadata = next(each for each in names if each.endswith(".dist-info/METADATA"))
        told = opened.read(metadata).decode()
    assert {in_wheel(each) for each in sources() if each.startswith("examples/")} <= set(names)
    folder = metadata.removesuffix("METADATA") + "licenses/"
    kept = {each.removeprefix(folder) for each in names if each.startswith(folder)}
    texts = {"LICENSE", *(f"licenses/{each.name}" for each in (ROOT / "licenses").iterdir())}
    assert kept == texts and all(f"License-File: {each}" in told for each in texts)
    libraries = [each for each in names if each.startswith("fastbench_http.libs/")]
    assert sorted(Path(each).name.partition("-")[0] for each in libraries) == [
        "libcrypto",
        "libssl",
    ]
    assert not [each for each in names if each.endswith((".c", ".h", ".o", ".pyc"))]


def test_the_sdist_needs_nothing_that_is_fetched(wheel: Path) -> None:
    (path,) = (ROOT / "dist").glob("*.tar.gz")
    with tarfile.open(path) as opened:
        names = {each.partition("/")[2] for each in opened.getnames()}
    assert {"third_party/quickjs/quickjs.c", "fastbench/script/k6/js/sucrase/sucrase.js"} <= names
    assert set(sources()) - names <= {"examples/ruff.toml"}
    assert not [each for each in names if each.endswith((".so", ".pyc"))]


def test_the_licence_of_quickjs_is_that_of_its_sources() -> None:
    path = ROOT / "build" / "quickjs" / "quickjs.c"
    if not path.exists():
        pytest.skip("built without JavaScript")
    head = path.read_text().partition("*/")[0]
    lines = [line.lstrip("/* ").rstrip() for line in head.splitlines()]
    kept = (ROOT / "licenses" / "quickjs-ng.txt").read_text().splitlines()
    assert [each for each in lines if each] == [each.strip() for each in kept if each.strip()]
