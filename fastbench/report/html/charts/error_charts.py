"""Charts of what went wrong, and of the answers by status: stacked, each cause in its colour.

An answer whose status is 400 or more is a failure unless the run expected it: where more of them
came than requests failed, the run did, and the failures are told as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fastbench.foundation.redact import printable
from fastbench.report.html.charts.chart import Chart, Line, line
from fastbench.results.result import SeriesRow

MAX_CAUSES = 7  # each with a colour of its own; the rest is one more
FAILED_STATUS = 400
NOT_AS_ASKED = "not as expected"
REST = "others"
# Errors of these kinds end no request: nothing was sent yet.
NOT_SENT = ("dns", "connect_refused", "connect_timeout", "connect", "tls", "unsolicited", "proxy")
_WORDS = {"timeout": "timeouts", "reset": "connection reset", "stream_reset": "stream reset"}
COLORS = (3, 1, 0, 6, 2, 7, 4, 5)  # neighbours look unlike, also to who sees few colours
OF_STATUSES = {"2": (0, 4), "3": (2,), "4": (1, 6), "5": (3, 7)}  # by the first digit


def causes_of(row: SeriesRow) -> set[str]:
    """Return the causes that a row tells of."""
    return {cause for cause, count in _causes(row).items() if count}


def errors(rows: Sequence[SeriesRow], known: Sequence[str] | None = None) -> Chart:
    """Return what went wrong, and when; `known` are the causes so far, in their order."""
    found = [_causes(row) for row in rows]
    lines = _stacked(rows, found, known) or [line("failed", [0.0] * len(rows), COLORS[0])]
    return Chart(
        "errors",
        "Errors",
        "by cause",
        "time",
        "count",
        tuple(lines),
        axis="per second",
        stacked=True,
        empty="none",
    )


def statuses(rows: Sequence[SeriesRow], known: Sequence[str] | None = None) -> list[Chart]:
    """Return the answers by status, where there is more than one."""
    found = [row.statuses for row in rows]
    if len({*(known or ()), *(status for each in found for status in each)}) < 2:
        return []
    lines = _stacked(rows, found, known, by_status=True)
    return [
        Chart(
            "statuses",
            "Answers by status",
            "",
            "time",
            "count",
            tuple(lines),
            axis="per second",
            stacked=True,
        )
    ]


def _causes(row: SeriesRow) -> dict[str, int]:
    """Return how often each cause was counted in a row."""
    found = {_WORDS.get(kind, kind.replace("_", " ")): n for kind, n in row.errors.items()}
    if row.timeouts and "timeouts" not in found:
        found["timeouts"] = row.timeouts
    ended = sum(n for kind, n in row.errors.items() if kind not in (*NOT_SENT, "timeout"))
    answered = max(0, row.failed - ended)
    bad = {f"status {each}": n for each, n in row.statuses.items() if _failed(each)}
    if answered and 0 < sum(bad.values()) <= answered + max(2, row.failed // 50):
        found |= bad
    elif answered:
        found[NOT_AS_ASKED if row.statuses else "failed"] = answered
    found["planned, not sent"] = row.dropped
    found["iterations dropped"] = row.dropped_iterations or 0
    return {cause: n for cause, n in found.items() if n}


def _failed(status: str) -> bool:
    return status.isdigit() and int(status) >= FAILED_STATUS


def _stacked(
    rows: Sequence[SeriesRow],
    counts: Sequence[Mapping[str, int]],
    known: Sequence[str] | None,
    *,
    by_status: bool = False,
) -> list[Line]:
    """Return a line for each cause, in the order of `known`, else the most frequent first.

    Statuses that are not known before stand in their own order.
    """
    whole = Counter[str]()
    for each in counts:
        whole.update(each)
    most = [name for name, _ in whole.most_common(MAX_CAUSES)]
    if known is not None:
        most = list(known[:MAX_CAUSES])
        whole.update(dict.fromkeys(known, 0))
    elif by_status:
        most.sort()
    rest = whole.keys() - set(most)
    found = [(name, [each.get(name, 0) for each in counts]) for name in most]
    if rest:
        found.append((REST, [sum(each.get(name, 0) for name in rest) for each in counts]))
    names = [name for name, _ in found]
    colors = _status_colors(names) if by_status else COLORS
    return [
        line(printable(name), _per_s(values, rows), color)
        for (name, values), color in zip(found, colors, strict=False)
    ]


def _status_colors(names: Iterable[str]) -> list[int]:
    """Return a colour for each status; those of one class differ as long as there are some."""
    used: list[int] = []
    for name in names:
        wanted = (*OF_STATUSES.get(name[:1], ()), 5, *COLORS)
        used.append(next((each for each in wanted if each not in used), 5))
    return used


def _per_s(counts: Iterable[int], rows: Sequence[SeriesRow]) -> list[float | None]:
    return [count / row.span_s for count, row in zip(counts, rows, strict=True)]
