"""environment.py: what a document tells of the machine it was measured on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastbench.machine import environment


def test_this_machine_is_described() -> None:
    found = environment.describe()
    assert found.kernel == os.uname().release
    assert found.cores == os.cpu_count()
    assert found.cpu and found.clocksource and found.governor


@pytest.mark.parametrize(
    ("governors", "told"),
    [
        ([], "unknown"),
        (["performance", "performance"], "performance"),
        (["schedutil", "performance", "schedutil"], "performance, schedutil"),
    ],
)
def test_governors_are_told_once_each(
    governors: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu, governor in enumerate(governors):
        (tmp_path / f"cpu{cpu}").write_text(governor + "\n")
    monkeypatch.setattr(environment, "_GOVERNORS", str(tmp_path / "cpu[0-9]*"))
    assert environment.describe().governor == told


@pytest.mark.parametrize(("text", "told"), [("1\n", True), ("0\n", False), (None, None)])
def test_whether_processors_share_a_core(
    text: str | None, told: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = tmp_path / "active"
    if text is not None:
        active.write_text(text)
    monkeypatch.setattr(environment, "_SMT", str(active))
    assert environment.describe().smt is told
