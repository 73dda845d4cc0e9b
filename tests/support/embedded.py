"""The embedded server as a process of its own, and what it counted."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import fork_server

__all__ = ["DEADLINE_S", "SERVE", "Seen", "seen", "serving"]

SERVE = [sys.executable, "-m", "fastbench", "serve"]
DEADLINE_S = 20.0


@contextlib.contextmanager
def serving(*flags: str) -> Iterator[tuple[subprocess.Popen[str] | fork_server.Forked, str]]:
    """Start `fastbench serve`; give the process and the address it printed first."""
    process: subprocess.Popen[str] | fork_server.Forked
    if fork_server.serves(flags):
        process = fork_server.Forked("serve", *flags)
    else:
        process = subprocess.Popen(
            [*SERVE, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            words = process.stdout.readline().split()
            assert words[:2] == ["listening", "on"], process.stderr.read()
            yield process, words[2]
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server counted: answers by "METHOD /path status", and totals by name."""

    requests: int
    answers: Counter[str]
    totals: Counter[str]

    def __sub__(self, earlier: Self) -> Seen:
        return Seen(
            self.requests - earlier.requests,
            self.answers - earlier.answers,
            self.totals - earlier.totals,
        )


def seen(url: str) -> Seen:
    """Ask the server for its counts."""
    with urllib.request.urlopen(url + "/count", timeout=DEADLINE_S) as page:
        found = json.load(page)
    answers = {
        f"{route} {status}": count
        for route, statuses in found["routes"].items()
        for status, count in statuses.items()
    }
    return Seen(found["requests"], Counter(answers), Counter(found["totals"]))
