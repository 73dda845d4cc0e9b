"""Let k6 fetch modules of jslib.k6.io although there is no network: a proxy that leads to files.

k6 fetches them by HTTPS; the proxy answers CONNECT and shows a certificate of an authority that
only this environment trusts. What it does not have is not found; nothing goes anywhere else.
"""

from __future__ import annotations

import contextlib
import re
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from certificates import Authority

__all__ = ["jslib_proxy"]

HOST = "jslib.k6.io"
_PATH = re.compile(rb"GET /([a-z0-9-]+)/[^/ ]+/index\.js")


@contextlib.contextmanager
def jslib_proxy(folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve NAME.js of a folder as any version of NAME; give the environment that k6 needs."""
    with tempfile.TemporaryDirectory() as name:
        authority = Authority(Path(name))
        context = authority.good(HOST)

        class Connection(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                head = _head(self.rfile)
                if not head.startswith(f"CONNECT {HOST}:443 ".encode()):
                    self.wfile.write(b"HTTP/1.1 403 no network\r\nContent-Length: 0\r\n\r\n")
                    return
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                with context.wrap_socket(self.request, server_side=True) as secure:
                    asked = _PATH.match(secure.recv(65536))
                    path = folder / f"{asked[1].decode()}.js" if asked else folder / "none"
                    body = path.read_bytes() if path.exists() else b""
                    status = b"200 OK" if body else b"404 Not Found"
                    fields = b"Content-Type: text/javascript\r\nConnection: close\r\n"
                    length = b"Content-Length: %d\r\n\r\n" % len(body)
                    secure.sendall(b"HTTP/1.1 " + status + b"\r\n" + fields + length + body)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                proxy = f"http://127.0.0.1:{server.server_address[1]}"
                yield {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": authority.cafile}
            finally:
                server.shutdown()
                thread.join()


def _head(stream: object) -> bytes:
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        line = stream.readline()  # type: ignore[attr-defined]
        if not line:
            break
        found += line
    return found
