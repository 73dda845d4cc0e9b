"""A server that writes down what comes and answers JSON, for scripts that were converted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["RequestLog", "logging_server"]

ANSWER = b'{"id": 17, "token": "t0", "items": [{"id": 1}, {"id": 2}]}'


@dataclass
class RequestLog:
    """What came: method, path with query, body; and the headers of each."""

    url: str = ""
    came: list[tuple[str, str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def taken(self) -> list[tuple[str, str, str]]:
        """Return what came, and forget it."""
        found, self.came = self.came, []
        self.headers.clear()
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    log: RequestLog

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.log.came.append((self.command, self.path, body.decode()))
        self.log.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(ANSWER)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer


@contextmanager
def logging_server() -> Iterator[RequestLog]:
    """Run the server on a free port."""
    made = RequestLog()
    with threaded(type("Handler", (_Handler,), {"log": made})) as made.url:
        yield made


@contextmanager
def threaded(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a server of this handler on a free port, a thread a connection; give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
