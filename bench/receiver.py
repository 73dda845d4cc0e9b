"""Take whatever is posted and answer 204, so that outputs of a run have somewhere to go.

Prints its port, then serves until it is ended. It stores nothing: what a receiver costs is not what
is measured, and it stands on the server's core.
"""

from __future__ import annotations

import http.server
import sys


class Receiver(http.server.BaseHTTPRequestHandler):
    """Read a message to its end and take it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def main() -> int:
    """Serve on a free loopback port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
