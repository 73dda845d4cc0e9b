"""The stages of a load as rows: what each asked, reached and measured, and how its goals stand.

Below them stands what they say of the server's limit, see `assessment.capacity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastbench.foundation import units
from fastbench.foundation.redact import printable
from fastbench.report.columns import NOTHING, ms, per_s, whole
from fastbench.report.load_heading import load_of
from fastbench.results import resolution
from fastbench.results.assessment.capacity import Capacity, capacity
from fastbench.results.load_stages import Level, StageRow
from fastbench.results.result import Result


@dataclass(frozen=True, slots=True)
class StageCells:
    """A stage in words; `cells` stand below `heads`, `kind` is good, warn, bad or ""."""

    name: str
    cells: tuple[str, ...]
    kind: str
    broken: Mapping[str, str]


def heads(result: Result) -> tuple[str, ...]:
    """Name the columns; sockets and goals only where there are some."""
    sockets = ("sockets",) if _counts_sockets(result) else ()
    goals = ("goals",) if any(row.judged or row.warned for row in result.stages) else ()
    return ("asked", *sockets, "per s", "p95", "not ok", *goals)


def rows(result: Result, most: int = 0) -> list[StageCells]:
    """Return a row for each stage; of more than `most`, if given, those that say most.

    These are the ones that the limit is read from, then those that failed, then the first.
    """
    told = list(enumerate(result.stages))
    if most and len(told) > most:
        found = capacity(result.stages)
        limit = () if found is None else (found.highest, found.next_failed)
        told.sort(key=lambda each: (each[1] not in limit, not each[1].failed, each[0]))
        told = sorted(told[:most], key=lambda each: each[0])
    return [_row(each, result) for _, each in told]


def counted(row: StageRow, result: Result) -> tuple[StageRow, str]:
    """Return what a stage counts, and the noun of it: operations where it sent no requests."""
    if row.requests or not row.operations:
        return row, result.noun
    return row.as_requests(), "operation"


def _row(stage: StageRow, result: Result) -> StageCells:
    row, _ = counted(stage, result)
    word, kind = _goals(row)
    cells = {
        "asked": _short(row),
        "sockets": NOTHING if row.sockets is None else f"{row.sockets:,.0f}",
        "per s": per_s(row.requests, row.requests_per_s),
        "p95": ms(row.p95_ms),
        "not ok": whole(row.not_ok),
        "goals": word,
    }
    return StageCells(
        name=f"{printable(row.name)}, {span(row)}",
        cells=tuple(cells[name] for name in heads(result)),
        kind=kind,
        broken={**row.failed, **row.warned},
    )


def span(row: StageRow) -> str:
    """Say when a stage began and ended."""
    begin, end = (
        units.format_s(round(at_s, 2)) if at_s else "0s" for at_s in (row.begin_s, row.end_s)
    )
    return f"{begin} to {end}"


def _goals(row: StageRow) -> tuple[str, str]:
    if row.failed:
        return "failed", "bad"
    if not row.complete:
        return "cut short", ""
    if row.warned:
        return "warning", "warn"
    return ("met", "good") if row.held else (NOTHING, "")


def _counts_sockets(result: Result) -> bool:
    return any(row.sockets is not None for row in result.stages)


def _short(row: StageRow) -> str:
    """Return what a stage asks, in a column: 50, 0→50, 100/s."""
    told = [_line(row.asked_users, "")] if row.asked_users else []
    told += [_line(row.asked_per_s, "/s")] if row.asked_per_s else []
    return "+".join(told) or NOTHING


def _line(level: Level, unit: str) -> str:
    first, last = (_number(each) for each in (level.first, level.last))
    return f"{last}{unit}" if first == last else f"{first}→{last}{unit}"


def _number(value: float) -> str:
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def asked(row: StageRow, result: Result) -> str:
    """Say what a stage asked: 50 users, 0 to 50 users, 100 iterations/s."""
    kinds = ("users", "iterations/s") if result.scripted else ("connections", result.per_s)
    levels = zip((row.asked_users, row.asked_per_s), kinds, strict=True)
    return " and ".join(_words(level, kind) for level, kind in levels if level is not None)


def _words(level: Level, kind: str) -> str:
    first, last = (_number(each) for each in (level.first, level.last))
    if level.held and level.last == 1:
        kind = kind.removesuffix("s") if "/" not in kind else kind
    return f"{last} {kind}" if first == last else f"{first} to {last} {kind}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limit that the stages show, in words. None is what is not told.

    `users` are those of a load of users (connections in a run of URLs); `rate` is what ended per
    second. `at_least`: nothing failed above it.
    """

    users: float | None
    per_s: float | None
    sockets: float | None
    noun: str  # what its rate is of
    at_least: bool
    stage: str  # its name, and what was asked in it
    failed: str
    found: Capacity

    def reached(self, result: Result) -> list[str]:
        """Return the figures with their units; of a ramp its mean, and from where to where."""
        word = "user" if result.scripted else "connection"
        word += "s" if self.users != 1 else ""
        told = [] if self.users is None else [f"{_number(self.users)} {word}{self.ramp}"]
        told += [] if self.per_s is None else [f"{self.per_s:,.0f} {units.per_s(self.noun)}"]
        if self.sockets is not None:
            ramp = self.ramp if self.users is None else ""
            told.append(f"{self.sockets:,.0f} open sockets{ramp}")
        return told

    @property
    def ramp(self) -> str:
        """What follows users, or sockets without users, where their number was not held."""
        top = self.found.highest
        return "" if top is None or top.asked_users is None else _ramp(top.asked_users)


