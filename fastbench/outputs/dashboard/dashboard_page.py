"""The page of the dashboard before anything is told: the report's frame, charts and style."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from fastbench import __version__
from fastbench.outputs.dashboard import url_table
from fastbench.report.html import html_page, html_parts, html_verdict
from fastbench.report.html.charts.chart import charts_script, charts_style
from fastbench.report.html.html_markup import Markup, el, section, table
from fastbench.report.load_heading import of_config


def page(config: Mapping[str, object]) -> str:
    """Return the page of a run of which only this is known."""
    load = of_config(config)
    title = html_verdict.title(load)
    main = el(
        "main",
        html_parts.heading(title, html_verdict.about(load)),
        _verdict(),
        el("dl", id="figures"),
        _thresholds(),
        el(
            "section",
            el("p", html_parts.HINT, class_="hint screen"),
            el("div", id="chooser"),
            el("div", class_="charts", id="moving"),
            el("div", class_="charts", id="still"),
            id="charts",
            hidden="hidden",
        ),
        _urls(),
        el("footer", f"fastbench {__version__}"),
    )
    style = charts_style() + _own("live.css")
    script = charts_script() + _own("live.js")
    return html_page.page(title, main, script=script, style=style, follows=True)


def _verdict() -> Markup:
    return el(
        "section",
        el("noscript", "The dashboard needs JavaScript; the report in the terminal does not."),
        el("h2", "Connecting", id="word"),
        el("p", id="said", class_="sentence"),
        el("p", id="limit"),
        el("p", id="link", role="status"),
        el("progress", id="share", max="1", hidden="hidden", aria_label="how much is done"),
        el("ul", id="reasons"),
        el("ul", id="warnings", class_="warnings"),
        id="verdict",
    )


def _thresholds() -> Markup:
    rows = table(("", "threshold", "observed"), ())
    return el(
        "div", section("Thresholds", rows, identity="thresholds"), id="limits", hidden="hidden"
    )


def _urls() -> Markup:
    rows = table(url_table.HEADS, ())
    return el("div", section("URLs", rows, identity="requests"), id="urls", hidden="hidden")


def _own(name: str) -> str:
    return resources.files("fastbench.outputs.dashboard").joinpath(name).read_text("utf-8")
