"""Shapes of pictures in a page, and a hostile comparison."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import browser
from comparing import LATENCIES
from comparisons import unsettled

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.results.result import Warning_

SVG = {"svg", "g", "line", "rect", "circle", "text"}


OF_SVG = {
    *("role", "aria-label", "aria-hidden", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r"),
    *("width", "height", "text-anchor"),
}


def with_latencies(found: Comparison) -> Comparison:
    return replace(found, latency=LATENCIES)


class Shapes(HTMLParser):
    """The shapes of the pictures: their element, their class and where they are."""

    def __init__(self, whole: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self.feed(whole)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in SVG:
            self.found.append((tag, given.pop("class", ""), given))

    def of(self, tag: str, kind: str) -> list[dict[str, str]]:
        return [each for found, classes, each in self.found if (found, classes) == (tag, kind)]


def percent(text: str) -> float:
    assert text.endswith("%")
    return float(text.removesuffix("%"))


def hostile(evil: str) -> Comparison:
    """Put one string wherever a server, a command or a file can put one."""
    found = with_latencies(unsettled())
    lost = replace(found.pairs[3], reasons=(evil, evil))
    machine = replace(found.environment, cpu=evil, kernel=evil, python=evil, started_at=evil)
    return replace(
        found,
        version=evil,
        base=evil,
        candidate=evil,
        pairs=(*found.pairs[:3], lost, *found.pairs[4:]),
        warnings=(Warning_(evil, evil, evil),),
        environment=machine,
        base_environment=replace(machine, cpu="another"),
        config={"script": evil, "load": {evil: [evil]}, "command": [evil, evil], evil: evil},
    )


def boxes(chromium: browser.Browser, selector: str) -> list[dict[str, Any]]:
    """Return where elements are, each with the picture around it."""
    ask = (
        f"JSON.stringify([...document.querySelectorAll({json.dumps(selector)})].map(e => {{"
        "const a = e.getBoundingClientRect(), b = e.ownerSVGElement.getBoundingClientRect();"
        "return {left: a.left - b.left, right: b.right - a.right, top: a.top - b.top,"
        "bottom: b.bottom - a.bottom, x: a.x, wide: b.width}}))"
    )
    return list(json.loads(chromium.ask(ask)))
