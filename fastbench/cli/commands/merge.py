"""`fastbench merge`: results of runs that took place at the same time, as one result.

The exit code is that of the worst run, as far as their documents tell it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fastbench import __version__
from fastbench.cli.args import url_args
from fastbench.cli.args.command_parser import Parser
from fastbench.cli.commands import recorded, report
from fastbench.cli.commands.recorded import Recorded
from fastbench.cli.output import delivery, destinations, formats
from fastbench.foundation import exit_codes, redact
from fastbench.foundation.usage_error import UsageError
from fastbench.report.text import text_report
from fastbench.results.merging.merged_result import merged
from fastbench.results.merging.run_times import Unmergeable
from fastbench.results.result import Result


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "merge",
        description="Merge the results of runs that took place at the same time, on one machine or "
        "several, into one: counts are added, histograms merged, seconds added by the wall clock "
        "(the clocks of several machines must agree). The report, compare and history of one run "
        "read it. Without a flag, print the text report. Percentiles are those of the summed "
        "histograms; those of a document of before 0.7.0 are left out where an average would be "
        "needed. FILE may be - for standard output.",
    )
    made.add_argument(
        "results", metavar="RUN.json", nargs="+", help="files of --json, two at least"
    )
    made.add_argument("--json", metavar="FILE", help="the merged document")
    for flag, (_, what) in formats.FILES.items():
        made.add_argument(f"--{flag}", metavar="FILE", help=what)
    made.add_argument(
        "--format", choices=("text", "json"), help="print the text report, or the document"
    )
    made.add_argument("--history", metavar="FILE.db", help="store the merged run in this file")
    made.add_argument("--name", metavar="NAME", help="its name there (those of its runs)")
    made.add_argument("--no-color", action="store_true", help="no colors, as with NO_COLOR")
    return made


def main(argv: Sequence[str]) -> int:
    """Merge what the words after `merge` name; raises UsageError for a wrong word or file."""
    flags = parser().parse_intermixed_args(argv)
    paths = formats.of_flags(flags)
    if flags.json is not None:
        if not flags.json:
            raise UsageError("--json needs the name of a file, or - for standard output.")
        paths = {"json": destinations.named(flags.json), **paths}
    if list(paths.values()).count("-") + (flags.format is not None) > 1:
        raise UsageError("merge: only one form can go to standard output; name a file.")
    record = url_args.record(flags.history, flags.name)
    outputs = [destinations.File(f"--{form}", path) for form, path in paths.items()]
    outputs += [] if record is None else [destinations.File("--history", record.path)]
    inputs = [destinations.File("fastbench merge", path) for path in flags.results]
    destinations.one_stdin(inputs)
    destinations.check(outputs, inputs)
    whole = of_files(flags.results)
    destinations.prepare(outputs)
    kept = None if record is None else recorded.looked_up(whole, record)
    problems = write(whole, paths)
    if flags.format == "json":
        problems.append(delivery.to_path("-", partial(document, whole)))
    elif flags.format == "text" or not paths:
        text = partial(as_text, whole, no_color=flags.no_color, kept=kept)
        problems.append(delivery.to_path("-", text))
    code = code_of(whole)
    if kept is not None:
        problems.append(kept.keep(document(whole), code))
    return exit_codes.worst([code, exit_codes.NOT_WRITTEN if delivery.tell_all(problems) else 0])


def of_files(paths: Sequence[str], names: Sequence[str] | None = None) -> Result:
    """Return one result of saved ones; raises UsageError for what is no result, or is not one.

    `names` are those of the runs; without, they are those of their files.
    """
    called = names_of(paths) if names is None else names
    loaded = [
        (name, report.run_of(path, "merge")) for name, path in zip(called, paths, strict=True)
    ]
    try:
        return merged(loaded, __version__)
    except Unmergeable as error:
        raise UsageError(f"merge: {error}.") from None


def names_of(paths: Sequence[str]) -> list[str]:
    """Return a name for each file: its own without ending, with folders where two are alike."""
    stems = [Path(path).stem if path != "-" else "standard input" for path in paths]
    found = [
        stem if stems.count(stem) == 1 else str(Path(path).with_suffix(""))
        for stem, path in zip(stems, paths, strict=True)
    ]
    return [
        redact.printable(name if found.count(name) == 1 else f"{name} ({at})")
        for at, name in enumerate(found, 1)
    ]


def write(whole: Result, paths: dict[str, str]) -> list[str]:
    """Write a result in each form; return what went wrong."""
    return [
        delivery.to_path(path, partial(document, whole) if form == "json" else _form(form, whole))
        for form, path in paths.items()
    ]


def code_of(whole: Result) -> int:
    """Return the exit code of a merged result: that of its worst run."""
    from fastbench.cli.commands.run_url import EXIT_CODES

    codes = [EXIT_CODES[part.ended] for part in whole.parts]
    codes += [exit_codes.THRESHOLDS] if whole.thresholds_failed else []
    failed = any(part.outcome == "failed" for part in whole.parts)
    worst = exit_codes.worst(codes)
    return worst or (exit_codes.NOT_VALID if failed else exit_codes.PASSED)


def as_text(whole: Result, *, no_color: bool, kept: Recorded | None = None) -> bytes:
    """Return the report for people, as standard output can show it; `kept`: beside the last run."""
    how = delivery.look(sys.stdout, False if no_color or os.environ.get("NO_COLOR") else None)
    below = "" if kept is None else kept.line(how)
    return how.encoded(how.drawn(text_report.render, whole) + below)


def _form(form: str, whole: Result) -> partial[bytes]:
    return partial(formats.rendered, form, whole)


def document(whole: Result) -> bytes:
    """Return the document."""
    return delivery.as_json(whole.to_document())
