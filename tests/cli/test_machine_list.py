"""`fastbench machines`: the table of what was found."""

from __future__ import annotations

from typing import Any

import pytest

from fastbench.cli.commands import machines


def machine(
    name: str, *findings: tuple[str, str], refused: str = "", cure: str = ""
) -> dict[str, Any]:
    """Return what is known of a machine; `findings` are check and verdict."""
    return {
        "name": name,
        "address": f"tcp://{name}:1",
        "cores": 4,
        "memory_bytes": 1 << 30,
        "version": "0.7.0",
        "clock_offset_ns": -1500,
        "clock_bound_ns": 2000,
        "refused": refused,
        "cure": cure,
        "doctor": [
            {"check": check, "verdict": verdict, "found": "x", "mend": f"mend {check}"}
            for check, verdict in findings
        ],
    }


def test_what_is_bad_is_told_and_notes_are_counted() -> None:
    shown = machines.render([machine("a", ("load", "bad"), ("ports", "note"), ("cpu", "note"))])
    assert "1 bad, 2 notes" in shown and "a: load: x\n  mend load" in shown
    assert "mend ports" not in shown and shown.endswith("1 machine, 4 cores; --json has the notes")


def test_without_notes_there_is_no_word_of_them() -> None:
    assert machines.render([machine("a", ("load", "ok"))]).endswith("1 machine, 4 cores")


def test_a_machine_that_cannot_be_used_is_told_with_the_cure_and_does_not_count() -> None:
    old = machine("b", refused="it has fastbench 0.5", cure="install the same there")
    shown = machines.render([machine("a", ("load", "ok")), old, machine("c", refused="it is lost")])
    assert "b cannot be used: it has fastbench 0.5\n  install the same there\n" in shown
    assert "c cannot be used: it is lost\n\n" in shown
    assert shown.endswith("1 of 3 machines can be used, 4 cores")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_table_fits_the_terminal_and_names_every_machine(width: int) -> None:
    names = [f"load-generator-{at}.eu-central.internal.test" for at in range(3)]
    found = [machine(name, ("load", "note"), ("ports", "bad"), refused="x " * 60) for name in names]
    shown = machines.render(found, width).splitlines()
    assert max(map(len, shown)) <= width, max(shown, key=len)
    rows = shown[1 : shown.index("")]
    for at, name in enumerate(names):
        assert any(f"-{at}." in row for row in rows), name
    short = machines.render([machine("a")], width).splitlines()[0].split()
    assert (short == list(machines.HEADS)) == (width >= 80), "all columns, where there is room"
