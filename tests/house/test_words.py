"""The words of the house: terms of the field or plain English, and cases named by sentences."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest
from own_sources import ROOT, shown, sources

# Each is put together here, so that this file does not hold what it looks for.
PHRASES = {  # in code, comments and documents
    "without success": r"\bin " + r"vain\b",
    "false positives": r"\bfei" + r"gn",
    "validation": r"put to the " + r"proof",
    "unknown option": r"is no " + r"flag of",
    "failed": r"thresholds? " + r"(was |were |is |are )?broken",
    "trial": r"\bvisi" + r"ted\b|too few vi" + r"sits",
}
NAMES = re.compile(  # of functions, classes, parameters and constants
    r"_*(MOST|LEAST)_\w+|(in_va" + r"in)|hea" + r"rs|Hea" + r"rs|Ask" + r"ed|Sea" + r"t|Cre" + r"w"
    r"|Grou" + r"nd|Sce" + r"ne|Habi" + r"ts|Lan" + r"e|GLAN" + r"CE|dic" + r"e"
)


def texts() -> list[Path]:
    """List what people read, but for what was written before these words were chosen."""
    documents = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]
    return [*sources(".py", ".js", ".md"), *documents, *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("instead", list(PHRASES))
def test_a_phrase_of_its_own_is_not_used_where_the_field_has_a_term(instead: str) -> None:
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(PHRASES[instead], line)
    ]
    assert found == []


def test_names_are_terms_of_the_field() -> None:
    found = []
    for path in sources(".py", under=("fastbench",)):
        if not NAMES.search(path.read_text()):
            continue
        words = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        found += [
            f"{shown(path)}:{word.start[0]} {word.string}"
            for word in words
            if word.type == tokenize.NAME and NAMES.fullmatch(word.string)
        ]
    assert found == []


def test_every_case_is_held_by_a_test_that_exists() -> None:
    cases = (ROOT / "docs" / "internals" / "cases.md").read_text()
    rows = re.findall(r"\| `(tests/\S+)`: (.+) \|", cases)
    assert len(rows) > 50
    for file, named in rows:
        defined = set(re.findall(r"def (test_\w+)", (ROOT / file).read_text()))
        assert set(re.findall(r"`(test_\w+)`", named)) <= defined, file


def test_tests_are_named_by_what_they_hold() -> None:
    """No number of a list that only its author has."""
    numbered = re.compile(r"^\s*(?:async )?def (test_[cdfhms]\d+_\w*)", re.MULTILINE)
    files = sources(".py", under=("tests",))
    assert [name for path in files for name in numbered.findall(path.read_text())] == []
