"""Measure how true the numbers are; write bench/results/accuracy.json and the picture of a stall.

stall     1,000 requests per second for 30 s, the server stopped once for 1 s: what fastbench says,
          what wrk says, what wrk2 says (when it is on the path), and what must come out
rates     asked rates of 50 to 50,000 per second on one core: met, and how late the client sent
delays    a server with known latencies: our percentiles beside those of the server's own log
overload  twice what the server can do for 20 s: the queue, its age, and that all adds up
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import harness
import stall_picture
from harness import BenchError, Cores

from fastbench.results.histogram import Histogram

STALL_S = 1.0
RUN_S = 30.0
RATE = 1000
RATES = (50, 1_000, 10_000, 50_000)
CURVE = (50.0, 75.0, 90.0, 95.0, *(96 + n / 5 for n in range(20)), 99.9, 99.95, 99.99)
QUANTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p99_9": 99.9}
Document = dict[str, Any]


def verdict(name: str, value: float, low: float, high: float, unit: str = "") -> Document:
    """Hold a figure against its bounds."""
    reached = low <= value <= high
    word = "pass" if reached else "FAIL"
    print(f"  {name:44}{value:12,.3f} {unit:4} {low:,.6g} to {high:,.6g}  {word}")
    return {"value": round(value, 4), "low": low, "high": high, "reached": reached}


def document(arguments: Sequence[str], core: str, seconds: float) -> Document:
    """Run fastbench and return its document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [*harness.fastbench_command(), "--no-progress", "--json", str(path), *arguments]
        harness.run(command, core, seconds)
        found: Document = json.loads(path.read_text())
    return found


def stopped(process: subprocess.Popen[str], after_s: float) -> None:
    """Stop a server (setpriv and taskset became it) for STALL_S; blocks until it goes on."""
    time.sleep(after_s)
    process.send_signal(signal.SIGSTOP)
    time.sleep(STALL_S)
    process.send_signal(signal.SIGCONT)


def stalled(command: Sequence[str], program: Path, cores: Cores) -> str:
    """Run a tool against a fresh server that is stopped halfway; give its output."""
    server = [str(program), "--port", "0"]
    with harness.background(server, cores.server) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/"
        pinned = harness.pinned([word.replace("URL", url) for word in command], cores.client)
        with subprocess.Popen(pinned, stdout=subprocess.PIPE, text=True) as tool:
            stopped(process, RUN_S / 2)  # wrk2 forgets its first 10 s
            output, _ = tool.communicate(timeout=RUN_S + harness.GRACE_S)
        if tool.returncode:
            raise BenchError(f"{command[0]} ended with {tool.returncode}: {output[-300:]}")
    return output


