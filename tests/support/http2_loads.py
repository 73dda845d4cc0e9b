"""The engine as a client of HTTP/2, in this process: a few requests, and how they were counted."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass

from fastbench.engine.bridge import _core
from fastbench.plan.pieces import Feed
from fastbench.plan.plan import Request
from fastbench.run.worker import order

__all__ = ["Loaded", "asking", "load"]

LIMIT_NS = 20_000_000_000
NO_STATUS = bytes(status < 400 for status in range(1000))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was counted; `errors` and the `phases` they came in by (kind, code)."""

    counters: dict[str, int]
    errors: dict[tuple[str, str], int]
    phases: dict[tuple[str, str], str]

    @property
    def ends(self) -> tuple[int, int, int]:
        """(ok, failed, timeouts)."""
        found = self.counters
        return found["ok"], found["failed"], found["timeouts"]


def asking(
    target: str = "/", method: str = "GET", body: bytes | None = None, weight: int = 1
) -> Request:
    fields = ((b"Host", b"h"), (b"User-Agent", b"fastbench"))
    return Request(method, target.encode(), fields, body, f"http://h{target}", weight)


def load(
    port: int,
    *requests: Request,
    count: int = 1,
    connections: int = 1,
    streams: int = 1,
    timeout_s: float = 10,
    connect_timeout_s: float = 10,
    length_s: float = 0,
    expect_body: bytes = b"",
    keepalive: bool = True,
    retry: bool = True,
    cafile: str = "",
    protocols: str = "h2",
    pipeline: int = 1,
    feed: Feed | None = None,
    seed: int = 0,
    share: tuple[int, int] = (0, 1),
) -> Loaded:
    """Send so many requests, for `length_s` at most if it is given; all must add up.

    `share`: which worker this is, of how many.
    """
    asked = requests or (asking(),)
    index, workers = share
    shared = _core.Block(1, first=index, total=workers)
    engine = _core.Engine(
        shared,
        index,
        targets=[(socket.AF_INET, b"127.0.0.1", port, 0)],
        connections=connections,
        budget=count,
        requests=asked,
        pattern=order(asked),
        pipeline=pipeline,
        keepalive=keepalive,
        retry=retry,
        timeout_ns=round(timeout_s * 1e9),
        connect_timeout_ns=round(connect_timeout_s * 1e9),
        ok_status=NO_STATUS,
        status_expected=False,
        expect_body=expect_body,
        sources=[],
        first=0,
        tls_options=(b"localhost", False, True, cafile.encode(), b"", b"") if cafile else None,
        protocols=protocols,
        streams=streams,
        feed=feed,
        seed=seed,
    )
    now = time.monotonic_ns()
    shared.open_start_line(now, now, now + (round(length_s * 1e9) or LIMIT_NS))
    thread = threading.Thread(target=engine.run)  # whose slack of timers may change
    thread.start()
    thread.join()
    assert length_s or time.monotonic_ns() - now < LIMIT_NS, "the run does not end"
    return _counted(shared, index)


def _counted(shared: _core.Block, index: int) -> Loaded:
    found = shared.counters(index)
    rows = shared.errors(index)
    assert found["started"] == sum(found[n] for n in ("ok", "failed", "timeouts", "in_flight"))
    errors: dict[tuple[str, str], int] = {}
    for kind, _, code, number, _ in rows:
        errors[kind, code] = errors.get((kind, code), 0) + number
    return Loaded(found, errors, {(kind, code): phase for kind, phase, code, _, _ in rows})
