"""ensure: Artillery's metrics and conditions as thresholds of ours."""

from __future__ import annotations

import pytest

from fastbench.script.artillery import ensure_limits, yaml_tree
from fastbench.script.artillery.yaml_tree import Refusal


def limits(text: str) -> list[str]:
    return list(ensure_limits.read(yaml_tree.read(text.encode()), {}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("p99: 500", ["http_req_waiting: p(99)<500"]),
        ("{max: 9, median: '3'}", ["http_req_waiting: max<9", "http_req_waiting: med<3"]),
        ("maxErrorRate: 1", ["script_exceptions: rate<=1%"]),
        ("thresholds: [vusers.session_length.p95: 9]", ["iteration_duration: p(95)<9"]),
        ("thresholds: [http.codes.500: 1]", ["http_reqs{status:500}: count<1"]),
        (
            "thresholds: ['plugins.metrics-by-endpoint.response_time./a/b.p999': 5]",
            ['http_req_waiting{name:"/a/b"}: p(99.9)<5'],
        ),
        (
            "conditions: [{expression: http.response_time.p95 < 250 and http.request_rate >= 9}]",
            ["http_req_waiting: p(95)<250", "http_reqs: rate>=9"],
        ),
        (
            "conditions: [{expression: (vusers.failed == 0), strict: false}]",
            ["script_exceptions: count==0 [warn]"],
        ),
        (
            "conditions: [{expression: vusers.failed / vusers.created <= 0.01}]",
            ["script_exceptions count / iterations count <= 0.01"],
        ),
    ],
)
def test_limits_of_ensure_are_thresholds(text: str, found: list[str]) -> None:
    assert limits(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p97: 1", "ensure has no p97"),
        ("thresholds: [apdex.score: 1]", "ensure: apdex.score is not measured by itself here."),
        ("conditions: [{expression: vusers.failed < 1 or vusers.failed > 5}]", "`or` of the"),
        ("conditions: [{expression: 'max(vusers.failed, 3) < 1'}]", "`max` of the condition"),
        ("conditions: [{expression: vusers.failed}]", "vusers.failed of the condition"),
        ("conditions: [{strict: true}]", "a condition needs its expression"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(Refusal) as raised:
        limits(f"# a comment\n{text}")
    assert raised.value.line == 2 and str(raised.value).startswith(said)
