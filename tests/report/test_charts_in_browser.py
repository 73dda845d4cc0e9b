"""Charts in a browser: the selector, labels, type, and what is shown without a script."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
import part_samples
import pytest
import samples
import scenario_samples
from html_pages import complaints, needs_browser

from fastbench.report.html import html_report
from fastbench.results.result import Result

pytestmark = needs_browser

SAMPLES = {
    "urls": part_samples.urls,
    "script": part_samples.script,
    "planned": samples.planned,
    "watched": samples.watched,
    "messages": scenario_samples.messages,
    "failing": samples.failing,
}
# Texts of a chart that are cut, or that lie on each other; lines of text may be close.
TOUCHING = """
JSON.stringify([...document.querySelectorAll('figure[data-chart] svg')].flatMap((svg) => {
  const boxes = [...svg.querySelectorAll('text')].map((each) => {
    const { left, right, top, bottom } = each.getBoundingClientRect();
    const [text, inner] = [each.textContent, { left: left + 1, right: right - 1 }];
    return { text, ...inner, top: top + 2, bottom: bottom - 2 };
  });
  const outer = svg.getBoundingClientRect(), chart = svg.getAttribute('aria-label');
  const cut = ({ left, right, top, bottom }) =>
    left < outer.left || right > outer.right || top < outer.top || bottom > outer.bottom;
  const touch = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return [
    ...boxes.filter(cut).map(({ text }) => [chart, text, 'is cut']),
    ...boxes.flatMap((a, at) =>
      boxes.slice(at + 1).filter((b) => touch(a, b)).map((b) => [chart, a.text, b.text])),
  ];
}))
"""
SIZES = """
JSON.stringify([...document.querySelectorAll('body *')]
  .filter((each) => each.textContent.trim() && each.checkVisibility())
  .map((each) => [parseFloat(getComputedStyle(each).fontSize), each.tagName, each.className])
  .filter(([size]) => size < 12))
