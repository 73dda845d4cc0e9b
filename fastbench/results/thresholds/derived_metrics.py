"""Formulas that a script names: `derived("message_loss", "ws_msgs_sent - ws_msgs_received")`.

1. A formula may use the names of others. One that needs itself is refused.
2. In a threshold a name stands for its formula, `message_loss / ws_msgs_sent < 1%`, so that windows
   are those of its terms. With value, min, max, drift, slope or recovery it is a gauge that is
   computed once a second: `message_loss: max<10`.
3. Where all terms have one unit, and none is multiplied, that is the unit of the gauge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NoReturn

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import Kind
from fastbench.results.thresholds import formulas
from fastbench.results.thresholds.judging import Threshold
from fastbench.results.thresholds.limit_values import refuse

MAX_DEPTH = 50  # of formulas of formulas
MAX_CHARACTERS = 10_000

Parse = Callable[[str, Mapping[str, Kind]], Threshold]

_AS_GAUGE = re.compile(
    r"\s*(?P<name>[A-Za-z_]\w*)\s*:?\s*(?:value|min|max|drift|slope|recovery)\s*[<>=!]"
)
_OTHER = re.compile(
    r"\s*(?P<name>[A-Za-z_]\w*)\s*:?\s*(?:avg|mean|med|median|count|rate|p\(?[0-9.]+\)?)\s*[<>=!]"
)
_TAGGED = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*\{")
_COLON = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*:\s*(?=[<>=!])")
_COLUMN = re.compile(r"column ([0-9]+)")


def resolved(derived: Mapping[str, str]) -> dict[str, str]:
    """Return the formulas without names of others; raises UsageError where there is no end."""
    found: dict[str, str] = {}

    def whole(name: str, needed_by: tuple[str, ...]) -> str:
        path = (*needed_by, name)
        if name in needed_by:
            circle = " needs ".join(path[path.index(name) :])
            raise UsageError(f"derived(): {circle}; a formula cannot need itself.")
        if len(path) > MAX_DEPTH:
            raise UsageError(f"derived(): {path[0]} needs more than {MAX_DEPTH} others in a row.")
        if name not in found:
            others = formulas.names(derived[name]) & derived.keys()
            parts = {other: whole(other, path) for other in sorted(others)}
            found[name] = formulas.expanded(derived[name], parts)
            if len(found[name]) > MAX_CHARACTERS:
                raise UsageError(
                    f"derived(): {name} comes to more than {MAX_CHARACTERS:,} characters with the "
                    "formulas that it uses; use fewer."
                )
        return found[name]

    for name in derived:
        whole(name, ())
    return found


def read(
    derived: Mapping[str, str], known: Mapping[str, Kind], parse: Parse
) -> tuple[Threshold, ...]:
    """Return each formula as the left side of a threshold that has its name.

    `parse` reads a threshold. Raises UsageError for a formula that cannot be read.
    """
    return tuple(_formula(name, text, known, parse) for name, text in resolved(derived).items())


def kind_of(formula: Threshold) -> Kind:
    """Return what the gauge of a formula holds."""
    counted = formula.aggregate == "count" or formula.kind.type == "rate"
    return Kind("gauge", "default" if counted else formula.kind.contains)


def _formula(name: str, text: str, known: Mapping[str, Kind], parse: Parse) -> Threshold:
    if formulas.compares(text):
        _refuse(name, text, "a formula has no limit; write that in a threshold or goal")
    try:
        return replace(parse(f"({text}) < 1", known), text=name)
    except UsageError as error:
        why = str(error).partition("`: ")[2].rstrip(".")
        _refuse(name, text, _COLUMN.sub(lambda at: f"column {max(1, int(at[1]) - 1)}", why))


def _refuse(name: str, text: str, why: str) -> NoReturn:
    raise UsageError(f"derived {name}, `{text}`: {why}.")


class NamedFormulas:
    """Reads thresholds in which names may stand for formulas."""

    def __init__(self, derived: Mapping[str, str], known: Mapping[str, Kind], parse: Parse) -> None:
        """Raises UsageError for a formula that cannot be read."""
        self._formulas = resolved(derived)
        self._parse = parse
        gauges = {each.text: kind_of(each) for each in read(derived, known, parse)}
        self._known = {**known, **gauges}

    def threshold(self, text: str) -> Threshold:
        """Read one threshold; raises UsageError."""
        if (tagged := _TAGGED.match(text)) and tagged["name"] in self._formulas:
            refuse(
                text, f"{tagged['name']} is computed; write tags behind the terms of its formula"
            )
        if (gauge := _AS_GAUGE.match(text)) and gauge["name"] in self._formulas:
            return self._parse(text, self._known)
        if (other := _OTHER.match(text)) and other["name"] in self._formulas:
            refuse(text, f"{other['name']} is computed; it has value, min, max, drift and slope")
        bare = text
        if (colon := _COLON.match(text)) and colon["name"] in self._formulas:
            bare = f"{colon['name']} {text[colon.end() :]}"
        whole = formulas.expanded(bare, self._formulas)
        found = self._parse(whole, self._known)
        return found if whole == text else replace(found, text=text.strip())
