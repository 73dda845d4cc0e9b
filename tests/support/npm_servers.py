"""Servers of WebSockets as npm has them: `ws` and `socket.io` on one port, and nginx before them.

The packages are installed once, into `build/npm`; without node, npm or a network the tests that
need them are skipped. When it ends the server says what it counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from embedded import DEADLINE_S
from own_sources import ROOT
from real_servers import accepts, free_port, need, write
from running import until

PACKAGES = ("phoenix@1.7", "socket.io@4", "ws@8")
TOKEN = "secret"
_FOLDER = ROOT / "build" / "npm"
_INSTALL_S = 90

_SERVER = """
const { Server } = require("socket.io"), { WebSocketServer } = require("ws");
const seen = { sessions: 0, received: 0, sent: 0, closed: {}, errors: 0, connects: 0, events: 0,
               left: {}, refused: 0 };
const add = (table, key) => { table[key] = (table[key] || 0) + 1; };
const http = require("http").createServer((request, response) => response.end("a page"));

const plain = new WebSocketServer({ noServer: true, perMessageDeflate: true });
plain.on("connection", socket => {
    seen.sessions += 1;
    socket.on("message", (data, binary) => {
        seen.received += 1;
        socket.send(data, { binary });
        seen.sent += 1;
    });
    socket.on("close", code => add(seen.closed, code));
    socket.on("error", () => { seen.errors += 1; });
});
http.on("upgrade", (request, socket, head) => {
    if (request.url.startsWith("/ws"))
        plain.handleUpgrade(request, socket, head, it => plain.emit("connection", it, request));
});

const io = new Server(http, { pingInterval: 100, pingTimeout: 5000, serveClient: false });
io.engine.on("connection_error", () => { seen.refused += 1; });
const serve = socket => {
    seen.connects += 1;
    socket.onAny(() => { seen.events += 1; });
    socket.on("disconnect", reason => add(seen.left, reason));
    socket.on("subscribe", (asked, ack) => { socket.join(asked.channel); ack(asked); });
    socket.on("typing", (...given) => socket.to("c").emit("typing", ...given));
    socket.on("echo", (...given) => {
        const last = given[given.length - 1];
        if (typeof last === "function") last(...given.slice(0, -1));
        else socket.emit("echo", ...given);
    });
    socket.on("ask", async (given, ack) => ack(await socket.emitWithAck("question", given)));
    socket.on("leave", () => socket.disconnect());
};
io.on("connection", serve);
io.of("/agents").on("connection", serve).use((socket, next) =>
    next(socket.handshake.auth.token === "TOKEN" ? undefined : new Error("wrong token")));

http.listen(0, "127.0.0.1", () => console.log(http.address().port));
process.on("SIGTERM", () => {
    console.log(JSON.stringify(seen));
    process.exit(0);
});
"""


@dataclass(slots=True)
class NpmServer:
    """The server at work; `seen` is what it counted, once it has ended."""

    url: str
    seen: dict[str, Any] = field(default_factory=dict)


def modules() -> Path:
    """Return where the packages are, installed by whoever comes first."""
    npm = need("npm")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _FOLDER / "node_modules"
        if not all((found / name.partition("@")[0]).is_dir() for name in PACKAGES):
            quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
            soon = ("--fetch-retries=1", "--fetch-timeout=20000", "--fetch-retry-maxtimeout=2000")
            command = [npm, "install", "--prefix", str(_FOLDER), *quiet, *soon, *PACKAGES]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S)
            except subprocess.TimeoutExpired:
                pytest.skip("npm does not come to an end")
            if done.returncode:
                pytest.skip(f"npm cannot install {' '.join(PACKAGES)}: {done.stderr.strip()[:200]}")
    return found


@contextlib.contextmanager
def npm_server(folder: Path) -> Iterator[NpmServer]:
    """Start it: an echo at /ws, and Socket.IO with the namespaces / and /agents."""
    node, packages = need("node"), modules()
    script = folder / "live.js"
    script.write_text(_SERVER.replace("TOKEN", TOKEN))
    process = subprocess.Popen(
        [node, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NODE_PATH": str(packages)},
    )
    assert process.stdout is not None
    with process:
        try:
            found = NpmServer(f"http://127.0.0.1:{int(process.stdout.readline())}")
            yield found
            process.send_signal(signal.SIGTERM)
            found.seen = json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


@contextlib.contextmanager
def nginx_before(folder: Path, url: str) -> Iterator[str]:
    """Start an nginx that passes WebSockets on to a server; give its URL."""
    program, port = need("nginx"), free_port()
    write(
        folder / "nginx.conf",
        f"""
        daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; user root;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass {url}; proxy_http_version 1.1;
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
                }}
            }}
        }}""",
    )
    command = [program, "-p", str(folder), "-c", "nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: accepts(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(DEADLINE_S)
