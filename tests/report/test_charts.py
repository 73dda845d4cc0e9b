"""What the charts of a page are drawn from: it is what the document says, second by second."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import part_samples
import pytest
import samples
import scenario_samples
from html_pages import read
from hypothesis import given
from hypothesis import strategies as st
from shapes import series

from fastbench.report.html import html_page, html_report
from fastbench.report.html.charts import chart, error_charts, run_charts
from fastbench.report.html.charts.chart import Chart
from fastbench.results.json_codec import parsed
from fastbench.results.result import Result

CSS = Path(str(html_page.__file__)).parent


def charts(result: Result) -> dict[str, Chart]:
    return {each.name: each for each in run_charts.charts(result)}


def values(found: Chart, name: str) -> list[Any]:
    return next(list(line["values"]) for line in found.lines if line["name"] == name)


def test_a_second_without_requests_is_a_rate_of_zero_and_a_break_in_latency() -> None:
    found = charts(part_samples.urls())
    assert values(found["rate"], "reached")[7] == 0
    for name in ("p50", "p95", "p99"):
        column = values(found["latency"], name)
        assert column[7] is None and None not in column[:7] + column[8:]


def test_percentiles_are_those_of_the_rows() -> None:
    result = part_samples.urls()
    latency = charts(result)["latency"]
    for name in ("p50", "p95", "p99"):
        assert values(latency, name) == [getattr(row, f"{name}_ms") for row in result.series]


def test_errors_are_told_by_cause_and_add_up() -> None:
    result = part_samples.urls()
    errors = charts(result)["errors"]
    assert errors.stacked
    names = [line["name"] for line in errors.lines]
    assert names[0] == "status 503", "the most frequent stands below"
    assert set(names) == {"status 503", "status 429", "timeouts", "connection reset"}
    for at, row in enumerate(result.series):
        told = sum(line["values"][at] for line in errors.lines)
        assert told == row.failed + row.timeouts, at


def test_a_status_that_was_expected_is_no_failure() -> None:
    rows = tuple(
        replace(row, failed=3, timeouts=0, errors={}, statuses={"404": 500, "200": 10})
        for row in part_samples.rows()
    )
    errors = charts(replace(part_samples.urls(), series=rows))["errors"]
    assert [line["name"] for line in errors.lines] == ["not as expected"]


def test_causes_beyond_the_colours_are_one_line() -> None:
    kinds = [f"{name}_{at}" for at, name in enumerate(["kind"] * 12)]
    rows = tuple(
        replace(row, failed=0, statuses={}, errors={kind: at + 1 for at, kind in enumerate(kinds)})
        for row in part_samples.rows()
    )
    errors = charts(replace(part_samples.urls(), series=rows))["errors"]
    assert len(errors.lines) == 8 and errors.lines[-1]["name"] == "others"
    assert len({line["color"] for line in errors.lines}) == 8
    assert sum(line["values"][5] for line in errors.lines[:-1]) == sum(range(6, 13))


def test_answers_are_told_by_status_where_there_are_several() -> None:
    result = part_samples.urls()
    found = charts(result)["statuses"]
    assert [line["name"] for line in found.lines] == ["200", "429", "503"]
    assert values(found, "503") == [row.statuses.get("503", 0) for row in result.series]
    assert len({line["color"] for line in found.lines}) == 3
    alone = tuple(replace(row, statuses={"200": row.ok}) for row in result.series)
    assert "statuses" not in charts(replace(result, series=alone))


def test_users_stand_beside_those_that_were_asked_for() -> None:
    users = charts(part_samples.script())["vus"]
    asked, active = values(users, "asked"), values(users, "active")
    assert asked[:5] == [2, 4, 6, 8, 10] and asked[5:15] == [10] * 10
    assert asked[15:] == [8, 6, 4, 2, 0]
    assert active == [*asked[:-1], 0]


def test_connections_stand_beside_those_that_were_asked_for() -> None:
    connections = charts(part_samples.urls())["connections"]
    assert values(connections, "asked") == values(connections, "open") == [20] * 20


def test_iterations_stand_beside_the_rate_of_one_scenario() -> None:
    base = part_samples.script()
    asked = {"executor": "constant-arrival-rate", "rate": 120.0, "time_unit_s": 60.0}
    config = {**base.config, "scenarios": [{**asked, "duration_s": 20.0}]}
    found = charts(replace(base, stages=(), config=config))
    assert values(found["iterations"], "asked") == [2] * 20
    assert [line["name"] for line in found["vus"].lines] == ["active"]


def limits(found: Chart) -> list[tuple[str, str, float | None]]:
    return [(each.text, each.kind, each.value) for each in found.limits]


def test_thresholds_are_lines_of_the_charts_that_they_are_about() -> None:
    found = charts(part_samples.urls())
    assert limits(found["latency"]) == [("p95<50ms", "good", 50), ("p99<20ms", "bad", 20)]
    (errors,) = found["errors"].limits
    rows = part_samples.rows()
    assert errors.values == tuple(0.01 * row.requests for row in rows) and errors.kind == "bad"
    assert found["rate"].limits == ()


def test_a_threshold_of_a_stage_is_a_line_as_long_as_that() -> None:
    (line,) = charts(part_samples.script())["latency"].limits
    assert line.plain()["during"] == [5, 15]


@pytest.mark.parametrize(
    ("text", "chart_of"),
    [
        ("rps>=100", "rate"),
        ("http_reqs: rate>100", "rate"),
        ("max<1s", "latency"),
        ("http_req_failed: rate<0.1", "errors"),
        ("http_req_duration: p(95)<200 [last=30s]", ""),
        ("checks: rate>0.9", ""),
        ("p99>5ms", ""),
        ("somebody's own text", ""),
    ],
)
def test_what_has_no_line_stands_in_the_table_alone(text: str, chart_of: str) -> None:
    found = charts(replace(part_samples.urls(), thresholds={text: part_samples.HELD}))
    assert [name for name, each in found.items() if each.limits] == ([chart_of] if chart_of else [])


def data(result: Result) -> dict[str, Any]:
    return dict(read(html_report.render(result)).data)


@pytest.mark.parametrize("made", [part_samples.urls, part_samples.script])
def test_the_selector_has_what_the_document_has(made: Any) -> None:
    result = Result.from_document(parsed(json.dumps(made().to_document()).encode()))
    told = data(result)["parts"]
    document = result.to_document()["part_series"]
    assert isinstance(document, dict)
    assert (told["start"], told["span"]) == (document["t_s"], document["span_s"])
    for shown, kept in zip(told["parts"], document["parts"], strict=True):
        assert shown["ended"] == kept["ended"] and shown["failed"] == kept["failed"]
        for name in ("p50", "p95", "p99"):
            assert shown[name] == [
                each and pytest.approx(each, rel=1e-3) for each in kept[f"{name}_ms"]
            ]
    places = [at for _, each in told["groups"] for at in each]
    assert sorted(places) == list(range(len(document["parts"])))


def test_parts_are_grouped_by_what_they_are() -> None:
    urls, script = data(part_samples.urls())["parts"], data(part_samples.script())["parts"]
    assert urls["groups"] == [["URLs", [0, 1]]] and urls["all"] == "All requests"
    assert [title for title, _ in script["groups"]] == ["Requests", "Operations", "Scenarios"]
    assert [each["name"] for each in urls["parts"]] == ["GET /a", "GET /b?x=1"]


def test_a_part_has_the_thresholds_that_are_about_it() -> None:
    urls = data(part_samples.urls())["parts"]["parts"]
    assert [each["text"] for each in urls[0]["limits"]["latency"]] == ["p(99)<90"]
    assert "limits" not in urls[1]
    script = data(part_samples.script())["parts"]["parts"]
    assert [bool(each.get("limits")) for each in script] == [False, False, False, True]


def test_a_run_of_one_thing_has_no_selector() -> None:
    assert "parts" not in data(samples.good())
    assert "parts" not in data(scenario_samples.smoke())


@given(st.lists(st.sampled_from((0.2, 0.4, 1.0, 1.002)), min_size=1, max_size=40))
def test_rows_reach_from_the_start_line_to_the_end(spans: list[float]) -> None:
    begin, rows = 0.0, []
    for row, span in zip(series(len(spans), 100), spans, strict=True):
        rows.append(replace(row, t_s=round(begin, 3), span_s=span))
        begin += span
    found = run_charts.whole(replace(samples.good(), series=tuple(rows)))
    assert found[0].t_s == 0 and found[-1].t_s + found[-1].span_s == pytest.approx(begin)
    assert all(a.t_s + a.span_s == pytest.approx(b.t_s) for a, b in pairwise(found))
    assert sum(row.requests for row in found) == sum(row.requests for row in rows)
    assert len(rows) - 1 <= len(found) <= len(rows)


@pytest.mark.parametrize("count", [1799, 1800, 1801, 3599, 3600])
def test_rows_of_a_long_run_are_joined(count: int) -> None:
    rows = series(count, 100)
    found = run_charts.whole(replace(samples.good(), series=tuple(rows)))
    assert len(found) == (count if count <= 1800 else -(-count // 2))
    assert sum(row.requests for row in found) == sum(row.requests for row in rows)


def test_the_levels_of_the_last_moment_are_those_before_the_end() -> None:
    rows = [*part_samples.script().series]
    rows[-1] = replace(rows[-1], span_s=0.3, vus=1, connections=2)
    last = run_charts.whole(replace(part_samples.script(), series=tuple(rows)))[-1]
    assert (last.vus, last.connections) == (rows[-2].vus, 20)


# Style.


def palette(*, dark: bool) -> dict[str, tuple[int, int, int]]:
    """Return the colours of lines in a theme, and of what they lie on, as 0 to 255."""
    light, theme = html_page.own("page.css").partition("@media print")[0].split("@media", 1)
    found = re.findall(r"--(c\d|card): #([0-9a-f]{6})", light)
    found += re.findall(r"--(c\d|card): #([0-9a-f]{6})", theme) if dark else []
    return {name: (int(of[:2], 16), int(of[2:4], 16), int(of[4:], 16)) for name, of in found}


def linear(color: tuple[int, int, int]) -> list[float]:
    shares = [part / 255 for part in color]
    return [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    bright = sorted(
        sum(w * each for w, each in zip((0.2126, 0.7152, 0.0722), linear(color), strict=True))
        for color in (one, other)
    )
    return (bright[1] + 0.05) / (bright[0] + 0.05)


# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
SEEN_BY = {
    "everybody": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(color: tuple[int, int, int], who: str) -> list[float]:
    """Return a colour in CIE L*a*b* (D65), as it is seen."""
    rgb = linear(color)
    seen = [
        min(1.0, max(0.0, sum(w * each for w, each in zip(row, rgb, strict=True))))
        for row in SEEN_BY[who]
    ]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    xyz = [
        sum(w * each for w, each in zip(row, seen, strict=True)) / whole
        for row, whole in zip(to_xyz, white, strict=True)
    ]
    x, y, z = (each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in xyz)
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


TOGETHER = (  # colours of lines that are told apart by nothing else
    *combinations(("c0", "c1", "c3"), 2),  # percentiles; histograms
    *((f"c{one}", f"c{other}") for one, other in pairwise(error_charts.COLORS)),
    *(("c0", f"c{each[0]}") for first, each in error_charts.OF_STATUSES.items() if first != "2"),
    *(("c1", "c3"), ("c2", "c1")),  # answers of 4xx and 5xx, of 3xx and 4xx
    ("c0", "c5"),  # client and host
    ("c1", "c5"),
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("who", SEEN_BY)
def test_colours_that_meet_in_a_chart_can_be_told_apart(who: str, dark: bool) -> None:
    colors = palette(dark=dark)
    for one, other in TOGETHER:
        pair = zip(lab(colors[one], who), lab(colors[other], who), strict=True)
        distance = sum((a - b) ** 2 for a, b in pair) ** 0.5
        assert distance >= 15, (one, other, round(distance, 1))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_lines_stand_out_from_the_page(dark: bool) -> None:
    colors = palette(dark=dark)
    card = colors.pop("card")
    assert set(colors) == {f"c{number}" for number in range(8)}
    assert {
        name: round(contrast(card, each), 2)
        for name, each in colors.items()
        if contrast(card, each) < 3
    } == {}


def test_no_type_is_smaller_than_12_pixels() -> None:
    text = html_page.own("page.css").partition("@media print")[0] + chart.charts_style()
    sizes = [float(each) for each in re.findall(r"font(?:-size)?:[^;]*?([\d.]+)px", text)]
    assert len(sizes) > 5 and min(sizes) >= 12