def of_stalled(flags: Sequence[str], program: Path, cores: Cores) -> Document:
    """Run fastbench against a server that is stopped halfway; give its document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [*harness.fastbench_command(), "--no-progress", "--json", str(path)]
        stalled([*command, *flags, "URL"], program, cores)
        found: Document = json.loads(path.read_text())
    return found


def percentiles_of_wrk(output: str) -> dict[str, float]:
    """Read the distribution that wrk and wrk2 print, in ms by percentile."""
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
    found = re.findall(r"^\s+([\d.]+)%\s+([\d.]+)(us|ms|s|m)$", output, re.MULTILINE)
    return {f"{float(p):g}": float(value) * units[unit] for p, value, unit in found}


def percentiles_of(found: Document, name: str) -> dict[str, float]:
    """Read ours from the histogram, at as many places as a curve needs."""
    histogram = Histogram.from_v2(base64.b64decode(found["hdr"][name]))
    return {f"{p:g}": round(histogram.percentile(p) / 1e6, 3) for p in CURVE}


def expected_ms(percent: float) -> float:
    """Say what must come out: a share S/T waits for up to S, so S - (1 - p) T, or next to none."""
    return max(0.0, 1000 * (STALL_S - (1 - percent / 100) * RUN_S))


def stall(program: Path, cores: Cores) -> Document:
    """Stop the server for a second under each tool."""
    flags = ["-c200", f"-d{RUN_S:g}s", "-t1"]
    curves: dict[str, dict[str, float]] = {}
    planned = of_stalled([*flags, f"-R{RATE}"], program, cores)
    closed = of_stalled(flags, program, cores)
    curves["fastbench -R"] = percentiles_of(planned, "response")
    curves["fastbench, closed loop"] = percentiles_of(closed, "service")
    curves["wrk, closed loop"] = percentiles_of_wrk(
        stalled(["wrk", *flags, "--latency", "URL"], program, cores)
    )
    if shutil.which("wrk2"):
        output = stalled(["wrk2", *flags, f"-R{RATE}", "--latency", "URL"], program, cores)
        curves["wrk2 -R"] = percentiles_of_wrk(output.partition("Detailed")[0])
    response, service = (planned["latency_ms"][name] for name in ("response", "service"))
    summary = planned["summary"]
    accounted = summary["started"] + summary["dropped"] + summary["queued_at_end"]
    figures = {
        "response p50, ms": verdict("stall: response p50", response["p50"], 0, 5, "ms"),
        "response p99, ms": verdict("stall: response p99", response["p99"], 650, 800, "ms"),
        "response p99.9, ms": verdict("stall: response p99.9", response["p99_9"], 930, 1050, "ms"),
        "service p99, ms": verdict("stall: service p99", service["p99"], 0, 50, "ms"),
        "requests accounted for": verdict(
            "stall: requests accounted for", accounted, RATE * RUN_S - 1, RATE * RUN_S + 1
        ),
    }
    for name, curve in curves.items():
        shown = ", ".join(f"p{p} {curve[p]:.3g}" for p in ("50", "90", "99", "99.9") if p in curve)
        print(f"  {name:30} ms: {shown}")
    return {"figures": figures, "curves_ms": curves, "verdict": planned["validity"]}


def rates(program: Path, cores: Cores, seconds: float) -> Document:
    """Ask for rates and look at what was met, and how late the client was."""
    figures = {}
    lags_ms: dict[str, dict[str, float]] = {}
    with harness.fixed_server(program, cores.server) as url:
        for rate in RATES:
            asked = ["-c50", "-t1", f"-R{rate}", f"-d{seconds:g}s", "-w", url]
            found = document(asked, cores.client, seconds)
            met = found["summary"]["requests_per_s"] / rate
            name = f"{rate:,}/s"
            figures[f"{name}: met"] = verdict(f"{name}: reached / asked", met, 0.999, 1.001)
            lag = found["latency_ms"]["lag"]
            lags_ms[name] = {each: lag[each] for each in ("p50", "p99", "p99_9", "max")}
            if rate <= 10_000:
                figures[f"{name}: lag p99, ms"] = verdict(
                    f"{name}: start lag p99", lag["p99"], 0, 0.5, "ms"
                )
    return {"figures": figures, "lags_ms": lags_ms}


def delays(cores: Cores, seconds: float) -> Document:
    """Compare our percentiles with the log of a server that knows its own."""
    command = [sys.executable, str(Path(__file__).with_name("delays.py"))]
    with harness.background(command, cores.server) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/"
        asked = ["-c100", "-t1", "-R500", f"-d{seconds:g}s", "-w", url]
        found = document(asked, cores.client, seconds)
        process.terminate()
        log = Histogram.from_values(map(int, process.stdout.read().split()))
    if log.count != found["summary"]["ok"]:
        raise BenchError(f"the server logged {log.count}, not {found['summary']['ok']}")
    figures = {}
    for name, percent in QUANTILES.items():
        own_ms = log.percentile(percent) / 1e6
        error_ms = found["latency_ms"]["service"][name] - own_ms
        bound_ms = max(0.01 * own_ms, 0.2)
        title = f"{name.replace('_', '.')}: ours - the server's {own_ms:.1f} ms"
        figures[title] = verdict(title, error_ms, -bound_ms, bound_ms, "ms")
    return {"figures": figures, "requests": log.count}


def overload(cores: Cores, seconds: float) -> Document:
    """Ask for twice what four connections of a 20 ms server can carry."""
    command = [*harness.fastbench_command(), "serve", "--port", "0", "--quiet", "--with-parent"]
    with harness.background(command, cores.server) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        rate = round(2 * 4 / 0.02)
        asked = ["-c4", "-t1", f"-R{rate}", f"-d{seconds:g}s", f"{url}/delay/20"]
        found = document(asked, cores.client, seconds)
    s = found["summary"]
    accounted = s["started"] + s["dropped"] + s["queued_at_end"]
    ended = s["ok"] + s["failed"] + s["timeouts"] + s["in_flight_at_end"]
    half = rate * seconds / 2
    age_s = s["queued_at_end"] / rate
    return {
        "figures": {
            "scheduled": verdict("overload: scheduled", s["scheduled"], 2 * half, 2 * half),
            "scheduled - accounted": verdict(
                "overload: scheduled - (started + dropped + queued)",
                s["scheduled"] - accounted,
                0,
                0,
            ),
            "started - ended": verdict("overload: started - ended", s["started"] - ended, 0, 0),
            "queued at end": verdict(
                "overload: queued at end", s["queued_at_end"], half * 0.95, half * 1.3
            ),
            "age of the oldest, s": verdict(
                "overload: age of the oldest", s["oldest_queued_s"], age_s - 0.1, age_s + 0.1, "s"
            ),
        },
        "verdict": found["validity"],
    }


def _measure(rows: list[str], output: Path | None, seconds: float) -> bool:
    harness.need("gcc", "setpriv", "taskset", "wrk")
    cores = harness.pick_cores()
    found: dict[str, Document] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = harness.compile_c("server", Path(folder))
        steps = {
            "stall": lambda: stall(program, cores),
            "rates": lambda: rates(program, cores, seconds),
            "delays": lambda: delays(cores, 2 * seconds),
            "overload": lambda: overload(cores, 2 * seconds),
        }
        for name in rows:
            before, surroundings = harness.cpu_ticks(), harness.environment()
            row = steps[name]()
            surroundings["steal"] = round(harness.steal_share(before, harness.cpu_ticks()), 4)
            found[name] = {**row, "environment": surroundings}
            if output is not None:
                harness.write_rows(output, {name: found[name]})
    if output is not None and "stall" in found:
        curves = found["stall"]["curves_ms"]
        picture = stall_picture.draw(curves, expected_ms, rate=RATE, stall_s=STALL_S)
        output.with_name("stall.svg").write_text(picture)
    return all(each["reached"] for row in found.values() for each in row["figures"].values())


def main() -> int:
    """Measure the rows asked for; 0 when every figure is within its bounds, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", default="stall,rates,delays,overload", help="%(default)s")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a rate (%(default)g)")
    parser.add_argument("--quick", action="store_true", help="3 s each, no stall; nothing written")
    parser.add_argument("--output", type=Path, help="default bench/results/accuracy.json")
    asked = parser.parse_args()
    rows = ["rates", "delays", "overload"] if asked.quick else asked.rows.split(",")
    output = asked.output or (None if asked.quick else harness.RESULTS / "accuracy.json")
    return harness.exit_code(lambda: _measure(rows, output, 3.0 if asked.quick else asked.seconds))


if __name__ == "__main__":
    sys.exit(main())
