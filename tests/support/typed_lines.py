"""Lines as they are typed: what is made of them, and what is said to type instead."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
from samples import good_json

from fastbench.cli.args import (
    compare_args,
    corrections,
    find_args,
    flag_grammar,
    script_args,
    url_args,
)
from fastbench.foundation.usage_error import UsageError

__all__ = ["URL", "folder", "lines_of", "read", "spelled", "typed"]

URL = "http://h:8080/x"
FILES = ("body.json", "urls.txt", "targets", "a.crt", "load.py")
PARSERS = {"": url_args.parse, "run": script_args.parse, "find": find_args.parse}
PARSERS["compare"] = compare_args.parse  # type: ignore[assignment]


def folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a folder with what the lines name."""
    monkeypatch.chdir(path)
    for name in FILES:
        (path / name).write_text("GET http://h:8080/x\n")
    (path / "x.json").write_text(good_json())
    return path


def read(line: str) -> tuple[str, list[str], list[str]]:
    """Return the command of a line, its words as they are read, and the notices."""
    found = corrections.first(shlex.split(line.replace("URL", URL)))
    command = found[0] if found and found[0] in flag_grammar.COMMANDS else ""
    rest = found[1:] if command else found
    return command, *corrections.read(flag_grammar.of(command, rest), rest)


def spelled(line: str) -> str:
    """Return what is still wrong in the spelling of a line, "" if nothing."""
    try:
        return "; ".join(read(line.removeprefix("fastbench").strip())[2])
    except UsageError as error:
        return str(error)


def typed(line: str) -> tuple[Sequence[str], str]:
    """Return what is said of a line: its notices, and the sentence it is refused by."""
    found = shlex.split(line.replace("URL", URL))
    try:
        found = corrections.first(found)
        command = found[0] if found and found[0] in flag_grammar.COMMANDS else ""
        if command in PARSERS:
            parsed = PARSERS[command](found[1:] if command else found)
            return getattr(parsed, "notices", ()), ""
        _, notices = corrections.read(flag_grammar.of(command, found[1:]), found[1:])
    except UsageError as error:
        return (), str(error)
    return notices, ""


def lines_of(sentence: str) -> list[str]:
    """Return the lines that a sentence says to type."""
    _, write, lines = sentence.partition(" write: ")
    assert write, f"no line: {sentence}"
    assert "\n" not in sentence
    return [
        each.rpartition(" (")[0] if each.endswith(")") else each for each in lines.split(" or: ")
    ]
