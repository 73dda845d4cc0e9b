"""The command line: one file per command, and the only place that prints or exits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from fastbench import __version__
from fastbench.cli.help import pager
from fastbench.foundation import exit_codes


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the words ask for; return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words in (["--version"], ["-V"], ["-v"]):  # before anything heavier is imported
        return pager.write(f"fastbench {__version__}")
    try:
        return _dispatch(words)
    except KeyboardInterrupt:  # the second signal, or the first where nothing can be reported yet
        return exit_codes.INTERRUPTED
    except SystemExit as ended:  # argparse's --help
        return ended.code if isinstance(ended.code, int) else 0


def _dispatch(words: list[str]) -> int:
    from fastbench.cli.args import corrections, flag_grammar
    from fastbench.foundation import platforms
    from fastbench.foundation.usage_error import UsageError

    try:
        if refusal := platforms.refusal(sys.platform):
            raise UsageError(refusal)
        words = _with_curl(corrections.first(words))
        if words and words[0] in flag_grammar.COMMANDS:
            module = import_module(flag_grammar.module_of(words[0]))
            return cast(Callable[[Sequence[str]], int], module.main)(words[1:])
        return _plain(words)
    except UsageError as error:
        pager.notes([str(error)])
        return exit_codes.REFUSED


def _with_curl(words: list[str]) -> list[str]:
    """Read a command of curl behind our flags, if there is one."""
    if not any(each == "curl" or each[:5] in ("curl ", "curl\t") for each in words):
        return words
    from fastbench.cli.curl import curl_command

    found, notices = curl_command.expanded(words)
    pager.notes(notices)
    return found


def _plain(words: list[str]) -> int:
    from fastbench.cli.args import url_args

    command = url_args.parse(words)
    if isinstance(command, str):
        return pager.page(command, "")
    if not command.output.quiet:
        pager.notes(command.notices)
    if command.output.debug:
        from fastbench.cli.debug import debug_url

        return debug_url.run(command.plan, command.output)
    from fastbench.cli.commands import run_url

    return run_url.run(command.plan, command.output)
