"""platforms.py: what installs an extra, by where fastbench runs from."""

from __future__ import annotations

import runpy
import shlex
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "fastbench" / "foundation" / "platforms.py"


def told_in(clone: Path, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a copy of the module in that folder says, under a Python of that prefix."""
    copy = clone / "fastbench" / "foundation" / "platforms.py"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(SOURCE.read_text())
    monkeypatch.setattr(sys, "prefix", str(prefix))
    return str(runpy.run_path(str(copy))["install_command"]("lua"))


def test_a_clone_with_its_own_venv_installs_extras_by_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    (clone / "Makefile").touch()
    place = shlex.quote(str(clone))
    told = told_in(clone, clone / ".venv", monkeypatch)
    assert told == f"make -C {place} extra NAMES=lua"
    monkeypatch.chdir(clone)
    assert told_in(clone, clone / ".venv", monkeypatch) == "make extra NAMES=lua"
    assert told_in(clone, tmp_path / "other", monkeypatch) == "pip install 'fastbench-http[lua]'"
    (clone / "Makefile").unlink()
    assert told_in(clone, clone / ".venv", monkeypatch) == "pip install 'fastbench-http[lua]'"
