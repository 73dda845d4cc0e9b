"""What a page calls its figures: gauges of the machine have units, charts what was timed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples
import scenario_samples

from fastbench.report import own_metrics
from fastbench.report.html import html_report
from fastbench.results.metric_values import Metric

VALUES = {"value": 50.0, "min": 25.0, "max": 100.0}


@pytest.mark.parametrize(
    ("name", "contains", "told"),
    [
        ("host_cpu", "default", "50% (min 25%, max 100%)"),
        ("target_cpu{process:app}", "default", "50% (min 25%, max 100%)"),
        ("host_network{direction:in}", "data", "50B/s (min 25B/s, max 100B/s)"),
        ("host_memory", "data", "50B (min 25B, max 100B)"),
        ("vus", "default", "50 (min 25, max 100)"),
    ],
)
def test_a_gauge_of_the_machine_has_its_unit(name: str, contains: str, told: str) -> None:
    metric = Metric("gauge", contains, VALUES)
    assert own_metrics.summary(metric, own_metrics.unit(name)) == told
    result = replace(scenario_samples.messages(), metrics={name: metric})
    assert told in html_report.render(result)


def test_a_distribution_is_of_what_was_timed() -> None:
    whole = html_report.render(scenario_samples.timed())
    assert "operations by latency" in whole and "requests by latency" not in whole
    assert "requests by latency" in html_report.render(samples.good())
