"""Real servers that speak HTTP/2, for `real_servers.real_server(kind, KINDS)`.

Each answers any path with 200 and a short body, /large with 256 KiB, and takes a POST's body of
some megabytes; without TLS it takes HTTP/2 at once (prior knowledge), with it by ALPN.
"""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest
import trustme
from real_servers import BODY, Kinds, Recipe, need, need_module, write

__all__ = ["KINDS", "LARGE_BYTES"]

LARGE_BYTES = 256 << 10
TEXT = BODY.decode()
_LOGGED = re.compile(r'"([A-Z]+) (?:http://[^/]*)?(/\S*) HTTP/2(?:\.0)?"')


def nginx(folder: Path, port: int, pem: str = "") -> Recipe:
    """POSTs go on to a server that is behind it: so their bodies are read."""
    program = need("nginx")
    files(folder)
    tls = f"ssl_certificate {pem}; ssl_certificate_key {pem};" if pem else ""
    write(
        folder / "nginx.conf",
        f"""
        daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; user root;
        events {{ worker_connections 1024; }}
        http {{
            access_log {folder}/access; default_type text/plain; client_max_body_size 100m;
            client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
            server {{
                listen 127.0.0.1:{port} {"ssl" if pem else ""} http2; {tls}
                location / {{ return 200 "{TEXT}"; }}
                location /large {{ root {folder}; }}
                location /post {{ proxy_pass http://unix:{folder}/behind:/; }}
            }}
            server {{ listen unix:{folder}/behind; access_log off; return 200 "{TEXT}"; }}
        }}""",
    )
    command = [program, "-p", str(folder), "-c", "nginx.conf"]
    return Recipe(command, "access", signal.SIGQUIT, request=_LOGGED)


def nginx_https(folder: Path, port: int) -> Recipe:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    plain = nginx(folder, port, f"{folder}/server.pem")
    flags = ("--cacert", str(folder / "ca.pem"))
    return Recipe(plain.command, plain.log, plain.stop, "https", flags, plain.request)


def apache(folder: Path, port: int) -> Recipe:
    program = need("apache2", "httpd")
    modules = Path("/usr/lib/apache2/modules")
    need_file(modules / "mod_http2.so")
    files(folder)
    write(
        folder / "apache.conf",
        f"""
        LoadModule mpm_event_module {modules}/mod_mpm_event.so
        LoadModule authz_core_module {modules}/mod_authz_core.so
        LoadModule alias_module {modules}/mod_alias.so
        LoadModule http2_module {modules}/mod_http2.so
        Protocols h2c http/1.1
        H2Direct on
        ServerName localhost
        Listen 127.0.0.1:{port}
        PidFile {folder}/pid
        User #65534
        Group #65534
        DocumentRoot {folder}
        AliasMatch "^/large" {folder}/large
        AliasMatch ".*" {folder}/index.html
        ErrorLog {folder}/error
        CustomLog {folder}/access "\\"%r\\" %>s"
        """,
    )
    command = [program, "-D", "FOREGROUND", "-d", str(folder), "-f", str(folder / "apache.conf")]
    return Recipe(command, "access", signal.SIGWINCH, request=_LOGGED)


def lighttpd(folder: Path, port: int) -> Recipe:
    program = need("lighttpd")
    files(folder)
    write(
        folder / "lighttpd.conf",
        f"""
        server.modules = ("mod_rewrite", "mod_accesslog")
        server.feature-flags = ("server.h2proto" => "enable", "server.h2c" => "enable")
        server.bind = "127.0.0.1"
        server.port = {port}
        server.document-root = "{folder}"
        server.upload-dirs = ("{folder}")
        url.rewrite-once = ("^/large" => "/large", ".*" => "/index.html")
        accesslog.filename = "{folder}/access"
        accesslog.format = "\\"%r\\" %s"
        """,
    )
    command = [program, "-D", "-f", str(folder / "lighttpd.conf")]
    return Recipe(command, "access", signal.SIGINT, request=_LOGGED)


def haproxy(folder: Path, port: int) -> Recipe:
    program = need("haproxy")
    files(folder)
    write(
        folder / "haproxy.cfg",
        f"""
        global
            nbthread 1  # threads that find the log taken drop their line
            tune.bufsize {LARGE_BYTES + 16384}
            log stdout format raw local0
        defaults
            mode http
            timeout client 30s
            timeout connect 5s
            timeout server 30s
        frontend answers
            bind 127.0.0.1:{port} proto h2
            log global
            log-format "\\"%r\\" %ST"
            acl large path_beg /large
            http-request return status 200 content-type text/plain file {folder}/large if large
            http-request return status 200 content-type text/plain string {TEXT}
        """,
    )
    command = [program, "-db", "-f", str(folder / "haproxy.cfg")]
    return Recipe(command, stop=signal.SIGUSR1, request=_LOGGED)


