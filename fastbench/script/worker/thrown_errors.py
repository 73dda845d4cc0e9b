"""Errors that ended iterations: counted, and the first of each type and place told in full."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import asdict

from fastbench.script.api.recorder import Recorder
from fastbench.script.exceptions import Adds, Send
from fastbench.script.load.script_host import ScriptHost


class Throws:
    """Count the errors of a worker."""

    def __init__(self, host: ScriptHost, counts: Recorder, send: Send) -> None:
        self._host = host
        self._counts = counts
        self._send = send
        self._cells: dict[tuple[str, Hashable], Adds] = {}
        self._told: set[tuple[str, str]] = set()

    def note(self, error: BaseException, scenario: str) -> None:
        """Count one error that ended an iteration."""
        key = scenario, self._host.sort(error)
        cell = self._cells.get(key)
        if cell is None:
            found = self._host.thrown(error)
            cell = self._cells[key] = self._counts.thrown(scenario, found.type, found.place)
            if (found.type, found.place) not in self._told:
                self._told.add((found.type, found.place))
                self._send({"threw": {**asdict(found), "scenario": scenario}})
        cell.add(1)
