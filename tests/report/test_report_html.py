"""The page: what is in it, that nothing else can be, its size; in a browser, what is drawn."""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import browser
import pytest
import samples
import scenario_samples
from html_pages import (
    ATTRIBUTES,
    ATTRIBUTES_OF_BARS,
    ELEMENTS,
    EVIL,
    OF_BARS,
    Page,
    complaints,
    needs_browser,
    read,
)
from part_samples import over_time, part
from shapes import MIB, use

from fastbench.foundation.redact import printable
from fastbench.report.html import html_report
from fastbench.report.html.charts import run_charts
from fastbench.report.html.html_markup import data_block, el, raw
from fastbench.results.metric_values import Check, Judgement, NamedRow, Thrown
from fastbench.results.part_series import MAX_NAMES, MAX_SCENARIOS
from fastbench.results.result import Result, SeriesRow
from fastbench.results.usage import ProcessSample

ALL = {**samples.ALL, **{f"script-{name}": made for name, made in scenario_samples.ALL.items()}}


def parsed(result: Result) -> Page:
    return read(html_report.render(result))


@cache
def hour() -> Result:
    """An hour of plan, second by second, where no two numbers are alike, with all parts there are.

    Steps of the parts are those of a run of an hour (`kept_series.MAX_STEPS`).
    """
    drawn = random.Random(7)

    def row(at: int) -> SeriesRow:
        p50_ms = 40 * drawn.uniform(0.9, 1.3)
        seen = use(at)
        busy = tuple(100 * drawn.random() for _ in range(2))
        memory = 3_000_000_000 + drawn.randrange(10**8)
        host = replace(seen.host, core_percents=busy, memory_used_bytes=memory)
        host = replace(host, net_in_bytes_per_s=1e8 * drawn.random())
        return SeriesRow(
            t_s=at * 1.0003,
            span_s=1.0003,
            requests=drawn.randrange(90_000, 110_000),
            ok=90_000,
            failed=drawn.randrange(1000),
            timeouts=drawn.randrange(10),
            bytes_in=10**7,
            p50_ms=p50_ms,
            p99_ms=p50_ms * drawn.uniform(3, 9),
            connections=drawn.randrange(1000),
            scheduled=drawn.randrange(90_000, 110_000),
            dropped=drawn.randrange(100),
            response_p50_ms=p50_ms * drawn.uniform(1, 2),
            response_p99_ms=p50_ms * drawn.uniform(9, 20),
            p95_ms=p50_ms * drawn.uniform(2, 3),
            response_p95_ms=p50_ms * drawn.uniform(5, 9),
            errors={"timeout": drawn.randrange(10), "reset": drawn.randrange(20)},
            statuses={"200": 90_000, "404": drawn.randrange(500), "503": drawn.randrange(500)},
            vus=drawn.randrange(1000),
            iterations=drawn.randrange(9000),
            dropped_iterations=drawn.randrange(9),
            use=replace(seen, host=host, client_cpu_percent=100 * drawn.random()),
        )

    names = [part(f"/a/rather/long/path/{at}", seed=at, steps=225) for at in range(MAX_NAMES)]
    scenarios = [
        part(f"scenario {at}", kind="scenario", seed=at, steps=225) for at in range(MAX_SCENARIOS)
    ]
    return replace(
        scenario_samples.messages(),
        series=tuple(row(at) for at in range(3600)),
        part_series=over_time(*names, *scenarios),
    )


