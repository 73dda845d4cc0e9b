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


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Pages are the same in every terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_COLUMNS)


class Parser(argparse.ArgumentParser):
    """Parse the words after `fastbench NAME`; flags are never abbreviated. Raises UsageError."""

    def __init__(
        self, name: str, description: str, *, epilog: str | None = None, more: str = ""
    ) -> None:
        """`epilog` has lines of its own, and so has `more`, which `--help all` prints, too."""
        if more:
            epilog = f"{epilog or ''}\n\nfastbench {name} --help all has more.".lstrip()
        super().__init__(
            prog=f"fastbench {name}",
            description=textwrap.fill(description, _COLUMNS),
            epilog=epilog,
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        self._name = name
        self._more = more

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
        if found[:1] == ["--help"]:
            self.exit(pager.paged(self.whole_help() if found[1:] else self.format_help()))
        pager.notes(notices)
        return super().parse_known_args(found, namespace)

    def whole_help(self) -> str:
        """Return the page with everything, below the flags what the first page leaves out."""
        return "\n\n".join(part for part in (self.format_help().rstrip("\n"), self._more) if part)

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed."""
        raise UsageError(f"{self._name}: {message}; `{self.prog} --help` lists all options")
