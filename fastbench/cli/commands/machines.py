"""`fastbench machines --on ADDRESS`: the machines of a cluster, and whether they are fit."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.help import pager
from fastbench.foundation import signals, stdio
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes, format_ns, plural
from fastbench.report.page import cut_within, told_apart

_EPILOG = (
    "ADDRESS is as of `fastbench --on`: tcp://HOST:8786 (a Dask scheduler), local:N\n"
    "(N processes on this machine, to try it), ssh:FILE (a host on each line)."
)
HEADS = ("machine", "address", "cores", "memory", "fastbench", "clock", "checks")
BELOW = ("address", "fastbench")  # the columns that a narrow terminal has no room for
MIN_NAME = 8
MIN_COLUMNS, MAX_COLUMNS = 60, 100
EXAMINE_S = 10.0


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "machines",
        description="List the machines that a run with --on would use: what each of them has, how "
        "its clock differs from this one's, and what `fastbench doctor` finds there.",
        epilog=_EPILOG,
    )
    made.add_argument("--on", required=True, metavar="ADDRESS", help="the cluster")
    made.add_argument("--json", action="store_true", help="print the list as JSON")
    return made


def main(argv: list[str]) -> int:
    """Ask and print; raises UsageError for wrong words, and where there is no cluster."""
    flags = parser().parse_args(argv)
    from fastbench.cluster.links.cluster_thread import ClusterThread, awaited

    with (
        signals.heard(signals.leave_cleanly),
        ClusterThread(flags.on, listing=True) as cluster,
    ):
        machines = cluster.machines
        asked = [None if m.refused else m.ask("examine", {}, "examined") for m in machines]
        there = iter(awaited([each for each in asked if each is not None], EXAMINE_S))
        found = [None if each is None else next(there) for each in asked]
        told = [
            {
                "name": each.name,
                "address": each.address,
                "cores": each.cores or None,
                "memory_bytes": each.memory_bytes,
                "version": each.version or None,
                "clock_offset_ns": None if each.offset is None else each.offset.offset_ns,
                "clock_bound_ns": None if each.offset is None else each.offset.bound_ns,
                "refused": each.refused or each.lost,
                "cure": each.cure,
                "environment": each.environment,
                "doctor": findings,
            }
            for each, findings in zip(machines, found, strict=True)
        ]
    if flags.json:
        import orjson

        return pager.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode(), exact=True)
    return pager.write(render(told, max(MIN_COLUMNS, stdio.columns(MAX_COLUMNS))))


def render(machines: Sequence[Mapping[str, Any]], width: int = MAX_COLUMNS) -> str:
    """Return the table, and below it what is wrong with each machine.

    Only a command that mends something may be wider than `width`, for it is to be copied.
    """
    lines = _table(machines, width)

    def told(each: Mapping[str, Any], text: str) -> list[str]:
        line = f"{printable(each['name'])}{text}"
        return ["", *textwrap.wrap(line, width, break_on_hyphens=False)]

    for each in machines:
        for finding in each["doctor"] or ():
            if finding["verdict"] == "bad":
                lines += told(each, f": {finding['check']}: {finding['found']}")
                lines.append(f"  {finding['mend']}")
        if each["refused"]:
            lines += told(each, f" cannot be used: {each['refused']}")
            lines += [f"  {cure}" for cure in [each["cure"]] if cure]
    cores = sum(each["cores"] or 0 for each in machines if not each["refused"])
    usable = sum(not each["refused"] for each in machines)
    listed = plural(len(machines), "machine")
    total = listed if usable == len(machines) else f"{usable} of {listed} can be used"
    total += f", {plural(cores, 'core')}"
    noted = any(
        finding["verdict"] == "note" for each in machines for finding in each["doctor"] or ()
    )
    return "\n".join([*lines, "", total + ("; --json has the notes" if noted else "")])


def _table(machines: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """Return a row for each machine; without room for all columns, two of them stand below it."""
    rows = [HEADS, *(_cells(each) for each in machines)]
    lines = _aligned(rows)
    if max(map(len, lines)) <= width:
        return lines
    places = [HEADS.index(name) for name in HEADS if name not in BELOW]
    rows = [tuple(row[at] for at in places) for row in rows]
    others = sum(max(map(len, column)) + 2 for column in list(zip(*rows, strict=True))[1:])
    names = told_apart([row[0] for row in rows], max(MIN_NAME, width - others))
    head, *shown = _aligned([(name, *row[1:]) for name, row in zip(names, rows, strict=True)])
    lines = [head]
    for row, each in zip(shown, machines, strict=True):
        version = f", fastbench {each['version']}" if each["version"] else ""
        below = f"{printable(each['address'])}{printable(version)}"
        lines += [row, f"  {cut_within(below, width - 2)}"]
    return lines


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    findings = one["doctor"] or ()
    counts = {word: sum(each["verdict"] == word for each in findings) for word in ("bad", "note")}
    bad, notes = counts.values()
    told = ", ".join([f"{bad} bad"] * bool(bad) + [plural(notes, "note")] * bool(notes))
    offset, bound = one["clock_offset_ns"], one["clock_bound_ns"]
    return (
        printable(one["name"]),
        printable(one["address"]),
        str(one["cores"] or "–"),  # noqa: RUF001
        "–" if one["memory_bytes"] is None else format_bytes(one["memory_bytes"]),  # noqa: RUF001
        one["version"] or "–",  # noqa: RUF001
        "–" if offset is None else f"{_signed(offset)} ± {format_ns(bound)}",  # noqa: RUF001
        "–" if not findings else told or "ok",  # noqa: RUF001
    )


def _signed(offset_ns: int) -> str:
    return ("+" if offset_ns >= 0 else "-") + format_ns(abs(offset_ns))
