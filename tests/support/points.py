"""Points as tests write them, and a server that takes them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fastbench.engine.bridge import _core
from fastbench.outputs import points
from fastbench.outputs.point import End, Frame, Point, clean
from fastbench.results.metric_values import Kind
from fastbench.run.metric_sums import TrendValue

__all__ = [
    "COUNTER",
    "END",
    "FRAMES",
    "HOSTILE",
    "RATE",
    "SPREAD",
    "START_NS",
    "TIME",
    "Reply",
    "Taken",
    "counter",
    "frame",
    "rate",
    "taking",
    "times",
]

START_NS = 1_700_000_000_000_000_000
END = End(START_NS + 2_000_000_000, thresholds_failed=True)
COUNTER, RATE, TIME = Kind("counter"), Kind("rate"), Kind("trend", "time")
HOSTILE = {
    "name": "GET /a b,c=d\\ e\\",
    "scenario": 'x"=,y\n\x1b[31m',
    "time": "noon",
    "größe": "ö=ü",
    "token": "s3cret",
    "empty": "",
}
SPREAD = {"avg": 2.5, "min": 1.0, "med": 2.0, "max": 5.0}
SPREAD |= {"p(90)": 4.0, "p(95)": 4.5, "p(99)": 5.0, "count": 4}


def frame(second: int, *told: Point) -> Frame:
    return Frame(float(second), START_NS + second * 1_000_000_000, told)


def counter(now: float, total: float, tags: Mapping[str, str] | None = None) -> Point:
    of = {"count": now, "rate": now}, {"count": total, "rate": total}
    return Point("http_reqs", COUNTER, clean(tags or {}), *of)


def rate(passes: int, of: int) -> Point:
    values = {"rate": passes / of if of else 0.0, "passes": passes, "fails": of - passes}
    return Point("http_req_failed", RATE, clean({"name": "a"}), values, values)


def times(*values_ns: int) -> Point:
    counted = _core.Histogram()
    for value_ns in values_ns:
        counted.record(value_ns)
    found = TrendValue(counted).values(1.0)
    tags = clean({"name": "a"})
    added_ms = counted.sum_ns / 1e6
    return Point("http_req_duration", TIME, tags, found, found, points.buckets(counted), added_ms)


FRAMES = (
    frame(1, counter(10, 10, {"name": "a"}), rate(1, 10), times(1_000_000, 2_000_000)),
    frame(2, counter(0, 10, {"name": "a"}), rate(0, 0), times()),
)


@dataclass(frozen=True)
class Reply:
    """An answer in full."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Taken:
    """What a receiver was sent: path, headers, body; `answers` are given first, then `else_`."""

    answers: list[int | Reply] = field(default_factory=list)
    else_: int = 204
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    hold: threading.Event | None = None
    url: str = ""


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    taken: Taken

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.taken.seen.append((self.path, dict(self.headers), body))
        if self.taken.hold is not None:
            self.taken.hold.wait(20)
        answer = self.taken.answers.pop(0) if self.taken.answers else self.taken.else_
        if isinstance(answer, int):
            text = b"" if answer == 204 else b'{"error":"\x1b[31mno room"}'
            answer = Reply(answer, text)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        with suppress(ConnectionError):  # the client may have had enough
            self.end_headers()
            self.wfile.write(answer.body)

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def taking() -> Iterator[Taken]:
    """Run a receiver, and tell what it takes."""
    found = Taken()
    handler = type("Handler", (Receiver,), {"taken": found})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        if found.hold is not None:
            found.hold.set()
        server.shutdown()
        thread.join()
