"""Real servers, started as their makers describe, each with its own count of what it served.

    with real_server("nginx") as server:
        ...                         # server.url("/path"), server.flags for the command line
    server.served                   # {"GET /path": 1000}: what its access log says, once it ended

1. A server runs in the foreground on a free loopback port, with all its files in a folder of its
   own, and ends with the block. One that this machine does not have skips the test.
2. Counts come from the access log; `fastbench serve` has none and tells its total on a page.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from running import until

__all__ = [
    "BODY",
    "KINDS",
    "RealServer",
    "Recipe",
    "end",
    "need",
    "need_module",
    "real_server",
    "write",
]

ATTEMPTS = 3  # another process may take the port between our look and the server's bind
END_S = 20
BODY = b"x" * 100
_PLACES = (str(Path(__file__).parents[2] / "build" / "peers" / "bin"), "/usr/sbin", "/sbin")
_REQUEST = re.compile(r'"([A-Z]+) (/\S*) HTTP/1\.1"')


@dataclass(slots=True)
class RealServer:
    """A server at work. `served` maps "METHOD /path" to how often, once it has ended.

    With `total_only` there is one entry for all, "".
    """

    port: int
    scheme: str
    flags: tuple[str, ...]
    total_only: bool
    process: subprocess.Popen[bytes]  # another one if a test restarts it
    log: Path
    served: Counter[str] = field(default_factory=Counter)

    def url(self, path: str) -> str:
        """Name a resource; every server answers any path with 200 and a short body."""
        return f"{self.scheme}://localhost:{self.port}{path}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to start one: the command, its access log (None: GET /count), the orderly stop."""

    command: list[str]
    log: str | None = "output"
    stop: signal.Signals = signal.SIGTERM
    scheme: str = "http"
    flags: tuple[str, ...] = ()
    request: re.Pattern[str] = _REQUEST  # in the log: method and path, in this order


Kinds = Mapping[str, Callable[[Path, int], Recipe]]


def nginx(folder: Path, port: int, tls: str = "") -> Recipe:
    program = need("nginx")
    write(
        folder / "nginx.conf",
        f"""
        daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; user root;
        events {{ worker_connections 1024; }}
        http {{
            access_log {folder}/access; default_type text/plain; client_body_temp_path {folder}/b;
            server {{ listen 127.0.0.1:{port} {tls}; return 200 "{BODY.decode()}"; }}
        }}""",
    )
    return Recipe([program, "-p", str(folder), "-c", "nginx.conf"], "access", signal.SIGQUIT)


def nginx_https(folder: Path, port: int) -> Recipe:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    plain = nginx(
        folder,
        port,
        f"ssl; ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem",
    )
    flags = ("--cacert", str(folder / "ca.pem"))
    return Recipe(plain.command, plain.log, plain.stop, "https", flags)


def apache(folder: Path, port: int) -> Recipe:
    program = need("apache2", "httpd")
    modules = Path("/usr/lib/apache2/modules")
    if not (modules / "mod_mpm_event.so").exists():
        pytest.skip("Apache's modules are not where Debian has them")
    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_bytes(BODY)
    write(
        folder / "apache.conf",
        f"""
        LoadModule mpm_event_module {modules}/mod_mpm_event.so
        LoadModule authz_core_module {modules}/mod_authz_core.so
        LoadModule alias_module {modules}/mod_alias.so
        ServerName localhost
        Listen 127.0.0.1:{port}
        PidFile {folder}/pid
        User #65534
        Group #65534
        DocumentRoot {site}
        AliasMatch ".*" {site}/index.html
        ErrorLog {folder}/error
        CustomLog {folder}/access "\\"%r\\" %>s"
        """,
    )
    command = [program, "-D", "FOREGROUND", "-d", str(folder), "-f", str(folder / "apache.conf")]
    return Recipe(command, "access", signal.SIGWINCH)


def lighttpd(folder: Path, port: int) -> Recipe:
    program = need("lighttpd")
    (folder / "index.html").write_bytes(BODY)
    write(
        folder / "lighttpd.conf",
        f"""
        server.modules = ("mod_rewrite", "mod_accesslog")
        server.bind = "127.0.0.1"
        server.port = {port}
        server.document-root = "{folder}"
        url.rewrite-once = (".*" => "/index.html")
        accesslog.filename = "{folder}/access"
        accesslog.format = "\\"%r\\" %s"
        """,
    )
    return Recipe([program, "-D", "-f", str(folder / "lighttpd.conf")], "access", signal.SIGINT)


def haproxy(folder: Path, port: int) -> Recipe:
    program = need("haproxy")
    write(
        folder / "haproxy.cfg",
        f"""
        global
            nbthread 1  # threads that find the log taken drop their line
            log stdout format raw local0
        defaults
            mode http
            timeout client 30s
            timeout connect 5s
            timeout server 30s
        frontend answers
            bind 127.0.0.1:{port}
            log global
            log-format "\\"%r\\" %ST"
            http-request return status 200 content-type text/plain string {BODY.decode()}
        """,
    )
    return Recipe([program, "-db", "-f", str(folder / "haproxy.cfg")], stop=signal.SIGUSR1)


