"""Outputs against the servers they are for: what these have stored is what the document says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from monitors import asked, influxdb, prometheus, vector
from running import Run, fastbench
from servers import Server, answering

SCRIPT = """
from fastbench import *
options = Options(base_url=env("URL"))

@scenario(executor="constant-vus", vus=2, duration="2.2s")
async def shop(vu):
    await vu.get("/", name="front")
    await vu.get("/", name="lost", expected=[404])
    await sleep(0.002)
"""


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
    with prometheus(tmp_path) as url:

        def number(expression: str) -> float:
            (value,) = vector(url, expression).values()
            return value

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
    with influxdb(tmp_path) as url:

        def rows(query: str) -> list[list[Any]]:
            (result,) = asked(f"{url}/query", db="load", q=query)["results"]
            (series,) = result["series"]
            found: list[list[Any]] = series["values"]
            return found

        hostile = 'a b,c=\\,d"'
        run = followed(tmp_path, f"influxdb={url}/load", "--tag", f"build={hostile}")
        ((_, total),) = rows("SELECT SUM(value) FROM http_reqs")
        assert total == run.document["metrics"]["http_reqs"]["values"]["count"]
        assert rows('SHOW TAG VALUES FROM http_reqs WITH KEY = "build"') == [["build", hostile]]
        names = rows('SHOW TAG VALUES FROM http_req_duration WITH KEY = "name"')
        assert names == [["name", "front"], ["name", "lost"]]
