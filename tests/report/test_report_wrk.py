"""wrk's shape: units as wrk scales them, and line by line the shape of the real wrk."""

from __future__ import annotations

import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import samples

from fastbench.report.export import wrk
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result

ANSWER = b"HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello"


class Answers(socketserver.StreamRequestHandler):
    """Answer every head with the server's status, on one connection."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        status = b"404 Not Found" if getattr(self.server, "refuse", False) else b"200 OK"
        try:
            while line := self.rfile.readline():
                if line == b"\r\n":
                    self.wfile.write(ANSWER.replace(b"{status}", status))
        except ConnectionError:
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    refuse = False


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def real_wrk(server: Server, *flags: str) -> str:
    program = shutil.which("wrk")
    if program is None:
        pytest.skip("wrk is not installed")
    url = f"http://127.0.0.1:{server.server_address[1]}/api/health"
    command = [program, "-t2", "-c4", "-d1s", *flags, url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def shape(report: str) -> list[str]:
    """Reduce a report to its words and columns: digits and units go, right edges stay."""
    lines = []
    for line in report.splitlines():
        line = re.sub(r"http://\S+", "URL", line)
        line = re.sub(r" *\d+(\.\d+)?(us|ms|s|m|h)(?= |$|,)", "<time>", line)
        line = re.sub(r" *\d+\.\d\d[kMGT]?B", "<bytes>", line)
        line = re.sub(r" *\d+\.\d\d%", "<share>", line)
        line = re.sub(r" *\d+\.\d\d[kMGT]? *(?=\S|$)", "<number>", line)
        lines.append(re.sub(r" *\b\d+", "<count>", line))
    return lines


def columns(report: str) -> list[int]:
    """Return where each line of fixed width ends: the stats, the distribution, the rates."""
    fixed = [line for line in report.splitlines() if re.search(r"%$|%  |/sec:|Thread Stats", line)]
    return [len(line) for line in fixed]


@pytest.mark.parametrize("latency", [False, True])
def test_the_shape_is_that_of_the_real_wrk(server: Server, latency: bool) -> None:
    theirs = real_wrk(server, *(["--latency"] if latency else []))
    ours = wrk.render(samples.good(), latency=latency)
    assert shape(ours) == shape(theirs)
    assert columns(ours) == columns(theirs)


def test_statuses_nobody_wants_are_told_as_wrk_does(server: Server) -> None:
    server.refuse = True
    theirs = real_wrk(server)
    bad = replace(samples.good(), status_codes={"404": 10}, errors=())
    assert shape(wrk.render(bad, latency=False)) == shape(theirs)


@pytest.mark.parametrize("name", samples.ALL)
def test_a_sample_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"wrk_{name}.txt", wrk.render(samples.ALL[name](), latency=True))


def test_error_lines_are_there_only_when_there_are_errors() -> None:
    good = wrk.render(samples.good(), latency=True)
    assert "Socket errors" not in good
    assert "Non-2xx" not in good
    failing = wrk.render(samples.failing(), latency=True)
    assert "  Socket errors: connect 1335, read 54, write 0, timeout 17\n" in failing
    assert "  Non-2xx or 3xx responses: 514\n" in failing


def test_an_error_while_sending_is_a_write_error() -> None:
    result = samples.failing()
    sent = tuple(replace(row, phase="send") for row in result.errors if row.kind == "reset")
    shown = wrk.render(replace(result, errors=sent), latency=False)
    assert "Socket errors: connect 0, read 0, write 42, timeout 17" in shown


def value(name: str, report: str) -> str:
    match = re.search(rf"^ *{re.escape(name)} +(\S+)", report, re.MULTILINE)
    assert match is not None
    return match[1]


@pytest.mark.parametrize(
    ("latency_ns", "shown"),
    [
        (0, "0.00us"),
        (1_234, "1.23us"),
        (849_900, "849.90us"),
        (850_000, "0.85ms"),
        (12_920_000, "12.92ms"),
        (999_990_000, "999.99ms"),
        (1_000_000_000, "1.00s"),
        (50_990_000_000, "50.99s"),
        (51_000_000_000, "0.85m"),
    ],
)
def test_times_scale_as_in_wrk(latency_ns: int, shown: str) -> None:
    result = samples.good()
    latency = replace(result.latency, service=Histogram.from_values([latency_ns]))
    assert value("Latency", wrk.render(replace(result, latency=latency), latency=False)) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0, "0.00"), (849.0, "849.00"), (850.0, "0.85k"), (56_200, "56.20k"), (2e6, "2.00M")],
)
def test_counts_scale_by_a_thousand(rate: float, shown: str) -> None:
    report = wrk.render(replace(samples.good(), thread_rates=(rate,)), latency=False)
    assert value("Req/Sec", report) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0.00B"), (870, "870.00B"), (871, "0.85KB"), (19_070_000_000, "17.76GB")],
)
def test_bytes_scale_by_1024(size: int, shown: str) -> None:
    result = samples.good()
    result = replace(result, summary=replace(result.summary, bytes_in=size))
    assert f"requests in 30.00s, {shown} read\n" in wrk.render(result, latency=False)


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({"duration_s": 30.0}, "30s"),
        ({"duration_s": 60.0}, "1m"),
        ({"duration_s": None, "requests": 1000}, "1000 requests"),
    ],
)
def test_the_first_line_says_how_long(config: dict[str, object], shown: str) -> None:
    result = samples.good()
    first = wrk.render(replace(result, config={**result.config, **config}), latency=False)
    assert first.startswith(f"Running {shown} test @ http://127.0.0.1:8080/api/health\n")


def test_the_share_within_one_stdev_is_of_samples() -> None:
    result = samples.good()
    latency = replace(result.latency, service=Histogram.from_values([100] * 8 + [1000, 1001]))
    rates = (100.0, 100.0, 100.0, 100.0, 200.0)
    report = wrk.render(replace(result, latency=latency, thread_rates=rates), latency=False)
    assert re.search(r"Latency.* 80\.00%\n", report)
    assert re.search(r"Req/Sec   120\.00     44\.72   200\.00     80\.00%\n", report)


def test_planned_requests_are_told_in_response_time() -> None:
    result = samples.planned()
    response, failed = Histogram.from_values([7_000_000] * 9), Histogram.from_values([1_000] * 9)
    latency = replace(result.latency, response=response, failed=failed)
    report = wrk.render(replace(result, latency=latency), latency=True)
    assert value("Latency", report) == "7.00ms"
    assert re.findall(r"^ +[0-9]+% +(\S+)$", report, re.MULTILINE) == ["7.00ms"] * 4


def test_a_document_read_back_has_rates_too() -> None:
    read = Result.from_document(samples.good().to_document())
    assert read.thread_rates == ()
    assert value("Req/Sec", wrk.render(read, latency=False)).endswith("k")


def test_the_lines_that_scripts_read_are_there() -> None:
    report = wrk.render(samples.good(), latency=True)
    match = re.search(r"^Requests/sec: +([0-9.]+)$", report, re.MULTILINE)
    assert match is not None
    assert float(match[1]) == pytest.approx(samples.good().summary.requests_per_s, abs=0.01)
    assert re.search(r"^Transfer/sec: +[0-9.]+MB$", report, re.MULTILINE)
    assert re.search(r"^    Latency +\S+ +\S+ +\S+ +[0-9.]+%$", report, re.MULTILINE)
    assert re.search(r"^     99% +\S+$", report, re.MULTILINE)
