"""docs/guides/compare.md: its flags and exit codes exist."""

from __future__ import annotations

import re

from own_sources import ROOT

from fastbench.cli.manual import help_pages
from fastbench.foundation import exit_codes

HELP = help_pages.every_flag("compare")
GUIDE = (ROOT / "docs" / "guides" / "compare.md").read_text()
OF_OTHERS = {"--help", "--uds", "--port"}  # of `fastbench serve`, too


def test_the_flags_of_the_guide_are_those_of_the_help() -> None:
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", GUIDE)) - OF_OTHERS
    assert {"--slice", "--time", "--visit", "--fail-on-regression"} <= flags
    assert {each for each in flags if each not in HELP} == set()


def test_the_exit_codes_of_the_guide_are_those_of_the_command() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", GUIDE, re.MULTILINE))
    assert set(map(int, rows)) >= {
        *(exit_codes.PASSED, exit_codes.REGRESSION, exit_codes.INTERRUPTED),
        *(exit_codes.NOT_WRITTEN, exit_codes.NOTHING),
    }
    told = HELP[HELP.index("Exit codes:") :]
    assert all(re.search(rf"\b{code}\b", told) for code in rows)
