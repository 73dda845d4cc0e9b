"""Prometheus and InfluxDB as processes of a test, and how to ask them what they hold.

A server that this machine does not have skips the test. Each has a folder and ports of its own, and
ends with its block.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from running import until

__all__ = ["Vector", "answers", "asked", "influxdb", "prometheus", "vector"]

END_S = 20
Vector = dict[tuple[tuple[str, str], ...], float]


@contextlib.contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """Run a Prometheus that takes remote write; give its URL."""
    if importlib.util.find_spec("cramjam") is None:
        pytest.skip("cramjam is not installed")
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n")
    flags = (
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
    )
    with _running("prometheus", *flags, env={}, ready=f"{url}/-/ready"):
        yield url


@contextlib.contextmanager
def influxdb(folder: Path) -> Iterator[str]:
    """Run InfluxDB 1.x; give its URL."""
    port, backup = _free_port(), _free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{backup}",
        "INFLUXDB_META_DIR": str(folder / "meta"),
        "INFLUXDB_DATA_DIR": str(folder / "data"),
        "INFLUXDB_DATA_WAL_DIR": str(folder / "wal"),
        "INFLUXDB_REPORTING_DISABLED": "true",
    }
    with _running("influxd", "run", env=env, ready=f"{url}/ping"):
        yield url


@contextlib.contextmanager
def _running(program: str, *words: str, env: Mapping[str, str], ready: str) -> Iterator[None]:
    """Run a server until the block ends, from when `ready` answers."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on this machine")
    with subprocess.Popen(
        [program, *words],
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(lambda: process.poll() is None and answers(ready), END_S)
            yield
        finally:
            process.terminate()
            process.wait(END_S)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Tell whether a URL answers with 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(200 <= answer.status <= 299)
    except OSError:
        return False


def asked(url: str, **query: str) -> Any:
    """Return the JSON that a URL answers with."""
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
        return json.load(answer)


def vector(url: str, expression: str, at_s: float | None = None) -> Vector:
    """Evaluate an expression in Prometheus, at an instant or now: values by their labels."""
    query = {"query": expression, **({} if at_s is None else {"time": repr(at_s)})}
    found = asked(f"{url}/api/v1/query", **query)["data"]
    assert found["resultType"] == "vector", expression
    return {tuple(sorted(row["metric"].items())): float(row["value"][1]) for row in found["result"]}
