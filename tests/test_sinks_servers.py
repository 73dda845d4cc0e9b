"""Outputs against the servers they are for: what these have stored is what the document says."""

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
from running import Run, fastbench, until
from servers import Server, answering

END_S = 20
SCRIPT = """
from fastbench import *
options = Options(base_url=env("URL"))

@scenario(executor="constant-vus", vus=2, duration="2.2s")
async def shop(vu):
    await vu.get("/", name="front")
    await vu.get("/", name="lost", expected=[404])
    await sleep(0.002)
"""


@contextlib.contextmanager
def running(program: str, *words: str, env: Mapping[str, str], ready: str) -> Iterator[None]:
    """Run a server until the block ends, from when `ready` answers; skip where it is missing."""
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


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(200 <= answer.status <= 299)
    except OSError:
        return False


def asked(url: str, **query: str) -> Any:
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
        return json.load(answer)


def followed(folder: Path, out: str, *words: str) -> Run:
    script = folder / "script.py"
    script.write_text(SCRIPT)
    with Server(answering()) as server:
        run = fastbench(
            *("run", str(script), "-e", f"URL={server.url('')}", "-t", "1", "-q", "-o", out), *words
        )
    assert run.code == 0, run.err
    assert [row for row in run.document["warnings"] if row["code"] == "output_lost"] == []
    return run


def test_the_panels_of_the_plans_show_the_run_in_prometheus(tmp_path: Path) -> None:
    if importlib.util.find_spec("cramjam") is None:
        pytest.skip("cramjam is not installed")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n")
    flags = (
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
    )

    def number(expression: str) -> float:
        (row,) = asked(f"{url}/api/v1/query", query=expression)["data"]["result"]
        return float(row["value"][1])

    with running("prometheus", *flags, env={}, ready=f"{url}/-/ready"):
        run = followed(tmp_path, f"prometheus={url}/api/v1/write")
        metrics = {name: row["values"] for name, row in run.document["metrics"].items()}
        assert number("sum(k6_http_reqs_total)") == metrics["http_reqs"]["count"]
        assert number("sum(k6_http_req_failed_total)") == metrics["http_req_failed"]["passes"]
        failing = "rate(k6_http_req_failed_total[1m]) / rate(k6_http_reqs_total[1m]) * 100"
        assert number(f'({failing}) and on(name) k6_http_reqs_total{{name="lost"}}') == 100
        assert number("k6_vus") == 2
        duration = metrics["http_req_duration"]
        for share, name in ((0.5, "med"), (0.95, "p(95)"), (0.99, "p(99)")):
            of = "sum by (le) (rate(k6_http_req_duration_bucket[1m]))"
            found_ms = number(f"histogram_quantile({share}, {of})") * 1000
            assert duration[name] / 1.5 <= found_ms <= duration[name] * 1.5, name
        spent_s = number("sum(k6_http_req_duration_sum)")
        assert spent_s == pytest.approx(duration["avg"] * duration["count"] / 1000, rel=1e-6)


def test_influxdb_makes_its_database_and_keeps_every_point(tmp_path: Path) -> None:
    port, backup = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{backup}",
        "INFLUXDB_META_DIR": str(tmp_path / "meta"),
        "INFLUXDB_DATA_DIR": str(tmp_path / "data"),
        "INFLUXDB_DATA_WAL_DIR": str(tmp_path / "wal"),
        "INFLUXDB_REPORTING_DISABLED": "true",
    }

    def rows(query: str) -> list[list[Any]]:
        (result,) = asked(f"{url}/query", db="load", q=query)["results"]
        (series,) = result["series"]
        found: list[list[Any]] = series["values"]
        return found

    with running("influxd", "run", env=env, ready=f"{url}/ping"):
        hostile = 'a b,c=\\,d"'
        run = followed(tmp_path, f"influxdb={url}/load", "--tag", f"build={hostile}")
        ((_, total),) = rows("SELECT SUM(value) FROM http_reqs")
        assert total == run.document["metrics"]["http_reqs"]["values"]["count"]
        assert rows('SHOW TAG VALUES FROM http_reqs WITH KEY = "build"') == [["build", hostile]]
        names = rows('SHOW TAG VALUES FROM http_req_duration WITH KEY = "name"')
        assert names == [["name", "front"], ["name", "lost"]]
