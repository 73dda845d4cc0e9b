"""k6's summary to the letter: our text of k6's own data is the text that k6 printed beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from k6_peer import data_and_text
from scenario_samples import mixed

from fastbench.report.export import k6
from fastbench.results import k6_text
from fastbench.results.k6_text import Style, shown

SCRIPT = """
import { check, group } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const hits = new Counter('hits'), level = new Gauge('level'), good = new Rate('good');
const size = new Trend('size'), took = new Trend('took', true), never = new Trend('never');
export const options = {
  iterations: 6, STYLE
  thresholds: {
    hits: ['count > 3'], iterations: ['rate<1e9'], good: ['rate>0.99'], took: ['p(95)<2000'],
    'checks{part:one}': ['rate==1'], checks: ['rate>0.5'], never: ['avg<1'],
    'took{kind:a}': ['max>=0'],
  },
};
export default function () {
  check(null, { 'is fine': true }, { part: 'one' });
  group('outer', () => {
    check(null, { 'fails sometimes': () => __ITER > 1, 'ok always': true });
    group('inner', () => check(null, { deep: false }));
  });
  hits.add(2); level.add(__ITER); good.add(__ITER % 2); size.add(__ITER * 1.5);
  took.add(61234.5 * __ITER, { kind: 'a' }); took.add(0.00034); took.add(0.5);
}
export function handleSummary(data) { console.log('DATA' + JSON.stringify(data)); }
"""
COUNT, TIME = {"type": "counter", "contains": "default"}, {"type": "trend", "contains": "time"}
BYTES = {"type": "counter", "contains": "data"}


def style(data: dict[str, Any]) -> Style:
    return Style(data["options"]["summaryTrendStats"], data["options"]["summaryTimeUnit"] or "")


@pytest.mark.parametrize(
    "options",
    [
        "",
        "summaryTrendStats: ['min', 'p(99.9)', 'count', 'avg', 'max', 'p(95)'],",
        "summaryTimeUnit: 's', summaryTrendStats: ['avg', 'p(95)', 'max'],",
    ],
)
@pytest.mark.parametrize("mode", ["compact", "legacy"])
def test_our_text_of_the_data_of_k6_is_that_of_k6(tmp_path: Path, options: str, mode: str) -> None:
    path = tmp_path / "script.js"
    text = SCRIPT.replace("STYLE", options)
    if not options:  # k6 has no value of a column that is not shown
        text = text.replace("'max>=0'", "'avg>=0'")
    path.write_text(text)
    data, printed = data_and_text(path, "--summary-mode", mode)
    if mode == "legacy":
        assert f"\n{k6_text.legacy(data, style(data))}\n\n" == printed
        return
    order = ["is fine", "fails sometimes", "ok always", "deep"]
    checks = {each["name"]: each for each in k6_text._checks_of(data["root_group"])}
    assert k6_text.compact(data, style(data), [checks[name] for name in order]) == printed


@pytest.mark.parametrize(
    ("value", "metric", "unit", "text"),
    [
        (0.00034, TIME, "", "340ns"),
        (0.5, TIME, "", "500µs"),
        (12.349, TIME, "", "12.34ms"),
        (1234.5, TIME, "", "1.23s"),
        (61_999, TIME, "", "1m1s"),
        (3_723_456, TIME, "", "1h2m3s"),
        (1234.5, TIME, "s", "1.23s"),
        (1.5, TIME, "us", "1500.00µs"),
        (5, BYTES, "", "5 B"),
        (1234, BYTES, "", "1.2 kB"),
        (45_600_000, BYTES, "", "46 MB"),
        (2 / 3, COUNT, "", "0.666667"),
        (1e7, COUNT, "", "10000000"),
        (0.99999, {"type": "rate", "contains": "default"}, "", "99.99%"),
    ],
)
def test_values_are_written_as_k6_writes_them(
    value: float, metric: dict[str, Any], unit: str, text: str
) -> None:
    assert shown(value, metric, unit) == text


def test_colours_are_around_words_and_change_no_column() -> None:
    data = json.loads(json.dumps(k6.data(mixed(), k6.SummaryForm())))
    plain, coloured = k6_text.legacy(data, Style()), k6_text.legacy(data, Style(colors=True))
    assert "\x1b[31m" in coloured and "\x1b[36;2m" in coloured
    for code in ("32", "31", "36", "2", "36;2", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


def test_the_file_of_summary_export_says_which_thresholds_failed() -> None:
    data = k6.data(mixed(), k6.SummaryForm(("avg", "p(50)", "count")))
    found = json.loads(k6.exported(data))
    assert set(found) == {"root_group", "metrics"}
    judged = {
        name: metric["thresholds"]
        for name, metric in found["metrics"].items()
        if "thresholds" in metric
    }
    assert judged and all(
        failed is not data["metrics"][name]["thresholds"][source]["ok"]
        for name, each in judged.items()
        for source, failed in each.items()
    )
    assert set(found["metrics"]["http_req_duration"]) >= {"avg", "p(50)", "count"}
    assert "value" in found["metrics"]["checks"] and "rate" not in found["metrics"]["checks"]
    assert "script_exceptions" not in found["metrics"]
