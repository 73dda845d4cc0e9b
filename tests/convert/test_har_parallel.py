"""Requests that a browser had under way together are sent together; a long recording is quick."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from converting import made
from request_log import threaded
from running import SLOW, fastbench

from fastbench.convert import source_kinds

MEET_S = 10.0  # a request that comes alone waits so long, and fails


def entry(start_ms: int, took_ms: int, url: str, **more: Any) -> dict[str, Any]:
    """Return an entry of a HAR that began so long after the first one."""
    request = {"method": "GET", "url": url, "headers": more.get("sent", [])}
    answer = {"status": 200, "headers": more.get("got", []), "content": more.get("content", {})}
    start = f"2026-01-01T10:00:{start_ms / 1000:06.3f}Z"
    return {"startedDateTime": start, "time": took_ms, "request": request, "response": answer}


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"entries": entries}})


def calls(text: str) -> list[str]:
    """Return the order of requests: those of a batch in one word."""
    found = []
    for piece in text.replace('(f"', '("').partition("async def session")[2].split("await vu.")[1:]:
        paths = [each.partition('"')[0] for each in piece.partition("check(")[0].split('("')[1:]]
        found.append(" ".join(paths))
    return found


def test_what_was_under_way_together_is_sent_together(tmp_path: Path) -> None:
    with meeting() as url:
        content = har(
            entry(0, 10, f"{url}/"),
            entry(20, 100, f"{url}/together/1"),
            entry(30, 100, f"{url}/together/2"),
            entry(125, 10, f"{url}/alone"),
        )
        script, said = made(tmp_path, content, "x.har")
        assert calls(script.read_text()) == ["/", "/together/1 /together/2", "/alone"]
        done = fastbench("run", str(script), "-q", "-t", "1", "-i", "1")
    assert done.code == 0 and said == "", done.err
    assert {row["name"]: row["passes"] for row in done.document["checks"]} == {
        f"GET {path} is 200": 1 for path in ("/", "/together/1", "/together/2", "/alone")
    }


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (entry(5, 10, "https://x.test/b"), ["/a /b"]),
        (entry(10, 10, "https://x.test/b"), ["/a", "/b"]),
        (entry(5, 10, "https://x.test/b?token=abcd1234efgh"), ["/a", "/b?token={token}"]),
        (
            entry(5, 10, "https://x.test/b", sent=[{"name": "Cookie", "value": "k=0; s=1"}]),
            ["/a", "/b"],
        ),
        (
            entry(5, 10, "https://x.test/b", sent=[{"name": "Cookie", "value": "s=2"}]),
            ["/a /b"],
        ),
    ],
    ids=["together", "behind", "token", "cookie", "other cookie"],
)
def test_what_needs_an_answer_comes_behind_it(
    tmp_path: Path, second: dict[str, Any], expected: list[str]
) -> None:
    body = {"mimeType": "application/json", "text": '{"token": "abcd1234efgh"}'}
    cookie = [{"name": "Set-Cookie", "value": "s=1; Path=/"}]
    first = entry(0, 10, "https://x.test/a", content=body, got=cookie)
    script, _ = made(tmp_path, har(first, second), "x.har")
    assert calls(script.read_text()) == expected


def test_what_an_answer_of_several_had_is_read_from_that_one(tmp_path: Path) -> None:
    body = {"mimeType": "application/json", "text": '{"token": "abcd1234efgh"}'}
    entries = [
        entry(0, 50, "https://x.test/a"),
        entry(5, 50, "https://x.test/b", content=body),
        entry(90, 5, "https://x.test/c?token=abcd1234efgh"),
    ]
    text = made(tmp_path, har(*entries), "x.har")[0].read_text()
    assert 'response = responses[1]\n    token = response.json("token")\n' in text


@contextmanager
def meeting() -> Iterator[str]:
    """Run a server whose `/together/` answers only when two such requests are there."""
    both = threading.Barrier(2)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

        def do_GET(self) -> None:
            status = 200
            if self.path.startswith("/together/"):
                try:
                    both.wait(MEET_S)
                except threading.BrokenBarrierError:
                    status = 500
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with threaded(Handler) as url:
        yield url


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="make slow")
def test_ten_thousand_requests_are_converted_in_seconds() -> None:
    entries = []
    for n in range(10_000):
        items = [{"id": 5_000_000 + 100 * n + m} for m in range(20)]
        text = json.dumps({"token": f"abcdef{n:010d}", "items": items})
        body = {"mimeType": "application/json", "text": text}
        token = f"abcdef{max(n - 1, 0):010d}"
        sent = [{"name": "X-Csrf", "value": token}, {"name": "Cookie", "value": "s=1"}]
        second, ms = divmod(n, 1000)
        entries.append(entry(ms, 10, f"https://x.test/api/{n % 7}", sent=sent, content=body))
        entries[-1]["startedDateTime"] = f"2026-01-01T10:00:{second:02d}.{ms:03d}Z"
    content = har(*entries)
    begun_s = time.process_time()
    source_kinds.convert("har", content, "x.har", "x.har")
    assert time.process_time() - begun_s < 6.0  # 1.4 to 1.5 on a core of 2024
