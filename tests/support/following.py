"""What a page makes of a run: its stream, read by hand, and dashboards told of a few rows."""

from __future__ import annotations

import contextlib
import copy
import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import samples
from running import Running
from shapes import use

from fastbench.outputs.dashboard.dashboard_page import page
from fastbench.outputs.dashboard.dashboard_server import Board
from fastbench.outputs.dashboard.story import Ends, Story
from fastbench.results.result import SeriesRow
from fastbench.run.sampling import Progress

__all__ = ["WAIT_S", "Event", "Stream", "address", "ask", "board", "look", "name_of", "rows"]

WAIT_S = 20.0
Event = tuple[str, dict[str, Any]]


class Stream:
    """One page's stream, read by hand, and what the page makes of it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
        self._connection.request("GET", parts.path + "events")
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.text = b""
        self.data: dict[str, Any] = {}

    def close(self) -> None:
        self._answer.close()
        self._connection.close()

    def __iter__(self) -> Iterator[Event]:
        while (event := self.next()) is not None:
            yield event

    def next(self) -> Event | None:
        """Return the next event, None after the last one."""
        lines = [self._answer.readline() for _ in range(3)]
        self.text += b"".join(lines)
        if not lines[0]:
            return None
        assert lines[0].startswith(b"event: ") and lines[1].startswith(b"data: ")
        assert lines[2] == b"\n"
        kind, told = lines[0][7:-1].decode(), json.loads(lines[1][6:])
        self._take(kind, told)
        return kind, told

    def _take(self, kind: str, told: dict[str, Any]) -> None:
        """Do what the page's script does."""
        if kind != "step":
            self.data = copy.deepcopy(told)
            return
        for key in ("start", "span"):
            self.data[key] += told.get(key, [])
        for chart, values in told.get("values", {}).items():
            for line, value in zip(self.data["charts"][chart]["lines"], values, strict=True):
                line["values"].append(value)
        self.data |= {key: told[key] for key in ("verdict", "share", "figures", "counts")}


def rows(count: int) -> list[SeriesRow]:
    made = samples.good().series[0]
    return [
        replace(made, t_s=float(at), requests=100 + at, ok=98 + at, failed=2, use=use(at))
        for at in range(count)
    ]


def look(row: SeriesRow | None, **more: Any) -> Progress:
    elapsed_s = 0.5 if row is None else row.t_s + row.span_s
    return replace(Progress(elapsed_s, 10, 20.0, 1.0, 2.0, 0, (), row=row), **more)


def name_of(pid: int) -> str:
    return f"nginx-{pid}"


@contextlib.contextmanager
def board(count: int = 3) -> Iterator[Board]:
    """A dashboard that was told of so many seconds."""
    made = Board(page(samples.good().config), Story(Ends(30.0), name_of), 0)
    try:
        for row in rows(count):
            made.update(look(row))
        yield made
    finally:
        made.close()


def ask(
    url: str, *headers: tuple[str, str], method: str = "GET", path: str | None = None
) -> tuple[int, http.client.HTTPMessage, str]:
    """Send one request with these headers alone; `Host` is the page's own unless it is given."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
    connection.putrequest(method, path or parts.path, skip_host=True)
    for name, value in headers if dict(headers).get("Host") else (("Host", parts.netloc), *headers):
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def address(running: Running) -> str:
    """Read the address of the page, the first thing a run says."""
    assert running.process.stderr is not None
    found = re.fullmatch(
        r"fastbench: the dashboard of this run is (http://127\.0\.0\.1:\d+/[\w-]+/)\n",
        running.process.stderr.readline(),
    )
    assert found is not None
    return found[1]
