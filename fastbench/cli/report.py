"""`fastbench report`: a result that was saved with --json, in another form.

The exit code says whether the forms were written, not whether the run passed: that is the run's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from fastbench import redact
from fastbench.cli import delivery, forms
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
        description="Write a result that was saved with --json FILE in other forms. Without a "
        "flag the report is printed as the run printed it. A FILE may be - for standard output.",
        allow_abbrev=False,
    )
    parser.add_argument("result", metavar="RESULT.json", help="what --json FILE wrote")
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
    problems = [
        delivery.to_path(path, partial(forms.rendered, flag, result))
        for flag, path in paths.items()
    ]
    if asked.format in forms.PEERS:
        whole = partial(forms.as_peer, asked.format, result)
        problems.append(delivery.to_path("-", lambda: delivery.as_json(whole())))
    elif asked.format == "text" or not paths:
        problems.append(delivery.to_path("-", lambda: _as_text(result, no_color=asked.no_color)))
    for problem in filter(None, problems):
        delivery.tell(problem)
    return EXIT_NOT_WRITTEN if any(problems) else 0


def _load(path: str) -> Result:
    import orjson

    shown = redact.printable(path)
    try:
        with open(path, "rb") as file:
            return Result.from_document(orjson.loads(file.read()))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"report cannot read `{shown}`: {reason}.") from None
    except orjson.JSONDecodeError:
        raise UsageError(f"`{shown}` is not JSON; give a file that --json FILE wrote.") from None
    except DocumentError as error:
        raise UsageError(f"`{shown}` is not the result of a run: {error}.") from None


def _as_text(result: Result, *, no_color: bool) -> bytes:
    from fastbench.report import text

    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    encoding = sys.stdout.encoding or "utf-8"
    shown = text.render(
        result,
        color=sys.stdout.isatty() and not plain,
        width=shutil.get_terminal_size((100, 24)).columns,
        unicode=encoding.lower().replace("-", "") == "utf8",
    )
    return shown.encode(encoding, "replace")