def nghttpd(folder: Path, port: int) -> Recipe:
    """Its log is all that it reads; only files are found, by their names."""
    program = need("nghttpd")
    files(folder)
    for name in ("echo", "post"):
        (folder / name).write_bytes(BODY)
    command = [program, "--no-tls", "-v", "-n1", "--address=127.0.0.1", "-d", str(folder)]
    logged = re.compile(
        r"recv \(stream_id=\d+[^)]*\) :method: (\w+)(?:\n.*)*?\n.*\) :path: (\S+)", re.M
    )
    return Recipe([*command, str(port)], stop=signal.SIGTERM, request=logged)


def node(folder: Path, port: int) -> Recipe:
    program = need("node")
    write(
        folder / "server.js",
        f"""
const served = [], large = Buffer.alloc({LARGE_BYTES}, "x");
const server = require("http2").createServer((request, response) => {{
    served.push(`"${{request.method}} ${{request.url}} HTTP/${{request.httpVersion}}"`);
    const body = request.url.startsWith("/large") ? large : "{TEXT}";
    request.resume().on("end", () => response.end(body));
}});
server.listen({port}, "127.0.0.1");
process.on("SIGTERM", () => {{ console.log(served.join("\\n")); process.exit(0); }});
""",
    )
    return Recipe([program, str(folder / "server.js")], request=_LOGGED)


def asgi(folder: Path) -> None:
    """An application that counts by itself: access logs cost more than the servers do."""
    write(
        folder / "app.py",
        f"""
log = open({str(folder / "access")!r}, "a", buffering=1)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    query = "?" + scope["query_string"].decode() if scope["query_string"] else ""
    log.write(f'"{{scope["method"]}} {{scope["path"]}}{{query}} HTTP/{{scope["http_version"]}}"\\n')
    while (await receive()).get("more_body"):
        pass
    body = b"x" * {LARGE_BYTES} if scope["path"].startswith("/large") else {BODY!r}
    head = [(b"content-length", str(len(body)).encode())]
    await send({{"type": "http.response.start", "status": 200, "headers": head}})
    await send({{"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}})
""",
    )


def hypercorn(folder: Path, port: int) -> Recipe:
    need_module("hypercorn")
    asgi(folder)
    write(
        folder / "start.py",
        f"""
import asyncio, signal, sys
sys.path.insert(0, {str(folder)!r})
from app import app
from hypercorn.asyncio import serve
from hypercorn.config import Config

async def main():
    config = Config()
    config.bind = ["127.0.0.1:{port}"]
    config.graceful_timeout = 1
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await serve(app, config, shutdown_trigger=ended.wait)

asyncio.run(main())
""",
    )
    return Recipe([sys.executable, str(folder / "start.py")], "access", request=_LOGGED)


def granian(folder: Path, port: int) -> Recipe:
    need_module("granian")
    asgi(folder)
    words = ["--interface", "asgi", "--http", "2", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "granian", *words, "--working-dir", str(folder), "app:app"]
    return Recipe(command, "access", request=_LOGGED)


def caddy(folder: Path, port: int) -> Recipe:
    program = need("caddy")
    files(folder)
    write(
        folder / "Caddyfile",
        f"""
        {{
            admin off
            auto_https off
            persist_config off
            storage file_system {folder}/storage
            servers {{
                protocols h1 h2c
            }}
        }}
        http://localhost:{port} {{
            bind 127.0.0.1
            log {{
                output file {folder}/access
            }}
            handle /large {{
                root * {folder}
                file_server
            }}
            respond "{TEXT}"
        }}
        """,
    )
    command = [program, "run", "--config", str(folder / "Caddyfile")]
    logged = re.compile(r'"proto":"HTTP/2.0","method":"(\w+)","host":"[^"]*","uri":"([^"]*)"')
    return Recipe(command, "access", request=logged)


def envoy(folder: Path, port: int) -> Recipe:
    program = need("envoy")
    files(folder)
    manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    logger = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
    line = r"\"%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%\"\n"
    write(
        folder / "envoy.yaml",
        f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": {manager}.HttpConnectionManager
          stat_prefix: http
          codec_type: HTTP2
          access_log:
          - name: file
            typed_config:
              "@type": {logger}
              path: {folder}/access
              log_format:
                text_format_source: {{inline_string: "{line}"}}
          route_config:
            max_direct_response_body_size_bytes: {2 * LARGE_BYTES}
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: /large}}
                direct_response: {{status: 200, body: {{filename: {folder}/large}}}}
              - match: {{prefix: /}}
                direct_response: {{status: 200, body: {{inline_string: "{TEXT}"}}}}
          http_filters:
          - name: router
            typed_config: {{"@type": {router}}}
""",
    )
    command = [program, "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "-l", "error"]
    return Recipe([*command, "--use-dynamic-base-id"], "access", request=_LOGGED)


KINDS: Kinds = {
    "nginx": nginx,
    "nginx https": nginx_https,
    "apache": apache,
    "lighttpd": lighttpd,
    "haproxy": haproxy,
    "nghttpd": nghttpd,
    "node": node,
    "hypercorn": hypercorn,
    "granian": granian,
    "caddy": caddy,
    "envoy": envoy,
}


def files(folder: Path) -> None:
    (folder / "index.html").write_bytes(BODY)
    (folder / "large").write_bytes(b"x" * LARGE_BYTES)


def need_file(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path.name} is not where Debian has it")
