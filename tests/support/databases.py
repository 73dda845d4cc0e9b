"""PostgreSQL and Redis of a test's own: a free port, files in a folder of their own, gone after.

    with postgres() as url: ...      # postgresql://…, a superuser with a password
    with mariadb() as url: ...       # mysql://…
    with redis() as url: ...         # redis://127.0.0.1:PORT/0
    with rq_worker(url, "high"): ... # one of RQ's own, which runs the jobs of that queue

Both trade safety for speed: what they hold is worth nothing. Missing programs skip the test.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_servers import accepts, end, free_port, need
from running import until

__all__ = ["PASSWORD", "mariadb", "postgres", "redis", "rq_worker", "without_secrets"]

PASSWORD = "pg-secret-4711"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Start PostgreSQL; yields the URL of an empty database."""
    bin_folder = _postgres_programs()
    with tempfile.TemporaryDirectory(prefix="fastbench-pg-") as name:
        folder = Path(name)
        password = folder / "password"
        password.write_text(PASSWORD)
        user = _unprivileged()
        for path in (folder, password):
            if user is not None:
                os.chown(path, user.pw_uid, user.pw_gid)
        data = folder / "data"
        make = [bin_folder / "initdb", "-D", data, "-U", "bench", "-A", "scram-sha-256", "-N"]
        make += [f"--pwfile={password}", "--no-locale", "-E", "UTF8", "--no-instructions"]
        subprocess.run(_as(user, *make), check=True, capture_output=True)
        port = free_port()
        flags = [word for each in _QUICK for word in ("-c", each)]
        flags += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        command = _as(user, bin_folder / "postgres", "-D", data, "-p", str(port), *flags)
        # SIGINT: the fast shutdown, which does not wait for clients.
        with _process(command, folder / "log", port, signal.SIGINT):
            yield f"postgresql://bench:{PASSWORD}@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """Start MariaDB; yields the URL of an empty database."""
    server, make, client = need("mariadbd"), need("mariadb-install-db"), need("mariadb")
    with tempfile.TemporaryDirectory(prefix="fastbench-my-") as name:
        folder, port = Path(name), free_port()
        who = pwd.getpwuid(os.getuid()).pw_name
        data = ["--no-defaults", f"--datadir={folder}/data", f"--user={who}"]
        ready = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([make, *data, *ready], check=True, capture_output=True)
        place = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket"]
        quick = ["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"]
        with _process([server, *data, *place, *quick], folder / "log", port, signal.SIGTERM):
            root = [client, "--no-defaults", "-uroot", f"--socket={folder}/socket", "-e"]
            words = "CREATE USER bench@{0} IDENTIFIED BY '{1}'; GRANT ALL ON *.* TO bench@{0};"
            for host in ("'127.0.0.1'", "localhost"):
                subprocess.run([*root, words.format(host, PASSWORD)], check=True)
            subprocess.run([*root, "CREATE DATABASE app"], check=True)
            yield f"mysql://bench:{PASSWORD}@127.0.0.1:{port}/app"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Start Redis, which keeps nothing on disk; its socket is `redis.sock` in the same folder."""
    program = need("redis-server")
    with tempfile.TemporaryDirectory(prefix="fastbench-redis-") as name:
        folder, port = Path(name), free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", name, "--unixsocket", str(folder / "redis.sock")]
        with _process(command, folder / "log", port, signal.SIGTERM):
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def rq_worker(url: str, queue: str) -> Iterator[None]:
    """Start a worker, which runs jobs in its own process: a fork for each takes its time."""
    command = [sys.executable, "-m", "rq.cli", "worker", "--worker-class", "rq.SimpleWorker"]
    process = subprocess.Popen(
        [*command, "--url", url, "--quiet", queue],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        end(process, signal.SIGTERM)


def without_secrets(*texts: str) -> None:
    """Assert that the password is in none of these."""
    assert [text for text in texts if PASSWORD in text] == []


@contextlib.contextmanager
def _process(command: list[str], log: Path, port: int, stop: signal.Signals) -> Iterator[None]:
    with open(log, "w+b") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            until(lambda: process.poll() is not None or accepts(port), limit_s=30)
            assert process.returncode is None, log.read_text(errors="replace")
            yield
        finally:
            end(process, stop)


def _postgres_programs() -> Path:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    if found := shutil.which("initdb"):
        return Path(found).parent
    pytest.skip("postgresql is not installed")


def _unprivileged() -> pwd.struct_passwd | None:
    """Return who runs PostgreSQL, which refuses to be root's; None: whoever we are."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("there is no user that PostgreSQL may run as")


def _as(user: pwd.struct_passwd | None, *words: object) -> list[str]:
    if user is None:
        return [str(word) for word in words]
    who = ("--reuid", user.pw_uid, "--regid", user.pw_gid, "--clear-groups", "--no-new-privs")
    return [str(word) for word in ("setpriv", *who, *words)]
