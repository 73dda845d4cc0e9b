"""One line about how a command goes, of at most 100 columns. Pure.

Every command has the same form: how long and of how long, how fast, how late, what failed. Where a
line is too long, the parts that tell least are left out; nothing of it is not ASCII but names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastbench.foundation.meanwhile import Stage
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms, format_s, plural
from fastbench.results import resolution
from fastbench.run.live_figures import line_name
from fastbench.run.sampling import Progress

COLUMNS = 100
THRESHOLD_COLUMNS = 40
WORD = "fastbench: "


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a line; of those that do not fit, the one with the highest rank goes first."""

    text: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Before:
    """Where a run stood at the line before: s since its start, and what had ended."""

    elapsed_s: float = 0.0
    requests: int = 0
    warming: bool = False


def fitted(parts: Sequence[Part], label: str = "", columns: int = COLUMNS) -> str:
    """Return the line: `label` is the run's name among others."""
    start = WORD + (f"{line_name(printable(label))}: " if label else "")
    kept = [Part(printable(part.text), part.rank) for part in parts if part.text]
    while len(line := start + "  ".join(part.text for part in kept)) > columns:
        last = max(kept, key=lambda part: part.rank)
        if not last.rank:
            return cut(line, columns)
        kept.remove(last)
    return line


def cut(text: str, columns: int) -> str:
    """Return a text of at most so many columns, its end marked where it was longer."""
    text = printable(text)
    return text if len(text) <= columns else text[: columns - 1] + "~"


def clock(elapsed_s: float, length_s: float | None = None, share: float | None = None) -> str:
    """Return `20s of 1m`, or how much is done where no time ends it."""
    elapsed = format_s(round(elapsed_s, 1 if elapsed_s < 10 else 0)) if elapsed_s >= 0.05 else "0s"
    if length_s:
        return f"{elapsed} of {format_s(length_s)}"
    return elapsed if share is None else f"{elapsed} ({_percent(share)})"


def of_stage(stage: Stage, now_s: float) -> list[Part]:
    """Return the parts for what has no figures: a server that starts, the setup of a script."""
    return [Part(clock(now_s - stage.begun_s, stage.limit_s)), Part(stage.name)]


def of_run(
    now: Progress,
    before: Before = Before(),
    duration_s: float | None = None,
    requests: int | None = None,
) -> list[Part]:
    """Return the parts for a run with this plan; its rate is that since the line before."""
    span_s = now.elapsed_s - before.elapsed_s
    since = now.warming == before.warming and span_s > 0 and now.requests >= before.requests
    rate = (now.requests - before.requests) / span_s if since else now.rate
    asked = "" if now.asked_rate is None else f" of {format_count(now.asked_rate)}"
    head = clock(now.elapsed_s, now.length_s(duration_s), now.share(duration_s, requests))
    if now.warming:
        head = f"warming up {clock(now.elapsed_s)}"
    return [
        Part(head),
        Part(f"{format_count(round(rate, 1))}{asked} {now.per_s}"),
        *_times(now),
        *_failed(now),
        *_failing(now),
        *_load(now),
    ]


def _times(now: Progress) -> Iterator[Part]:
    """Give percentiles of the newest second; none before its end."""
    if not now.p50_ms:
        return
    yield Part(f"p50 {format_ms(now.p50_ms)}", 4)
    if now.p95_ms:
        yield Part(f"p95 {format_ms(now.p95_ms)}", 6)
    row = now.row
    tail = resolution.tail(None if row is None else row.ok + row.timeouts)
    yield Part(f"{tail} {format_ms(now.p99_ms)}", 3)


def _failed(now: Progress) -> Iterator[Part]:
    """Give the share of all so far that failed, and most of them how."""
    if not now.requests:
        return
    share = now.errors / now.requests
    if not now.errors:
        yield Part("0 failed", 2)
        return
    kind = max(now.kinds, key=lambda kind: now.kinds[kind], default="")
    words = f" ({kind.replace('_', ' ')})" if kind else ""
    yield Part(f"{_percent(share)} failed{words}", 1)


def _failing(now: Progress) -> Iterator[Part]:
    if failing := now.failing:
        more = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
        yield Part(f"fails: {cut(failing[0], THRESHOLD_COLUMNS)}{more}", 2)


def _load(now: Progress) -> Iterator[Part]:
    """Give users or connections, what was not sent, and machines."""
    users = now.users
    if users is not None:
        yield Part(plural(users.vus, "VU"), 5)
        if users.dropped:
            yield Part(f"{users.dropped:,} dropped", 3)
    elif now.connections:
        yield Part(plural(now.connections, "connection"), 5)
    if now.queued:
        yield Part(f"{now.queued:,} queued", 4)
    if now.machines is not None:
        yield Part(now.machines.working, 2 if now.machines.lost else 7)


def _percent(share: float) -> str:
    percent = 100 * share
    if percent and percent < 0.01:
        return "<0.01%"
    return f"{percent:.2g}%" if percent < 10 else f"{percent:.0f}%"
