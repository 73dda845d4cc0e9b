"""The flags of a command that is no run, read by argparse: a slip is one sentence."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from fastbench.cli.args import aliases, corrections
from fastbench.cli.args.flag_grammar import Grammar
from fastbench.cli.help import pager
from fastbench.foundation.usage_error import UsageError

_COLUMNS = 78  # as argparse has in a terminal of 80


class Parser(argparse.ArgumentParser):
    """Parse the words after `fastbench NAME`; flags are never abbreviated. Raises UsageError."""

    def __init__(self, name: str, description: str, *, epilog: str | None = None) -> None:
        super().__init__(
            prog=f"fastbench {name}",
            description=textwrap.fill(description, _COLUMNS) if epilog else description,
            epilog=epilog,
            # The epilog has lines of its own: argparse then wraps no description, either.
            formatter_class=argparse.RawDescriptionHelpFormatter
            if epilog
            else argparse.HelpFormatter,
            allow_abbrev=False,
        )
        self._name = name

    def grammar(self) -> Grammar:
        """Return how the words are cut, for habits of other tools."""
        flags = self._option_string_actions
        valued = {flag for flag, action in flags.items() if action.nargs != 0}
        return Grammar(self._name, valued, set(flags) - valued, aliases.rows(self._name))

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[Any, list[str]]:
        """Parse the words, other tools' spellings too."""
        found, notices = corrections.read(self.grammar(), args or ())
        pager.notes(notices)
        return super().parse_known_args(found, namespace)

    def print_help(self, file: object = None) -> None:
        """Print the help and end, with the exit code of what was written or was not."""
        self.exit(pager.write(self.format_help().rstrip("\n")))

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed."""
        raise UsageError(f"{self._name}: {message}; `{self.prog} --help` lists all options")
