"""`fastbench history`: the runs that --history kept, their trend, and any two of them compared.

The exit code says whether it could be told, not whether the runs passed; `--compare` has those of
`fastbench compare`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from fastbench import __version__
from fastbench.cli.args.command_parser import Parser
from fastbench.cli.output import delivery, destinations
from fastbench.cli.output.settings import Output
from fastbench.foundation import exit_codes, redact
from fastbench.foundation.usage_error import UsageError
from fastbench.results.history import history_store
from fastbench.results.history.history_entry import Group

SCHEMA = "fastbench.history/1"
LAST_SHOWN = 20  # runs of each name on a screen
LAST_DRAWN = 200  # and on a page
MAX_NUMBER = 2**63 - 1  # of an id in SQLite


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "history",
        description="List the runs that --history FILE.db stored, by name, newest last, with "
        "the trend of rate and p95. --compare has the exit codes of `fastbench compare`.",
    )
    made.add_argument("file", metavar="FILE.db", help="the file of --history")
    made.add_argument("name", metavar="NAME", nargs="?", help="only runs of this name")
    made.add_argument(
        "--last",
        metavar="N",
        type=_number,
        help=f"the newest N of each name ({LAST_SHOWN}; {LAST_DRAWN} with --html, all with --json)",
    )
    made.add_argument("--json", action="store_true", help="print JSON; also with --compare")
    made.add_argument("--html", metavar="FILE", help="a page with charts; also with --compare")
    made.add_argument(
        "--show", metavar="ID", type=_number, help="print the JSON document of this run"
    )
    made.add_argument(
        "--compare", metavar=("A", "B"), nargs=2, type=_number, help="compare two runs by number"
    )
    made.add_argument(
        "--fail-on-regression",
        metavar="P",
        help="with --compare: exit 96 if B is worse by P or more: 5%%",
    )
    made.add_argument("--no-color", action="store_true", help="no colors, as with NO_COLOR")
    return made


def main(argv: Sequence[str]) -> int:
    """Tell what the words after `history` ask for; raises UsageError for a wrong word or file."""
    flags = parser().parse_intermixed_args(argv)
    _refuse(flags)
    if flags.html is not None:
        flags.html = destinations.named(flags.html)
        outputs = [destinations.File("--html", flags.html)]
        destinations.check(outputs, [destinations.File("fastbench history", flags.file)])
        destinations.prepare(outputs)
    if flags.compare is not None:
        return _compare(flags, argv)
    if flags.show is not None:
        with history_store.opened(flags.file) as kept:
            document = kept.document(flags.show)
        return _ended([delivery.to_path("-", lambda: document)])
    name = None if flags.name is None else history_store.check_name(flags.name)
    with history_store.opened(flags.file) as kept:
        groups = kept.groups(name, flags.last or _last(flags))
    return _ended(_told(flags, groups))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= MAX_NUMBER):
        raise argparse.ArgumentTypeError(f"`{text[:20]}` is not a number of 1 or more")
    return int(text)


def _refuse(flags: argparse.Namespace) -> None:
    """Refuse flags that do not go together, with what would."""
    ways = {"--show": flags.show, "--compare": flags.compare}
    chosen = [flag for flag, value in ways.items() if value is not None]
    if len(chosen) > 1:
        raise UsageError("history: --show takes one run and --compare two; give only one flag.")
    beside = {"--last": flags.last, "NAME": flags.name}
    if flags.show is not None:
        beside |= {"--html": flags.html, "--json": flags.json or None}
    if chosen and (wrong := [word for word, value in beside.items() if value is not None]):
        raise UsageError(f"history: {chosen[0]} selects runs by number; leave {wrong[0]} out.")
    if flags.fail_on_regression is not None and flags.compare is None:
        raise UsageError("history: --fail-on-regression is for two runs; add --compare A B.")
    if flags.html == "":
        raise UsageError("history: --html needs the name of a file, or - for standard output.")
    if flags.json and flags.html == "-":
        raise UsageError("history: only one form can go to standard output; name a file.")


def _last(flags: argparse.Namespace) -> int | None:
    if flags.html is not None:
        return LAST_DRAWN
    return None if flags.json else LAST_SHOWN


def _told(flags: argparse.Namespace, groups: Sequence[Group]) -> list[str]:
    """Write every form that was asked for; return what went wrong."""
    problems = []
    if flags.html is not None:
        problems.append(delivery.to_path(flags.html, lambda: _as_html(flags.file, groups)))
    if flags.json:
        problems.append(delivery.to_path("-", lambda: delivery.as_json(_document(groups))))
    if flags.html is None and not flags.json:
        problems.append(delivery.to_path("-", lambda: _as_text(flags, groups)))
    return problems


def _document(groups: Sequence[Group]) -> dict[str, object]:
    runs = sorted((run for group in groups for run in group.runs), key=lambda run: run.id)
    tool = {"name": "fastbench", "version": __version__}
    return {"schema": SCHEMA, "tool": tool, "runs": runs}


def _as_html(path: str, groups: Sequence[Group]) -> bytes:
    from fastbench.report.html import html_history

    return html_history.render(groups, redact.text(os.path.basename(path))).encode()


def _as_text(flags: argparse.Namespace, groups: Sequence[Group]) -> bytes:
    from fastbench.report.text import history_text as shown

    how = delivery.look(sys.stdout, _output(flags).color)
    return how.encoded(how.drawn(shown.render, groups))


def _compare(flags: argparse.Namespace, argv: Sequence[str]) -> int:
    from fastbench.cli.args import flag_values
    from fastbench.cli.args.compare_args import Command, Stored
    from fastbench.cli.commands import compare
    from fastbench.experiments.compare.decision import Rules
    from fastbench.report.text.history_text import started

    limit = flag_values.share("--fail-on-regression", flags.fail_on_regression)
    rules = Rules(regression_limit=limit)
    with history_store.opened(flags.file) as kept:
        runs = [kept.run(number) for number in flags.compare]
        base, candidate = (kept.result(number) for number in flags.compare)
    first, second = (f"run {run.id}, {run.name}, {started(run)}" for run in runs)
    words = ("fastbench", "history", *redact.argv(argv))
    config: dict[str, object] = {"command": [redact.printable(word) for word in words]}
    what = Stored((first, second), base, candidate, None, config)
    return compare.compare_stored(what, Command(what, rules, _output(flags), ()))


def _output(flags: argparse.Namespace) -> Output:
    return Output(
        format="text",
        json_path="-" if flags.json else None,
        latency=False,
        strict=False,
        quiet=False,
        progress=False,
        color=False if flags.no_color or os.environ.get("NO_COLOR") else None,
        debug=False,
        forms={} if flags.html is None else {"html": flags.html},
    )


def _ended(problems: Sequence[str]) -> int:
    return exit_codes.NOT_WRITTEN if delivery.tell_all(problems) else 0
