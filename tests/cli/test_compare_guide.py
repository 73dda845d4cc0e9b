"""docs/guides/compare.md: its commands are taken, its flags and exit codes exist."""

from __future__ import annotations

import re
import shlex

import pytest
from own_sources import ROOT

from fastbench.cli.args import compare_args
from fastbench.cli.help import compare_help
from fastbench.foundation import exit_codes

GUIDE = (ROOT / "docs" / "guides" / "compare.md").read_text()
COMMANDS = re.findall(r"^    fastbench (compare (?:.*\\\n)*.*)$", GUIDE, re.MULTILINE)
OF_OTHERS = {"--help"}


def test_the_guide_has_commands_for_all_ways_to_measure() -> None:
    assert len(COMMANDS) >= 4 and any("-R" in each for each in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guide_is_taken(command: str) -> None:
    words = shlex.split(command.replace("\\\n", " "))
    found = compare_args.parse(words[1:])
    assert isinstance(found, compare_args.Command) and isinstance(found.what, compare_args.Live)


def test_the_flags_of_the_guide_are_those_of_the_help() -> None:
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", GUIDE)) - OF_OTHERS
    assert {"--slice", "--time", "--visit", "--fail-on-regression"} <= flags
    assert {each for each in flags if each not in compare_help.TEXT} == set()


def test_the_exit_codes_of_the_guide_are_those_of_the_command() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", GUIDE, re.MULTILINE))
    assert set(map(int, rows)) >= {
        *(exit_codes.PASSED, exit_codes.REGRESSION, exit_codes.INTERRUPTED),
        *(exit_codes.NOT_WRITTEN, exit_codes.NOTHING),
    }
    told = compare_help.TEXT[compare_help.TEXT.index("Exit codes:") :]
    assert all(re.search(rf"\b{code}\b", told) for code in rows)
