"""The command line: one file per command, and the only place that prints or exits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from fastbench import __version__, exits
from fastbench.cli import page

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the words ask for; return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words in (["--version"], ["-V"], ["-v"]):  # before anything heavier is imported
        return page.write(f"fastbench {__version__}")
    try:
        return _dispatch(words)
    except KeyboardInterrupt:  # the second signal, or the first where nothing can be reported yet
        return exits.INTERRUPTED
    except SystemExit as ended:  # argparse's --help
        return ended.code if isinstance(ended.code, int) else 0


def _dispatch(words: list[str]) -> int:
    from fastbench import redact
    from fastbench.cli import grammar, spelling
    from fastbench.plan import UsageError

    try:
        if sys.platform != "linux":
            raise UsageError("Only Linux is supported (epoll); use a Linux machine or container.")
        words = spelling.first(words)
        if words and words[0] in grammar.COMMANDS:
            module = import_module(f"fastbench.cli.{words[0]}")
            return cast(Callable[[Sequence[str]], int], module.main)(words[1:])
        return _plain(words)
    except UsageError as error:
        print(f"fastbench: {redact.printable(str(error))}", file=sys.stderr)
        return exits.REFUSED


def _plain(words: list[str]) -> int:
    from fastbench import redact
    from fastbench.cli import flags

    command = flags.parse(words)
    if command == "version":
        return page.write(f"fastbench {__version__}")
    if command == "help":
        from fastbench.cli.manual import TEXT

        return page.write(TEXT)
    for notice in command.notices:
        print(f"fastbench: {redact.printable(notice)}", file=sys.stderr)
    if command.output.debug:
        from fastbench.cli import debug

        return debug.run(command.plan, command.output)
    from fastbench.cli import bench

    return bench.run(command.plan, command.output)
