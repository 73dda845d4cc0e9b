"""What client, host and target used, for people: what matters, the rest is in the document."""

from __future__ import annotations

from collections.abc import Callable

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes, format_count, format_ns, format_s
from fastbench.report.page import Page, Part, cut, plural
from fastbench.results import command_totals, resolution
from fastbench.results.command_totals import CommandTotal
from fastbench.results.result import Result
from fastbench.results.usage import HostUse, TargetUse

MAX_CORES = 8
NAME_COLUMNS = 20
MAX_PER_ROLE = 3

# Below these a figure says nothing about the run and is left out.
MIN_STEAL_PERCENT = 0.05
MIN_OTHERS_PERCENT = 1.0
MIN_RUN_QUEUE = 0.05
MIN_BYTES_PER_S = 1 << 20
MIN_SWITCHES_PER_S = 20_000

ROLES = {"target": "Target", "watched": "Watched"}


def lines(page: Page, result: Result) -> list[str]:
    """Return the rows of client, host, targets and watched processes, as far as they are known."""
    use = result.resources
    found = []
    if use.client is not None:
        parts: list[Part] = [
            (f"cpu {share(result, use.client.cpu_percent, '{:.0f}% of one core')}", str),
            (f"memory {seen(use.client.rss_bytes_max, format_bytes)}", str),
            *_workers(page, result),
        ]
        found += page.flowed("Client", parts)
    if use.host is not None:
        found += page.flowed("Host", _host(page, use.host, result))
    for role, label in ROLES.items():
        found += _targets(
            page, label, result, [target for target in use.targets if target.role == role]
        )
    lost = [worker for worker in result.workers if worker.lost]
    if lost:
        pids = ", ".join(str(worker.pid) for worker in lost)
        text = f"{len(lost)} of {len(result.workers)} lost (pid {pids})"
        found += page.wrapped("Workers", text, page.red)
    return found


def seen(value: float | None, form: Callable[[float], str]) -> str:
    """Return a figure, or that the machine does not show it."""
    return "not visible" if value is None else form(value)


def share(result: Result, percent: float | None, form: str = "{:.0f}%") -> str:
    """Return a share of the processor, or why there is none."""
    if percent is not None and not resolution.tells_shares(result.summary.duration_s):
        return resolution.TOO_SHORT
    return seen(percent, form.format)


def memory(host: HostUse) -> str:
    """Return how much memory of how much is used."""
    if host.memory_bytes is None:
        return "not visible"
    used = seen(host.memory_used_bytes_max, format_bytes)
    return f"{used} of {format_bytes(host.memory_bytes)}"


def _workers(page: Page, result: Result) -> list[Part]:
    told = [each for each in result.workers if not each.lost]  # whose time had an end
    shares = sorted(round(100 * each.busy) for each in told)
    if not shares or not resolution.tells_shares(result.summary.duration_s):
        return []
    span = f"{shares[0]}" if shares[0] == shares[-1] else f"{shares[0]}–{shares[-1]}"  # noqa: RUF001
    parts: list[Part] = [(f"{'worker' if len(shares) == 1 else 'workers'} {span}% busy", str)]
    waited = max(worker.run_queue or 0.0 for worker in result.workers)
    if waited >= MIN_RUN_QUEUE:
        parts.append((f"waited {waited:.0%} of the time for a core", page.yellow))
    return parts


def _host(page: Page, host: HostUse, result: Result) -> list[Part]:
    cores = plural(result.environment.cores, "core")
    most = seen(host.cpu_percent_max, "{:.0f}%".format)
    if not resolution.tells_shares(result.summary.duration_s):
        tail = [f"cpu {resolution.TOO_SHORT}", f"memory {memory(host)}"]
        return [*((part, str) for part in tail), *((part, page.yellow) for part in _bad(host))]
    parts = [f"cpu {seen(host.cpu_percent, lambda mean: f'{mean:.0f}% of {cores} (max {most})')}"]
    if 1 < len(host.core_percents) <= MAX_CORES:
        parts += [f"core {at} {percent:.0f}%" for at, percent in enumerate(host.core_percents)]
    if (host.steal_percent or 0.0) >= MIN_STEAL_PERCENT:
        parts.append(f"steal {host.steal_percent:.1f}%")
    if (host.beside_percent or 0.0) >= MIN_OTHERS_PERCENT:
        parts.append(f"runs beside it {host.beside_percent:.0f}%")
    if (host.others_percent or 0.0) >= MIN_OTHERS_PERCENT:
        parts.append(f"other programs {host.others_percent:.0f}%")
    parts.append(f"memory {memory(host)}")
    parts += _moved(host, result.summary.duration_s)
    return [*((part, str) for part in parts), *((part, page.yellow) for part in _bad(host))]


