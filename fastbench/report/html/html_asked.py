"""How it was run: the command line to run it again, and what was asked and where, both folded."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence

from fastbench.foundation.redact import MASK
from fastbench.foundation.units import format_s
from fastbench.report.html import html_parts
from fastbench.report.html.html_markup import Markup, Row, el, section

CUT = "…"  # ends a word of a command line that was too long for the document
OF_COMMAND = "command"
MAX_FLAG = 32  # characters of a flag that a phone has room for
NOTES = {
    MASK: f"Secrets are not kept: {MASK} stands where one was.",
    CUT: f"A word that ends in {CUT} was longer: what it held is not kept.",
}


def asked(config: Mapping[str, object], *machines: Markup | None) -> Markup:
    """Return the command line, the configuration, and what is told of the machines."""
    known = [each for each in machines if each is not None]
    folds = (html_parts.folded("Configuration", "config", list(_rows(config))), *known)
    return section("How it was run", *command(config.get(OF_COMMAND)), *folds, identity="asked")


def command(words: object) -> list[Markup]:
    """Return a command line as a shell reads it, to be copied; nothing where none is known."""
    if not isinstance(words, Sequence) or not words or isinstance(words, str):
        return []
    told = [str(word) for word in words]
    notes = [note for mark, note in NOTES.items() if any(mark in word for word in told)]
    return [copyable(shlex.join(told)), *(el("p", note, class_="hint") for note in notes)]


def copyable(text: str) -> Markup:
    """Return text in a frame with a button that copies it, which only a script shows."""
    button = el("button", "Copy", class_="copy", type="button", hidden="hidden", aria_live="polite")
    return el("div", el("pre", el("code", *_unbroken(text))), button, class_="command")


def _unbroken(text: str) -> Iterator[str | Markup]:
    """Yield text with its flags in one piece: a browser breaks lines after each hyphen."""
    for at, word in enumerate(text.split(" ")):
        if at:
            yield " "
        short = word.startswith("-") and len(word) < MAX_FLAG
        yield el("span", word, class_="flag") if short else word


def _rows(config: Mapping[str, object], of: str = "") -> Iterator[Row]:
    """Yield what is set, one name each: `load: connections` is in a part of the document."""
    for name, value in config.items():
        if value in (None, "", [], {}) or (not of and name == OF_COMMAND):
            continue
        words = of + name.replace("_", " ")
        if isinstance(value, Mapping):
            yield from _rows(value, f"{words}: ")
        elif name.endswith("_s") and isinstance(value, int | float):
            yield [words.removesuffix(" s"), el("code", format_s(value) if value else "0s")]
        else:
            yield [words, el("code", _shown(value))]


def _shown(value: object) -> str:
    """Write a value; each of several has a line, a pair of texts is a header."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, Mapping):
        given = ((key, each) for key, each in value.items() if each is not None)
        return ", ".join(f"{key.replace('_', ' ')} {_shown(each)}" for key, each in given)
    if isinstance(value, Sequence):
        return "\n".join(map(_one_of_several, value))
    return json.dumps(value, ensure_ascii=False, default=str)


def _one_of_several(value: object) -> str:
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return ": ".join(map(str, value))
    return _shown(value)