def hostile(evil: str) -> Result:
    """Put one string wherever a script or a server can put one."""
    base = scenario_samples.hostile()
    watched = samples.watched()
    targets = tuple(replace(each, name=evil) for each in watched.resources.targets)
    errors = samples.hostile().errors
    return replace(
        base,
        version=evil,
        config={"url": evil, "script": evil, "method": evil, evil: {evil: [evil]}},
        environment=replace(base.environment, cpu=evil, kernel=evil, started_at=evil),
        errors=tuple(replace(row, kind=evil, code=evil, message=evil, hint=evil) for row in errors),
        resources=replace(watched.resources, targets=targets),
        series=tuple(replace(row, errors={evil: 3}) for row in watched.series),
        status_codes={evil: 1},
        tls=samples.hostile().tls,
        metrics={evil: base.metrics["messages_sent"]},
        thresholds={evil: Judgement(False, -1.0, -0.5, "fail", False, evil)},
        requests=(NamedRow(evil, evil, evil, 3, 1, 1.0, base.requests[0].latency),),
        scenarios=tuple(replace(row, name=evil, executor=evil) for row in base.scenarios),
        checks=(Check(evil, f"::{evil}", evil, 1, 2),),
        exceptions=(Thrown(evil, evil, evil, evil, 3, evil),),
        validity=replace(base.validity, reasons=(evil,)),
    )


@cache
def told_nothing_evil() -> Page:
    return parsed(hostile("harmless"))


@pytest.mark.parametrize("name", ALL)
def test_only_our_elements_and_attributes_appear(name: str) -> None:
    page = parsed(ALL[name]())
    assert set(page.elements) <= ELEMENTS | OF_BARS
    assert {key for key, _ in page.attributes} <= ATTRIBUTES | ATTRIBUTES_OF_BARS
    assert page.elements.count("script") == 2
    assert page.comments == 0


@pytest.mark.parametrize("evil", EVIL)
def test_a_hostile_string_is_text_and_nothing_else(evil: str) -> None:
    whole = html_report.render(hostile(evil))
    page, harmless = read(whole), told_nothing_evil()
    assert page.elements == harmless.elements
    assert [key for key, _ in page.attributes] == [key for key, _ in harmless.attributes]
    assert page.comments == 0
    names = [line["name"] for line in page.data["charts"]["cpu"]["lines"]]
    assert names[2] == f"{printable(evil)}, 2 processes"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", whole)


def test_text_of_servers_is_shown_as_it_is() -> None:
    assert "<script>alert(1)</script>" in parsed(hostile(EVIL[0])).text
    assert el("p", EVIL[2], title=EVIL[2]).text == (
        '<p title="&quot;&gt;&lt;img src=x onerror=alert(3)&gt;">'
        "&quot;&gt;&lt;img src=x onerror=alert(3)&gt;</p>"
    )


def test_data_stands_in_its_script_and_comes_back() -> None:
    block = data_block("data", list(EVIL)).text
    assert block.count("<") == 2 and "&" not in block and block.isascii()
    assert json.loads(block[block.index("[") : block.rindex("]") + 1]) == list(EVIL)
    with pytest.raises(ValueError, match="would end"):
        raw("style", "p {} </STYLE ><script>")