def gunicorn(folder: Path, port: int) -> Recipe:
    need_module("gunicorn")
    write(
        folder / "wsgi.py",
        f"""
def app(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "{len(BODY)}")])
    return [{BODY!r}]
""",
    )
    flags = ["--worker-class", "gthread", "--threads", "4", "--access-logfile", "-"]
    place = ["--chdir", str(folder), "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    return Recipe([sys.executable, "-m", "gunicorn", *flags, *place, "wsgi:app"])


def uvicorn(folder: Path, port: int) -> Recipe:
    need_module("uvicorn")
    write(
        folder / "asgi.py",
        f"""
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    head = [(b"content-length", b"{len(BODY)}")]
    await send({{"type": "http.response.start", "status": 200, "headers": head}})
    await send({{"type": "http.response.body", "body": {BODY!r}}})
""",
    )
    place = ["--app-dir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    return Recipe([sys.executable, "-m", "uvicorn", *place, "asgi:app"])


def node(folder: Path, port: int) -> Recipe:
    program = need("node")
    write(
        folder / "server.js",
        f"""
const served = [];
const server = require("http").createServer((request, response) => {{
    served.push(`"${{request.method}} ${{request.url}} HTTP/${{request.httpVersion}}"`);
    request.resume().on("end", () => response.end("{BODY.decode()}"));
}});
server.listen({port}, "127.0.0.1");
process.on("SIGTERM", () => {{ console.log(served.join("\\n")); process.exit(0); }});
""",
    )
    return Recipe([program, str(folder / "server.js")])


def python(folder: Path, port: int) -> Recipe:
    write(
        folder / "server.py",
        f"""
import http.server, socketserver

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "{len(BODY)}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write({BODY!r})

    do_HEAD = do_POST = do_GET

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that hangs up at the end of its run

Server(("127.0.0.1", {port}), Handler).serve_forever()
""",
    )
    return Recipe([sys.executable, "-u", str(folder / "server.py")])


def serve(folder: Path, port: int) -> Recipe:
    command = [sys.executable, "-m", "fastbench", "serve", "--port", str(port), "--quiet"]
    return Recipe(command, log=None)


KINDS: Kinds = {
    "nginx": nginx,
    "nginx https": nginx_https,
    "apache": apache,
    "lighttpd": lighttpd,
    "haproxy": haproxy,
    "gunicorn": gunicorn,
    "uvicorn": uvicorn,
    "node": node,
    "python": python,
    "fastbench serve": serve,
}


@contextlib.contextmanager
def real_server(kind: str, kinds: Kinds = KINDS) -> Iterator[RealServer]:
    """Start a server of this kind and wait until it accepts; skips where there is none."""
    with tempfile.TemporaryDirectory(prefix="fastbench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # for servers that give up root before they read their files
        with open(folder / "output", "w+b") as output:
            recipe, port, process = start(kind, kinds, folder, output.fileno())
            total_only = recipe.log is None
            path = folder / (recipe.log or "output")
            server = RealServer(port, recipe.scheme, recipe.flags, total_only, process, path)
            try:
                yield server
                if recipe.log is None:
                    with urllib.request.urlopen(server.url("/count")) as page:
                        server.served[""] = json.load(page)["requests"]
            finally:
                end(server.process, recipe.stop)
        if not total_only:
            log = server.log.read_text(errors="replace")
            server.served.update(" ".join(found) for found in recipe.request.findall(log))


def start(
    kind: str, kinds: Kinds, folder: Path, output: int
) -> tuple[Recipe, int, subprocess.Popen[bytes]]:
    for _ in range(ATTEMPTS):
        port = free_port()
        recipe = kinds[kind](folder, port)
        process = subprocess.Popen(
            recipe.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            until(lambda: process.poll() is not None or accepts(port))  # noqa: B023
        except AssertionError:
            end(process, signal.SIGKILL)
            raise
        if process.returncode is None:
            return recipe, port, process
    said = (folder / "output").read_text(errors="replace")
    raise AssertionError(f"{kind} does not start: {said}")


def end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    """Ask for an orderly end, in which logs are written out; then make sure of it."""
    process.send_signal(stop)
    try:
        process.wait(END_S)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the usual case: nothing is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write(path: Path, text: str) -> None:
    path.write_text(textwrap.dedent(text))


def need(*names: str) -> str:
    """Return the path of the first program there is, or skip the test."""
    places = ":".join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), *_PLACES])
    for name in names:
        if program := shutil.which(name, path=places):
            return program
    pytest.skip(f"{names[0]} is not installed")


def need_module(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
