"""`fastbench convert`: a recording, a description or another tool's test as a script in Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from fastbench.cli.args.command_parser import Parser
from fastbench.cli.help import pager
from fastbench.cli.output import delivery, destinations
from fastbench.convert import source_kinds
from fastbench.foundation import exit_codes, redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "convert",
        description="Write a readable script for `fastbench run` from a recording of a browser "
        "(.har), an OpenAPI or Swagger description (.yaml, .json), a locustfile (.py), a script "
        "of k6 (.js, .ts) or a test of Artillery (.yml). What cannot be carried over is marked in "
        "the script and listed on standard error. See docs/guides/convert.md.",
    )
    made.add_argument("input", metavar="INPUT", help="the file; - is standard input")
    made.add_argument("-o", "--output", metavar="SCRIPT.py", help="the script (standard output)")
    made.add_argument("--force", action="store_true", help="overwrite the script if it exists")
    made.add_argument(
        "--from",
        dest="kind",
        choices=source_kinds.KINDS,
        help="what INPUT is, where its name and content do not tell",
    )
    har = made.add_argument_group("HAR")
    har.add_argument("--all-hosts", action="store_true", help="keep requests to other hosts")
    har.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="keep this host too; repeat"
    )
    har.add_argument("--static", action="store_true", help="keep images, styles, scripts and fonts")
    return made


def main(argv: Sequence[str]) -> int:
    """Convert what the words after `convert` name; raises UsageError for a wrong word or file."""
    flags = parser().parse_args(argv)
    target = destinations.named(flags.output or "-")
    outputs = [destinations.File("-o", target)]
    destinations.check(outputs, [destinations.File("fastbench convert", flags.input)])
    if target != "-" and os.path.isfile(target) and not flags.force:
        raise UsageError(
            f"convert: `{redact.printable(target)}` exists; use --force to overwrite it, or name "
            "another file."
        )
    if flags.input != "-" and os.path.isdir(flags.input):
        raise UsageError(f"convert: `{redact.printable(flags.input)}` is a folder; name a file.")
    content = text_file.read_text(flags.input, "convert")
    name = "standard input" if flags.input == "-" else os.path.basename(flags.input)
    shown = redact.printable(name)
    if not content.strip():
        raise UsageError(f"convert: {shown} is empty; give a file with content.")
    kind = flags.kind or source_kinds.kind_of(flags.input, content)
    if kind != "har" and (flags.all_hosts or flags.host or flags.static):
        raise UsageError("convert: --all-hosts, --host and --static are for HAR files.")
    made = source_kinds.convert(
        kind,
        content,
        shown,
        flags.input,
        hosts=flags.host,
        all_hosts=flags.all_hosts,
        static=flags.static,
    )
    script = os.path.basename(target) if target != "-" else "SCRIPT.py"
    text = made.text.replace("SCRIPT.py", script, 1)
    destinations.prepare(outputs)
    problem = delivery.to_path(target, partial(text.encode, "utf-8", "replace"))
    for remark in made.remarks:
        pager.notes([f"not carried over: {remark}"])
    return exit_codes.NOT_WRITTEN if delivery.tell_all([problem]) else exit_codes.PASSED
