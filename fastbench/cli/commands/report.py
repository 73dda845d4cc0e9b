"""`fastbench report`: a result, a comparison or a search saved with --json, in another form.

The exit code says whether the forms were written, not whether the run passed: that is the run's.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.output import delivery, destinations, formats, peer_forms
from fastbench.experiments.compare import compare_document as compared
from fastbench.experiments.compare import comparisons_document as several
from fastbench.experiments.find import find_document as searched
from fastbench.foundation import exit_codes, redact
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.replay import point_file
from fastbench.plan import text_file
from fastbench.report.text import comparison_text, comparisons_text, find_text, text_report
from fastbench.results.json_codec import parsed
from fastbench.results.result import DocumentError, Result


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of document: how it is read, in which forms it is written, how it is printed."""

    noun: str
    read: Callable[[object], Any]
    forms: Collection[str]
    rendered: Callable[[str, Any], bytes]
    as_text: Callable[..., str]


_RUN = _Kind("run", Result.from_document, formats.FILES, formats.rendered, text_report.render)
_OTHERS = {
    compared.SCHEMA: _Kind(
        noun="comparison",
        read=compared.Comparison.from_document,
        forms=formats.COMPARED,
        rendered=formats.compared,
        as_text=comparison_text.render,
    ),
    several.SCHEMA: _Kind(
        noun="comparison of several candidates",
        read=several.Comparisons.from_document,
        forms=formats.SEVERAL,
        rendered=formats.several,
        as_text=comparisons_text.render,
    ),
    searched.SCHEMA: _Kind(
        noun="search",
        read=searched.Found.from_document,
        forms=formats.FOUND,
        rendered=formats.searched,
        as_text=find_text.render,
    ),
}


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "report",
        description="Convert a result of --json FILE to other formats: a run to all of them, a "
        f"comparison to {formats.listed(formats.COMPARED)}, a search to "
        f"{formats.listed(formats.FOUND)}. "
        "Without a flag, print the text report. FILE may be - for standard output.",
    )
    made.add_argument(
        "result",
        metavar="RESULT.json",
        nargs="?",
        help="a file of --json, or a file of points from -o json=FILE or k6, also as .gz; - is "
        "standard input, which is also read if RESULT is missing in a pipe",
    )
    for flag, (_, what) in formats.FILES.items():
        made.add_argument(f"--{flag}", metavar="FILE", help=what)
    made.add_argument(
        "--format",
        choices=("text", *formats.PEERS),
        metavar="FORMAT",
        help=f"print the text report (text), or that of another tool: {', '.join(formats.PEERS)}",
    )
    made.add_argument(
        "--template",
        metavar="FILE",
        help="fill the run into a template (Jinja2), for --md or --html, else printed; `plan` is "
        "our own, with the headings of the results page of a load test plan",
    )
    made.add_argument(
        "--search", metavar="FIND.json", help="a search saved with find --json, for --template"
    )
    made.add_argument("--no-color", action="store_true", help="no colors, as with NO_COLOR")
    return made


def main(argv: Sequence[str]) -> int:
    """Write what the words after `report` ask for; raises UsageError for a wrong word or file."""
    flags = parser().parse_args(argv)
    if flags.result is None:
        if sys.stdin.isatty():
            raise UsageError(
                "report: no result given; name a file of --json, or read it from a "
                "pipe: fastbench --json - URL | fastbench report"
            )
        flags.result = "-"
    paths = formats.of_flags(flags)
    fills = _filled_forms(flags.template, paths)
    streams = (flags.format is not None) + (flags.template is not None and not fills)
    if list(paths.values()).count("-") + streams > 1:
        raise UsageError("report: only one form can go to standard output; name a file.")
    outputs = [destinations.File(f"--{form}", path) for form, path in paths.items()]
    destinations.check(outputs, [destinations.File("fastbench report", flags.result)])
    kind, saved = loaded(flags.result)
    _refuse_others(kind, flags, paths)
    destinations.prepare(outputs)
    pages = {form: _filled(saved, flags, form).encode() for form in fills}
    problems = [
        delivery.to_path(path, partial(_page, pages, kind, form, saved))
        for form, path in paths.items()
    ]
    if flags.template is not None and not fills:
        filled = _filled(saved, flags, "")
        problems.append(delivery.to_path("-", filled.encode))
    elif flags.format in formats.PEERS:
        problems.append(delivery.to_path("-", partial(peer_forms.rendered_as, flags.format, saved)))
    elif flags.format == "text" or not paths:
        shown = partial(_as_text, kind, saved, no_color=flags.no_color)
        problems.append(delivery.to_path("-", shown))
    return _told(problems)


