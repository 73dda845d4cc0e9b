"""Tags of thresholds: those that samples have by themselves, and those that nothing has."""

from __future__ import annotations

import pytest

from fastbench.engine.bridge._core import Block
from fastbench.engine.client._client import Arena
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import grammar, request_tags
from fastbench.script.api.recorder import Recorder
from fastbench.script.parent import metric_snapshot


def check(text: str, *used: str) -> None:
    (read,) = grammar.read({}, (text,), BUILT_IN)
    request_tags.check(read.metric, read.tags, read.text, lambda: used)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "http_reqs{tls_version:tls1.3}>1",
            "tls_version: http_reqs has the tags scenario, group, name, method, url",
        ),
        ("http_req_duration{vu:1}: max<1", "error and error_code, and those that the script gives"),
        ("iterations{group:::a}>1", "iterations has the tags scenario, and those that the script"),
        ("checks{status:200}>99%", "checks has the tags scenario, group and check, and those"),
        ("db_queries{ip:::1}>1", "db_queries has the tags those that the script gives"),
        ("vus{scenario:a}: max>1", "vus is counted for the whole run; leave the tags out"),
        ("http_reqs{status:2xx}>1", "a status is a number such as 200, or 0 for no response"),
        ("http_reqs{expected_response:yes}>1", "expected_response is true or false"),
        ("http_reqs{proto:h2}>1", "proto is HTTP/1.1 or HTTP/2.0"),
        ("http_reqs{error_code:404}>1", "an error_code is k6's number, such as 1404 for a 404"),
    ],
)
def test_a_tag_that_nothing_has_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        "http_reqs{status:0,error:timeout,error_code:1050}>1",
        "http_req_duration{expected_response:true,url:http://h/,method:GET,name:a}: max<1",
        "checks{check:a,group:::b,scenario:c}>99%",
        "data_sent{kind:ws}>1",
        "target_cpu{process:a}: max<5",
        "http_reqs{service:cart}>1",
        "http_reqs{proto:HTTP/2.0}>1",
        "http_reqs{team:a}>1",
        "ws_msgs_sent{url:ws://h/}>1",
    ],
)
def test_a_tag_that_something_may_have_is_none_of_it(text: str) -> None:
    check(text)


def test_a_script_may_give_any_tag_itself() -> None:
    check("http_reqs{tls_version:tls1.3}>1", "tls_version")
    check("iterations{group:a}>1", "group")


def test_an_answer_has_k6s_number_of_its_error() -> None:
    found = {
        (status, kind): request_tags.error_code(status, kind)
        for status, kind in ((200, ""), (404, ""), (0, "connect_refused"), (0, "protocol"))
    }
    assert list(found.values()) == ["", "1404", "1212", "1000"]


@pytest.mark.parametrize(
    ("limit", "observed"),
    [
        ("http_reqs{status:503}==0", 0.0),
        ("http_reqs{name:a,status:503}==0", 0.0),
        ("http_reqs{name:b,status:503}==0", None),  # it may be a slip of the pen
        ("http_reqs{error_code:1404}==0", 1.0),
        ("http_req_failed{status:503}==0", None),  # a share of nothing
    ],
)
def test_a_part_of_a_counter_that_has_samples_is_0(limit: str, observed: float | None) -> None:
    (read,) = grammar.read({}, (limit,), BUILT_IN)
    arena = Arena(1)
    writer = Recorder(
        arena.writer(0), grammar.submetrics([read]), lambda *_: None, slot=(Block(1), 0)
    )
    for status in (200, 404):
        said = {"scenario": "s", "name": "a", "status": str(status)}
        code = request_tags.error_code(status, "")
        for _, cell in writer.answered({**said, "error_code": code}):
            cell.add(1)  # type: ignore[attr-defined]
    now = metric_snapshot.Reader(arena, Block(1), {}).read(1.0, only=metric_snapshot.names([read]))
    assert now.observe(read)[0] == observed