def limits(result: Result) -> Limits | None:
    """Return the limit that a run shows by its stages; one without has itself as its only stage.

    None where nothing was judged.
    """
    found = capacity(result.stages or _whole(result))
    if found is None:
        return None
    top = found.highest
    above = [] if found.next_failed is None else [found.next_failed]
    told = [_failed(row, result) for row in above]
    told += [f"{_failed(row, result)}, though its load was no higher" for row in found.lower_failed]
    failed = "; ".join(told)
    if top is None:
        return Limits(None, None, None, result.noun, False, "", failed, found)
    shown, noun = counted(top, result)
    rate = resolution.told_per_s(shown.requests, shown.requests_per_s) if shown.requests else None
    of_sockets = top.sockets is not None and not result.scripted
    return Limits(
        users=top.asked_users.mean if top.asked_users and not of_sockets else None,
        per_s=None if result.noun == "connection" else rate,
        sockets=top.sockets,
        noun=noun,
        at_least=found.next_failed is None,
        stage=printable(f"{top.name} ({about})" if (about := asked(top, result)) else top.name),
        failed=failed,
        found=found,
    )


def _whole(result: Result) -> tuple[StageRow, ...]:
    """Return the run as its only stage, where it was held to thresholds."""
    load, s = load_of(result), result.summary
    if result.parts or not result.thresholds:
        return ()
    closed = sum(row.vus_max for row in result.scenarios if "arrival" not in row.executor)
    count = float(closed if result.scripted else load.connections)
    users = Level(count, count, count) if count and s.scheduled is None else None
    held = result.thresholds.items()
    p95 = result.headline[1].percentile(95) / 1e6 if result.headline[1].count else None
    row = StageRow(
        name="",
        begin_s=0.0,
        end_s=s.duration_s,
        complete=s.ended == "complete",
        measured_s=s.duration_s,
        asked_users=users,
        asked_per_s=None,
        users=None,
        sockets=None if result.sockets is None else float(result.sockets.open_at_end),
        requests=s.requests,
        not_ok=s.not_ok,
        p95_ms=p95,
        held=tuple(text for text, each in held if each.ok),
        failed={text: each.text for text, each in held if not each.ok and each.level == "fail"},
        warned={text: each.text for text, each in held if not each.ok and each.level != "fail"},
    )
    return (row,)


def _failed(row: StageRow, result: Result) -> str:
    """Say what failed in a stage."""
    (text, observed), *more = row.failed.items()
    also = f" and {len(more)} more" if more else ""
    about = ", ".join(part for part in (asked(row, result), span(row)) if part)
    which = f"stage {printable(row.name)} ({about})" if row.name else "the run"
    return f"{which} failed {printable(text)}: {printable(observed)}{also}"


def sentence(result: Result) -> str:
    """Say in one sentence what the stages show of the limit; "" where nothing was judged."""
    found = limits(result)
    if found is None:
        return ""
    top = found.found.highest
    if top is None:
        return f"no stage met its goals; {found.failed}" if result.stages else found.failed
    reached = ", ".join(found.reached(result)) or "its load"
    if not top.name:
        return f"at least {reached}: the run met its goals at its only load"
    which = f"stage {printable(top.name)}"
    if found.at_least and not found.failed:
        return f"at least {reached}: every stage met its goals, {which} is the highest"
    least = "at least " if found.at_least else ""
    return f"{least}{reached}: {which}, the highest that met its goals; {found.failed}"


def _ramp(level: Level) -> str:
    if level.held:
        return ""
    if level.first == level.last:
        return " (its mean)"
    return f" (the mean of {_number(level.first)} to {_number(level.last)})"
