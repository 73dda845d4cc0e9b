"""nginx and Node as servers of HTTP/2 over TLS, which tell what they served on which connection."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from real_servers import accepts, free_port
from running import until

__all__ = ["Host", "nginx_http2", "node_http2"]

END_S = 20
_NODE = """
const http2 = require('http2'), fs = require('fs');
const sessions = [];
const server = http2.createSecureServer({
  key: fs.readFileSync('server.pem'), cert: fs.readFileSync('server.pem'), allowHTTP1: true,
});
server.on('session', (session) => { session.number = sessions.push(0) - 1; });
server.on('request', (request, response) => {
  const session = request.stream && request.stream.session;
  if (session) sessions[session.number] += 1;
  let size = 0;
  request.on('data', (part) => { size += part.length; });
  request.on('end', () => {
    response.writeHead(request.url === '/none' ? 204 : 200, { 'x-size': String(size) });
    response.end(request.url === '/none' ? undefined : request.httpVersion + ' '.repeat(50000));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.on('SIGTERM', () => { console.log(JSON.stringify(sessions)); process.exit(); });
"""


@dataclass(slots=True)
class Host:
    """A server at work; `connections` are the numbers of requests of each, once it has ended."""

    url: str
    connections: list[int] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)  # by nginx: protocol, method, path, status


def _certificate(folder: Path) -> None:
    issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def nginx_http2(folder: Path, more: str = "") -> Iterator[Host]:
    """Start an nginx that answers everything; `more` stands in its server."""
    program, port = _program("nginx"), free_port()
    _certificate(folder)
    text = f"""
        daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; user root;
        events {{ worker_connections 1024; }}
        http {{
            log_format told '$connection $server_protocol $request_method $uri $status';
            access_log {folder}/access told; default_type text/plain;
            client_body_temp_path {folder}/b; client_max_body_size 10m;
            server {{
                listen 127.0.0.1:{port} ssl http2;
                ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
                {more}
                location / {{ return 200 "fine"; }}
                location /none {{ return 204; }}
                location /same {{ return 304; }}
                location /away {{ return 302 /landed; }}
            }}
        }}"""
    (folder / "nginx.conf").write_text(textwrap.dedent(text))
    command = [program, "-p", str(folder), "-c", "nginx.conf"]
    host = Host(f"https://127.0.0.1:{port}")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: accepts(port))
            yield host
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(END_S)
    lines = [line.split(" ", 1) for line in (folder / "access").read_text().splitlines()]
    host.connections = list(Counter(number for number, _ in lines).values())
    host.said.update(rest for _, rest in lines)


@contextmanager
def node_http2(folder: Path) -> Iterator[Host]:
    """Start a server of Node that tells the size of what it got."""
    program = _program("node")
    _certificate(folder)
    (folder / "server.js").write_text(_NODE)
    with subprocess.Popen(
        [program, "server.js"], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            host = Host(f"https://127.0.0.1:{int(process.stdout.readline())}")
            yield host
            process.send_signal(signal.SIGTERM)
            host.connections = json.loads(process.stdout.readline())
        finally:
            process.kill()
