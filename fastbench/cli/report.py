"""`fastbench report`: a result or a comparison that was saved with --json, in another form.

The exit code says whether the forms were written, not whether the run passed: that is the run's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NoReturn

from fastbench import redact
from fastbench.cli import delivery, forms
from fastbench.compare.document import SCHEMA, Comparison
from fastbench.plan import UsageError
from fastbench.result import DocumentError, Result

__all__ = ["main"]

EXIT_NOT_WRITTEN = 121


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"report: {message}; `fastbench report --help` lists what it takes")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fastbench report",
        description="Write what a run or a comparison saved with --json FILE in other forms; a "
        f"comparison has {forms.listed(forms.COMPARED)}. Without a flag the report is printed as "
        "it was then. A FILE may be - for standard output.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "result", metavar="RESULT.json", help="what --json FILE wrote; - is standard input"
    )
    for flag, (_, what) in forms.FILES.items():
        parser.add_argument(f"--{flag}", metavar="FILE", help=what)
    parser.add_argument(
        "--format",
        choices=("text", *forms.PEERS),
        help="print the report for people, or the JSON of another tool",
    )
    parser.add_argument("--no-color", action="store_true", help="as with NO_COLOR set")
    return parser


def main(argv: Sequence[str]) -> int:
    """Write what the words after `report` ask for; raises UsageError for a wrong word or file."""
    asked = _parser().parse_args(argv)
    paths = forms.asked(asked)
    if list(paths.values()).count("-") + (asked.format is not None) > 1:
        raise UsageError("report: only one form can go to standard output; name a file.")
    result = _load(asked.result)
    if not isinstance(result, Result):
        return _told(_of_comparison(result, asked, paths))
    problems = [
        delivery.to_path(path, partial(forms.rendered, flag, result))
        for flag, path in paths.items()
    ]
    if asked.format in forms.PEERS:
        whole = partial(forms.as_peer, asked.format, result)
        problems.append(delivery.to_path("-", lambda: delivery.as_json(whole())))
    elif asked.format == "text" or not paths:
        problems.append(delivery.to_path("-", lambda: _as_text(result, no_color=asked.no_color)))
    return _told(problems)


def _told(problems: Sequence[str]) -> int:
    """Say what could not be written; return the exit code."""
    for problem in filter(None, problems):
        delivery.tell(problem)
    return EXIT_NOT_WRITTEN if any(problems) else 0


def _of_comparison(
    found: Comparison, asked: argparse.Namespace, paths: Mapping[str, str]
) -> list[str]:
    """Write a comparison in the forms that it has; return what went wrong."""
    other = [f"--{form}" for form in paths if form not in forms.COMPARED]
    other += [f"--format {asked.format}"] if asked.format in forms.PEERS else []
    if other:
        has = forms.listed(forms.COMPARED)
        raise UsageError(f"report: {other[0]} shows one run; a comparison has {has}.")
    problems = [
        delivery.to_path(path, partial(forms.compared, form, found)) for form, path in paths.items()
    ]
    if asked.format == "text" or not paths:
        problems.append(delivery.to_path("-", lambda: _as_text(found, no_color=asked.no_color)))
    return problems


def _load(path: str) -> Result | Comparison:
    import orjson

    shown = redact.printable(path) if path != "-" else "standard input"
    what = "the result of a run"
    try:
        document = orjson.loads(_read(path))
        if isinstance(document, dict) and document.get("schema") == SCHEMA:
            what = "a whole comparison"
            return Comparison.from_document(document)
        return Result.from_document(document)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"report cannot read `{shown}`: {reason}.") from None
    except orjson.JSONDecodeError:
        raise UsageError(f"`{shown}` is not JSON; give a file that --json FILE wrote.") from None
    except DocumentError as error:
        raise UsageError(f"`{shown}` is not {what}: {error}.") from None


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def _as_text(saved: Result | Comparison, *, no_color: bool) -> bytes:
    from fastbench.report import comparison, text

    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    encoding = sys.stdout.encoding or "utf-8"
    color = sys.stdout.isatty() and not plain
    width = shutil.get_terminal_size((100, 24)).columns
    unicode = encoding.lower().replace("-", "") == "utf8"
    if isinstance(saved, Result):
        shown = text.render(saved, color=color, width=width, unicode=unicode)
    else:
        shown = comparison.render(saved, color=color, width=width, unicode=unicode)
    return shown.encode(encoding, "replace")
