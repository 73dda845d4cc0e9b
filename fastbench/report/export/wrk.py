"""The report in wrk's shape, to the letter, so that scripts which read wrk's output keep working.

Shape and scaling follow wrk 4's printed output. The numbers are ours: nothing is back-filled, and
a request that never got its answer is a timeout. Latency covers every answer, whatever its status,
as in wrk, and timeouts at their age. Where requests were planned it is response time, as in wrk2;
that is known of ok answers and timeouts only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastbench.report.load_heading import LoadHeading, load_of
from fastbench.results import counts
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result

_PERCENTILES = (50, 75, 90, 99)
_SWITCH = 0.85  # wrk goes to the next unit at 85 % of it
_LAST_OK = 399


def render(result: Result, *, latency: bool) -> str:
    """Return wrk's report; `latency` adds the distribution, as wrk's flag does."""
    load, result = load_of(result), result.main
    latencies = result.latency
    answers = latencies.response or latencies.service.merge(latencies.failed)
    lines = [
        f"Running {_length(load)} test @ {load.url}",
        f"  {load.workers} threads and {load.connections} connections",
        f"  Thread Stats{'Avg':>6}{'Stdev':>11}{'Max':>8}{'+/- Stdev':>12}",
        _stats("Latency", *_time_stats(answers), time=True),
        _stats("Req/Sec", *_rate_stats(_thread_rates(result)), time=False),
    ]
    if latency:
        lines.append("  Latency Distribution")
        for percent in _PERCENTILES:
            value = _padded(_time_us(answers.percentile(percent) / 1e3), 10)
            lines.append(f"{percent:7d}%{value}")
    return "\n".join([*lines, *_totals(result)]) + "\n"


def _totals(result: Result) -> list[str]:
    summary = result.summary
    timed = result.noun != "request"  # what a script timed itself has no status
    complete = summary.requests if timed else sum(result.status_codes.values())
    seconds = summary.duration_s
    per_s = [n / seconds if seconds > 0 else 0.0 for n in (complete, summary.bytes_in)]
    lines = [
        f"  {complete} requests in {_time_us(seconds * 1e6)}, {_binary(summary.bytes_in)}B read"
    ]
    connect, read, write = counts.errors_as_wrk(result.errors)
    if connect or read or write or summary.timeouts:
        lines.append(
            f"  Socket errors: connect {connect}, read {read}, write {write}, "
            f"timeout {summary.timeouts}"
        )
    bad = sum(n for code, n in result.status_codes.items() if _above_ok(code))
    if bad:
        lines.append(f"  Non-2xx or 3xx responses: {bad}")
    lines.append(f"Requests/sec: {per_s[0]:9.2f}")
    lines.append(f"Transfer/sec: {_binary(per_s[1]):>10}B")
    return lines


def _above_ok(code: str) -> bool:
    return code.isdigit() and int(code) > _LAST_OK


def _length(load: LoadHeading) -> str:
    """Return the planned length; wrk knows no run by count, which says its count here."""
    if load.duration_s is None:
        return f"{load.requests or 0} requests"
    return _scaled(load.duration_s, "s", ("m",), 60, digits=0)


def _time_stats(histogram: Histogram) -> tuple[float, float, float, float]:
    """Return mean, stdev and max in us, and the percent of samples within one stdev."""
    mean, stdev = histogram.mean_ns, histogram.stdev_ns
    if not histogram.count:
        return 0.0, 0.0, 0.0, 0.0
    above = histogram.count - histogram.count_below(round(mean + stdev) + 1)
    below = histogram.count_below(round(max(0.0, mean - stdev)))
    within = 100 * (histogram.count - above - below) / histogram.count
    return mean / 1e3, stdev / 1e3, histogram.max_ns / 1e3, within


def _rate_stats(rates: Sequence[float]) -> tuple[float, float, float, float]:
    """Return mean, sample stdev and max, and the percent of samples within one stdev."""
    if not rates:
        return 0.0, 0.0, 0.0, 0.0
    mean = math.fsum(rates) / len(rates)
    square = math.fsum((rate - mean) ** 2 for rate in rates)
    stdev = math.sqrt(square / (len(rates) - 1)) if len(rates) > 1 else 0.0
    within = sum(abs(rate - mean) <= stdev for rate in rates)
    return mean, stdev, max(rates), 100 * within / len(rates)


def _thread_rates(result: Result) -> Sequence[float]:
    """Return req/s samples per worker; from a document, which has none, the seconds stand in."""
    workers = len(result.workers) or 1
    seconds = [row.requests / row.span_s / workers for row in result.series if row.span_s > 0]
    return result.thread_rates or seconds


def _stats(name: str, mean: float, stdev: float, most: float, within: float, *, time: bool) -> str:
    shown = _time_us if time else _metric
    return (
        f"    {name:<10}{_padded(shown(mean), 8)}{_padded(shown(stdev), 10)}"
        f"{_padded(shown(most), 9)}{within:8.2f}%"
    )


def _padded(text: str, width: int) -> str:
    """Align on the digits: a unit of less than two letters is filled up with spaces behind."""
    missing = 2 - sum(letter.isalpha() for letter in text[-2:])
    return f"{text:>{width - missing}}" + " " * missing


def _scaled(value: float, base: str, units: Sequence[str], step: int, digits: int = 2) -> str:
    unit = base
    for larger in units:
        if value < step * _SWITCH:
            break
        value /= step
        unit = larger
    return f"{value:.{digits}f}{unit}"


def _time_us(value_us: float) -> str:
    if value_us >= 1e6:
        return _scaled(value_us / 1e6, "s", ("m",), 60)
    return _scaled(value_us, "us", ("ms",), 1000)


def _metric(value: float) -> str:
    return _scaled(value, "", ("k", "M", "G", "T"), 1000)


def _binary(value: float) -> str:
    return _scaled(value, "", ("K", "M", "G", "T"), 1024)
