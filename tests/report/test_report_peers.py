"""The JSON of other tools: their fields in their units, from the same counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
import samples
import scenario_samples

from fastbench.report.export import bombardier, k6, oha, vegeta

EVERY = {**samples.ALL, **{f"scenario_{k}": v for k, v in scenario_samples.ALL.items()}}
WRITERS = {"oha": oha, "bombardier": bombardier, "vegeta": vegeta, "k6": k6}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("tool", WRITERS)
def test_every_sample_is_strict_json(tool: str, name: str) -> None:
    document = WRITERS[tool].document(EVERY[name]())
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_vegeta_counts_in_nanoseconds() -> None:
    result = samples.failing()
    found: Any = vegeta.document(result)
    s = result.summary
    assert found["requests"] == s.requests == sum(found["status_codes"].values())
    assert found["latencies"]["99th"] == result.latency.service.percentile(99.0)
    assert found["success"] == pytest.approx(s.ok / s.requests)
    assert found["duration"] == 30_000_000_000
    assert (found["earliest"], found["end"]) == (
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T12:00:30+00:00",
    )


def test_bombardier_counts_in_microseconds() -> None:
    result = samples.failing()
    found: Any = bombardier.document(result)["result"]
    classes = [found[f"req{first}xx"] for first in range(1, 6)]
    assert sum(classes) + found["others"] == result.summary.requests
    p99 = result.latency.service.percentile(99.0)
    assert found["latency"]["percentiles"]["99"] == pytest.approx(p99 / 1000)
    assert found["rps"]["max"] >= found["rps"]["percentiles"]["99"]


def test_oha_counts_in_seconds_and_says_milliseconds_where_it_does() -> None:
    result = samples.failing()
    found: Any = oha.document(result)
    p99 = result.latency.service.percentile(99.0)
    assert found["latencyPercentiles"]["p99"] == pytest.approx(p99 / 1e9)
    assert found["metrics"]["latency_ms"]["p99"] == pytest.approx(p99 / 1e6)
    assert sum(found["responseTimeHistogram"].values()) == result.latency.service.count
    assert found["summary"]["requestsPerSec"] == result.summary.requests_per_s


def test_k6_has_the_metrics_of_a_script_and_its_checks_in_groups() -> None:
    result = scenario_samples.messages()
    found: Any = k6.document(result)
    assert found["metrics"]["http_req_duration"]["thresholds"] == {"p(95)<500": {"ok": True}}
    root = found["root_group"]
    assert [(c["name"], c["passes"], c["fails"]) for c in root["checks"]] == [
        ("status is 201", 259_488, 412)
    ]
    (message,) = root["groups"]
    (answer,) = message["groups"]
    assert (message["path"], answer["path"]) == ("::message", "::message::answer")
    assert answer["checks"][0]["path"] == "::message::answer::has an id"
    assert root["id"] == "d41d8cd98f00b204e9800998ecf8427e"  # as k6 names its root


def test_k6_of_a_plain_run_has_what_was_measured() -> None:
    result = samples.failing()
    found: Any = k6.document(result)["metrics"]
    s = result.summary
    assert found["http_reqs"]["values"]["count"] == s.requests
    assert found["http_req_failed"]["values"]["passes"] == s.failed + s.timeouts
    p95 = result.latency.service.percentile(95.0)
    assert found["http_req_duration"]["values"]["p(95)"] == pytest.approx(p95 / 1e6)
    assert "vus" not in found