def test_nothing_is_loaded_from_anywhere() -> None:
    whole = html_report.render(scenario_samples.messages())
    page = parsed(scenario_samples.messages())
    own = [text for text in (*page.scripts, *page.texts[1:2]) if "http://127.0.0.1" not in text]
    for text in own:
        links = re.findall(r"https?://[^\s\"')]+|url\(|@import|import\(|fetch\(", text)
        assert [each for each in links if each not in ("http://www.w3.org/2000/svg", "url(")] == []
    assert not re.search(r"<(link|img|iframe|object|embed|base|form|a)\b", whole)
    policy = next(value for _, value in page.attributes if value and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy and "data:" not in policy and "http" not in policy


def test_verdict_and_thresholds_come_first() -> None:
    text = parsed(scenario_samples.messages()).text
    order = ["Failed", "requests/s", "Thresholds", "Throughput", "Latency", "Scenarios", "Checks"]
    places = [text.index(f"\n{word}") for word in order]
    assert places == sorted(places)
    assert text.index("p(95)<150") < text.index("refunds") < text.index("checks: rate")


@pytest.mark.parametrize(
    ("name", "word", "kind"),
    [
        ("good", "Complete", "done"),
        ("interrupted", "Partial", "doubt"),
        ("watched", "Complete, with warnings", "doubt"),
        ("worker_lost", "Partial", "fail"),
        ("refused", "Nothing succeeded", "fail"),
        ("script-messages", "Failed", "fail"),
        ("script-aborted", "Aborted", "fail"),
    ],
)
def test_the_verdict_is_a_word_and_a_colour(name: str, word: str, kind: str) -> None:
    whole = html_report.render(ALL[name]())
    assert f'id="verdict" class="{kind}"><h2>{word}</h2>' in whole


def test_the_numbers_are_those_of_the_result() -> None:
    result = scenario_samples.messages()
    text = parsed(result).text
    told = (
        "967",
        "412",
        "0.14% of 290,000 in 300.00s",
        "40.1ms",
        "p95 118ms",
        "188ms",
        "max 677ms",
    )
    for figure in told:
        assert f"\n{figure}\n" in text, figure
    assert "\n99.76%\n" in text and "\n10,050\n" in text and "KeyError" in text


def test_the_charts_hold_the_series() -> None:
    result = samples.planned()
    charts = parsed(result).data["charts"]
    assert charts["rate"]["lines"][0]["values"] == [row.requests for row in result.series]
    assert charts["rate"]["lines"][1]["values"] == [1000] * 30
    response = {line["name"]: line["values"] for line in charts["latency"]["lines"]}
    assert response["response p99"] == [760.5] * 30
    assert charts["errors"]["lines"][0]["values"] == [2] * 30
    bars = charts["distribution"]["lines"]
    assert [sum(line["values"]) for line in bars] == [28_000, 28_000]
    told = result.latency.response
    assert told is not None
    marks = dict(charts["distribution"]["marks"])
    assert marks["p99"] == pytest.approx(told.percentile(99) / 1e6, rel=1e-4)
    points = dict(charts["spectrum"]["lines"][0]["points"])
    assert points[100] == pytest.approx(told.percentile(99) / 1e6, rel=1e-4)
    assert max(points.values()) == pytest.approx(told.max_ns / 1e6, rel=1e-4)


def watched_alone(result: Result) -> Result:
    """Return the same with the first process of the target only."""
    alone = [
        replace(row, use=row.use and replace(row.use, targets=row.use.targets[:1]))
        for row in result.series
    ]
    return replace(result, series=tuple(alone))


def watched_in(result: Result, second: int) -> tuple[ProcessSample, ...]:
    use = result.series[second].use
    assert use is not None
    return use.targets


def test_processor_and_memory_are_of_host_client_and_targets() -> None:
    result = samples.watched()
    charts = parsed(result).data["charts"]
    host, client, both = charts["cpu"]["lines"]
    assert host["values"][3] == 91 + 90 and host["name"] == "host (200 % is all of it)"
    assert client["values"][3] == 27
    assert both["name"] == "nginx, 2 processes", "a command is one line"
    assert both["values"][:3] == [93 + 41.5, 94 + 41.5, 95 + 41.5]
    assert charts["memory"]["lines"][1]["values"][0] == pytest.approx(25 * MIB, rel=1e-4)
    for what in ("fds", "threads"):
        (line,) = charts[f"target_{what}"]["lines"]
        told = [getattr(each, what) or 0 for each in watched_in(result, 0)]
        assert line["name"] == both["name"] and line["values"][0] == sum(told) > 0
    (row,) = parsed(watched_alone(result)).data["charts"]["cpu"]["lines"][2:]
    assert row["name"] == "nginx (321)" and row["values"][:3] == [93, 94, 95]


def test_a_number_that_is_none_becomes_a_gap() -> None:
    base = samples.good()
    rows = list(base.series)
    rows[4] = replace(rows[4], p50_ms=None, p99_ms=math.nan)
    lines = parsed(replace(base, series=tuple(rows))).data["charts"]["latency"]["lines"]
    assert [line["values"][4] for line in lines] == [None, None]


def test_an_hour_is_at_most_a_megabyte() -> None:
    assert 100_000 < len(html_report.render(hour()).encode()) <= 1_000_000


def shown(chromium: browser.Browser, result: Result, folder: Path) -> None:
    file = folder / "report.html"
    file.write_text(html_report.render(result), "utf-8")
    chromium.open(file)


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_chart_is_drawn_and_nothing_is_too_wide(
    chromium: browser.Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    chromium.look(width, dark=dark)
    shown(chromium, replace(samples.planned(), series=hour().series[:60]), tmp_path)
    assert complaints(chromium) == []
    assert chromium.ask("document.documentElement.scrollWidth") == width
    drawn = chromium.ask(
        "[...document.querySelectorAll('figure')].map(f => f.querySelectorAll('path, .bar').length)"
    )
    assert len(drawn) == 15 and all(drawn)
    text = "[...document.querySelectorAll('svg')].map(s => s.textContent).join(' ')"
    assert not re.search("NaN|undefined|Infinity", chromium.ask(text))
    assert chromium.ask("document.querySelector('#figures dd').textContent") == "933"
    light = chromium.ask("getComputedStyle(document.body).backgroundColor")
    assert (light == "rgb(15, 19, 24)") is dark


@needs_browser
def test_pointing_reads_a_second_and_dragging_zooms_every_chart(
    chromium: browser.Browser, tmp_path: Path
) -> None:
    result = replace(samples.good(), series=hour().series)
    chromium.look(1280, height=1200)
    shown(chromium, result, tmp_path)
    place = "(() => { const b = document.querySelector('[data-chart=rate] svg')"
    box = chromium.ask(place + ".getBoundingClientRect(); return [b.x, b.y, b.width] })()")
    x, y = box[0] + 62 + (box[2] - 62 - 12) / 2, box[1] + 60
    chromium.mouse("mouseMoved", x, y)
    at = "document.querySelector('[data-chart={}] .at').textContent"
    second = chromium.ask(at.format("rate"))
    assert re.fullmatch(r"(29m5\ds|30m\d*s?) to 30m\d+s", second)
    assert chromium.ask(at.format("cpu")) == second
    value = chromium.ask("document.querySelector('[data-chart=rate] b').textContent")
    row = min(run_charts.whole(result), key=lambda row: abs(row.t_s + row.span_s / 2 - 3601.08 / 2))
    assert int(value.replace(",", "")) == pytest.approx(row.requests / row.span_s, rel=1e-3)
    chromium.mouse("mousePressed", x, y, 1)
    chromium.mouse("mouseMoved", x + 40, y, 1)
    chromium.mouse("mouseReleased", x + 40, y)
    ticks = "document.querySelector('[data-chart={}] svg').textContent"
    for chart in ("rate", "latency", "cpu", "memory"):
        assert "31m" in chromium.ask(ticks.format(chart)), chart
    assert complaints(chromium) == []


@needs_browser
@pytest.mark.parametrize("evil", EVIL[:3])
def test_a_browser_makes_no_element_of_a_hostile_string(
    chromium: browser.Browser, tmp_path: Path, evil: str
) -> None:
    chromium.look(1280)
    shown(chromium, hostile(evil), tmp_path)
    assert complaints(chromium) == []
    foreign = "document.querySelectorAll('img, iframe, a, form, script:not([id]):not(:last-child)')"
    assert chromium.ask(foreign + ".length") == 0
    names = "[...document.querySelectorAll('[data-chart=cpu] .series')].map(b => b.textContent)"
    assert any(evil in name for name in chromium.ask(names))


@needs_browser
def test_the_policy_stops_what_is_not_ours(chromium: browser.Browser, tmp_path: Path) -> None:
    planted = html_report.render(samples.good()).replace(
        "<main>", "<main><script>window.ran = 1</script><img src='https://127.0.0.1:1/x.png'>"
    )
    file = tmp_path / "planted.html"
    file.write_text(planted)
    chromium.open(file)
    assert chromium.ask("window.ran === undefined")
    assert len([each for each in complaints(chromium) if "Log" in each["method"]]) >= 2


@needs_browser
@pytest.mark.parametrize("name", ["failing", "tls", "interrupted", "refused", "script-smoke"])
def test_a_sample_is_drawn_without_a_word(
    chromium: browser.Browser, tmp_path: Path, name: str
) -> None:
    chromium.look(1280)
    shown(chromium, ALL[name](), tmp_path)
    assert complaints(chromium) == []
