"""`fastbench machines`: the table of what was found."""

from __future__ import annotations

from typing import Any

from fastbench.cli.commands import machines


def machine(name: str, *findings: tuple[str, str], refused: str = "") -> dict[str, Any]:
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
    shown = machines.render([machine("a", ("load", "ok")), machine("b", refused="it is old")])
    assert "b cannot be used: it is old" in shown and shown.endswith("1 machine, 4 cores")
