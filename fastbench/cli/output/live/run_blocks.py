"""What the view of a run shows, block by block: pure functions of its figures.

Every figure says of which time it is: `now` is since the last look, `last 10 s` a moving window,
`whole run` everything since the start line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from fastbench.cli.output.live.blocks import Block, Look, fixed, flowed, labelled, listed, title
from fastbench.cli.output.live.chart_lines import chart, histogram, progress_bar
from fastbench.cli.output.live.run_figures import Figures, Times
from fastbench.cli.output.live.run_follower import RECENT_S
from fastbench.cli.output.live.styled_line import Line, cut_text, cut_within
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes, format_count, format_ms, format_s, plural
from fastbench.results import resolution

FIGURE_COLUMNS = 9
SCALE_COLUMNS = 9
MAX_CHART_ROWS = 16
MAX_SECOND_COLUMNS = 8  # of a short run on a wide screen
MAX_BIN_ROWS = 24
HEADS = ("p50", "p90", "p95", "p99", "max")
_NEEDED = (50.0, 90.0, 95.0, 99.0, 100.0)


def head(figures: Figures, look: Look) -> list[Line]:
    """Return what is loaded, whether it goes, and how far it is."""
    now, facts = figures.now, figures.facts
    state, style = ("running", "good")
    if now.warming:
        state, style = "warming up, not measured yet", "doubt"
    if look.state:
        state, style = look.state, "doubt"
    if look.paused:
        state, style = "VIEW PAUSED, the load goes on; p continues", "reverse"
    right = Line(f" {state} ", style)
    room = look.columns - right.columns - len(" fastbench  ") - 1
    target = cut_within(printable(facts.target), max(0, room), look.mark)
    first = Line(" fastbench  ", "title").add(target).right(right, look.columns)
    return [first, _progress(figures, look)]


def _progress(figures: Figures, look: Look) -> Line:
    now, facts = figures.now, figures.facts
    length_s = now.length_s(facts.duration_s)
    elapsed = _whole_s(now.elapsed_s)
    left = f" {elapsed} of {format_s(length_s)}" if length_s else f" {elapsed}"
    share = None if now.warming else now.share(facts.duration_s, facts.requests)
    right = ""
    if facts.requests and not now.warming:
        right = f"{now.requests:,} of {facts.requests:,} {now.noun}s  "
    elif now.users is not None and now.users.iterations_of:
        right = f"{now.users.iterations:,} of {now.users.iterations_of:,} iterations  "
    if share is not None:
        right += f"{share:>4.0%}"
        left_s = _left_s(now.elapsed_s, share, length_s)
        right += "" if left_s is None else f"  {_whole_s(math.ceil(left_s))} left"
    line = Line(f"{left:<{13}} ")
    free = look.columns - line.columns - len(right) - 2
    if share is not None and free > 4:
        line.join(progress_bar(share, free, unicode=look.unicode))
    return line.right(Line(right), look.columns)


def _left_s(elapsed_s: float, share: float, length_s: float | None) -> float | None:
    """Return the time left: by the plan, else as it went so far; None in the first second."""
    if length_s:
        return max(0.0, length_s - elapsed_s)
    return elapsed_s * (1 - share) / share if elapsed_s >= 1 and share > 0 else None


def throughput(figures: Figures, look: Look, columns: int) -> Block:
    """Return the rate as a chart, reached and asked."""
    now, rates = figures.now, [each.per_s for each in figures.seconds]
    line = title("THROUGHPUT").add("  ").add(f"{format_count(now.rate)} {now.per_s}", "bold")
    line.add(" now", "dim")
    recent = figures.seconds[-RECENT_S:]
    if recent and not now.warming and now.elapsed_s > 0:
        line.add(f"   {format_count(sum(each.per_s for each in recent) / len(recent))}")
        line.add(f" last {len(recent)} s", "dim")
        line.add(f"   {format_count(now.requests / now.elapsed_s)}").add(" whole run", "dim")
    lines = [line]
    if now.asked_rate is not None:
        lines.append(_reached(figures, columns))
    if (per_s := now.operations_per_s) is not None:
        beside = Line(f"   {format_count(per_s)} op/s")
        beside.add(f", {now.operations_failed:,} failed" if now.operations_failed else "", "bad")
        line.join(beside)
    wide = _seconds(figures)
    asked = [each.asked_per_s or 0.0 for each in figures.seconds]
    most = max((*asked, now.asked_rate or 0.0))

    def draw(rows: int) -> Sequence[Line]:
        pictured = _scaled(
            rates, columns, rows - len(lines), "rate", look, format_count, wide, most=most
        )
        return [each.cut(columns) for each in (*lines, *pictured)]

    least = len(lines) + (1 if rates else 0)
    most_rows = len(lines) + (MAX_CHART_ROWS if len(rates) > 1 else least - len(lines))
    return Block(1, least, most_rows, draw)


def _reached(figures: Figures, columns: int) -> Line:
    """Return the rate that is planned beside the one that is reached, and what waits."""
    now, recent = figures.now, figures.seconds[-RECENT_S:]
    line = Line("  ").add(f"{format_count(now.asked_rate or 0.0)} {now.per_s}", "bold")
    line.add(" asked", "dim")
    asked = sum(each.asked_per_s or 0.0 for each in recent)
    if asked > 0:
        share = sum(each.per_s for each in recent) / asked
        style = "good" if share >= 0.98 else "bad" if share < 0.9 else "doubt"
        line.add("   ").add(f"{100 * share:.1f} %", style)
        line.add(" reached", "dim")
        queued, span = f"   {now.queued:,} queued", f", last {len(recent)} s"
        if line.columns + len(span) + len(queued) <= columns:
            line.add(span, "dim")
    return line.add("   ").add(f"{now.queued:,} queued", "doubt" if now.queued else "dim")


def _scaled(
    values: Sequence[float | None],
    columns: int,
    rows: int,
    style: str,
    look: Look,
    words: Callable[[float], str],
    seconds: float,
    within: Sequence[float | None] = (),
    most: float = 0.0,
) -> list[Line]:
    """Return a chart with its scale at the right: the greatest value above, how long below.

    It is for `seconds`, as long as there is a column for each; else for the last ones.
    """
    room = max(1, columns - SCALE_COLUMNS - 1)
    each = int(max(1, min(MAX_SECOND_COLUMNS, room // max(1.0, seconds))))
    shown = list(values)[-(room // each) :]
    if rows < 1 or not shown:
        return []
    wide = [value for value in shown for _ in range(each)]
    inner = [value for value in list(within)[-len(shown) :] for _ in range(each)]
    drawn = chart(wide, room, rows, style, unicode=look.unicode, within=inner, most=most)
    top = max(most, *(value or 0.0 for value in shown))
    found = [Line(" ").join(line).pad(room + 1) for line in drawn]
    found[0].add(f" {words(top):>{SCALE_COLUMNS - 2}}", "dim")
    if len(found) > 1:
        found[-1].add(f" {len(shown):>{SCALE_COLUMNS - 4}} s", "dim")
    return found


def _seconds(figures: Figures) -> float:
    """Return how many seconds a chart is for: those of the run, or of what it has so far."""
    now = figures.now
    length_s = now.length_s(figures.facts.duration_s)
    if length_s is None:
        share = now.share(None, figures.facts.requests)
        length_s = now.elapsed_s / share if share else 0.0
    return max(length_s, float(len(figures.seconds)))


def latency_table(figures: Figures, look: Look, columns: int) -> Block:
    """Return the percentiles of the last seconds and of the whole run."""
    recent, whole = figures.recent, figures.whole
    label = max(LABEL, len(f" {figures.timed.upper()} "))
    wide = columns >= label + FIGURE_COLUMNS * len(HEADS)
    kept = range(len(HEADS)) if wide else (0, 2, 3)
    heads = "".join(f"{HEADS[at]:>{FIGURE_COLUMNS}}" for at in kept)
    first = Line(f" {figures.timed.upper():<{label - 1}}", "title").add(heads, "dim")
    span = f"last {figures.recent_s:.0f} s" if figures.recent_s >= 0.5 else "last seconds"
    lines = [first]
    for name, times, style in ((span, recent, "bold"), ("whole run", whole, "")):
        line = Line(f" {name:<{label - 1}}", "dim")
        line.add("".join(f"{_told(times, at, look):>{FIGURE_COLUMNS}}" for at in kept), style)
        lines.append(line)
    return fixed(2, lines)


LABEL = 14


def _told(times: Times, at: int, look: Look) -> str:
    """Format a percentile; of fewer samples than it needs there is none."""
    value = times.values_ms[at]
    if value is None or not resolution.carries(times.count, _NEEDED[at]):
        return look.nothing
    return format_ms(value)


def latency_chart(figures: Figures, look: Look, columns: int) -> Block:
    """Return p99 second by second, the part up to p50 in colour."""
    p99 = [each.p99_ms for each in figures.seconds]
    p50 = [each.p50_ms for each in figures.seconds]
    known = [value for value in p99 if value is not None]
    if len(known) < 2:
        return fixed(6, [])
    first = title(f"{figures.timed.upper()} BY SECOND", "p50 in colour, p99 above it")

    def draw(rows: int) -> Sequence[Line]:
        pictured = _scaled(
            p99, columns, rows - 1, "time", look, format_ms, _seconds(figures), within=p50
        )
        return [first.cut(columns), *(line.cut(columns) for line in pictured)]

    return Block(6, 3, 1 + MAX_CHART_ROWS, draw)


def moving_histogram(figures: Figures, look: Look, columns: int) -> Block:
    """Return how the latencies of the last seconds are distributed."""
    if not figures.recent.count:
        return fixed(8, [])
    span = f"last {figures.recent_s:.0f} s: {plural(figures.recent.count, 'sample')}"
    first = title("HISTOGRAM", span)

    def draw(rows: int) -> Sequence[Line]:
        bars = histogram(figures.recent_counts, columns - 1, rows - 1, unicode=look.unicode)
        return [first.cut(columns), *(Line(" ").join(each).cut(columns) for each in bars)]

    return Block(8, 4, 1 + MAX_BIN_ROWS, draw)


def load_line(figures: Figures, look: Look, columns: int) -> Block:
    """Return connections or users: asked for, open, and what was dropped."""
    now, facts = figures.now, figures.facts
    parts: list[Line] = []
    if now.users is not None:
        users = now.users
        vus = Line(f"{users.vus:,}", "bold").add(f" of {plural(users.vus_max, 'VU')}", "dim")
        parts += [vus, Line(f"{users.iterations:,} iterations")]
        parts.append(Line(f"{users.dropped:,} dropped" if users.dropped else "", "bad"))
    asked_for = facts.connections_at(now.elapsed_s)
    if now.connections or asked_for:
        line = Line(f"{now.connections:,}", "bold")
        line.add(f" of {asked_for:,} open" if asked_for else " connections open", "dim")
        parts += [line, Line(now.protocol, "dim")]
    label = "USERS" if now.users is not None else "CONNECTIONS"
    return fixed(3, flowed(label, parts, columns))


def resources(figures: Figures, look: Look, columns: int) -> Block:
    """Return what client, host and server use."""
    row = figures.now.row
    use = None if row is None else row.use
    if use is None:
        return fixed(9, [])
    cores = use.host.core_percents
    parts: list[Line] = []
    if use.client_cpu_percent is not None:
        line = Line("fastbench ", "dim").add(f"{use.client_cpu_percent:.0f} %")
        line.add(" of a core", "dim")
        line.add(f" {format_bytes(use.client_rss_bytes)}" if use.client_rss_bytes else "", "dim")
        parts.append(line)
    if cores:
        mean = sum(cores) / len(cores)
        line = Line("host ", "dim").add(f"{mean:.0f} %", "doubt" if mean >= 90 else "")
        parts.append(line.add(f" of {plural(len(cores), 'core')}", "dim"))
    lines = flowed("USE", parts, columns)
    for name, percent, size in figures.processes[: 8 if look.details else 3]:
        each = Line("server ", "dim").add(f"{cut_text(name, 24, look.mark)} ")
        each.add(f"{percent:.0f} %").add(f" of a core {format_bytes(size)}", "dim")
        lines.append(labelled("", each).cut(columns))
    return listed(9, lines, least=1)


def machines(figures: Figures, look: Look, columns: int) -> Block:
    """Return the machines of a cluster; a lost one is told of."""
    found = figures.now.machines
    if found is None:
        return fixed(3, [])
    style = "bad" if found.lost else ""
    lines = [labelled("MACHINES", Line(f"{found.working} on {found.cluster}", style))]
    lines += [labelled("", Line(printable(each), "bad")) for each in found.lost]
    return listed(3, [line.cut(columns) for line in lines], least=1)


def notices(figures: Figures, look: Look, columns: int) -> Block:
    """Return what has to be told at once."""
    lines = [
        Line(f" {printable(each)}", "bad").cut(columns, look.mark) for each in figures.now.notices
    ]
    return listed(0, lines, least=1)


def printed(figures: Figures, look: Look, columns: int) -> Block:
    """Return the last lines that were printed meanwhile."""
    lines = [Line(f"  {each}", "dim").cut(columns, look.mark) for each in figures.printed]
    if not lines:
        return fixed(11, [])
    first = title("PRINTED", "below this view, it stays").cut(columns)

    def draw(rows: int) -> Sequence[Line]:
        return [first, *lines[-(rows - 1) :]] if rows > 1 else []

    return Block(11, 2, 1 + min(len(lines), 20 if look.details else 5), draw)


def foot(figures: Figures, look: Look) -> list[Line]:
    """Return the keys, and the line that stays."""
    below = printable(figures.facts.below)
    return [keys_line(look).right(Line(below, "dim"), look.columns)]


def keys_line(look: Look) -> Line:
    """Return what keys there are, and what each does now."""
    line = Line()
    if not look.keys:
        return line.add(" Ctrl-C stops and reports", "dim")
    for key, words in (
        ("q", "stop and report"),
        ("p", "continue the view" if look.paused else "pause the view"),
        ("d", "fewer details" if look.details else "details"),
    ):
        line.add(" ").add(f" {key} ", "reverse").add(f" {words}")
    return line


def _whole_s(elapsed_s: float) -> str:
    return format_s(float(int(elapsed_s))) if elapsed_s >= 1 else "0s"