def _filled_forms(template: str | None, paths: Mapping[str, str]) -> list[str]:
    """Return which of the forms the template fills."""
    if template is None:
        return []
    from fastbench.report.markdown import results_template

    return [form for form in results_template.forms(template) if form in paths]


def _page(pages: Mapping[str, bytes], kind: _Kind, form: str, saved: Any) -> bytes:
    return pages[form] if form in pages else kind.rendered(form, saved)


def _filled(saved: Any, flags: argparse.Namespace, form: str) -> str:
    """Return the run filled into the template; raises UsageError."""
    from fastbench.report.markdown import results_template

    search = None
    if flags.search is not None:
        of, search = loaded(flags.search)
        if of is not _OTHERS[searched.SCHEMA]:
            raise UsageError(f"--search `{redact.printable(flags.search)}` is no search of find.")
    try:
        return results_template.render(saved, flags.template, search, form)
    except results_template.Unfillable as error:
        raise UsageError(str(error)) from None


def _refuse_others(kind: _Kind, flags: argparse.Namespace, paths: Mapping[str, str]) -> None:
    """Refuse the forms that only a run has."""
    if kind is _RUN:
        return
    other = [f"--{form}" for form in paths if form not in kind.forms]
    other += [f"--format {flags.format}"] if flags.format in formats.PEERS else []
    other += ["--template"] if flags.template is not None else []
    if other:
        has = formats.listed(kind.forms)
        raise UsageError(f"report: {other[0]} shows one run; a {kind.noun} has {has}.")


def _told(problems: Sequence[str]) -> int:
    """Say what could not be written; return the exit code."""
    return exit_codes.NOT_WRITTEN if delivery.tell_all(problems) else 0


def loaded(path: str, command: str = "report") -> tuple[_Kind, Any]:
    """Return what was saved, and which kind it is."""
    shown = redact.printable(path) if path != "-" else "standard input"
    kind = _RUN
    data = point_file.unzipped(text_file.read_bytes(path, command), shown)
    if point_file.is_points(data):
        return kind, point_file.read(data, shown)
    try:
        document = parsed(data)
    except DocumentError as error:
        raise UsageError(f"`{shown}`: {error}; give a file that --json FILE wrote.") from None
    try:
        if isinstance(document, dict):
            whole = document.get("fastbench")  # of -o artillery=FILE
            document = whole if isinstance(whole, dict) else document
            kind = _OTHERS.get(str(document.get("schema")), _RUN)
        return kind, kind.read(document)
    except DocumentError as error:
        what = "the result of a run" if kind is _RUN else f"a whole {kind.noun}"
        raise UsageError(f"`{shown}` is not {what}: {error}.") from None


def run_of(path: str, command: str) -> Result:
    """Return a saved run: a document, also as .gz, or points; raises UsageError for another."""
    kind, saved = loaded(path, command)
    if kind is not _RUN:
        shown = redact.printable(path)
        raise UsageError(f"`{shown}` is a {kind.noun}, not a run; give the --json FILE of a run.")
    found: Result = saved
    return found


def _as_text(kind: _Kind, saved: Any, *, no_color: bool) -> bytes:
    plain = no_color or os.environ.get("NO_COLOR")
    how = delivery.look(sys.stdout, False if plain else None)
    return how.encoded(how.drawn(kind.as_text, saved))