def _moved(host: HostUse, span_s: float) -> list[str]:
    """Return network, disk and switches per second, each where it is not negligible."""
    if span_s <= 0:
        return []
    parts = []
    net = host.net_in_bytes or 0, host.net_out_bytes or 0
    if sum(net) / span_s >= MIN_BYTES_PER_S:
        arrived, left = (format_bytes(size / span_s) for size in net)
        parts.append(f"network {arrived}/s in + {left}/s out")
    for size, way in ((host.disk_read_bytes, "read"), (host.disk_write_bytes, "written")):
        if size is not None and size / span_s >= MIN_BYTES_PER_S:
            parts.append(f"disk {format_bytes(size / span_s)}/s {way}")
    switches_per_s = (host.context_switches or 0) / span_s
    if switches_per_s >= MIN_SWITCHES_PER_S:
        parts.append(f"{format_count(switches_per_s)} switches/s")
    return parts


def _bad(host: HostUse) -> list[str]:
    """Return what should not happen at all."""
    parts = []
    if host.throttled_s:
        parts.append(f"client throttled for {format_s(host.throttled_s)} (quota)")
    if host.retransmits:
        parts.append(plural(host.retransmits, "TCP retransmit"))
    if host.listen_overflows:
        parts.append(plural(host.listen_overflows, "listen queue overflow"))
    return parts


def _targets(page: Page, label: str, result: Result, targets: list[TargetUse]) -> list[str]:
    found: list[str] = []
    short = not resolution.tells_shares(result.summary.duration_s)
    totals = command_totals.totals(targets, result.series)
    singles = max(1, MAX_PER_ROLE - len(totals))
    lines = [_total(each, short=short) for each in totals]
    lines += [_target(target, short=short) for target in targets[:singles]]
    for line in lines:
        parts: list[Part] = [(part, str) for part in line]
        found += page.flowed(" " if found else label, parts, hang=2)
    rest = targets[singles:]
    if rest:
        percent = share(result, sum(target.cpu_percent for target in rest))
        memory = format_bytes(sum(target.rss_bytes_max for target in rest))
        text = f"… {len(rest)} more: cpu {percent}, memory {memory}; --json has each"
        found.append(page.row("", page.dim(cut(text, page.width - 10))))
    return found


def _total(total: CommandTotal, *, short: bool) -> list[str]:
    """Return the parts of all processes of one command."""
    each = total.cpu_us_per_request if resolution.tells_cost(total.cpu_s) else None
    cpu = f"{total.cpu_percent:.0f}% (max {total.cpu_percent_max:.0f}%)"
    return [
        f"{cut(printable(total.name), NAME_COLUMNS)}, {total.processes} processes: "
        f"cpu {resolution.TOO_SHORT if short else cpu}",
        *([] if each is None else [f"{format_ns(each * 1e3)} per request"]),
        f"memory {format_bytes(total.rss_bytes_max)}",
        plural(total.threads, "thread"),
        *([] if total.fds is None else [plural(total.fds, "file")]),
    ]


def _target(target: TargetUse, *, short: bool) -> list[str]:
    """Return the parts of one process; a `short` run states no share, cost or growth of memory."""
    name = f"{cut(printable(target.name), NAME_COLUMNS)} ({target.pid})"
    each = target.cpu_us_per_request if resolution.tells_cost(target.cpu_s) else None
    cpu = f"{target.cpu_percent:.0f}% (max {target.cpu_percent_max:.0f}%)"
    return [
        f"{name}: cpu {resolution.TOO_SHORT if short else cpu}",
        *([] if each is None else [f"{format_ns(each * 1e3)} per request"]),
        f"memory {format_bytes(target.rss_bytes_max)}" if short else _memory(target),
        plural(target.threads, "thread"),
        *([] if target.fds is None else [plural(target.fds, "file")]),
    ]


def _memory(target: TargetUse) -> str:
    start, end, most = (
        format_bytes(size)
        for size in (target.rss_bytes_start, target.rss_bytes_end, target.rss_bytes_max)
    )
    way = end if start == end else f"{start} → {end}"
    return f"memory {way}" + ("" if most in (start, end) else f" (peak {most})")
