"""The plan of 10,000 users in examples/campaign, on three hosts; nginx on a fourth says who asked.

`make slow` runs it with all users, its stages shortened to a tenth, and prints what it took. In the
everyday tests there are 300 of them for some seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from dask_hosts import DaskHosts
from host_runs import Run, agents
from host_usage import HostUsage
from hosts import Hosts
from nginx_host import Asked, NginxHost
from running import SLOW

pytest_plugins = ["three_hosts"]

CAMPAIGN = Path(__file__).parents[2] / "examples" / "campaign"
USERS = 10_000 if SLOW else 300
SIZE = ("--time-scale=0.1", "-eTHINK_S=10") if SLOW else ("--time-scale=0.004", "-eTHINK_S=0.3")
LIMIT_S = 240.0
USER_BYTES = 16 << 10  # on its machine, with its connection and what the script keeps for it


def ran(
    hosts: Hosts, cluster: DaskHosts, folder: Path, script: str, *words: str
) -> tuple[dict[str, Any], list[Asked], HostUsage]:
    """Run a script of the example; return the document, what nginx was asked, and what it took."""
    begun_s = time.monotonic()
    with NginxHost(hosts.server, folder) as server:
        path, flags = str(CAMPAIGN / script), ("run", f"-eBASE_URL={server.url}", *words)
        run = Run(hosts, cluster, folder, *flags, path)
        with HostUsage([*hosts, hosts.parent]) as usage:
            code, document = run.ended(LIMIT_S)
    missed = [name for name, each in document["thresholds"].items() if not each["ok"]]
    assert code == (99 if missed else 0), document["outcome"]
    assert server.errors() == ""
    told(document, usage, time.monotonic() - begun_s)
    return document, server.asked(), usage


def told(document: dict[str, Any], usage: HostUsage, took_s: float) -> None:
    """Print what it took: figures for whoever runs this."""
    summary = document["summary"]
    print(
        f"\n{summary['started']:,} requests in {summary['duration_s']:.1f} s, {took_s:.1f} s in all"
    )
    for (host, kind), peak_bytes in sorted(usage.peak_bytes.items()):
        cpu_s = usage.cpu_s[host, kind]
        print(f"{host:8} {kind:6} {peak_bytes / 1e6:7.1f} MB  {cpu_s:6.1f} s of processor time")


@pytest.mark.slow
@pytest.mark.parametrize("script", ["campaign.py", "campaign.js"] if SLOW else ["campaign.py"])
def test_every_user_of_the_campaign_is_on_one_of_the_machines(
    hosts: Hosts, cluster: DaskHosts, tmp_path: Path, script: str
) -> None:
    words = (f"--scale={USERS / 10_000}", *SIZE)
    document, asked, usage = ran(hosts, cluster, tmp_path, script, *words)
    # Each of the numbers 1 to N is one user, who stays on one machine and signs in once.
    users = {(each.user, each.address) for each in asked}
    assert sorted(user for user, _ in users) == list(range(1, USERS + 1))
    logins = Counter(each.user for each in asked if each.path.endswith("/login"))
    assert set(logins.values()) == {1} and len(logins) == USERS
    # Both sides count the same: in all, by machine, by name.
    summary, rows = document["summary"], document["machines"]
    assert summary["started"] == summary["ok"] == len(asked)
    by = Counter(each.address for each in asked)
    assert {row["address"].split("/")[2].split(":")[0]: row["requests"] for row in rows} == by
    named = {row["name"]: row["requests"] for row in document["requests"] if row["kind"] == "http"}
    paths = Counter(_name(each) for each in asked)
    assert named == paths and {each.status for each in asked} == {200}
    _is_whole(document)
    if SLOW and script.endswith(".py"):
        workers = [usage.peak_bytes[host.name, "agent"] for host in hosts]
        assert max(workers) < 48e6 + USER_BYTES * USERS / 3
        assert usage.peak_bytes["parent", "other"] < 128e6
    assert agents(hosts) == 0


def _name(asked: Asked) -> str:
    last = asked.path.rpartition("/")[2]
    return {"login": "login", "conversations": "list", "reply": "reply"}.get(last, "conversation")


def _is_whole(document: dict[str, Any]) -> None:
    """What follows from the counts is there: thresholds, checks, table of machines, stages."""
    judged = document["thresholds"].values()
    assert len(judged) == 6 and all(each["observed"] is not None for each in judged)
    for name, each in document["thresholds"].items():
        limit_ms = name.partition(" p(95)<")[2]  # on a busy machine it may be missed, and is judged
        assert each["ok"] == (not limit_ms or each["observed"] < float(limit_ms)), name
    assert sum(row["passes"] for row in document["checks"]) == document["summary"]["started"]
    assert sum(row["fails"] for row in document["checks"]) == 0
    (scenario,) = document["scenarios"]
    assert scenario["vus_max"] == USERS and scenario["interrupted"] == 0
    for row in document["machines"]:
        assert row["lost"] == "" and row["workers"] == 1 and row["cores"] >= 1
        assert row["verdict"] and row["lag_p99_ms"] > 0 and 0 < row["clock_bound_ms"] < 5
        assert 0 < row["cpu_percent"] <= row["host_percent"] + 1
    assert len(document["stages"]) == 3
    assert [each["users"] for each in document["stages"]][1] == USERS
    assert all(each["complete"] for each in document["stages"])
