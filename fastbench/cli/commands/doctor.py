"""`fastbench doctor`: check the machine before a run; a line per check, or JSON."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.help import pager
from fastbench.foundation import stdio
from fastbench.machine.doctor_checks import Finding, examine
from fastbench.machine.machine_facts import Machine

INDENT = 2
MIN_COLUMNS = 60
MAX_COLUMNS = 100
COLORS = {"ok": "32", "note": "33", "bad": "1;31"}  # SGR


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "doctor",
        description="Check whether this machine is fit for a benchmark. It takes a second and "
        "changes nothing; for each problem it prints the command that fixes it.",
    )
    made.add_argument("--json", action="store_true", help="print the checks as a JSON list")
    made.add_argument("--no-color", action="store_true", help="no colors, as with NO_COLOR")
    return made


def main(argv: list[str]) -> int:
    """Examine and print; return 0 whatever was found. Raises UsageError for wrong words."""
    flags = parser().parse_args(argv)
    findings = examine(Machine())
    if flags.json:
        return pager.write(_json(findings), exact=True)
    plain = flags.no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    width = stdio.columns(80)
    return pager.write(render(findings, color=sys.stdout.isatty() and not plain, width=width))


def render(findings: Sequence[Finding], *, color: bool, width: int) -> str:
    """Return the lines; only a command may be wider than `width`, for it is to be copied."""

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if color else text

    verdicts = max(map(len, COLORS)) + 2
    checks = max((len(finding.check) for finding in findings), default=0) + 2
    column = INDENT + verdicts + checks
    room = min(max(width, MIN_COLUMNS), MAX_COLUMNS) - column
    lines = []
    for finding in findings:
        first, *more = textwrap.wrap(finding.found, room, break_on_hyphens=False) or [""]
        verdict = paint(f"{finding.verdict:<{verdicts}}", COLORS[finding.verdict])
        lines.append(" " * INDENT + verdict + f"{finding.check:<{checks}}" + first)
        lines += [" " * column + line for line in more]
        if finding.mend:
            lines.append(" " * (INDENT + verdicts) + paint(finding.mend, "2"))
    counts: Counter[str] = Counter(finding.verdict for finding in findings)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in COLORS)
    return "\n".join([*lines, "", " " * INDENT + summary])


def _json(findings: Sequence[Finding]) -> str:
    import orjson

    return orjson.dumps(list(findings), option=orjson.OPT_INDENT_2).decode()