"""


def shown(chromium: browser.Browser, result: Result, folder: Path) -> None:
    file = folder / "report.html"
    file.write_text(html_report.render(result), "utf-8")
    chromium.open(file)


def asked(chromium: browser.Browser, expression: str) -> Any:
    return json.loads(chromium.ask(expression))


def chosen(chromium: browser.Browser, value: str) -> None:
    chromium.ask(
        f"(() => {{ const s = document.querySelector('#chooser select'); s.value = '{value}';"
        "s.dispatchEvent(new Event('change')); })()"
    )


def told(chromium: browser.Browser, chart: str) -> dict[str, str]:
    """Return what the legend of a chart reads out."""
    return dict(
        asked(
            chromium,
            f"JSON.stringify([...document.querySelectorAll('[data-chart={chart}] .series')]"
            ".map(b => [b.childNodes[1].data, b.querySelector('b').textContent]))",
        )
    )


def pointed(chromium: browser.Browser, chart: str, index: int) -> None:
    """Walk to a row by keys, as who has no mouse does."""
    chromium.ask(f"document.querySelector('[data-chart={chart}] svg').focus()")
    chromium.ask(
        f"for (const key of ['Escape', ...Array({index + 1}).fill('ArrowRight')])"
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))"
    )


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [1280, 400])
def test_labels_do_not_touch_and_are_not_cut(
    chromium: browser.Browser, tmp_path: Path, name: str, width: int
) -> None:
    chromium.look(width)
    shown(chromium, SAMPLES[name](), tmp_path)
    assert complaints(chromium) == []
    assert asked(chromium, TOUCHING) == []
    assert asked(chromium, SIZES) == []
    assert chromium.ask("document.documentElement.scrollWidth") == width


def test_the_selector_shows_what_the_document_has_of_a_part(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    chromium.look(1280)
    result = part_samples.script()
    shown(chromium, result, tmp_path)
    names = "JSON.stringify([...document.querySelectorAll('#chooser option')].map(o => o.text))"
    assert asked(chromium, names) == ["All requests", "GET /a", "sign", "one", "two"]
    parts = result.part_series
    assert parts is not None
    for at, part in enumerate(parts.parts):
        chosen(chromium, str(at))
        pointed(chromium, "rate", 5)
        rate = part.ended[5] / parts.span_s[5]
        assert told(chromium, "rate") == {
            "reached": f"{rate:,.0f}" if rate >= 1000 else f"{rate:.0f}"
        }
        latency = told(chromium, "latency")
        for name in ("p50", "p95", "p99"):
            value = getattr(part, f"{name}_ms")[5]
            assert latency[name].endswith("ms")
            assert float(latency[name][:-2]) == pytest.approx(value, rel=0.01)
        (failed,) = told(chromium, "errors").values()
        assert float(failed.replace(",", "")) == pytest.approx(part.failed[5], rel=0.01)
        about = chromium.ask("document.querySelector('[data-chart=rate] small').textContent")
        assert part.name in about
    chosen(chromium, "")
    pointed(chromium, "rate", 5)
    assert told(chromium, "rate")["reached"] == f"{result.series[5].requests:,}"
    assert complaints(chromium) == []


def test_the_selector_is_reached_by_the_keyboard(chromium: browser.Browser, tmp_path: Path) -> None:
    chromium.look(1280)
    shown(chromium, part_samples.urls(), tmp_path)
    chromium.ask("document.querySelector('#chooser select').focus()")
    assert chromium.ask("document.activeElement.labels[0].textContent").startswith("Throughput")
    for kind in ("rawKeyDown", "keyUp"):
        key = {"key": "ArrowDown", "code": "ArrowDown", "windowsVirtualKeyCode": 40}
        chromium.call("Input.dispatchKeyEvent", type=kind, **key)
    chromium.frame()
    assert chromium.ask("document.querySelector('#chooser select').value") == "0"
    small = chromium.ask("document.querySelector('[data-chart=latency] small').textContent")
    assert small == "GET /a"


def test_one_second_is_read_out_in_all_charts_whatever_their_steps(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    base = part_samples.urls()
    wide = part_samples.part("/wide", seed=3, steps=10)
    steps = replace(
        part_samples.over_time(wide, part_samples.part("/b", seed=4, steps=10)),
        t_s=tuple(2.0 * at for at in range(10)),
        span_s=(2.0,) * 10,
    )
    chromium.look(1280)
    shown(chromium, replace(base, part_series=steps), tmp_path)
    chosen(chromium, "0")
    pointed(chromium, "rate", 3)
    at = "document.querySelector('[data-chart={}] .at').textContent"
    assert chromium.ask(at.format("rate")) == "6s to 8s"
    assert chromium.ask(at.format("connections")) == "7s to 8s"
    assert told(chromium, "connections")["open"] == "20"


def test_lines_reach_from_the_start_to_the_end_and_break_at_a_gap(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    chromium.look(1280)
    shown(chromium, part_samples.urls(), tmp_path)
    path = "document.querySelector('[data-chart={}] .curve').getAttribute('d')"
    rate, latency = (chromium.ask(path.format(name)) for name in ("rate", "latency"))
    width = chromium.ask("document.querySelector('[data-chart=rate] svg').viewBox.baseVal.width")
    points = [part.split(" ") for part in rate.replace("M", "L").split("L") if part]
    assert float(points[0][0]) == pytest.approx(62, abs=0.5)
    assert float(points[-1][0]) == pytest.approx(width - 12, abs=0.5)
    assert rate.count("M") == 1 and latency.count("M") == 2
    floor = chromium.ask("document.querySelector('[data-chart=rate] .axis').getAttribute('y1')")
    assert float(points[1 + 7][1]) == pytest.approx(float(floor)), "a second without requests is 0"


def test_thresholds_that_failed_look_different_in_more_than_colour(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    chromium.look(1280)
    shown(chromium, part_samples.urls(), tmp_path)
    limits = asked(
        chromium,
        "JSON.stringify([...document.querySelectorAll('[data-chart=latency] .limit')].map(g => ["
        "g.querySelector('text').textContent,"
        "getComputedStyle(g.querySelector('line')).strokeDasharray]))",
    )
    assert [text for text, _ in limits] == ["✓ p95<50ms", "✗ p99<20ms"]
    assert limits[0][1] != "none" and limits[1][1] == "none"


@pytest.mark.parametrize("width", [1280, 400])
def test_without_a_script_the_main_charts_and_all_tables_are_shown(
    chromium: browser.Browser, tmp_path: Path, width: int
) -> None:
    chromium.look(width)
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        shown_without(chromium, part_samples.urls(), tmp_path)
        visible = "[...document.querySelectorAll('{}')].filter(e => e.checkVisibility()).length"
        assert chromium.ask(visible.format(".still")) == 4
        assert chromium.ask(visible.format("figure[data-chart]")) == 0
        assert chromium.ask("document.querySelectorAll('.still path').length") == 10
        assert chromium.ask("document.documentElement.scrollWidth") == width
        assert chromium.ask("document.querySelectorAll('table').length") > 3
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)


def shown_without(chromium: browser.Browser, result: Result, folder: Path) -> None:
    """Open a page whose scripts do not run; no frame of it can be waited for."""
    file = folder / "still.html"
    file.write_text(html_report.render(result), "utf-8")
    chromium.events.clear()
    chromium.call("Page.navigate", url=file.as_uri())
    while not any(each.get("method") == "Page.loadEventFired" for each in chromium.events):
        chromium.events.append(chromium._next())
