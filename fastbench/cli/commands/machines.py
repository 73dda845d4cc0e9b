"""`fastbench machines --on ADDRESS`: the machines of a cluster, and whether they are fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.help import pager
from fastbench.foundation import signals
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes, format_ns, plural

_EPILOG = (
    "ADDRESS is as of `fastbench --on`: tcp://HOST:8786 (a Dask scheduler), local:N (N processes\n"
    "on this machine, to try it), ssh:FILE (a host on each line)."
)
HEADS = ("machine", "address", "cores", "memory", "fastbench", "clock", "checks")
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

        return pager.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    return pager.write(render(told))


def render(machines: Sequence[Mapping[str, Any]]) -> str:
    """Return the table, and below it what is wrong with each machine."""
    rows = [HEADS, *(_cells(each) for each in machines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for each in machines:
        for finding in each["doctor"] or ():
            if finding["verdict"] == "bad":
                told = f"{finding['check']}: {finding['found']}"
                lines += ["", f"{printable(each['name'])}: {told}", f"  {finding['mend']}"]
        if each["refused"]:
            why = f"{printable(each['name'])} cannot be used: {each['refused']}"
            lines += ["", why, *(f"  {cure}" for cure in [each["cure"]] if cure)]
    cores = sum(each["cores"] or 0 for each in machines if not each["refused"])
    usable = sum(not each["refused"] for each in machines)
    listed = plural(len(machines), "machine")
    total = listed if usable == len(machines) else f"{usable} of {listed} can be used"
    total += f", {plural(cores, 'core')}"
    noted = any(
        finding["verdict"] == "note" for each in machines for finding in each["doctor"] or ()
    )
    return "\n".join([*lines, "", total + ("; --json has the notes" if noted else "")])


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
