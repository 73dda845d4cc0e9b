"""Pages as a parser and a browser read them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import browser
import pytest

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "footer"),
    *("h1", "h2", "p", "small", "b", "code", "pre", "span", "div", "ul", "li", "dl", "dt", "dd"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "noscript"),
    *("details", "summary", "script", "button"),
    *("svg", "path", "line", "text"),  # what is drawn where no script runs
}


ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "id", "class", "data-chart"),
    *("scope", "tabindex", "title", "type", "hidden", "aria-live"),
    *("role", "aria-hidden", "viewbox", "preserveaspectratio", "d", "x", "y", "x1", "x2"),
    *("y1", "y2", "text-anchor"),
}
# A bar in the table of thresholds is a picture.
OF_BARS = {"svg", "rect", "line"}
ATTRIBUTES_OF_BARS = {"role", "x", "y", "x1", "x2", "y1", "y2", "width", "height"}


EVIL = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "<!--<script>",
    "]]>&lt;b&gt;&#x3c;i>",
    "a\u2028b\u2029c",
    "\x1b[31mred\x1b]0;title\x07\x00\u202eback",
    "javascript:alert(5)",
    "\ud800 half of a pair",
)


needs_browser = pytest.mark.skipif(browser.chromium() is None, reason="no Chromium here")


@dataclass
class Page(HTMLParser):
    """Every element, attribute and text of a page, as a parser of HTML sees them.

    A place where a line may break (`wbr`) is no element of interest, and its text is one.
    """

    elements: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    comments: int = 0
    broken: bool = False

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "wbr":
            self.broken = True
            return
        self.elements.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.broken:
            self.texts[-1] += data
        else:
            (self.scripts if self.open[-1:] == ["script"] else self.texts).append(data)
        self.broken = False

    def handle_comment(self, data: str) -> None:
        self.comments += 1

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def read(whole: str) -> Page:
    page = Page()
    page.feed(whole)
    page.close()
    assert page.open == []
    return page


def complaints(chromium: browser.Browser) -> list[dict[str, Any]]:
    """Return what a browser says of broken scripts, of the policy, of loads and of dialogs."""
    kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Page.javascriptDialogOpening")
    return [each for each in chromium.events if each["method"] in kinds]
