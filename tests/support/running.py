"""Run the real command line as a subprocess, and check what must hold after any run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fork_server

__all__ = [
    "LIMIT_S",
    "ONE",
    "SLOW",
    "Run",
    "Running",
    "balance",
    "fastbench",
    "good",
    "kinds",
    "start",
    "until",
]

SLOW = os.environ.get("FASTBENCH_SLOW") == "1"
LIMIT_S = 60
ONE = ("-c", "1", "-t", "1")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run; `document` is empty when none was written."""

    code: int
    out: str
    err: str
    elapsed_s: float
    document: dict[str, Any]

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["summary"]
        return found

    @property
    def errors(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document["errors"]
        return found


class Running:
    """A run under way; `finish` waits for its end."""

    def __init__(self, arguments: tuple[str, ...], limits: Callable[[], None] | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name, "result.json")
        self._started_s = time.monotonic()
        named = arguments[:1] == ("run",)
        command, words = arguments[:named], arguments[named:]
        words = (*command, "--json", str(self._path), *words)
        self.process: subprocess.Popen[str] | fork_server.Forked
        if limits is None and fork_server.serves(words):
            self.process = fork_server.Forked(*words, session=True)
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fastbench", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=limits,
        )

    @property
    def elapsed_s(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._started_s

    def signal_group(self, number: int) -> None:
        """Signal the whole process group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def saved(self) -> dict[str, Any]:
        """Return the document as it is on disk now."""
        found: dict[str, Any] = json.loads(self._path.read_bytes())
        return found

    def finish(self) -> Run:
        """Wait for the end; a traceback or unbalanced counts fail the test."""
        out, err = self.process.communicate(timeout=LIMIT_S)
        elapsed_s = self.elapsed_s
        document = json.loads(self._path.read_bytes()) if self._path.exists() else {}
        assert "Traceback" not in err + out, err
        if document:
            balance(document)
        return Run(self.process.wait(), out, err, elapsed_s, document)

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        with contextlib.suppress(ProcessLookupError):
            self.signal_group(signal.SIGKILL)
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()
        self._folder.cleanup()


@contextlib.contextmanager
def start(*arguments: str, limits: Callable[[], None] | None = None) -> Iterator[Running]:
    """Start `fastbench ARGUMENTS`; `limits` runs in the child before it."""
    running = Running(arguments, limits)
    try:
        yield running
    finally:
        running.close()


def fastbench(*arguments: str, limits: Callable[[], None] | None = None) -> Run:
    """Run `fastbench ARGUMENTS` to its end."""
    with start(*arguments, limits=limits) as running:
        return running.finish()


def until(holds: Callable[[], object], limit_s: float = 10) -> None:
    """Wait until something that must come about has come about."""
    end_s = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.01)


def kinds(run: Run) -> dict[str, int]:
    """Add up the errors of each kind."""
    found: dict[str, int] = {}
    for row in run.errors:
        found[row["kind"]] = found.get(row["kind"], 0) + row["count"]
    return found


def balance(document: dict[str, Any]) -> None:
    """Check what adds up in every document."""
    summary, latency = document["summary"], document["latency_ms"]
    ended = summary["ok"] + summary["failed"] + summary["timeouts"]
    assert summary["requests"] == ended
    assert summary["started"] == ended + summary["in_flight_at_end"]
    assert latency["service"]["count"] == sum(
        summary[name] for name in ("ok", "timeouts", "cancelled")
    )
    answers = sum(document["status_codes"].values())
    for row in document["resources"]["targets"]:
        if row["role"] == "target" and answers:  # who was refused cost the server nothing
            off_us = abs(row["cpu_us_per_request"] * answers / 1e6 - row["cpu_s"]) * 1e6
            assert off_us <= 501 + 0.001 * answers, row
    if document["scenarios"]:
        # The lag is the event loop's; setup and teardown are in no second of the load.
        assert sum(row["requests"] for row in document["series"]) <= summary["requests"]
        assert sum(row["requests"] for row in document["workers"]) == summary["requests"]
        return
    if summary["scheduled"] is None:
        assert latency["response"] is latency["lag"] is None
    else:
        accounted = summary["started"] + summary["dropped"] + summary["queued_at_end"]
        assert summary["scheduled"] == accounted
        assert latency["response"]["count"] == latency["service"]["count"]
        assert latency["lag"]["count"] == summary["started"]
        assert (summary["oldest_queued_s"] > 0) == (summary["queued_at_end"] > 0)
    assert latency["failed"]["count"] <= summary["failed"]
    assert sum(document["status_codes"].values()) <= summary["ok"] + summary["failed"]
    assert sum(row["requests"] for row in document["series"]) == summary["requests"]
    assert sum(row["requests"] for row in document["workers"]) == summary["requests"]
    assert all(row["count"] > 0 and row["hint"] and row["message"] for row in document["errors"])
    if document["requests"]:
        balance_by_url(document)


def balance_by_url(document: dict[str, Any]) -> None:
    """Check that what was counted by URL is the whole."""
    summary, rows = document["summary"], document["requests"]
    assert sum(row["requests"] for row in rows) == summary["requests"]
    assert sum(row["timeouts"] for row in rows) == summary["timeouts"]
    assert sum(row["failed"] for row in rows) == summary["failed"] + summary["timeouts"]
    assert sum(row["bytes_in"] for row in rows) <= summary["bytes_in"]
    statuses: Counter[str] = Counter()
    for row in rows:
        statuses.update(row["status_codes"])
    assert statuses == Counter(document["status_codes"])
    for name, of_rows in (("service", "latency"), ("response", "response")):
        whole = document["latency_ms"][name] or {"count": 0, "sum_ns": 0}
        for key in ("count", "sum_ns"):
            assert sum((row[of_rows] or {key: 0})[key] for row in rows) == whole[key]


def good(run: Run, count: int) -> None:
    """All of so many requests went well, and nothing else happened."""
    assert (run.code, run.summary["ok"], run.summary["failed"], run.errors) == (0, count, 0, [])
