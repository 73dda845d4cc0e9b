"""nginx on a host of namespaces, with an API's answers; its access log says who asked for what.

    with Hosts(3) as hosts, NginxHost(hosts.server, tmp_path) as server:
        hosts[0].run("fastbench", …, server.url)
    server.asked()      # [Asked("10.77.0.1", 17, "POST", "/api/v1/auth/login", 200), …]

1. The answers are those that examples/campaign needs: a token for who signs in, conversations.
2. It has ended orderly after the block, and its log is whole. `asked()` reads it then.
3. It keeps as many connections as there are users: 12,000.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from hosts import Host
from running import until

__all__ = ["Asked", "NginxHost"]

PORT = 8080  # of a host of its own
CONNECTIONS = 12_000
END_S = 20.0
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error; worker_processes 1; user root;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    log_format asked '$remote_addr $http_x_user $request_method $uri $status';
    access_log {folder}/access asked buffer=256k;
    client_body_temp_path {folder}/body; default_type application/json;
    keepalive_timeout 120s; keepalive_requests 1000000;
    server {{
        listen {address}:{port} backlog=4096;
        location = /api/v1/auth/login {{ return 200 '{{"accessToken": "$request_id"}}'; }}
        location = /api/v1/messages/conversations {{ return 200 '{{"data": [{listed}]}}'; }}
        location ~ /reply$ {{ return 200 '{{"id": "$request_id"}}'; }}
        location ~ ^/api/v1/messages/conversations/ {{ return 200 '{{"messages": [{read}]}}'; }}
        location / {{ return 404; }}
    }}
}}
"""


class Asked(NamedTuple):
    """A request as the log has it; `user` is 0 where none was named."""

    address: str
    user: int
    method: str
    path: str
    status: int


class NginxHost:
    """nginx, ready; `process` is its master."""

    def __init__(self, host: Host, folder: Path) -> None:
        if (program := shutil.which("nginx")) is None:
            pytest.skip("nginx is not installed")
        self._host, self._folder = host, folder
        self._program = program
        self.url = f"http://{host.address}:{PORT}"

    def __enter__(self) -> NginxHost:
        path = self._folder / "nginx.conf"
        path.write_text(
            CONFIGURATION.format(
                folder=self._folder,
                address=self._host.address,
                port=PORT,
                connections=CONNECTIONS,
                files=CONNECTIONS + 100,
                listed=_rows("last_message", 20),
                read=_rows("content", 50),
            )
        )
        self.process = self._host.popen(
            self._program, "-p", str(self._folder), "-c", str(path), stderr=subprocess.DEVNULL
        )
        until(lambda: (self._folder / "pid").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, (self._folder / "error").read_text()
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(END_S)

    def errors(self) -> str:
        """Return what it had to complain of."""
        return (self._folder / "error").read_text()

    def asked(self) -> list[Asked]:
        """Return every request that it answered, once it has ended."""
        assert self.process.poll() is not None, "its log is not written yet"
        found = []
        with open(self._folder / "access") as log:
            for line in log:
                address, user, method, path, status = line.split()
                found.append(
                    Asked(address, 0 if user == "-" else int(user), method, path, int(status))
                )
        return found


def _rows(key: str, count: int) -> str:
    return ", ".join(
        f'{{"id": "{number}", "{key}": "message {number} of this conversation"}}'
        for number in range(1, count + 1)
    )
